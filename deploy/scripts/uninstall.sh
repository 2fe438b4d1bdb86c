#!/usr/bin/env bash
# Takes away what the other scripts installed, and only what is named.
#
#   uninstall.sh [--server] [--metallb] [--gpu-operator] [--kubernetes] [--dry-run] [--yes]
#
# Without a name: --server. Models stay: the volume is retained and the folder is not touched.
# --kubernetes removes the whole cluster of this machine, with all that runs on it.
set -euo pipefail
# shellcheck source=deploy/scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

parts=()
while (($#)); do
  case "$1" in
    --server | --metallb | --gpu-operator | --kubernetes) parts+=("${1#--}") ;;
    *) common_option "$1" || usage_error "unknown option $1" ;;
  esac
  shift
done
((${#parts[@]})) || parts=(server)
set_error_trap

remove_server() {
  step cluster "kubectl get all -n ropeway" "Server"
  run kubectl delete namespace ropeway --ignore-not-found --timeout="${WAIT_SECONDS}s"
  run kubectl delete persistentvolume ropeway-models --ignore-not-found
  # Kinds that another operator owns may already be gone, and are no error then.
  local kind
  for kind in ipaddresspools.metallb.io l2advertisements.metallb.io; do
    if kubectl get crd "$kind" >/dev/null 2>&1; then
      run kubectl delete "$kind" ropeway -n metallb-system --ignore-not-found
    fi
  done
}

remove_metallb() {
  step network "kubectl get pods -n metallb-system" "MetalLB"
  run kubectl delete -f "https://raw.githubusercontent.com/metallb/metallb/$METALLB_VERSION/config/manifests/metallb-native.yaml" --ignore-not-found
}

remove_gpu_operator() {
  step gpu "kubectl get pods -n kube-amd-gpu" "GPU operator and cert-manager"
  if kubectl get crd deviceconfigs.amd.com >/dev/null 2>&1; then
    # First, while its operator can still clean up after it.
    run kubectl delete deviceconfig ropeway -n kube-amd-gpu --ignore-not-found --timeout="${WAIT_SECONDS}s"
  fi
  run helm uninstall amd-gpu-operator -n kube-amd-gpu --ignore-not-found --wait
  run helm uninstall cert-manager -n cert-manager --ignore-not-found --wait
  run kubectl label nodes --all ropeway.io/model-storage-
}

remove_kubernetes() {
  step host "systemctl status kubelet" "Kubernetes"
  require_root "--kubernetes"
  run kubeadm reset --force --cri-socket=unix:///run/containerd/containerd.sock
  run apt-mark unhold kubelet kubeadm kubectl
  run apt-get remove -y kubelet kubeadm kubectl
  run rm -f "$HOST_ROOT/etc/apt/sources.list.d/kubernetes.list" "$HOST_ROOT/etc/sysctl.d/90-ropeway-kubernetes.conf" \
    "$HOST_ROOT/etc/modules-load.d/ropeway-kubernetes.conf"
  say "   kept: containerd, swap (off; /etc/fstab.before-ropeway has the old table), your kubeconfig"
}

say "This removes: ${parts[*]}. Models under $MODEL_FOLDER stay."
confirm
for part in "${parts[@]}"; do
  "remove_${part//-/_}"
done
printf '\ndone\n'
