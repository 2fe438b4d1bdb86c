//! The conversation of a person: an edited line in, a streamed answer out.

use std::env;
use std::fs;
use std::io::{Write, stdout};
use std::path::PathBuf;

use anyhow::Context;
use rustyline::DefaultEditor;
use rustyline::config::Config;
use rustyline::error::ReadlineError;
use tokio::runtime::Runtime;

use super::answer::{AnswerStats, Asker};
use super::command::{HELP, Input, parse};
use super::conversation::Conversation;

/// Lines kept in the history file.
const MAX_HISTORY_LINES: usize = 1_000;

/// Lines of one prompt that ends each but the last with a backslash.
const MAX_PROMPT_LINES: usize = 1_000;

const DIM: &str = "\x1b[2m";
const PLAIN: &str = "\x1b[0m";
/// The terminal shows `^C` where it was typed; this takes a line of nothing else away.
const ERASE_CTRL_C: &str = "\r\x1b[K";

/// Talks until Ctrl-D or `/exit`.
pub(super) fn run(
    runtime: &Runtime,
    asker: &Asker,
    mut conversation: Conversation,
) -> anyhow::Result<()> {
    let config = Config::builder().max_history_size(MAX_HISTORY_LINES)?.auto_add_history(true);
    let mut editor = DefaultEditor::with_config(config.build())?;
    let history = history_file();
    if let Some(path) = &history {
        // There is no history on the first day.
        let _first_day = editor.load_history(path);
    }
    println!("Talking to {} at {}.", asker.model(), asker.url());
    println!("{DIM}/help lists the commands, Ctrl-D leaves.{PLAIN}");
    while let Some(line) = read_prompt(&mut editor)? {
        match parse(&line) {
            Input::Empty => {}
            Input::Help => println!("{HELP}"),
            Input::Clear => {
                conversation.clear();
                println!("{DIM}The conversation is forgotten.{PLAIN}");
            }
            Input::System(text) => {
                let said = if text.is_some() { "set" } else { "removed" };
                conversation.restart(text);
                println!("{DIM}System prompt {said}; the conversation starts over.{PLAIN}");
            }
            Input::Save(path) => match conversation.save(&path) {
                Ok(()) => println!("{DIM}Saved to {}.{PLAIN}", path.display()),
                Err(error) => println!("Cannot write {}: {error}", path.display()),
            },
            Input::Exit => break,
            Input::Refused(message) => println!("{message}"),
            Input::Prompt(text) => {
                conversation.push_user(text);
                let answer = runtime.block_on(answer(asker, &conversation));
                conversation.push_assistant(answer);
            }
        }
    }
    if let Some(path) = history {
        save_history(&mut editor, &path)?;
    }
    Ok(())
}

/// One prompt, of several lines if they end with a backslash; `None` when the user leaves.
fn read_prompt(editor: &mut DefaultEditor) -> anyhow::Result<Option<String>> {
    let mut prompt = String::new();
    for line_idx in 0..MAX_PROMPT_LINES {
        match editor.readline(if line_idx == 0 { "> " } else { ". " }) {
            Ok(line) => match line.strip_suffix('\\') {
                Some(beginning) => {
                    prompt.push_str(beginning);
                    prompt.push('\n');
                }
                None => {
                    prompt.push_str(&line);
                    return Ok(Some(prompt));
                }
            },
            Err(ReadlineError::Interrupted) => {
                println!("{DIM}(Ctrl-D or /exit leaves){PLAIN}");
                return Ok(Some(String::new()));
            }
            Err(ReadlineError::Eof) => return Ok(None),
            Err(error) => return Err(error).context("cannot read from the terminal"),
        }
    }
    println!("A prompt has at most {MAX_PROMPT_LINES} lines.");
    Ok(Some(String::new()))
}

/// Shows the answer as it comes; gives back what was shown, also when Ctrl-C or an error cut it.
async fn answer(asker: &Asker, conversation: &Conversation) -> String {
    let mut text = String::new();
    let asking = asker.ask(conversation, |piece| {
        text.push_str(piece);
        let mut out = stdout().lock();
        out.write_all(printable(piece).as_bytes())?;
        out.flush()
    });
    let ending = tokio::select! {
        outcome = asking => match outcome {
            Ok(stats) => format!("{DIM}{}{PLAIN}", describe(&stats)),
            Err(error) => format!("error: {error:#}"),
        },
        _ = tokio::signal::ctrl_c() => format!("{ERASE_CTRL_C}{DIM}(stopped){PLAIN}"),
    };
    if !text.is_empty() && !text.ends_with('\n') {
        println!();
    }
    println!("{ending}\n");
    text
}

/// Text without the control characters that a terminal would obey: a model must not be able to
/// move the cursor, set the title or write to the clipboard.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}

fn describe(stats: &AnswerStats) -> String {
    let speed = stats.tokens_per_second().map(|speed| format!(", {speed:.1} tok/s"));
    format!(
        "{} {}{}, first after {:.0} ms{}",
        stats.num_tokens,
        if stats.num_tokens == 1 { "token" } else { "tokens" },
        speed.unwrap_or_default(),
        stats.ttft.as_secs_f64() * 1e3,
        if stats.cut_off { "; cut off at the token limit" } else { "" }
    )
}

/// Where the XDG base directory specification keeps such state.
fn history_file() -> Option<PathBuf> {
    let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state =
        absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")))?;
    Some(state.join("ropeway").join("chat_history"))
}

fn save_history(editor: &mut DefaultEditor, path: &PathBuf) -> anyhow::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
    }
    editor.save_history(path).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn stats_for_people() {
        let ms = Duration::from_millis;
        let stats = AnswerStats { ttft: ms(120), total: ms(1_120), num_tokens: 51, cut_off: false };
        assert_eq!(describe(&stats), "51 tokens, 50.0 tok/s, first after 120 ms");
        let stats = AnswerStats { ttft: ms(120), total: ms(120), num_tokens: 1, cut_off: true };
        assert_eq!(describe(&stats), "1 token, first after 120 ms; cut off at the token limit");
    }

    #[test]
    fn a_model_cannot_steer_the_terminal() {
        let hostile = "a\x1b[2Jb\x07\r\u{9b}c\n\td \u{e9}";
        assert_eq!(printable(hostile), "a[2Jbc\n\td \u{e9}");
    }
}
