#!/usr/bin/env bash
# Looks at this machine before anything is installed, and changes nothing.
#
#   check-system.sh [--json] [--wait-for-locks SECONDS] [--no-gpu]
#
# Each line is ok, warn or FAIL with the layer, the evidence and, if not ok, what to do. Exit code 0
# without a FAIL, else the code of the first failing layer (10 host, 11 gpu, 12 network).
set -euo pipefail
# shellcheck source=deploy/scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

json=0
want_gpu=1
lock_wait=0
while (($#)); do
  case "$1" in
    --json) json=1 ;;
    --no-gpu) want_gpu=0 ;;
    --wait-for-locks)
      lock_wait="${2:-}"
      [[ "$lock_wait" =~ ^[0-9]+$ ]] || usage_error "--wait-for-locks takes seconds"
      shift
      ;;
    *) common_option "$1" || usage_error "unknown option $1" ;;
  esac
  shift
done

first_failure=0
rows=()
quoted() {
  local text="${1//\\/\\\\}"
  printf '"%s"' "${text//\"/\\\"}"
}
# report STATE LAYER NAME EVIDENCE [REMEDY]
report() {
  if [[ "$1" == FAIL ]] && ((first_failure == 0)); then
    first_failure="$(layer_code "$2")"
  fi
  if ((json)); then
    rows+=("{\"state\":$(quoted "$1"),\"layer\":$(quoted "$2"),\"check\":$(quoted "$3"),\"evidence\":$(quoted "$4"),\"remedy\":$(quoted "${5:-}")}")
    return 0
  fi
  printf '%-4s %-8s %-16s %s\n' "$1" "$2" "$3" "$4"
  [[ "$1" == ok || -z "${5:-}" ]] || printf '     do: %s\n' "$5"
}

read_file() { cat "$HOST_ROOT$1" 2>/dev/null || true; }

check_os() {
  local id version
  id="$(read_file /etc/os-release | sed -n 's/^ID="\{0,1\}\([^"]*\)"\{0,1\}$/\1/p')"
  version="$(read_file /etc/os-release | sed -n 's/^VERSION_ID="\{0,1\}\([^"]*\)"\{0,1\}$/\1/p')"
  case "$id $version" in
    "ubuntu 22.04" | "ubuntu 24.04" | "debian 12") report ok host system "$id $version" ;;
    *) report FAIL host system "${id:-unknown} $version" "use Ubuntu 22.04 or 24.04, or Debian 12; on others install Kubernetes by its own guide and go on with install-gpu-operator.sh" ;;
  esac
  local kernel
  kernel="$(read_file /proc/sys/kernel/osrelease)"
  if [[ "$(printf '%s\n5.15\n' "$kernel" | sort -V | head -n 1)" == 5.15 ]]; then
    report ok host kernel "$kernel"
  else
    report FAIL host kernel "$kernel" "upgrade to 5.15 or newer; amdgpu for MI300X needs it"
  fi
}

check_container() {
  local kind=""
  if [[ -e "$HOST_ROOT/.dockerenv" || -e "$HOST_ROOT/run/.containerenv" ]]; then
    kind="docker or podman"
  elif [[ -n "${KUBERNETES_SERVICE_HOST:-}" ]]; then
    kind="a pod"
  elif read_file /proc/1/cgroup | grep -E '^0::/$|kubepods|docker|lxc|containerd' >/dev/null; then
    # A container of version 2 sees the root of its own groups; a machine's first process is in init.scope.
    kind="by its control group"
  else
    kind="$(systemd-detect-virt --container 2>/dev/null || true)"
    [[ "$kind" != none ]] || kind=""
  fi
  if [[ -n "$kind" ]]; then
    report FAIL host container "this is a container ($kind)" "run it on the machine itself; in a container there is no kubelet to set up"
  else
    report ok host container "not in a container"
  fi
  if [[ -e "$HOST_ROOT/sys/fs/cgroup/cgroup.controllers" ]]; then
    report ok host cgroup "version 2"
  else
    report FAIL host cgroup "version 1" "boot with systemd.unified_cgroup_hierarchy=1; newer kubelets refuse version 1"
  fi
}

check_capacity() {
  local gib
  gib=$(($(df -Pk "${HOST_ROOT:-}/" | awk 'NR == 2 {print $4}') / 1048576))
  if ((gib >= 40)); then
    report ok host disk "$gib GiB free on /"
  else
    report FAIL host disk "$gib GiB free on /" "make 40 GiB free: images, etcd and logs; the kubelet evicts pods below 15 per cent"
  fi
  gib=$(($(read_file /proc/meminfo | awk '$1 == "MemTotal:" {print $2}' | grep . || echo 0) / 1048576))
  if ((gib >= 15)); then
    report ok host memory "$gib GiB"
  else
    report warn host memory "$gib GiB" "weights pass through host memory; 16 GiB is the least for a small model"
  fi
  local swap
  swap="$(read_file /proc/swaps | awk 'NR > 1 {print $1}' | paste -sd ' ')"
  if [[ -z "$swap" ]]; then
    report ok host swap off
  else
    report warn host swap "on: $swap" "install-kubernetes.sh turns it off; the kubelet does not start with it"
  fi
}

# The processes that hold dpkg's and apt's locks, by number. Needs no tool: the kernel lists locks by
# inode.
lock_holders() {
  local file inode
  for file in /var/lib/dpkg/lock-frontend /var/lib/dpkg/lock /var/lib/apt/lists/lock /var/cache/apt/archives/lock; do
    inode="$(stat -c %i "$HOST_ROOT$file" 2>/dev/null)" || continue
    read_file /proc/locks | awk -v inode="$inode" '{n = split($6, part, ":"); if (part[n] == inode) print $5}'
  done | sort -un | paste -sd ' '
}

# Waits for locks, and never kills their holders: an interrupted dpkg leaves the system half-installed.
check_locks() {
  local holders deadline=$((SECONDS + lock_wait))
  holders="$(lock_holders)"
  while [[ -n "$holders" ]] && ((SECONDS < deadline)); do
    ((json)) || say "     waiting for the package locks of process $holders"
    sleep "$POLL_SECONDS"
    holders="$(lock_holders)"
  done
  if [[ -z "$holders" ]]; then
    report ok host package-locks free
  else
    report FAIL host package-locks "held by process $holders" "let it finish (often unattended-upgrades; it takes minutes): $0 --wait-for-locks 600"
  fi
}

check_network() {
  local route
  route="$(ip -4 route show default 2>/dev/null | head -n 1)"
  if [[ -n "$route" ]]; then
    report ok network route "$route"
  else
    report FAIL network route "no default route" "ip route; kubeadm takes the node's address from it"
  fi
  if getent hosts registry.k8s.io >/dev/null; then
    report ok network names "DNS answers"
  else
    report warn network names "registry.k8s.io has no address" "fix /etc/resolv.conf, or mirror the images for a network without the internet"
  fi
  local port taken=()
  for port in 6443 2379 2380 10250 10257 10259; do
    if [[ -n "$(ss -Hltn "sport = :$port" 2>/dev/null)" ]]; then
      taken+=("$port")
    fi
  done
  if ((${#taken[@]} == 0)); then
    report ok network ports "those of the control plane are free"
  elif [[ -e "$HOST_ROOT/etc/kubernetes/admin.conf" ]]; then
    report ok network ports "taken by the Kubernetes that is here: ${taken[*]}"
  else
    report FAIL network ports "taken: ${taken[*]}" "ss -ltnp 'sport = :${taken[0]}' names the process; stop it"
  fi
}

# The AMD accelerators and displays on the PCI bus: vendor 0x1002, class 03 (display) or 12 (accelerator).
amd_gpus() {
  local device count=0
  for device in "$HOST_ROOT"/sys/bus/pci/devices/*; do
    [[ "$(cat "$device/vendor" 2>/dev/null)" == 0x1002 ]] || continue
    [[ "$(cat "$device/class" 2>/dev/null)" =~ ^0x(03|12) ]] && count=$((count + 1))
  done
  echo "$count"
}

check_gpu() {
  local count nodes=() gids
  count="$(amd_gpus)"
  if ((count == 0)); then
    report FAIL gpu pci "no AMD GPU on the PCI bus" "check seating, power and firmware; for a machine without GPU: --no-gpu, then deploy.sh --overlay cpu-dev"
    return 0
  fi
  report ok gpu pci "$count AMD GPU(s)"
  if [[ ! -d "$HOST_ROOT/sys/module/amdgpu" ]]; then
    report FAIL gpu driver "amdgpu is not loaded" "install the driver by AMD's guide (amdgpu-install --usecase=dkms), then: modprobe amdgpu"
    return 0
  fi
  report ok gpu driver "amdgpu $(read_file /sys/module/amdgpu/version)"
  for node in "$HOST_ROOT"/dev/dri/renderD*; do
    [[ -e "$node" ]] && nodes+=("$node")
  done
  if [[ ! -e "$HOST_ROOT/dev/kfd" ]] || ((${#nodes[@]} == 0)); then
    report FAIL gpu device-nodes "/dev/kfd or /dev/dri/renderD* is missing" "dmesg | grep -i amdgpu"
    return 0
  fi
  gids="$(stat -c %g "$HOST_ROOT/dev/kfd" "${nodes[@]}" | sort -un | paste -sd ' ')"
  report ok gpu device-nodes "/dev/kfd and ${#nodes[@]} render node(s); group number(s) for supplementalGroups: $gids"
  case "$(read_file /proc/sys/kernel/numa_balancing)" in
    0 | "") report ok gpu numa-balancing off ;;
    *) report warn gpu numa-balancing on "sysctl kernel.numa_balancing=0 (install-kubernetes.sh does): the GPU may hang while pages move" ;;
  esac
  if read_file /proc/cmdline | grep -E '(^| )iommu=pt( |$)' >/dev/null; then
    report ok gpu iommu "pass-through"
  else
    report warn gpu iommu "not iommu=pt" "add iommu=pt to the kernel's command line: transfers between GPUs need it"
  fi
}

check_os
check_container
check_capacity
check_locks
check_network
if ((want_gpu)); then
  check_gpu
fi
if ((json)); then
  (
    IFS=,
    printf '[%s]\n' "${rows[*]}"
  )
elif ((first_failure)); then
  printf '\nnot ready; next: do what the first FAIL says, then %s again\n' "$0"
else
  printf '\nready; next: sudo %s/install-kubernetes.sh\n' "$(dirname "$0")"
fi
exit "$first_failure"
