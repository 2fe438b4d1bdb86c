//! Compiles `kernels/*.hip` for the `hip` crate, which embeds the code objects.
//!
//! Environment: `ROPEWAY_HIP_CLANG` names the compiler; `ROPEWAY_GPU_ARCHS` lists architectures,
//! separated by commas (default gfx942); `ROPEWAY_KERNELS=none` embeds nothing. Writes `kernels.rs`,
//! the table of code objects. Every decision is the crate `kernel-build`'s, where it is tested.

use std::path::PathBuf;
use std::{env, fs};

use kernel_build::{BuildError, VARIABLES, plan, table};

fn main() {
    let folder = |name| PathBuf::from(env::var_os(name).expect("cargo sets it"));
    let (kernels, out) = (folder("CARGO_MANIFEST_DIR").join("../../kernels"), folder("OUT_DIR"));
    println!("cargo::rerun-if-changed={}", kernels.display());
    println!("cargo::rerun-if-changed=../../build.rs");
    for name in VARIABLES {
        println!("cargo::rerun-if-env-changed={name}");
    }
    let built = plan(|name| env::var(name).ok(), None, &out)
        .and_then(|plan| table(&plan, &kernels, &out))
        .and_then(|text| {
            let path = out.join("kernels.rs");
            fs::write(&path, text).map_err(|error| BuildError::File { path, error })
        });
    if let Err(error) = built {
        eprintln!("error: {error}");
        std::process::exit(1);
    }
}
