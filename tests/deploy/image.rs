//! What the Containerfile's stages need, which no test can build: their base images cannot be had.

use std::fs;

use crate::tools;

/// The text of a stage.
fn stage(name: &str) -> String {
    let text = fs::read_to_string(tools::deploy("image/Containerfile")).expect("it is there");
    let stages = text.split("\nFROM ").find(|stage| {
        stage.lines().next().is_some_and(|line| line.ends_with(&format!(" AS {name}")))
    });
    stages.unwrap_or_else(|| panic!("no stage {name}")).to_owned()
}

/// The kernels are compiled in the build stage, so it has what `kernel-build` asks for in vain without.
#[test]
fn the_build_stage_has_the_compiler_of_the_kernels() {
    let source = tools::root().join("crates/kernel-build/src/lib.rs");
    let source = fs::read_to_string(source).expect("it is there");
    let told = source.split("run `apt-get install ").nth(1).and_then(|rest| rest.split('`').next());
    let stage = stage("build");
    let compiles = stage.find("cargo build").expect("it builds");
    for package in told.expect("the error names packages").split(' ') {
        let place = stage.find(package);
        assert!(place.is_some_and(|place| place < compiles), "{package} comes before cargo build");
    }
}

#[test]
fn the_rocm_stage_keeps_its_budget_and_tells_its_version() {
    let stage = stage("rocm-root");
    assert!(stage.contains("BUDGET_BYTES=500000000 /rootfs.sh"));
    // `ropeway doctor` holds it against the driver.
    assert!(stage.contains("/opt/rocm/.info/version"));
}
