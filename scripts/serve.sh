#!/usr/bin/env bash
# Serves a model on http://127.0.0.1:8000, from a fresh machine on: sets up what is missing, builds
# and starts Ropeway. Without a model of your own it serves SmolLM2-135M-Instruct.
#
#   scripts/serve.sh [MODEL] [options of `ropeway serve`]
set -euo pipefail
# shellcheck source=scripts/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

setup_build
if (($#)) && [[ "$1" != -* ]]; then
  model=("$1")
  shift
else
  install_packages python3:python3
  fetch_model
  model=("$MODEL_FILE" --served-model-name SmolLM2-135M-Instruct)
fi
program="${CARGO_TARGET_DIR:-$ROOT/target}/release/ropeway"
build=(cargo build --release --locked --manifest-path "$ROOT/Cargo.toml" --package ropeway)
if [[ -x "$program" ]]; then
  build+=(--quiet)
else
  say "building, which takes some minutes the first time"
fi
"${build[@]}"
exec "$program" serve "${model[@]}" "$@"
