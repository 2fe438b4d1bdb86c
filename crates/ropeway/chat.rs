//! `ropeway chat`: a conversation in the terminal, over the HTTP API.
//!
//! Owns the conversation and how it is shown. It knows nothing of models: any OpenAI-compatible
//! server will do. On a terminal it edits lines, keeps a history and lets Ctrl-C stop an answer;
//! otherwise it takes one prompt a line and prints plain answers.

mod answer;
mod command;
mod conversation;
mod pipe;
mod terminal;

use std::io::{IsTerminal, stdin, stdout};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Args;

use self::answer::Asker;
use self::conversation::Conversation;
use crate::client::{Client, ClientOptions};

/// How often a server that is still loading is asked again.
const READY_POLL: Duration = Duration::from_millis(500);

/// What `ropeway chat` can be told.
#[derive(Args, Clone, Debug)]
pub(crate) struct ChatOptions {
    #[command(flatten)]
    client: ClientOptions,
    #[command(flatten)]
    sampling: SamplingOptions,
}

/// What goes into every request; what is not given is left to the server.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Conversation")]
pub(crate) struct SamplingOptions {
    /// System prompt
    #[arg(long, value_name = "TEXT")]
    system: Option<String>,

    /// Sampling temperature, 0 to 2 [default: the server's]
    #[arg(long, value_name = "T")]
    temperature: Option<f64>,

    /// Sampling top-p, above 0 to 1 [default: the server's]
    #[arg(long, value_name = "P")]
    top_p: Option<f64>,

    /// Most tokens of one answer [default: the server's]
    #[arg(long, value_name = "N")]
    max_tokens: Option<u32>,

    /// Seed for repeatable answers
    #[arg(long, value_name = "SEED")]
    seed: Option<i64>,
}

/// Talks until the user has had enough.
pub(crate) fn run(options: ChatOptions) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the network runtime")?;
    let client = Client::new(&options.client, None)?;
    let interactive = stdin().is_terminal() && stdout().is_terminal();
    let model = runtime.block_on(connect(&client, options.client.model.clone(), interactive))?;
    let conversation = Conversation::new(options.sampling.system.clone());
    let asker = Asker::new(client, model, options.sampling);
    if interactive {
        terminal::run(&runtime, &asker, conversation)?;
    } else {
        pipe::run(&runtime, &asker, conversation, stdin().lock(), &mut stdout())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Waits for the server to be ready (on a terminal) and settles which model to ask for.
async fn connect(
    client: &Client,
    model: Option<String>,
    interactive: bool,
) -> anyhow::Result<String> {
    if interactive && !client.is_ready().await? {
        eprintln!("The server is still loading its model; waiting ...");
        while !client.is_ready().await? {
            tokio::time::sleep(READY_POLL).await;
        }
    }
    match model {
        Some(model) => Ok(model),
        None => Ok(client.first_model().await?),
    }
}
