# A machine made of files and of programs that only write down how they were called. Every change that
# a script makes goes through one of them, so $CALLS is all it did.
# shellcheck shell=bash

SCRIPTS="$BATS_TEST_DIRNAME/../../deploy/scripts"

# Programs that must never really run in a test.
FAKED=(kubectl helm kubeadm apt-get apt-mark apt-cache systemctl modprobe sysctl swapoff containerd curl gpg
  ip ss ping getent hostname install id systemd-detect-virt)

setup() {
  FAKE="$BATS_TEST_TMPDIR/fake"
  STATE="$FAKE/state"
  CALLS="$FAKE/calls"
  export FAKE STATE CALLS
  export ROPEWAY_SCRIPTS_ROOT="$BATS_TEST_TMPDIR/root" ROPEWAY_SCRIPTS_WAIT=1 ROPEWAY_SCRIPTS_POLL=0.05
  export ROPEWAY_SITE="$BATS_TEST_TMPDIR/site" SUDO_USER=root HOME=/root
  unset KUBECONFIG KUBERNETES_SERVICE_HOST
  ROOT="$ROPEWAY_SCRIPTS_ROOT"
  mkdir -p "$FAKE/bin" "$STATE" "$ROOT"
  touch "$CALLS"
  local name
  for name in "${FAKED[@]}"; do
    cat >"$FAKE/bin/$name" <<'SH'
#!/usr/bin/env bash
printf '%s %s\n' "${0##*/}" "$*" >>"$CALLS"
[[ ! -f "$FAKE/${0##*/}.sh" ]] || source "$FAKE/${0##*/}.sh"
SH
    chmod +x "$FAKE/bin/$name"
  done
  export REAL_PATH="$PATH"
  PATH="$FAKE/bin:$PATH"
  machine
  programs
}

# fake NAME < body: what the program does; "$*" are its arguments.
fake() { cat >"$FAKE/$1.sh"; }

# A good machine with two MI300X.
machine() {
  mkdir -p "$ROOT"/{etc,proc/sys/kernel,proc/1,sys/fs/cgroup,sys/module/amdgpu,dev/dri,var/lib/dpkg,run,root}
  printf 'ID=ubuntu\nVERSION_ID="22.04"\n' >"$ROOT/etc/os-release"
  echo 6.8.0-60-generic >"$ROOT/proc/sys/kernel/osrelease"
  echo 0 >"$ROOT/proc/sys/kernel/numa_balancing"
  printf 'MemTotal:       263852288 kB\n' >"$ROOT/proc/meminfo"
  printf 'Filename Type Size Used Priority\n' >"$ROOT/proc/swaps"
  printf 'BOOT_IMAGE=/vmlinuz ro iommu=pt\n' >"$ROOT/proc/cmdline"
  printf '0::/init.scope\n' >"$ROOT/proc/1/cgroup"
  : >"$ROOT/proc/locks"
  : >"$ROOT/var/lib/dpkg/lock-frontend"
  touch "$ROOT/sys/fs/cgroup/cgroup.controllers" "$ROOT/dev/kfd" "$ROOT/dev/dri/renderD128" "$ROOT/dev/dri/renderD129"
  echo 6.12.12 >"$ROOT/sys/module/amdgpu/version"
  local device
  for device in 0000:05:00.0 0000:26:00.0; do
    mkdir -p "$ROOT/sys/bus/pci/devices/$device"
    echo 0x1002 >"$ROOT/sys/bus/pci/devices/$device/vendor"
    echo 0x120000 >"$ROOT/sys/bus/pci/devices/$device/class"
  done
}

# Programs that work. Files in $STATE are what the cluster has.
programs() {
  fake ip <<'SH'
case "$*" in
  *"route show default"*) echo "default via 192.168.1.1 dev eth0" ;;
  *"route show"*) printf 'default via 192.168.1.1 dev eth0\n192.168.1.0/24 dev eth0 scope link\n' ;;
  *address*) echo "2: eth0    inet 192.168.1.10/24 brd 192.168.1.255 scope global eth0" ;;
esac
SH
  fake ping <<<'exit 1'
  fake systemd-detect-virt <<<'echo none; exit 1'
  fake hostname <<<'echo node-1'
  fake getent <<'SH'
case "$*" in
  "passwd root") echo "root:x:0:0:root:/root:/bin/bash" ;;
  "passwd alice") echo "alice:x:1000:1000::/home/alice:/bin/bash" ;;
  hosts*) echo "192.0.2.1 registry.k8s.io" ;;
esac
SH
  fake id <<'SH'
case "$*" in
  -u) cat "$STATE/uid" 2>/dev/null || echo 0 ;;
  "-gn "*) echo "$2" ;;
esac
SH
  # Into the machine of the test only, and without owners, whom it does not have.
  fake install <<'SH'
arguments=()
while (($#)); do
  case "$1" in -o | -g) shift ;; *) arguments+=("$1") ;; esac
  shift
done
[[ "${arguments[-1]}" != "$ROPEWAY_SCRIPTS_ROOT"/* ]] || PATH="$REAL_PATH" install "${arguments[@]}"
SH
  fake containerd <<<'printf "            SystemdCgroup = false\n      bin_dir = \"/usr/lib/cni\"\n"'
  fake kubeadm <<'SH'
case "$*" in
  version*) [[ -e "$STATE/kubeadm" ]] || exit 1; cat "$STATE/kubeadm" ;;
  init*)
    touch "$STATE/cluster" "$STATE/taint" "$STATE/excluded"
    mkdir -p "$ROPEWAY_SCRIPTS_ROOT/etc/kubernetes"
    echo "of the cluster" >"$ROPEWAY_SCRIPTS_ROOT/etc/kubernetes/admin.conf"
    ;;
esac
SH
  fake apt-mark <<'SH'
case "$*" in
  hold*) printf '%s\n' "${@:2}" >"$STATE/held" ;;
  showhold) cat "$STATE/held" 2>/dev/null ;;
esac
SH
  fake apt-get <<<'[[ "$*" != *kubeadm* ]] || echo v1.34.2 >"$STATE/kubeadm"'
  fake helm <<'SH'
case "$*" in
  list*--pending) [[ ! -e "$STATE/pending" ]] || { printf 'release\t%s\tchart\n' "$(cat "$STATE/pending")"; } ;;
  "uninstall "* | "rollback "*) rm -f "$STATE/pending" ;;
  list*cert-manager*) [[ ! -e "$STATE/cert-manager" ]] || printf 'cert-manager\tdeployed\tcert-manager-v1.21.1\tv1.21.1\n' ;;
  list*amd-gpu*) [[ ! -e "$STATE/operator" ]] || printf 'amd-gpu-operator\tdeployed\tgpu-operator-charts-v1.5.1\tv1.5.1\n' ;;
  *cert-manager*) touch "$STATE/cert-manager" ;;
  *amd-gpu-operator*) touch "$STATE/operator" ;;
esac
SH
  fake kubectl <<'SH'
has() { [[ -e "$STATE/$1" ]]; }
case "$*" in
  "version -o json") has cluster || exit 1; printf '{"clientVersion":{"gitVersion":"v1.34.2"},\n "serverVersion": {"major":"1","gitVersion": "%s"}}\n' "$(cat "$STATE/version" 2>/dev/null || echo v1.34.2)" ;;
  "get --raw /readyz") has cluster ;;
  "get nodes --no-headers") echo "node-1 $(cat "$STATE/node" 2>/dev/null || echo Ready) control-plane 1m v1.34.2" ;;
  *status.allocatable*) ! has gpus || echo 8 ;;
  *spec.taints*) ! has taint || echo node-role.kubernetes.io/control-plane ;;
  "taint nodes"*) rm -f "$STATE/taint" ;;
  *"items[*].metadata.name}"*nodes* | "get nodes -o jsonpath={.items[*].metadata.name}") echo node-1 ;;
  *InternalIP*) echo 192.168.1.10 ;;
  *tigera-operator.yaml*) touch "$STATE/calico" ;;
  "get deployment tigera-operator"*) has calico ;;
  "wait --for=condition=Established"*) has calico && ! has no.apiservers ;;
  "get installations.operator.tigera.io default") has installation ;;
  "get nodes -l node.kubernetes.io/exclude"*) ! has excluded || echo node/node-1 ;;
  "get nodes -o name") echo node/node-1 ;;
  "label nodes --all node.kubernetes.io/exclude"*-) rm "$STATE/excluded" ;;
  *metallb-native.yaml*) touch "$STATE/metallb" ;;
  "get deployment/controller daemonset/speaker -n metallb-system"*) has metallb ;;
  "get endpoints metallb-webhook-service"*) ! has metallb || echo 10.0.0.7 ;;
  "get deviceconfigs"*) cat "$STATE/deviceconfig" 2>/dev/null ;;
  "get secret ropeway-api-keys -n ropeway") has secret ;;
  *jsonpath={.data.team}*) ! has secret || printf a2V5 ;;
  "create -f -") cat >"$STATE/secret" ;;
  *"-f -") cat >"$STATE/applied.$(wc -l <"$CALLS")"; ! grep -q '^kind: Installation' "$STATE"/applied.* || touch "$STATE/installation"; ! grep -q '^kind: DeviceConfig' "$STATE"/applied.* || { echo -n ropeway >"$STATE/deviceconfig"; touch "$STATE/gpus"; } ;;
  "get crd "*) ! has "no.$3" ;;
  "kustomize "*production*) printf 'apiVersion: keda.sh/v1alpha1\napiVersion: amd.com/v1alpha1\n    name: ropeway-api-keys\n' ;;
  "get nodes -l ropeway.io/model-storage"*) [[ ! -e "$STATE/labelled" ]] || echo node/node-1 ;;
  "label node"*) touch "$STATE/labelled" ;;
  "get job "*) has job ;;
  "delete job "*) rm -f "$STATE/job" ;;
  *"--dry-run=server -k "*) ! has job || { echo 'The Job "ropeway-model-download" is invalid: spec.template: field is immutable'; exit 1; } ;;
  "kustomize "*) echo "key: ropeway.io/model-storage"; [[ "$*" == *cpu-dev* ]] || echo "    name: ropeway-api-keys" ;;
  *"-k "*) touch "$STATE/server" ;;
  "rollout status deployment/ropeway"*) has server && ! has unready ;;
  "get deployment ropeway -o name"*) ! has server || echo deployment.apps/ropeway ;;
  *limits.amd*) ! has server || echo 1 ;;
  "get pvc"*) echo "ropeway-models $(cat "$STATE/claim" 2>/dev/null || echo Bound) ropeway-models 50Gi" ;;
  *status.phase*) ! has server || echo "$(cat "$STATE/phase" 2>/dev/null || echo Running)" ;;
  *state.waiting*) cat "$STATE/waiting" 2>/dev/null ;;
  *lastState.terminated*) cat "$STATE/terminated" 2>/dev/null ;;
  *PodScheduled*) cat "$STATE/message" 2>/dev/null ;;
  *'@.type=="Ready"'*) has unready && echo False || echo True ;;
  *labels*"component=server"* | *"component=server -o jsonpath={.items[*].metadata.name}"*) ! has server || echo ropeway-1 ;;
  *endpointslices*) has noendpoints || echo 10.244.0.9 ;;
  *spec.type*) echo LoadBalancer ;;
  *loadBalancer.ingress*) has pending || echo 192.168.1.240 ;;
esac
SH
  fake curl <<'SH'
case "$*" in
  */v1/models*) cat >"$STATE/header"; printf '{"object":"list","data":[{"id":"Qwen/Qwen2.5-1.5B-Instruct","object":"model"}]}' ;;
  */chat/completions*) cat >"$STATE/header"; printf '{"choices":[{"finish_reason":"length"}]}' ;;
esac
SH
}

# The calls that change something.
changes() {
  grep -E '^(kubectl (apply|create|delete|label|taint)|helm (upgrade|uninstall|rollback)|kubeadm (init|reset)|apt-get|apt-mark (un)?hold|systemctl|modprobe|sysctl|swapoff|install)' "$CALLS" || true
}

# Everything there is in the machine, to see that nothing was written.
tree() { (cd "$BATS_TEST_TMPDIR" && find root site -type f -exec sha256sum {} + 2>/dev/null | sort); }

said() { [[ "$output" == *"$1"* ]] || { printf 'not said: %s\nbut: %s\n' "$1" "$output" >&2; return 1; }; }
not_said() { [[ "$output" != *"$1"* ]] || { printf 'said: %s\n%s\n' "$1" "$output" >&2; return 1; }; }
called() { grep -qF -- "$1" "$CALLS" || { printf 'not called: %s\n' "$1" >&2; cat "$CALLS" >&2; return 1; }; }
# A run that succeeds has printed no error either: an error trap that fires in a subshell ends only that.
exits() {
  [[ "$status" -eq "$1" ]] || { printf 'exit %s, not %s:\n%s\n' "$status" "$1" "$output" >&2; return 1; }
  (($1)) || not_said "error ["
}
# A line that starts with `!` never fails a test of bats, so: no call matches the expression.
never_called() { if grep -E -- "$1" "$CALLS" >&2; then return 1; fi; }
