//! Parity of rope_and_cache: norm, rotation and place of every element.

use kernel_tests::{
    CacheShape, Device, Noise, Params, bf16_bytes, f32_bytes, u32_bytes, worst_error,
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
}

impl Shape {
    fn cache(&self) -> CacheShape {
        let num_blocks = self.num_tokens.div_ceil(16) + 3;
        CacheShape { num_kv_heads: self.num_kv_heads, head_dim: self.head_dim, num_blocks }
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
        let qkv = noise.bf16s(shape.num_tokens * shape.heads() * shape.head_dim, 2.0);
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
            .u64(device.allocate("qkv", &bf16_bytes(&self.qkv)))
            .u64(device.allocate("positions", &u32_bytes(&self.positions)))
            .u64(device.allocate("slots", &u32_bytes(&self.slots)))
            .u64(device.allocate("cos", &f32_bytes(&self.cos)))
            .u64(device.allocate("sin", &f32_bytes(&self.sin)))
            .u64(norm(device, "q_norm", &self.norms[0]))
            .u64(norm(device, "k_norm", &self.norms[1]))
            .u64(device.poisoned("k", cache.len() * 2))
            .u64(device.poisoned("v", cache.len() * 2))
            .size(shape.num_heads)
            .size(shape.num_kv_heads)
            .size(shape.head_dim)
            .size(shape.half)
            .size(cache.block_len() * 2)
            .f32(EPS);
        let lanes = shape.heads() * (cache.padded() / 8).next_power_of_two();
        device.launch("rope_and_cache", [shape.num_tokens, lanes.div_ceil(256), 1], 256, &params);
    }
}

fn check(shape: Shape, device: &mut Device) {
    let case = Case::new(&shape);
    case.run(&shape, device);
    let (qkv, k, v) = (device.bf16s("qkv"), device.bf16s("k"), device.bf16s("v"));
    let cache = shape.cache();
    let mut written = 0;
    for token in 0..shape.num_tokens {
        for head in 0..shape.heads() {
            let at = (token * shape.heads() + head) * shape.head_dim;
            let now = &qkv[at..at + shape.head_dim];
            if head >= shape.num_heads {
                assert_eq!(now, case.head(&shape, token, head), "{shape:?}: keys and values stay");
            } else {
                let worst = worst_error(now, &case.turned(&shape, token, head), 1.0);
                assert!(worst <= BOUND, "{shape:?} token {token} head {head}: {worst} floors");
            }
        }
        if case.slots[token] == NO_SLOT {
            continue;
        }
        let slot = case.slots[token] as usize;
        for kv_head in 0..shape.num_kv_heads {
            let place = |d| (k[cache.key(slot, kv_head, d)], v[cache.value(slot, kv_head, d)]);
            let (keys, values): (Vec<f32>, Vec<f32>) = (0..cache.padded()).map(place).unzip();
            let key = case.turned(&shape, token, shape.num_heads + kv_head);
            let worst = worst_error(&keys[..shape.head_dim], &key, 1.0);
            assert!(worst <= BOUND, "{shape:?} token {token} key {kv_head}: {worst} floors");
            let head = shape.num_heads + shape.num_kv_heads + kv_head;
            assert_eq!(values[..shape.head_dim], *case.head(&shape, token, head), "{shape:?}");
            assert!(
                keys[shape.head_dim..].iter().chain(&values[shape.head_dim..]).all(|&p| p == 0.0)
            );
            written += cache.padded();
        }
    }
    let num_written = |all: &[f32]| all.iter().filter(|v| !v.is_nan()).count();
    assert_eq!((num_written(&k), num_written(&v)), (written, written), "{shape:?}: other slots");
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
    };
    for num_tokens in [1, 15, 16, 17, 65] {
        for with_norm in [false, true] {
            check(Shape { num_tokens, with_norm, ..base }, &mut device);
        }
    }
    // Head sizes with and without padding, partial rotation, odd halves, more heads than lanes.
    for (head_dim, half) in
        [(16, 8), (32, 16), (64, 32), (64, 16), (80, 40), (80, 12), (96, 48), (104, 5), (256, 128)]
    {
        for with_norm in [false, true] {
            let shape = Shape { head_dim, half, with_norm, num_tokens: 3, ..base };
            check(shape, &mut device);
            check(Shape { num_heads: 14, num_kv_heads: 7, ..shape }, &mut device);
        }
    }
    check(Shape { head_dim: 512, half: 256, with_norm: true, ..base }, &mut device);
    check(Shape { half: 0, ..base }, &mut device);
}
