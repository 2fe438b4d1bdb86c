//! Compiles `kernels/*.hip` for the `hip` crate, which embeds the code objects.
//!
//! Environment: `ROPEWAY_HIP_CLANG` names the compiler; `ROPEWAY_GPU_ARCHS` lists architectures,
//! separated by commas (default gfx942); `ROPEWAY_KERNELS=none` embeds nothing. Writes `kernels.rs`
//! with the table of code objects, their kernels and the size of each kernel's parameters as the
//! code object's metadata tells it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use cdna3::CodeObject;

/// Freestanding device code: `kernels/dialect.h` stands for HIP's headers and device libraries.
const FLAGS: [&str; 10] = [
    "-x",
    "hip",
    "--cuda-device-only",
    "--no-gpu-bundle-output",
    "-nogpuinc",
    "-nogpulib",
    "-mcode-object-version=5",
    "-std=c++20",
    "-O3",
    "-Werror",
];

/// Major versions of clang that know gfx942 and are packaged, oldest first.
const CLANG_VERSIONS: std::ops::RangeInclusive<u32> = 19..=23;

fn main() {
    let manifest = PathBuf::from(variable("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(variable("OUT_DIR").expect("cargo sets it"));
    let folder = manifest.join("../../kernels");
    println!("cargo::rerun-if-changed={}", folder.display());
    println!("cargo::rerun-if-changed=../../build.rs");
    let table = match variable("ROPEWAY_KERNELS").as_deref() {
        Some("none") => empty_table(),
        None | Some("") => match compiler() {
            Some(compiler) => compile_all(&compiler, &folder, &out),
            None => stop(
                "no clang that compiles for gfx942 was found; run `apt-get install clang-19 lld-19`, \
                 or name one in ROPEWAY_HIP_CLANG, or set ROPEWAY_KERNELS=none for a CPU-only build",
            ),
        },
        Some(other) => stop(&format!("ROPEWAY_KERNELS={other}: only `none` has a meaning")),
    };
    fs::write(out.join("kernels.rs"), table).expect("OUT_DIR can be written");
}

fn stop(message: &str) -> ! {
    eprintln!("error: {message}");
    std::process::exit(1)
}

fn variable(name: &str) -> Option<String> {
    println!("cargo::rerun-if-env-changed={name}");
    env::var(name).ok()
}

fn empty_table() -> String {
    "/// The compiler of the kernels.\npub const COMPILER: &str = \"none\";\n\
     /// Every embedded code object.\npub static CODE_OBJECTS: &[CodeObject] = &[];\n"
        .to_owned()
}

/// The first compiler that answers: the named one, ROCm's, the distribution's.
fn compiler() -> Option<String> {
    if let Some(named) = variable("ROPEWAY_HIP_CLANG").filter(|name| !name.is_empty()) {
        if version_of(&named).is_none() {
            stop(&format!("ROPEWAY_HIP_CLANG={named} does not run; name a clang++ of 19 or newer"));
        }
        return Some(named);
    }
    let rocm = variable("ROCM_PATH").unwrap_or_else(|| "/opt/rocm".to_owned());
    std::iter::once(format!("{rocm}/llvm/bin/clang++"))
        .chain(CLANG_VERSIONS.map(|version| format!("clang++-{version}")))
        .find(|name| version_of(name).is_some())
}

fn version_of(compiler: &str) -> Option<String> {
    let output = Command::new(compiler).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.lines().next().unwrap_or_default().trim().to_owned())
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("kernels/ is part of the repository");
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("kernels/ can be listed").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "hip"))
        .collect();
    files.sort();
    files
}

fn compile_all(compiler: &str, folder: &Path, out: &Path) -> String {
    let archs = variable("ROPEWAY_GPU_ARCHS").unwrap_or_else(|| "gfx942".to_owned());
    let version = version_of(compiler).unwrap_or_default();
    let mut table = format!(
        "/// The compiler of the kernels.\npub const COMPILER: &str = {version:?};\n\
         /// Every embedded code object.\npub static CODE_OBJECTS: &[CodeObject] = &[\n"
    );
    for arch in archs.split(',').map(str::trim).filter(|arch| !arch.is_empty()) {
        for source in sources(folder) {
            let stem = source.file_stem().expect("it has a name").to_string_lossy().into_owned();
            let object = out.join(format!("{stem}.{arch}.hsaco"));
            compile(compiler, arch, &source, &object);
            describe(&mut table, arch, &stem, &object);
        }
    }
    table.push_str("];\n");
    table
}

fn compile(compiler: &str, arch: &str, source: &Path, object: &Path) {
    let result = Command::new(compiler)
        .args(FLAGS)
        .arg(format!("--offload-arch={arch}"))
        .arg("-o")
        .arg(object)
        .arg(source)
        .output()
        .expect("the compiler ran a moment ago");
    if !result.status.success() {
        let messages = String::from_utf8_lossy(&result.stderr);
        stop(&format!("{} does not compile for {arch}:\n{messages}", source.display()));
    }
}

/// Adds a code object and its kernels with the bytes of their one parameter struct.
fn describe(table: &mut String, arch: &str, stem: &str, object: &Path) {
    let bytes = fs::read(object).expect("the compiler wrote it");
    let parsed = CodeObject::parse(&bytes);
    let parsed = parsed.unwrap_or_else(|error| stop(&format!("{stem} for {arch}: {error}")));
    let path = object.display().to_string();
    writeln!(
        table,
        "CodeObject {{ arch: {arch:?}, file: {stem:?}, image: &Aligned {{ bytes: \
         *include_bytes!({path:?}) }}, kernels: &["
    )
    .expect("a String grows");
    for kernel in parsed.kernels() {
        let params = kernel.args.first().map_or(0, |argument| argument.size_bytes);
        writeln!(table, "({:?}, {params}),", kernel.name).expect("a String grows");
    }
    table.push_str("] },\n");
}
