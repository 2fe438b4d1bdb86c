//! What the real binary says of the GPU libraries that it finds or is given. No hardware takes part.
#![allow(clippy::unwrap_used, reason = "a failed test says where")]

mod emulator;

use std::path::Path;
use std::process::Command;

use emulator::emulator;

/// Success, standard output and standard error.
fn ropeway(args: &[&str], variables: &[(&str, &Path)]) -> (bool, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ropeway"));
    let output = command.args(args).envs(variables.iter().copied()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

/// A library with RCCL's functions, made with `cc`, whose version is 2.22.3.
fn rccl(folder: &Path) {
    let mut text = String::from("int ncclGetVersion(int *code) { *code = 22203; return 0; }\n");
    for name in other_functions() {
        text.push_str(&format!("int {name}(void) {{ return 0; }}\n"));
    }
    let source = folder.join("rccl.c");
    std::fs::write(&source, text).unwrap();
    let mut command = Command::new("cc");
    command.args(["-shared", "-fPIC", "-w", "-o"]).arg(folder.join("librccl.so.1")).arg(&source);
    assert!(command.status().expect("scripts/test.sh installs cc").success());
}

/// The functions besides the version's.
fn other_functions() -> [&'static str; 14] {
    [
        "ncclGetUniqueId",
        "ncclCommInitRank",
        "ncclCommDestroy",
        "ncclCommAbort",
        "ncclCommGetAsyncError",
        "ncclGetErrorString",
        "ncclAllReduce",
        "ncclAllGather",
        "ncclReduceScatter",
        "ncclBroadcast",
        "ncclSend",
        "ncclRecv",
        "ncclGroupStart",
        "ncclGroupEnd",
    ]
}

#[test]
fn devices_tells_the_runtime_what_it_lacks_and_rccl() {
    let folder = tempfile::tempdir().unwrap();
    let library = emulator();
    let args = ["devices", "--hip-library", &library];
    let (ok, listed, told) = ropeway(&args, &[("ROCM_PATH", folder.path())]);
    assert!(ok && told.is_empty(), "{listed}{told}");
    let line = |start: &str| {
        let line = listed.lines().find(|line| line.starts_with(start));
        line.unwrap_or_else(|| panic!("no {start}: {listed}")).to_owned()
    };
    assert!(line("hip:0").contains("gfx942"), "{listed}");
    let runtime = line("runtime ");
    assert!(runtime.starts_with(&format!("runtime 6.2.41133 ({library}), without ")), "{runtime}");
    // What the emulator does not have, and nothing that the backend needs.
    let (_, lacks) = runtime.split_once("without ").unwrap();
    let is_virtual_memory = |name: &str| name.starts_with("hipMem") && !name.contains("cpy");
    assert!(lacks.split(' ').all(is_virtual_memory), "{lacks}");
    assert!(line("rccl ").starts_with("rccl   none: no RCCL found"), "{listed}");

    let rocm = folder.path().join("lib");
    std::fs::create_dir(&rocm).unwrap();
    rccl(&rocm);
    let (_, listed, _) = ropeway(&args, &[("ROCM_PATH", folder.path())]);
    let expected = format!("rccl   2.22.3 ({})", rocm.join("librccl.so.1").display());
    assert!(listed.lines().any(|line| line == expected), "in ROCm's folder: {listed}");
    let (_, listed, _) = ropeway(&args, &[("LD_LIBRARY_PATH", &rocm)]);
    let expected = "rccl   2.22.3 (librccl.so.1)";
    assert!(listed.lines().any(|line| line == expected), "on the loader's path: {listed}");
}

#[test]
fn a_wrong_library_names_the_option_and_the_remedy() {
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/llama");
    let model = model.to_str().unwrap();
    let nowhere = "/nowhere/libamdhip64.so";
    for device in ["auto", "hip"] {
        let args = ["inspect", model, "--device", device, "--hip-library", nowhere];
        let (ok, _, told) = ropeway(&args, &[]);
        assert!(!ok, "{device}: a library that was named is never passed over");
        assert_eq!(told.trim().lines().count(), 1, "{told}");
        for part in ["--hip-library /nowhere/libamdhip64.so", "leave the option out", "ROCm 5"] {
            assert!(told.contains(part), "{part} in: {told}");
        }
    }
    let (ok, _, told) =
        ropeway(&["inspect", model, "--device", "hip", "--hip-library", "libm.so.6"], &[]);
    assert!(!ok && told.contains("libm.so.6 has no function hipInit"), "{told}");
    // The variable is the same option.
    let (ok, _, told) = ropeway(
        &["inspect", model, "--device", "hip"],
        &[("ROPEWAY_HIP_LIBRARY", Path::new(nowhere))],
    );
    assert!(!ok && told.contains("ROPEWAY_HIP_LIBRARY"), "{told}");
}

/// A folder with the emulator as the runtime of ROCm 7, for the loader's path.
fn as_installed() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("libamdhip64.so.7");
    std::os::unix::fs::symlink(emulator(), link).unwrap();
    folder
}

/// `inspect` of a small model with `--device auto` and an installed runtime.
fn auto(folder: &Path, variables: &[(&str, &str)], args: &[&str]) -> (bool, String, String) {
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/llama");
    let mut all: Vec<(&str, &Path)> = variables.iter().map(|(n, v)| (*n, Path::new(*v))).collect();
    all.extend([("LD_LIBRARY_PATH", folder), ("ROCM_PATH", folder)]);
    // The system's own runtime is found where none is in the folder, as scripts/test.sh installs it.
    let args = [&["inspect", model.to_str().unwrap(), "--log-level", "error"], args].concat();
    ropeway(&args, &all)
}

#[test]
fn auto_takes_a_gpu_that_is_there() {
    let folder = as_installed();
    let (ok, told, errors) = auto(folder.path(), &[], &[]);
    assert!(ok, "{errors}");
    let line = told.lines().find(|line| line.starts_with("on hip:0 ("));
    assert!(line.is_some_and(|line| line.ends_with("gfx942)")), "no reason beside it: {told}");
}

#[test]
fn auto_takes_the_cpu_where_there_is_no_gpu_and_says_why() {
    let empty = tempfile::tempdir().unwrap();
    // A real GPU is hidden from it.
    let hidden = [("HIP_VISIBLE_DEVICES", "-1")];
    let reason = "finds no GPU";
    let (ok, told, errors) = auto(empty.path(), &hidden, &[]);
    assert!(ok, "{errors}");
    let line =
        told.lines().find(|line| line.starts_with("on cpu (")).unwrap_or_else(|| panic!("{told}"));
    assert!(line.contains(reason), "{line}");
    let (_, json, _) = auto(empty.path(), &hidden, &["--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert!(json["device"]["name"].as_str().unwrap().starts_with("cpu ("), "{json}");
    assert!(json["device"]["reason"].as_str().unwrap().contains(reason), "{json}");
    let (_, json, _) = auto(empty.path(), &hidden, &["--json", "--device", "cpu"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert!(json["device"]["reason"].is_null(), "{json}");
}

/// A GPU that is there and does not work is never replaced in silence.
#[test]
fn auto_stops_at_a_gpu_that_is_broken() {
    let folder = as_installed();
    // The emulator refuses a variable that it does not know: every call fails.
    let (ok, told, errors) = auto(folder.path(), &[("ROPEWAY_EMU_NOTHING", "1")], &[]);
    assert!(!ok, "{told}");
    assert!(errors.contains("--device auto") && errors.contains("--device cpu"), "{errors}");
    let args = ["--device", "cpu"];
    let (ok, told, errors) = auto(folder.path(), &[("ROPEWAY_EMU_NOTHING", "1")], &args);
    assert!(ok && told.contains("on cpu ("), "the remedy works: {told}{errors}");
}
