//! Linear layers at SmolLM2-135M's shapes: decode (1 row), small batches and prefill.
//!
//! Reports multiply-adds as `elements` per second (twice that is FLOP/s) for several rows and
//! bytes of packed weight per second for one row. `ROPEWAY_CPU_ISA` lowers the instruction set.

use std::hint::black_box;
use std::time::Duration;

use backend::{DType, TensorShape, TensorView};
use cpu::{Isa, LinearWorkspace, PackedWeight, Pool, linear};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

const DTYPES: [DType; 6] =
    [DType::F32, DType::BF16, DType::Q8_0, DType::Q4_0, DType::Q4_1, DType::Q5_1];
/// Columns and rows of the weights: gate/up, down, LM head.
const SHAPES: [(usize, usize); 3] = [(576, 1536), (1536, 576), (576, 49152)];

fn pack(pool: &Pool, isa: Isa, dtype: DType, rows: usize, cols: usize) -> PackedWeight {
    let shape = TensorShape { dtype, rows, cols };
    // Small repeating bytes: finite in every format.
    let num_bytes = rows * dtype.row_bytes(cols).expect("whole blocks");
    let bytes: Vec<u8> = (0..num_bytes).map(|i| (i % 61) as u8).collect();
    let view = TensorView::new(shape, &bytes).expect("sizes agree");
    PackedWeight::pack(pool, &[view], isa).expect("shapes are valid")
}

fn bench_linear(criterion: &mut Criterion) {
    let isa = Isa::from_env().expect("valid ROPEWAY_CPU_ISA");
    for num_threads in [1, 2] {
        let pool = Pool::new(num_threads).expect("threads");
        for (cols, rows) in SHAPES {
            let mut group =
                criterion.benchmark_group(format!("{cols}x{rows}/{isa}/{num_threads}t"));
            group.sample_size(10);
            group.warm_up_time(Duration::from_millis(50));
            group.measurement_time(Duration::from_millis(200));
            for dtype in DTYPES {
                let weight = pack(&pool, isa, dtype, rows, cols);
                for num_tokens in if rows > 10_000 { &[1, 8][..] } else { &[1, 8, 128][..] } {
                    let num_tokens: usize = *num_tokens;
                    let x: Vec<f32> =
                        (0..num_tokens * cols).map(|i| (i % 17) as f32 - 8.0).collect();
                    let mut out = vec![0.0; num_tokens * rows];
                    let mut ws = LinearWorkspace::new(num_tokens, cols);
                    group.throughput(if num_tokens == 1 {
                        Throughput::Bytes(PackedWeight::packed_bytes(&[TensorShape {
                            dtype,
                            rows,
                            cols,
                        }]) as u64)
                    } else {
                        Throughput::Elements((num_tokens * rows * cols) as u64)
                    });
                    group.bench_function(
                        BenchmarkId::new(format!("{dtype:?}"), num_tokens),
                        |bencher| {
                            bencher.iter(|| {
                                linear(
                                    &pool,
                                    &mut ws,
                                    num_tokens,
                                    black_box(&x),
                                    &weight,
                                    None,
                                    &mut out,
                                );
                            });
                        },
                    );
                }
            }
            group.finish();
        }
    }
}

criterion_group!(benches, bench_linear);
criterion_main!(benches);
