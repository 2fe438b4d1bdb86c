#!/usr/bin/env bash
# Walks from the node to the first token and stops at the first thing that is missing.
#
#   verify.sh [--namespace ropeway] [--url http://ADDRESS:PORT]
#
# Changes nothing. Exit code 0 if the server answers a chat, else the code of the layer: 11 gpu,
# 12 network, 13 storage, 14 runtime, 15 cluster.
set -euo pipefail
# shellcheck source=deploy/scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

namespace=ropeway
url=""
while (($#)); do
  case "$1" in
    --namespace)
      namespace="${2:-}"
      shift
      ;;
    --url)
      url="${2:-}"
      shift
      ;;
    *) common_option "$1" || usage_error "unknown option $1" ;;
  esac
  shift
done

ok() { printf 'ok   %-8s %s\n' "$LAYER" "$1"; }
get() { kubectl get "$@" -n "$namespace" 2>/dev/null || true; }
pod_field() { get pods -l app.kubernetes.io/name=ropeway,app.kubernetes.io/component=server -o "jsonpath=$1"; }

cluster() {
  LAYER=cluster NEXT="kubectl cluster-info"
  require_command kubectl "$DEPLOY/scripts/install-kubernetes.sh"
  [[ -n "$(server_version)" ]] || fail "no cluster answers kubectl"
  local nodes
  nodes="$(kubectl get nodes --no-headers 2>/dev/null | awk '$2 !~ /^Ready/ {print $1}' | paste -sd ' ')"
  [[ -z "$nodes" ]] || fail "not Ready: $nodes" "kubectl describe node ${nodes%% *}; journalctl -u kubelet on it"
  [[ -n "$(get deployment ropeway -o name)" ]] || fail "there is no Deployment ropeway in $namespace" "$DEPLOY/scripts/deploy.sh"
  ok "nodes Ready, Deployment there"
}

gpus() {
  LAYER=gpu NEXT="kubectl get pods -n kube-amd-gpu"
  local wanted
  wanted="$(get deployment ropeway -o 'jsonpath={.spec.template.spec.containers[0].resources.limits.amd\.com/gpu}')"
  if [[ -z "$wanted" ]]; then
    ok "no GPU is asked for"
    return 0
  fi
  has_resource amd.com/gpu || fail "no node offers amd.com/gpu: the device plugin does not run, or found no GPU"
  ok "$(allocatable amd.com/gpu) GPU(s) offered, $wanted asked for by a replica"
}

storage() {
  LAYER=storage NEXT="kubectl describe pvc -n $namespace"
  local line unbound
  unbound="$(get pvc --no-headers | awk '$2 != "Bound" {print $1 " is " $2}' | paste -sd ' ')"
  if [[ -n "$unbound" ]]; then
    line="$(pod_field '{.items[*].metadata.name}')"
    fail "${unbound}${line:+, although the pod exists}"
  fi
  ok "claims are bound"
}

# Why a pod does not run, by what its status says.
pods() {
  LAYER=runtime NEXT="kubectl describe pods -n $namespace"
  local phase waiting terminated message logs="kubectl logs -n $namespace deployment/ropeway --previous"
  phase="$(pod_field '{.items[*].status.phase}')"
  waiting="$(pod_field '{.items[*].status.containerStatuses[*].state.waiting.reason}')"
  terminated="$(pod_field '{.items[*].status.containerStatuses[*].lastState.terminated.reason}')"
  message="$(pod_field '{.items[*].status.conditions[?(@.type=="PodScheduled")].message}')"
  [[ -n "$phase" ]] || fail "no pod exists; a quota or Pod Security may refuse it" "kubectl describe replicaset -n $namespace"
  case "$message" in
    *"Insufficient amd.com/gpu"*)
      LAYER=gpu
      fail "no free GPU: $message" "kubectl get pods -A -o wide; free a GPU, or add a node"
      ;;
    *volume*)
      LAYER=storage
      fail "$message" "kubectl get pv,pvc -n $namespace; kubectl get nodes -l ropeway.io/model-storage=true"
      ;;
    *Insufficient* | *affinity* | *taint*)
      LAYER=cluster
      fail "$message" "kubectl describe nodes"
      ;;
  esac
  case "$waiting $terminated" in
    *ImagePull* | *ErrImage* | *InvalidImageName*) fail "the image cannot be pulled" "kubectl get events -n $namespace --field-selector reason=Failed; check --image and the registry's secret" ;;
    *CreateContainerConfigError*) fail "a ConfigMap or Secret is missing" "kubectl get secret ropeway-api-keys -n $namespace" ;;
    *OOMKilled*) fail "killed for using more host memory than its limit" "raise resources.limits.memory; ropeway inspect MODEL prints what loading needs" ;;
    *CrashLoopBackOff*) fail "the server ends again and again: ${terminated:-no reason given}" "$logs" ;;
  esac
  [[ "$(pod_field '{.items[*].status.conditions[?(@.type=="Ready")].status}')" == *True* ]] ||
    fail "the pod runs and is not ready; it may still load" "kubectl port-forward -n $namespace deployment/ropeway 8000 & curl http://127.0.0.1:8000/startupz"
  ok "a pod is ready"
}

service() {
  LAYER=network NEXT="kubectl describe service ropeway -n $namespace"
  local kind
  [[ -n "$(get endpointslices -l kubernetes.io/service-name=ropeway -o 'jsonpath={.items[*].endpoints[*].addresses[*]}')" ]] ||
    fail "the Service has no endpoints: its selector does not match the pods"
  [[ -z "$url" ]] || return 0
  kind="$(get service ropeway -o 'jsonpath={.spec.type}')"
  if [[ "$kind" != LoadBalancer ]]; then
    ok "endpoints are there; the Service is $kind, so it has no address outside"
    say "     do: kubectl port-forward -n $namespace service/ropeway 8000, then $0 --url http://127.0.0.1:8000"
    exit 0
  fi
  external_address() {
    # A balancer of a cloud may have a name only.
    address="$(get service ropeway -o 'jsonpath={.status.loadBalancer.ingress[0].ip}{.status.loadBalancer.ingress[0].hostname}')"
    [[ -n "$address" ]]
  }
  local deadline=$((SECONDS + WAIT_SECONDS / 5))
  until external_address; do
    ((SECONDS < deadline)) || fail "the Service has no external address: no pool has a free one, or MetalLB does not run" "kubectl get ipaddresspools,l2advertisements -n metallb-system; kubectl logs -n metallb-system deployment/controller"
    sleep "$POLL_SECONDS"
  done
  url="http://$address:8000"
  ok "external address $address"
  # A warning: on the node itself the address answers all the same, and other balancers may not care.
  if no_node_announces; then
    say "warn network  every node is labelled $EXCLUDE_LABEL: MetalLB announces no address from them"
    say "     do: kubectl label nodes NAME $EXCLUDE_LABEL-"
  fi
}

first_token() {
  LAYER=network NEXT="from another machine of the network: curl -v $url/livez; a firewall on the node?"
  curl -fsS --max-time 10 "$url/livez" >/dev/null || fail "nothing answers at $url"
  LAYER=runtime NEXT="kubectl logs -n $namespace deployment/ropeway"
  local key models model answer header=()
  key="$(get secret ropeway-api-keys -o 'jsonpath={.data.team}' | base64 -d)"
  # The key goes through a file descriptor: arguments are public on a machine.
  [[ -z "$key" ]] || header=(-H @-)
  models="$(printf 'Authorization: Bearer %s\n' "$key" | curl -fsS --max-time 10 "${header[@]}" "$url/v1/models")" || fail "$url/v1/models is refused"
  model="$(tr -d '\n' <<<"$models" | sed -n 's/.*"data": *\[ *{[^}]*"id": *"\([^"]*\)".*/\1/p')"
  [[ -n "$model" ]] || fail "no model is served: $models"
  answer="$(printf 'Authorization: Bearer %s\n' "$key" | curl -fsS --max-time 120 "${header[@]}" "$url/v1/chat/completions" \
    -H 'Content-Type: application/json' \
    --data "{\"model\":\"$model\",\"max_tokens\":8,\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]}")" || fail "a chat with $model is refused"
  grep -q '"finish_reason"' <<<"$answer" || fail "the answer is no chat completion: $answer"
  ok "$model answers"
  printf '\nendpoint: %s/v1\ntry:  curl %s/v1/chat/completions -H "Content-Type: application/json" \\\n' "$url" "$url"
  # shellcheck disable=SC2016  # for the reader's shell
  [[ -z "$key" ]] || printf '        -H "Authorization: Bearer $(kubectl get secret ropeway-api-keys -n %s -o jsonpath={.data.team} | base64 -d)" \\\n' "$namespace"
  printf '        -d '\''{"model":"%s","messages":[{"role":"user","content":"Hello"}]}'\''\n' "$model"
}

cluster
gpus
pods_exist="$(pod_field '{.items[*].metadata.name}')"
[[ -n "$pods_exist" ]] && storage
pods
service
first_token
