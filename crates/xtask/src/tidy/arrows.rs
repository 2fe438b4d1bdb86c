//! Which crate may use which: the table of `ARCHITECTURE.md`. Arrows in tests are free.

use super::Breach;
use super::workspace::Arrow;

/// A package and those of ours that it may depend on.
const ALLOWED: &[(&str, &[&str])] = &[
    ("types", &[]),
    ("tokenizer", &["types"]),
    ("kvcache", &["types"]),
    ("scheduler", &["kvcache", "types"]),
    ("sampling", &["types"]),
    ("engine", &["scheduler", "types"]),
    ("backend", &["types"]),
    ("cpu", &["backend", "sampling", "types"]),
    ("hip-sys", &[]),
    // kernel-build is the build script's; it is not in the binary.
    ("hip", &["backend", "hip-sys", "kernel-build", "sampling", "types"]),
    ("model", &["backend", "engine", "types"]),
    ("server", &["engine", "tokenizer", "types"]),
    ("sim", &["engine", "kvcache", "scheduler", "types"]),
    (
        "ropeway",
        &[
            "backend",
            "cpu",
            "engine",
            "hip",
            "kvcache",
            "model",
            "sampling",
            "scheduler",
            "server",
            "sim",
            "tokenizer",
            "types",
        ],
    ),
    ("cdna3", &[]),
    // It reads the kernels' parameters from code objects.
    ("kernel-build", &["cdna3"]),
    // kernel-tests counts the launches of whole steps, which the HIP backend makes.
    ("kernel-tests", &["backend", "cdna3", "engine", "hip", "kernel-build", "model", "types"]),
    ("hip-emu", &["cdna3"]),
    // The table of resources is made by the code that the snapshots are.
    ("xtask", &["kernel-tests"]),
];

/// Arrows that the table does not have.
pub(super) fn check(arrows: &[Arrow]) -> Vec<Breach> {
    arrows
        .iter()
        .filter(|(from, to)| {
            let row = ALLOWED.iter().find(|(name, _)| name == from);
            !row.is_some_and(|(_, allowed)| allowed.contains(&to.as_str()))
        })
        .map(|(from, to)| {
            let message = format!(
                "`{from}` must not depend on `{to}`; if it must, say why in ARCHITECTURE.md and \
                 allow it here"
            );
            Breach::new(file!(), 1, message)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_planted_arrow_is_found() {
        let arrow = |from: &str, to: &str| (from.to_owned(), to.to_owned());
        let good = [arrow("engine", "scheduler"), arrow("ropeway", "cpu")];
        assert_eq!(check(&good), []);
        for (from, to) in [("scheduler", "engine"), ("model", "cpu"), ("newcomer", "types")] {
            let breaches = check(&[arrow(from, to)]);
            assert_eq!(breaches.len(), 1, "{from} -> {to}");
            assert!(breaches[0].message.contains(&format!("`{from}` must not depend on `{to}`")));
        }
    }

    #[test]
    fn the_table_has_no_cycle() {
        // Each crate may only use crates that can be built before it.
        let mut built: Vec<&str> = Vec::new();
        while built.len() < ALLOWED.len() {
            let next = ALLOWED.iter().find(|(name, allowed)| {
                !built.contains(name) && allowed.iter().all(|other| built.contains(other))
            });
            built.push(next.expect("some crate can be built next").0);
        }
    }
}
