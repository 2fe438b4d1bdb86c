//! The decoder and the printer against LLVM: every line of a disassembly must be equal.

mod toolchain;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use cdna3::{CodeObject, Inst, Program};
use toolchain::{compile, probe, run};

/// A line of `llvm-objdump -d`: text, address, words.
struct Line {
    text: String,
    address: u64,
    words: Vec<u32>,
}

fn disassemble(object: &Path) -> Vec<Line> {
    let listing = run("llvm-objdump", &["-d", "--mcpu=gfx942", &object.display().to_string()]);
    listing
        .lines()
        .filter_map(|line| {
            let (text, comment) = line.split_once("// ")?;
            let (address, words) = comment.split_once(": ")?;
            let words = words
                .split_whitespace()
                .map_while(|word| u32::from_str_radix(word, 16).ok())
                .collect();
            let address = u64::from_str_radix(address, 16).expect("an address in hexadecimal");
            Some(Line { text: text.trim().to_owned(), address, words })
        })
        .collect()
}

/// Panics with the first differences.
fn compare(lines: &[Line], insts: &[Inst]) {
    let differences: Vec<String> = lines
        .iter()
        .zip(insts)
        .filter(|(line, inst)| {
            line.text != inst.to_string()
                || line.address != inst.address
                || line.words.len() * 4 != usize::from(inst.size_bytes)
        })
        .map(|(line, inst)| {
            format!("{:x?} {:#x}\n  LLVM {}\n  ours {inst}", line.words, line.address, line.text)
        })
        .collect();
    let num = differences.len();
    assert!(
        differences.is_empty(),
        "{num} lines differ:\n{}",
        differences[..num.min(60)].join("\n")
    );
    assert_eq!(lines.len(), insts.len(), "number of instructions");
}

/// The HIP sources of a folder, sorted.
fn hip_sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the folder is readable");
    let mut sources: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry of the folder").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "hip"))
        .collect();
    sources.sort();
    sources
}

#[test]
fn each_form_decodes_and_prints_as_llvm_does() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let object = folder.path().join("forms.o");
    run(
        "llvm-mc",
        &[
            "-arch=amdgcn",
            "-mcpu=gfx942",
            "-filetype=obj",
            "-o",
            &object.display().to_string(),
            &probe("forms.s").display().to_string(),
        ],
    );
    let lines = disassemble(&object);
    let words: Vec<u32> = lines.iter().flat_map(|line| line.words.iter().copied()).collect();
    let program = Program::from_words(&words, 0).unwrap_or_else(|error| panic!("{error}"));
    compare(&lines, program.insts());
    let operations: BTreeSet<_> = program.insts().iter().map(|inst| inst.op).collect();
    assert!(operations.len() >= 900, "only {} operations", operations.len());
}

#[test]
fn the_assembler_encodes_what_the_printer_writes() {
    let source = std::fs::read_to_string(probe("forms.s")).expect("forms.s is readable");
    let shown = run(
        "llvm-mc",
        &[
            "-arch=amdgcn",
            "-mcpu=gfx942",
            "-show-encoding",
            &probe("forms.s").display().to_string(),
        ],
    );
    let mut num_checked = 0;
    let mut differences = Vec::new();
    for line in shown.lines() {
        let Some((text, encoding)) = line.split_once("; encoding: [") else {
            continue;
        };
        let bytes: Vec<u8> = encoding
            .trim_end_matches(']')
            .split(',')
            .map(|byte| u8::from_str_radix(byte.trim_start_matches("0x"), 16).expect("a byte"))
            .collect();
        let words: Vec<u32> = bytes
            .chunks_exact(4)
            .map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]]))
            .collect();
        let inst =
            cdna3::decode::decode(&words, 0).unwrap_or_else(|error| panic!("{text}: {error}"));
        if inst.to_string() != text.trim() {
            differences.push(format!("{words:08x?}\n  LLVM {}\n  ours {inst}", text.trim()));
        }
        num_checked += 1;
    }
    assert!(
        differences.is_empty(),
        "{} lines differ:\n{}",
        differences.len(),
        differences.join("\n")
    );
    assert_eq!(num_checked, source.lines().count(), "every line of forms.s is an instruction");
}

/// Compiles every source of a folder and compares all lines; the number of kernels.
fn compare_compiled(sources: &Path) -> usize {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut num_kernels = 0;
    for source in hip_sources(sources) {
        let object = folder.path().join(source.file_name().expect("a file")).with_extension("co");
        compile(&source, &object);
        let bytes = std::fs::read(&object).expect("the code object is readable");
        let code_object = CodeObject::parse(&bytes).unwrap_or_else(|error| panic!("{error}"));
        let program = Program::decode(&code_object).unwrap_or_else(|error| panic!("{error}"));
        let lines = disassemble(&object);
        assert!(lines.len() > 20, "{} is too short", source.display());
        compare(&lines, program.insts());
        for kernel in code_object.kernels() {
            assert!(program.index_of(kernel.entry).is_some(), "entry of {}", kernel.name);
            num_kernels += 1;
        }
    }
    num_kernels
}

#[test]
fn compiled_probes_decode_and_print_as_llvm_does() {
    let num_kernels = compare_compiled(&probe(""));
    assert!(num_kernels >= 9, "only {num_kernels} kernels");
}

#[test]
fn shipped_kernels_decode_and_print_as_llvm_does() {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../kernels");
    let num_kernels = compare_compiled(&shipped);
    assert!(num_kernels >= 20, "only {num_kernels} kernels");
}
