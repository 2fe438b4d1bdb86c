//! Every declared signature and constant against the installed HIP header, by the C compiler.
//! Needs `cc` and Debian's `libamdhip64-dev` (scripts/test.sh names them).
#![forbid(unsafe_code)]

use std::fmt::Write as _;
use std::process::Command;

use hip_sys::{SIGNATURES, Signature};

/// Newer than the header of ROCm 5.2; the emulator's tests hold its layout to published offsets.
/// `hipGetDeviceProperties` takes a typed struct there, which we see as bytes.
const NOT_IN_HEADER: [&str; 2] = ["hipGetDevicePropertiesR0600", "hipGetDeviceProperties"];

/// C's spelling of a parameter. Handles are `void *` to us; the header's are pointers to opaque
/// structs, named by function and position.
fn c_type(signature: &Signature, idx: usize) -> &'static str {
    let name = signature.name;
    match (signature.parameters[idx], name, idx) {
        ("*mut *mut c_void", "hipStreamCreateWithFlags", 0) => "hipStream_t *",
        ("*mut *mut c_void", "hipModuleLoadData", 0) => "hipModule_t *",
        ("*mut *mut c_void", "hipModuleGetFunction", 0) => "hipFunction_t *",
        ("*mut c_void", "hipModuleGetFunction" | "hipModuleUnload", _) => "hipModule_t",
        ("*mut c_void", "hipModuleLaunchKernel", 0) => "hipFunction_t",
        ("*mut c_void", "hipModuleLaunchKernel", _) => "hipStream_t",
        ("*mut c_void", "hipStreamDestroy" | "hipStreamSynchronize", _) => "hipStream_t",
        ("*mut c_void", "hipMemcpyAsync", 4) | ("*mut c_void", "hipMemsetAsync", 3) => {
            "hipStream_t"
        }
        ("*mut *mut c_void", _, _) => "void **",
        ("*mut c_void", _, _) => "void *",
        ("*const c_void", _, _) => "const void *",
        ("*mut c_char", _, _) => "char *",
        ("*const c_char", _, _) => "const char *",
        ("*mut c_int", _, _) => "int *",
        ("*mut usize", _, _) => "size_t *",
        ("usize", _, _) => "size_t",
        ("c_int", "hipDeviceGetName" | "hipSetDevice", _) => "int",
        ("c_int", _, _) => "int",
        ("c_uint", _, _) => "unsigned int",
        ("HipError", _, _) => "hipError_t",
        ("DeviceAttribute", _, _) => "hipDeviceAttribute_t",
        ("MemcpyKind", _, _) => "hipMemcpyKind",
        (other, _, _) => panic!("{name}: no C spelling for {other}"),
    }
}

fn program(signatures: &[Signature], constants: &[(&str, i64)]) -> String {
    let mut text = String::from(
        "#define __HIP_PLATFORM_AMD__ 1\n#define __HIP_PLATFORM_HCC__ 1\n\
         #include <stddef.h>\n#include <hip/hip_runtime_api.h>\n",
    );
    for signature in signatures.iter().filter(|s| !NOT_IN_HEADER.contains(&s.name)) {
        let types: Vec<_> =
            (0..signature.parameters.len()).map(|idx| c_type(signature, idx)).collect();
        let types = if types.is_empty() { "void".to_owned() } else { types.join(", ") };
        let answer = match signature.answer {
            "HipError" => "hipError_t",
            "*const c_char" => "const char *",
            other => panic!("{}: no C spelling for {other}", signature.name),
        };
        writeln!(
            text,
            "_Static_assert(__builtin_types_compatible_p(__typeof__(&{0}), {answer} (*)({types})), \"{0}\");",
            signature.name
        )
        .expect("a String grows");
    }
    for (name, value) in constants {
        writeln!(text, "_Static_assert({name} == {value}, \"{name}\");").expect("a String grows");
    }
    text
}

/// The compiler's words; empty if it accepts the program.
fn complaints(text: &str) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("check.c");
    std::fs::write(&file, text).expect("the folder is ours");
    let output = Command::new("cc").args(["-std=gnu11", "-fsyntax-only", "-w"]).arg(&file).output();
    let output = output.expect("cc is installed; scripts/test.sh installs it");
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.success(), words.is_empty(), "{words}");
    words
}

fn constants() -> Vec<(&'static str, i64)> {
    use hip_sys as h;
    vec![
        ("hipSuccess", h::SUCCESS.0.into()),
        ("hipErrorInvalidValue", h::ERROR_INVALID_VALUE.0.into()),
        ("hipErrorOutOfMemory", h::ERROR_OUT_OF_MEMORY.0.into()),
        ("hipErrorNotInitialized", h::ERROR_NOT_INITIALIZED.0.into()),
        ("hipErrorNoDevice", h::ERROR_NO_DEVICE.0.into()),
        ("hipErrorInvalidDevice", h::ERROR_INVALID_DEVICE.0.into()),
        ("hipErrorNoBinaryForGpu", h::ERROR_NO_BINARY_FOR_GPU.0.into()),
        ("hipErrorNotReady", h::ERROR_NOT_READY.0.into()),
        ("hipMemcpyHostToDevice", h::MEMCPY_HOST_TO_DEVICE.into()),
        ("hipMemcpyDeviceToHost", h::MEMCPY_DEVICE_TO_HOST.into()),
        ("hipMemcpyDeviceToDevice", h::MEMCPY_DEVICE_TO_DEVICE.into()),
        ("hipStreamNonBlocking", h::STREAM_NON_BLOCKING.into()),
        ("hipHostMallocDefault", h::HOST_MALLOC_DEFAULT.into()),
    ]
}

#[test]
fn signatures_and_constants_are_the_headers() {
    assert_eq!(complaints(&program(SIGNATURES, &constants())), "");
}

#[test]
fn a_wrong_signature_or_constant_is_found() {
    let wrong = Signature { name: "hipSetDevice", parameters: &["usize"], answer: "HipError" };
    assert!(complaints(&program(&[wrong], &[])).contains("hipSetDevice"));
    assert!(complaints(&program(&[], &[("hipErrorNoDevice", 99)])).contains("hipErrorNoDevice"));
}

#[test]
fn a_library_that_is_not_hip_is_refused_by_the_missing_function() {
    let error = hip_sys::Hip::load(Some("libm.so.6".as_ref())).err().expect("libm is not HIP");
    assert!(error.to_string().contains("libm.so.6 has no function hipInit"), "{error}");
    let error = hip_sys::Hip::load(Some("/nowhere/libamdhip64.so".as_ref())).err();
    let error = error.expect("there is no such file").to_string();
    assert!(error.contains("ROPEWAY_HIP_LIBRARY"), "{error}");
}
