//! Checks of versions against each other: driver and ROCm libraries, firmware of all GPUs.
//!
//! Only ranges that AMD has published are judged, and no finding is more than a warning; a version
//! that is not in the table is told and no more.

use super::super::finding::{Finding, Layer, Status, told};
use super::facts::NodeFacts;

/// A release of the driver and the ROCm libraries that AMD lists for it.
struct Driver {
    /// First two numbers of the kernel module's version.
    module: (u32, u32),
    /// What AMD calls the release.
    release: &'static str,
    /// First and last ROCm release of the libraries.
    libraries: [(u32, u32); 2],
}

/// AMD, "User and AMD GPU Driver (amdgpu) support matrix" (ROCm installation guide, 2025-09-17). The
/// modules' own numbers are in no document of AMD's: 6.10 and 6.14 were seen in public reports, the
/// others are taken to be those of these releases.
const DRIVERS: [Driver; 6] = [
    Driver { module: (6, 3), release: "6.0", libraries: [(5, 6), (6, 2)] },
    Driver { module: (6, 7), release: "6.1", libraries: [(5, 7), (6, 4)] },
    Driver { module: (6, 8), release: "6.2", libraries: [(6, 0), (7, 0)] },
    Driver { module: (6, 10), release: "6.3", libraries: [(6, 1), (7, 0)] },
    Driver { module: (6, 12), release: "6.4", libraries: [(6, 1), (7, 0)] },
    Driver { module: (6, 14), release: "30.10", libraries: [(6, 2), (7, 0)] },
];

pub(super) fn examine(facts: &NodeFacts) -> Vec<Finding> {
    [libraries(facts), firmware(facts)].into_iter().flatten().collect()
}

/// `None` where one of the two is not known; both have checks of their own.
fn libraries(facts: &NodeFacts) -> Option<Finding> {
    let module = facts.driver.as_deref()?;
    let number = numbers(module)?;
    let mut versions = facts.libraries.iter().filter_map(|library| library.rocm_version.as_deref());
    let evidence = "/sys/module/amdgpu/version, .info/version of ROCm, AMD's support matrix";
    let Some(driver) = DRIVERS.iter().find(|driver| driver.module == number) else {
        let what = format!("amdgpu {module} is in no table here; see AMD's support matrix");
        return Some(Finding::good(Layer::Gpu, "versions", what, evidence));
    };
    let [(first_major, first_minor), (last_major, last_minor)] = driver.libraries;
    let is_listed = |version: &&str| {
        numbers(version)
            .is_none_or(|number| (driver.libraries[0]..=driver.libraries[1]).contains(&number))
    };
    let range = format!("ROCm {first_major}.{first_minor} to {last_major}.{last_minor}");
    Some(match versions.find(|version| !is_listed(version)) {
        None => {
            let what = format!("amdgpu {module} (release {}) goes with {range}", driver.release);
            Finding::good(Layer::Gpu, "versions", what, evidence)
        }
        Some(version) => Finding::wrong(
            Layer::Gpu,
            "versions",
            Status::Warning,
            told![
                format!("ROCm {version} with the driver of release {}", driver.release),
                format!("AMD lists {range} for amdgpu {module}; others may fail in odd ways"),
                evidence,
                "use an image with a listed ROCm, or upgrade the driver on the node",
            ],
        ),
    })
}

fn firmware(facts: &NodeFacts) -> Option<Finding> {
    let mut versions: Vec<&str> =
        facts.gpus.iter().filter_map(|gpu| gpu.firmware.as_deref()).collect();
    versions.sort_unstable();
    versions.dedup();
    let evidence = "fw_version/mec_fw_version in sysfs";
    match versions.as_slice() {
        [] => None,
        [version] => {
            let what = format!("MEC firmware {version} on all GPUs");
            Some(Finding::good(Layer::Gpu, "firmware", what, evidence))
        }
        several => Some(Finding::wrong(
            Layer::Gpu,
            "firmware",
            Status::Warning,
            told![
                format!("GPUs with different MEC firmware: {}", several.join(", ")),
                "an update of the firmware reached some of them only",
                evidence,
                "update all GPUs of the node to one firmware bundle, then power-cycle it",
            ],
        )),
    }
}

/// The first two numbers of a version.
fn numbers(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split(['.', '-']);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}
