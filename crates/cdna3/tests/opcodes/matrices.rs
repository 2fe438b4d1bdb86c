//! Matrix operations: the place of every element of every form, by the general formulas of the
//! ISA guide ("General input and output layout"), in every kind of register; broadcasts; sums.
//!
//! For each place of A in turn, A is one there and zero elsewhere, B and C are different
//! everywhere: D = C, except for the one row that gets a row of B.

use crate::converts::byte_value;
use crate::device::{Device, bytes};
use crate::inputs::Random;
use crate::soft::{F16, F32, F64};

/// Type of the elements of A or B.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    F16,
    Bf16,
    Fp8,
    Bf8,
    I8,
    F32,
    F64,
}

impl Type {
    fn bits(self) -> usize {
        match self {
            Self::F16 | Self::Bf16 => 16,
            Self::Fp8 | Self::Bf8 | Self::I8 => 8,
            Self::F32 => 32,
            Self::F64 => 64,
        }
    }

    /// Bits of one.
    fn one(self) -> u64 {
        match self {
            Self::F16 => 0x3c00,
            Self::Bf16 => 0x3f80,
            Self::Fp8 | Self::Bf8 => 0x40,
            Self::I8 => 1,
            Self::F32 => F32.one(),
            Self::F64 => F64.one(),
        }
    }

    fn value(self, bits: u64) -> f64 {
        match self {
            Self::F16 => F16.value(bits),
            Self::Bf16 => F32.value(bits << 16),
            Self::Fp8 => byte_value(bits, 3),
            Self::Bf8 => byte_value(bits, 2),
            Self::I8 => (bits as i8).into(),
            Self::F32 => F32.value(bits),
            Self::F64 => f64::from_bits(bits),
        }
    }

    /// A different positive value for each code of 1..=127.
    fn code(self, code: u64) -> u64 {
        match self {
            Self::F16 => F16.of(code as f64),
            Self::Bf16 => F32.of(code as f64) >> 16,
            Self::Fp8 | Self::Bf8 | Self::I8 => code,
            Self::F32 => F32.of(code as f64),
            Self::F64 => (code as f64).to_bits(),
        }
    }
}

/// How a form is run.
struct Variant<'a> {
    /// Whether D and C, A, B lie in accumulation registers.
    registers: [bool; 3],
    modifiers: String,
    /// The lane that A (or B) is read from for a lane.
    lanes: [&'a dyn Fn(usize) -> usize; 2],
    /// Sources A, B, C that are negated.
    negated: [bool; 3],
}

fn own(lane: usize) -> usize {
    lane
}

/// Vector registers, no modifiers.
fn plain() -> Variant<'static> {
    Variant {
        registers: [false; 3],
        modifiers: String::new(),
        lanes: [&own, &own],
        negated: [false; 3],
    }
}

/// A form: `n` rows and columns, depth `k`, independent blocks.
#[derive(Clone, Debug)]
struct Form {
    name: String,
    n: usize,
    k: usize,
    blocks: usize,
    a: Type,
    b: Type,
}

fn forms() -> Vec<Form> {
    let mut forms = Vec::new();
    let mut add = |name: &str, n, k, blocks, a, b| {
        forms.push(Form { name: format!("v_mfma_{name}"), n, k, blocks, a, b });
    };
    for (ty, name) in [(Type::F16, "f16"), (Type::Bf16, "bf16")] {
        add(&format!("f32_16x16x16_{name}"), 16, 16, 1, ty, ty);
        add(&format!("f32_32x32x8_{name}"), 32, 8, 1, ty, ty);
        add(&format!("f32_4x4x4_16b_{name}"), 4, 4, 16, ty, ty);
        add(&format!("f32_16x16x4_4b_{name}"), 16, 4, 4, ty, ty);
        add(&format!("f32_32x32x4_2b_{name}"), 32, 4, 2, ty, ty);
    }
    for (a, first) in [(Type::Fp8, "fp8"), (Type::Bf8, "bf8")] {
        for (b, second) in [(Type::Fp8, "fp8"), (Type::Bf8, "bf8")] {
            add(&format!("f32_16x16x32_{first}_{second}"), 16, 32, 1, a, b);
            add(&format!("f32_32x32x16_{first}_{second}"), 32, 16, 1, a, b);
        }
    }
    add("i32_16x16x32_i8", 16, 32, 1, Type::I8, Type::I8);
    add("i32_32x32x16_i8", 32, 16, 1, Type::I8, Type::I8);
    add("i32_4x4x4_16b_i8", 4, 4, 16, Type::I8, Type::I8);
    add("i32_16x16x4_4b_i8", 16, 4, 4, Type::I8, Type::I8);
    add("i32_32x32x4_2b_i8", 32, 4, 2, Type::I8, Type::I8);
    add("f32_16x16x4_f32", 16, 4, 1, Type::F32, Type::F32);
    add("f32_32x32x2_f32", 32, 2, 1, Type::F32, Type::F32);
    add("f32_4x4x1_16b_f32", 4, 1, 16, Type::F32, Type::F32);
    add("f32_16x16x1_4b_f32", 16, 1, 4, Type::F32, Type::F32);
    add("f32_32x32x1_2b_f32", 32, 1, 2, Type::F32, Type::F32);
    add("f64_16x16x4_f64", 16, 4, 1, Type::F64, Type::F64);
    add("f64_4x4x4_4b_f64", 4, 4, 4, Type::F64, Type::F64);
    forms
}

/// The mnemonics, for the count of what is tested.
pub(crate) fn mnemonics() -> Vec<String> {
    forms().into_iter().map(|form| form.name).collect()
}

impl Form {
    fn is_integer(&self) -> bool {
        self.a == Type::I8
    }

    fn is_double(&self) -> bool {
        self.a == Type::F64
    }

    /// Item and lane of row (or column) `i`, `k` of block `b` in A (or B).
    fn input_place(&self, b: usize, i: usize, k: usize) -> (usize, usize) {
        let per_lane = self.k / (64 / (self.n * self.blocks));
        (k % per_lane, i + self.n * (b + self.blocks * (k / per_lane)))
    }

    /// Item and lane of row `i`, column `j` of block `b` in C and D.
    fn output_place(&self, b: usize, i: usize, j: usize) -> (usize, usize) {
        let height = if self.is_double() { 1 } else { 4 };
        let blocks_per_item = 64_usize.div_ceil(self.n * self.n / height);
        let rows = 64 / blocks_per_item / self.n;
        let groups = self.n / (height * rows);
        let item = i % height + height * (i / (height * rows) + groups * (b / blocks_per_item));
        (item, j + self.n * ((i / height) % rows + rows * (b % blocks_per_item)))
    }

    fn num_input_dwords(&self) -> usize {
        (self.n * self.k * self.blocks / 64 * self.a.bits()).div_ceil(32)
    }

    fn num_output_dwords(&self) -> usize {
        self.n * self.n * self.blocks / 64 * if self.is_double() { 2 } else { 1 }
    }

    /// All (block, row, column) of the output.
    fn outputs(&self) -> impl Iterator<Item = [usize; 3]> {
        let n = self.n;
        (0..self.blocks).flat_map(move |b| (0..n).flat_map(move |i| (0..n).map(move |j| [b, i, j])))
    }

    /// Registers of A or B, dword by dword, 64 lanes each, from the bits of an element.
    fn input(&self, ty: Type, bits: impl Fn(usize, usize, usize) -> u64) -> Vec<u32> {
        let mut words = vec![0; 64 * self.num_input_dwords()];
        for b in 0..self.blocks {
            for (i, k) in (0..self.n).flat_map(|i| (0..self.k).map(move |k| (i, k))) {
                let (item, lane) = self.input_place(b, i, k);
                let (value, at) = (bits(b, i, k), item * ty.bits());
                words[at / 32 * 64 + lane] |= (value as u32) << (at % 32);
                if ty == Type::F64 {
                    words[64 + lane] = (value >> 32) as u32;
                }
            }
        }
        words
    }

    /// Registers of C or D from the value of an element.
    fn output(&self, value: impl Fn(usize, usize, usize) -> f64) -> Vec<u32> {
        let mut words = vec![0; 64 * self.num_output_dwords()];
        for [b, i, j] in self.outputs() {
            let (item, lane) = self.output_place(b, i, j);
            let value = value(b, i, j);
            if self.is_double() {
                words[2 * item * 64 + lane] = value.to_bits() as u32;
                words[(2 * item + 1) * 64 + lane] = (value.to_bits() >> 32) as u32;
            } else if self.is_integer() {
                words[item * 64 + lane] = value as i64 as u32;
            } else {
                words[item * 64 + lane] = (value as f32).to_bits();
            }
        }
        words
    }

    /// A kernel that runs the variants in turn: A by work-group, B and C shared, D by work-group
    /// and variant.
    fn device(&self, variants: &[Variant<'_>]) -> Device {
        let (inputs, outputs) = (self.num_input_dwords(), self.num_output_dwords());
        let mut text = format!(
            "s_load_dwordx8 s[4:11], s[0:1], 0\n\
             s_waitcnt lgkmcnt(0)\n\
             s_mul_i32 s12, s2, {}\n\
             s_add_u32 s4, s4, s12\n\
             s_addc_u32 s5, s5, 0\n\
             s_mul_i32 s12, s2, {}\n\
             s_add_u32 s10, s10, s12\n\
             s_addc_u32 s11, s11, 0\n\
             v_lshlrev_b32_e32 v1, 2, v0\n",
            inputs * 256,
            outputs * 256 * variants.len()
        );
        for variant in variants {
            self.instructions(variant, &mut text);
        }
        Device::assemble(&(text + "s_endpgm\n"), 0)
    }

    /// Loads A, B and C into their files, multiplies with one lane on, stores D.
    fn instructions(&self, variant: &Variant<'_>, text: &mut String) {
        let (inputs, outputs) = (self.num_input_dwords(), self.num_output_dwords());
        let [in_acc, a_acc, b_acc] = variant.registers;
        let range = |acc: bool, first: usize, count: usize| {
            let file = if acc { 'a' } else { 'v' };
            match count {
                1 => format!("{file}{first}"),
                _ => format!("{file}[{first}:{}]", first + count - 1),
            }
        };
        // Every dword of a register range, through v2.
        let mut load = |acc: bool, first: usize, count: usize, base: &str| {
            for at in 0..count {
                let to = if acc { 2 } else { first + at };
                *text += &format!(
                    "v_add_u32_e32 v3, {}, v1\nglobal_load_dword v{to}, v3, {base}\n\
                     s_waitcnt vmcnt(0)\n",
                    at * 256
                );
                if acc {
                    *text += &format!("v_accvgpr_write_b32 a{}, v2\n", first + at);
                }
            }
        };
        load(a_acc, 4, inputs, "s[4:5]");
        load(b_acc, 8, inputs, "s[6:7]");
        load(in_acc, 32, outputs, "s[8:9]");
        // Exec is ignored: with all lanes but one off the result is the same.
        *text += &format!(
            "s_mov_b64 exec, 2\ns_nop 15\n{} {}, {}, {}, {}{}\ns_nop 15\ns_nop 15\n\
             s_mov_b64 exec, -1\n",
            self.name,
            range(in_acc, 64, outputs),
            range(a_acc, 4, inputs),
            range(b_acc, 8, inputs),
            range(in_acc, 32, outputs),
            variant.modifiers
        );
        for at in 0..outputs {
            if in_acc {
                *text += &format!("v_accvgpr_read_b32 v2, a{}\ns_nop 1\n", 64 + at);
            }
            let from = if in_acc { 2 } else { 64 + at };
            *text += &format!(
                "v_add_u32_e32 v3, {}, v1\nglobal_store_dword v3, v{from}, s[10:11]\n",
                at * 256
            );
        }
        *text += &format!("s_add_u32 s10, s10, {}\ns_addc_u32 s11, s11, 0\n", outputs * 256);
    }

    /// Runs for each of the A given, `variants` at a time; D of each.
    fn run(
        &self,
        device: &mut Device,
        name: &str,
        [a, b, c]: [&[u32]; 3],
        variants: usize,
    ) -> Vec<Vec<u32>> {
        let size = 64 * self.num_output_dwords();
        let groups = a.len() / (64 * self.num_input_dwords());
        let mut place =
            |what: &str, data: &[u8]| device.memory.allocate(&format!("{name} {what}"), data);
        let addresses = [
            place("a", &bytes!(a)),
            place("b", &bytes!(b)),
            place("c", &bytes!(c)),
            place("d", &vec![0; 4 * size * groups * variants]),
        ];
        device.launch("cases", groups as u32, 64, &bytes!(addresses));
        device.words(&format!("{name} d")).chunks(size).map(<[u32]>::to_vec).collect()
    }
}

/// The position of an element of B, told apart by two digits of 127 codes.
fn digit(form: &Form, high: bool, b: usize, j: usize, k: usize) -> u64 {
    let index = (b * form.k + k) * form.n + j;
    1 + (if high { index / 127 } else { index % 127 }) as u64
}

#[test]
fn every_element_of_every_form_has_its_place() {
    for form in forms() {
        let mut device = form.device(&[plain()]);
        let addend = |b: usize, i: usize, j: usize| (1 + (b * form.n + i) * form.n + j) as f64;
        let places: Vec<[usize; 3]> = (0..form.blocks)
            .flat_map(|b| (0..form.n).flat_map(move |i| (0..form.k).map(move |k| [b, i, k])))
            .collect();
        let one_hot = |hot: &[usize; 3]| {
            form.input(form.a, |b, i, k| if [b, i, k] == *hot { form.a.one() } else { 0 })
        };
        let a = places.iter().map(one_hot).collect::<Vec<_>>().concat();
        for high in [false, true] {
            let code = |b: usize, j: usize, k: usize| form.b.code(digit(&form, high, b, j, k));
            let (b, c) = (form.input(form.b, code), form.output(addend));
            let name = if high { "high" } else { "low" };
            let got = form.run(&mut device, name, [&a, &b, &c], 1);
            for (&[hot, row, k], got) in places.iter().zip(&got) {
                let want = form.output(|b, i, j| {
                    let adds = b == hot && i == row;
                    addend(b, i, j) + if adds { form.b.value(code(b, j, k)) } else { 0.0 }
                });
                assert!(*got == want, "{}: one at block {hot} row {row} depth {k}", form.name);
            }
        }
    }
}

/// Random elements, small enough that every sum is exact, and the exact result.
fn random_matrices(form: &Form, seed: u64) -> (Vec<u64>, Vec<u64>, Vec<f64>) {
    let mut random = Random(seed);
    let mut element = |ty: Type| match ty {
        Type::I8 => random.next() & 0xff,
        // One, one and a half, two, three, with both signs.
        Type::Fp8 => [0x40, 0x44, 0x48, 0x4c, 0xc0, 0xc4][random.below(6)],
        Type::Bf8 => [0x40, 0x42, 0x44, 0x46, 0xc0, 0xc2][random.below(6)],
        Type::F16 => F16.of(random.below(17) as f64 - 8.0),
        Type::Bf16 => F32.of(random.below(17) as f64 - 8.0) >> 16,
        Type::F32 => F32.of(random.below(2049) as f64 - 1024.0),
        Type::F64 => (random.below(1 << 20) as f64 - 1000.0).to_bits(),
    };
    let count = form.blocks * form.n * form.k;
    let a = (0..count).map(|_| element(form.a)).collect();
    let b = (0..count).map(|_| element(form.b)).collect();
    let c =
        (0..form.blocks * form.n * form.n).map(|_| random.below(4096) as f64 - 2048.0).collect();
    (a, b, c)
}

/// Checks one form on random matrices.
fn check_random(form: &Form, variants: &[Variant<'_>]) {
    let (a, b, c) = random_matrices(form, 0x3a7);
    let at = |b: usize, i: usize, k: usize| (b * form.n + i) * form.k + k;
    let a_words = form.input(form.a, |x, i, k| a[at(x, i, k)]);
    let b_words = form.input(form.b, |x, j, k| b[at(x, j, k)]);
    let addend = |b: usize, i: usize, j: usize| c[(b * form.n + i) * form.n + j];
    let c_words = form.output(addend);
    let mut device = form.device(variants);
    let words = [a_words.as_slice(), &b_words, &c_words];
    let got = form.run(&mut device, "random", words, variants.len());
    // What an element is after its lane is replaced.
    let element = |words: &[u32], ty: Type, lanes: &dyn Fn(usize) -> usize, place| {
        let (item, lane): (usize, usize) = place;
        let (lane, at) = (lanes(lane), item * ty.bits());
        if ty == Type::F64 {
            return f64::from_bits(u64::from(words[lane]) | (u64::from(words[64 + lane]) << 32));
        }
        let word = u64::from(words[at / 32 * 64 + lane]) >> (at % 32);
        ty.value(word & (u64::MAX >> (64 - ty.bits())))
    };
    for (variant, got) in variants.iter().zip(got) {
        let sign = |index: usize| if variant.negated[index] { -1.0 } else { 1.0 };
        let want = form.output(|x, i, j| {
            (0..form.k).fold(sign(2) * addend(x, i, j), |sum, k| {
                let (left, right) = (form.input_place(x, i, k), form.input_place(x, j, k));
                let left = element(&a_words, form.a, variant.lanes[0], left);
                let right = element(&b_words, form.b, variant.lanes[1], right);
                sum + sign(0) * left * sign(1) * right
            })
        });
        assert!(got == want, "{}{} in {:?}", form.name, variant.modifiers, variant.registers);
    }
}

/// Sources and results in all combinations of vector and accumulation registers.
fn in_registers() -> Vec<Variant<'static>> {
    let files = (0..8).map(|bits| [bits & 1 != 0, bits & 2 != 0, bits & 4 != 0]);
    files.map(|registers| Variant { registers, ..plain() }).collect()
}

/// Broadcasts of blocks of A: the modifiers, and lanes by group size and group.
fn broadcasts(form: &Form) -> Vec<(String, usize, usize)> {
    let modifiers = |cbsz: usize, abid: usize| {
        let abid_text = if abid > 0 { format!(" abid:{abid}") } else { String::new() };
        (format!(" cbsz:{cbsz}{abid_text}"), 64 >> cbsz, abid)
    };
    (1..=form.blocks.ilog2() as usize)
        .flat_map(|cbsz| [0, 1, (1 << cbsz) - 1].map(|abid| modifiers(cbsz, abid)))
        .collect()
}

/// Patterns of the lanes of B, from `blgp:1` on.
const PATTERNS: [fn(usize) -> usize; 7] = [
    |lane| lane % 32,
    |lane| lane % 32 + 32,
    |lane| (lane + 16) % 64,
    |lane| lane % 16,
    |lane| lane % 16 + 16,
    |lane| lane % 16 + 32,
    |lane| lane % 16 + 48,
];

#[test]
fn registers_broadcasts_and_patterns_do_as_the_guide_says() {
    for form in forms().into_iter().filter(|form| !form.is_double()) {
        let mut variants = in_registers();
        let choices = broadcasts(&form);
        let lanes: Vec<_> = choices
            .iter()
            .map(|&(_, size, group)| move |lane: usize| lane % size + size * group)
            .collect();
        variants.extend(choices.iter().zip(&lanes).map(|((modifiers, ..), lane)| Variant {
            modifiers: modifiers.clone(),
            lanes: [lane, &own],
            ..plain()
        }));
        variants.extend(PATTERNS.iter().enumerate().map(|(index, lane)| Variant {
            modifiers: format!(" blgp:{}", index + 1),
            lanes: [&own, lane],
            ..plain()
        }));
        check_random(&form, &variants);
    }
}

#[test]
fn doubles_take_signs_and_all_registers() {
    let choices = [[true, false, false], [false, true, false], [false, true, true]];
    for form in forms().into_iter().filter(Form::is_double) {
        let mut variants = in_registers();
        variants.extend(choices.map(|negated| {
            let [a, b, c] = negated.map(u8::from);
            Variant { modifiers: format!(" neg:[{a},{b},{c}]"), negated, ..plain() }
        }));
        check_random(&form, &variants);
    }
}

/// Elements of any size that does not overflow, so that every step of a sum rounds.
fn rough_element(ty: Type, random: &mut Random) -> u64 {
    let value = (random.next() >> 11) as f64 / (1_u64 << 52) as f64 - 1.0;
    match ty {
        Type::F16 => F16.of(value * 8.0),
        Type::Bf16 => F32.of(value * 8.0) >> 16,
        // All bytes but the NaN and those that are large.
        Type::Fp8 | Type::Bf8 | Type::I8 => (random.next() & 0x80) | (1 + random.next() % 0x5f),
        Type::F32 => F32.of(value * 8.0),
        Type::F64 => (value * 8.0).to_bits(),
    }
}

#[test]
fn sums_are_kept_in_the_result_type() {
    for form in forms().into_iter().filter(|form| !form.is_integer()) {
        let mut random = Random(0x50f7);
        let count = form.blocks * form.n * form.k;
        let mut elements =
            |ty: Type| (0..count).map(|_| rough_element(ty, &mut random)).collect::<Vec<u64>>();
        let (a, b) = (elements(form.a), elements(form.b));
        let at = |x: usize, i: usize, k: usize| (x * form.n + i) * form.k + k;
        let addend = |x: usize, i: usize, j: usize| ((x + 3 * i + 7 * j) % 97) as f64 / 64.0;
        let a_words = form.input(form.a, |x, i, k| a[at(x, i, k)]);
        let b_words = form.input(form.b, |x, j, k| b[at(x, j, k)]);
        let mut device = form.device(&[plain()]);
        let words = [a_words.as_slice(), &b_words, &form.output(addend)];
        let got = form.run(&mut device, "rough", words, 1).remove(0);
        for [x, i, j] in form.outputs() {
            let products =
                (0..form.k).map(|k| form.a.value(a[at(x, i, k)]) * form.b.value(b[at(x, j, k)]));
            let terms: Vec<f64> = products.chain([addend(x, i, j)]).collect();
            let (want, size) =
                (terms.iter().sum::<f64>(), terms.iter().map(|t| t.abs()).sum::<f64>());
            let (item, lane) = form.output_place(x, i, j);
            let (value, step) = if form.is_double() {
                let high = u64::from(got[(2 * item + 1) * 64 + lane]) << 32;
                let bits = high | u64::from(got[2 * item * 64 + lane]);
                (f64::from_bits(bits), f64::EPSILON)
            } else {
                (f64::from(f32::from_bits(got[item * 64 + lane])), f64::from(f32::EPSILON))
            };
            // Half a step of the largest partial sum for each term, in any order of them.
            let bound = size * step / 2.0 * terms.len() as f64;
            let error = (value - want).abs();
            assert!(error <= bound, "{}: {x},{i},{j}: {value} for {want}", form.name);
        }
    }
}

/// A 16x16 product whose A and B have one value each in row, column and depth 0.
fn product_of(name: &str, ty: Type, a: u64, b: u64, c: f64) -> u32 {
    let form = forms().into_iter().find(|form| form.name == name).expect("it is a form");
    let first =
        |bits: u64| move |_: usize, i: usize, k: usize| if (i, k) == (0, 0) { bits } else { 0 };
    let mut device = form.device(&[plain()]);
    let (a, b) = (form.input(ty, first(a)), form.input(ty, first(b)));
    let c = form.output(|_, i, j| if (i, j) == (0, 0) { c } else { 0.0 });
    form.run(&mut device, "one", [&a, &b, &c], 1)[0][0]
}

#[test]
fn denormals_and_infinities_are_kept_and_integers_wrap() {
    let half = |bits: u64| F16.value(bits);
    let f16 = "v_mfma_f32_16x16x16_f16";
    let f32_of = |value: f64| F32.of(value) as u32;
    // The least denormal of f16, times the largest number.
    assert_eq!(product_of(f16, Type::F16, 1, 0x7bff, 0.0), f32_of(half(1) * half(0x7bff)));
    assert_eq!(product_of(f16, Type::F16, 0x03ff, 0x0001, 0.0), f32_of(half(0x3ff) * half(1)));
    assert_eq!(product_of(f16, Type::F16, 0x7c00, 0xbc00, 5.0), 0xff80_0000);
    assert!(f32::from_bits(product_of(f16, Type::F16, 0x7c00, 0, 5.0)).is_nan());
    // More than f16 holds: sums are in f32.
    assert_eq!(product_of(f16, Type::F16, 0x7bff, 0x7bff, 1.0), f32_of(65504.0 * 65504.0 + 1.0));
    // Products that f32 holds as denormals only.
    let bf16 = "v_mfma_f32_16x16x16_bf16";
    assert_eq!(product_of(bf16, Type::Bf16, 0x0080, 0x3f00, 0.0), 0x0040_0000);
    assert_eq!(product_of(bf16, Type::Bf16, 0x0001, 0x3f80, 0.0), 0x0001_0000);
    let i8 = "v_mfma_i32_16x16x32_i8";
    assert_eq!(product_of(i8, Type::I8, 0x80, 0x80, f64::from(i32::MAX)), 0x8000_3fff);
    assert_eq!(product_of(i8, Type::I8, 0x80, 0x7f, f64::from(i32::MIN)), 0x7fff_c080);
}
