//! Parity of rope_and_cache: norm, rotation and place of every element.

use kernel_tests::{
    CacheShape, CacheType, Device, Element, Noise, Params, f32_bytes, fp8_code, fp8_value,
    u32_bytes,
};

/// Rounding once costs one floor; norm and rotation in f32 cancel at most a few thousandths more.
const BOUND: f64 = 1.01;
const EPS: f32 = 1e-6;
const NO_SLOT: u32 = u32::MAX;
const MAX_POSITION: usize = 50;

#[derive(Clone, Copy, Debug)]
struct Shape {
    num_heads: usize,
    num_kv_heads: usize,
    head_dim: usize,
    half: usize,
    num_tokens: usize,
    with_norm: bool,
    element: Element,
    cache: CacheType,
}

/// What multiplies keys and values before an FP8 cache.
const FACTORS: [f32; 2] = [3.0, 57.5];

impl Shape {
    fn cache(&self) -> CacheShape {
        let num_blocks = self.num_tokens.div_ceil(16) + 7;
        CacheShape {
            num_kv_heads: self.num_kv_heads,
            head_dim: self.head_dim,
            num_blocks,
            cache_type: self.cache,
        }
    }

    /// What the cache holds of a value.
    fn stored(&self, value: f32) -> f32 {
        match self.cache {
            CacheType::Plain => value,
            CacheType::Fp8 => fp8_value(fp8_code(value * FACTORS[1])),
        }
    }

    fn heads(&self) -> usize {
        self.num_heads + 2 * self.num_kv_heads
    }
}

struct Case {
    qkv: Vec<f32>,
    positions: Vec<u32>,
    slots: Vec<u32>,
    cos: Vec<f32>,
    sin: Vec<f32>,
    norms: [Vec<f32>; 2],
}

impl Case {
    fn new(shape: &Shape) -> Self {
        let mut noise = Noise::new(shape.head_dim as u64 + 1000 * shape.num_tokens as u64);
        let qkv = noise.f32s(shape.num_tokens * shape.heads() * shape.head_dim, 2.0);
        let qkv = qkv.into_iter().map(|value| shape.element.rounded(value)).collect();
        let positions = (0..shape.num_tokens).map(|_| noise.below(MAX_POSITION) as u32).collect();
        // Distinct slots in an order that crosses blocks; the last token has none.
        let num_slots = shape.cache().num_blocks * 16;
        let mut slots: Vec<u32> =
            (0..shape.num_tokens).map(|t| ((t * 7 + 5) % num_slots) as u32).collect();
        if shape.num_tokens > 1 {
            slots[shape.num_tokens - 1] = NO_SLOT;
        }
        let angles = noise.f32s(MAX_POSITION * shape.half, 3.2);
        let cos = angles.iter().map(|a| a.cos()).collect();
        let sin = angles.iter().map(|a| a.sin()).collect();
        let norms = [noise.f32s(shape.head_dim, 1.5), noise.f32s(shape.head_dim, 1.5)];
        Self { qkv, positions, slots, cos, sin, norms }
    }

    fn head(&self, shape: &Shape, token: usize, head: usize) -> &[f32] {
        let at = (token * shape.heads() + head) * shape.head_dim;
        &self.qkv[at..at + shape.head_dim]
    }

    /// A query or key head as it should be.
    fn turned(&self, shape: &Shape, token: usize, head: usize) -> Vec<f64> {
        let mut v: Vec<f64> = self.head(shape, token, head).iter().map(|&v| f64::from(v)).collect();
        if shape.with_norm {
            let mean = v.iter().map(|v| v * v).sum::<f64>() / v.len() as f64;
            let scale = 1.0 / (mean + f64::from(EPS)).sqrt();
            let weight = &self.norms[usize::from(head >= shape.num_heads)];
            v.iter_mut().zip(weight).for_each(|(v, &w)| *v *= scale * f64::from(w));
        }
        for i in 0..shape.half {
            let angle = self.positions[token] as usize * shape.half + i;
            let (cos, sin) = (f64::from(self.cos[angle]), f64::from(self.sin[angle]));
            let (a, b) = (v[i], v[i + shape.half]);
            v[i] = a * cos - b * sin;
            v[i + shape.half] = b * cos + a * sin;
        }
        v
    }

    fn run(&self, shape: &Shape, device: &mut Device) {
        device.reset();
        let cache = shape.cache();
        let norm = |device: &mut Device, name, weight: &[f32]| {
            if shape.with_norm { device.allocate(name, &f32_bytes(weight)) } else { 0 }
        };
        let params = Params::new()
            .u64(device.allocate("qkv", &shape.element.bytes(&self.qkv)))
            .u64(device.allocate("positions", &u32_bytes(&self.positions)))
            .u64(device.allocate("slots", &u32_bytes(&self.slots)))
            .u64(device.allocate("cos", &f32_bytes(&self.cos)))
            .u64(device.allocate("sin", &f32_bytes(&self.sin)))
            .u64(norm(device, "q_norm", &self.norms[0]))
            .u64(norm(device, "k_norm", &self.norms[1]))
            .u64(device.poisoned("k", cache.len() * shape.cache.bytes()))
            .u64(device.poisoned("v", cache.len() * shape.cache.bytes()))
            .size(shape.num_heads)
            .size(shape.num_kv_heads)
            .size(shape.head_dim)
            .size(shape.half)
            .size(cache.block_len() * shape.cache.bytes())
            .f32(EPS)
            .f32(FACTORS[0])
            .f32(FACTORS[1]);
        let kernel = match shape.cache {
            CacheType::Plain => shape.element.kernel("rope_and_cache"),
            CacheType::Fp8 => "rope_and_cache_fp8".to_owned(),
        };
        let lanes = shape.heads() * (cache.padded() / 8).next_power_of_two();
        device.launch(&kernel, [shape.num_tokens, lanes.div_ceil(256), 1], 256, &params);
    }
}

fn check(shape: Shape, device: &mut Device) {
    let case = Case::new(&shape);
    case.run(&shape, device);
    let qkv = shape.element.widened(&device.bytes("qkv"));
    let (k, v) = (cached(&shape, device, "k"), cached(&shape, device, "v"));
    let cache = shape.cache();
    let mut written = 0;
    for token in 0..shape.num_tokens {
        for head in 0..shape.heads() {
            let at = (token * shape.heads() + head) * shape.head_dim;
            let now = &qkv[at..at + shape.head_dim];
            if head >= shape.num_heads {
                assert_eq!(now, case.head(&shape, token, head), "{shape:?}: keys and values stay");
            } else {
                let worst = shape.element.worst_error(now, &case.turned(&shape, token, head), 1.0);
                assert!(worst <= BOUND, "{shape:?} token {token} head {head}: {worst} floors");
            }
        }
        if case.slots[token] == NO_SLOT {
            continue;
        }
        let slot = case.slots[token] as usize;
        for kv_head in 0..shape.num_kv_heads {
            let place = |d| (k[cache.key(slot, kv_head, d)], v[cache.value(slot, kv_head, d)]);
            let (keys, values): (Vec<_>, Vec<_>) = (0..cache.padded()).map(place).unzip();
            let all: Option<(Vec<f32>, Vec<f32>)> =
                keys.into_iter().zip(values).map(|(k, v)| Some((k?, v?))).collect();
            let (keys, values) = all.expect("all of a written token is there");
            check_key(&shape, &keys, &case.turned(&shape, token, shape.num_heads + kv_head));
            let head = shape.num_heads + shape.num_kv_heads + kv_head;
            let value = case.head(&shape, token, head).iter().map(|&v| shape.stored(v));
            assert_eq!(values[..shape.head_dim], value.collect::<Vec<_>>(), "{shape:?}");
            assert!(
                keys[shape.head_dim..].iter().chain(&values[shape.head_dim..]).all(|&p| p == 0.0)
            );
            written += cache.padded();
        }
    }
    let num_written = |all: &[Option<f32>]| all.iter().flatten().count();
    assert_eq!((num_written(&k), num_written(&v)), (written, written), "{shape:?}: other slots");
}

/// The cache's numbers; `None` where the pattern of nothing written still is, which is a NaN of bf16
/// and f16, and in FP8 the least number, that these tests do not store.
fn cached(shape: &Shape, device: &Device, name: &str) -> Vec<Option<f32>> {
    match shape.cache {
        CacheType::Plain => {
            let numbers = shape.element.widened(&device.bytes(name));
            numbers.into_iter().map(|v| (!v.is_nan()).then_some(v)).collect()
        }
        CacheType::Fp8 => {
            let number = |code| (code != 0xff).then(|| fp8_value(code));
            device.bytes(name).into_iter().map(number).collect()
        }
    }
}

/// A key, to one rounding. In FP8 the nearest number, or its neighbour if both are as near within
/// what f32 arithmetic may cost.
fn check_key(shape: &Shape, got: &[f32], want: &[f64]) {
    if shape.cache == CacheType::Plain {
        let worst = shape.element.worst_error(&got[..shape.head_dim], want, 1.0);
        assert!(worst <= BOUND, "{shape:?} key: {worst} floors");
        return;
    }
    for (&got, want) in got.iter().zip(want) {
        let want = want * f64::from(FACTORS[0]);
        let nearest = f64::from(fp8_value(fp8_code(want as f32)));
        let (error, least) = ((f64::from(got) - want).abs(), (nearest - want).abs());
        assert!(error <= least + 1e-5 * want.abs().max(1.0), "{shape:?} key: {got} for {want}");
    }
}

/// Every number of bf16 as a value, without and with a factor, and as a key that nothing turns: the
/// codes are those of the definition, saturation, NaN and negative zeros included.
#[test]
fn every_bf16_becomes_the_nearest_fp8() {
    let mut device = Device::load("rope_and_cache.hip");
    let (head_dim, num_heads) = (256, 8);
    let numbers: Vec<u16> = (0..=u16::MAX).collect();
    let num_tokens = numbers.len() / (head_dim * num_heads);
    let cache = CacheShape {
        num_kv_heads: num_heads,
        head_dim,
        num_blocks: num_tokens.div_ceil(16),
        cache_type: CacheType::Fp8,
    };
    // A row: one query head, keys, values.
    let row = |token: usize| {
        let part = &numbers[token * head_dim * num_heads..(token + 1) * head_dim * num_heads];
        [&vec![0; head_dim], part, part].concat()
    };
    let qkv: Vec<u8> =
        (0..num_tokens).flat_map(row).flat_map(|bits: u16| bits.to_le_bytes()).collect();
    let slots: Vec<u32> = (0..num_tokens as u32).collect();
    for factors in [[1.0, 1.0], [0.37, 1e30]] {
        device.reset();
        let params = Params::new()
            .u64(device.allocate("qkv", &qkv))
            .u64(device.allocate("positions", &u32_bytes(&vec![0; num_tokens])))
            .u64(device.allocate("slots", &u32_bytes(&slots)))
            .u64(0)
            .u64(0)
            .u64(0)
            .u64(0)
            .u64(device.poisoned("k", cache.len()))
            .u64(device.poisoned("v", cache.len()))
            .size(1)
            .size(num_heads)
            .size(head_dim)
            .u32(0)
            .size(cache.block_len())
            .f32(EPS)
            .f32(factors[0])
            .f32(factors[1]);
        let lanes = (1 + 2 * num_heads) * head_dim / 8;
        device.launch("rope_and_cache_fp8", [num_tokens, lanes.div_ceil(256), 1], 256, &params);
        let (k, v) = (device.bytes("k"), device.bytes("v"));
        for (i, &bits) in numbers.iter().enumerate() {
            let number = f32::from_bits(u32::from(bits) << 16);
            let (slot, head) = (i / (head_dim * num_heads), i / head_dim % num_heads);
            let key = k[cache.key(slot, head, i % head_dim)];
            let value = v[cache.value(slot, head, i % head_dim)];
            assert_eq!(key, fp8_code(number * factors[0]), "key {number} {factors:?}");
            assert_eq!(value, fp8_code(number * factors[1]), "value {number} {factors:?}");
        }
    }
}

#[test]
fn every_element_is_normed_turned_and_placed() {
    let mut device = Device::load("rope_and_cache.hip");
    let base = Shape {
        num_heads: 4,
        num_kv_heads: 2,
        head_dim: 128,
        half: 64,
        num_tokens: 1,
        with_norm: false,
        element: Element::Bf16,
        cache: CacheType::Plain,
    };
    let f16 = Element::F16;
    for num_tokens in [1, 15, 16, 17, 63, 64, 65] {
        for with_norm in [false, true] {
            check(Shape { num_tokens, with_norm, ..base }, &mut device);
            check(Shape { num_tokens, with_norm, element: f16, ..base }, &mut device);
            check(Shape { num_tokens, with_norm, cache: CacheType::Fp8, ..base }, &mut device);
        }
    }
    // Head sizes with and without padding, partial rotation, odd halves, more heads than lanes.
    let sizes = [
        (16, 8),
        (32, 16),
        (64, 32),
        (64, 16),
        (80, 40),
        (80, 12),
        (96, 48),
        (104, 5),
        (208, 104),
        (224, 112),
        (256, 128),
    ];
    for (head_dim, half) in sizes {
        for with_norm in [false, true] {
            let shape = Shape { head_dim, half, with_norm, num_tokens: 3, ..base };
            check(shape, &mut device);
            check(Shape { num_heads: 14, num_kv_heads: 7, ..shape }, &mut device);
            check(Shape { cache: CacheType::Fp8, ..shape }, &mut device);
            check(Shape { element: f16, ..shape }, &mut device);
        }
    }
    check(Shape { head_dim: 512, half: 256, with_norm: true, ..base }, &mut device);
    check(Shape { half: 0, ..base }, &mut device);
}

/// Bytes that a layer cannot do without: rows and their queries back, cached keys and values, angles
/// of each position once, position and slot.
fn least_bytes(shape: &Shape) -> usize {
    let cached = 2 * shape.num_kv_heads * shape.head_dim * shape.cache.bytes();
    let rows = 2 * (shape.heads() + shape.num_heads) * shape.head_dim;
    shape.num_tokens * (rows + cached + 2 * 4 * shape.half + 8)
}

/// Qwen2.5-1.5B; in a decode step each token has a block of its own, in a prompt 16 share one.
#[test]
fn rows_and_cache_are_asked_for_once_and_angles_by_every_head() {
    let mut device = Device::load("rope_and_cache.hip");
    device.count(u64::MAX);
    let steps = [(1, false), (8, false), (64, true)];
    for (cache, (num_tokens, is_prompt)) in
        CacheType::ALL.into_iter().flat_map(|cache| steps.map(|step| (cache, step)))
    {
        let shape = Shape {
            num_heads: 12,
            num_kv_heads: 2,
            head_dim: 128,
            half: 64,
            num_tokens,
            with_norm: false,
            element: Element::Bf16,
            cache,
        };
        let angles = vec![0.5; num_tokens * shape.half];
        let tokens = 0..num_tokens as u32;
        let case = Case {
            positions: tokens.clone().collect(),
            slots: tokens.map(|t| if is_prompt { t } else { 16 * t }).collect(),
            cos: angles.clone(),
            sin: angles,
            ..Case::new(&shape)
        };
        case.run(&shape, &mut device);
        let [launch] = device.counted() else { panic!("one launch") };
        let (counters, ratios) = (&launch.counters, launch.over(least_bytes(&shape)));
        println!("{cache:?}, {num_tokens} tokens, prompt {is_prompt}: {ratios}");
        // Angles come from L2 after the first head: both halves of a head ask for all of them.
        let turned = (shape.num_heads + shape.num_kv_heads) * shape.half * 2 * 8;
        let read = num_tokens * (2 * shape.heads() * shape.head_dim + turned);
        assert_eq!(counters.read.bytes, read as u64, "{shape:?}");
        let cached = 2 * shape.num_kv_heads * shape.head_dim * cache.bytes();
        let written = num_tokens * (2 * shape.num_heads * shape.head_dim + cached);
        assert_eq!(counters.written.bytes, written as u64, "{shape:?}");
        assert_eq!(counters.written.distinct_bytes, counters.written.bytes, "{shape:?}: twice");
        assert_eq!(counters.lds_conflict_cycles(), 0, "{shape:?}");
        // A key's pieces of 16 bytes (FP8: 8) and a value's elements, 16 in 256 bytes, lie alone in
        // their lines where no other token of the block is written.
        let most = match (is_prompt, cache) {
            (true, _) => 1.0,
            (false, CacheType::Plain) => 1.6,
            (false, CacheType::Fp8) => 1.35,
        };
        assert!(ratios.hbm <= most, "{shape:?}: {ratios}");
    }
}
