//! What a line of the user means: a prompt, or a command that starts with `/`.

use std::path::PathBuf;

/// The list shown by `/help`.
pub(super) const HELP: &str = "\
/help           this list
/clear          forget the conversation, keep the system prompt
/system TEXT    set the system prompt and start over; without TEXT, remove it
/save FILE      write the conversation to a file (.json for messages, else Markdown)
/exit           leave (also Ctrl-D)
//text          send a line that starts with /
A line that ends with \\ goes on in the next one. Ctrl-C stops an answer.";

/// A line, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Input {
    /// Nothing to do.
    Empty,
    /// Text for the model.
    Prompt(String),
    /// `/help`
    Help,
    /// `/clear`
    Clear,
    /// `/system`, with the new prompt
    System(Option<String>),
    /// `/save`, with the file
    Save(PathBuf),
    /// `/exit`
    Exit,
    /// A command that cannot be followed, with what to tell the user.
    Refused(String),
}

/// Reads one line (or several, joined).
pub(super) fn parse(line: &str) -> Input {
    let line = line.trim();
    let Some(command) = line.strip_prefix('/') else {
        return if line.is_empty() { Input::Empty } else { Input::Prompt(line.to_owned()) };
    };
    if command.starts_with('/') {
        return Input::Prompt(command.to_owned());
    }
    let (name, argument) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
    let argument = argument.trim();
    match (name, argument) {
        ("help" | "h" | "?", "") => Input::Help,
        ("clear", "") => Input::Clear,
        ("exit" | "quit" | "q", "") => Input::Exit,
        ("system", "") => Input::System(None),
        ("system", text) => Input::System(Some(text.to_owned())),
        ("save", "") => Input::Refused("/save needs a file name".to_owned()),
        ("save", file) => Input::Save(PathBuf::from(file)),
        ("help" | "h" | "?" | "clear" | "exit" | "quit" | "q", _) => {
            Input::Refused(format!("/{name} takes nothing after it"))
        }
        _ => Input::Refused(format!("there is no command /{name}: see /help")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        for (line, expected) in [
            ("", Input::Empty),
            ("  \t", Input::Empty),
            ("hello", Input::Prompt("hello".into())),
            ("  two words ", Input::Prompt("two words".into())),
            ("a/b", Input::Prompt("a/b".into())),
            ("//etc/hosts", Input::Prompt("/etc/hosts".into())),
            ("/help", Input::Help),
            ("/?", Input::Help),
            ("/clear", Input::Clear),
            ("/exit ", Input::Exit),
            ("/quit", Input::Exit),
            ("/system", Input::System(None)),
            ("/system Be  brief.\nAlways.", Input::System(Some("Be  brief.\nAlways.".into()))),
            ("/save my talk.md", Input::Save("my talk.md".into())),
        ] {
            assert_eq!(parse(line), expected, "{line:?}");
        }
    }

    #[test]
    fn refused_lines() {
        for (line, part) in [
            ("/save", "file name"),
            ("/clear now", "takes nothing"),
            ("/exti", "/exti"),
            ("/", "there is no command /"),
            ("/Help", "see /help"),
        ] {
            match parse(line) {
                Input::Refused(message) => assert!(message.contains(part), "{line}: {message}"),
                other => panic!("{line} gave {other:?}"),
            }
        }
    }
}
