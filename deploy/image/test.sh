#!/usr/bin/env bash
# Builds the CPU image without a network and runs it as a pod would: serves a model from a mounted
# folder, answers the probes and a chat, and finishes a stream after SIGTERM.
#
#   deploy/image/test.sh BINARY MODEL.gguf
#
# The build stage needs a Rust image, which cannot be pulled here; so BINARY, built on the host, goes
# through the same rootfs.sh, and the stage `cpu` of the Containerfile is built as it stands on the result.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../.." && pwd)"
binary="$(realpath "$1")" model="$(realpath "$2")"
export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot SOURCE_DATE_EPOCH=0
work="$(mktemp -d)"
export BUILDAH_HISTORY=false CONTAINERS_STORAGE_CONF="$work/storage.conf"
# A storage of its own, so that no image of this machine is touched and nothing is left.
printf '[storage]\ndriver = "vfs"\nrunroot = "%s/run"\ngraphroot = "%s/graph"\n' "$work" "$work" >"$CONTAINERS_STORAGE_CONF"
server=""
finish() {
  if [[ -n "$server" ]]; then
    # Its whole session: the server is a grandchild of what was started.
    kill -KILL -- "-$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  [[ -z "${container:-}" ]] || buildah rm "$container" >/dev/null 2>&1 || true
  rm -rf "$work"
}
trap finish EXIT
fail() {
  printf 'image test: %s\n' "$*" >&2
  [[ ! -f "$work/log" ]] || tail -n 20 "$work/log" >&2
  exit 1
}

(cd "$root" && cargo tree --locked --offline --edges normal --prefix none --package ropeway) >"$work/packages"
mkdir "$work/context"
BUDGET_BYTES=50000000 "$here/rootfs.sh" "$work/context/rootfs" "$binary" "$work/packages"

# The stage as it stands, except that its files come from the context.
awk '/^FROM/ {on = $0 ~ / AS cpu$/} on' "$here/Containerfile" |
  sed 's#^COPY --from=build /rootfs/ /#COPY rootfs/ /#' >"$work/Containerfile"
grep -q '^COPY rootfs/ /$' "$work/Containerfile" || fail "the stage cpu was not found in the Containerfile"
digests=()
for run in 1 2; do
  buildah build --quiet --no-cache --timestamp 0 --tag "ropeway:test$run" -f "$work/Containerfile" "$work/context" >/dev/null
  buildah push --quiet --digestfile "$work/digest$run" "ropeway:test$run" "oci:$work/oci$run" >/dev/null
  digests+=("$(cat "$work/digest$run")")
done
[[ "${digests[0]}" == "${digests[1]}" ]] || fail "the same input gave two digests: ${digests[*]}"
size="$(du -sb --apparent-size "$work/context/rootfs" | cut -f 1)"

container="$(buildah from ropeway:test1)"
mount="$(buildah mount "$container")"
[[ ! -e "$mount/bin/sh" && ! -e "$mount/usr/bin/sh" ]] || fail "there is a shell in the image"
[[ "$(buildah inspect --type image --format '{{.OCIv1.Config.User}}' ropeway:test1)" == 65532:65532 ]] || fail "the image runs as root"
[[ "$(buildah inspect --type image --format '{{index .OCIv1.Config.Labels "org.opencontainers.image.licenses"}}' ropeway:test1)" == Apache-2.0 ]] || fail "the labels are missing"
jq -e '.spdxVersion == "SPDX-2.3" and ([.packages[].name] | index("tokio") and index("libc.so.6"))' \
  "$mount/usr/share/doc/ropeway/sbom.spdx.json" >/dev/null || fail "the bill of materials is no SPDX, or lacks what is in the image"

# As in the pod of overlays/cpu-dev: its configuration, another user, no capability, the model read-only.
# Only the port is a free one.
config="$root/deploy/overlays/cpu-dev"
mkdir "$work/models" "$work/config"
cp "$config/ropeway.toml" "$work/config/"
cp "$model" "$work/models/SmolLM2-135M-Instruct.Q4_1.gguf"
chmod -R a+rX "$work"
: >"$work/log"
setsid buildah run --isolation chroot --user 65532:65532 --cap-drop all --env ROPEWAY_PORT=0 \
  --volume "$work/models:/models:ro" --volume "$work/config:/etc/ropeway:ro" "$container" -- \
  /usr/bin/ropeway serve --config /etc/ropeway/ropeway.toml >"$work/log" 2>&1 &
server=$!
# poll WHAT COMMAND...
poll() {
  local what="$1" deadline=$((SECONDS + 120))
  shift
  until "$@"; do
    ((SECONDS < deadline)) || fail "never: $what"
    kill -0 "$server" 2>/dev/null || fail "the server ended before: $what"
    sleep 0.1
  done
}
address_known() { url="$(sed -n 's/.*listening on \(http:[^ "]*\).*/\1/p' "$work/log" | head -n 1)" && [[ -n "$url" ]]; }
poll "it listens" address_known
probe() { [[ "$(curl -s -o /dev/null -w '%{http_code}' "$url$1")" == "$2" ]]; }
poll "it is ready" probe /readyz 200
probe /livez 200 || fail "/livez is not 200"
probe /startupz 200 || fail "/startupz is not 200"
curl -sf "$url/metrics" | grep '^ropeway:saturation' >/dev/null || fail "/metrics lacks the saturation gauge"

# A stream is running when the signal comes, and ends with its last line.
body='{"model":"SmolLM2-135M-Instruct","stream":true,"ignore_eos":true,"max_tokens":192,"messages":[{"role":"user","content":"Count."}]}'
: >"$work/stream"
curl -sN "$url/v1/chat/completions" -H 'Content-Type: application/json' -d "$body" >"$work/stream" &
client=$!
streaming() { grep -q '"content"' "$work/stream"; }
poll "the stream begins" streaming
inside="$(pgrep -g "$server" -f '^/usr/bin/ropeway serve --config /etc/ropeway/ropeway.toml$')"
[[ -n "$inside" ]] || fail "the server's process was not found"
[[ "$(awk '$1 == "Uid:" {print $2}' "/proc/$inside/status")" == 65532 ]] || fail "the server does not run as 65532"
[[ "$(awk '$1 == "CapEff:" {print $2}' "/proc/$inside/status")" == 0000000000000000 ]] || fail "the server has capabilities"
kill -TERM "$inside"
wait "$client" || fail "the stream was cut off"
tail -n 2 "$work/stream" | grep '\[DONE\]' >/dev/null || fail "the stream ended without [DONE]"
wait "$server" || fail "the server ended with code $?, not 0"
server=""
# The pod's root file system is read-only: nothing but what the builder itself mounts may be new.
written="$(cd "$mount" && find . -type f -newermt @1 ! -path './etc/host*' ! -path './etc/resolv.conf' ! -path './run/*')"
[[ -z "$written" ]] || fail "the server wrote into its image: $written"
printf 'image test: passed; %d bytes, digest %s\n' "$size" "${digests[0]}"
