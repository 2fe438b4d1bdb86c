//! What the matrix kernels ask of memory, LDS and the matrix units, counted on the emulator and in
//! the decoded loops. Not measured on hardware.

#[expect(dead_code, reason = "parity is held in gemm.rs")]
mod matrix;

use kernel_tests::{Device, LoopClocks, Resources};
use matrix::{Element, Epilogue, Product};

/// Columns of x that the layers of Qwen2.5-1.5B (1536, 8960), Llama-3.1-8B (4096, 14336) and a
/// Llama-3.1-70B rank of eight (8192, 1024, 3584) read.
const WIDTHS: [usize; 7] = [1536, 8960, 4096, 14336, 8192, 1024, 3584];

/// A slice of the grid: work-groups do not differ in what they ask for but by their columns.
const SLICE: usize = 64;

/// Scalar loads: arguments, once a wave and instruction.
const ARGUMENT_BYTES: usize = 256;

/// Weights are asked for once, and x once per work-group and no further than its last column.
/// x is small and comes from L2 after the first time, so that memory itself sees `distinct`.
#[test]
fn skinny_asks_for_each_weight_once() {
    let mut device = Device::load("gemm_skinny.hip");
    device.count_traffic();
    let cases = [(1, [1, 1]), (1, [1, 2]), (1, [1, 4]), (8, [1, 4]), (32, [2, 2]), (64, [4, 1])];
    for (rows, [m, n]) in cases {
        for k in WIDTHS {
            let product = Product::new(Element::Bf16, [rows, SLICE, k], Epilogue::default());
            let name = format!("gemm_skinny_bf16_{m}x{n}");
            let groups = SLICE / 16 / n;
            device.count_traffic();
            product.launch(&mut device, &name, [groups, 1, 1], 512);
            let traffic = device.traffic();
            let (weights, x, out) = (SLICE * k * 2, rows * k * 2, rows * SLICE * 2);
            let most = weights + groups * x + groups * 8 * ARGUMENT_BYTES;
            assert!(traffic.read_bytes <= most as u64, "{rows} x {k}: {} read", traffic.read_bytes);
            assert_eq!(traffic.written_bytes, out as u64, "{rows} x {k}");
            let minimal = (weights + x + out) as f64;
            let distinct = traffic.distinct_bytes() as f64 / minimal;
            // x once is next to nothing against the whole matrix, of which this is a slice.
            let bytes = traffic.read_bytes + traffic.written_bytes;
            let asked = bytes as f64 / weights as f64;
            println!(
                "{name} rows {rows} k {k}: distinct {distinct:.4}, asked per weight byte {asked:.4}, lines {:.4}",
                traffic.line_use()
            );
            assert!(distinct <= 1.05, "{rows} x {k}: {distinct} times the minimal bytes");
            // The ends of strided rows, and arguments, are the rest.
            assert!(traffic.line_use() >= 0.98, "{rows} x {k}: {}", traffic.line_use());
            if rows == 1 && n > 1 {
                assert!(asked <= 1.05, "{rows} x {k}: {asked} times the weights");
            }
        }
    }
}

fn main_loop(kernel: &str) -> LoopClocks {
    let all = Resources::of_file("gemm_big.hip");
    let found = all.iter().find(|resources| resources.name == kernel).expect("it is compiled");
    found.main_loop.expect("a product has matrix operations in its loop")
}

/// Of the clocks that matrix and other vector operations take, one after the other.
const LEAST_MFMA_SHARE: f64 = 0.85;
/// Of 128 bytes a clock.
const MOST_LDS_SHARE: f64 = 0.60;
const LDS_BYTES_PER_CLOCK: u32 = 128;

#[test]
fn big_loops_are_bound_by_matrix_operations() {
    for element in ["bf16", "f16"] {
        for rows in [64, 128, 256] {
            let clocks = main_loop(&format!("gemm_big_{element}_{rows}"));
            // 64 columns of k for 4 x 4 tiles of 16 clocks, 16 columns at a time.
            assert_eq!(clocks.mfma, 1024, "{element} {rows}");
            // At 4096 columns a slice is 8 steps; its end adds 64 registers in pairs and clears 64.
            let slice_end = (32 + 64) * 4;
            let others = f64::from(clocks.valu) + f64::from(slice_end) / 8.0;
            let share = 1024.0 / (1024.0 + others);
            println!("gemm_big_{element}_{rows}: MFMA {share:.3}");
            assert!(share >= LEAST_MFMA_SHARE, "{element} {rows}: {share}");
            // Two waves a SIMD, eight a compute unit, 1 KB an access.
            let lds = f64::from(8 * clocks.num_lds * 1024 / LDS_BYTES_PER_CLOCK)
                / f64::from(2 * clocks.mfma);
            println!("gemm_big_{element}_{rows}: LDS {lds:.3}");
            assert!(lds <= MOST_LDS_SHARE, "{element} {rows}: LDS {lds}");
        }
    }
}

/// What a step of 64 columns executes in the long run, ends of slices included.
#[test]
fn big_steps_execute_few_instructions() {
    let mut device = Device::load("gemm_big.hip");
    let mut instructions = |k| {
        let product = Product::new(Element::Bf16, [64, 128, k], Epilogue::default());
        product.launch(&mut device, "gemm_big_bf16_64", [1, 1, 1], 128).num_wave_instructions
    };
    let (short, long) = (instructions(1024), instructions(3072));
    let per_step = (long - short) as f64 / (2.0 * 2048.0 / 64.0);
    println!("{per_step} instructions a step, 64 of them matrix operations; {long} in all at 3072");
    // Measured 146 with clang 19.1.
    assert!(per_step <= 150.0, "{per_step} instructions per step and wave");
}

#[test]
fn lds_is_free_of_bank_conflicts() {
    let mut device = Device::load_all(&["gemm_skinny.hip", "gemm_big.hip"]);
    let cases = [
        ("gemm_skinny_bf16_1x4", 512, [1, 4]),
        ("gemm_skinny_bf16_4x1", 512, [4, 1]),
        ("gemm_big_bf16_64", 128, [1, 1]),
        ("gemm_big_bf16_128", 256, [1, 1]),
        ("gemm_big_bf16_256", 512, [1, 1]),
    ];
    for (name, block, [x, y]) in cases {
        device.count_traffic();
        let product = Product::new(Element::Bf16, [64, 64, 192], Epilogue::default());
        product.launch(&mut device, name, [x, y, 1], block);
        let traffic = device.traffic();
        assert!(traffic.num_wide_lds > 0, "{name} uses LDS");
        assert_eq!(traffic.num_narrow_lds, 0, "{name}");
        assert_eq!(traffic.lds_conflicts, 0, "{name}: {} accesses", traffic.num_wide_lds);
    }
}
