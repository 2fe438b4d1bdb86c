//! Traps of HIP's ABI, each in a runtime made for it: a library of C functions that answer success
//! except where the test says otherwise. Needs `cc` (scripts/test.sh installs it). No hardware takes
//! part.
#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};
use std::process::Command;

use hip::{DeviceInfo, HipFailure, LibraryInfo, list_devices};
use hip_sys::SIGNATURES;

/// One device with 8 of 16 bytes free, of a runtime that calls itself 7.1.5.
const ORDINARY: &[(&str, &str)] = &[
    ("hipGetDeviceCount", "(int *count) { *count = 1; return 0; }"),
    ("hipDeviceGetName", "(char *name, int room, int d) { strcpy(name, \"A card\"); return 0; }"),
    ("hipMemGetInfo", "(size_t *free, size_t *total) { *free = 8; *total = 16; return 0; }"),
    ("hipRuntimeGetVersion", "(int *version) { *version = 70100005; return 0; }"),
];

/// ROCm 6 and newer: the name lies at 1160 of 1472 bytes.
const NEW_PROPERTIES: (&str, &str) = (
    "hipGetDevicePropertiesR0600",
    "(char *p, int d) { memset(p, 'n', 1472); strcpy(p + 1160, \"gfx942:sramecc+:xnack-\"); \
     return 0; }",
);
/// ROCm 5: the name lies at 396 of 792 bytes. Newer runtimes still have this function.
const OLD_PROPERTIES: (&str, &str) = (
    "hipGetDeviceProperties",
    "(char *p, int d) { memset(p, 'o', 792); strcpy(p + 396, \"gfx90a:sramecc+\"); return 0; }",
);

/// A runtime with what is required, and `special` in place of it or besides.
fn runtime(folder: &Path, special: &[(&str, &str)]) -> PathBuf {
    let mut text = String::from("#include <stddef.h>\n#include <string.h>\n");
    let special = [special, ORDINARY].concat();
    let mut done: Vec<&str> = Vec::new();
    for (name, body) in special {
        if !done.contains(&name) {
            let is_text = body.contains("return \"") || body.contains("return NULL");
            text.push_str(if is_text { "const char *" } else { "int " });
            text.push_str(&format!("{name}{body}\n"));
            done.push(name);
        }
    }
    for signature in SIGNATURES.iter().filter(|s| s.reason.is_none() && !done.contains(&s.name)) {
        let answer = if signature.answer.contains("char") { "const char *" } else { "int " };
        text.push_str(&format!("{answer}{}(void) {{ return 0; }}\n", signature.name));
    }
    let (source, library) = (folder.join("runtime.c"), folder.join("libamdhip64.so"));
    std::fs::write(&source, text).expect("the folder is ours");
    let mut command = Command::new("cc");
    command.args(["-shared", "-fPIC", "-w", "-fno-builtin", "-o"]).arg(&library).arg(&source);
    let output = command.output().expect("cc is installed; scripts/test.sh installs it");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    library
}

fn devices(special: &[(&str, &str)]) -> Result<(LibraryInfo, Vec<DeviceInfo>), HipFailure> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    list_devices(Some(&runtime(folder.path(), special)))
}

fn arch(special: &[(&str, &str)]) -> String {
    devices(special).expect("the runtime works").1[0].arch.clone()
}

/// The plain name answers the old layout for ever: read at the new place it is something else.
#[test]
fn the_architecture_is_read_where_each_layout_has_it() {
    assert_eq!(arch(&[NEW_PROPERTIES, OLD_PROPERTIES]), "gfx942", "the new layout wins");
    assert_eq!(arch(&[NEW_PROPERTIES]), "gfx942");
    assert_eq!(arch(&[OLD_PROPERTIES]), "gfx90a", "as on ROCm 5");
    let told = devices(&[]).expect_err("no runtime has neither").to_string();
    assert!(told.contains("has no function hipGetDeviceProperties"), "{told}");
    // A struct that is larger than any we know stays within its buffer.
    let (name, body) = NEW_PROPERTIES;
    let larger = body.replace("1472", "4096");
    assert_eq!(arch(&[(name, &larger)]), "gfx942");
}

#[test]
fn what_the_runtime_is_and_lacks_is_told() {
    let (library, devices) = devices(&[NEW_PROPERTIES]).expect("the runtime works");
    assert_eq!(library.version, "7.1.5");
    assert!(library.library.ends_with("libamdhip64.so"), "{}", library.library);
    let optional = SIGNATURES.iter().filter(|s| s.reason.is_some()).map(|s| s.name);
    let lacks: Vec<_> = optional.filter(|name| *name != NEW_PROPERTIES.0).collect();
    assert_eq!(library.missing, lacks);
    let device = &devices[0];
    assert_eq!((device.name.as_str(), device.free_bytes, device.total_bytes), ("A card", 8, 16));
    assert!(device.has_kernels, "this build has kernels for gfx942");
}

/// Numbers are opaque: one that no header has, and no words for it, make an error and not a panic.
#[test]
fn an_unknown_error_number_is_told_as_it_is() {
    let fails = ("hipMemGetInfo", "(size_t *free, size_t *total) { return 31999; }");
    let told = devices(&[NEW_PROPERTIES, fails]).expect_err("the call fails").to_string();
    assert!(told.contains("hipMemGetInfo on hip:0") && told.contains("(31999)"), "{told}");
    assert!(told.contains("an unknown error"), "there are no words: {told}");
    let negative = ("hipMemGetInfo", "(size_t *free, size_t *total) { return -7; }");
    let name = ("hipGetErrorName", "(int code) { return \"hipErrorTbd\"; }");
    let text = ("hipGetErrorString", "(int code) { return \"as yet unnamed\"; }");
    let told = devices(&[NEW_PROPERTIES, negative, name, text]).expect_err("the call fails");
    assert!(told.to_string().contains("hipErrorTbd (-7): as yet unnamed"), "{told}");
}

/// Whether a call that succeeds clears the last error differs between versions: only a call's own
/// answer counts.
#[test]
fn an_old_error_of_the_thread_is_not_a_new_one() {
    let last = ("hipGetLastError", "(void) { return 719; }");
    let peek = ("hipPeekAtLastError", "(void) { return 719; }");
    assert_eq!(arch(&[NEW_PROPERTIES, last, peek]), "gfx942");
}

#[test]
fn no_device_is_told_however_the_runtime_says_it() {
    let no_code = ("hipInit", "(unsigned flags) { return 100; }");
    let no_count = ("hipGetDeviceCount", "(int *count) { *count = 0; return 0; }");
    let count_fails = ("hipGetDeviceCount", "(int *count) { *count = -1; return 100; }");
    for special in [no_code, no_count, count_fails] {
        let failure = devices(&[NEW_PROPERTIES, special]).expect_err("there is no device");
        assert!(matches!(failure, HipFailure::NoDevice { .. }), "{failure}");
        let told = failure.to_string();
        assert!(told.contains("/dev/kfd") && told.contains("--device cpu"), "{told}");
    }
}

#[test]
fn another_gpu_is_listed_and_named_as_one_without_kernels() {
    let (_, devices) = devices(&[OLD_PROPERTIES]).expect("the runtime works");
    assert!(!devices[0].has_kernels, "this build has none for {}", devices[0].arch);
    let told = told_of(OLD_PROPERTIES.1);
    for part in ["gfx90a", "it has: gfx942", "ROPEWAY_GPU_ARCHS=gfx90a", "never run"] {
        assert!(told.contains(part), "{part} in: {told}");
    }
    // A build for it would fail: it has no matrix instructions of this kind.
    let told = told_of(&OLD_PROPERTIES.1.replace("gfx90a", "gfx1100"));
    assert!(told.contains("is a gfx1100") && told.contains("use --device cpu"), "{told}");
    assert!(!told.contains("ROPEWAY_GPU_ARCHS"), "{told}");
}

/// What opening a device of these properties says.
fn told_of(properties: &str) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let library = Some(runtime(folder.path(), &[(OLD_PROPERTIES.0, properties)]));
    let config = hip::HipConfig { library, ..hip::HipConfig::default() };
    hip::HipDevice::new(&config).err().expect("no kernels fit").to_string()
}
