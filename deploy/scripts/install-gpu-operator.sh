#!/usr/bin/env bash
# Makes amd.com/gpu a resource of the cluster: Helm, cert-manager, AMD's GPU operator, its
# DeviceConfig, and the folder for models on this node.
#
#   sudo install-gpu-operator.sh [--models-on-node NAME] [--dry-run] [--yes]
#
# Root is for /usr/local/bin/helm and the folder; the kubeconfig is root's, the cluster's, or your own.
# May be run again at any time. --models-on-node labels the node that has the folder with the models
# (default: the only node, if there is one).
set -euo pipefail
# shellcheck source=deploy/scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

model_node=""
options="$*"
while (($#)); do
  case "$1" in
    --models-on-node)
      model_node="${2:-}"
      shift
      ;;
    *) common_option "$1" || usage_error "unknown option $1" ;;
  esac
  shift
done
set_error_trap
require_root "$options"

helm_binary() {
  step host "https://helm.sh/docs/intro/install" "Helm $HELM_VERSION"
  if command -v helm >/dev/null; then
    say "   already here: $(helm version --short 2>/dev/null)"
    return 0
  fi
  local folder url="https://get.helm.sh/helm-$HELM_VERSION-linux-amd64.tar.gz"
  why "operators are published as charts; the archive is checked against its published SHA-256, no script is piped into a shell"
  if ((DRY_RUN)); then
    say "   would fetch $url, check it and install /usr/local/bin/helm"
    return 0
  fi
  folder="$(mktemp -d)"
  # shellcheck disable=SC2064  # the folder of now
  trap "rm -rf '$folder'" EXIT
  run curl -fsSL "$url" -o "$folder/helm-$HELM_VERSION-linux-amd64.tar.gz"
  run curl -fsSL "$url.sha256sum" -o "$folder/sum"
  run env -C "$folder" sha256sum --check --quiet sum
  run tar -C "$folder" -xzf "$folder/helm-$HELM_VERSION-linux-amd64.tar.gz"
  run install -m 0755 "$folder/linux-amd64/helm" "$HOST_ROOT/usr/local/bin/helm"
}

# release NAME NAMESPACE VERSION: true if Helm has deployed exactly this.
released() {
  helm list --namespace "$2" --filter "^$1\$" --deployed 2>/dev/null | grep -- "-$3[[:space:]]" >/dev/null
}

# unfinished NAME NAMESPACE takes back what a run that was cut off had begun: Helm refuses everything while
# such an operation stands.
unfinished() {
  local state
  state="$(helm list --namespace "$2" --filter "^$1\$" --pending 2>/dev/null | grep -o 'pending-[a-z]*' | head -n 1 || true)"
  case "$state" in
    "") ;;
    pending-install)
      why "an earlier installation of $1 was cut off; Helm does nothing until it is taken back"
      run helm uninstall "$1" --namespace "$2" --wait
      ;;
    *)
      why "an earlier change of $1 was cut off ($state); Helm does nothing until it is taken back"
      run helm rollback "$1" --namespace "$2" --wait
      ;;
  esac
}

# chart NAME NAMESPACE CHART URL VERSION [SETTING...]
chart() {
  local name="$1" namespace="$2" chart="$3" url="$4" version="$5" settings=() setting
  shift 5
  if released "$name" "$namespace" "$version"; then
    say "   already here: $name $version"
    return 0
  fi
  unfinished "$name" "$namespace"
  for setting in "$@"; do settings+=(--set "$setting"); done
  run helm upgrade --install "$name" "$chart" --repo "$url" --version "$version" \
    --namespace "$namespace" --create-namespace --wait --timeout "${WAIT_SECONDS}s" "${settings[@]}"
}

device_config() {
  step gpu "kubectl describe deviceconfig ropeway -n kube-amd-gpu" "DeviceConfig"
  why "written out in full: an empty one lets the operator build a kernel driver over the one that is loaded, on nodes left to chance"
  local other
  other="$(kubectl get deviceconfigs -n kube-amd-gpu -o 'jsonpath={.items[*].metadata.name}' 2>/dev/null || true)"
  for other in $other; do
    [[ "$other" == ropeway ]] || fail "there is another DeviceConfig, $other; two fight over the same nodes" "kubectl delete deviceconfig $other -n kube-amd-gpu, then run this again"
  done
  apply_text "DeviceConfig/ropeway" <"$DEPLOY/components/gpu-operator/deviceconfig.yaml"
}

model_storage() {
  step storage "ls -ldn $MODEL_FOLDER" "Folder for models: $MODEL_FOLDER"
  why "the server reads it read-only as user $SERVER_UID; nothing is downloaded when it starts"
  if [[ -z "$model_node" ]]; then
    local names
    read -r -a names <<<"$(kubectl get nodes -o 'jsonpath={.items[*].metadata.name}')"
    ((${#names[@]} == 1)) || {
      say "   ${#names[@]} nodes: no folder is set up; use components/storage-cache, or name one with --models-on-node"
      return 0
    }
    model_node="${names[0]}"
  fi
  if [[ "$(hostname)" != "$model_node" ]]; then
    say "   on $model_node, run: install -d -m 0755 -o $SERVER_UID -g $SERVER_UID $MODEL_FOLDER"
  elif [[ -d "$HOST_ROOT$MODEL_FOLDER" ]]; then
    say "   already here: $MODEL_FOLDER"
  else
    run install -d -m 0755 -o "$SERVER_UID" -g "$SERVER_UID" "$HOST_ROOT$MODEL_FOLDER"
  fi
  run kubectl label node "$model_node" ropeway.io/model-storage=true --overwrite
}

gpus_offered() {
  step gpu "kubectl get pods -n kube-amd-gpu; kubectl logs -n kube-amd-gpu -l app.kubernetes.io/name=device-plugin" "amd.com/gpu"
  wait_for "a node that offers amd.com/gpu" has_resource amd.com/gpu ||
    fail "no node offers amd.com/gpu: the device plugin does not run, or found no GPU"
  ((DRY_RUN)) || kubectl get nodes -o 'custom-columns=NODE:.metadata.name,GPUS:.status.allocatable.amd\.com/gpu'
}

say "This installs into the cluster of the current kubectl context: cert-manager $CERT_MANAGER_VERSION,"
say "AMD GPU operator $GPU_OPERATOR_VERSION with one DeviceConfig (driver: the node's own), Helm if it is"
say "missing; and on this node the folder $MODEL_FOLDER."
confirm
step cluster "kubectl cluster-info" "Cluster"
if ((DRY_RUN)) && ! command -v kubectl >/dev/null; then
  say "   no kubectl here yet"
else
  require_cluster
fi
helm_binary
step cluster "kubectl get pods -n cert-manager" "cert-manager $CERT_MANAGER_VERSION"
why "the operator's webhooks need certificates"
chart cert-manager cert-manager cert-manager https://charts.jetstack.io "$CERT_MANAGER_VERSION" crds.enabled=true
step gpu "kubectl get pods -n kube-amd-gpu" "AMD GPU operator $GPU_OPERATOR_VERSION"
chart amd-gpu-operator kube-amd-gpu gpu-operator-charts https://rocm.github.io/gpu-operator "$GPU_OPERATOR_VERSION" crds.defaultCR.install=false
device_config
model_storage
gpus_offered
printf '\ndone; next: put a model into %s, then %s/deploy.sh --image REFERENCE\n' "$MODEL_FOLDER" "$(dirname "$0")"
