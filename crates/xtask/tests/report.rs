//! `cargo xtask kernels report` on what the emulator really writes: two launches of a shipped
//! kernel. The launches run in a process of their own, since the emulator reads its variables once.

use std::path::Path;
use std::process::{Command, Output};

use backend::{BufferKind, DType, Device, LayerOps, TensorShape, TensorView};
use hip::{HipConfig, HipDevice};

const REPORT: &str = "ROPEWAY_EMU_REPORT";
const ROWS: usize = 2;
const COLS: usize = 64;

fn main() {
    if std::env::var_os(REPORT).is_some() {
        return normalise_twice();
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let report = folder.path().join("report.json");
    let this = std::env::current_exe().expect("this program has a path");
    run(Command::new(this).env(REPORT, &report));
    let table = run(&mut xtask(&report));
    let table = String::from_utf8(table.stdout).expect("plain text");
    let row = table.lines().find(|line| line.starts_with("rms_norm ")).expect("a row");
    let words: Vec<&str> = row.split_whitespace().collect();
    let [_, launches, instructions, bytes, used, over_least, conflicts, mfma, bound, limit] =
        words[..]
    else {
        panic!("ten columns: {row}")
    };
    assert_eq!(launches, "2", "{table}");
    let instructions: u64 = instructions.parse().expect("a count");
    // Two launches of two work-groups of four waves, which do dozens of instructions each.
    assert!((2 * 2 * 4 * 10..2 * 2 * 4 * 1000).contains(&instructions), "{table}");
    // A row: 128 bytes read, 256 of f32 weights, 128 written, each in whole lines.
    assert_eq!((bytes, used), ("2048", "1.00"), "{table}");
    // The weights are asked for twice and lie there once.
    assert_eq!((over_least, conflicts, mfma), ("1.33", "1.00", "0.00"), "{table}");
    let bound: f64 = bound.parse().expect("a time");
    assert!(bound > 0.0 && bound < 10.0, "{table}");
    assert!(["valu", "salu", "hbm", "l2", "lds"].contains(&limit), "{table}");

    let missing = xtask(&folder.path().join("missing")).output().expect("xtask starts");
    let words = String::from_utf8_lossy(&missing.stderr).into_owned();
    assert!(!missing.status.success() && words.contains("missing cannot be read"), "{words}");
    println!("a report of two launches is a table: ok");
}

fn xtask(report: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(["kernels", "report"]).arg(report);
    command
}

fn run(command: &mut Command) -> Output {
    let output = command.output().expect("it starts");
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{words}", output.status);
    output
}

fn normalise_twice() {
    let this = std::env::current_exe().expect("this program has a path");
    let library = this.parent().expect("it lies in a folder").join("libhip_emu.so");
    let config = HipConfig { library: Some(library), ..HipConfig::default() };
    let mut device = HipDevice::new(&config).expect("the emulator is a device");
    let shape = TensorShape { dtype: DType::F32, rows: 1, cols: COLS };
    let bytes = [0; 4 * COLS];
    let view = TensorView::new(shape, &bytes).expect("sizes agree");
    let weight = device.upload_weight(&[view]).expect("there is room");
    let mut buffer =
        || device.alloc_buffer(BufferKind::Activation, ROWS, COLS).expect("there is room");
    let (x, mut out) = (buffer(), buffer());
    for _ in 0..2 {
        device.rms_norm(ROWS, &x, &weight, 1e-5, &mut out).expect("the rows are there");
    }
    device.read_row(&out, 0).expect("the launches end");
}
