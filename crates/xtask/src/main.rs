//! The project's own automation: `cargo xtask tidy` checks the house rules, `cargo xtask kernels` makes
//! a table of what the compiler made of each kernel, `cargo xtask kernels report` one of what kernels
//! asked of the emulated GPU, `cargo xtask chart` makes the Helm chart from the kustomize base.
//!
//! Owns nothing of the product and is linked into nothing. Called by people and by
//! `scripts/test.sh`.
#![forbid(unsafe_code)]

mod chart;
mod kernels;
mod resources;
mod tidy;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "xtask", about = "Ropeway's own automation")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Check the house rules that the compiler does not know
    Tidy,
    /// Make deploy/chart anew from deploy/base (needs kubectl)
    Chart,
    /// What the GPU kernels take of the machine: compiles each and prints a table
    Kernels {
        #[command(subcommand)]
        command: Option<KernelsCommand>,
    },
}

#[derive(Subcommand)]
enum KernelsCommand {
    /// A row for each kernel of a launch report (the emulator writes one to ROPEWAY_EMU_REPORT)
    Report {
        /// The report: a line of JSON for each launch
        file: PathBuf,
    },
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Tidy => tidy::run(),
        Command::Chart => chart::write(),
        Command::Kernels { command: None } => resources::print(),
        Command::Kernels { command: Some(KernelsCommand::Report { file }) } => {
            kernels::report(&file)
        }
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
