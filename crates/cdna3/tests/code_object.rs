//! Code objects made by the compiler: what is read from them, and what is refused.

mod toolchain;

use cdna3::code_object::{ArgumentKind, WorkItemIds};
use cdna3::{CodeObject, CodeObjectError, Program};
use toolchain::{compile, compile_for, probe};

fn compiled(name: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let object = folder.path().join("probe.co");
    compile(&probe(name), &object);
    std::fs::read(object).expect("the code object is readable")
}

#[test]
fn a_kernel_is_read_with_its_arguments_and_resources() {
    let code_object = CodeObject::parse(&compiled("rms_norm.hip")).expect("it is sound");
    let kernel = code_object.kernel("rms_norm").expect("the kernel is there");
    let explicit: Vec<_> = kernel
        .args
        .iter()
        .filter(|arg| matches!(arg.kind, ArgumentKind::ByValue | ArgumentKind::GlobalBuffer))
        .map(|arg| (arg.offset_bytes, arg.size_bytes))
        .collect();
    assert_eq!(explicit, [(0, 8), (8, 8), (16, 8), (24, 4), (28, 4)]);
    assert_eq!(kernel.group_segment_bytes, 16);
    assert_eq!(kernel.descriptor.group_segment_bytes, 16);
    assert_eq!(kernel.private_segment_bytes, 0);
    assert_eq!(kernel.wavefront_size, 64);
    assert_eq!(kernel.max_workgroup_size, 256);
    assert_eq!(kernel.kernarg_bytes, kernel.descriptor.kernarg_bytes);
    assert!(kernel.descriptor.has_kernarg_segment_ptr);
    assert_eq!(kernel.descriptor.work_item_ids, WorkItemIds::X);
    assert!(kernel.descriptor.num_allocated_vgprs >= kernel.num_vgprs);
    // Rounding to nearest (0), all denormals kept (0xf in bits 4-7), DX10 clamp, IEEE.
    assert_eq!(kernel.descriptor.mode, 0x3f0);
}

#[test]
fn entries_lie_on_instructions_and_segments_hold_the_code() {
    let code_object = CodeObject::parse(&compiled("elementwise.hip")).expect("it is sound");
    let program = Program::decode(&code_object).expect("it decodes");
    let text = code_object.text();
    for kernel in code_object.kernels() {
        assert!(program.index_of(kernel.entry).is_some(), "entry of {}", kernel.name);
        assert_eq!(kernel.entry % 256, 0, "{} is aligned", kernel.name);
    }
    let segment = code_object
        .segments()
        .iter()
        .find(|segment| {
            (segment.address..segment.address + segment.size_bytes).contains(&text.address)
        })
        .expect("a segment has the code");
    let offset = usize::try_from(text.address - segment.address).expect("it is small");
    assert_eq!(segment.bytes[offset..offset + 4], text.words[0].to_le_bytes());
    assert!(!segment.writable, "code cannot be written");
}

#[test]
fn device_variables_are_found_by_name() {
    let code_object = CodeObject::parse(&compiled("integers.hip")).expect("it is sound");
    let counter = code_object.global("counter").expect("the variable is there");
    assert_eq!(counter.size_bytes, 4);
    let segment = code_object
        .segments()
        .iter()
        .rfind(|segment| segment.address <= counter.address)
        .expect("a segment has it");
    let offset = usize::try_from(counter.address - segment.address).expect("it is small");
    assert_eq!(segment.bytes[offset..offset + 4], 7_u32.to_le_bytes());
    assert!(segment.writable);
    assert!(code_object.global("atomics.kd").is_none(), "descriptors are no variables");
}

#[test]
fn spills_show_as_scratch() {
    let code_object = CodeObject::parse(&compiled("spill.hip")).expect("it is sound");
    let kernel = code_object.kernel("spilling").expect("the kernel is there");
    assert!(kernel.private_segment_bytes >= 96 * 4, "{}", kernel.private_segment_bytes);
    assert!(kernel.descriptor.has_private_segment);
    assert!(kernel.num_vgprs <= 64, "{}", kernel.num_vgprs);
}

#[test]
fn another_target_is_refused_by_name() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let object = folder.path().join("other.co");
    compile_for("gfx90a", &probe("elementwise.hip"), &object);
    let bytes = std::fs::read(object).expect("the code object is readable");
    let error = CodeObject::parse(&bytes).expect_err("it is for another GPU");
    assert!(matches!(&error, CodeObjectError::Target(name) if name == "gfx90a"), "{error}");
    assert!(error.to_string().contains("gfx942"), "{error}");
}

#[test]
fn damage_is_an_error_and_never_a_panic() {
    let bytes = compiled("elementwise.hip");
    assert!(matches!(CodeObject::parse(b"not an ELF file"), Err(CodeObjectError::Elf(_))));
    let with = |offset: usize, value: u8| {
        let mut damaged = bytes.clone();
        damaged[offset] = value;
        CodeObject::parse(&damaged)
    };
    assert!(matches!(with(8, 2), Err(CodeObjectError::Version(2))), "EI_ABIVERSION");
    assert!(matches!(with(7, 0), Err(CodeObjectError::NotAmdgpu(_))), "EI_OSABI");
    assert!(matches!(with(18, 62), Err(CodeObjectError::NotAmdgpu(_))), "e_machine");
    for length in (0..bytes.len()).step_by(97) {
        // Cut anywhere: an error, or an object whose missing part is not needed.
        let _ = CodeObject::parse(&bytes[..length]).map(|object| Program::decode(&object).is_ok());
    }
}
