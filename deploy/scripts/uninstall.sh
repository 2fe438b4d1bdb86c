#!/usr/bin/env bash
# Takes away what the other scripts installed, and only what is named.
#
#   uninstall.sh [--server] [--metallb] [--gpu-operator] [--kubernetes] [--dry-run] [--yes]
#
# Without a name: --server. Models stay: the volume is retained and the folder is not touched. What is
# already gone is no failure, so it may be run again.
# --kubernetes removes the whole cluster of this machine, with all that runs on it.
set -euo pipefail
# shellcheck source=deploy/scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# In this order, whatever the order of the options: each needs what comes after it.
readonly PARTS=(server metallb gpu-operator kubernetes)
wanted=" "
while (($#)); do
  case "$1" in
    --server | --metallb | --gpu-operator | --kubernetes) wanted+="${1#--} " ;;
    *) common_option "$1" || usage_error "unknown option $1" ;;
  esac
  shift
done
[[ "$wanted" != " " ]] || wanted=" server "
parts=()
for part in "${PARTS[@]}"; do
  [[ "$wanted" != *" $part "* ]] || parts+=("$part")
done
set_error_trap

# A cluster that is gone has nothing left to remove; one that does not answer is a failure.
needs_cluster() {
  if ! command -v kubectl >/dev/null; then
    say "   no kubectl, so no cluster here: nothing to remove"
    return 1
  fi
  ((DRY_RUN)) || [[ -n "$(server_version)" ]] || fail "no cluster answers kubectl" "kubectl cluster-info; if it is gone for good, leave this part out"
}

remove_server() {
  step cluster "kubectl get all -n ropeway" "Server"
  needs_cluster || return 0
  why "the namespace has all of the server; its volume is retained, and the addresses go back to their network"
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
  needs_cluster || return 0
  run kubectl delete -f "https://raw.githubusercontent.com/metallb/metallb/$METALLB_VERSION/config/manifests/metallb-native.yaml" --ignore-not-found
}

remove_gpu_operator() {
  step gpu "kubectl get pods -n kube-amd-gpu" "GPU operator and cert-manager"
  needs_cluster || return 0
  require_command helm "https://helm.sh/docs/intro/install, then run this again"
  if kubectl get crd deviceconfigs.amd.com >/dev/null 2>&1; then
    why "the DeviceConfig goes first, while its operator can still clean up after it"
    run kubectl delete deviceconfig ropeway -n kube-amd-gpu --ignore-not-found --timeout="${WAIT_SECONDS}s"
  fi
  run helm uninstall amd-gpu-operator -n kube-amd-gpu --ignore-not-found --wait
  run helm uninstall cert-manager -n cert-manager --ignore-not-found --wait
  run kubectl label nodes --all ropeway.io/model-storage-
}

remove_kubernetes() {
  step host "systemctl status kubelet" "Kubernetes"
  require_root "--kubernetes"
  if command -v kubeadm >/dev/null; then
    why "kubeadm takes back what it made: the control plane, its certificates and its data"
    run kubeadm reset --force --cri-socket=unix:///run/containerd/containerd.sock
  else
    say "   kubeadm is already gone"
  fi
  run apt-mark unhold kubelet kubeadm kubectl
  run apt-get remove -y kubelet kubeadm kubectl
  run rm -f "$HOST_ROOT/etc/apt/sources.list.d/kubernetes.list" "$HOST_ROOT/etc/sysctl.d/90-ropeway-kubernetes.conf" \
    "$HOST_ROOT/etc/modules-load.d/ropeway-kubernetes.conf"
  say "   kept: containerd and /etc/containerd/config.toml, swap (off; /etc/fstab.before-ropeway has the old table),"
  say "   your kubeconfig, /etc/cni/net.d, the key in /etc/apt/keyrings, and until the next boot Calico's interfaces,"
  say "   iptables rules and kernel settings"
}

say "This removes: ${parts[*]}. Models under $MODEL_FOLDER stay."
confirm
for part in "${parts[@]}"; do
  "remove_${part//-/_}"
done
printf '\ndone\n'
