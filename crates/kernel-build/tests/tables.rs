//! The table that `hip` embeds, made by the real compiler (clang-19; scripts/test.sh installs it).
#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};

use kernel_build::{Plan, plan, sources, table};

fn planned(scratch: &Path, archs: &str) -> Plan {
    let value = |name: &str| match name {
        "ROPEWAY_GPU_ARCHS" => Some(archs.to_owned()),
        "ROPEWAY_HIP_CLANG" => Some("clang++-19".to_owned()),
        _ => None,
    };
    plan(value, None, scratch).expect("clang-19 and lld-19 are installed; scripts/test.sh does")
}

/// A folder of kernels of our own: quicker than the real ones.
fn kernels(folder: &Path, body: &str) -> PathBuf {
    let text = format!(
        "struct Params {{ int* to; int value; }};\n\
         extern \"C\" __attribute__((global)) void store(Params p) {{ {body} }}\n"
    );
    std::fs::write(folder.join("store.hip"), text).expect("the folder is ours");
    folder.to_owned()
}

#[test]
fn each_architecture_has_its_code_object_and_parameters() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let kernels = kernels(folder.path(), "*p.to = p.value;");
    let plan = planned(folder.path(), "gfx942,gfx90a");
    let text = table(&plan, &kernels, folder.path()).expect("it compiles for both");
    for arch in ["gfx942", "gfx90a"] {
        let object = folder.path().join(format!("store.{arch}.hsaco"));
        assert!(object.is_file());
        let row = format!("arch: {arch:?}, file: \"store\"");
        assert!(text.contains(&row) && text.contains(&object.display().to_string()), "{text}");
    }
    assert_eq!(text.matches("(\"store\", 16),").count(), 2, "{text}");
    assert!(text.contains("COMPILER: &str = \"") && text.contains("clang version 19."), "{text}");
}

#[test]
fn a_kernel_that_does_not_compile_is_named_with_its_architecture() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    // Matrix operations are CDNA's.
    let body = "typedef float f4 __attribute__((ext_vector_type(4)));\n\
                f4 a = __builtin_amdgcn_mfma_f32_4x4x1f32(1, 1, f4{}, 0, 0, 0); *p.to = (int)a[0];";
    let kernels = kernels(folder.path(), body);
    let plan = planned(folder.path(), "gfx942,gfx1100");
    let told = table(&plan, &kernels, folder.path()).expect_err("no RDNA has it").to_string();
    for part in ["store.hip does not compile for gfx1100", "mai-insts", "leave gfx1100 out"] {
        assert!(told.contains(part), "{part} in: {told}");
    }
}

#[test]
fn a_cpu_only_table_is_empty() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let text =
        table(&Plan::CpuOnly, Path::new("/nowhere"), folder.path()).expect("no file is read");
    assert!(text.contains("COMPILER: &str = \"none\""), "{text}");
    assert!(text.ends_with("CODE_OBJECTS: &[CodeObject] = &[\n];\n"), "{text}");
}

#[test]
fn our_kernels_are_found() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../kernels");
    let files = sources(&folder).expect("the folder is part of the repository");
    assert!(files.iter().any(|file| file.ends_with("gemm_big.hip")), "{files:?}");
    assert!(files.iter().all(|file| file.extension().is_some_and(|e| e == "hip")), "{files:?}");
}

/// The other architecture that README.md names. All kernels are there but those of the FP8 cache, whose
/// conversions it does not have. They are compiled, and nothing runs them.
#[test]
fn our_kernels_compile_for_gfx90a_without_an_fp8_cache() {
    let kernels = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../kernels");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let text = table(&planned(folder.path(), "gfx90a"), &kernels, folder.path());
    let text = text.unwrap_or_else(|error| panic!("{error}"));
    let mut num_left_out = 0;
    for file in sources(&kernels).expect("the folder is part of the repository") {
        let stem = file.file_stem().expect("a file's name").to_string_lossy().into_owned();
        // Records of gfx942's kernels, one a line.
        let record = kernels.join("resources").join(format!("{stem}.txt"));
        let record = std::fs::read_to_string(record).expect("every file of kernels has one");
        for name in record.lines().map(|line| line.split(':').next().unwrap_or(line)) {
            let is_left_out = name.contains("fp8");
            num_left_out += usize::from(is_left_out);
            assert_eq!(text.contains(&format!("({name:?}, ")), !is_left_out, "{name}");
        }
    }
    assert!(num_left_out > 0, "gfx942 has kernels for FP8");
}
