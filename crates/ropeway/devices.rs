//! `ropeway devices`: what this program could run on, and why not on the rest.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use model::Bytes;

/// Options of `ropeway devices`.
#[derive(Args, Clone, Debug)]
pub(crate) struct DevicesOptions {
    /// HIP runtime library to use instead of the installed one
    #[arg(long, value_name = "FILE", env = "ROPEWAY_HIP_LIBRARY")]
    hip_library: Option<PathBuf>,
}

/// Prints a line per device. A machine without a GPU is no failure.
pub(crate) fn run(options: &DevicesOptions) -> anyhow::Result<ExitCode> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    println!("cpu    {} with {threads} threads", std::env::consts::ARCH);
    match hip::list_devices(options.hip_library.as_deref()) {
        Ok(devices) => {
            for device in devices {
                let kernels = if device.has_kernels { "" } else { ", no kernels in this build" };
                println!(
                    "hip:{:<2} {} ({}), {} of {} free{kernels}",
                    device.index,
                    device.name,
                    device.arch,
                    Bytes(device.free_bytes),
                    Bytes(device.total_bytes),
                );
            }
        }
        Err(failure) => println!("hip    none: {failure}"),
    }
    Ok(ExitCode::SUCCESS)
}
