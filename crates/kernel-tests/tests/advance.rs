//! Parity of `advance` and `take_last_tokens` with plain Rust: rows over many steps, with changes,
//! new blocks and padding at random.

use kernel_tests::{Counted, Device, Noise, Params, u32_bytes};

const NONE: u32 = u32::MAX;
const BLOCK: usize = 16;
const MAX_BLOCKS: usize = 9;
const NUM_SLOTS: usize = 41;
/// More than a work-group has lanes.
const MAX_ROWS: usize = 1040;
const HEADER_WORDS: usize = 4;

/// What the device keeps, as the host would.
struct Reference {
    /// Slot, position, number of outputs, token.
    rows: Vec<[u32; 4]>,
    tables: Vec<u32>,
    last_tokens: Vec<u32>,
    turn: u32,
}

/// A step as a descriptor tells it.
struct Step {
    num_rows: usize,
    num_padded: usize,
    changes: Vec<(u32, [u32; 4])>,
    blocks: Vec<(u32, u32)>,
}

/// Token, position, slot, length, start of the table, and sampler slot with number of outputs.
type Outputs = [Vec<u32>; 6];

impl Reference {
    fn advance(&mut self, step: &Step) -> Outputs {
        step.changes.iter().for_each(|(row, to)| self.rows[*row as usize] = *to);
        step.blocks.iter().for_each(|(at, block)| self.tables[*at as usize] = *block);
        self.turn += 1;
        let mut out = Outputs::default();
        for idx in 0..step.num_padded {
            if idx >= step.num_rows {
                for (array, value) in out.iter_mut().zip([0, 0, NONE, 0, 0, NONE]) {
                    array.push(value);
                }
                out[5].push(0);
                continue;
            }
            let [slot, position, num_output, token] = self.rows[idx];
            let token = if token == NONE { self.last_tokens[slot as usize] } else { token };
            let (start, at) = (slot as usize * MAX_BLOCKS, position as usize);
            let place = self.tables[start + at / BLOCK] as usize * BLOCK + at % BLOCK;
            let values = [token, position, place as u32, position + 1, start as u32, slot];
            out.iter_mut().zip(values).for_each(|(array, value)| array.push(value));
            out[5].push(num_output);
            self.rows[idx] = [slot, position + 1, num_output + 1, NONE];
        }
        out
    }
}

/// A step whose rows have room for their next token.
fn random_step(noise: &mut Noise, at: &Reference, num_rows: usize, num_padded: usize) -> Step {
    let most = (MAX_BLOCKS * BLOCK) as u32;
    let mut changes = Vec::new();
    for row in 0..num_rows {
        let is_over = at.rows[row][0] == NONE || at.rows[row][1] >= most;
        if is_over || noise.below(5) == 0 {
            let token = if noise.below(2) == 0 { NONE } else { noise.below(1000) as u32 };
            let (slot, position) = (noise.below(NUM_SLOTS) as u32, noise.below(140) as u32);
            changes.push((row as u32, [slot, position, noise.below(50) as u32, token]));
        }
    }
    let mut blocks: Vec<(u32, u32)> = Vec::new();
    for _ in 0..noise.below(2 * num_rows + 1) {
        let at = noise.below(NUM_SLOTS * MAX_BLOCKS) as u32;
        // An entry changes once a step.
        if blocks.iter().all(|(other, _)| *other != at) {
            blocks.push((at, noise.below(5000) as u32));
        }
    }
    Step { num_rows, num_padded, changes, blocks }
}

fn descriptor(step: &Step, number: u32) -> Vec<u32> {
    let (num_changes, num_blocks) = (step.changes.len() as u32, step.blocks.len() as u32);
    let mut words = vec![number, step.num_rows as u32, num_changes, num_blocks];
    assert_eq!(words.len(), HEADER_WORDS);
    for (row, to) in &step.changes {
        words.extend([*row, 0, 0, 0]);
        words.extend(to);
    }
    words.extend(step.blocks.iter().flat_map(|(at, block)| [*at, *block]));
    words
}

/// Runs the step on the device from the reference's state before it; what it leaves.
fn on_device(device: &mut Device, at: &Reference, step: &Step) -> (Outputs, [Vec<u32>; 3]) {
    device.reset();
    let words = descriptor(step, at.turn);
    let ring_words = words.len().next_multiple_of(16);
    let half = at.turn as usize % 2 * ring_words;
    // The other half is another step's: nothing of it may be taken.
    let mut ring = vec![NONE; 2 * ring_words];
    ring[half..half + words.len()].copy_from_slice(&words);
    let rows: Vec<u32> = at.rows.iter().flatten().copied().collect();
    let outputs = ["token_ids", "positions", "slots", "seq_lens", "table_start", "sample_rows"];
    let mut params = Params::new()
        .u64(device.allocate("ring", &u32_bytes(&ring)))
        .u64(device.allocate("turn", &u32_bytes(&[at.turn])))
        .u64(device.allocate("rows", &u32_bytes(&rows)))
        .u64(device.allocate("tables", &u32_bytes(&at.tables)))
        .u64(device.allocate("last_tokens", &u32_bytes(&at.last_tokens)));
    for (idx, name) in outputs.into_iter().enumerate() {
        let words = if idx == 5 { 2 } else { 1 } * step.num_padded;
        params = params.u64(device.poisoned(name, 4 * words));
    }
    let params = params.size(ring_words).size(step.num_padded).size(MAX_BLOCKS).size(BLOCK);
    device.launch("advance", [1, 1, 1], 1024, &params);
    let state = ["turn", "rows", "tables"].map(|name| device.u32s(name));
    (outputs.map(|name| device.u32s(name)), state)
}

#[test]
fn rows_advance_as_the_host_would_move_them() {
    let mut device = Device::load("advance.hip");
    let mut noise = Noise::new(5);
    let mut numbers = |num: usize, below: usize| -> Vec<u32> {
        (0..num).map(|_| noise.below(below) as u32).collect()
    };
    let mut reference = Reference {
        rows: vec![[NONE; 4]; MAX_ROWS],
        tables: numbers(NUM_SLOTS * MAX_BLOCKS, 5000),
        last_tokens: numbers(NUM_SLOTS, 1000),
        turn: 6,
    };
    for (num_rows, num_padded) in
        [(1, 1), (1, 2), (3, 4), (3, 4), (8, 8), (5, 8), (8, 8), (64, 64), (1, 64), (63, 64)]
            .into_iter()
            .chain([(65, 96), (1030, MAX_ROWS), (1040, MAX_ROWS), (17, 24), (0, 1)])
    {
        let step = random_step(&mut noise, &reference, num_rows, num_padded);
        let (found, state) = on_device(&mut device, &reference, &step);
        assert_eq!(found, reference.advance(&step), "{num_rows} of {num_padded} rows");
        let rows: Vec<u32> = reference.rows.iter().flatten().copied().collect();
        let expect = [vec![reference.turn], rows, reference.tables.clone()];
        assert!(state == expect, "state after {num_rows} of {num_padded} rows");
        let slots = reference.last_tokens.iter_mut();
        slots.for_each(|token| *token = noise.below(1000) as u32);
    }
}

#[test]
#[should_panic(expected = "s_trap")]
fn a_descriptor_of_another_step_stops_the_device() {
    let mut device = Device::load("advance.hip");
    let reference = Reference {
        rows: vec![[NONE; 4]; 1],
        tables: vec![0; MAX_BLOCKS],
        last_tokens: vec![0],
        turn: 4,
    };
    let step = Step { num_rows: 0, num_padded: 1, changes: Vec::new(), blocks: Vec::new() };
    let mut words = descriptor(&step, 5);
    words.resize(32, 0);
    let mut params = Params::new()
        .u64(device.allocate("ring", &u32_bytes(&words)))
        .u64(device.allocate("turn", &u32_bytes(&[reference.turn])));
    for name in ["rows", "tables", "last", "token_ids", "positions", "slots", "lens", "starts"] {
        params = params.u64(device.allocate(name, &[0; 64]));
    }
    let params = params.u64(device.allocate("sample", &[0; 64]));
    let params = params.size(16).size(1).size(MAX_BLOCKS).size(BLOCK);
    device.launch("advance", [1, 1, 1], 1024, &params);
}

/// Runs `take_last_tokens`: `deferred` names the place and the slot of each.
fn take(device: &mut Device, deferred: &[[u32; 2]], last: &[u32], tokens: &[u32]) {
    device.reset();
    let params = Params::new()
        .u64(device.allocate("deferred", &u32_bytes(deferred.as_flattened())))
        .u64(device.allocate("last_tokens", &u32_bytes(last)))
        .u64(device.allocate("token_ids", &u32_bytes(tokens)))
        .size(deferred.len())
        .u32(0);
    device.launch("take_last_tokens", [deferred.len().div_ceil(256), 1, 1], 256, &params);
}

#[test]
fn deferred_tokens_are_those_sampled_last() {
    let mut device = Device::load("advance.hip");
    let mut noise = Noise::new(8);
    for (num_deferred, num_tokens) in [(1, 1), (3, 17), (64, 64), (257, 300)] {
        let last: Vec<u32> = (0..NUM_SLOTS).map(|_| noise.below(1000) as u32).collect();
        let mut tokens: Vec<u32> = (0..num_tokens).map(|_| noise.below(1000) as u32).collect();
        let stride = num_tokens / num_deferred;
        let deferred: Vec<[u32; 2]> = (0..num_deferred)
            .map(|i| [(i * stride) as u32, noise.below(NUM_SLOTS) as u32])
            .collect();
        take(&mut device, &deferred, &last, &tokens);
        deferred.iter().for_each(|[at, slot]| tokens[*at as usize] = last[*slot as usize]);
        assert_eq!(device.u32s("token_ids"), tokens, "{num_deferred} of {num_tokens}");
    }
}

fn only(device: &Device) -> Counted {
    let [launch] = device.counted() else { panic!("one launch") };
    launch.clone()
}

/// Bytes of scalar loads that a wave needs at most: its arguments and a descriptor's header.
const SCALARS_PER_WAVE: u64 = 192;

fn assert_asked(launch: &Counted, read: usize, written: usize) {
    let counters = &launch.counters;
    assert_eq!((counters.read.bytes, counters.written.bytes), (read as u64, written as u64));
    assert!(counters.scalar_bytes <= counters.num_waves * SCALARS_PER_WAVE, "{counters:?}");
}

/// Every deferred token, its place and its slot are asked for once.
#[test]
fn deferred_tokens_are_asked_for_once() {
    let mut device = Device::load("advance.hip");
    device.count(u64::MAX);
    for num in [1, 8, 64, 256] {
        let deferred: Vec<[u32; 2]> = (0..num).map(|i| [i, i]).collect();
        let words: Vec<u32> = (0..num).collect();
        take(&mut device, &deferred, &words, &words);
        let launch = only(&device);
        let (read, written) = (12 * num as usize, 4 * num as usize);
        println!("{num} tokens: {}", launch.over(read + written));
        assert_asked(&launch, read, written);
    }
}

/// Rows, of which `num_changes` join and get a block. What is more than the least: every lane asks for
/// the step's number, one address.
#[test]
fn rows_are_moved_on_with_their_bytes_and_the_number_of_the_step() {
    let mut device = Device::load("advance.hip");
    device.count(u64::MAX);
    for (rows, changes) in [(1, 0), (8, 0), (8, 2), (64, 4), (256, 0)] {
        let reference = Reference {
            rows: (0..rows as u32).map(|row| [row, 17, 5, NONE]).collect(),
            tables: vec![3; rows * MAX_BLOCKS],
            last_tokens: vec![7; rows],
            turn: 6,
        };
        let step = Step {
            num_rows: rows,
            num_padded: rows,
            changes: (0..changes as u32).map(|row| (row, [row, 17, 5, NONE])).collect(),
            blocks: (0..changes).map(|slot| ((slot * MAX_BLOCKS) as u32, 9)).collect(),
        };
        on_device(&mut device, &reference, &step);
        let launch = only(&device);
        // A row's state, its block and its last token; row number and new state; a block's place and it.
        let read = rows * (16 + 4 + 4) + changes * (4 + 16 + 8);
        // States, five words and a pair; changed states and blocks; the number.
        let written = rows * (16 + 28) + changes * (16 + 4) + 4;
        let header = 4 * HEADER_WORDS;
        println!("{rows} rows, {changes} joined: {}", launch.over(4 + header + read + written));
        assert_asked(&launch, 4 * 1024 + read, written);
    }
}
