//! Decode steps whose operations are repeated from a graph: what the device keeps for them at fixed
//! addresses, the host's picture of it, and the descriptor of what differs from one step to the next.
//!
//! Owns the rows' and block tables' device memory and the pinned ring of descriptors; layouts are
//! those of `kernels/advance.hip`. Never launches or waits: the caller begins a step's descriptor
//! only when the step two before it has been waited for. Called by the layer operations.

use backend::StepLimits;
use bytemuck::{Pod, Zeroable};
use types::StepInput;

use crate::error::HipFailure;
use crate::params::AdvanceParams;
use crate::runtime::{DeviceMemory, Gpu, Pinned, Stream};
use crate::step::StepAddresses;

/// Descriptors in the ring, one more than steps that run while one is prepared.
const RING: usize = 2;
/// Most entries of all block tables: kernels index them with 32 bits.
const MAX_TABLE_ENTRIES: usize = 1 << 31;
/// `NO_SLOT` and `LAST_TOKEN` of the kernel.
const NONE: u32 = u32::MAX;

/// Head of a descriptor.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
struct Header {
    number: u32,
    num_rows: u32,
    num_changes: u32,
    num_blocks: u32,
}

/// A row's sequence and where it stands.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
struct Row {
    slot: u32,
    position: u32,
    num_output: u32,
    token: u32,
}

/// Says what a row is from this step on.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
struct Change {
    row: u32,
    reserved: [u32; 3],
    to: Row,
}

/// An entry of a block table.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
struct Block {
    at: u32,
    block: u32,
}

/// Words per row on the device, beside its block table.
const ROW_WORDS: usize = 4 + 5 + 2 + 1;
/// Words before the rows: the turn, alone in its 64 bytes.
const HEAD_WORDS: usize = 16;

/// The host's picture of the device's rows and tables.
struct Picture {
    /// What each row will be in the next step if nothing is said; `None` if unknown.
    rows: Vec<Option<Row>>,
    /// Block tables by sampler slot.
    tables: Vec<Vec<u32>>,
    /// Tokens by slot that the device sampled and the host has seen.
    last_tokens: Vec<Option<u32>>,
    max_blocks: usize,
}

/// Rows and tables on the device, and how they are told of changes.
pub(crate) struct DecodeState {
    ring: Pinned,
    ring_address: u64,
    memory: DeviceMemory,
    last_tokens: u64,
    /// Steps whose descriptors the device has taken or will take.
    turn: u32,
    picture: Picture,
    max_rows: usize,
    block_size: usize,
    /// Which rows of the step at hand have deferred tokens; kept for its memory.
    is_deferred: Vec<bool>,
}

fn max_blocks(limits: &StepLimits) -> usize {
    limits.max_model_len.div_ceil(limits.block_size)
}

/// Words of a descriptor that tells everything.
fn ring_words(limits: &StepLimits) -> usize {
    let bytes = size_of::<Header>()
        + limits.max_num_seqs * size_of::<Change>()
        + limits.max_num_seqs * max_blocks(limits) * size_of::<Block>();
    (bytes / size_of::<u32>()).next_multiple_of(16)
}

fn device_words(limits: &StepLimits) -> usize {
    let rows = limits.max_num_seqs.next_multiple_of(16);
    HEAD_WORDS + rows * ROW_WORDS + 16 + limits.max_num_seqs * max_blocks(limits)
}

impl DecodeState {
    /// Whether the kernels can index so much.
    pub(crate) fn is_possible(limits: &StepLimits) -> bool {
        limits.max_num_seqs.saturating_mul(max_blocks(limits)) < MAX_TABLE_ENTRIES
    }

    /// Bytes on the device.
    pub(crate) fn bytes(limits: &StepLimits) -> usize {
        device_words(limits) * size_of::<u32>()
    }

    /// Bytes of pinned host memory.
    pub(crate) fn pinned_bytes(limits: &StepLimits) -> usize {
        RING * ring_words(limits) * size_of::<u32>()
    }

    /// Allocates; `last_tokens` is the address of the token sampled last for each slot.
    pub(crate) fn new(
        gpu: &Gpu,
        stream: &Stream,
        limits: &StepLimits,
        last_tokens: u64,
    ) -> Result<Self, HipFailure> {
        let ring = gpu.alloc_pinned(Self::pinned_bytes(limits))?;
        let memory = gpu.alloc(Self::bytes(limits))?;
        let ring_address = ring.device_address()?;
        let max_rows = limits.max_num_seqs.next_multiple_of(16);
        let mut state = Self {
            ring,
            ring_address,
            memory,
            last_tokens,
            turn: 0,
            picture: Picture::new(limits),
            max_rows,
            block_size: limits.block_size,
            is_deferred: vec![false; limits.max_num_seqs],
        };
        stream.zero(&state.memory)?;
        // Row i is one token: its start is i. The ring lends its memory for the copy.
        let starts = state.ring.as_mut_slice::<u32>(max_rows + 1);
        (0..).zip(starts).for_each(|(idx, start)| *start = idx);
        let offset = (state.starts() - state.memory.address()) as usize;
        stream.upload(&state.memory, offset, &state.ring, (max_rows + 1) * size_of::<u32>())?;
        stream.synchronize()?;
        Ok(state)
    }

    fn array(&self, first_word: usize) -> u64 {
        let words = HEAD_WORDS + first_word * self.max_rows;
        self.memory.address() + (words * size_of::<u32>()) as u64
    }

    /// `[max_rows + 1]` numbers from 0 on.
    fn starts(&self) -> u64 {
        self.array(11)
    }

    fn tables(&self) -> u64 {
        self.array(12) + 16 * size_of::<u32>() as u64
    }

    /// Where the operations of such a step find its arrays.
    pub(crate) fn addresses(&self) -> StepAddresses {
        StepAddresses {
            token_ids: self.array(6),
            positions: self.array(7),
            slots: self.array(8),
            query_start_loc: self.starts(),
            seq_lens: self.array(9),
            block_table_start: self.array(10),
            block_tables: self.tables(),
            logits_indices: self.starts(),
            sample: self.array(4),
        }
    }

    /// The kernel's parameters for steps of `num_rows` rows, padding included.
    pub(crate) fn advance_params(&self, num_rows: usize) -> AdvanceParams {
        let at = self.addresses();
        AdvanceParams {
            ring: self.ring_address,
            turn: self.memory.address(),
            rows: self.array(0),
            tables: at.block_tables,
            last_tokens: self.last_tokens,
            token_ids: at.token_ids,
            positions: at.positions,
            slots: at.slots,
            seq_lens: at.seq_lens,
            block_table_start: at.block_table_start,
            sample_rows: at.sample,
            ring_words: (self.ring.bytes() / size_of::<u32>() / RING) as u32,
            num_rows: num_rows as u32,
            max_blocks: self.picture.max_blocks as u32,
            block_size: self.block_size as u32,
        }
    }
}

/// The blocks of a sequence.
fn table(input: &StepInput, seq: usize) -> &[u32] {
    let bounds = &input.block_table_start[seq..seq + 2];
    &input.block_tables[bounds[0] as usize..bounds[1] as usize]
}

impl DecodeState {
    /// Whether the step is one new token for each sequence, each sampled from, at the place where
    /// the kernel will look for it.
    pub(crate) fn takes(&self, input: &StepInput) -> bool {
        let num_rows = input.num_seqs();
        let counts = |values: &[u32]| (0..).zip(values).all(|(idx, value)| idx == *value);
        num_rows > 0
            && num_rows <= self.is_deferred.len()
            && input.num_tokens() == num_rows
            && input.sample.len() == num_rows
            && input.logits_indices.len() == num_rows
            && counts(&input.logits_indices)
            && counts(&input.query_start_loc)
            && (0..num_rows).all(|row| self.takes_row(input, row))
            && input.deferred.iter().all(|deferred| {
                let row = input.sample.get(deferred.token_idx as usize);
                row.is_some_and(|row| row.slot == deferred.slot)
            })
    }

    fn takes_row(&self, input: &StepInput, row: usize) -> bool {
        let (position, blocks) = (input.positions[row] as usize, table(input, row));
        let block_size = self.block_size;
        position + 1 == input.seq_lens[row] as usize
            && blocks.len() <= self.picture.max_blocks
            && (input.sample[row].slot.0 as usize) < self.picture.tables.len()
            && blocks.get(position / block_size).is_some_and(|block| {
                input.slot_mapping[row] as usize
                    == *block as usize * block_size + position % block_size
            })
    }

    /// Writes the descriptor of a step that [`Self::takes`] accepted. `is_settled` says that the host has seen all sampled tokens.
    pub(crate) fn describe(&mut self, input: &StepInput, is_settled: bool) {
        let half = self.ring.bytes() / RING;
        let descriptor = self.ring.part_mut(self.turn as usize % RING * half, half);
        let (header, rest) = descriptor.split_at_mut(size_of::<Header>());
        self.is_deferred.fill(false);
        for deferred in &input.deferred {
            self.is_deferred[deferred.token_idx as usize] = true;
        }
        let (num_changes, rest) =
            self.picture.move_rows(input, &self.is_deferred, is_settled, rest);
        let header = bytemuck::from_bytes_mut::<Header>(header);
        *header = Header {
            number: self.turn,
            num_rows: input.num_seqs() as u32,
            num_changes,
            num_blocks: self.picture.move_tables(input, rest),
        };
        self.turn = self.turn.wrapping_add(1);
    }

    /// Takes the last descriptor back: its graph was not launched and never will be. The next one
    /// tells the device everything.
    pub(crate) fn undescribe(&mut self) {
        self.turn = self.turn.wrapping_sub(1);
        self.picture.forget();
    }

    /// Notes a token that the device has sampled and the host has seen.
    pub(crate) fn sampled(&mut self, slot: u32, token: u32) {
        self.picture.last_tokens[slot as usize] = Some(token);
    }
}

impl Picture {
    fn new(limits: &StepLimits) -> Self {
        let (seqs, max_blocks) = (limits.max_num_seqs, max_blocks(limits));
        Self {
            rows: vec![None; seqs],
            tables: (0..seqs).map(|_| Vec::with_capacity(max_blocks)).collect(),
            last_tokens: vec![None; seqs],
            max_blocks,
        }
    }

    fn forget(&mut self) {
        self.rows.fill(None);
        self.tables.iter_mut().for_each(Vec::clear);
        self.last_tokens.fill(None);
    }

    /// Writes changes of rows to the start of `out`; their number, and what is left of `out`.
    fn move_rows<'a>(
        &mut self,
        input: &StepInput,
        is_deferred: &[bool],
        is_settled: bool,
        out: &'a mut [u8],
    ) -> (u32, &'a mut [u8]) {
        let (mut num_changes, change_bytes) = (0, size_of::<Change>());
        for (row, sample) in input.sample.iter().enumerate() {
            let (slot, token) = (sample.slot.0, input.token_ids[row]);
            let is_last = is_settled && self.last_tokens[slot as usize] == Some(token);
            let token = if is_deferred[row] || is_last { NONE } else { token };
            let to =
                Row { slot, position: input.positions[row], num_output: sample.num_output, token };
            if self.rows[row] != Some(to) {
                let change = Change { row: row as u32, reserved: [0; 3], to };
                let place = &mut out[num_changes * change_bytes..][..change_bytes];
                place.copy_from_slice(bytemuck::bytes_of(&change));
                num_changes += 1;
            }
            self.rows[row] = Some(Row {
                position: to.position + 1,
                num_output: to.num_output.wrapping_add(1),
                token: NONE,
                ..to
            });
        }
        (num_changes as u32, &mut out[num_changes * change_bytes..])
    }

    /// Writes the entries of block tables that the device does not have; their number.
    fn move_tables(&mut self, input: &StepInput, out: &mut [u8]) -> u32 {
        let blocks: &mut [Block] = bytemuck::cast_slice_mut(out);
        let mut num_blocks = 0;
        for (seq, sample) in input.sample.iter().enumerate() {
            let (slot, new) = (sample.slot.0 as usize, table(input, seq));
            let old = &mut self.tables[slot];
            // What lies behind a shorter table stays known: the device still has it.
            if old.len() < new.len() {
                old.resize(new.len(), NONE);
            }
            for (idx, (old, new)) in old.iter_mut().zip(new).enumerate() {
                if old != new {
                    *old = *new;
                    let at = (slot * self.max_blocks + idx) as u32;
                    blocks[num_blocks] = Block { at, block: *new };
                    num_blocks += 1;
                }
            }
        }
        num_blocks as u32
    }
}
