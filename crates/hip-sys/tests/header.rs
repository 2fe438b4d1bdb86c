//! Every declared signature, struct and constant against the installed HIP header, by the C compiler.
//! Needs `cc` and Debian's `libamdhip64-dev` (scripts/test.sh names them).
#![forbid(unsafe_code)]

use std::fmt::Write as _;
use std::mem::{offset_of, size_of};
use std::process::Command;

use hip_sys::{SIGNATURES, Signature};

/// Newer than the header of ROCm 5.2: the test against the binding crate has them.
const NOT_IN_HEADER: [&str; 2] = ["hipGetDevicePropertiesR0600", "hipGraphUpload"];

/// C's spelling of a type of the table, which has HIP's names.
fn c_type(rust: &str) -> String {
    // As the compiler prints what went through two macros.
    let rust = rust.strip_prefix("* ").map_or_else(|| rust.to_owned(), |rest| format!("*{rest}"));
    if let Some(target) = rust.strip_prefix("*mut ") {
        return format!("{} *", c_type(target));
    }
    if let Some(target) = rust.strip_prefix("*const ") {
        return format!("const {} *", c_type(target));
    }
    let spelling = match rust.as_str() {
        "c_void" => "void",
        "c_char" => "char",
        "c_int" => "int",
        "c_uint" => "unsigned int",
        "c_ulonglong" => "unsigned long long",
        "usize" => "size_t",
        "u32" => "uint32_t",
        "f32" => "float",
        // This header forgot the `const`.
        "hipConstPointer" => "void *",
        name if name.starts_with("hip") => name,
        other => panic!("no C spelling for {other}"),
    };
    spelling.to_owned()
}

fn program(signatures: &[Signature], facts: &[(String, i64)]) -> String {
    let mut text = String::from(
        "#define __HIP_PLATFORM_AMD__ 1\n#define __HIP_PLATFORM_HCC__ 1\n\
         #include <stddef.h>\n#include <hip/hip_runtime_api.h>\n",
    );
    for signature in signatures.iter().filter(|s| !NOT_IN_HEADER.contains(&s.name)) {
        let types: Vec<_> = signature.parameters.iter().map(|rust| c_type(rust)).collect();
        let types = if types.is_empty() { "void".to_owned() } else { types.join(", ") };
        writeln!(
            text,
            "_Static_assert(__builtin_types_compatible_p(__typeof__(&{0}), {1} (*)({types})), \"{0}\");",
            signature.name,
            c_type(signature.answer),
        )
        .expect("a String grows");
    }
    for (expression, value) in facts {
        writeln!(text, "_Static_assert({expression} == {value}, \"{expression}\");")
            .expect("a String grows");
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

fn constants() -> Vec<(String, i64)> {
    use hip_sys as h;
    let values: [(&str, i64); 15] = [
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
        ("hipEventDisableTiming", h::EVENT_DISABLE_TIMING.into()),
        ("hipStreamCaptureModeThreadLocal", h::STREAM_CAPTURE_MODE_THREAD_LOCAL.into()),
    ];
    values.map(|(name, value)| (name.to_owned(), value)).into()
}

/// Sizes of all types that are passed or pointed to, and offsets of the fields that we name.
fn layouts() -> Vec<(String, i64)> {
    use hip_sys::*;
    let mut facts = Vec::new();
    macro_rules! sizes {
        ($($name:ident),*) => {
            $( facts.push((format!("sizeof({})", stringify!($name)), size_of::<$name>())); )*
        };
    }
    macro_rules! offsets {
        ($($name:ident: $($field:ident)*;)*) => { $($(
            let (owner, field) = (stringify!($name), stringify!($field).trim_end_matches('_'));
            facts.push((format!("offsetof({owner}, {field})"), offset_of!($name, $field)));
        )*)* };
    }
    sizes!(
        hipError_t,
        hipDevice_t,
        hipDeviceAttribute_t,
        hipMemcpyKind,
        hipStream_t,
        hipEvent_t,
        hipModule_t,
        hipFunction_t,
        hipGraph_t,
        hipGraphExec_t,
        hipGraphNode_t,
        hipDeviceptr_t,
        hipHostFn_t,
        hipStreamCaptureMode,
        hipStreamCaptureStatus,
        hipGraphExecUpdateResult,
        hipFunction_attribute,
        hipFuncAttribute,
        hipMemGenericAllocationHandle_t,
        hipIpcMemHandle_t,
        hipIpcEventHandle_t,
        dim3,
        hipKernelNodeParams,
        hipMemLocation,
        hipMemAccessDesc
    );
    offsets! {
        dim3: x y z;
        hipKernelNodeParams: blockDim extra func gridDim kernelParams sharedMemBytes;
        hipMemLocation: type_ id;
        hipMemAccessDesc: location flags;
    }
    facts.into_iter().map(|(fact, value)| (fact, value as i64)).collect()
}

#[test]
fn signatures_layouts_and_constants_are_the_headers() {
    let facts = [constants(), layouts()].concat();
    assert_eq!(complaints(&program(SIGNATURES, &facts)), "");
}

#[test]
fn a_wrong_signature_layout_or_constant_is_found() {
    let wrong = Signature {
        name: "hipSetDevice",
        parameters: &["usize"],
        answer: "hipError_t",
        reason: None,
    };
    assert!(complaints(&program(&[wrong], &[])).contains("hipSetDevice"));
    for fact in ["hipErrorNoDevice", "sizeof(hipIpcMemHandle_t)"] {
        assert!(complaints(&program(&[], &[(fact.to_owned(), 99)])).contains(fact));
    }
}
