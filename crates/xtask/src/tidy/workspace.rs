//! What Cargo knows of the workspace: packages, their root files and who uses whom.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::Value;

/// Who uses whom, outside tests: package and the package of ours it depends on.
pub(super) type Arrow = (String, String);

/// The part of `cargo metadata` that the rules need.
pub(super) struct Workspace {
    /// Folder of the workspace's `Cargo.toml`.
    pub(super) root: PathBuf,
    /// Normal and build dependencies between our packages.
    pub(super) arrows: Vec<Arrow>,
    crate_roots: HashSet<PathBuf>,
}

impl Workspace {
    /// Asks Cargo.
    pub(super) fn load() -> anyhow::Result<Self> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .args(["metadata", "--format-version", "1", "--no-deps"])
            .output()
            .context("cannot run cargo")?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "cargo metadata failed: {complaint}");
        Self::parse(&output.stdout)
    }

    /// Reads the JSON of `cargo metadata --format-version 1 --no-deps`.
    fn parse(json: &[u8]) -> anyhow::Result<Self> {
        let metadata: Value = serde_json::from_slice(json).context("cargo metadata is not JSON")?;
        let root = metadata["workspace_root"].as_str().context("no workspace_root")?;
        let packages = metadata["packages"].as_array().context("no packages")?;
        let names: HashSet<&str> = packages.iter().filter_map(|p| p["name"].as_str()).collect();
        let (mut arrows, mut crate_roots) = (Vec::new(), HashSet::new());
        for package in packages {
            let name = package["name"].as_str().context("a package without a name")?;
            for dependency in package["dependencies"].as_array().into_iter().flatten() {
                let target = dependency["name"].as_str().unwrap_or_default();
                if dependency["kind"] != "dev" && names.contains(target) {
                    arrows.push((name.to_owned(), target.to_owned()));
                }
            }
            for target in package["targets"].as_array().into_iter().flatten() {
                let is_product = target["kind"] == serde_json::json!(["lib"])
                    || target["kind"] == serde_json::json!(["bin"]);
                if let Some(path) = target["src_path"].as_str().filter(|_| is_product) {
                    crate_roots.insert(PathBuf::from(path));
                }
            }
        }
        Ok(Self { root: PathBuf::from(root), arrows, crate_roots })
    }

    /// True for the root file of a library or program.
    pub(super) fn is_crate_root(&self, file: &Path) -> bool {
        self.crate_roots.contains(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrows_and_roots_without_tests() {
        let json = br#"{"workspace_root": "/w", "packages": [
            {"name": "engine", "dependencies": [
                {"name": "scheduler", "kind": null}, {"name": "tokio", "kind": null},
                {"name": "sim", "kind": "dev"}],
             "targets": [{"kind": ["lib"], "src_path": "/w/engine/lib.rs"},
                         {"kind": ["test"], "src_path": "/w/engine/tests/a.rs"}]},
            {"name": "scheduler", "dependencies": [], "targets": []},
            {"name": "sim", "dependencies": [{"name": "engine", "kind": "build"}],
             "targets": [{"kind": ["bin"], "src_path": "/w/sim/main.rs"}]}]}"#;
        let workspace = Workspace::parse(json).unwrap();
        let arrow = |from: &str, to: &str| (from.to_owned(), to.to_owned());
        assert_eq!(workspace.arrows, [arrow("engine", "scheduler"), arrow("sim", "engine")]);
        assert!(workspace.is_crate_root(Path::new("/w/engine/lib.rs")));
        assert!(workspace.is_crate_root(Path::new("/w/sim/main.rs")));
        assert!(!workspace.is_crate_root(Path::new("/w/engine/tests/a.rs")));
    }
}
