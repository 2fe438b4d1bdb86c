//! What the compiler made of every kernel, as a table: registers, LDS, spills, waves, loads in flight.
//!
//! Only prints; the figures are those that `kernel-tests` compares with `kernels/resources`, static
//! and of gfx942, not measured on hardware.

use std::fmt::Write as _;
use std::process::ExitCode;

use kernel_tests::{Resources, kernel_files};

/// Compiles every kernel and prints the table.
pub(crate) fn print() -> anyhow::Result<ExitCode> {
    let kernels = kernel_files();
    let all: Vec<Resources> = kernels.iter().flat_map(|file| Resources::of_file(file)).collect();
    print!("{}", table(&all));
    Ok(ExitCode::SUCCESS)
}

fn table(kernels: &[Resources]) -> String {
    let name_width = kernels.iter().map(|kernel| kernel.name.len()).max().unwrap_or(0).max(6);
    let mut text = format!(
        "{:name_width$} {:>5} {:>5} {:>5} {:>6} {:>6} {:>7} {:>5} {:>5} {:>11} {:>5}\n",
        "kernel",
        "vgpr",
        "agpr",
        "sgpr",
        "lds",
        "spills",
        "scratch",
        "waves",
        "loads",
        "bytes ahead",
        "mfma"
    );
    for kernel in kernels {
        writeln!(
            text,
            "{:name_width$} {:>5} {:>5} {:>5} {:>6} {:>6} {:>7} {:>5} {:>5} {:>11} {:>5}",
            kernel.name,
            kernel.num_vgprs,
            kernel.num_agprs,
            kernel.num_sgprs,
            kernel.lds_bytes,
            kernel.num_spills,
            kernel.scratch_bytes,
            kernel.waves_per_simd(),
            kernel.num_first_loads,
            kernel.first_wait_bytes,
            kernel.num_mfma,
        )
        .expect("a String grows");
    }
    text.push_str(
        "waves: of a SIMD, by its vector registers; loads, bytes ahead: in flight of a wave when it \
         first waits\n",
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_is_a_row_of_its_figures() {
        let kernels = Resources::of_file("gemm_skinny.hip");
        let kernel =
            kernels.iter().find(|k| k.name == "gemm_skinny_bf16_1x1").expect("it is there");
        let text = table(&kernels);
        let row = text.lines().find(|line| line.starts_with("gemm_skinny_bf16_1x1 "));
        let cells: Vec<usize> = row
            .expect("it has a row")
            .split_whitespace()
            .skip(1)
            .map(|cell| cell.parse().expect("a number"))
            .collect();
        // Each load of this kernel gives a lane 16 bytes.
        let loads = kernel.first_wait_bytes / (64 * 16);
        let shown = [cells[0], cells[3], cells[6], cells[7], cells[8]];
        let waves = kernel.waves_per_simd() as usize;
        let expected = [kernel.num_vgprs as usize, kernel.lds_bytes as usize, waves, loads];
        assert_eq!(
            (shown[..2].to_vec(), shown[2..4].to_vec()),
            (expected[..2].to_vec(), expected[2..].to_vec())
        );
        assert_eq!(cells.len(), 10);
        assert!(cells[9] > 0, "it has matrix operations: {text}");
    }
}
