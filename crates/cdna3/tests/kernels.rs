//! Larger kernels compiled by clang and executed here: attention over pages, matrix tiles through
//! two LDS buffers, and what kernels ask of the machine; against f64 and exact references.

mod device;
mod toolchain;

use cdna3::exec::Dim3;
use device::{Device, args, bytes};

/// A deterministic sequence of 64-bit words (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// In -1..1.
    fn float(&mut self) -> f32 {
        (self.next() >> 40) as f32 / 8_388_608.0 - 1.0
    }
}

fn floats(device: &Device, name: &str) -> Vec<f32> {
    device.words(name).into_iter().map(f32::from_bits).collect()
}

fn doubles(device: &Device, name: &str) -> Vec<u64> {
    let words = device.words(name);
    words.chunks(2).map(|pair| u64::from(pair[0]) | (u64::from(pair[1]) << 32)).collect()
}

fn bf16(value: f32) -> u16 {
    (value.to_bits() >> 16) as u16
}

fn wide(bits: u16) -> f64 {
    f64::from(f32::from_bits(u32::from(bits) << 16))
}

#[test]
fn attention_over_pages_is_softmax_times_values() {
    let (heads, lengths, max_pages, num_pages) = (3_usize, [1_usize, 37, 100, 64], 7, 40);
    let mut random = Random(1);
    let q: Vec<f32> = (0..lengths.len() * heads * 64).map(|_| 2.0 * random.float()).collect();
    let mut cache =
        || (0..num_pages * heads * 16 * 64).map(|_| bf16(random.float())).collect::<Vec<u16>>();
    let (keys, values) = (cache(), cache());
    // Pages in an order of their own, none twice.
    let pages: Vec<u32> =
        (0..lengths.len() * max_pages).map(|i| (i * 17 % num_pages) as u32).collect();
    let mut device = Device::load("attention.hip");
    let words: Vec<u32> = lengths.iter().map(|&n| n as u32).collect();
    let pointers = [
        device.memory.allocate("q", &bytes!(q)),
        device.memory.allocate("keys", &bytes!(keys)),
        device.memory.allocate("values", &bytes!(values)),
        device.memory.allocate("pages", &bytes!(pages)),
        device.memory.allocate("lengths", &bytes!(words)),
        device.memory.allocate("out", &vec![0; 4 * q.len()]),
    ];
    let scale = 0.125_f32;
    let arguments = args(&pointers, &[heads as u32, max_pages as u32, scale.to_bits()]);
    let grid = Dim3([heads as u32, lengths.len() as u32, 1]);
    device.try_launch("paged_attention", grid, Dim3([256, 1, 1]), 0, &arguments).expect("it runs");
    let out = floats(&device, "out");
    for (sequence, &length) in lengths.iter().enumerate() {
        for head in 0..heads {
            let row = |key: usize| {
                let page = pages[sequence * max_pages + key / 16] as usize;
                ((page * heads + head) * 16 + key % 16) * 64
            };
            let query = &q[(sequence * heads + head) * 64..][..64];
            let score = |key: usize| {
                let products = (0..64).map(|d| f64::from(query[d]) * wide(keys[row(key) + d]));
                products.sum::<f64>() * f64::from(scale)
            };
            let weights: Vec<f64> = (0..length).map(|key| score(key).exp()).collect();
            let sum: f64 = weights.iter().sum();
            for d in 0..64 {
                let values = (0..length).map(|key| weights[key] * wide(values[row(key) + d]));
                let want = values.sum::<f64>() / sum;
                let got = f64::from(out[(sequence * heads + head) * 64 + d]);
                assert!((got - want).abs() < 4e-6, "{sequence},{head},{d}: {got} for {want}");
            }
        }
    }
}

/// Bits of an element of a family from a small integer, and its bytes.
type Encode = fn(i64) -> u64;

/// FP8 or BF8 bits of 0, 1, 2, 3 or 4 with a sign.
fn small_byte(value: i64, codes: [u64; 5]) -> u64 {
    codes[value.unsigned_abs() as usize] | if value < 0 { 0x80 } else { 0 }
}

/// Kernel, n, depth, bytes of an element, of a result, encoding.
const FAMILIES: [(&str, usize, usize, usize, usize, Encode); 7] = [
    ("tiles_f16", 16, 16, 2, 4, |v| half::f16::from_f64(v as f64).to_bits().into()),
    ("tiles_bf16", 32, 8, 2, 4, |v| ((v as f32).to_bits() >> 16).into()),
    ("tiles_fp8", 16, 32, 1, 4, |v| small_byte(v, [0, 0x40, 0x48, 0x4c, 0x50])),
    ("tiles_bf8", 32, 16, 1, 4, |v| small_byte(v, [0, 0x40, 0x44, 0x46, 0x48])),
    ("tiles_i8", 32, 16, 1, 4, |v| v as u8 as u64),
    ("tiles_f32", 16, 4, 4, 4, |v| (v as f32).to_bits().into()),
    ("tiles_f64", 16, 4, 8, 8, |v| (v as f64).to_bits()),
];

#[test]
fn tiles_of_every_family_multiply_through_two_buffers() {
    let mut device = Device::load("tiles.hip");
    for (name, n, depth, size, result, encode) in FAMILIES {
        let (rows, columns, k) = (2 * n, 3 * n, 5 * depth);
        let mut random = Random(7);
        let mut matrix = |count: usize| {
            (0..count * k).map(|_| (random.next() % 9) as i64 - 4).collect::<Vec<i64>>()
        };
        let (a, b) = (matrix(rows), matrix(columns));
        let memory = |values: &[i64]| {
            values
                .iter()
                .flat_map(|&v| encode(v).to_le_bytes()[..size].to_vec())
                .collect::<Vec<u8>>()
        };
        let out = format!("{name} c");
        let pointers = [
            device.memory.allocate(&format!("{name} a"), &memory(&a)),
            device.memory.allocate(&format!("{name} b"), &memory(&b)),
            device.memory.allocate(&out, &vec![0; result * rows * columns]),
        ];
        let arguments = args(&pointers, &[k as u32, columns as u32]);
        let grid = Dim3([3, 2, 1]);
        device.try_launch(name, grid, Dim3([64, 1, 1]), 0, &arguments).expect(name);
        let got: Vec<f64> = match name {
            "tiles_f64" => doubles(&device, &out).into_iter().map(f64::from_bits).collect(),
            "tiles_i8" => device.words(&out).into_iter().map(|v| f64::from(v as i32)).collect(),
            _ => floats(&device, &out).into_iter().map(f64::from).collect(),
        };
        for (i, j) in (0..rows).flat_map(|i| (0..columns).map(move |j| (i, j))) {
            let want: i64 = (0..k).map(|at| a[i * k + at] * b[j * k + at]).sum();
            assert_eq!(got[i * columns + j], want as f64, "{name}: {i},{j}");
        }
    }
}

#[test]
fn grids_have_three_dimensions_and_hidden_arguments_tell_them() {
    let mut device = Device::load("machine.hip");
    let (grid, block) = ([3_u32, 2, 4], [5_u32, 4, 3]);
    let count = (0..3).map(|axis| grid[axis] * block[axis]).product::<u32>();
    let pointers = [
        device.memory.allocate("out", &vec![0; 16 * count as usize]),
        device.memory.allocate("sizes", &[0; 68]),
    ];
    device
        .try_launch("shapes", Dim3(grid), Dim3(block), 0, &args(&pointers, &[]))
        .expect("it runs");
    let out = device.words("out");
    for (at, item) in out.chunks(4).enumerate() {
        let size = [0, 1, 2].map(|axis| grid[axis] * block[axis]);
        let at = at as u32;
        let id = [at % size[0], at / size[0] % size[1], at / size[0] / size[1]];
        let within = [0, 1, 2].map(|axis| id[axis] % block[axis]);
        let packed = within[0] | (within[1] << 8) | (within[2] << 16);
        assert_eq!(item, [id[0], id[1], id[2], packed], "{at}");
    }
    let sizes = device.words("sizes");
    assert_eq!(sizes[..3], grid, "counts of groups");
    assert_eq!(sizes[3..6], [5 | (4 << 16), 3, 0], "sizes of groups, no remainder");
    assert_eq!(sizes[10..16], [0; 6], "no global offset");
    assert_eq!(sizes[16] & 0xffff, 3, "dimensions");
}

#[test]
fn dynamic_lds_lies_behind_the_static_part() {
    let mut device = Device::load("machine.hip");
    let n = 192_usize;
    let mut random = Random(3);
    let data: Vec<u32> = (0..2 * n).map(|_| random.next() as u32).collect();
    let pointers = [
        device.memory.allocate("in", &bytes!(data)),
        device.memory.allocate("out", &vec![0; 8 * n]),
    ];
    let arguments = args(&pointers, &[n as u32]);
    let block = Dim3([n as u32, 1, 1]);
    device
        .try_launch("reversed", Dim3([2, 1, 1]), block, 4 * n as u32, &arguments)
        .expect("it runs");
    for (at, &got) in device.words("out").iter().enumerate() {
        let (group, t) = (at / n, at % n);
        let want = data[group * n + n - 1 - t].wrapping_add(100 + (t as u32 & 3));
        assert_eq!(got, want, "{at}");
    }
    // More than a compute unit has.
    let too_much = device.try_launch("reversed", Dim3([1, 1, 1]), block, 65_536, &arguments);
    let fault = too_much.expect_err("there is not so much").to_string();
    assert!(fault.contains("LDS"), "{fault}");
}

#[test]
fn loads_to_lds_land_lane_by_lane() {
    let mut device = Device::load("machine.hip");
    let data: Vec<u32> = (0..128).map(|i| i * i + 1).collect();
    let pointers =
        [device.memory.allocate("in", &bytes!(data)), device.memory.allocate("out", &[0; 256])];
    device.launch("to_lds", 1, 64, &args(&pointers, &[]));
    for (t, &got) in device.words("out").iter().enumerate() {
        assert_eq!(got, data[(t + 1) & 63] + data[127 - (t ^ 3)], "{t}");
    }
}

#[test]
fn time_passes_and_single_lanes_are_read() {
    let mut device = Device::load("machine.hip");
    let mut random = Random(4);
    let data: Vec<u32> = (0..64).map(|_| random.next() as u32).collect();
    let pointers =
        [device.memory.allocate("in", &bytes!(data)), device.memory.allocate("out", &[0; 524])];
    device.launch("registers", 1, 64, &args(&pointers, &[]));
    let out = device.words("out");
    let picked = data[(data[0] & 63) as usize];
    for t in 0..64 {
        assert_eq!(out[t], picked, "{t}");
        assert_eq!(out[64 + t], if t >= 5 { data[5] } else { 0 }, "{t}: first lane that is on");
    }
    // All denormals, DX10_CLAMP, IEEE; the first XCC; time went on.
    assert_eq!(out[128] & 0x3ff, 0x3f0);
    assert_eq!(out[129..], [0, 1]);
}

#[test]
fn sums_go_up_through_the_rows() {
    let mut device = Device::load("machine.hip");
    let (rows, k) = (5_usize, 1024_usize);
    let mut random = Random(5);
    let weights: Vec<u32> = (0..rows * k / 8).map(|_| random.next() as u32).collect();
    let scales: Vec<f32> = (0..rows * k / 32).map(|_| random.float()).collect();
    let x: Vec<f32> = (0..k).map(|_| random.float()).collect();
    let pointers = [
        device.memory.allocate("weights", &bytes!(weights)),
        device.memory.allocate("scales", &bytes!(scales)),
        device.memory.allocate("x", &bytes!(x)),
        device.memory.allocate("out", &vec![0; 4 * rows]),
    ];
    device.launch("gemv_dpp", rows as u32, 64, &args(&pointers, &[k as u32]));
    for (row, &got) in floats(&device, "out").iter().enumerate() {
        let terms = (0..k).map(|at| {
            let word = weights[(row * k + at) / 8];
            let weight = f64::from((word >> (4 * (at % 8))) & 15) - 8.0;
            weight * f64::from(scales[(row * k + at) / 32]) * f64::from(x[at])
        });
        let terms: Vec<f64> = terms.collect();
        let (want, size) = (terms.iter().sum::<f64>(), terms.iter().map(|t| t.abs()).sum::<f64>());
        // 24 bits of each partial sum, 17 sums deep at most.
        assert!((f64::from(got) - want).abs() <= size * 17.0 / 8_388_608.0, "{row}: {got} {want}");
    }
}

#[test]
fn contended_atomics_lose_nothing() {
    let mut device = Device::load("machine.hip");
    let pointers = [
        device.memory.allocate("words", &bytes!([0_u32, 0, u32::MAX, 0, 0])),
        device.memory.allocate("wide", &[0; 16]),
        device.memory.allocate("sum", &[0; 4]),
    ];
    let groups = 9_u32;
    device.launch("contended", groups, 256, &args(&pointers, &[]));
    let n = groups * 256;
    let hashed = || (0..n).map(|at| at.wrapping_mul(2_654_435_761));
    let total = u64::from(n) * u64::from(n - 1) / 2;
    let want = [
        total as u32,
        hashed().max().expect("some"),
        hashed().min().expect("some"),
        hashed().fold(0, |all, v| all ^ v),
        u32::MAX,
    ];
    assert_eq!(device.words("words"), want);
    assert_eq!(doubles(&device, "wide"), [total << 30, total.wrapping_neg()]);
    assert_eq!(floats(&device, "sum"), [n as f32 / 2.0]);
}

#[test]
fn division_of_64_bits_is_exact() {
    let mut device = Device::load("machine.hip");
    let mut random = Random(6);
    let n = 500_usize;
    let mut a: Vec<u64> = (0..n).map(|i| random.next() >> (i % 64)).collect();
    let mut b: Vec<u64> = (0..n).map(|i| (random.next() >> (i * 7 % 64)).max(1)).collect();
    (a[0], b[0]) = (u64::MAX, 1);
    (a[1], b[1]) = (u64::MAX, u64::MAX);
    (a[2], b[2]) = (1 << 63, 3);
    (a[3], b[3]) = (u64::MAX - 1, u64::MAX);
    let pointers = [
        device.memory.allocate("a", &bytes!(a)),
        device.memory.allocate("b", &bytes!(b)),
        device.memory.allocate("out", &vec![0; 32 * n]),
    ];
    device.launch("division64", 2, 256, &args(&pointers, &[n as u32]));
    for (i, got) in doubles(&device, "out").chunks(4).enumerate() {
        let (x, y) = (a[i] as i64, b[i] as i64);
        let want = [a[i] / b[i], a[i] % b[i], x.wrapping_div(y) as u64, x.wrapping_rem(y) as u64];
        assert_eq!(got, want, "{i}: {:#x} {:#x}", a[i], b[i]);
    }
}

#[test]
fn functions_of_f32_are_near_their_values() {
    let mut device = Device::load("machine.hip");
    let mut random = Random(8);
    let n = 700_usize;
    let x: Vec<f32> = (0..n).map(|i| random.float() * [1.0, 8.0, 30.0][i % 3] + 0.001).collect();
    let y: Vec<f32> = (0..n).map(|_| (random.float() * 4.0).exp2()).collect();
    let pointers = [
        device.memory.allocate("x", &bytes!(x)),
        device.memory.allocate("y", &bytes!(y)),
        device.memory.allocate("out", &vec![0; 20 * n]),
    ];
    device.launch("functions", 3, 256, &args(&pointers, &[n as u32]));
    let step = 2.0_f64.powi(-23);
    for (i, got) in floats(&device, "out").chunks(5).enumerate() {
        let (x, y) = (f64::from(x[i]), f64::from(y[i]));
        let near = |at: usize, want: f64, bound: f64| {
            let error = (f64::from(got[at]) - want).abs();
            assert!(error <= bound, "{i}: function {at} of {x} {y}: {} for {want}", got[at]);
        };
        near(0, x.exp(), 2.0 * step * x.exp());
        // The angle in turns has 24 bits: its error in radians grows with it.
        near(1, x.sin(), step * (x.abs() + 1.0));
        // So has the exponent.
        let power = y.powf(x);
        near(2, power, power * step * (x * y.log2()).abs().max(1.0) * 2.0);
        near(3, y.ln(), 2.0 * step * y.ln().abs() + 1e-9);
        near(4, y.sqrt() / x, 2.0 * step * (y.sqrt() / x).abs());
    }
}

#[test]
fn functions_are_called_and_return() {
    let mut device = Device::load("machine.hip");
    let mut random = Random(9);
    let data: Vec<u32> = (0..64).map(|_| random.next() as u32).collect();
    let pointers =
        [device.memory.allocate("in", &bytes!(data)), device.memory.allocate("out", &[0; 256])];
    device.launch("calls", 1, 64, &args(&pointers, &[]));
    let mixed = |value: u32, depth: u32| {
        let mut kept = [value, value.wrapping_mul(3), value ^ depth, depth];
        for i in 0..depth as usize {
            kept[i & 3] = kept[i & 3].wrapping_add(kept[(i + 1) & 3]);
        }
        [1_u32, 5, 7, 11]
            .iter()
            .zip(kept)
            .fold(0_u32, |sum, (by, v)| sum.wrapping_add(v.wrapping_mul(*by)))
    };
    for (t, &got) in device.words("out").iter().enumerate() {
        let want = mixed(data[t], 5).wrapping_add(mixed(data[t ^ 1], t as u32 & 7));
        assert_eq!(got, want, "{t}");
    }
}

#[test]
fn calls_through_pointers() {
    let mut device = Device::load("indirect.hip");
    let data: Vec<u32> = (0..64).map(|i| 3 * i + 1).collect();
    for (name, which, function) in
        [("twice", 0, (|v| v * 2) as fn(u32) -> u32), ("square", 1, |v| v * v)]
    {
        let pointers = [
            device.memory.allocate(&format!("in {name}"), &bytes!(data)),
            device.memory.allocate(name, &[0; 256]),
        ];
        let one = Dim3([1, 1, 1]);
        let done =
            device.try_launch("indirect", one, Dim3([64, 1, 1]), 0, &args(&pointers, &[which]));
        done.unwrap_or_else(|fault| panic!("{name}: {fault}"));
        let want: Vec<u32> = data.iter().map(|&v| function(v)).collect();
        assert_eq!(device.words(name), want, "{name}");
    }
}

#[test]
fn division_and_roots_of_f64_are_rounded_once() {
    let mut device = Device::load("elementwise.hip");
    let mut random = Random(10);
    let n = 1300_usize;
    let x: Vec<f32> = (0..n).map(|_| (random.float() * 3.0).exp2()).collect();
    let double = |random: &mut Random| {
        let fraction = random.next() >> 12;
        f64::from_bits(fraction | ((1023 - 300 + random.next() % 600) << 52))
    };
    let wide: Vec<f64> = (0..=n).map(|_| double(&mut random)).collect();
    let pointers = [
        device.memory.allocate("x", &bytes!(x)),
        device.memory.allocate("out", &vec![0; 4 * n]),
        device.memory.allocate("wide", &bytes!(wide)),
        device.memory.allocate("out64", &vec![0; 8 * n]),
    ];
    device.launch("transcendental", 4, 256, &args(&pointers, &[n as u32]));
    for (i, got) in doubles(&device, "out64").into_iter().map(f64::from_bits).enumerate() {
        let want = wide[i].mul_add(wide[i], 0.5) / wide[n - i] + wide[i].sqrt();
        assert_eq!(got, want, "{i}: {} {}", wide[i], wide[n - i]);
    }
    for (i, &got) in floats(&device, "out").iter().enumerate() {
        let x = f64::from(x[i]);
        let turn = (x * std::f64::consts::TAU).sin() * x.sqrt();
        let want = x.ln() + turn + x.exp2() + x.floor();
        let size = x.ln().abs() + x.sqrt() + x.exp2() + x.floor();
        let error = (f64::from(got) - want).abs();
        assert!(error <= size * 2.0_f64.powi(-21), "{i}: {got} for {want} of {x}");
    }
}
