#!/usr/bin/env bash
# Puts the server on the cluster: MetalLB with an address range of the node's own network, API keys,
# the manifests of an overlay; waits, and prints the endpoint with a command to try.
#
#   deploy.sh --image REFERENCE [--overlay single-node] [--address-range A-B] [--no-metallb]
#             [--regenerate] [--dry-run] [--yes]
#
# --no-metallb: another balancer gives the addresses; the site then has no pool.
# What is particular to this site (image, addresses, device groups) goes into deploy/site, a
# kustomization over the overlay: made once, kept on later runs, made again with --regenerate. Keep it
# in your own repository; GitOps can apply it as it is.
set -euo pipefail
# shellcheck source=deploy/scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

overlay=single-node
image=""
range=""
metallb=1
regenerate=0
while (($#)); do
  case "$1" in
    --overlay | --image | --address-range)
      [[ -n "${2:-}" ]] || usage_error "$1 takes a value"
      case "$1" in
        --overlay) overlay="$2" ;;
        --image) image="$2" ;;
        *) range="$2" ;;
      esac
      shift
      ;;
    --no-metallb) metallb=0 ;;
    --regenerate) regenerate=1 ;;
    *) common_option "$1" || usage_error "unknown option $1" ;;
  esac
  shift
done
site="${ROPEWAY_SITE:-$DEPLOY/site}"
namespace=ropeway
[[ -f "$DEPLOY/overlays/$overlay/kustomization.yaml" ]] ||
  usage_error "there is no overlay $overlay; there are: $(cd "$DEPLOY/overlays" && echo *)"
[[ "$overlay" != multi-tenant ]] || usage_error "several teams are applied with kubectl apply -k, or by GitOps; see deploy/README.md"
[[ "$overlay" != cpu-dev ]] || metallb=0
if [[ ! -f "$site/kustomization.yaml" ]] || ((regenerate)); then
  [[ -n "$image" ]] || usage_error "--image is needed for the first deployment (deploy/image builds one)"
  [[ "$image" == *@sha256:* || "${image##*/}" == *:?* ]] || usage_error "--image needs a version or a digest"
  [[ "$image" != *:latest ]] || usage_error "--image: latest is no version; a rollback could not name what ran before"
fi
set_error_trap

to_number() {
  local IFS=. part number=0
  for part in $1; do number=$((number * 256 + part)); done
  echo "$number"
}
to_address() { echo "$(($1 >> 24 & 255)).$(($1 >> 16 & 255)).$(($1 >> 8 & 255)).$(($1 & 255))"; }

# A device that drops pings has answered for its address all the same.
answers() {
  ping -c 1 -W 1 "$1" >/dev/null 2>&1 || [[ "$(ip neigh show "$1" 2>/dev/null)" == *lladdr* ]]
}

# The node's address with the length of its network's prefix, 192.168.1.10/24.
node_network() {
  local address
  address="$(kubectl get nodes -o 'jsonpath={.items[0].status.addresses[?(@.type=="InternalIP")].address}')"
  ip -o -4 address show 2>/dev/null | awk '{print $4}' | grep "^${address// */}/" | head -n 1 || true
}

# Eleven addresses below the end of the node's network (.240 to .250 in a /24), each asked whether it is
# somebody's.
derive_range() {
  local network prefix first last address number
  network="$(node_network)"
  [[ -n "$network" ]] || fail "this machine is not the cluster's first node, so its network's size is unknown" "$0 --address-range FIRST-LAST"
  prefix="${network#*/}"
  ((prefix <= 27)) || fail "the network $network is too small to take addresses from it unasked" "$0 --address-range FIRST-LAST"
  require_command ping "apt-get install iputils-ping; or $0 --address-range FIRST-LAST, of addresses that are free"
  number=$(($(to_number "${network%/*}") | ((1 << (32 - prefix)) - 1)))
  first=$((number - 15))
  last=$((number - 5))
  for ((number = first; number <= last; number++)); do
    address="$(to_address "$number")"
    if answers "$address"; then
      fail "$address is in use by another device" "$0 --address-range FIRST-LAST, outside the DHCP server's range"
    fi
  done
  range="$(to_address "$first")-$(to_address "$last")"
}

announcers() {
  step network "kubectl label nodes NAME $EXCLUDE_LABEL-" "Nodes that may announce addresses"
  if no_node_announces; then
    ((DRY_RUN)) || fail "every node is labelled $EXCLUDE_LABEL, so MetalLB would announce no address"
    say "   none: all are labelled $EXCLUDE_LABEL"
  fi
}

install_metallb() {
  step network "kubectl get pods -n metallb-system" "MetalLB $METALLB_VERSION"
  why "on bare metal nobody else gives a Service of type LoadBalancer its address"
  # Both: a run that was cut off may have left the one without the other.
  if kubectl get deployment/controller daemonset/speaker -n metallb-system >/dev/null 2>&1; then
    say "   already here"
  else
    run kubectl apply --server-side -f "https://raw.githubusercontent.com/metallb/metallb/$METALLB_VERSION/config/manifests/metallb-native.yaml"
  fi
  # The pool is refused until the webhook behind this Service answers.
  metallb_ready() {
    kubectl rollout status deployment/controller -n metallb-system --timeout=1s &&
      [[ -n "$(kubectl get endpoints metallb-webhook-service -n metallb-system -o 'jsonpath={.subsets[*].addresses[*].ip}')" ]]
  }
  wait_for "MetalLB and its webhook" metallb_ready || fail "MetalLB does not start"
}

# Numbers of the groups that own this node's GPU devices, as a YAML list.
device_groups() {
  local node numbers=()
  for node in "$HOST_ROOT/dev/kfd" "$HOST_ROOT"/dev/dri/renderD*; do
    [[ -e "$node" ]] && numbers+=("$(stat -c %g "$node")")
  done
  ((${#numbers[@]})) || return 0
  printf '%s\n' "${numbers[@]}" | sort -un | paste -sd ,
}

site_text() {
  local name="${image%%@*}" groups
  cat <<YAML
# Made by deploy.sh; yours to keep and change. It is not made again without --regenerate.
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
  - $(realpath -m --relative-to="$site" "$DEPLOY/overlays/$overlay")
images:
  - name: registry.example.com/ropeway
YAML
  if [[ "$image" == *@* ]]; then
    printf '    newName: %s\n    digest: %s\n' "$name" "${image#*@}"
  else
    printf '    newName: %s\n    newTag: "%s"\n' "${image%:*}" "${image##*:}"
  fi
  [[ "$overlay" != cpu-dev ]] || return 0
  groups="$(device_groups)"
  printf 'patches:\n'
  if ((!metallb)); then
    cat <<'YAML'
  # Another balancer gives the addresses (--no-metallb).
  - target: {kind: IPAddressPool|L2Advertisement, name: ropeway}
    patch: |-
      $patch: delete
      apiVersion: metallb.io/v1beta1
      kind: IPAddressPool
      metadata:
        name: any
YAML
  else
    cat <<YAML
  - target: {kind: IPAddressPool, name: ropeway}
    patch: |-
      - op: replace
        path: /spec/addresses
        value: ["$range"]
YAML
  fi
  if [[ -n "$groups" ]]; then
    cat <<YAML
  - target: {kind: Deployment, name: ropeway}
    patch: |-
      - op: replace
        path: /spec/template/spec/securityContext/supplementalGroups
        value: [$groups]
YAML
  fi
}

make_site() {
  step network "$0 --address-range FIRST-LAST" "This site: $site"
  if [[ -f "$site/kustomization.yaml" ]] && ((!regenerate)); then
    say "   kept as it is (--regenerate makes it again)"
    return 0
  fi
  if ((metallb)) && [[ -z "$range" ]]; then
    derive_range
  fi
  ((metallb)) && say "   addresses for Services: $range"
  if ((DRY_RUN)); then
    say "   would write: $site/kustomization.yaml"
    site_text | sed 's/^/     /'
    return 0
  fi
  mkdir -p "$site"
  site_text >"$site/kustomization.yaml"
  say "   write: $site/kustomization.yaml"
}

# The local volume is a folder of the node that has the label; without one its claim waits for ever.
model_node() {
  kubectl kustomize "$DEPLOY/overlays/$overlay" | grep 'ropeway.io/model-storage' >/dev/null || return 0
  step storage "kubectl label node NAME ropeway.io/model-storage=true" "Node with the models"
  local names
  names="$(kubectl get nodes -l ropeway.io/model-storage=true -o name)"
  if [[ -n "$names" ]]; then
    say "   labelled: $names"
    return 0
  fi
  why "the volume is the folder $MODEL_FOLDER of one node, and this label says of which"
  read -r -a names <<<"$(kubectl get nodes -o 'jsonpath={.items[*].metadata.name}')"
  ((${#names[@]} == 1)) || ((DRY_RUN)) || fail "no node is labelled, and there are ${#names[@]}"
  run kubectl label node "${names[0]}" ropeway.io/model-storage=true
  say "   on ${names[0]} the model belongs into $MODEL_FOLDER, which must exist there"
}

random_key() { od -An -N 24 -tx1 /dev/urandom | tr -d ' \n'; }

api_keys() {
  step cluster "kubectl get secret ropeway-api-keys -n $namespace" "API keys"
  if ! kubectl kustomize "$DEPLOY/overlays/$overlay" | grep 'name: ropeway-api-keys' >/dev/null; then
    say "   the overlay $overlay asks for none"
    return 0
  fi
  if kubectl get secret ropeway-api-keys -n "$namespace" >/dev/null 2>&1; then
    say "   kept: Secret ropeway-api-keys"
    return 0
  fi
  why "without a key everybody who reaches the address could use the GPUs; random, made once, never shown here"
  apply_text "Namespace/$namespace" <"$DEPLOY/base/namespace.yaml"
  if ((DRY_RUN)); then
    say "   would create: Secret ropeway-api-keys with two random keys"
    return 0
  fi
  local team metrics
  team="$(random_key)"
  metrics="$(random_key)"
  # Through a pipe, not as arguments, which other users of this machine could read.
  printf 'apiVersion: v1\nkind: Secret\nmetadata:\n  name: ropeway-api-keys\n  namespace: %s\nstringData:\n  team: %s\n  metrics: %s\n  keys: %s,%s\n' \
    "$namespace" "$team" "$metrics" "$team" "$metrics" | kubectl create -f - >/dev/null
  say "   created: Secret ropeway-api-keys"
}

image_volumes() {
  kubectl kustomize "$site" | grep -E '^ *- image:$|^ +image:$' >/dev/null || return 0
  version_in "$(server_version)" 1.35 "$KUBERNETES_VERSION_MAX" ||
    fail "image volumes need Kubernetes 1.35; older API servers drop the field without a word" "use components/storage-local or components/storage-cache"
}

# A Job's pod cannot be changed. After a change of image or model the old Job is in the way of the new one.
download_job() {
  local job=ropeway-model-download told
  kubectl get job "$job" -n "$namespace" >/dev/null 2>&1 || return 0
  if told="$(kubectl apply --server-side --force-conflicts --field-manager=ropeway-scripts --dry-run=server -k "$site" 2>&1)"; then
    return 0
  fi
  [[ "$told" == *"$job"*immutable* ]] || return 0
  why "the Job of the last deployment cannot be changed to the new one; what it has fetched stays on the volume"
  run kubectl delete job "$job" -n "$namespace"
}

# Operators that the overlay counts on, found by the kinds it has.
operators() {
  step cluster "$0 --overlay single-node needs none of them" "Operators that $overlay counts on"
  local rendered group kind what source="$DEPLOY/overlays/$overlay"
  [[ ! -f "$site/kustomization.yaml" ]] || ((regenerate)) || source="$site"
  rendered="$(kubectl kustomize "$source")"
  while read -r group kind what; do
    grep -q "^apiVersion: $group/" <<<"$rendered" || continue
    # Installed by this script, or left out of the site that it makes.
    if [[ "$group" == metallb.io ]] && { ((metallb)) || [[ "$source" != "$site" ]]; }; then
      continue
    fi
    if kubectl get crd "$kind.$group" >/dev/null 2>&1; then
      say "   here: $what"
    elif ((DRY_RUN)); then
      say "   missing: $what"
    else
      fail "the cluster does not know $kind.$group: $what is missing" "install $what (examples/argocd/apps/operators.yaml has chart and version)"
    fi
  done <<'LIST'
amd.com deviceconfigs the AMD GPU operator
keda.sh scaledobjects KEDA
monitoring.coreos.com podmonitors the Prometheus operator
metallb.io ipaddresspools MetalLB
LIST
}

server() {
  step runtime "kubectl get events -n $namespace --sort-by=.lastTimestamp | tail; $DEPLOY/scripts/verify.sh" "Server"
  if ((DRY_RUN)); then
    say "   would run: kubectl apply --server-side -k $site"
    return 0
  fi
  image_volumes
  download_job
  run kubectl apply --server-side --force-conflicts --field-manager=ropeway-scripts -k "$site"
  rolled_out() { kubectl rollout status deployment/ropeway -n "$namespace" --timeout=1s; }
  if ! wait_for "the server to be ready" rolled_out; then
    trap - ERR
    say "   the server is not ready; looking for the layer:"
    "$DEPLOY/scripts/verify.sh" --namespace "$namespace"
    fail "the server is not ready, although nothing is found missing; it may still load"
  fi
}

say "This deploys overlay $overlay into the cluster of the current kubectl context$( ((metallb)) && echo ", with MetalLB $METALLB_VERSION"),"
say "labels a single node as the one with the models if none is, writes $site/kustomization.yaml$( ((regenerate)) && echo " anew (your changes in it are lost)" || echo " if it is not there"), and makes a Secret with API keys if there is none."
confirm
step cluster "kubectl cluster-info" "Cluster"
require_cluster
if [[ "$overlay" != cpu-dev ]]; then
  step gpu "$DEPLOY/scripts/install-gpu-operator.sh" "GPUs"
  has_resource amd.com/gpu || ((DRY_RUN)) || fail "no node offers amd.com/gpu"
  say "   offered: $(allocatable amd.com/gpu)"
fi
operators
if ((metallb)); then
  announcers
  install_metallb
fi
make_site
model_node
api_keys
server
if ((DRY_RUN)); then
  printf '\nnothing was changed\n'
  exit 0
fi
trap - ERR
exec "$DEPLOY/scripts/verify.sh" --namespace "$namespace"
