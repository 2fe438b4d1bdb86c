//! Parity of the matrix kernels with f64, and their independence of company and kernel.

mod matrix;

use kernel_tests::{Device, Element, Params, u32_bytes};
use matrix::{Epilogue, Product};
use types::NO_TOKEN;

/// In floors of `Product::worst_error`, which allow one rounding of the result and f32 accumulation
/// of its products. Inputs are fixed: no allowance is needed.
const ROUNDED_ONCE: f64 = 1.0;

const PLAIN: Epilogue = Epilogue { bias: false, residual: false, silu_mul: false, logits: false };

/// Row tiles and column tiles of the skinny kernels.
const SKINNY: [[usize; 2]; 7] = [[1, 1], [1, 2], [1, 4], [2, 2], [2, 4], [4, 1], [4, 2]];

fn skinny(device: &mut Device, product: &Product, [m, n]: [usize; 2]) -> Vec<f32> {
    let name = format!("gemm_skinny_{}_{m}x{n}", product.element.name());
    let grid = [product.n.div_ceil(16).div_ceil(n), product.rows.div_ceil(16 * m), 1];
    product.run(device, &name, grid, 512)
}

/// Column tiles of the mid kernels.
const MID: [usize; 2] = [2, 4];

fn mid(device: &mut Device, product: &Product, n: usize) -> Vec<f32> {
    let name = format!("gemm_mid_{}_4x{n}", product.element.name());
    let groups = product.rows.div_ceil(64) * product.n.div_ceil(16 * n);
    product.run(device, &name, [groups, 1, 1], 512)
}

fn big(device: &mut Device, product: &Product, rows: usize) -> Vec<f32> {
    let name = format!("gemm_big_{}_{rows}", product.element.name());
    let tiles = product.rows.div_ceil(rows) * product.n.div_ceil(128);
    product.run(device, &name, [tiles, 1, 1], 2 * rows)
}

#[test]
fn big_matches_f64() {
    let mut device = Device::load("gemm_big.hip");
    // One tile and less, several tiles both ways, k below a step, odd, ending in either half of a
    // step, more than one step a slice.
    let shapes = [
        ([1, 16, 32], 64),
        ([65, 129, 65], 64),
        ([63, 15, 7], 128),
        ([64, 17, 1], 64),
        ([130, 136, 100], 128),
        ([257, 20, 40], 256),
        ([17, 33, 1100], 64),
        ([300, 144, 64], 64),
    ];
    for (shape, rows) in shapes {
        for element in [Element::Bf16, Element::F16] {
            let product = Product::new(element, shape, PLAIN);
            let worst = product.worst_error(&big(&mut device, &product, rows));
            assert!(worst <= ROUNDED_ONCE, "{shape:?} {rows} {element:?}: {worst} floors");
        }
    }
}

#[test]
fn mid_matches_f64() {
    let mut device = Device::load("gemm_skinny.hip");
    // Several tiles both ways, rows and columns that end within one, k odd and below a slice each.
    let shapes = [[65, 17, 1], [130, 65, 65], [63, 129, 100], [1, 16, 32], [257, 20, 72]];
    for (shape, n) in shapes.iter().flat_map(|&shape| MID.map(|n| (shape, n))) {
        for element in [Element::Bf16, Element::F16] {
            let product = Product::new(element, shape, PLAIN);
            let worst = product.worst_error(&mid(&mut device, &product, n));
            assert!(worst <= ROUNDED_ONCE, "{shape:?} {n} {element:?}: {worst} floors");
        }
    }
    for (epilogue, n) in EPILOGUES.iter().flat_map(|&epilogue| MID.map(|n| (epilogue, n))) {
        let product = Product::new(Element::Bf16, [66, 70, 40], epilogue);
        let worst = product.worst_error(&mid(&mut device, &product, n));
        assert!(worst <= ROUNDED_ONCE, "{epilogue:?} {n}: {worst} floors");
    }
}

#[test]
fn big_epilogues_match_f64() {
    let mut device = Device::load("gemm_big.hip");
    for epilogue in EPILOGUES {
        for element in [Element::Bf16, Element::F16] {
            let product = Product::new(element, [66, 134, 40], epilogue);
            let worst = product.worst_error(&big(&mut device, &product, 64));
            assert!(worst <= ROUNDED_ONCE, "{epilogue:?} {element:?}: {worst} floors");
        }
    }
}

#[test]
fn a_row_has_the_same_bits_in_every_kernel() {
    let mut device = Device::load_all(&["gemm_skinny.hip", "gemm_big.hip"]);
    for element in [Element::Bf16, Element::F16] {
        // 1130: slices of 6 fragments, the last one short; 333: most slices of 2, two empty.
        for k in [333, 1130] {
            let product = Product::new(element, [70, 33, k], Epilogue { logits: true, ..PLAIN });
            let expect = skinny(&mut device, &product, [4, 1]);
            for rows in [64, 128, 256] {
                assert_eq!(big(&mut device, &product, rows), expect, "{element:?} {k} {rows}");
            }
            for n in MID {
                assert_eq!(mid(&mut device, &product, n), expect, "{element:?} {k} mid {n}");
            }
            let alone = skinny(&mut device, &product.only(69..70), [1, 1]);
            assert_eq!(alone, expect[69 * 33..], "{element:?} {k}");
        }
    }
    for epilogue in EPILOGUES {
        let product = Product::new(Element::Bf16, [33, 34, 96], epilogue);
        let expect = skinny(&mut device, &product, [2, 2]);
        assert_eq!(big(&mut device, &product, 64), expect, "{epilogue:?}");
        assert_eq!(mid(&mut device, &product, 4), expect, "{epilogue:?}");
    }
}

#[test]
fn skinny_matches_f64() {
    let mut device = Device::load("gemm_skinny.hip");
    // Rows around tiles; n with whole, short and odd tiles; k below a fragment, odd, a multiple of
    // 8 only, more than one group of loads per slice.
    let shapes = [
        [1, 16, 32],
        [15, 33, 7],
        [16, 48, 1],
        [17, 31, 65],
        [63, 20, 100],
        [64, 64, 264],
        [65, 17, 333],
        [2, 18, 600],
    ];
    for (shape, tiles) in shapes.iter().flat_map(|&s| SKINNY.map(|t| (s, t))) {
        for element in [Element::Bf16, Element::F16] {
            let product = Product::new(element, shape, PLAIN);
            let worst = product.worst_error(&skinny(&mut device, &product, tiles));
            assert!(worst <= ROUNDED_ONCE, "{shape:?} {tiles:?} {element:?}: {worst} floors");
        }
    }
}

const EPILOGUES: [Epilogue; 4] = [
    Epilogue { bias: true, ..PLAIN },
    Epilogue { residual: true, ..PLAIN },
    Epilogue { bias: true, residual: true, ..PLAIN },
    Epilogue { bias: true, silu_mul: true, ..PLAIN },
];

#[test]
fn skinny_epilogues_match_f64() {
    let mut device = Device::load("gemm_skinny.hip");
    for epilogue in EPILOGUES {
        for (shape, tiles) in [([17, 38, 72], [2, 2]), ([3, 50, 40], [1, 2]), ([1, 34, 64], [1, 1])]
        {
            for element in [Element::Bf16, Element::F16] {
                let product = Product::new(element, shape, epilogue);
                let worst = product.worst_error(&skinny(&mut device, &product, tiles));
                assert!(worst <= ROUNDED_ONCE, "{shape:?} {epilogue:?} {element:?}: {worst}");
            }
        }
    }
}

/// What argmax_final makes of the parts that the launch before has left.
fn most_likely(device: &mut Device, product: &Product) -> Vec<u32> {
    let partial = device.bytes("partial").to_vec();
    let rows: Vec<u32> = (0..product.rows as u32).flat_map(|slot| [slot, 0]).collect();
    let params = Params::new()
        .u64(device.allocate("best", &partial))
        .u64(device.allocate("rows", &u32_bytes(&rows)))
        .u64(device.poisoned("tokens", product.rows * 4))
        .u64(device.poisoned("last tokens", product.rows * 4))
        .size(product.n.div_ceil(16))
        .u32(0);
    device.launch("argmax_final", [product.rows, 1, 1], 1024, &params);
    device.u32s("tokens")
}

/// Holds a launch's logits to f64, and the best columns that it left to its logits.
fn check_best(device: &mut Device, product: &Product, logits: &[f32], what: &str) {
    let worst = product.worst_error(logits);
    assert!(worst <= ROUNDED_ONCE, "{what}: {worst} floors");
    let best = |row: &[f32]| {
        let (at, _) = row
            .iter()
            .enumerate()
            .fold((0, f32::NEG_INFINITY), |best, (i, &v)| if v > best.1 { (i, v) } else { best });
        at as u32
    };
    let expect: Vec<u32> = logits.chunks(product.n).map(best).collect();
    assert_eq!(most_likely(device, product), expect, "{what}");
}

#[test]
fn logits_are_f32_and_their_best_is_found() {
    let mut device = Device::load_all(&["gemm_skinny.hip", "argmax.hip"]);
    for (shape, tiles) in [([1, 45, 64], [1, 1]), ([17, 100, 33], [2, 2]), ([64, 16, 40], [4, 1])] {
        // The last twelve columns tie: the lowest of them is best, where they are.
        let product = Product::new(Element::Bf16, shape, Epilogue { logits: true, ..PLAIN })
            .tied_from(shape[1] - 12);
        let logits = skinny(&mut device, &product, tiles);
        check_best(&mut device, &product, &logits, &format!("{shape:?}"));
    }
}

/// More rows than the skinny kernels take: a tile and one row, two and two, four and one. Columns end
/// within a tile of 16, of 64 and of 128.
#[test]
fn the_best_of_many_rows_is_found_by_mid_and_big() {
    let mut device = Device::load_all(&["gemm_skinny.hip", "gemm_big.hip", "argmax.hip"]);
    let logits = Epilogue { logits: true, ..PLAIN };
    for (rows, n) in [(65, 141), (130, 45), (257, 33)] {
        for element in [Element::Bf16, Element::F16] {
            let product = Product::new(element, [rows, n, 40], logits).tied_from(n - 12);
            for tiles in MID {
                let logits = mid(&mut device, &product, tiles);
                check_best(&mut device, &product, &logits, &format!("{rows} mid {tiles}"));
            }
            for tile in [64, 128, 256] {
                let logits = big(&mut device, &product, tile);
                check_best(&mut device, &product, &logits, &format!("{rows} big {tile}"));
            }
        }
    }
    // A row that is not finite is told, and moves no other.
    let healthy = Product::new(Element::Bf16, [65, 33, 40], logits);
    type Launch = fn(&mut Device, &Product) -> Vec<f32>;
    let launches: [Launch; 2] = [|d, p| mid(d, p, 4), |d, p| big(d, p, 64)];
    for launch in launches {
        launch(&mut device, &healthy);
        let mut expect = most_likely(&mut device, &healthy);
        expect[64] = NO_TOKEN;
        for value in [f32::NAN, f32::INFINITY] {
            let broken = healthy.clone().with_x(64, 39, value);
            launch(&mut device, &broken);
            assert_eq!(most_likely(&mut device, &broken), expect, "{value}");
        }
    }
}

#[test]
fn a_row_of_logits_that_is_not_finite_is_told_and_moves_no_other() {
    let mut device = Device::load_all(&["gemm_skinny.hip", "argmax.hip"]);
    for (shape, tiles) in [([1, 45, 64], [1, 1]), ([17, 100, 33], [2, 2]), ([64, 7, 40], [4, 1])] {
        for element in [Element::Bf16, Element::F16] {
            let healthy = Product::new(element, shape, Epilogue { logits: true, ..PLAIN });
            let logits = skinny(&mut device, &healthy, tiles);
            let tokens = most_likely(&mut device, &healthy);
            for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                // Infinities meet weights of both signs, or of one in a single column.
                for row in [0, shape[0] / 2, shape[0] - 1] {
                    let broken = healthy.clone().with_x(row, shape[2] - 1, value);
                    let mut found = skinny(&mut device, &broken, tiles);
                    let mut expect = tokens.clone();
                    expect[row] = NO_TOKEN;
                    assert_eq!(most_likely(&mut device, &broken), expect, "{shape:?} {value}");
                    let own = row * shape[1]..(row + 1) * shape[1];
                    assert!(found[own.clone()].iter().all(|logit| !logit.is_finite()));
                    found[own.clone()].copy_from_slice(&logits[own]);
                    assert_eq!(found, logits, "{shape:?}: {value} in row {row} is seen elsewhere");
                }
            }
        }
    }
}

/// One NaN beside finite logits: whoever passes over it takes another column.
#[test]
fn a_single_logit_that_is_no_number_is_found_in_any_column() {
    let mut device = Device::load_all(&["gemm_skinny.hip", "argmax.hip"]);
    for (shape, tiles) in [([1, 45, 64], [1, 1]), ([17, 100, 33], [2, 2])] {
        let healthy = Product::new(Element::Bf16, shape, Epilogue { logits: true, ..PLAIN });
        for col in [0, 6, shape[1] / 2, shape[1] - 1] {
            let broken = healthy.clone().with_w(col, f32::NAN);
            let logits = skinny(&mut device, &broken, tiles);
            let num_broken = logits.iter().filter(|logit| logit.is_nan()).count();
            assert_eq!(num_broken, shape[0], "one a row");
            let tokens = most_likely(&mut device, &broken);
            assert!(tokens.iter().all(|token| *token == NO_TOKEN), "{shape:?} {col}: {tokens:?}");
        }
    }
}

#[test]
fn skinny_rows_do_not_depend_on_company_or_tiles() {
    let mut device = Device::load("gemm_skinny.hip");
    let product = Product::new(Element::Bf16, [20, 33, 555], Epilogue { logits: true, ..PLAIN });
    let together = skinny(&mut device, &product, [1, 1]);
    for tiles in SKINNY {
        assert_eq!(skinny(&mut device, &product, tiles), together, "{tiles:?}");
    }
    for row in [0, 7, 19] {
        let alone = skinny(&mut device, &product.only(row..row + 1), [1, 2]);
        assert_eq!(alone, together[row * 33..(row + 1) * 33], "row {row}");
    }
}
