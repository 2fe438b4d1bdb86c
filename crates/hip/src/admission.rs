//! Sampler slots on the GPU, and the way of an admitted sequence into its slot: one block of pinned
//! memory a step, one copy, one kernel that spreads it over the slots.
//!
//! Owns the slots' device memory. All of it is taken at start, sized by the limits below. Called
//! by [`crate::sample`].

use backend::StepLimits;
use bytemuck::bytes_of;
use types::{AdmittedSeq, SampleRow, SamplingParams};

use crate::error::HipFailure;
use crate::launch::Kernels;
use crate::params::{AdmitParams, AdmitRecord, SamplerSlotState};
use crate::runtime::{DeviceMemory, Event, Gpu, Pinned, Stream};

/// Biased tokens of a sequence.
pub const MAX_LOGIT_BIAS: usize = 4096;
/// Stop tokens of a sequence that has `min_tokens`; the server allows 4096 besides the model's own.
pub const MAX_STOP_TOKENS: usize = 4096 + 256;
/// Alternatives that log-probabilities may have.
pub const MAX_TOP_LOGPROBS: usize = 128;
/// Room for the arrays of sequences that are admitted in one copy. A step that admits more makes
/// several, and waits for the copy before the last if the device is behind.
const ARENA_BYTES: usize = 1 << 20;
/// Arrays in the arena start at multiples of this.
const ALIGN_BYTES: usize = 16;
/// Threads of the kernel.
const ADMIT_THREADS: u32 = 1024;

/// Why sequences could not be admitted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AdmitError {
    /// A slot is not below `max_num_seqs`.
    #[error("sampler slot {slot} is outside the {num_slots} reserved ones")]
    NoSuchSlot { slot: u32, num_slots: usize },
    /// A slot stands twice in one step.
    #[error("sampler slot {slot} appears twice in one step")]
    SlotTwice { slot: u32 },
    /// A list is longer than the slots have room for.
    #[error("{what} of {len} entries; a sampler slot on the GPU has room for {most}")]
    TooLong { what: &'static str, len: usize, most: usize },
    /// A call failed.
    #[error(transparent)]
    Hip(#[from] HipFailure),
}

/// What the host knows of a slot.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SlotInfo {
    /// Wants more than the most likely token of the raw logits.
    pub(crate) needs_sampler: bool,
    /// 0: no log-probabilities; otherwise one more than the alternatives.
    pub(crate) num_logprobs: u32,
    /// The last step that admitted a sequence here.
    admitted_in: u64,
    /// The last step that sampled from here.
    sampled_in: u64,
}

/// Slots' states and arrays.
pub(crate) struct Slots {
    pub(crate) infos: Vec<SlotInfo>,
    vocab_size: usize,
    arena_bytes: usize,
    step: u64,
    /// `SamplerSlot` by slot.
    states: DeviceMemory,
    /// u32 `[slots, ceil(vocab / 32)]`.
    masks: DeviceMemory,
    /// `{u32, f32}` `[slots, MAX_LOGIT_BIAS]`.
    biases: DeviceMemory,
    /// u32 `[slots, MAX_STOP_TOKENS]`.
    stops: DeviceMemory,
    /// u16 `[slots, vocab rounded up to 2]`.
    seen: DeviceMemory,
    /// Records, then what they point to; used in stream order, so one is enough.
    arena: DeviceMemory,
    /// What is copied to the arena, in turns, and the event behind the latest copy of each.
    staging: [Pinned; 2],
    copied: [Event; 2],
    turn: usize,
}

/// True if nothing but the largest logit counts.
fn is_plain(params: &SamplingParams) -> bool {
    params.is_greedy()
        && !params.has_penalties()
        && params.logit_bias.is_empty()
        && params.allowed_token_ids.is_none()
        && params.logprobs.is_none()
        && !has_min_tokens(params)
}

fn has_min_tokens(params: &SamplingParams) -> bool {
    params.min_tokens > 0 && !params.stop_token_ids.is_empty()
}

fn mask_words(vocab_size: usize) -> usize {
    vocab_size.div_ceil(32)
}

fn seen_bytes(vocab_size: usize) -> usize {
    vocab_size.next_multiple_of(2) * size_of::<u16>()
}

/// Bytes of the arena: a record per slot, and at least one sequence with everything.
fn arena_bytes(limits: &StepLimits) -> usize {
    let one = mask_words(limits.vocab_size) * 4
        + MAX_LOGIT_BIAS * 8
        + MAX_STOP_TOKENS * 4
        + limits.max_model_len * 4
        + 4 * ALIGN_BYTES;
    let records = limits.max_num_seqs * size_of::<AdmitRecord>();
    records + one.max(ARENA_BYTES)
}

/// Bytes of the slots' arrays, in the order of [`Slots`]' fields.
fn array_bytes(limits: &StepLimits) -> [usize; 5] {
    let (slots, vocab_size) = (limits.max_num_seqs, limits.vocab_size);
    [
        slots * size_of::<SamplerSlotState>(),
        slots * mask_words(vocab_size) * 4,
        slots * MAX_LOGIT_BIAS * 8,
        slots * MAX_STOP_TOKENS * 4,
        slots * seen_bytes(vocab_size),
    ]
}

impl Slots {
    /// Bytes on the device.
    pub(crate) fn device_bytes(limits: &StepLimits) -> usize {
        array_bytes(limits).iter().sum::<usize>() + arena_bytes(limits)
    }

    /// Bytes of pinned host memory.
    pub(crate) fn pinned_bytes(limits: &StepLimits) -> usize {
        2 * arena_bytes(limits)
    }

    pub(crate) fn new(gpu: &Gpu, limits: &StepLimits) -> Result<Self, HipFailure> {
        let bytes = array_bytes(limits);
        let arena_bytes = arena_bytes(limits);
        Ok(Self {
            infos: vec![SlotInfo::default(); limits.max_num_seqs],
            vocab_size: limits.vocab_size,
            arena_bytes,
            step: 0,
            states: gpu.alloc(bytes[0])?,
            masks: gpu.alloc(bytes[1])?,
            biases: gpu.alloc(bytes[2])?,
            stops: gpu.alloc(bytes[3])?,
            seen: gpu.alloc(bytes[4])?,
            arena: gpu.alloc(arena_bytes)?,
            staging: [gpu.alloc_pinned(arena_bytes)?, gpu.alloc_pinned(arena_bytes)?],
            copied: [gpu.event()?, gpu.event()?],
            turn: 0,
        })
    }

    /// Address of the states, `SamplerSlot` by slot.
    pub(crate) fn address(&self) -> u64 {
        self.states.address()
    }

    /// Puts the states of a step's admitted sequences on the stream, and checks who samples. To be
    /// called once a step, admissions or not, however many steps are under way.
    pub(crate) fn begin_step(
        &mut self,
        stream: &Stream,
        kernels: &Kernels,
        admitted: &[AdmittedSeq],
        rows: &[SampleRow],
    ) -> Result<(), AdmitError> {
        self.step += 1;
        let step = self.step;
        for row in rows {
            let info = self.info(row.slot.0)?;
            if info.sampled_in == step {
                return Err(AdmitError::SlotTwice { slot: row.slot.0 });
            }
            info.sampled_in = step;
        }
        for seq in admitted {
            self.check(seq)?;
        }
        let mut rest = admitted;
        while !rest.is_empty() {
            let num = self.send(stream, kernels, rest)?;
            rest = &rest[num..];
        }
        Ok(())
    }

    fn info(&mut self, slot: u32) -> Result<&mut SlotInfo, AdmitError> {
        let num_slots = self.infos.len();
        self.infos.get_mut(slot as usize).ok_or(AdmitError::NoSuchSlot { slot, num_slots })
    }

    /// Refuses what does not fit; notes what the host must know.
    fn check(&mut self, seq: &AdmittedSeq) -> Result<(), AdmitError> {
        let (slot, step) = (seq.slot.0, self.step);
        if self.info(slot)?.admitted_in == step {
            return Err(AdmitError::SlotTwice { slot });
        }
        let params = &*seq.params;
        let num_top = params.logprobs.unwrap_or(0) as usize;
        let records = self.infos.len() * size_of::<AdmitRecord>();
        let max_tokens = (self.arena_bytes - records) / 4;
        for (what, len, most) in [
            ("logit_bias", params.logit_bias.len(), MAX_LOGIT_BIAS),
            ("stop_token_ids", params.stop_token_ids.len(), MAX_STOP_TOKENS),
            ("logprobs", num_top.min(self.vocab_size), MAX_TOP_LOGPROBS),
            ("a sequence", seq.tokens.len(), max_tokens - self.fixed_payload_words()),
        ] {
            if len > most {
                return Err(AdmitError::TooLong { what, len, most });
            }
        }
        let info = self.info(slot)?;
        info.needs_sampler = !is_plain(params);
        info.num_logprobs = params.logprobs.map_or(0, |num| num.saturating_add(1));
        info.admitted_in = step;
        Ok(())
    }

    /// Words of the arrays besides tokens that one sequence may have, with alignment.
    fn fixed_payload_words(&self) -> usize {
        mask_words(self.vocab_size) + 2 * MAX_LOGIT_BIAS + MAX_STOP_TOKENS + ALIGN_BYTES
    }

    /// Copies as many sequences as the arena holds and starts the kernel; answers how many.
    fn send(
        &mut self,
        stream: &Stream,
        kernels: &Kernels,
        seqs: &[AdmittedSeq],
    ) -> Result<usize, HipFailure> {
        let base = self.arena.address();
        let half = self.turn;
        self.turn = (half + 1) % self.staging.len();
        // What was there before must have been copied before it is written over.
        self.copied[half].synchronize()?;
        let addresses = self.slot_addresses();
        let mut packer = Packer {
            bytes: self.staging[half].as_mut_slice(self.arena_bytes),
            base,
            used: seqs.len() * size_of::<AdmitRecord>(),
            vocab_size: self.vocab_size,
        };
        let packed = seqs.iter().enumerate();
        let num = packed.take_while(|(idx, seq)| packer.put(*idx, seq, &addresses)).count();
        let used = packer.used;
        stream.upload(&self.arena, 0, &self.staging[half], used)?;
        stream.record(&self.copied[half])?;
        let params = AdmitParams {
            records: base,
            slots: self.states.address(),
            vocab_size: self.vocab_size as u32,
            reserved: 0,
        };
        stream.launch(&kernels.admit, [num, 1, 1], ADMIT_THREADS, &params)?;
        Ok(num)
    }

    fn slot_addresses(&self) -> SlotAddresses {
        SlotAddresses {
            masks: self.masks.address(),
            biases: self.biases.address(),
            stops: self.stops.address(),
            seen: self.seen.address(),
            vocab_size: self.vocab_size,
        }
    }
}

/// Where the slots' arrays start.
struct SlotAddresses {
    masks: u64,
    biases: u64,
    stops: u64,
    seen: u64,
    vocab_size: usize,
}

impl SlotAddresses {
    /// The state of a sequence in slot `slot`; arrays that it does not have are at 0.
    fn state(&self, slot: u32, params: &SamplingParams) -> SamplerSlotState {
        let at = |is_there: bool, start: u64, bytes: usize| {
            if is_there { start + u64::from(slot) * bytes as u64 } else { 0 }
        };
        let has_mask = params.allowed_token_ids.is_some();
        let num_stops = if has_min_tokens(params) { params.stop_token_ids.len() } else { 0 };
        SamplerSlotState {
            seed: params.seed,
            mask: at(has_mask, self.masks, mask_words(self.vocab_size) * 4),
            bias: at(true, self.biases, MAX_LOGIT_BIAS * 8),
            stops: at(true, self.stops, MAX_STOP_TOKENS * 4),
            seen: at(params.has_penalties(), self.seen, seen_bytes(self.vocab_size)),
            temperature: params.temperature,
            top_p: params.top_p,
            min_p: params.min_p,
            top_k: params.top_k,
            repetition: params.repetition_penalty,
            presence: params.presence_penalty,
            frequency: params.frequency_penalty,
            num_bias: params.logit_bias.len() as u32,
            num_stops: num_stops as u32,
            min_tokens: params.min_tokens,
            num_logprobs: params.logprobs.map_or(0, |num| num.saturating_add(1)),
            plain: u32::from(is_plain(params)),
            reserved: [0; 2],
        }
    }
}

/// Fills the arena's pinned copy: records from the start, arrays behind them.
struct Packer<'a> {
    bytes: &'a mut [u8],
    /// Where the arena is on the device.
    base: u64,
    used: usize,
    vocab_size: usize,
}

impl Packer<'_> {
    /// Adds a sequence as record `idx`; false if there is no room for it.
    fn put(&mut self, idx: usize, seq: &AdmittedSeq, slots: &SlotAddresses) -> bool {
        let params = &*seq.params;
        let state = slots.state(seq.slot.0, params);
        let num_mask = if state.mask == 0 { 0 } else { mask_words(self.vocab_size) };
        let num_tokens = if state.seen == 0 { 0 } else { seq.tokens.len() };
        let words = num_mask + 2 * params.logit_bias.len() + state.num_stops as usize + num_tokens;
        if self.used + words * 4 + 4 * ALIGN_BYTES > self.bytes.len() {
            return false;
        }
        let allowed = params.allowed_token_ids.as_deref().unwrap_or_default();
        let record = AdmitRecord {
            state,
            mask: self.put_mask(allowed, num_mask),
            bias: self.put_words(params.logit_bias.iter().flat_map(|(t, b)| [*t, b.to_bits()])),
            stops: self
                .put_words(params.stop_token_ids[..state.num_stops as usize].iter().copied()),
            tokens: self.put_words(seq.tokens[..num_tokens].iter().copied()),
            slot: seq.slot.0,
            num_tokens: num_tokens as u32,
            num_prompt: seq.num_prompt,
            reserved: 0,
        };
        let size = size_of::<AdmitRecord>();
        self.bytes[idx * size..(idx + 1) * size].copy_from_slice(bytes_of(&record));
        true
    }

    /// Appends words; answers where they will be on the device.
    fn put_words(&mut self, words: impl Iterator<Item = u32>) -> u64 {
        let start = self.used.next_multiple_of(ALIGN_BYTES);
        self.used = start;
        for word in words {
            self.bytes[self.used..self.used + 4].copy_from_slice(&word.to_ne_bytes());
            self.used += 4;
        }
        self.base + start as u64
    }

    /// Appends a bit for each token that is allowed; tokens outside the vocabulary are passed over.
    fn put_mask(&mut self, allowed: &[u32], num_words: usize) -> u64 {
        let start = self.used.next_multiple_of(ALIGN_BYTES);
        self.used = start + num_words * 4;
        let mask = &mut self.bytes[start..self.used];
        mask.fill(0);
        for token in allowed.iter().map(|token| *token as usize) {
            // Bit t % 32 of little-endian word t / 32 is bit t % 8 of byte t / 8.
            if token < self.vocab_size && num_words > 0 {
                mask[token / 8] |= 1 << (token % 8);
            }
        }
        self.base + start as u64
    }
}
