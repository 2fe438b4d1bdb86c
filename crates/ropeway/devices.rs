//! `ropeway devices`: what this program could run on, and why not on the rest.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use hip::LibraryInfo;
use model::Bytes;

/// Options of `ropeway devices`.
#[derive(Args, Clone, Debug)]
pub(crate) struct DevicesOptions {
    /// HIP runtime library to use instead of the installed one
    #[arg(long, value_name = "FILE", env = "ROPEWAY_HIP_LIBRARY")]
    hip_library: Option<PathBuf>,
}

/// Prints a line per device and library. A machine without a GPU is no failure.
pub(crate) fn run(options: &DevicesOptions) -> anyhow::Result<ExitCode> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    println!("cpu    {} with {threads} threads", std::env::consts::ARCH);
    match hip::list_devices(options.hip_library.as_deref()) {
        Ok((runtime, devices)) => {
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
            println!("{}", library_line("runtime", &runtime));
            // Only models on several GPUs need it: a machine without is told, not warned.
            match hip::rccl_info() {
                Ok(rccl) => println!("{}", library_line("rccl", &rccl)),
                Err(failure) => println!("rccl   none: {failure}"),
            }
        }
        Err(failure) => println!("hip    none: {failure}"),
    }
    Ok(ExitCode::SUCCESS)
}

/// `runtime 6.2.41133 (libamdhip64.so.6), without hipGraphUpload`.
fn library_line(kind: &str, info: &LibraryInfo) -> String {
    let missing = match info.missing.as_slice() {
        [] => String::new(),
        missing => format!(", without {}", missing.join(" ")),
    };
    format!("{kind:<6} {} ({}){missing}", info.version, info.library)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_is_told_with_what_it_lacks() {
        let mut info =
            LibraryInfo { library: "libx.so.6".into(), version: "6.2.0".into(), missing: vec![] };
        assert_eq!(library_line("rccl", &info), "rccl   6.2.0 (libx.so.6)");
        info.missing = vec!["hipGraphUpload", "hipMemMap"];
        let line = "runtime 6.2.0 (libx.so.6), without hipGraphUpload hipMemMap";
        assert_eq!(library_line("runtime", &info), line);
    }
}
