#!/usr/bin/env bash
# What the scripts beside this file share. Sourced, never run.
#
# The rules they keep: say what will be done and why before doing it; look at the state instead of
# remembering it, so that a second run, or one after a failure, does only what is left; change nothing
# with --dry-run; and let every failure name its layer and the next command.

# shellcheck disable=SC2034  # the constants are for the scripts that source this file

DEPLOY="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
readonly DEPLOY

# Pinned versions, one place. The GPU operator 1.5 is validated on Kubernetes 1.29 to 1.36.
readonly KUBERNETES_VERSION_DEFAULT="1.34"
readonly KUBERNETES_VERSION_MIN="1.30" # the oldest whose schemas the manifests are held to
readonly KUBERNETES_VERSION_MAX="1.36"
readonly CALICO_VERSION="v3.30.3"
readonly HELM_VERSION="v3.19.0"
readonly CERT_MANAGER_VERSION="v1.21.1"
readonly GPU_OPERATOR_VERSION="v1.5.1"
readonly METALLB_VERSION="v0.16.1"
readonly MODEL_FOLDER="/mnt/data/ai-models"
readonly SERVER_UID=65532

# Tests put a fake file tree and short waits here; empty on a real machine.
HOST_ROOT="${ROPEWAY_SCRIPTS_ROOT:-}"
WAIT_SECONDS="${ROPEWAY_SCRIPTS_WAIT:-600}"
POLL_SECONDS="${ROPEWAY_SCRIPTS_POLL:-5}"

DRY_RUN=0
ASSUME_YES=0

# sudo's root has no kubeconfig of its own: the cluster's, if it is this machine's, else that of the user.
use_kubeconfig() {
  local file home
  home="$(getent passwd "${SUDO_USER:-root}" | cut -d : -f 6 || true)"
  for file in "${HOME:-/root}/.kube/config" /etc/kubernetes/admin.conf "$home/.kube/config"; do
    if [[ -r "$HOST_ROOT$file" ]]; then
      export KUBECONFIG="$HOST_ROOT$file"
      return 0
    fi
  done
}
[[ -n "${KUBECONFIG:-}" ]] || use_kubeconfig

# Exit codes, by layer: 2 usage, 10 host, 11 gpu, 12 network, 13 storage, 14 runtime, 15 cluster.
layer_code() {
  case "$1" in
    host) echo 10 ;; gpu) echo 11 ;; network) echo 12 ;; storage) echo 13 ;; runtime) echo 14 ;; *) echo 15 ;;
  esac
}

say() { printf '%s\n' "$*"; }
why() { printf '   why: %s\n' "$*"; }

# step LAYER NEXT TITLE begins a step; if a command of it fails, LAYER and NEXT are reported.
step() {
  LAYER="$1"
  NEXT="$2"
  printf '\n== %s\n' "$3"
}
LAYER=host
NEXT="read the message above"

# fail MESSAGE [NEXT] ends the script with the current layer's exit code.
fail() {
  trap - ERR
  printf '\nerror [layer: %s]: %s\n' "$LAYER" "$1" >&2
  printf 'next: %s\n' "${2:-$NEXT}" >&2
  exit "$(layer_code "$LAYER")"
}

# shellcheck disable=SC2154  # `code` is set by the trap's own command
set_error_trap() {
  set -E
  trap 'code=$?; trap - ERR; printf "\nerror [layer: %s]: a command failed with code %s: %s\nnext: %s\n" "$LAYER" "$code" "$BASH_COMMAND" "$NEXT" >&2; exit "$(layer_code "$LAYER")"' ERR
}

usage_error() {
  printf 'error: %s\nnext: %s --help\n' "$1" "$0" >&2
  exit 2
}

# run COMMAND... announces and runs a command that changes something.
run() {
  if ((DRY_RUN)); then
    printf '   would run: %s\n' "$*"
    return 0
  fi
  printf '   run: %s\n' "$*"
  "$@"
}

# apply_text WHAT < manifest applies a manifest from standard input.
apply_text() {
  local text
  text="$(cat)"
  if ((DRY_RUN)); then
    printf '   would apply %s:\n' "$1"
    printf '%s\n' "$text" | sed 's/^/     /'
    return 0
  fi
  printf '   apply: %s\n' "$1"
  kubectl apply --server-side --force-conflicts --field-manager=ropeway-scripts -f - <<<"$text"
}

# write_file PATH < content writes a file if its content differs; true if it was (or would be) changed.
write_file() {
  local path="$HOST_ROOT$1" text
  text="$(cat)"
  if [[ -f "$path" && "$(cat "$path")" == "$text" ]]; then
    say "   unchanged: $1"
    return 1
  fi
  if ((DRY_RUN)); then
    say "   would write: $1"
    return 0
  fi
  say "   write: $1"
  mkdir -p "$(dirname "$path")"
  printf '%s\n' "$text" >"$path"
}

# write_then PATH COMMAND... < content writes a file and runs the command that makes it count, if the file
# was changed, or if an earlier run ended between the two: a mark beside the file tells.
write_then() {
  local path="$1" mark="$HOST_ROOT$1.not-yet-applied"
  shift
  if write_file "$path"; then
    ((DRY_RUN)) || touch "$mark"
  elif [[ ! -e "$mark" ]]; then
    return 0
  fi
  run "$@"
  ((DRY_RUN)) || rm -f "$mark"
}

# confirm asks once, after the plan was printed.
confirm() {
  ((DRY_RUN || ASSUME_YES)) && return 0
  [[ -t 0 ]] || usage_error "this changes the system; give --yes to agree, or --dry-run to see more"
  local answer
  read -r -p "Go on? [y/N] " answer
  [[ "$answer" == [yY]* ]] || {
    say "Nothing was changed."
    exit 0
  }
}

# wait_for WHAT COMMAND... polls until the command succeeds; false after WAIT_SECONDS.
wait_for() {
  local what="$1" deadline=$((SECONDS + WAIT_SECONDS))
  shift
  if ((DRY_RUN)); then
    say "   would wait for: $what"
    return 0
  fi
  say "   waiting for: $what (up to $WAIT_SECONDS s)"
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < deadline)) || return 1
    sleep "$POLL_SECONDS"
  done
}

require_root() {
  (($(id -u) == 0)) || ((DRY_RUN)) || fail "this must run as root" "sudo $0 $*"
}

require_command() { # COMMAND NEXT
  command -v "$1" >/dev/null || fail "$1 is not installed" "$2"
}

# version_in VERSION MIN MAX compares major.minor as numbers.
version_in() {
  local version="${1#v}" lowest highest
  lowest="$(printf '%s\n%s\n' "$version" "$2" | sort -V | head -n 1)"
  highest="$(printf '%s\n%s\n' "$version" "$3" | sort -V | tail -n 1)"
  [[ "$version" =~ ^[0-9]+\.[0-9]+$ && ("$lowest" == "$2") && ("$highest" == "$3") ]]
}

# The cluster's version as major.minor; empty if it does not answer.
server_version() {
  { kubectl version -o json 2>/dev/null || true; } | tr -d ' \n' |
    sed -n 's/.*"serverVersion":{[^}]*"gitVersion":"v\([0-9]*\.[0-9]*\)[^"]*".*/\1/p'
}

require_cluster() {
  require_command kubectl "$DEPLOY/scripts/install-kubernetes.sh"
  local version
  version="$(server_version)"
  [[ -n "$version" ]] || fail "no cluster answers kubectl" "kubectl cluster-info; for a new cluster: $DEPLOY/scripts/install-kubernetes.sh"
  version_in "$version" "$KUBERNETES_VERSION_MIN" "$KUBERNETES_VERSION_MAX" ||
    fail "the cluster is Kubernetes $version; $KUBERNETES_VERSION_MIN to $KUBERNETES_VERSION_MAX work" "upgrade the cluster"
  say "   cluster: Kubernetes $version"
}

# Kubeadm labels control planes with this, and MetalLB announces no address from a node that has it.
readonly EXCLUDE_LABEL="node.kubernetes.io/exclude-from-external-load-balancers"
no_node_announces() {
  local all excluded
  all="$(kubectl get nodes -o name 2>/dev/null | wc -l)"
  excluded="$(kubectl get nodes -l "$EXCLUDE_LABEL" -o name 2>/dev/null | wc -l)"
  ((excluded > 0 && excluded == all))
}

# Sum of a resource over the nodes that offer it.
allocatable() {
  local total=0 number
  for number in $(kubectl get nodes -o "jsonpath={.items[*].status.allocatable['${1//./\\.}']}" 2>/dev/null); do
    [[ "$number" =~ ^[0-9]+$ ]] && total=$((total + number))
  done
  echo "$total"
}

has_resource() { (($(allocatable "$1") > 0)); }

# common_option OPTION handles what all scripts understand; false if it is another option.
common_option() {
  case "$1" in
    --dry-run) DRY_RUN=1 ;;
    --yes) ASSUME_YES=1 ;;
    -h | --help)
      sed -n '2,/^set -/{/^set -/d;s/^# \{0,1\}//p}' "$0"
      exit 0
      ;;
    *) return 1 ;;
  esac
}
