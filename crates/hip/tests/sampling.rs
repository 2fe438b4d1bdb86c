//! Sampling through the device on the emulated MI300X against the `sampling` crate, on the logits
//! that the device itself has computed: the same token for every row. No hardware takes part.
#![forbid(unsafe_code)]

mod emulator;

use std::sync::Arc;

use backend::{
    BufferKind, DType, Device, DeviceError, LayerOps, StepLimits, TensorShape, TensorView,
};
use emulator::emulator;
use hip::{HipBuffer, HipConfig, HipDevice, HipWeight, MAX_LOGIT_BIAS, MAX_TOP_LOGPROBS};
use sampling::{SamplerState, Scratch};
use types::{AdmittedSeq, NO_TOKEN, SampleRow, Sampled, SamplerSlot, SamplingParams, StepInput};

const HIDDEN: usize = 32;
const VOCAB: usize = 301;
const NUM_SLOTS: usize = 32;
/// One more than the rows of the skinny kernels.
const MANY_SLOTS: usize = 65;
const LIMITS: StepLimits = StepLimits {
    max_num_seqs: NUM_SLOTS,
    max_num_batched_tokens: 2 * NUM_SLOTS,
    max_model_len: 64,
    vocab_size: VOCAB,
    max_linear_cols: HIDDEN,
    num_heads: 2,
    num_kv_heads: 2,
    head_dim: 16,
    block_size: 16,
};

fn params() -> SamplingParams {
    SamplingParams { seed: 0x1234_5678_9abc_def0, ..SamplingParams::default() }
}

/// Greedy rows between rows that want everything else, alone and together.
fn many_kinds() -> Vec<SamplingParams> {
    let allowed: Vec<u32> = (0..VOCAB as u32 + 3).filter(|token| token % 7 == 3).collect();
    let bias = vec![(5, 4.0), (17, -3.0), (200, 6.5), (VOCAB as u32 + 9, 50.0)];
    let off = params;
    vec![
        SamplingParams::greedy(),
        off(),
        SamplingParams { temperature: 0.4, seed: 7, ..off() },
        SamplingParams::greedy(),
        SamplingParams { top_k: 5, temperature: 1.6, ..off() },
        SamplingParams { top_p: 0.7, ..off() },
        SamplingParams { min_p: 0.1, temperature: 1.9, ..off() },
        SamplingParams { top_k: 40, top_p: 0.8, min_p: 0.01, ..off() },
        SamplingParams { repetition_penalty: 1.7, ..SamplingParams::greedy() },
        SamplingParams {
            repetition_penalty: 1.2,
            presence_penalty: 0.7,
            frequency_penalty: 1.5,
            top_p: 0.95,
            ..off()
        },
        SamplingParams { logit_bias: bias.clone(), ..SamplingParams::greedy() },
        SamplingParams { logit_bias: bias, top_k: 3, ..off() },
        SamplingParams { allowed_token_ids: Some(allowed.clone()), ..SamplingParams::greedy() },
        SamplingParams { allowed_token_ids: Some(allowed), top_p: 0.9, ..off() },
        SamplingParams {
            min_tokens: 3,
            stop_token_ids: (0..VOCAB as u32).filter(|token| token % 3 != 0).collect(),
            ..SamplingParams::greedy()
        },
        SamplingParams { logprobs: Some(0), ..SamplingParams::greedy() },
        SamplingParams { logprobs: Some(20), ..off() },
        SamplingParams {
            logprobs: Some(MAX_TOP_LOGPROBS as u32),
            frequency_penalty: 2.0,
            ..SamplingParams::greedy()
        },
        // min_tokens without a token to hold back is nothing.
        SamplingParams { min_tokens: 9, ..SamplingParams::greedy() },
    ]
}

/// A running sequence, on the device and on the host.
struct Seq {
    params: Arc<SamplingParams>,
    prompt: Vec<u32>,
    output: Vec<u32>,
    slot: u32,
    state: SamplerState,
    /// Enters, or enters again, with the next step.
    enters: bool,
}

/// What sequence `idx` puts in at its n-th turn.
fn token_of(idx: usize, turn: usize) -> usize {
    (idx * 31 + turn * 83 + 7) % VOCAB
}

struct Bench {
    device: HipDevice,
    embedding: HipWeight,
    table: HipWeight,
    x: HipBuffer,
    gathered: HipBuffer,
    logits: HipBuffer,
    scratch: Scratch,
}

/// `[VOCAB, HIDDEN]`, with a number of some rows replaced.
fn upload(device: &mut HipDevice, replaced: &[(usize, f32)]) -> HipWeight {
    let number = |i: usize| ((i * 37 + 101 + i * i % 1013) % 509) as f32 / 254.0 - 1.0;
    let mut numbers: Vec<f32> = (0..VOCAB * HIDDEN).map(|i| 1.5 * number(i)).collect();
    for (row, value) in replaced {
        numbers[row * HIDDEN + row % HIDDEN] = *value;
    }
    let bytes: Vec<u8> = numbers.into_iter().flat_map(f32::to_le_bytes).collect();
    let shape = TensorShape { dtype: DType::F32, rows: VOCAB, cols: HIDDEN };
    let view = TensorView::new(shape, &bytes).expect("sizes agree");
    device.upload_weight(&[view]).expect("the weight fits")
}

impl Bench {
    fn new() -> Self {
        Self::embedding(&[])
    }

    /// With a number of some tokens' embeddings replaced.
    fn embedding(replaced: &[(usize, f32)]) -> Self {
        Self::sized(NUM_SLOTS, replaced)
    }

    /// For as many sequences.
    fn sized(num_slots: usize, replaced: &[(usize, f32)]) -> Self {
        let limits =
            StepLimits { max_num_seqs: num_slots, max_num_batched_tokens: 2 * num_slots, ..LIMITS };
        let config = HipConfig { library: Some(emulator()), max_graphs: 0, ..HipConfig::default() };
        let mut device = HipDevice::new(&config).expect("the emulator is a device");
        device.reserve_workspace(&limits).expect("there is room");
        let (embedding, table) = (upload(&mut device, replaced), upload(&mut device, &[]));
        let mut buffer = |kind, rows, cols| device.alloc_buffer(kind, rows, cols).expect("room");
        let x = buffer(BufferKind::Activation, 2 * num_slots, HIDDEN);
        let gathered = buffer(BufferKind::Activation, num_slots, HIDDEN);
        let logits = buffer(BufferKind::Logits, num_slots, VOCAB);
        let scratch = Scratch::new(VOCAB);
        Self { device, embedding, table, x, gathered, logits, scratch }
    }

    /// The metadata of a step that samples from these sequences: two new tokens each, the second of
    /// which makes the logits.
    fn input(seqs: &[Seq], batch: &[usize]) -> StepInput {
        let mut input = StepInput { query_start_loc: vec![0], ..StepInput::default() };
        input.block_table_start.push(0);
        for &idx in batch {
            let seq = &seqs[idx];
            // With penalties the logits stay the same, so that only what was counted moves the choice.
            let turn = if seq.params.has_penalties() { 0 } else { seq.output.len() };
            input.token_ids.extend([0, token_of(idx, turn) as u32]);
            input.positions.extend([0, 1]);
            input.slot_mapping.extend([0, 1]);
            input.query_start_loc.push(input.token_ids.len() as u32);
            input.seq_lens.push(2);
            input.block_tables.push(0);
            input.block_table_start.push(input.block_tables.len() as u32);
            input.logits_indices.push(input.token_ids.len() as u32 - 1);
            let num_output = seq.output.len() as u32;
            input.sample.push(SampleRow { slot: SamplerSlot(seq.slot), num_output });
            if seq.enters {
                let is_read = seq.params.has_penalties();
                let all = seq.prompt.iter().chain(&seq.output).copied();
                input.admitted.push(AdmittedSeq {
                    slot: SamplerSlot(seq.slot),
                    params: Arc::clone(&seq.params),
                    tokens: if is_read { all.collect() } else { Vec::new() },
                    num_prompt: seq.prompt.len() as u32,
                });
            }
        }
        input
    }

    fn compute(&mut self, input: &StepInput) -> Result<(), DeviceError> {
        let Self { device, embedding, table, x, gathered, logits, .. } = self;
        device.begin_step(input)?;
        device.embed(embedding, 1.0, x)?;
        device.gather_rows(x, gathered)?;
        device.lm_head(input.sample.len(), gathered, table, logits)
    }

    /// One step; each row's token must be the one that the host takes from the same logits.
    fn step(&mut self, seqs: &mut [Seq], batch: &[usize]) {
        let input = Self::input(seqs, batch);
        self.compute(&input).expect("the step is possible");
        let rows: Vec<Vec<f32>> = (0..batch.len())
            .map(|row| self.device.read_row(&self.logits, row).expect("the row is there"))
            .collect();
        let mut sampled = Vec::new();
        self.device.sample(&mut self.logits).expect("it runs");
        self.device.finish_step().expect("it runs");
        self.device.collect(&mut sampled).expect("it runs");
        assert_eq!(sampled.len(), batch.len());
        for admitted in &input.admitted {
            let idx = batch.iter().find(|idx| seqs[**idx].slot == admitted.slot.0);
            seqs[*idx.expect("it is in the batch")].state.admit(admitted);
        }
        for ((&idx, mut row), found) in batch.iter().zip(rows).zip(sampled) {
            let seq = &mut seqs[idx];
            seq.enters = false;
            let expect = seq.state.sample(&mut row, seq.output.len() as u32, &mut self.scratch);
            assert_same(&found, &expect, &seq.params);
            seq.output.push(found.token);
        }
    }
}

fn assert_same(found: &Sampled, expect: &Sampled, params: &SamplingParams) {
    assert_eq!(found.token, expect.token, "{params:?}");
    assert_eq!(found.logprobs.is_some(), expect.logprobs.is_some(), "{params:?}");
    let (Some(found), Some(expect)) = (&found.logprobs, &expect.logprobs) else { return };
    // One rounding to f32 of numbers up to a hundred, and masses in units of 2^-44.
    let close = |found: f32, expect: f32| {
        let same = found == expect || (found - expect).abs() <= 1e-6 * expect.abs().max(1.0);
        assert!(same, "{params:?}: log-probability {found}, not {expect}");
    };
    close(found.logprob, expect.logprob);
    assert_eq!(found.rank, expect.rank, "{params:?}");
    assert_eq!(found.top.len(), expect.top.len(), "{params:?}");
    for (found, expect) in found.top.iter().zip(&expect.top) {
        assert_eq!(found.0, expect.0, "{params:?}");
        close(found.1, expect.1);
    }
}

fn sequences(kinds: Vec<SamplingParams>) -> Vec<Seq> {
    let seq = |(idx, params): (usize, SamplingParams)| Seq {
        params: Arc::new(params),
        prompt: (0..11).map(|i| ((i * 13 + idx) % 29) as u32).collect(),
        output: Vec::new(),
        // Slots in another order than sequences.
        slot: ((idx * 7 + 3) % NUM_SLOTS) as u32,
        state: SamplerState::new(VOCAB),
        enters: true,
    };
    kinds.into_iter().enumerate().map(seq).collect()
}

#[test]
fn every_kind_of_row_in_changing_company() {
    let mut bench = Bench::new();
    let mut seqs = sequences(many_kinds());
    let all: Vec<usize> = (0..seqs.len()).collect();
    let greedy: Vec<usize> = all.iter().copied().filter(|i| [0, 3, 18].contains(i)).collect();
    let backwards: Vec<usize> = all.iter().rev().copied().collect();
    bench.step(&mut seqs, &all);
    bench.step(&mut seqs, &greedy);
    bench.step(&mut seqs, &backwards);
    // Preempted and back in other slots, which others have used: what they have seen goes along.
    for (idx, seq) in seqs.iter_mut().enumerate().filter(|(idx, _)| idx % 2 == 1) {
        (seq.slot, seq.enters) = (((idx + 2) * 7 + 3) as u32 % NUM_SLOTS as u32, true);
    }
    let odd: Vec<usize> = all.iter().copied().filter(|idx| idx % 2 == 1).collect();
    let last = odd.len() - 1;
    let lonely: Vec<usize> = vec![odd[last]];
    bench.step(&mut seqs, &odd[..last]);
    bench.step(&mut seqs, &lonely);
    for _ in 0..3 {
        bench.step(&mut seqs, &odd);
    }
    assert!(seqs.iter().all(|seq| seq.output.len() >= 2));
}

#[test]
fn a_sequence_alone_samples_what_it_samples_in_company() {
    let mut bench = Bench::new();
    let mut together = sequences(many_kinds());
    let all: Vec<usize> = (0..together.len()).collect();
    for _ in 0..2 {
        bench.step(&mut together, &all);
    }
    let mut alone = sequences(many_kinds());
    for idx in [1, 7, 9, 17] {
        for _ in 0..2 {
            bench.step(&mut alone, &[idx]);
        }
        assert_eq!(alone[idx].output, together[idx].output, "sequence {idx}");
    }
}

/// Lists that fill their slots, for more sequences than one copy has room for.
#[test]
fn the_longest_lists_of_all_slots_at_once() {
    let mut bench = Bench::new();
    let kind = |idx: usize| SamplingParams {
        logit_bias: (0..MAX_LOGIT_BIAS as u32)
            .map(|token| (token, ((token as usize * 7 + idx) % 50) as f32 / 8.0))
            .collect(),
        min_tokens: 1,
        stop_token_ids: (idx as u32..idx as u32 + 4096).collect(),
        presence_penalty: 0.5,
        ..params()
    };
    let mut seqs = sequences((0..NUM_SLOTS).map(kind).collect());
    let all: Vec<usize> = (0..NUM_SLOTS).collect();
    bench.step(&mut seqs, &all);
    bench.step(&mut seqs, &all);
}

/// More rows than the skinny kernels take: what greedy rows choose from is left by another kernel.
#[test]
fn greedy_rows_of_a_large_batch_choose_as_on_the_host() {
    // The last sequence's row is not finite.
    let broken = (token_of(MANY_SLOTS - 1, 0), f32::NAN);
    let mut bench = Bench::sized(MANY_SLOTS, &[broken]);
    let mut seqs = sequences(vec![SamplingParams::greedy(); MANY_SLOTS]);
    for (slot, seq) in seqs.iter_mut().rev().enumerate() {
        seq.slot = slot as u32;
    }
    let all: Vec<usize> = (0..MANY_SLOTS).collect();
    bench.step(&mut seqs, &all);
    let ended = seqs.iter().filter(|seq| seq.output == [NO_TOKEN]).count();
    assert!(ended >= 1 && seqs[MANY_SLOTS - 1].output == [NO_TOKEN], "{ended} of them");
    bench.step(&mut seqs, &all[..MANY_SLOTS - 1]);
}

#[test]
fn a_row_that_is_not_finite_has_no_token_and_moves_no_other() {
    let all: Vec<usize> = (0..many_kinds().len()).collect();
    let mut healthy = sequences(many_kinds());
    Bench::new().step(&mut healthy, &all);
    // Greedy, drawn, filtered, penalised, biased, masked, with log-probabilities.
    let broken = [0, 1, 5, 9, 10, 13, 16, 17];
    for value in [f32::NAN, f32::INFINITY] {
        let replaced = broken.map(|idx| (token_of(idx, 0), value));
        let (mut bench, mut seqs) = (Bench::embedding(&replaced), sequences(many_kinds()));
        // Each row is held to what the host makes of the same logits.
        bench.step(&mut seqs, &all);
        for (idx, (seq, healthy)) in seqs.iter().zip(&healthy).enumerate() {
            let expect = if broken.contains(&idx) { &vec![NO_TOKEN] } else { &healthy.output };
            assert_eq!(seq.output, *expect, "{value}: {:?}", seq.params);
        }
        // The others go on, and the slots of those that ended serve again.
        for idx in broken {
            (seqs[idx].output, seqs[idx].enters) = (vec![3], true);
        }
        bench.step(&mut seqs, &all);
        let has_none = |idx: &usize| seqs[*idx].output.contains(&NO_TOKEN);
        let again: Vec<usize> = all.iter().copied().filter(has_none).collect();
        assert_eq!(again, [9, 17], "with penalties the same token comes in again");
    }
}

#[test]
fn what_does_not_fit_fails_the_step_and_not_the_device() {
    let mut bench = Bench::new();
    let refused = |bench: &mut Bench, change: &dyn Fn(&mut StepInput)| -> String {
        let mut input = Bench::input(&sequences(vec![params(), params()]), &[0, 1]);
        change(&mut input);
        let error = bench.device.begin_step(&input).expect_err("it does not fit");
        assert!(matches!(error, DeviceError::Failed { .. }), "{error:?}");
        error.to_string()
    };
    let with = |input: &mut StepInput, params: SamplingParams| {
        input.admitted[1].params = Arc::new(params);
    };
    let many: Vec<u32> = (0..4096 + 257).collect();
    let bias: Vec<(u32, f32)> = many.iter().map(|token| (*token, 1.0)).collect();
    let long = refused(&mut bench, &|input| {
        with(input, SamplingParams { logit_bias: bias.clone(), ..params() });
    });
    assert!(long.contains("logit_bias of 4353 entries") && long.contains("4096"), "{long}");
    let stops = refused(&mut bench, &|input| {
        let stop_token_ids = many.clone();
        with(input, SamplingParams { min_tokens: 2, stop_token_ids, ..params() });
    });
    assert!(stops.contains("stop_token_ids of 4353 entries"), "{stops}");
    let top = refused(&mut bench, &|input| {
        with(input, SamplingParams { logprobs: Some(MAX_TOP_LOGPROBS as u32 + 1), ..params() });
    });
    assert!(top.contains("logprobs of 129 entries"), "{top}");
    let beyond = refused(&mut bench, &|input| input.admitted[0].slot = SamplerSlot(32));
    assert!(beyond.contains("slot 32 is outside"), "{beyond}");
    let beyond = refused(&mut bench, &|input| input.sample[0].slot = SamplerSlot(99));
    assert!(beyond.contains("slot 99 is outside"), "{beyond}");
    let twice = refused(&mut bench, &|input| input.sample[0].slot = input.sample[1].slot);
    assert!(twice.contains("appears twice"), "{twice}");
    let twice = refused(&mut bench, &|input| input.admitted[0].slot = input.admitted[1].slot);
    assert!(twice.contains("appears twice"), "{twice}");

    let mut seqs = sequences(vec![params(), SamplingParams::greedy()]);
    bench.step(&mut seqs, &[0, 1]);
}
