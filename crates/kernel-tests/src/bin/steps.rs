//! Runs the steps that it is ordered to; see `kernel_tests::run_ordered_steps`.
#![forbid(unsafe_code)]

fn main() -> std::io::Result<()> {
    kernel_tests::run_ordered_steps()
}
