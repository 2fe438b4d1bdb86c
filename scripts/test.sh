#!/usr/bin/env bash
# Everything that CI checks: formatting, clippy, house rules, scripts, and every test. Sets up what
# is missing first. Runs all stages even if one fails, and ends with a summary.
set -euo pipefail
# shellcheck source=scripts/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

setup_build
install_packages python3:python3 shellcheck:shellcheck
setup_gpu_toolchain
fetch_model
setup_test_python
setup_deploy_tools
export ROPEWAY_TEST_MODEL="$MODEL_FILE" ROPEWAY_TEST_PYTHON="$TEST_PYTHON"
export ROPEWAY_TEST_KUBECTL="$KUBECTL" ROPEWAY_TEST_KUBERNETES_SCHEMAS="$KUBERNETES_SCHEMAS"
export ROPEWAY_TEST_HELM="$HELM"
cd "$ROOT"

summary=()
failed=0
# stage NAME COMMAND... runs a stage and notes how it went.
stage() {
  local name="$1" start=$SECONDS outcome=passed
  shift
  printf '\n== %s\n' "$name"
  "$@" || {
    outcome=FAILED
    failed=1
  }
  summary+=("$(printf '%-12s %-6s %5d s' "$name" "$outcome" $((SECONDS - start)))")
}

stage formatting cargo fmt --all --check
stage scripts shellcheck --external-sources scripts/*.sh deploy/*/*.sh .ci/run
stage bats bats tests/deploy_scripts
stage tidy cargo xtask tidy
stage clippy cargo clippy --workspace --all-targets --locked --quiet -- -D warnings
# shellcheck disable=SC2317  # called by name
image() {
  "$HADOLINT" deploy/image/Containerfile* && cargo build --locked --quiet && deploy/image/test.sh target/debug/ropeway "$MODEL_FILE"
}
stage image image
# A build without kernels says so, lists devices, and refuses a GPU with the way out. In the same target
# folder: only `hip` and what stands on it is built twice.
# shellcheck disable=SC2317  # called by name
cpu_only() {
  local told
  ROPEWAY_KERNELS=none cargo build --locked --quiet --bin ropeway || return 1
  told="$(target/debug/ropeway --version)"
  [[ "$told" == *"backends: cpu"$'\n'"kernels: none (CPU only)"* ]] || { echo "$told" && return 1; }
  target/debug/ropeway inspect "$MODEL_FILE" --device auto >/dev/null || return 1
  if told="$(target/debug/ropeway inspect "$MODEL_FILE" --device hip 2>&1)"; then
    echo "a GPU is taken without kernels" && return 1
  fi
  [[ "$told" == *"built with ROPEWAY_KERNELS=none"* ]] || { echo "$told" && return 1; }
}
stage cpu-only cpu_only
# Last, so that the output ends with the tests' own lines.
stage tests cargo test --workspace --locked --no-fail-fast

printf '\n== summary, %d s\n' "$SECONDS"
printf '%s\n' "${summary[@]}"
exit "$failed"
