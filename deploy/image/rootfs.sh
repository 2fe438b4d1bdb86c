#!/usr/bin/env bash
# Puts together the root file system of an image: the binary, exactly the shared libraries that it and
# further LIBRARYs need, certificates, a user, a bill of materials. No shell, no package manager.
#
#   rootfs.sh FOLDER BINARY PACKAGES [LIBRARY...]
#
# PACKAGES is the output of `cargo tree --edges normal --prefix none --package ropeway`. Runs in the
# build stage of the Containerfile and, for tests, on the host. The same input gives the same files:
# names are sorted and times are SOURCE_DATE_EPOCH. More than BUDGET_BYTES, if it is set, is a failure.
set -euo pipefail

folder="$1" binary="$2" packages="$3"
shift 3
epoch="${SOURCE_DATE_EPOCH:-0}"
mkdir -p "$folder"/{usr/bin,etc/ssl/certs,tmp,models,usr/share/doc/ropeway}

# The libraries by the loader's own answer; the loader itself is a line without an arrow.
libraries() {
  local file
  for file in "$binary" "$@"; do
    echo "$file"
    ldd "$file"
  done | awk '$2 == "=>" && $3 ~ /^\// {print $3} $1 ~ /^\// {print $1}' | sort -u | grep -vxF "$binary"
}

install -m 0755 "$binary" "$folder/usr/bin/ropeway"
strip --strip-all "$folder/usr/bin/ropeway"
declare -A placed
while read -r library; do
  # At the path where the loader looks for it, whatever links lead there; further names of one file are links.
  file="$(readlink -f "$library")"
  if [[ -n "${placed[$file]:-}" ]]; then
    mkdir -p "$(dirname "$folder$library")"
    ln -s "${placed[$file]}" "$folder$library"
  else
    install -D -m 0755 "$file" "$folder$library"
    placed[$file]="$library"
  fi
done < <(libraries "$@")

# glibc resolves names with its built-in files and dns modules.
printf 'hosts: files dns\npasswd: files\ngroup: files\n' >"$folder/etc/nsswitch.conf"
printf 'nonroot:x:65532:65532:nonroot:/tmp:/usr/bin/false\n' >"$folder/etc/passwd"
printf 'nonroot:x:65532:\n' >"$folder/etc/group"
install -m 0644 /etc/ssl/certs/ca-certificates.crt "$folder/etc/ssl/certs/ca-certificates.crt"

# SPDX 2.3. Crates by name and version; libraries by their file's hash, since the image has files, not
# packages.
bill_of_materials() {
  local created
  created="$(date -u -d "@$epoch" +%Y-%m-%dT%H:%M:%SZ)"
  printf '{\n"spdxVersion":"SPDX-2.3","dataLicense":"CC0-1.0","SPDXID":"SPDXRef-DOCUMENT","name":"ropeway",\n'
  printf '"documentNamespace":"https://ropeway.example.com/sbom/%s",\n' "$(sha256sum "$folder/usr/bin/ropeway" | cut -d ' ' -f 1)"
  printf '"creationInfo":{"created":"%s","creators":["Tool: rootfs.sh"]},\n"packages":[\n' "$created"
  {
    sed -n 's/^\([^ ]*\) v\([^ ]*\).*/\1 \2/p' "$packages" | sort -u |
      awk '{id = $1 "-" $2; gsub(/[^A-Za-z0-9.-]/, "-", id); printf "{\"SPDXID\":\"SPDXRef-crate-%s\",\"name\":\"%s\",\"versionInfo\":\"%s\",\"downloadLocation\":\"NOASSERTION\",\"externalRefs\":[{\"referenceCategory\":\"PACKAGE-MANAGER\",\"referenceType\":\"purl\",\"referenceLocator\":\"pkg:cargo/%s@%s\"}]}\n", id, $1, $2, $1, $2}'
    (cd "$folder" && find . -name '*.so*' -type f | sort | xargs sha256sum) |
      awk '{n = split($2, part, "/"); id = part[n]; gsub(/[^A-Za-z0-9.-]/, "-", id); printf "{\"SPDXID\":\"SPDXRef-library-%s\",\"name\":\"%s\",\"downloadLocation\":\"NOASSERTION\",\"checksums\":[{\"algorithm\":\"SHA256\",\"checksumValue\":\"%s\"}]}\n", id, part[n], $1}'
  } | sed '$!s/$/,/'
  printf ']\n}\n'
}
bill_of_materials >"$folder/usr/share/doc/ropeway/sbom.spdx.json"
find "$folder" -exec touch --no-dereference --date="@$epoch" {} +

size="$(du -sb --apparent-size "$folder" | cut -f 1)"
if ((size > ${BUDGET_BYTES:-size})); then
  printf 'rootfs.sh: %s has %s bytes, its budget is %s\n' "$folder" "$size" "$BUDGET_BYTES" >&2
  exit 1
fi
