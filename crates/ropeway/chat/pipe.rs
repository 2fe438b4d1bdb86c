//! The conversation of a script: one prompt a line in, plain answers out.
//!
//! Commands work as on a terminal, but what they have to say goes to standard error. The first
//! failure ends the program: a script must notice.

use std::io::{BufRead, Write};

use anyhow::{Context, bail};
use tokio::runtime::Runtime;

use super::answer::Asker;
use super::command::{HELP, Input, parse};
use super::conversation::Conversation;

/// Answers the lines of `input` on `output` until it ends or says `/exit`.
pub(super) fn run(
    runtime: &Runtime,
    asker: &Asker,
    mut conversation: Conversation,
    input: impl BufRead,
    output: &mut impl Write,
) -> anyhow::Result<()> {
    for line in input.lines() {
        match parse(&line.context("cannot read standard input")?) {
            Input::Empty => {}
            Input::Help => eprintln!("{HELP}"),
            Input::Clear => conversation.clear(),
            Input::System(text) => conversation.restart(text),
            Input::Save(path) => conversation
                .save(&path)
                .with_context(|| format!("cannot write {}", path.display()))?,
            Input::Exit => break,
            Input::Refused(message) => bail!(message),
            Input::Prompt(text) => {
                conversation.push_user(text);
                let mut answer = String::new();
                runtime.block_on(asker.ask(&conversation, |piece| {
                    answer.push_str(piece);
                    output.write_all(piece.as_bytes())?;
                    output.flush()
                }))?;
                writeln!(output)?;
                conversation.push_assistant(answer);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::json;

    use super::*;
    use crate::chat::ChatOptions;
    use crate::client::fake_server::FakeServer;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        chat: ChatOptions,
    }

    /// Feeds `input` to a conversation with `server`; what was printed and how it ended.
    fn talk(server: &FakeServer, input: &str) -> (String, anyhow::Result<()>) {
        let options = Line::parse_from(["chat", "--temperature", "0", "--max-tokens", "9"]).chat;
        let asker = Asker::new(server.client(), "tiny".to_owned(), options.sampling);
        let mut output = Vec::new();
        let conversation = Conversation::new(None);
        let outcome = run(&server.runtime, &asker, conversation, input.as_bytes(), &mut output);
        (String::from_utf8(output).unwrap(), outcome)
    }

    #[test]
    fn each_line_is_answered_and_remembered() {
        let server = FakeServer::start();
        let (output, outcome) =
            talk(&server, "hello\n\nmore\n/system Be brief.\nlast\n/exit\nnever\n");
        outcome.unwrap();
        assert_eq!(output, "one two three\n".repeat(3));
        let bodies = server.bodies.lock().unwrap();
        assert_eq!(bodies.len(), 3);
        let user = |text: &str| json!({ "role": "user", "content": text });
        let answer = json!({ "role": "assistant", "content": "one two three" });
        assert_eq!(bodies[1]["messages"], json!([user("hello"), answer, user("more")]));
        let system = json!({ "role": "system", "content": "Be brief." });
        assert_eq!(bodies[2]["messages"], json!([system, user("last")]));
        assert_eq!((&bodies[0]["max_tokens"], &bodies[0]["seed"]), (&9.into(), &json!(null)));
    }

    #[test]
    fn the_first_failure_ends_it() {
        let server = FakeServer::start();
        let (output, outcome) = talk(&server, "hello\nplease fail\nnever\n");
        assert_eq!(output, "one two three\n");
        assert!(outcome.unwrap_err().to_string().contains("you asked for it"));
        let (_, outcome) = talk(&server, "/unknown\n");
        assert!(outcome.unwrap_err().to_string().contains("/unknown"));
    }
}
