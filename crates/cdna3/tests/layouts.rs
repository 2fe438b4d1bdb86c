//! Where every element of a matrix operation lies in its registers.
//!
//! For each place of A in turn, A is one there and zero elsewhere, B and C are different
//! everywhere: D = C, except for the one row that gets a row of B. The formulas are those that
//! AMD's matrix instruction calculator prints.

mod device;
mod toolchain;

use device::{Device, args, bytes};

/// Codes of the elements of B: every type has a value of its own for 1..=127.
const NUM_CODES: usize = 127;

/// A form with one block.
struct Form {
    kernel: &'static str,
    /// Rows of A and columns of B.
    n: usize,
    /// Depth.
    depth: usize,
    /// The bits of one, and of the value with a code.
    one: u32,
    encode: fn(u32) -> u32,
    /// The value with a code.
    value: fn(u32) -> f64,
    /// Whether C and D are integers.
    is_integer: bool,
}

/// The small integers as the bits of f16; exact, for `code` is at most 127.
fn f16_bits(code: u32) -> u32 {
    let exponent = code.ilog2();
    ((exponent + 15) << 10) | ((code << (10 - exponent)) & 0x3ff)
}

/// Value of a positive FP8 FNUZ byte, by its definition.
fn fp8(code: u32) -> f64 {
    let fraction = f64::from(code & 7) / 8.0;
    match (code >> 3) as i32 {
        0 => fraction * 2.0_f64.powi(-7),
        exponent => (1.0 + fraction) * 2.0_f64.powi(exponent - 8),
    }
}

impl Form {
    const fn bf16(kernel: &'static str, n: usize, depth: usize) -> Self {
        let encode = |code| (code as f32).to_bits() >> 16;
        Self { kernel, n, depth, one: 0x3f80, encode, value: f64::from, is_integer: false }
    }

    const fn f16(kernel: &'static str, n: usize, depth: usize) -> Self {
        let (encode, value) = (f16_bits, f64::from);
        Self { kernel, n, depth, one: 0x3c00, encode, value, is_integer: false }
    }

    /// Elements of A (or B) in one lane; consecutive in k.
    fn per_lane(&self) -> usize {
        self.n * self.depth / 64
    }

    /// Lane and element of row (or column) `i` and `k`.
    fn source_place(&self, i: usize, k: usize) -> (usize, usize) {
        (i + self.n * (k / self.per_lane()), k % self.per_lane())
    }

    /// Row and column of register `r` of lane `l` in C and D.
    fn result_place(&self, l: usize, r: usize) -> (usize, usize) {
        match self.n {
            16 => (4 * (l / 16) + r, l % 16),
            _ => (8 * (r / 4) + 4 * (l / 32) + r % 4, l % 32),
        }
    }

    /// The 8 bytes of every lane, from the bits of each row (or column) and k.
    fn registers(&self, bits: impl Fn(usize, usize) -> u32) -> Vec<u64> {
        let mut lanes = vec![0; 64];
        for (i, k) in (0..self.n).flat_map(|i| (0..self.depth).map(move |k| (i, k))) {
            let (lane, element) = self.source_place(i, k);
            lanes[lane] |= u64::from(bits(i, k)) << (64 / self.per_lane() * element);
        }
        lanes
    }

    /// One pass: `code` gives the elements of B by k and column.
    fn check(&self, device: &mut Device, pass: &str, code: impl Fn(usize, usize) -> u32) {
        let num_places = self.n * self.depth;
        let num_registers = self.n * self.n / 64;
        let one_at = |place: usize| {
            let hot = (place / self.depth, place % self.depth);
            self.registers(|i, k| if (i, k) == hot { self.one } else { 0 })
        };
        let a: Vec<u64> = (0..num_places).flat_map(one_at).collect();
        let b = self.registers(|j, k| (self.encode)(code(k, j)));
        let addend = |i: usize, j: usize| 1 + (i * self.n + j) as i32;
        let word =
            |value: i32| if self.is_integer { value as u32 } else { (value as f32).to_bits() };
        let place_of = |index: usize| self.result_place(index % 64, index / 64);
        let size = 64 * num_registers;
        let c: Vec<u32> =
            (0..size).map(place_of).map(|(row, column)| word(addend(row, column))).collect();
        let name = |what: &str| format!("{} {pass} {what}", self.kernel);
        let pointers = [
            device.memory.allocate(&name("a"), &bytes!(a)),
            device.memory.allocate(&name("b"), &bytes!(b)),
            device.memory.allocate(&name("c"), &bytes!(c)),
            device.memory.allocate(&name("d"), &vec![0; 4 * size * num_places]),
        ];
        device.launch(self.kernel, num_places as u32, 64, &args(&pointers, &[]));
        let result = device.words(&name("d"));
        for (place, d) in result.chunks_exact(size).enumerate() {
            let (hot_row, hot_k) = (place / self.depth, place % self.depth);
            for (index, &bits) in d.iter().enumerate() {
                let (row, column) = place_of(index);
                let added = if row == hot_row { (self.value)(code(hot_k, column)) } else { 0.0 };
                let expected = f64::from(addend(row, column)) + added;
                let got = if self.is_integer {
                    f64::from(bits as i32)
                } else {
                    f64::from(f32::from_bits(bits))
                };
                let at = (hot_row, hot_k, row, column);
                assert_eq!(got, expected, "{} {pass}: {at:?}", self.kernel);
            }
        }
    }
}

#[test]
fn every_element_is_where_the_calculator_says() {
    let forms = [
        Form::bf16("bf16_16", 16, 16),
        Form::f16("f16_16", 16, 16),
        Form::bf16("bf16_32", 32, 8),
        Form::f16("f16_32", 32, 8),
        Form {
            kernel: "fp8_16",
            n: 16,
            depth: 32,
            one: 0x40,
            encode: |code| code,
            value: fp8,
            is_integer: false,
        },
        Form {
            kernel: "i8_16",
            n: 16,
            depth: 32,
            one: 1,
            encode: |code| code,
            value: f64::from,
            is_integer: true,
        },
    ];
    let mut device = Device::load("layouts.hip");
    for form in forms {
        // Two digits tell all elements of B apart.
        let index = |k: usize, j: usize| k * form.n + j;
        form.check(&mut device, "low digit", |k, j| 1 + (index(k, j) % NUM_CODES) as u32);
        form.check(&mut device, "high digit", |k, j| 1 + (index(k, j) / NUM_CODES) as u32);
    }
}
