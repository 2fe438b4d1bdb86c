//! Rows sampled by the kernel and by the `sampling` crate.

use std::sync::Arc;

use kernel_tests::{Device, Params, f32_bytes, u32_bytes};
use sampling::{SamplerState, Scratch};
use types::{AdmittedSeq, NO_TOKEN, Sampled, SamplerSlot, SamplingParams};

/// Alternatives that the kernel's output has room for.
const MAX_TOP: usize = 5;

/// A token that no test samples.
const UNTOUCHED: u32 = 0xfeed;

/// Bytes of a `SamplerSlot`, and where its `plain` stands.
const SLOT_BYTES: usize = 96;
const PLAIN_AT: usize = 84;

/// One row.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) params: SamplingParams,
    pub(crate) num_output: u32,
    pub(crate) logits: Vec<f32>,
    /// Seen before, the first `num_prompt` of them in the prompt.
    pub(crate) tokens: Vec<u32>,
    pub(crate) num_prompt: usize,
}

impl Case {
    fn expected(&self, scratch: &mut Scratch) -> Sampled {
        let mut state = SamplerState::new(self.logits.len());
        state.admit(&AdmittedSeq {
            slot: SamplerSlot(0),
            params: Arc::new(self.params.clone()),
            tokens: self.tokens.clone(),
            num_prompt: self.num_prompt as u32,
        });
        state.sample(&mut self.logits.clone(), self.num_output, scratch)
    }

    /// Says which rows have no finite logits; the token of others is not the kernel's business.
    fn left_by_argmax(&self) -> u32 {
        let is_odd = |logit: &f32| logit.is_nan() || *logit == f32::INFINITY;
        let has_best = self.logits.iter().any(|logit| *logit > f32::NEG_INFINITY);
        if has_best && !self.logits.iter().any(is_odd) { UNTOUCHED } else { NO_TOKEN }
    }

    fn marks(&self) -> Vec<u16> {
        let mut marks = vec![0u16; self.logits.len()];
        for (at, &token) in self.tokens.iter().enumerate() {
            if let Some(mark) = marks.get_mut(token as usize) {
                *mark = if at < self.num_prompt { *mark | 1 << 15 } else { *mark + 1 };
            }
        }
        marks
    }

    /// The `SamplerSlot` of the kernel, its arrays allocated.
    fn slot(&self, index: usize, device: &mut Device) -> Params {
        let p = &self.params;
        let mut array = |name: &str, words: &[u32]| {
            if words.is_empty() {
                0
            } else {
                device.allocate(&format!("{name} {index}"), &u32_bytes(words))
            }
        };
        let mask = p.allowed_token_ids.as_ref().map_or(Vec::new(), |allowed| {
            let mut mask = vec![0u32; self.logits.len().div_ceil(32)];
            for &token in allowed.iter().filter(|&&t| (t as usize) < self.logits.len()) {
                mask[token as usize / 32] |= 1 << (token % 32);
            }
            mask
        });
        let bias: Vec<u32> = p.logit_bias.iter().flat_map(|&(t, b)| [t, b.to_bits()]).collect();
        let (mask, bias) = (array("mask", &mask), array("bias", &bias));
        let stops = array("stops", &p.stop_token_ids);
        let seen = if p.has_penalties() {
            let bytes: Vec<u8> = self.marks().iter().flat_map(|m| m.to_le_bytes()).collect();
            device.allocate(&format!("seen {index}"), &bytes)
        } else {
            0
        };
        Params::new()
            .u64(p.seed)
            .u64(mask)
            .u64(bias)
            .u64(stops)
            .u64(seen)
            .f32(p.temperature)
            .f32(p.top_p)
            .f32(p.min_p)
            .u32(p.top_k)
            .f32(p.repetition_penalty)
            .f32(p.presence_penalty)
            .f32(p.frequency_penalty)
            .size(p.logit_bias.len())
            .size(p.stop_token_ids.len())
            .u32(p.min_tokens)
            .u32(p.logprobs.map_or(0, |n| n + 1))
            .u32(0)
            .u32(0)
            .u32(0)
    }
}

/// Slots are in the reverse order of rows; behind them one that argmax has answered.
fn left_by_slot(left: &[u32]) -> Vec<u32> {
    left.iter().rev().copied().chain([UNTOUCHED]).collect()
}

/// The kernel on a device.
pub(crate) struct Bench {
    pub(crate) device: Device,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self { device: Device::load("sample.hip") }
    }

    /// Samples all rows in one launch, holds each to the CPU's answer, and returns the tokens.
    pub(crate) fn check(&mut self, vocab: usize, cases: &[Case]) -> Vec<u32> {
        let device = &mut self.device;
        device.reset();
        let (rows, stride) = (cases.len(), vocab.next_multiple_of(4));
        // What lies between rows wins if it is looked at.
        let mut logits = vec![f32::MAX; rows * stride];
        for (row, case) in logits.chunks_mut(stride).zip(cases) {
            row[..vocab].copy_from_slice(&case.logits);
        }
        // Slots in another order than rows.
        let mut slots: Vec<u8> =
            (0..rows).rev().flat_map(|i| cases[i].slot(i, device).bytes().to_vec()).collect();
        // Behind the cases a row of padding and one that argmax has answered; neither has logits.
        slots.extend_from_slice(&[0; PLAIN_AT]);
        slots.extend_from_slice(&[1, 0, 0, 0]);
        slots.extend_from_slice(&[0; SLOT_BYTES - PLAIN_AT - 4]);
        let mut who: Vec<u32> =
            (0..rows).flat_map(|i| [(rows - 1 - i) as u32, cases[i].num_output]).collect();
        who.extend_from_slice(&[u32::MAX, 0, rows as u32, 0]);
        // What argmax_final has left: of a row with finite logits nothing that is looked at.
        let mut left: Vec<u32> = cases.iter().map(Case::left_by_argmax).collect();
        left.extend([UNTOUCHED; 2]);
        let params = Params::new()
            .u64(device.allocate("logits", &f32_bytes(&logits)))
            .u64(device.poisoned("work", rows * stride * 4))
            .u64(device.allocate("slots", &slots))
            .u64(device.allocate("rows", &u32_bytes(&who)))
            .u64(device.allocate("tokens", &u32_bytes(&left)))
            .u64(device.allocate("last tokens", &u32_bytes(&left_by_slot(&left[..rows]))))
            .u64(device.poisoned("logprobs", rows * 8))
            .u64(device.poisoned("top", rows * MAX_TOP * 8))
            .size(vocab)
            .size(stride)
            .size(MAX_TOP)
            .u32(0);
        device.launch("sample", [rows + 2, 1, 1], 1024, &params);
        let mut tokens = device.u32s("tokens");
        assert_eq!(tokens[rows..], [UNTOUCHED; 2], "rows that were to be passed over");
        tokens.truncate(rows);
        let last_tokens = device.u32s("last tokens");
        assert!(last_tokens[..rows].iter().rev().eq(&tokens), "{last_tokens:?} by slot");
        assert_eq!(last_tokens[rows], UNTOUCHED, "argmax's");
        let mut scratch = Scratch::new(vocab);
        for (index, case) in cases.iter().enumerate() {
            let expect = case.expected(&mut scratch);
            let row = &case.logits[..vocab.min(20)];
            assert_eq!(tokens[index], expect.token, "{vocab} {:?} {row:?}", case.params);
            check_logprobs(device, index, case, &expect);
            check_seen(device, index, case, expect.token);
        }
        tokens
    }
}

fn check_logprobs(device: &Device, index: usize, case: &Case, expect: &Sampled) {
    // One rounding to f32 of numbers up to a hundred, and masses in units of 2^-44.
    let close = |got: u32, expect: f32| {
        let got = f32::from_bits(got);
        let same = got == expect || (got - expect).abs() <= 1e-6 * expect.abs().max(1.0);
        assert!(same, "{:?}: log-probability {got}, expected {expect}", case.params);
    };
    let own = &device.u32s("logprobs")[2 * index..2 * index + 2];
    let Some(logprobs) = &expect.logprobs else {
        assert_eq!(own, [u32::MAX; 2], "nobody asked");
        return;
    };
    close(own[0], logprobs.logprob);
    assert_eq!(own[1], logprobs.rank, "{:?}", case.params);
    let top = &device.u32s("top")[2 * MAX_TOP * index..2 * MAX_TOP * (index + 1)];
    for (place, pair) in top.chunks(2).enumerate() {
        match logprobs.top.get(place) {
            Some(&(token, logprob)) => {
                assert_eq!(pair[0], token, "{:?} place {place}", case.params);
                close(pair[1], logprob);
            }
            None => assert_eq!(pair, [u32::MAX; 2], "more alternatives than asked for"),
        }
    }
}

/// The chosen token is counted, and nothing else.
fn check_seen(device: &Device, index: usize, case: &Case, token: u32) {
    if !case.params.has_penalties() {
        return;
    }
    let bytes = device.bytes(&format!("seen {index}"));
    let (marks, _) = bytes.as_chunks::<2>();
    let marks: Vec<u16> = marks.iter().map(|&mark| u16::from_le_bytes(mark)).collect();
    let mut expect = case.marks();
    // A row without a token counts none.
    if token != NO_TOKEN {
        expect[token as usize] += 1;
    }
    assert_eq!(marks, expect);
}
