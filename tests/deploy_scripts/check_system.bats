#!/usr/bin/env bats
load fakes

check() { run "$SCRIPTS/check-system.sh" "$@"; }

@test "a good machine is ready, and nothing was changed" {
  before="$(tree)"
  check
  exits 0
  said "2 AMD GPU(s)"
  said "ready; next:"
  not_said FAIL
  [ "$before" = "$(tree)" ]
  [ -z "$(changes)" ]
}

@test "the group numbers of the device nodes are told" {
  chgrp 0 "$ROOT/dev/kfd" 2>/dev/null || true
  check
  said "group number(s) for supplementalGroups: $(stat -c %g "$ROOT/dev/kfd")"
}

@test "an unknown system" {
  printf 'ID=fedora\nVERSION_ID=41\n' >"$ROOT/etc/os-release"
  check
  exits 10
  said "FAIL host     system           fedora 41"
}

@test "an old kernel" {
  echo 5.4.0-1 >"$ROOT/proc/sys/kernel/osrelease"
  check
  exits 10
  said "FAIL host     kernel"
}

@test "a full disk, little memory, no names" {
  cat >"$FAKE/bin/df" <<'SH'
#!/usr/bin/env bash
printf 'Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/sda1 99999999 0 %s 0%% /\n' $((39 * 1048576))
SH
  chmod +x "$FAKE/bin/df"
  printf 'MemTotal:       8388608 kB\n' >"$ROOT/proc/meminfo"
  fake getent <<<'exit 2'
  check
  exits 10
  said "FAIL host     disk             39 GiB free on /"
  said "do: make 40 GiB free"
  said "warn host     memory           8 GiB"
  said "warn network  names            registry.k8s.io has no address"
}

@test "the systems that work" {
  for system in "ubuntu 22.04" "ubuntu 24.04" "debian 12"; do
    printf 'PRETTY_NAME="x"\nVERSION_ID="%s"\nID=%s\n' "${system#* }" "${system% *}" >"$ROOT/etc/os-release"
    check
    exits 0
    said "ok   host     system           $system"
  done
}

@test "a container, and control groups of version 1" {
  echo '12:cpuset:/kubepods/burstable/pod1' >"$ROOT/proc/1/cgroup"
  rm "$ROOT/sys/fs/cgroup/cgroup.controllers"
  check
  exits 10
  said "this is a container (by its control group)"
  said "version 1"
}

@test "a container that sees its own control groups as the root" {
  echo '0::/' >"$ROOT/proc/1/cgroup"
  check
  exits 10
  said "this is a container (by its control group)"
}

@test "a pod, and a container that only systemd knows" {
  export KUBERNETES_SERVICE_HOST=10.96.0.1
  check
  exits 10
  said "this is a container (a pod)"
  unset KUBERNETES_SERVICE_HOST
  fake systemd-detect-virt <<<'echo systemd-nspawn'
  check
  exits 10
  said "this is a container (systemd-nspawn)"
}

@test "a held package lock is named by its process, never broken" {
  inode="$(stat -c %i "$ROOT/var/lib/dpkg/lock-frontend")"
  echo "1: POSIX  ADVISORY  WRITE 4711 08:01:$inode 0 EOF" >"$ROOT/proc/locks"
  check
  exits 10
  said "held by process 4711"
  [ -e "$ROOT/var/lib/dpkg/lock-frontend" ]
}

@test "waiting for a lock ends when it is free" {
  inode="$(stat -c %i "$ROOT/var/lib/dpkg/lock-frontend")"
  echo "1: POSIX  ADVISORY  WRITE 4711 08:01:$inode 0 EOF" >"$ROOT/proc/locks"
  (until grep -q 4711 "$FAKE/seen" 2>/dev/null; do sleep 0.05; done; : >"$ROOT/proc/locks") &
  "$SCRIPTS/check-system.sh" --wait-for-locks 60 | tee "$FAKE/seen" | grep -q 'package-locks    free'
}

@test "no route, and a port that is taken" {
  fake ip </dev/null
  fake ss <<<'[[ "$*" != *6443* ]] || echo "LISTEN 0 1 *:6443"'
  check
  exits 12
  said "no default route"
  said "taken: 6443"
}

@test "the ports of a cluster that is here are no failure" {
  fake ss <<<'echo "LISTEN 0 1 *:6443"'
  mkdir -p "$ROOT/etc/kubernetes"
  touch "$ROOT/etc/kubernetes/admin.conf"
  check
  exits 0
}

@test "an AMD processor is no GPU" {
  for device in "$ROOT"/sys/bus/pci/devices/*; do echo 0x060000 >"$device/class"; done
  check
  exits 11
  said "no AMD GPU on the PCI bus"
}

@test "no driver, no device nodes" {
  rm -r "$ROOT/sys/module/amdgpu"
  check
  exits 11
  said "amdgpu is not loaded"
  mkdir "$ROOT/sys/module/amdgpu"
  rm "$ROOT/dev/kfd"
  check
  exits 11
  said "/dev/kfd or /dev/dri/renderD* is missing"
}

@test "warnings do not fail: NUMA balancing, IOMMU, swap" {
  echo 1 >"$ROOT/proc/sys/kernel/numa_balancing"
  echo 'ro quiet' >"$ROOT/proc/cmdline"
  echo '/swap.img file 8388604 0 -2' >>"$ROOT/proc/swaps"
  check
  exits 0
  said "warn gpu      numa-balancing   on"
  said "warn gpu      iommu"
  said "on: /swap.img"
}

@test "--json is JSON, with the same verdicts" {
  rm "$ROOT/dev/kfd"
  check --json
  exits 11
  jq -e 'map(select(.state == "FAIL")) | length == 1 and .[0].check == "device-nodes" and .[0].remedy != ""' <<<"$output"
}

@test "--no-gpu leaves the GPU out" {
  rm -r "$ROOT/sys/bus/pci/devices"
  check --no-gpu
  exits 0
}

@test "an unknown option is usage" {
  check --auto-resolve
  exits 2
  said "--help"
}
