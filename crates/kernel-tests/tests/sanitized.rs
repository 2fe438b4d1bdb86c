//! The device of these tests fails a launch for what the sanitizer finds: shipped kernels, given
//! wrong arguments on purpose.

use kernel_tests::{Device, Params, bf16_bytes, u32_bytes};

const ROWS: usize = 4;
const COLS: usize = 64;

/// Rows of the source and their numbers, as every test here begins.
fn rows(device: &mut Device) -> u64 {
    let values: Vec<f32> = (0..ROWS * COLS).map(|i| i as f32).collect();
    device.allocate("x", &bf16_bytes(&values))
}

fn gather(device: &mut Device, x: u64, indices: u64, out: u64) {
    let params = Params::new().u64(x).u64(indices).u64(out).size(COLS).u32(0);
    device.launch("gather_rows", [ROWS, 1, 1], 256, &params);
}

fn indices(device: &mut Device) -> u64 {
    device.allocate("indices", &u32_bytes(&[1, 2, 3, 0]))
}

#[test]
#[should_panic(expected = "an undefined value is used as an address")]
fn an_index_that_nobody_wrote_is_found() {
    let mut device = Device::load("gather_rows.hip");
    let (x, indices) = (rows(&mut device), device.poisoned("indices", ROWS * 4));
    let out = device.poisoned("out", ROWS * COLS * 2);
    gather(&mut device, x, indices, out);
}

#[test]
#[should_panic(expected = "an undefined value is stored")]
fn a_row_that_nobody_wrote_is_found() {
    let mut device = Device::load("silu_mul.hip");
    let gate_up = device.poisoned("gate_up", 2 * COLS * 2);
    let out = device.poisoned("out", COLS * 2);
    let params = Params::new().u64(gate_up).u64(out).size(COLS).u32(0);
    device.launch("silu_mul", [1, 1, 1], 256, &params);
}

#[test]
#[should_panic(expected = "is outside of device memory")]
fn a_result_that_is_too_short_is_found() {
    let mut device = Device::load("gather_rows.hip");
    let (x, indices) = (rows(&mut device), indices(&mut device));
    let out = device.poisoned("out", ROWS * COLS * 2 - 2);
    gather(&mut device, x, indices, out);
}

#[test]
#[should_panic(expected = "work-group")]
fn work_groups_that_read_what_others_write_are_found() {
    let mut device = Device::load("gather_rows.hip");
    let (x, indices) = (rows(&mut device), indices(&mut device));
    gather(&mut device, x, indices, x);
}

#[test]
fn what_a_kernel_stored_is_defined_to_the_next() {
    let mut device = Device::load("gather_rows.hip");
    let (x, indices) = (rows(&mut device), indices(&mut device));
    let once = device.poisoned("once", ROWS * COLS * 2);
    let twice = device.poisoned("twice", ROWS * COLS * 2);
    gather(&mut device, x, indices, once);
    gather(&mut device, once, indices, twice);
    let first: Vec<f32> = device.bf16s("twice").into_iter().step_by(COLS).collect();
    // Two steps around four rows; bf16 holds these numbers exactly.
    assert_eq!(first, [128.0, 192.0, 0.0, 64.0]);
}
