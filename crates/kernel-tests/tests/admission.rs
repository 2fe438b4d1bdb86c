//! The kernel that fills sampler slots, against marks counted on the host.

use kernel_tests::{Device, Noise, Params, u32_bytes};

/// Bytes of a `SamplerSlot`.
const SLOT_BYTES: usize = 96;
const NUM_SLOTS: usize = 4;

/// One admitted sequence.
struct Seq {
    slot: usize,
    mask: Option<Vec<u32>>,
    bias: Vec<u32>,
    stops: Vec<u32>,
    /// Prompt, then output; `None` without penalties.
    tokens: Option<(Vec<u32>, usize)>,
}

/// Two bytes a token: bit 15 for the prompt, the rest counts the output up to 32,767.
fn marks(vocab: usize, tokens: &[u32], num_prompt: usize) -> Vec<u8> {
    let mut marks = vec![0u16; vocab.next_multiple_of(2)];
    for (at, token) in tokens.iter().enumerate().filter(|(_, token)| (**token as usize) < vocab) {
        let mark = &mut marks[*token as usize];
        if at < num_prompt {
            *mark |= 1 << 15;
        } else if *mark & 0x7fff < 0x7fff {
            *mark += 1;
        }
    }
    marks.iter().flat_map(|mark| mark.to_le_bytes()).collect()
}

/// The slot's own arrays on the device, and its state.
fn state(seq: &Seq, vocab: usize, device: &mut Device) -> Params {
    let mut array = |name: &str, words: usize| {
        if words == 0 { 0 } else { device.poisoned(&format!("{name} {}", seq.slot), words * 4) }
    };
    let (mask, bias) = (array("mask", seq.mask.as_ref().map_or(0, Vec::len)), seq.bias.len());
    let bias_at = array("bias", bias);
    let stops_at = array("stops", seq.stops.len());
    let seen = array("seen", if seq.tokens.is_some() { vocab.div_ceil(2) } else { 0 });
    let numbers = Params::new().u64(seq.slot as u64 * 77).u64(mask).u64(bias_at).u64(stops_at);
    let numbers = (0..7).fold(numbers.u64(seen), |params, i| params.f32(i as f32 + 0.5));
    let numbers = numbers.size(bias / 2).size(seq.stops.len());
    (0..5).fold(numbers, |params, i| params.u32(i + 3))
}

fn check(vocab: usize, seqs: &[Seq]) {
    check_on(&mut Device::load("admit.hip"), vocab, seqs);
}

fn check_on(device: &mut Device, vocab: usize, seqs: &[Seq]) {
    device.reset();
    let slots = device.poisoned("slots", NUM_SLOTS * SLOT_BYTES);
    let (mut records, mut states) = (Vec::new(), Vec::new());
    for seq in seqs {
        let state = state(seq, vocab, device);
        let mut source = |name: &str, words: &[u32]| {
            let name = format!("from {name} {}", seq.slot);
            if words.is_empty() { 0 } else { device.allocate(&name, &u32_bytes(words)) }
        };
        let (tokens, num_prompt) = seq.tokens.clone().unwrap_or_default();
        let sources = Params::new()
            .u64(source("mask", seq.mask.as_deref().unwrap_or_default()))
            .u64(source("bias", &seq.bias))
            .u64(source("stops", &seq.stops))
            .u64(source("tokens", &tokens))
            .size(seq.slot)
            .size(tokens.len())
            .size(num_prompt)
            .u32(0);
        records.extend_from_slice(state.bytes());
        records.extend_from_slice(sources.bytes());
        states.push(state);
    }
    let params =
        Params::new().u64(device.allocate("records", &records)).u64(slots).size(vocab).u32(0);
    device.launch("admit", [seqs.len(), 1, 1], 1024, &params);
    let found = device.bytes("slots");
    for (seq, state) in seqs.iter().zip(&states) {
        assert_eq!(found[seq.slot * SLOT_BYTES..][..SLOT_BYTES], *state.bytes());
        let same = |name: &str, words: &[u32]| {
            assert_eq!(device.u32s(&format!("{name} {}", seq.slot)), words, "{name}");
        };
        seq.mask.iter().for_each(|mask| same("mask", mask));
        if !seq.bias.is_empty() {
            same("bias", &seq.bias);
            same("stops", &seq.stops);
        }
        if let Some((tokens, num_prompt)) = &seq.tokens {
            let seen = device.bytes(&format!("seen {}", seq.slot));
            assert_eq!(seen, marks(vocab, tokens, *num_prompt), "{vocab} {tokens:?}");
        }
    }
    let admitted = |slot: usize| seqs.iter().any(|seq| seq.slot == slot);
    for slot in (0..NUM_SLOTS).filter(|slot| !admitted(*slot)) {
        let untouched = &found[slot * SLOT_BYTES..][..SLOT_BYTES];
        assert!(untouched.iter().all(|byte| *byte == 0xff), "slot {slot} belongs to another");
    }
}

#[test]
fn states_lists_and_marks_arrive() {
    for vocab in [1usize, 2, 31, 32, 33, 1023, 5001] {
        let mut noise = Noise::new(vocab as u64);
        let mut words = |len: usize, below: usize| -> Vec<u32> {
            (0..len).map(|_| noise.below(below) as u32).collect()
        };
        // Some tokens are outside the vocabulary, many come again and again.
        let tokens = words(3000, vocab.min(40) + 2);
        let seqs = [
            Seq {
                slot: 2,
                mask: Some(words(vocab.div_ceil(32), 1 << 30)),
                bias: words(2 * 1500, 1 << 30),
                stops: words(2500, vocab),
                tokens: Some((tokens.clone(), 1100)),
            },
            Seq { slot: 0, mask: None, bias: vec![], stops: vec![], tokens: None },
            Seq { slot: 3, mask: None, bias: vec![], stops: vec![], tokens: Some((tokens, 3000)) },
        ];
        check(vocab, &seqs);
    }
}

#[test]
fn counts_stop_at_the_most_that_fits_and_leave_the_neighbour_alone() {
    // Token 5 shares a word with token 4.
    let mut tokens = vec![5, 4];
    tokens.extend(std::iter::repeat_n(5, 33_000));
    tokens.push(4);
    let tokens = Some((tokens, 1));
    check(9, &[Seq { slot: 1, mask: None, bias: vec![], stops: vec![], tokens }]);
    let nothing = Some((Vec::new(), 0));
    check(9, &[Seq { slot: 1, mask: None, bias: vec![], stops: vec![], tokens: nothing }]);
}

/// Bytes of an `AdmitRecord`.
const RECORD_BYTES: usize = 144;
/// Arguments, and what a wave needs of the record.
const SCALARS_PER_WAVE: u64 = 64;

/// State, lists and masks are read once and written once. Marks are cleared; a token and its word are read
/// (and, for a token of the output, the word once more before it is exchanged), the word is written.
#[test]
fn what_is_admitted_is_asked_for_once() {
    let mut device = Device::load("admit.hip");
    device.count(u64::MAX);
    // Qwen2.5's logits.
    let vocab = 151_936;
    let mut noise = Noise::new(6);
    let mut words =
        |len: usize| -> Vec<u32> { (0..len).map(|_| noise.below(vocab) as u32).collect() };
    // In lines of their own, so that no exchange meets another's.
    let tokens: Vec<u32> = (0..1024).map(|i| 148 * i).collect();
    let plain = || Seq { slot: 0, mask: None, bias: vec![], stops: vec![], tokens: None };
    let masked = Seq { mask: Some(words(vocab.div_ceil(32))), ..plain() };
    let listed = Seq { bias: words(2 * 300), stops: words(16), ..plain() };
    let seen = |num_prompt| Seq { tokens: Some((tokens.clone(), num_prompt)), ..plain() };
    let cases = [
        ("nothing", plain()),
        ("mask", masked),
        ("bias and stops", listed),
        ("prompt", seen(1024)),
        ("output", seen(0)),
    ];
    for (name, seq) in cases {
        check_on(&mut device, vocab, std::slice::from_ref(&seq));
        let [launch] = device.counted() else { panic!("one launch") };
        let counters = &launch.counters;
        let lists = 4 * (seq.mask.as_ref().map_or(0, Vec::len) + seq.bias.len() + seq.stops.len());
        let (num_tokens, num_prompt) =
            seq.tokens.as_ref().map_or((0, 0), |(tokens, num_prompt)| (tokens.len(), *num_prompt));
        let marks = if seq.tokens.is_some() { 2 * vocab } else { 0 };
        let num_output = num_tokens - num_prompt;
        let read = SLOT_BYTES + lists + 8 * num_tokens + 4 * num_output;
        let written = SLOT_BYTES + lists + marks + 4 * num_tokens;
        assert_eq!(counters.read.bytes, read as u64, "{name}");
        assert_eq!(counters.written.bytes, written as u64, "{name}");
        let scalars = counters.num_waves * SCALARS_PER_WAVE;
        assert!(counters.scalar_bytes <= scalars, "{name}: {}", counters.scalar_bytes);
        let least = RECORD_BYTES + SLOT_BYTES + 2 * lists + 4 * num_tokens + marks;
        println!("{name}: {}", launch.over(least));
    }
}
