//! Kernels compiled by clang and executed here, against f64 and exact references.

use cdna3::exec::{Dim3, Launch, LaunchReport, Prepared, VecMemory, kernarg, launch};
use cdna3::{CodeObject, Program};

mod toolchain;

/// A loaded probe and the memory it works on.
struct Device {
    object: CodeObject,
    prepared: Prepared,
    image_base: u64,
    memory: VecMemory,
}

impl Device {
    fn load(probe: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let output = folder.path().join("probe.hsaco");
        toolchain::compile(&toolchain::probe(probe), &output);
        let object = CodeObject::parse(&std::fs::read(output).expect("it was linked"))
            .expect("it is a code object");
        let end = object.segments().iter().map(|s| s.address + s.size_bytes).max().unwrap_or(0);
        let mut image = vec![0; end as usize];
        for segment in object.segments() {
            let at = segment.address as usize;
            image[at..at + segment.bytes.len()].copy_from_slice(&segment.bytes);
        }
        let mut memory = VecMemory::default();
        let image_base = memory.allocate("image", &image);
        let prepared = Prepared::new(Program::decode(&object).expect("it decodes"));
        assert!(prepared.first_unsupported().is_none(), "{:?}", prepared.first_unsupported());
        Self { object, prepared, image_base, memory }
    }

    fn launch(&mut self, name: &str, grid: u32, block: u32, args: &[u8]) -> LaunchReport {
        let kernel = self.object.kernel(name).expect("the probe has it");
        let (grid, block) = (Dim3([grid, 1, 1]), Dim3([block, 1, 1]));
        let segment = kernarg(kernel, args, grid, block, 0);
        let kernarg_address = self.memory.allocate("kernarg", &segment);
        let (prepared, image_base) = (&self.prepared, self.image_base);
        let what =
            Launch { prepared, kernel, image_base, grid, block, dynamic_lds: 0, kernarg_address };
        launch(&what, &mut self.memory).unwrap_or_else(|fault| panic!("{name}: {fault}"))
    }

    fn floats(&self, name: &str) -> Vec<f32> {
        self.words(name).into_iter().map(f32::from_bits).collect()
    }

    fn words(&self, name: &str) -> Vec<u32> {
        let bytes = self.memory.bytes(name).expect("it was allocated");
        bytes.chunks_exact(4).map(|c| u32::from_le_bytes([c[0], c[1], c[2], c[3]])).collect()
    }
}

/// Values as bytes.
macro_rules! bytes {
    ($values:expr) => {
        $values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>()
    };
}

/// Arguments in order; every one aligned to its size.
fn args(pointers: &[u64], rest: &[u32]) -> Vec<u8> {
    [bytes!(pointers), bytes!(rest)].concat()
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
    let result = device.floats("out");
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
    assert_eq!(device.floats("sum"), [2048.0]);
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
    let result = device.floats("out");
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
    let result = device.floats("out");
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
