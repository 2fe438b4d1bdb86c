//! Linear layers at SmolLM2-135M's shapes: decode (1 row), a small batch and prefill.
//!
//! Run: `cargo bench --bench linear`, or a part of it by name, e.g. `cargo bench --bench linear --
//! 576x3072`. `ROPEWAY_CPU_ISA` lowers the instruction set.
//!
//! Reports bytes of packed weight per second for one row, and multiply-adds as `elements` per
//! second (twice that is FLOP/s) for several. Weights here stay in the caches, so one row shows the
//! kernel, not the memory that a whole model streams from; for that, use `ropeway bench serve`.

use std::hint::black_box;
use std::time::Duration;

use backend::{DType, TensorShape, TensorView};
use cpu::{Isa, LinearWorkspace, PackedWeight, Pool, linear};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

const DTYPES: [DType; 3] = [DType::BF16, DType::Q8_0, DType::Q4_1];
/// Columns and rows of the weight, and numbers of activation rows.
const SHAPES: [(usize, usize, &[usize]); 2] = [(576, 3072, &[1, 8, 128]), (576, 49_152, &[1, 32])];

fn pack(pool: &Pool, isa: Isa, shape: TensorShape) -> PackedWeight {
    // Small repeating bytes: finite in every format.
    let num_bytes = shape.rows * shape.dtype.row_bytes(shape.cols).expect("whole blocks");
    let bytes: Vec<u8> = (0..num_bytes).map(|i| (i % 61) as u8).collect();
    let view = TensorView::new(shape, &bytes).expect("sizes agree");
    PackedWeight::pack(pool, &[view], isa).expect("shapes are valid")
}

fn throughput(shape: TensorShape, num_tokens: usize) -> Throughput {
    match num_tokens {
        1 => Throughput::Bytes(PackedWeight::packed_bytes(&[shape]) as u64),
        _ => Throughput::Elements((num_tokens * shape.rows * shape.cols) as u64),
    }
}

fn bench_linear(criterion: &mut Criterion) {
    let isa = Isa::from_env().expect("valid ROPEWAY_CPU_ISA");
    let num_threads = std::thread::available_parallelism().map_or(1, usize::from);
    let pool = Pool::new(num_threads).expect("threads");
    for (cols, rows, batches) in SHAPES {
        let mut group = criterion.benchmark_group(format!("{cols}x{rows}/{isa}/{num_threads}t"));
        group.sample_size(10);
        group.warm_up_time(Duration::from_millis(50));
        group.measurement_time(Duration::from_millis(200));
        for dtype in DTYPES {
            let shape = TensorShape { dtype, rows, cols };
            let weight = pack(&pool, isa, shape);
            for &num_tokens in batches {
                let x: Vec<f32> = (0..num_tokens * cols).map(|i| (i % 17) as f32 - 8.0).collect();
                let mut out = vec![0.0; num_tokens * rows];
                let mut ws = LinearWorkspace::new(num_tokens, cols);
                group.throughput(throughput(shape, num_tokens));
                let id = BenchmarkId::new(format!("{dtype:?}"), num_tokens);
                group.bench_function(id, |bencher| {
                    bencher.iter(|| {
                        linear(&pool, &mut ws, num_tokens, black_box(&x), &weight, None, &mut out);
                    });
                });
            }
        }
        group.finish();
    }
}

criterion_group!(benches, bench_linear);
criterion_main!(benches);
