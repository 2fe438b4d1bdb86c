//! How a library is found, and what is said of one that does not fit. The libraries are made here, with
//! `cc`, from the table's own names.
#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};
use std::process::Command;

use hip_sys::{Hip, RCCL_SIGNATURES, Rccl, SIGNATURES, hip_candidates, rccl_candidates};

/// A library that has these functions, none of which does anything.
fn library(folder: &Path, name: &str, functions: impl Iterator<Item = &'static str>) -> PathBuf {
    let source = folder.join("library.c");
    let text: String =
        functions.map(|name| format!("int {name}(void) {{ return 0; }}\n")).collect();
    std::fs::write(&source, text).expect("the folder is ours");
    let library = folder.join(name);
    let mut command = Command::new("cc");
    command.args(["-shared", "-fPIC", "-w", "-fno-builtin", "-o"]).arg(&library).arg(&source);
    let output = command.output().expect("cc is installed; scripts/test.sh installs it");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    library
}

fn words<T>(result: Result<T, hip_sys::LoadError>) -> String {
    result.err().expect("it cannot be loaded").to_string()
}

#[test]
fn newer_names_come_first_and_the_loaders_path_before_rocms_folder() {
    let names: Vec<_> = hip_candidates(Path::new("/opt/rocm/lib"))
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    assert_eq!(
        names,
        [
            "libamdhip64.so.7",
            "libamdhip64.so.6",
            "libamdhip64.so.5",
            "libamdhip64.so",
            "/opt/rocm/lib/libamdhip64.so.7",
            "/opt/rocm/lib/libamdhip64.so.6",
            "/opt/rocm/lib/libamdhip64.so.5",
            "/opt/rocm/lib/libamdhip64.so",
        ]
    );
    let folder = tempfile::tempdir().expect("a temporary folder");
    let required = || SIGNATURES.iter().filter(|s| s.reason.is_none()).map(|s| s.name);
    let old = library(folder.path(), "libamdhip64.so.5", required());
    // What the loader finds by name is this machine's; the folder's part of the list is ours.
    let candidates = hip_candidates(folder.path()).split_off(4);
    let hip = Hip::load_first(&candidates).expect("it has what is needed");
    assert_eq!(hip.library_name(), old.display().to_string());
    let optional = SIGNATURES.iter().filter(|s| s.reason.is_some()).map(|s| s.name);
    assert_eq!(hip.missing(), optional.collect::<Vec<_>>());

    let new = library(folder.path(), "libamdhip64.so.7", SIGNATURES.iter().map(|s| s.name));
    let hip = Hip::load_first(&candidates).expect("both have what is needed");
    assert_eq!(hip.library_name(), new.display().to_string());
    assert_eq!(hip.missing(), Vec::<&str>::new());
}

#[test]
fn what_is_missing_is_named_with_the_remedy() {
    let libm = words(Hip::load(Some("libm.so.6".as_ref())));
    assert!(libm.contains("libm.so.6 has no function hipInit; HIP of ROCm 5"), "{libm}");
    let nowhere = words(Hip::load(Some("/nowhere/libamdhip64.so".as_ref())));
    for part in
        ["--hip-library /nowhere/libamdhip64.so", "ROPEWAY_HIP_LIBRARY", "leave the option out"]
    {
        assert!(nowhere.contains(part), "{nowhere}");
    }
    // Each required function is asked for, and by its name.
    let folder = tempfile::tempdir().expect("a temporary folder");
    let required: Vec<_> = SIGNATURES.iter().filter(|s| s.reason.is_none()).collect();
    for absent in [required[1], required[required.len() / 2], required[required.len() - 1]] {
        let name = format!("without_{}.so", absent.name);
        let others = required.iter().map(|s| s.name).filter(|name| *name != absent.name);
        let library = library(folder.path(), &name, others);
        let told = words(Hip::load(Some(&library)));
        assert!(told.contains(&format!("has no function {};", absent.name)), "{told}");
    }
}

#[test]
fn a_library_that_is_there_and_broken_is_told_before_those_that_are_absent() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("libamdhip64.so.6"), "no library").expect("it is ours");
    let told = words(Hip::load_first(&hip_candidates(folder.path()).split_off(4)));
    assert!(told.contains("libamdhip64.so.6: "), "{told}");
    assert!(told.contains("install ROCm") && told.contains("--hip-library"), "{told}");
}

#[test]
fn rccl_is_found_whole_or_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let candidates = rccl_candidates(folder.path()).split_off(2);
    let told = words(Rccl::load_first(&candidates));
    assert!(told.starts_with("no RCCL found") && told.contains("install ROCm's rccl"), "{told}");
    let without = RCCL_SIGNATURES.iter().map(|s| s.name).filter(|name| *name != "ncclSend");
    let path = library(folder.path(), "librccl.so", without);
    let told = words(Rccl::load_first(&candidates));
    assert!(told.contains("librccl.so has no function ncclSend; RCCL of ROCm 5"), "{told}");
    let whole = library(folder.path(), "librccl.so.1", RCCL_SIGNATURES.iter().map(|s| s.name));
    let rccl = Rccl::load_first(&candidates).expect("it is whole");
    assert_eq!(rccl.library_name(), whole.display().to_string());
    assert_ne!(whole, path);
}
