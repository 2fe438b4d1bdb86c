//! Histogram buckets, as in vLLM 0.33 (`vllm/v1/metrics/loggers.py`).

pub(super) const TIME_TO_FIRST_TOKEN: &[f64] = &[
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
    20.0, 40.0, 80.0, 160.0, 640.0, 2560.0,
];

pub(super) const INTER_TOKEN_LATENCY: &[f64] = &[
    0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0,
    40.0, 80.0,
];

pub(super) const REQUEST_LATENCY: &[f64] = &[
    0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 60.0, 120.0, 240.0,
    480.0, 960.0, 1920.0, 7680.0,
];

pub(super) const ITERATION_TOKENS: &[f64] =
    &[1.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 2048.0, 4096.0, 8192.0, 16384.0];

pub(super) const PARAMS_N: &[f64] = &[1.0, 2.0, 5.0, 10.0, 20.0];

pub(super) const PREEMPTIONS: &[f64] = &[1.0, 2.0, 3.0, 4.0, 5.0, 10.0, 20.0];

/// Defaults of prometheus-fastapi-instrumentator's labelled histogram.
pub(super) const HTTP_DURATION: &[f64] = &[0.1, 0.5, 1.0];

/// 1, 2, 5, 10, 20, 50, ... up to `max`.
pub(super) fn one_two_five(max: usize) -> Vec<f64> {
    let mut buckets = Vec::new();
    let mut decade = 1.0;
    loop {
        for mantissa in [1.0, 2.0, 5.0] {
            let value = mantissa * decade;
            if value > max.max(1) as f64 {
                return buckets;
            }
            buckets.push(value);
        }
        decade *= 10.0;
    }
}
