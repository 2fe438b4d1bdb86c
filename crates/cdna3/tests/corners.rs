//! Corners of the executor where a plausible mistake would go unnoticed in ordinary kernels.

mod device;
mod toolchain;

use device::{Device, args, bytes};

/// Different in every lane, with all bytes in use.
fn input(count: u32) -> Vec<u32> {
    (0..count).map(|i| 0x0102_0304_u32.wrapping_mul(2 * i + 1)).collect()
}

#[test]
fn lds_takes_data_from_accumulation_registers() {
    let mut device = Device::load("corners.hip");
    let data = input(64);
    let pointers =
        [device.memory.allocate("in", &bytes!(data)), device.memory.allocate("out", &[0; 512])];
    device.launch("lds_with_agprs", 1, 64, &args(&pointers, &[]));
    let out = device.words("out");
    assert_eq!(out[..64], data, "stored and loaded back");
    for lane in 0..64 {
        assert_eq!(out[64 + lane], data[lane ^ 1], "{lane}: in LDS at the neighbour's place");
    }
}

#[test]
fn dpp_reads_every_lane_before_it_writes_one() {
    let mut device = Device::load("corners.hip");
    let data = input(64);
    let pointers =
        [device.memory.allocate("in", &bytes!(data)), device.memory.allocate("out", &[0; 512])];
    device.launch("dpp_in_place", 1, 64, &args(&pointers, &[]));
    let out = device.words("out");
    for lane in 0..64 {
        let (row, in_row) = (lane & !15, lane & 15);
        assert_eq!(out[lane], data[row + (in_row + 13) % 16], "{lane}: rotated right by 3");
        // The first lane of a row has no source and is not written.
        let left = if in_row == 0 { 0 } else { data[lane - 1] };
        assert_eq!(out[64 + lane], data[lane].wrapping_add(left), "{lane}: plus its left");
    }
}

#[test]
fn lds_is_not_zero_at_first() {
    let mut device = Device::load("corners.hip");
    // It stores what it never wrote: that is the test.
    device.sanitized = false;
    let out = device.memory.allocate("out", &[0; 256]);
    device.launch("fresh_lds", 1, 64, &args(&[out], &[]));
    assert!(device.words("out").iter().all(|&word| word == 0xd5d5_d5d5));
}

#[test]
fn buffers_end_at_their_size() {
    let mut device = Device::load("corners.hip");
    // The buffers end inside of their allocations, and the last lanes' 16 bytes lie behind those:
    // neither must be reached.
    let (data, size) = (input(128), 164);
    let pointers = [
        device.memory.allocate("in", &bytes!(data)),
        device.memory.allocate("out", &vec![0xaa; 4 * (64 + 256 + 64)]),
    ];
    device.launch("raw_buffer", 1, 64, &args(&pointers, &[size]));
    let out = device.words("out");
    let words = size as usize / 4;
    let loaded = |index: usize| if index < words { data[index] } else { 0 };
    for index in 0..64 {
        let stored = if index < words { data[index] + 1 } else { 0xaaaa_aaaa };
        assert_eq!(out[index], stored, "{index}: stores behind the end are dropped");
        assert_eq!(out[64 + 256 + index], loaded(index), "{index}: loads behind the end give 0");
    }
    for index in 0..256 {
        assert_eq!(out[64 + index], loaded(index), "{index}: 16-byte loads end at a dword");
    }
}
