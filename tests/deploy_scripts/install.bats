#!/usr/bin/env bats
load fakes

kubernetes() { run "$SCRIPTS/install-kubernetes.sh" --yes "$@"; }
operator() { run "$SCRIPTS/install-gpu-operator.sh" --yes "$@"; }

@test "kubernetes: fresh" {
  echo '/swap.img file 8388604 0 -2' >>"$ROOT/proc/swaps"
  echo '/swap.img none swap sw 0 0' >"$ROOT/etc/fstab"
  kubernetes
  exits 0
  called "swapoff -a"
  grep -q '^# /swap.img' "$ROOT/etc/fstab"
  [ -e "$ROOT/etc/fstab.before-ropeway" ]
  grep -q kernel.numa_balancing=0 "$ROOT/etc/sysctl.d/90-ropeway-kubernetes.conf"
  grep -q 'SystemdCgroup = true' "$ROOT/etc/containerd/config.toml"
  grep -q 'bin_dir = "/opt/cni/bin"' "$ROOT/etc/containerd/config.toml"
  called "apt-mark hold kubelet kubeadm kubectl"
  called "kubeadm init --pod-network-cidr=10.244.0.0/16"
  called "kubectl taint nodes --all node-role.kubernetes.io/control-plane-"
  called "kubectl label nodes --all node.kubernetes.io/exclude-from-external-load-balancers-"
  grep -q 'cidr: 10.244.0.0/16' "$STATE"/applied.*
  said "next: $SCRIPTS/install-gpu-operator.sh"
}

@test "kubernetes: a second run changes nothing but what is declared anyway" {
  kubernetes
  exits 0
  before="$(tree)"
  : >"$CALLS"
  kubernetes
  exits 0
  [ "$before" = "$(tree)" ]
  never_called '^(apt-get|kubeadm init|swapoff|sysctl|kubectl (taint|label|apply))|systemctl restart'
  said "a cluster is here already; it is kept"
}

@test "kubernetes: a failure names layer and next command, and a second run goes on from there" {
  fake kubeadm <<'SH'
[[ "$*" != version* ]] || { cat "$STATE/kubeadm"; exit; }
exit 1
SH
  kubernetes
  exits 15
  said "error [layer: cluster]"
  said "next: journalctl -u kubelet"
  programs
  : >"$CALLS"
  kubernetes
  exits 0
  called "kubeadm init"
  never_called '^apt-get install.*kubeadm'
}

# cut PROGRAM ARGUMENTS: the run ends at this call, as if the machine were switched off there; then it is run
# again.
cut_and_again() {
  fake "$1" <<<"[[ \"\$*\" != \"$2\" ]]"
  kubernetes
  exits 10
  programs
  rm -f "$FAKE/systemctl.sh" "$FAKE/sysctl.sh"
  : >"$CALLS"
  kubernetes
  exits 0
  called "$1 $2"
  [ -z "$(find "$ROOT" -name '*.not-yet-applied')" ]
  : >"$CALLS"
  kubernetes
  exits 0
  if [ "$3" = once ]; then never_called "^$1 $2"; fi
}

@test "kubernetes: settings that were written and not loaded are loaded by the next run" {
  cut_and_again sysctl "--system" once
}

@test "kubernetes: a containerd that was not restarted is restarted by the next run" {
  cut_and_again systemctl "restart containerd" once
}

@test "kubernetes: packages that were installed and not held are held by the next run" {
  fake apt-mark <<<'[[ "$1" != hold ]]'
  kubernetes
  exits 10
  programs
  : >"$CALLS"
  kubernetes
  exits 0
  called "apt-mark hold kubelet kubeadm kubectl"
  never_called '^apt-get install.*kubeadm'
}

@test "kubernetes: an init that was cut off is gone over again, though admin.conf is there" {
  sed -i 's/^    echo "of the cluster" .*$/&; exit 1/' "$FAKE/kubeadm.sh"
  kubernetes
  exits 15
  [ -e "$ROOT/etc/kubernetes/admin.conf" ]
  programs
  : >"$CALLS"
  kubernetes
  exits 0
  called "--ignore-preflight-errors=DirAvailable--var-lib-etcd,Port-6443,"
  never_called 'kubeadm reset'
  : >"$CALLS"
  kubernetes
  exits 0
  never_called '^kubeadm init'
}

@test "kubernetes: another's init that stopped half-way is not touched" {
  mkdir -p "$ROOT/etc/kubernetes/manifests"
  touch "$ROOT/etc/kubernetes/manifests/kube-apiserver.yaml"
  kubernetes
  exits 15
  said "stopped half-way"
  never_called 'kubeadm reset'
}

@test "kubernetes: a cluster that does not answer is kept" {
  mkdir -p "$ROOT/etc/kubernetes"
  touch "$ROOT/etc/kubernetes/admin.conf"
  echo v1.34.2 >"$STATE/kubeadm"
  kubernetes
  exits 15
  called "systemctl start containerd kubelet"
  never_called 'kubeadm (init|reset)'
}

@test "kubernetes: Calico that does not come up is the network's layer, and is waited for again" {
  sed -i 's/touch "$STATE\/calico"/true/' "$FAKE/kubectl.sh"
  kubernetes
  exits 12
  said "Calico's operator did not register its kinds"
  said "next: kubectl get pods -n calico-system"
  never_called '^kubectl taint'
  programs
  kubernetes
  exits 0
  called "kubectl taint nodes --all"
}

@test "kubernetes: a node that does not become Ready" {
  sed -i 's/^case "$\*" in$/&\n  "wait --for=condition=Ready nodes"*) exit 1 ;;/' "$FAKE/kubectl.sh"
  kubernetes
  exits 12
  said "the node does not become Ready"
  said "next: kubectl get pods -n calico-system"
}

@test "kubernetes: a failed download of packages is the host's layer" {
  fake apt-get <<<'[[ "$1" != update ]]'
  kubernetes
  exits 10
  said "error [layer: host]"
  said "next: apt-cache policy kubeadm"
}

@test "kubernetes: pods' addresses must not be the network's" {
  kubernetes --pod-cidr 192.168.0.0/16
  exits 12
  said "overlaps the route 192.168.1.0/24"
  [ -z "$(changes)" ]
}

@test "kubernetes: versions outside the operator's range are refused" {
  kubernetes --kubernetes-version 1.28
  exits 2
  kubernetes --kubernetes-version 1.4
  exits 2
}

@test "kubernetes: --dry-run changes nothing and says all" {
  before="$(tree)"
  run "$SCRIPTS/install-kubernetes.sh" --dry-run
  exits 0
  [ "$before" = "$(tree)" ]
  [ -z "$(changes)" ]
  said "would run: kubeadm init"
  said "would write: /etc/sysctl.d/90-ropeway-kubernetes.conf"
}

@test "kubernetes: without --yes and without a terminal nothing happens" {
  run "$SCRIPTS/install-kubernetes.sh" </dev/null
  exits 2
  [ -z "$(changes)" ]
}

@test "kubernetes: --keep-taint" {
  kubernetes --keep-taint
  exits 0
  never_called '^kubectl (taint|label)'
}

@test "kubernetes: the one who called sudo gets a kubeconfig, and root's next script finds the cluster's" {
  export SUDO_USER=alice
  kubernetes
  exits 0
  called "install -d -m 0700 -o alice -g alice $ROOT/home/alice/.kube"
  [ "$(cat "$ROOT/home/alice/.kube/config")" = "of the cluster" ]
  [ "$(stat -c %a "$ROOT/home/alice/.kube/config")" = 600 ]
  fake helm <<<'echo "helm with $KUBECONFIG" >>"$CALLS"'
  operator
  called "helm with $ROOT/etc/kubernetes/admin.conf"
  mkdir -p "$ROOT/root/.kube"
  touch "$ROOT/root/.kube/config"
  operator
  called "helm with $ROOT/root/.kube/config"
  rm -r "$ROOT/root/.kube" "$ROOT/etc/kubernetes"
  operator
  called "helm with $ROOT/home/alice/.kube/config"
}

@test "kubernetes: a kubeconfig of a cluster that is gone gives way, and stays beside the new one" {
  mkdir -p "$ROOT/root/.kube"
  echo "of another" >"$ROOT/root/.kube/config"
  kubernetes
  exits 0
  [ "$(cat "$ROOT/root/.kube/config")" = "of the cluster" ]
  [ "$(cat "$ROOT/root/.kube/config.~1~")" = "of another" ]
  # Of a cluster that was here before, it may be one of several.
  echo "of several" >"$ROOT/root/.kube/config"
  kubernetes
  exits 0
  [ "$(cat "$ROOT/root/.kube/config")" = "of several" ]
}

@test "kubernetes: another range of a later run is not forced on pods that have addresses" {
  kubernetes --pod-cidr 10.100.0.0/16
  exits 0
  grep -q 'cidr: 10.100.0.0/16' "$STATE"/applied.*
  rm "$STATE"/applied.*
  kubernetes
  exits 0
  said "kept: Installation/default"
  [ -z "$(find "$STATE" -name 'applied.*')" ]
}

@test "kubernetes: another pod network is kept" {
  kubernetes
  rm "$STATE/calico" "$STATE/installation"
  mkdir -p "$ROOT/etc/cni/net.d"
  touch "$ROOT/etc/cni/net.d/10-flannel.conflist"
  : >"$CALLS"
  kubernetes
  exits 0
  said "kept: the pod network that is here (10-flannel.conflist)"
  never_called '^kubectl apply'
  # One that does not work is none.
  sed -i 's/^case "$\*" in$/&\n  "wait --for=condition=Ready nodes"*) has calico ;;/' "$FAKE/kubectl.sh"
  kubernetes
  exits 0
  called "tigera-operator.yaml"
}

@test "kubernetes: both of Calico's kinds are waited for" {
  touch "$STATE/no.apiservers"
  kubernetes
  exits 12
  said "did not register its kinds"
  [ ! -e "$STATE/installation" ]
}

@test "operator, kubernetes: root is needed" {
  touch "$STATE/cluster"
  echo 1000 >"$STATE/uid"
  for script in install-kubernetes install-gpu-operator; do
    run "$SCRIPTS/$script.sh" --yes
    exits 10
    said "this must run as root"
    said "next: sudo $SCRIPTS/$script.sh --yes"
  done
  [ -z "$(changes)" ]
}

@test "operator: fresh" {
  touch "$STATE/cluster"
  operator
  exits 0
  called "helm upgrade --install cert-manager cert-manager --repo https://charts.jetstack.io --version v1.21.1"
  called "--version v1.5.1 --namespace kube-amd-gpu"
  called "crds.defaultCR.install=false"
  grep -q 'enable: false' "$STATE"/applied.*
  called "install -d -m 0755 -o 65532 -g 65532 $ROOT/mnt/data/ai-models"
  called "kubectl label node node-1 ropeway.io/model-storage=true"
}

@test "operator: a second run installs nothing" {
  touch "$STATE/cluster"
  operator
  exits 0
  : >"$CALLS"
  operator
  exits 0
  never_called '^helm upgrade'
}

@test "operator: half done" {
  touch "$STATE/cluster" "$STATE/cert-manager"
  operator
  exits 0
  never_called '^helm upgrade --install cert-manager'
  called "helm upgrade --install amd-gpu-operator"
}

@test "operator: an installation that was cut off is taken back and made again" {
  touch "$STATE/cluster"
  echo pending-install >"$STATE/pending"
  operator
  exits 0
  called "helm uninstall cert-manager --namespace cert-manager --wait"
  called "helm upgrade --install cert-manager"
}

@test "operator: an upgrade that was cut off is rolled back, not taken away" {
  touch "$STATE/cluster"
  echo pending-upgrade >"$STATE/pending"
  operator
  exits 0
  called "helm rollback cert-manager --namespace cert-manager --wait"
  never_called '^helm uninstall'
}

@test "operator: no cluster, or one of a wrong version" {
  operator
  exits 15
  said "install-kubernetes.sh"
  touch "$STATE/cluster"
  echo v1.28.0 >"$STATE/version"
  operator
  exits 15
  said "the cluster is Kubernetes 1.28"
  [ -z "$(changes)" ]
}

@test "operator: another DeviceConfig is not fought" {
  touch "$STATE/cluster"
  echo -n default >"$STATE/deviceconfig"
  operator
  exits 11
  said "kubectl delete deviceconfig default"
}

@test "operator: no GPU appears" {
  touch "$STATE/cluster"
  sed -i 's/touch "$STATE\/gpus"/true/' "$FAKE/kubectl.sh"
  operator
  exits 11
  said "no node offers amd.com/gpu"
  said "next: kubectl get pods -n kube-amd-gpu"
}

@test "operator: Helm is fetched with its checksum, and a wrong one stops" {
  touch "$STATE/cluster"
  rm "$FAKE/bin/helm"
  fake curl <<'SH'
target="${*: -1}"
case "$target" in
  *sum) echo "0000000000000000000000000000000000000000000000000000000000000000  helm-v3.19.0-linux-amd64.tar.gz" >"$target" ;;
  *) echo x >"$target" ;;
esac
SH
  export TMPDIR="$BATS_TEST_TMPDIR/tmp"
  mkdir "$TMPDIR"
  operator
  exits 10
  [ -z "$(ls -A "$TMPDIR")" ]
  never_called '^install -m 0755'
}

@test "operator: --dry-run changes nothing" {
  touch "$STATE/cluster"
  before="$(tree)"
  run "$SCRIPTS/install-gpu-operator.sh" --dry-run
  exits 0
  [ "$before" = "$(tree)" ]
  [ -z "$(changes)" ]
  said "would run: helm upgrade --install amd-gpu-operator"
  said "would apply DeviceConfig/ropeway"
}

@test "uninstall: only the server by default, models stay" {
  touch "$STATE/cluster"
  run "$SCRIPTS/uninstall.sh" --yes
  exits 0
  called "kubectl delete namespace ropeway"
  never_called 'helm|kubeadm|rm -rf'
  said "Models under /mnt/data/ai-models stay."
}

@test "uninstall: the DeviceConfig goes before its operator" {
  touch "$STATE/cluster"
  run "$SCRIPTS/uninstall.sh" --yes --gpu-operator
  exits 0
  [ "$(grep -nE 'delete deviceconfig' "$CALLS" | cut -d : -f 1)" -lt "$(grep -n 'helm uninstall amd' "$CALLS" | cut -d : -f 1)" ]
}

@test "uninstall: everything, dry" {
  run "$SCRIPTS/uninstall.sh" --dry-run --server --metallb --gpu-operator --kubernetes
  exits 0
  [ -z "$(changes)" ]
  said "would run: kubeadm reset"
}

@test "uninstall: what is wanted goes in its own order, and what is gone is no failure" {
  touch "$STATE/cluster"
  run "$SCRIPTS/uninstall.sh" --yes --kubernetes --server
  exits 0
  [ "$(grep -n 'delete namespace' "$CALLS" | cut -d : -f 1)" -lt "$(grep -n 'kubeadm reset' "$CALLS" | cut -d : -f 1)" ]
  # Of the machine's own programs only these, so that no real kubeadm can be found.
  mkdir "$FAKE/tools"
  for tool in bash env dirname cat sed tr grep rm cut; do ln -s "$(command -v "$tool")" "$FAKE/tools/$tool"; done
  rm "$FAKE/bin/kubectl" "$FAKE/bin/kubeadm"
  PATH="$FAKE/bin:$FAKE/tools" run "$SCRIPTS/uninstall.sh" --yes --kubernetes --server
  exits 0
  said "kubeadm is already gone"
  said "until the next boot Calico's interfaces"
  said "nothing to remove"
}

@test "uninstall: a failure names its layer, and the next run does what is left" {
  touch "$STATE/cluster"
  fake helm <<<'[[ "$*" != *amd-gpu-operator* ]]'
  run "$SCRIPTS/uninstall.sh" --yes --gpu-operator
  exits 11
  said "error [layer: gpu]"
  said "next: kubectl get pods -n kube-amd-gpu"
  programs
  run "$SCRIPTS/uninstall.sh" --yes --gpu-operator
  exits 0
  called "helm uninstall cert-manager"
}

@test "uninstall: a cluster that does not answer is a failure, not an empty one" {
  run "$SCRIPTS/uninstall.sh" --yes
  exits 15
  said "no cluster answers kubectl"
  [ -z "$(changes)" ]
}
