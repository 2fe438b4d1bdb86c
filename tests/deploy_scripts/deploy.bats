#!/usr/bin/env bats
load fakes

IMAGE=registry.site/ropeway:0.1.0
deploy() { run "$SCRIPTS/deploy.sh" --yes "$@"; }
verify() { run "$SCRIPTS/verify.sh" "$@"; }
ready_cluster() { touch "$STATE/cluster" "$STATE/gpus"; }
ready_server() { touch "$STATE/cluster" "$STATE/gpus" "$STATE/server" "$STATE/secret"; }

# The site renders with the real kubectl, named by the tests.
render_site() {
  mkdir -p "$BATS_TEST_TMPDIR/real"
  PATH="$REAL_PATH" "${ROPEWAY_TEST_KUBECTL:-kubectl}" kustomize "$ROPEWAY_SITE"
}

@test "deploy: fresh" {
  ready_cluster
  deploy --image "$IMAGE"
  exits 0
  called "metallb/v0.16.1/config/manifests/metallb-native.yaml"
  called "kubectl apply --server-side --force-conflicts --field-manager=ropeway-scripts -k $ROPEWAY_SITE"
  said "endpoint: http://192.168.1.240:8000/v1"
  said "curl http://192.168.1.240:8000/v1/chat/completions"
}

@test "deploy: the site is what the node has, and renders" {
  ready_cluster
  deploy --image "$IMAGE"
  exits 0
  rendered="$(render_site)"
  grep -q 'image: registry.site/ropeway:0.1.0' <<<"$rendered"
  grep -q -- '- 192.168.1.240-192.168.1.250' <<<"$rendered"
  grep -A 1 supplementalGroups: <<<"$rendered" | grep -q -- "- $(stat -c %g "$ROOT/dev/kfd")"
}

@test "deploy: a digest is taken as a digest" {
  ready_cluster
  digest="sha256:$(printf 'a%.0s' {1..64})"
  deploy --image "registry.site/ropeway@$digest"
  exits 0
  render_site | grep -q "image: registry.site/ropeway@$digest"
}

@test "deploy: keys are made once, and never shown" {
  ready_cluster
  deploy --image "$IMAGE"
  exits 0
  key="$(sed -n 's/^  team: //p' "$STATE/secret")"
  [ "${#key}" -eq 48 ]
  not_said "$key"
  never_called "$key"
  : >"$CALLS"
  deploy
  exits 0
  never_called '^kubectl create'
}

@test "deploy: a second run keeps the site and installs nothing again" {
  ready_cluster
  deploy --image "$IMAGE"
  exits 0
  echo '# mine' >>"$ROPEWAY_SITE/kustomization.yaml"
  before="$(tree)"
  : >"$CALLS"
  deploy
  exits 0
  [ "$before" = "$(tree)" ]
  never_called metallb-native
  said "kept as it is"
}

@test "deploy: an address that is somebody's stops before anything is written" {
  ready_cluster
  fake ping <<<'[[ "$*" == *192.168.1.245 ]]'
  deploy --image "$IMAGE"
  exits 12
  said "192.168.1.245 is in use"
  said "--address-range"
  [ ! -e "$ROPEWAY_SITE/kustomization.yaml" ]
}

@test "deploy: a device that drops pings has its address all the same" {
  ready_cluster
  sed -i 's/^case "$\*" in$/&\n  "neigh show 192.168.1.244") echo "192.168.1.244 dev eth0 lladdr 00:00:5e:00:53:01 STALE" ;;\n  "neigh "*) echo "$3 dev eth0 FAILED" ;;/' "$FAKE/ip.sh"
  deploy --image "$IMAGE"
  exits 12
  said "192.168.1.244 is in use"
}

@test "deploy: without ping no address is called free" {
  ready_cluster
  mkdir "$FAKE/tools"
  ln -s /usr/bin/* "$FAKE/tools/"
  rm -f "$FAKE/bin/ping" "$FAKE/tools/ping"
  PATH="$FAKE/bin:$FAKE/tools" deploy --image "$IMAGE"
  exits 12
  said "ping is not installed"
  said "--address-range"
}

@test "deploy: without MetalLB the site has no pool" {
  ready_cluster
  deploy --image "$IMAGE" --no-metallb
  exits 0
  never_called metallb-native
  rendered="$(render_site)"
  grep -q 'kind: DeviceConfig' <<<"$rendered"
  [ -z "$(grep metallb <<<"$rendered")" ]
}

@test "deploy: a site with a pool is not applied where nobody knows pools" {
  ready_cluster
  deploy --image "$IMAGE"
  exits 0
  sed -i 's/^  "kustomize "\*) /&echo "apiVersion: metallb.io\/v1beta1"; /' "$FAKE/kubectl.sh"
  touch "$STATE/no.ipaddresspools.metallb.io"
  : >"$CALLS"
  deploy --no-metallb
  exits 15
  said "MetalLB is missing"
  [ -z "$(changes)" ]
}

@test "deploy: a given range is taken" {
  ready_cluster
  deploy --image "$IMAGE" --address-range 10.9.0.1-10.9.0.9
  exits 0
  grep -q '10.9.0.1-10.9.0.9' "$ROPEWAY_SITE/kustomization.yaml"
}

@test "deploy: the pool follows the node's real netmask" {
  ready_cluster
  sed -i 's#192.168.1.10/24#192.168.1.10/26#' "$FAKE/ip.sh"
  deploy --image "$IMAGE"
  exits 0
  grep -q '"192.168.1.48-192.168.1.58"' "$ROPEWAY_SITE/kustomization.yaml"
}

@test "deploy: a network that is too small" {
  ready_cluster
  sed -i 's#192.168.1.10/24#192.168.1.10/29#' "$FAKE/ip.sh"
  deploy --image "$IMAGE"
  exits 12
  said "too small"
}

@test "deploy: a machine that is not the cluster's node" {
  ready_cluster
  sed -i 's#192.168.1.10/24#10.1.1.1/24#' "$FAKE/ip.sh"
  deploy --image "$IMAGE"
  exits 12
  said "its network's size is unknown"
  not_said "a command failed"
}

@test "deploy: latest, or no version, is refused" {
  ready_cluster
  deploy --image registry.site/ropeway:latest
  exits 2
  deploy --image registry.site:5000/ropeway
  exits 2
  deploy
  exits 2
  [ -z "$(changes)" ]
}

@test "deploy: no GPUs is the GPU's layer" {
  touch "$STATE/cluster"
  deploy --image "$IMAGE"
  exits 11
  said "install-gpu-operator.sh"
}

@test "deploy: MetalLB that does not start" {
  ready_cluster
  sed -i 's/touch "$STATE\/metallb"/true/' "$FAKE/kubectl.sh"
  deploy --image "$IMAGE"
  exits 12
  said "next: kubectl get pods -n metallb-system"
}

@test "deploy: nodes that MetalLB passes over in silence" {
  ready_cluster
  touch "$STATE/excluded"
  deploy --image "$IMAGE"
  exits 12
  said "every node is labelled node.kubernetes.io/exclude-from-external-load-balancers"
  said "next: kubectl label nodes NAME node.kubernetes.io/exclude-from-external-load-balancers-"
  [ -z "$(changes)" ]
  deploy --image "$IMAGE" --no-metallb
  exits 0
  said "warn network  every node is labelled"
}

@test "deploy: cpu-dev needs neither GPU nor MetalLB" {
  touch "$STATE/cluster"
  deploy --image "$IMAGE" --overlay cpu-dev
  never_called metallb
  render_site | grep -q 'image: registry.site/ropeway:0.1.0'
}

@test "deploy: a single node is labelled as the one with the models, once" {
  touch "$STATE/cluster"
  deploy --image "$IMAGE" --overlay cpu-dev
  called "kubectl label node node-1 ropeway.io/model-storage=true"
  : >"$CALLS"
  deploy --overlay cpu-dev
  never_called '^kubectl label'
}

@test "deploy: of several nodes none is guessed" {
  touch "$STATE/cluster"
  sed -i 's/) echo node-1 ;;/) echo node-1 node-2 ;;/' "$FAKE/kubectl.sh"
  deploy --image "$IMAGE" --overlay cpu-dev
  exits 13
  said "next: kubectl label node"
  never_called '^kubectl (label|apply.* -k)'
}

@test "deploy: a download Job in the way of an upgrade is taken away" {
  ready_cluster
  touch "$STATE/job"
  deploy --image "$IMAGE"
  exits 0
  called "kubectl delete job ropeway-model-download -n ropeway"
  : >"$CALLS"
  deploy
  exits 0
  never_called 'delete job'
}

@test "deploy: a server that does not come up is traced to its layer" {
  ready_cluster
  touch "$STATE/unready"
  echo "0/1 nodes are available: 1 Insufficient amd.com/gpu." >"$STATE/message"
  deploy --image "$IMAGE"
  exits 11
  said "no free GPU"
}

@test "deploy: an overlay whose operator is missing stops before anything is changed" {
  ready_cluster
  touch "$STATE/no.scaledobjects.keda.sh"
  deploy --image "$IMAGE" --overlay production
  exits 15
  said "KEDA is missing"
  [ -z "$(changes)" ]
  rm "$STATE/no.scaledobjects.keda.sh"
  deploy --image "$IMAGE" --overlay production
  exits 0
  said "here: the AMD GPU operator"
}

@test "deploy: --dry-run changes nothing" {
  ready_cluster
  before="$(tree)"
  run "$SCRIPTS/deploy.sh" --dry-run --image "$IMAGE"
  exits 0
  [ "$before" = "$(tree)" ]
  [ -z "$(changes)" ]
  said "would write: $ROPEWAY_SITE/kustomization.yaml"
  said "would create: Secret"
}

@test "verify: all there" {
  ready_server
  verify
  exits 0
  [ -z "$(changes)" ]
  grep -q 'Authorization: Bearer key' "$STATE/header"
  never_called 'Bearer key'
}

# broken FILE TEXT CODE WORDS
broken() {
  ready_server
  printf '%s' "$2" >"$STATE/$1"
  verify
  exits "$3"
  said "$4"
  said "next: "
}

@test "verify: node not Ready" { broken node NotReady 15 "not Ready: node-1"; }
@test "verify: no GPU offered" { ready_server; rm "$STATE/gpus"; verify; exits 11; said "no node offers"; }
@test "verify: claim not bound" { broken claim Pending 13 "ropeway-models is Pending, although the pod exists"; }
@test "verify: no free GPU" { broken message "0/3 nodes are available: 3 Insufficient amd.com/gpu." 11 "no free GPU"; }
@test "verify: volume on no node" { broken message "1 node(s) had volume node affinity conflict" 13 "volume node affinity"; }
@test "verify: not enough memory" { broken message "1 Insufficient memory" 15 "Insufficient memory"; }
@test "verify: image" { broken waiting ImagePullBackOff 14 "cannot be pulled"; }
@test "verify: secret missing" { broken waiting CreateContainerConfigError 14 "ConfigMap or Secret is missing"; }
@test "verify: out of memory" { broken terminated OOMKilled 14 "host memory"; }
@test "verify: crash loop" { broken waiting CrashLoopBackOff 14 "ends again and again"; }
@test "verify: still loading" { broken unready "" 14 "may still load"; }
@test "verify: no pod at all" { ready_server; sed -i 's/has server || echo "$(cat "$STATE\/phase".*/true ;;/' "$FAKE/kubectl.sh"; verify; exits 14; said "no pod exists"; }
@test "verify: no endpoints" { broken noendpoints "" 12 "selector does not match"; }
@test "verify: no external address" { broken pending "" 12 "no external address"; }
@test "verify: a balancer that has a name only" {
  ready_server
  sed -i 's/  \*loadBalancer.ingress\*) .*/  *loadBalancer.ingress*hostname*) echo lb.example.com ;;/' "$FAKE/kubectl.sh"
  verify
  exits 0
  said "endpoint: http://lb.example.com:8000/v1"
}
@test "verify: nothing answers" { ready_server; fake curl <<<'exit 7'; verify; exits 12; said "nothing answers at http://192.168.1.240:8000"; }
@test "verify: the chat is refused" {
  ready_server
  sed -i 's#\*/chat/completions\*)#*/chat/completions*) exit 22 ;; nothing)#' "$FAKE/curl.sh"
  verify
  exits 14
  said "is refused"
}
@test "verify: no Deployment" { touch "$STATE/cluster"; verify; exits 15; said "deploy.sh"; }
