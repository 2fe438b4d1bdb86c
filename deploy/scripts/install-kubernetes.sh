#!/usr/bin/env bash
# Makes this machine a Kubernetes cluster of one node: containerd, kubeadm, Calico.
#
#   sudo install-kubernetes.sh [--kubernetes-version 1.34] [--pod-cidr 10.244.0.0/16]
#                              [--keep-taint] [--skip-check] [--dry-run] [--yes]
#
# May be run again at any time: it does what is left to do, and never resets a cluster.
# --keep-taint leaves the control plane's taint and label, for clusters with other nodes.
set -euo pipefail
# shellcheck source=deploy/scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

version="$KUBERNETES_VERSION_DEFAULT"
options="$*"
pod_cidr=10.244.0.0/16
keep_taint=0
skip_check=0
made_here=0 # the cluster, by this run
while (($#)); do
  case "$1" in
    --kubernetes-version)
      version="${2:-}"
      shift
      ;;
    --pod-cidr)
      pod_cidr="${2:-}"
      shift
      ;;
    --keep-taint) keep_taint=1 ;;
    --skip-check) skip_check=1 ;;
    *) common_option "$1" || usage_error "unknown option $1" ;;
  esac
  shift
done
version_in "$version" "$KUBERNETES_VERSION_MIN" "$KUBERNETES_VERSION_MAX" ||
  usage_error "Kubernetes $version is outside $KUBERNETES_VERSION_MIN to $KUBERNETES_VERSION_MAX, which the GPU operator and these manifests support"
[[ "$pod_cidr" =~ ^([0-9]+\.){3}[0-9]+/[0-9]+$ ]] || usage_error "--pod-cidr takes a range such as 10.244.0.0/16"
set_error_trap
require_root "$options"

# in_range ADDRESS CIDR for IPv4.
to_number() {
  local IFS=. part number=0
  for part in $1; do number=$((number * 256 + part)); done
  echo "$number"
}
overlaps() { # CIDR CIDR
  local shorter="${1#*/}" mask
  ((${2#*/} < shorter)) && shorter="${2#*/}"
  mask=$(((0xffffffff << (32 - shorter)) & 0xffffffff))
  (((($(to_number "${1%/*}") ^ $(to_number "${2%/*}")) & mask) == 0))
}

preflight() {
  step host "$DEPLOY/scripts/check-system.sh" "Preflight"
  if ((skip_check)); then
    say "   skipped by --skip-check"
  elif ! "$DEPLOY/scripts/check-system.sh" --no-gpu --wait-for-locks "$WAIT_SECONDS"; then
    ((DRY_RUN)) || fail "the machine is not ready" "do what the FAIL lines say, then run this again"
  fi
  LAYER=network
  local route
  for route in $(ip -4 route show 2>/dev/null | awk '$1 ~ /\// && $3 !~ /cali/ {print $1}'); do
    [[ -e "$HOST_ROOT/etc/kubernetes/admin.conf" ]] && break
    if overlaps "$pod_cidr" "$route"; then
      fail "pods would get addresses of $pod_cidr, which overlaps the route $route" "$0 --pod-cidr with a range that no route has"
    fi
  done
}

kernel() {
  step host "sysctl --system" "Kernel: modules, forwarding, no swap"
  why "pods' traffic crosses bridges that iptables must see; the kubelet refuses swap; NUMA balancing can hang the GPU"
  printf 'overlay\nbr_netfilter' | write_file /etc/modules-load.d/ropeway-kubernetes.conf || true
  run modprobe overlay
  run modprobe br_netfilter
  write_then /etc/sysctl.d/90-ropeway-kubernetes.conf sysctl --system <<'CONF'
net.bridge.bridge-nf-call-iptables=1
net.bridge.bridge-nf-call-ip6tables=1
net.ipv4.ip_forward=1
kernel.numa_balancing=0
fs.inotify.max_user_instances=1024
CONF
  if awk 'NR > 1' "$HOST_ROOT/proc/swaps" 2>/dev/null | grep . >/dev/null; then
    run swapoff -a
  fi
  if grep -qE '^[^#].*\sswap\s' "$HOST_ROOT/etc/fstab" 2>/dev/null; then
    # The old file stays beside it: fstab.before-ropeway.
    run sed -i.before-ropeway -E '/^[^#].*\sswap\s/s/^/# /' "$HOST_ROOT/etc/fstab"
  fi
}

containerd_runtime() {
  step host "systemctl status containerd" "Container runtime: containerd"
  why "the distribution's own package; its control groups must be systemd's, like the kubelet's"
  if ! command -v containerd >/dev/null; then
    run apt-get update
    run env DEBIAN_FRONTEND=noninteractive apt-get install -y containerd
  fi
  if ((DRY_RUN)) && ! command -v containerd >/dev/null; then
    say "   would write: /etc/containerd/config.toml"
    return 0
  fi
  # Debian's package looks for network plugins where Calico does not put them.
  local config
  config="$(containerd config default | sed -e 's/SystemdCgroup = false/SystemdCgroup = true/' -e 's#"/usr/lib/cni"#"/opt/cni/bin"#')"
  write_then /etc/containerd/config.toml systemctl restart containerd <<<"$config"
  run systemctl enable --now containerd
}

packages() {
  step host "apt-cache policy kubeadm" "kubeadm, kubelet and kubectl $version"
  local key=/etc/apt/keyrings/kubernetes.gpg url="https://pkgs.k8s.io/core:/stable:/v$version/deb"
  if [[ "$(kubeadm version -o short 2>/dev/null)" == "v$version."* ]]; then
    say "   already here: $(kubeadm version -o short)"
    held_and_enabled
    return 0
  fi
  if [[ -e "$HOST_ROOT/etc/kubernetes/admin.conf" ]]; then
    fail "a cluster is here with $(kubeadm version -o short 2>/dev/null || echo 'no kubeadm'), not $version; this script does not upgrade" "https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-upgrade"
  fi
  run env DEBIAN_FRONTEND=noninteractive apt-get install -y ca-certificates curl gpg
  run mkdir -p "$HOST_ROOT/etc/apt/keyrings"
  run curl -fsSL "$url/Release.key" -o "$HOST_ROOT$key.asc"
  run gpg --batch --yes --dearmor -o "$HOST_ROOT$key" "$HOST_ROOT$key.asc"
  printf 'deb [signed-by=%s] %s/ /' "$key" "$url" | write_file /etc/apt/sources.list.d/kubernetes.list || true
  run apt-get update
  run env DEBIAN_FRONTEND=noninteractive apt-get install -y kubelet kubeadm kubectl
  held_and_enabled
}

# Apart from the installation: a run may have ended between the two.
held_and_enabled() {
  local held
  held="$(apt-mark showhold 2>/dev/null | grep -cE '^(kubelet|kubeadm|kubectl)$' || true)"
  if ((held < 3)); then
    why "held, so that an ordinary upgrade does not change the cluster's version"
    run apt-mark hold kubelet kubeadm kubectl
  fi
  run systemctl enable kubelet
}

api_answers() { kubectl get --raw /readyz; }

first_init() { # [OPTION] of kubeadm; uses control_plane's mark
  why "kubeadm makes the certificates, etcd and the API server of this node"
  ((DRY_RUN)) || {
    mkdir -p "$(dirname "$mark")"
    touch "$mark"
  }
  run kubeadm init --pod-network-cidr="$pod_cidr" --cri-socket=unix:///run/containerd/containerd.sock "$@"
  ((DRY_RUN)) || rm "$mark"
  made_here=1
}

# The user's own way to the cluster; lib.sh finds root's. One of a cluster that is gone gives way, and stays
# beside it; one that may be of several clusters is kept.
user_kubeconfig() {
  local user="${SUDO_USER:-root}" home
  home="$(getent passwd "$user" | cut -d : -f 6)"
  home="$HOST_ROOT$home"
  if [[ -e "$home/.kube/config" ]] && { ((!made_here)) || cmp -s "$KUBECONFIG" "$home/.kube/config"; }; then
    say "   kept: $home/.kube/config"
    return 0
  fi
  run install -d -m 0700 -o "$user" -g "$(id -gn "$user")" "$home/.kube"
  run install --backup=numbered -m 0600 -o "$user" -g "$(id -gn "$user")" "$KUBECONFIG" "$home/.kube/config"
}

control_plane() {
  step cluster "journalctl -u kubelet -n 50 --no-pager" "Control plane"
  export KUBECONFIG="$HOST_ROOT/etc/kubernetes/admin.conf"
  # kubeadm writes admin.conf long before it is done, so that file does not tell a whole cluster from one
  # whose DNS and proxy are still missing; this mark does.
  local mark="$HOST_ROOT/etc/kubernetes/ropeway-init-unfinished"
  if [[ -e "$mark" ]]; then
    say "   an earlier kubeadm init was cut off; it goes over its steps again and keeps what it has made"
    first_init --ignore-preflight-errors="$(printf '%s\n' DirAvailable--var-lib-etcd Port-{6443,2379,2380,10250,10257,10259} \
      FileAvailable--etc-kubernetes-manifests-{kube-apiserver,kube-controller-manager,kube-scheduler,etcd}.yaml | paste -sd ,)"
  elif [[ -e "$KUBECONFIG" ]]; then
    say "   a cluster is here already; it is kept"
    if ! api_answers >/dev/null 2>&1; then
      run systemctl start containerd kubelet
    fi
  elif [[ -e "$HOST_ROOT/etc/kubernetes/manifests/kube-apiserver.yaml" ]]; then
    fail "an earlier kubeadm init stopped half-way" "kubeadm reset (it asks), then run this again"
  else
    first_init
  fi
  wait_for "the API server" api_answers || fail "the API server does not answer"
  user_kubeconfig
}

nodes_ready() { kubectl wait --for=condition=Ready nodes --all --timeout=1s; }

# Another pod network of a cluster that was here before: its nodes are Ready, which they are not without one.
other_network() {
  local file
  ((made_here)) && return 1
  for file in "$HOST_ROOT"/etc/cni/net.d/*.conf*; do
    # The kubelet takes the first.
    [[ -e "$file" && "$file" != *calico* ]] || return 1
    nodes_ready >/dev/null 2>&1 || return 1
    basename "$file"
    return 0
  done
}

calico() {
  step network "kubectl get pods -n calico-system" "Pod network: Calico $CALICO_VERSION"
  local other
  if other="$(other_network)"; then
    say "   kept: the pod network that is here ($other); two would fight"
    return 0
  fi
  why "without it no pod gets an address; it also enforces the NetworkPolicies of the multi-tenant overlay"
  if kubectl get deployment tigera-operator -n tigera-operator >/dev/null 2>&1; then
    say "   already here"
  else
    run kubectl apply --server-side -f "https://raw.githubusercontent.com/projectcalico/calico/$CALICO_VERSION/manifests/tigera-operator.yaml"
  fi
  kinds_known() {
    kubectl wait --for=condition=Established --timeout=1s \
      crd/installations.operator.tigera.io crd/apiservers.operator.tigera.io
  }
  wait_for "Calico's definitions" kinds_known || fail "Calico's operator did not register its kinds"
  # One that is here keeps its range: pods have addresses of it.
  if kubectl get installations.operator.tigera.io default >/dev/null 2>&1; then
    say "   kept: Installation/default"
  else
    installation
  fi
  wait_for "the node to be Ready" nodes_ready || fail "the node does not become Ready"
}

installation() {
  apply_text "Installation and APIServer of Calico" <<YAML
apiVersion: operator.tigera.io/v1
kind: Installation
metadata:
  name: default
spec:
  calicoNetwork:
    ipPools:
      - name: default-ipv4-ippool
        cidr: $pod_cidr
        encapsulation: VXLANCrossSubnet
        natOutgoing: Enabled
        nodeSelector: all()
---
apiVersion: operator.tigera.io/v1
kind: APIServer
metadata:
  name: default
spec: {}
YAML
}

taint() {
  step cluster "kubectl describe nodes" "One node for everything"
  if ((keep_taint)); then
    say "   taint and label stay (--keep-taint)"
    return 0
  fi
  why "the control plane keeps other pods away; on a single node they have nowhere else to go"
  if kubectl get nodes -o 'jsonpath={.items[*].spec.taints[*].key}' 2>/dev/null | grep node-role.kubernetes.io/control-plane >/dev/null; then
    run kubectl taint nodes --all node-role.kubernetes.io/control-plane-
  elif ((DRY_RUN)); then
    say "   would remove the taint node-role.kubernetes.io/control-plane if it is there"
  else
    say "   no taint to remove"
  fi
  if [[ -n "$(kubectl get nodes -l "$EXCLUDE_LABEL" -o name 2>/dev/null || true)" ]]; then
    why "MetalLB announces no address from a node with this label, and says nothing of it"
    run kubectl label nodes --all "$EXCLUDE_LABEL-"
  elif ((DRY_RUN)); then
    say "   would remove the label $EXCLUDE_LABEL if it is there"
  fi
}

say "This installs Kubernetes $version on this machine: packages (containerd, kubeadm, kubelet, kubectl),"
say "files under /etc (modules-load.d, sysctl.d, containerd, apt, fstab without swap), a control plane,"
say "Calico $CALICO_VERSION for pods in $pod_cidr$( ((keep_taint)) || echo ", and removes the control plane's taint and label"). No firewall is touched;"
say "if one is on, open 6443/tcp, 10250/tcp, 4789/udp, 5473/tcp and, for MetalLB, 7946/tcp+udp between nodes."
confirm
preflight
kernel
containerd_runtime
packages
control_plane
calico
taint
printf '\ndone; next: %s/install-gpu-operator.sh\n' "$(dirname "$0")"
