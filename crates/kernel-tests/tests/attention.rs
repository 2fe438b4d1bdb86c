//! Attention of decode and prefill: parity with f64, and bits that depend on nothing but the
//! sequence itself.

mod paged;

use kernel_tests::{CacheType, Element};
use paged::{Bench, Seq, Shape};

/// In floors of a value of 0.125 (values are below 1). Probabilities are rounded to bf16 before
/// they meet the values, which may cost a floor of the largest value, 8 of these.
/// Measured 3.11 at most over all cases of this file, where few tokens share the weight.
const BOUND: f64 = 4.0;
const FLOOR_SCALE: f64 = 0.125;

const LLAMA: Shape = Shape {
    num_heads: 8,
    num_kv_heads: 2,
    head_dim: 128,
    window: 0,
    soft_cap: 0.0,
    scale: 0.2,
    element: Element::Bf16,
    cache: CacheType::Plain,
    kv_scales: [1.0, 1.0],
};

/// With scales that use much of FP8's range.
const LLAMA_FP8: Shape = Shape { cache: CacheType::Fp8, kv_scales: [0.017, 0.0061], ..LLAMA };

const LLAMA_F16: Shape = Shape { element: Element::F16, ..LLAMA };

fn seq(id: u64, context: usize, new: usize) -> Seq {
    Seq { id, context, new }
}

fn check(bench: &mut Bench, shape: &Shape, seqs: &[Seq]) {
    let got = bench.run(shape, seqs, 2);
    let expect = paged::reference(shape, seqs);
    let worst = shape.element.worst_error(&got, &expect, FLOOR_SCALE);
    assert!(worst <= BOUND, "{shape:?} {seqs:?}: {worst} floors");
}

fn decode_matches(base: Shape) {
    let mut bench = Bench::new();
    let lengths = [1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 255, 256, 257, 513, 1100];
    let seqs: Vec<Seq> = lengths.iter().map(|&len| seq(len as u64, len - 1, 1)).collect();
    check(&mut bench, &base, &seqs);
    for head_dim in [16, 32, 48, 64, 80, 96, 112, 160, 192, 208, 224, 256] {
        let shape = Shape { head_dim, ..base };
        check(&mut bench, &shape, &[seq(1, 0, 1), seq(2, 34, 1), seq(3, 300, 1)]);
    }
}

#[test]
fn decode_matches_f64() {
    decode_matches(LLAMA);
}

#[test]
fn decode_of_fp8_matches_f64() {
    decode_matches(LLAMA_FP8);
}

#[test]
fn decode_of_f16_matches_f64() {
    decode_matches(LLAMA_F16);
}

fn decode_of_any_kind(base: Shape) {
    let mut bench = Bench::new();
    let seqs = [seq(1, 5, 1), seq(2, 300, 1), seq(3, 601, 1)];
    for (num_heads, num_kv_heads) in [(1, 1), (6, 1), (7, 7), (12, 2), (16, 1), (34, 2), (71, 1)] {
        check(&mut bench, &Shape { num_heads, num_kv_heads, head_dim: 64, ..base }, &seqs);
    }
    for window in [1, 7, 32, 255, 256, 257, 4096] {
        check(&mut bench, &Shape { window, head_dim: 64, ..base }, &seqs);
    }
    check(&mut bench, &Shape { soft_cap: 3.0, scale: 2.0, ..base }, &seqs);
    check(&mut bench, &Shape { soft_cap: 50.0, window: 40, scale: 100.0, ..base }, &seqs);
}

#[test]
fn decode_of_any_group_window_and_cap() {
    decode_of_any_kind(LLAMA);
}

#[test]
fn decode_of_fp8_of_any_group_window_and_cap() {
    decode_of_any_kind(LLAMA_FP8);
}

#[test]
fn decode_of_f16_of_any_group_window_and_cap() {
    decode_of_any_kind(LLAMA_F16);
}

fn prefill_matches(base: Shape) {
    let mut bench = Bench::new();
    for new in [2, 15, 16, 17, 63, 64, 65] {
        check(&mut bench, &base, &[seq(1, 0, new)]);
    }
    // Ragged, with prefixes, an empty sequence, and decoding rows beside.
    let seqs = [seq(1, 240, 65), seq(2, 0, 3), seq(3, 300, 1), seq(4, 0, 0), seq(5, 17, 40)];
    check(&mut bench, &base, &seqs);
    for head_dim in [16, 32, 64, 80, 96, 112, 160, 192, 208, 224, 256] {
        check(&mut bench, &Shape { head_dim, ..base }, &[seq(1, 250, 20), seq(2, 0, 33)]);
    }
    for (num_heads, num_kv_heads) in [(1, 1), (6, 1), (7, 7), (20, 1)] {
        let shape = Shape { num_heads, num_kv_heads, head_dim: 64, ..base };
        check(&mut bench, &shape, &[seq(1, 230, 70), seq(2, 0, 33)]);
    }
    for window in [1, 7, 32, 255, 257] {
        let shape = Shape { window, head_dim: 64, ..base };
        check(&mut bench, &shape, &[seq(1, 500, 70), seq(2, 0, 290)]);
    }
    let capped = Shape { soft_cap: 3.0, scale: 2.0, ..base };
    check(&mut bench, &capped, &[seq(1, 230, 70), seq(2, 0, 33)]);
}

#[test]
fn prefill_matches_f64() {
    prefill_matches(LLAMA);
}

#[test]
fn prefill_of_fp8_matches_f64() {
    prefill_matches(LLAMA_FP8);
}

#[test]
fn prefill_of_f16_matches_f64() {
    prefill_matches(LLAMA_F16);
}

/// Rows `from..from + num` of a result.
fn rows<'a>(shape: &Shape, out: &'a [f32], from: usize, num: usize) -> &'a [f32] {
    let row = shape.num_heads * shape.head_dim;
    &out[from * row..(from + num) * row]
}

fn bits_are_alike(base: Shape) {
    let mut bench = Bench::new();
    let small = Shape { head_dim: 64, num_heads: 6, ..base };
    let shapes = [
        base,
        small,
        Shape { window: 100, ..small },
        Shape { soft_cap: 4.0, ..small },
        Shape { head_dim: 256, num_heads: 2, ..base },
    ];
    for shape in shapes {
        let whole = bench.run(&shape, &[seq(9, 0, 530)], 1);
        for (context, new) in [(0, 1), (0, 40), (255, 1), (256, 1), (250, 33), (511, 19), (529, 1)]
        {
            let expect = rows(&shape, &whole, context, new);
            let alone = bench.run(&shape, &[seq(9, context, new)], 2);
            assert!(alone == expect, "{shape:?} {new} after {context}");
            let company = [seq(1, 40, 1), seq(9, context, new), seq(2, 0, 30), seq(3, 700, 1)];
            let mixed = bench.run(&shape, &company, 2);
            assert!(
                rows(&shape, &mixed, 1, new) == expect,
                "{shape:?} {new} after {context}, mixed"
            );
        }
    }
}

#[test]
fn bits_do_not_depend_on_chunks_company_or_kernel() {
    bits_are_alike(LLAMA);
}

#[test]
fn bits_of_fp8_do_not_depend_on_chunks_company_or_kernel() {
    bits_are_alike(LLAMA_FP8);
}

#[test]
fn a_token_of_f16_has_the_same_bits_everywhere() {
    bits_are_alike(LLAMA_F16);
}
