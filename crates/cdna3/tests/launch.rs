//! Kernels compiled by clang and executed here, against f64 and exact references.

mod device;
mod toolchain;

use device::{Device, args, bytes};

fn floats(device: &Device, name: &str) -> Vec<f32> {
    device.words(name).into_iter().map(f32::from_bits).collect()
}

/// A deterministic sequence of 32-bit words (xorshift).
fn random(seed: u32, count: usize) -> Vec<u32> {
    let mut state = seed;
    (0..count)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state
        })
        .collect()
}

/// Values in -4..4.
fn random_floats(seed: u32, count: usize) -> Vec<f32> {
    random(seed, count).iter().map(|&v| (v as i32) as f32 / 536_870_912.0).collect()
}

#[test]
fn elementwise_with_a_ragged_tail() {
    let mut device = Device::load("elementwise.hip");
    let n = 1000;
    let (gate, up) = (random_floats(1, n), random_floats(2, n));
    let a = device.memory.allocate("gate", &bytes!(gate));
    let b = device.memory.allocate("up", &bytes!(up));
    let out = device.memory.allocate("out", &vec![0xaa; 4 * 1024]);
    device.launch("silu_mul", 4, 256, &args(&[a, b, out], &[n as u32]));
    let result = floats(&device, "out");
    for i in 0..n {
        let (g, u) = (f64::from(gate[i]), f64::from(up[i]));
        let expected = g / (1.0 + (-g).exp()) * u;
        let error = (f64::from(result[i]) - expected).abs();
        assert!(error <= 1e-6 * expected.abs() + 1e-12, "{i}: {} for {expected}", result[i]);
    }
    assert!(device.words("out")[n..].iter().all(|&word| word == 0xaaaa_aaaa));
}

#[test]
fn rms_norm_with_sums_across_lanes_and_waves() {
    let mut device = Device::load("rms_norm.hip");
    let (rows, n) = (3, 700);
    let short = |v: &f32| (v.to_bits() >> 16) as u16;
    let x: Vec<u16> = random_floats(3, rows * n).iter().map(short).collect();
    let weight: Vec<u16> = random_floats(4, n).iter().map(short).collect();
    let wide = |v: u16| f64::from(f32::from_bits(u32::from(v) << 16));
    let (a, b) =
        (device.memory.allocate("x", &bytes!(x)), device.memory.allocate("w", &bytes!(weight)));
    let out = device.memory.allocate("out", &vec![0; 2 * rows * n]);
    let epsilon = 1e-5_f32;
    device.launch(
        "rms_norm",
        rows as u32,
        256,
        &args(&[a, b, out], &[n as u32, epsilon.to_bits()]),
    );
    let words = device.words("out");
    for row in 0..rows {
        let line = &x[row * n..(row + 1) * n];
        let squares: f64 = line.iter().map(|&v| wide(v) * wide(v)).sum();
        let scale = 1.0 / (squares / n as f64 + f64::from(epsilon)).sqrt();
        for i in 0..n {
            let at = row * n + i;
            let got = wide((words[at / 2] >> (16 * (at % 2))) as u16);
            let expected = wide(line[i]) * scale * wide(weight[i]);
            assert!(
                (got - expected).abs() <= expected.abs() / 250.0,
                "{row},{i}: {got} {expected}"
            );
        }
    }
}

#[test]
fn integer_division_is_exact() {
    let mut device = Device::load("integers.hip");
    let n = 300;
    let shift = |(i, v): (usize, u32)| ((v as i32) >> (i % 31)).max(-2_000_000_000);
    let a: Vec<i32> = random(5, n + 1).into_iter().enumerate().map(shift).collect();
    let nonzero = |(i, v)| if shift((i, v)) == 0 { 7 } else { shift((i, v)) };
    let b: Vec<i32> = random(6, n + 1).into_iter().enumerate().map(nonzero).collect();
    let high = random(7, n + 1);
    let wide = |i: usize| ((i64::from(high[i]) << 32) ^ i64::from(b[i])) >> (i % 60);
    let c: Vec<i64> = (0..=n).map(|i| if wide(i) == 0 { 3 } else { wide(i) }).collect();
    let pointers = [
        device.memory.allocate("a", &bytes!(a)),
        device.memory.allocate("b", &bytes!(b)),
        device.memory.allocate("out", &vec![0; 4 * n]),
        device.memory.allocate("c", &bytes!(c)),
        device.memory.allocate("d", &vec![0; 8 * n]),
    ];
    device.launch("division", 2, 256, &args(&pointers, &[n as u32]));
    let (out, d) = (device.words("out"), device.words("d"));
    for i in 0..n {
        let mut expected = (a[i] / b[i]).wrapping_add(a[i] % b[n - i]);
        if b[i] > 100 {
            let factor = a[i].count_ones() + b[i].leading_zeros();
            expected = expected.wrapping_mul(factor as i32);
        } else if b[i] < -5 {
            expected = i32::from(a[i] as i8) * i32::from(b[i] as i16);
        }
        assert_eq!(out[i] as i32, expected, "{i}: {} {}", a[i], b[i]);
        let wide = (c[i] / c[n - i]) ^ (c[i] as u64 % 10) as i64;
        let got = u64::from(d[2 * i]) | (u64::from(d[2 * i + 1]) << 32);
        assert_eq!(got as i64, wide, "{i}: {} {}", c[i], c[n - i]);
    }
}

#[test]
fn atomics_count_every_lane_once() {
    let mut device = Device::load("integers.hip");
    let n = 5000;
    let input: Vec<u8> = random(8, n).iter().map(|&v| v as u8).collect();
    let pointers = [
        device.memory.allocate("histogram", &[0; 1024]),
        device.memory.allocate("sum", &[0; 4]),
        device.memory.allocate("wide", &[0; 24]),
        device.memory.allocate("in", &input),
    ];
    device.launch("atomics", 2, 1024, &args(&pointers, &[n as u32]));
    let mut expected = vec![0; 256];
    input.iter().for_each(|&v| expected[usize::from(v)] += 2);
    assert_eq!(device.words("histogram"), expected);
    assert_eq!(floats(&device, "sum"), [2048.0]);
    assert_eq!(device.words("wide")[2], 8 + 1, "the second group saw the counter at 8");
}

/// Value of an FP8 FNUZ byte, by its definition.
fn fp8(byte: u8) -> f64 {
    let (exponent, fraction) = (i32::from(byte >> 3 & 15), f64::from(byte & 7));
    let sign = if byte > 127 { -1.0 } else { 1.0 };
    if exponent == 0 {
        return sign * fraction / 8.0 * 2.0_f64.powi(-7);
    }
    sign * (1.0 + fraction / 8.0) * 2.0_f64.powi(exponent - 8)
}

#[test]
fn fp8_matrices_multiply_by_the_published_layout() {
    let mut device = Device::load("gemm.hip");
    let steps = 2;
    let byte = |v: &u32| if *v as u8 == 0x80 { 0 } else { *v as u8 };
    let a: Vec<u8> = random(9, 512 * 2 * steps).iter().map(byte).collect();
    let b: Vec<u8> = random(10, 512 * 2 * steps).iter().map(byte).collect();
    let (pa, pb) = (device.memory.allocate("a", &a), device.memory.allocate("b", &b));
    let out = device.memory.allocate("out", &[0; 4096]);
    device.launch("gemm_fp8", 1, 64, &args(&[pa, pb, out], &[steps as u32]));
    let result = floats(&device, "out");
    // Lane l, element e of A: row l % 32, k = 8 (l / 32) + e.
    let element = |m: &[u8], step: usize, row: usize, k: usize| {
        fp8(m[(step * 64 + row + 32 * (k / 8)) * 8 + k % 8])
    };
    for lane in 0..64 {
        for r in 0..16 {
            let (row, column) = (8 * (r / 4) + 4 * (lane / 32) + r % 4, lane % 32);
            let terms = (0..steps).flat_map(|s| (0..16).map(move |k| (s, k)));
            let (mut expected, mut size) = (0.0, 0.0);
            for (s, k) in terms {
                let product = element(&a, s, row, k) * element(&b, s, column, k);
                expected += product;
                size += product.abs();
            }
            let got = f64::from(result[lane * 16 + r]);
            assert!((got - expected).abs() <= size * 2e-6, "{lane},{r}: {got} for {expected}");
        }
    }
}

#[test]
fn spilled_registers_come_back() {
    let mut device = Device::load("spill.hip");
    let n = 64;
    let input: Vec<f32> = random_floats(11, 96 * n).iter().map(|v| v / 8.0).collect();
    let order = random(12, n);
    let pointers = [
        device.memory.allocate("in", &bytes!(input)),
        device.memory.allocate("out", &vec![0; 4 * 96 * n]),
        device.memory.allocate("order", &bytes!(order)),
    ];
    // The order is read for the first 3 rounds only.
    let rounds = 3;
    device.launch("spilling", 1, rounds, &args(&pointers, &[rounds]));
    let result = floats(&device, "out");
    let stride = rounds as usize;
    for t in 0..stride {
        let mut values: Vec<f32> = (0..96).map(|i| input[i * stride + t]).collect();
        for (i, &pick) in order.iter().enumerate().take(stride) {
            values[pick as usize % 96] += values[(pick as usize + 1) % 96];
            for j in 0..95 {
                values[j] = values[j].mul_add(values[j + 1], i as f32);
            }
        }
        for i in 0..96 {
            assert_eq!(result[i * stride + t].to_bits(), values[i].to_bits(), "{t},{i}");
        }
    }
}

/// Value of a BF16.
fn bf16(bits: u16) -> f64 {
    f64::from(f32::from_bits(u32::from(bits) << 16))
}

#[test]
fn bf16_matrices_go_through_lds() {
    let mut device = Device::load("gemm.hip");
    let steps = 3;
    let short = |v: &f32| (v.to_bits() >> 16) as u16;
    let num_shorts = steps * 256 * 8;
    let a: Vec<u16> = random_floats(13, num_shorts).iter().map(short).collect();
    let b: Vec<u16> = random_floats(14, num_shorts).iter().map(short).collect();
    let pa = device.memory.allocate("a", &bytes!(a));
    let pb = device.memory.allocate("b", &bytes!(b));
    let out = device.memory.allocate("out", &[0; 256 * 16 * 4]);
    device.launch("gemm_bf16", 1, 256, &args(&[pa, pb, out], &[32 * steps as u32]));
    let result = floats(&device, "out");
    // Of each tile place of 8 values the first 4 are used; lane l, element e: row l % 16,
    // k = 4 (l / 16) + e.
    let element =
        |m: &[u16], step: usize, place: usize, e: usize| bf16(m[(step * 256 + place) * 8 + e]);
    for t in 0..256 {
        let (wave, lane) = (t & !63, t % 64);
        for (j, r) in (0..4).flat_map(|j| (0..4).map(move |r| (j, r))) {
            let (row, column) = (4 * (lane / 16) + r, lane % 16);
            let (mut expected, mut size) = (0.0, 0.0);
            for (step, k) in (0..steps).flat_map(|step| (0..16).map(move |k| (step, k))) {
                let holder = |index: usize| wave + index + 16 * (k / 4);
                let left = element(&a, step, holder(row) ^ 1, k % 4);
                let right = element(&b, step, (holder(column) * 4 + j) & 255, k % 4);
                expected += left * right;
                size += (left * right).abs();
            }
            let got = f64::from(result[t * 16 + j * 4 + r]);
            assert!((got - expected).abs() <= size * 4e-6, "{t},{j},{r}: {got} for {expected}");
        }
    }
}

#[test]
fn four_bit_weights_times_a_vector() {
    let mut device = Device::load("quantise.hip");
    // A ragged last round: 96 words of weights for 64 lanes.
    let (rows, k) = (5, 768);
    let weights = random(15, rows * k / 8);
    let short = |v: &f32| (v.to_bits() >> 16) as u16;
    let scales: Vec<u16> = random_floats(16, k / 32).iter().map(short).collect();
    let x = random_floats(17, k);
    let pointers = [
        device.memory.allocate("weights", &bytes!(weights)),
        device.memory.allocate("scales", &bytes!(scales)),
        device.memory.allocate("x", &bytes!(x)),
        device.memory.allocate("out", &vec![0xaa; 4 * (rows + 1)]),
    ];
    device.launch("gemv_int4", rows as u32, 64, &args(&pointers, &[k as u32]));
    let result = floats(&device, "out");
    for row in 0..rows {
        let (mut expected, mut size) = (0.0, 0.0);
        for i in 0..k {
            let nibble = (weights[(row * k + i) / 8] >> (4 * (i % 8))) & 15;
            let term = (f64::from(nibble) - 8.0) * f64::from(x[i]) * bf16(scales[i / 32]);
            expected += term;
            size += term.abs();
        }
        let got = f64::from(result[row]);
        assert!((got - expected).abs() <= size * 4e-6, "{row}: {got} for {expected}");
    }
    assert_eq!(result[rows].to_bits(), 0xaaaa_aaaa, "one result for a row");
}

/// The FP8 FNUZ byte nearest to `x`, ties to the even one, by search through all of them.
fn nearest_fp8(x: f64) -> u8 {
    let distance = |byte: u8| (fp8(byte) - x.abs()).abs();
    let better = |best: u8, byte: u8| {
        let closer = distance(byte) < distance(best);
        let tie_to_even = distance(byte) == distance(best) && byte.is_multiple_of(2);
        if closer || tie_to_even { byte } else { best }
    };
    let magnitude = (1..=127).fold(0, better);
    if magnitude != 0 && x < 0.0 { magnitude | 0x80 } else { magnitude }
}

/// Value of a BF8 FNUZ byte, by its definition.
fn bf8(byte: u8) -> f64 {
    let (exponent, fraction) = (i32::from(byte >> 2 & 31), f64::from(byte & 3));
    let sign = if byte > 127 { -1.0 } else { 1.0 };
    if exponent == 0 {
        return sign * fraction / 4.0 * 2.0_f64.powi(-15);
    }
    sign * (1.0 + fraction / 4.0) * 2.0_f64.powi(exponent - 16)
}

#[test]
fn fp8_is_rounded_to_the_nearest() {
    let mut device = Device::load("quantise.hip");
    let n = 4 * 512;
    // Every FP8 value, every middle between two, and random values over all exponents and beyond.
    let magnitude = |code: usize| (fp8((code / 2) as u8) + fp8(code.div_ceil(2) as u8)) / 2.0;
    let sign = |index: usize| if index.is_multiple_of(3) { -1.0 } else { 1.0 };
    let mut input: Vec<f32> = (0..255).map(|c| (sign(c) * magnitude(c)) as f32 / 2.0).collect();
    for (i, v) in random_floats(18, n - input.len()).into_iter().enumerate() {
        input.push(v * 2.0_f32.powi(i as i32 % 20 - 12));
    }
    let scale = 2.0_f32;
    let pointers = [
        device.memory.allocate("in", &bytes!(input)),
        device.memory.allocate("out", &vec![0; n]),
        device.memory.allocate("back", &vec![0; n]),
    ];
    device.launch("quantise_fp8", 2, 256, &args(&pointers, &[scale.to_bits()]));
    let (packed, back) = (device.words("out"), floats(&device, "back"));
    for i in 0..n / 4 {
        let got = packed[i].to_le_bytes();
        for e in 0..4 {
            let x = f64::from(input[4 * i + e] * scale).clamp(-240.0, 240.0);
            assert_eq!(got[e], nearest_fp8(x), "{i},{e}: {x}");
        }
        assert_eq!(f64::from(back[i]), fp8(got[2]) + bf8(got[1]), "{i}: {got:x?}");
    }
}

#[test]
fn packed_arithmetic_keeps_the_halves_apart() {
    let mut device = Device::load("elementwise.hip");
    let n = 256;
    // Small integers: every result is exact, fused or not.
    let small = |seed: u32, count: usize| -> Vec<i32> {
        random(seed, count).iter().map(|v| (v % 41) as i32 - 20).collect()
    };
    let (a, b, sum) = (small(19, 2 * n), small(20, 2 * n), small(21, 2 * n));
    let (c, d) = (small(22, 2 * n + 2), small(23, 2 * n));
    let single = |v: &[i32]| bytes!(v.iter().map(|&v| v as f32).collect::<Vec<_>>());
    let half =
        |v: &[i32]| bytes!(v.iter().map(|&v| half::f16::from_f32(v as f32)).collect::<Vec<_>>());
    let pointers = [
        device.memory.allocate("a", &single(&a)),
        device.memory.allocate("b", &single(&b)),
        device.memory.allocate("out", &single(&sum)),
        device.memory.allocate("c", &half(&c)),
        device.memory.allocate("d", &half(&d)),
    ];
    device.launch("packed", 1, 256, &args(&pointers, &[]));
    let (out, words) = (floats(&device, "out"), device.words("d"));
    for i in 0..2 * n {
        assert_eq!(out[i], (a[i] * b[i] + sum[i]) as f32, "{i}");
        let got = half::f16::from_bits((words[i / 2] >> (16 * (i % 2))) as u16);
        assert_eq!(got.to_f32(), (c[i] * c[i + 2] + d[i]) as f32, "{i}: f16");
    }
}
