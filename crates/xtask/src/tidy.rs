//! The house rules as a program: sizes, headers, words, `unsafe`, arrows between crates.
//!
//! Reads the workspace and prints one line for each breach, as `file:line: what`. Changes nothing.

mod arrows;
mod syntax;
mod text;
mod workspace;

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;

use self::workspace::Workspace;

/// Folders with our Rust sources, under the workspace's root.
const SOURCE_FOLDERS: [&str; 3] = ["crates", "tests", "benches"];

/// One broken rule.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Breach {
    /// File, relative to the root.
    path: String,
    /// Line, from 1.
    line: usize,
    /// What is wrong and what to do.
    message: String,
}

impl Breach {
    fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, message: message.into() }
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

/// Checks the workspace; the exit code says whether it is tidy.
pub(crate) fn run() -> anyhow::Result<ExitCode> {
    let workspace = Workspace::load()?;
    let mut breaches = arrows::check(&workspace.arrows);
    let mut files = Vec::new();
    for folder in SOURCE_FOLDERS {
        collect_sources(&workspace.root.join(folder), &mut files)?;
    }
    for file in &files {
        let source = std::fs::read_to_string(file)
            .with_context(|| format!("cannot read {}", file.display()))?;
        let relative = file.strip_prefix(&workspace.root).unwrap_or(file);
        let path = relative.to_string_lossy().replace('\\', "/");
        breaches.extend(text::check(&path, &source));
        breaches.extend(syntax::check(&path, &source, workspace.is_crate_root(file)));
    }
    for breach in &breaches {
        println!("{breach}");
    }
    println!("tidy: {} files, {} breaches", files.len(), breaches.len());
    Ok(if breaches.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Rust files under `folder`, sorted; a folder that does not exist has none.
fn collect_sources(folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    let context = || format!("cannot list {}", folder.display());
    let mut entries = std::fs::read_dir(folder)
        .with_context(context)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .with_context(context)?;
    entries.sort();
    for path in entries {
        if path.is_dir() {
            if path.file_name().is_none_or(|name| name != "target") {
                collect_sources(&path, files)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}
