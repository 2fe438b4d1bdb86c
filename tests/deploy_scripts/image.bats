#!/usr/bin/env bats
# rootfs.sh, which puts an image's files together, on a small binary and a library of many names.

setup() {
  LIBRARY="$BATS_TEST_TMPDIR/opt/lib"
  FOLDER="$BATS_TEST_TMPDIR/rootfs"
  mkdir -p "$LIBRARY"
  cp -L "$(ldd /bin/bash | awk '/libtinfo/ {print $3}')" "$LIBRARY/libx.so.1.2.3"
  ln -s libx.so.1.2.3 "$LIBRARY/libx.so.1"
  ln -s libx.so.1 "$LIBRARY/libx.so"
  printf 'tokio v1.0.0\n' >"$BATS_TEST_TMPDIR/packages"
}

rootfs() {
  run "$BATS_TEST_DIRNAME/../../deploy/image/rootfs.sh" "$FOLDER" /bin/bash "$BATS_TEST_TMPDIR/packages" "$LIBRARY"/libx.so*
}

@test "rootfs: a library of three names is there once, under all of them" {
  rootfs
  [ "$status" -eq 0 ]
  [ "$(find "$FOLDER$LIBRARY" -type f | wc -l)" -eq 1 ]
  for name in libx.so libx.so.1 libx.so.1.2.3; do
    # As the image sees it: its links are within its own root.
    path="$LIBRARY/$name"
    [ ! -L "$FOLDER$path" ] || path="$(readlink "$FOLDER$path")"
    cmp "$FOLDER$path" "$LIBRARY/libx.so.1.2.3"
  done
}

@test "rootfs: an image over its budget is refused" {
  export BUDGET_BYTES=100000000
  rootfs
  [ "$status" -eq 0 ]
  rm -r "$FOLDER"
  export BUDGET_BYTES=100000
  rootfs
  [ "$status" -ne 0 ]
  [[ "$output" == *"its budget is 100000"* ]]
}
