//! The messages so far, as the API wants them and as people read them.

use std::fs;
use std::io;
use std::path::Path;

use serde_json::{Value, json};

/// Who said something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    User,
    Assistant,
}

/// A system prompt and what followed.
#[derive(Clone, Debug, Default)]
pub(super) struct Conversation {
    system: Option<String>,
    messages: Vec<(Role, String)>,
}

impl Conversation {
    /// An empty conversation.
    pub(super) fn new(system: Option<String>) -> Self {
        Self { system, messages: Vec::new() }
    }

    /// Forgets what was said.
    pub(super) fn clear(&mut self) {
        self.messages.clear();
    }

    /// Starts over under another system prompt.
    pub(super) fn restart(&mut self, system: Option<String>) {
        *self = Self::new(system);
    }

    /// Adds a question.
    pub(super) fn push_user(&mut self, text: String) {
        self.messages.push((Role::User, text));
    }

    /// Adds an answer. An empty one takes its question away with it: two questions in a row
    /// would be refused by many chat templates.
    pub(super) fn push_assistant(&mut self, text: String) {
        if text.is_empty() {
            self.messages.pop();
        } else {
            self.messages.push((Role::Assistant, text));
        }
    }

    /// The `messages` of a request.
    pub(super) fn to_json(&self) -> Value {
        let system = self.system.iter().map(|text| json!({ "role": "system", "content": text }));
        let rest = self.messages.iter().map(|(role, text)| {
            let role = if *role == Role::User { "user" } else { "assistant" };
            json!({ "role": role, "content": text })
        });
        Value::Array(system.chain(rest).collect())
    }

    /// Writes the conversation to `path`: the messages if it ends in `.json`, else Markdown.
    pub(super) fn save(&self, path: &Path) -> io::Result<()> {
        let text = match path.extension() {
            Some(extension) if extension == "json" => format!("{:#}\n", self.to_json()),
            _ => self.to_markdown(),
        };
        fs::write(path, text)
    }

    fn to_markdown(&self) -> String {
        let system = self.system.iter().map(|text| ("System", text));
        let rest = self
            .messages
            .iter()
            .map(|(role, text)| (if *role == Role::User { "User" } else { "Assistant" }, text));
        system.chain(rest).map(|(who, text)| format!("## {who}\n\n{text}\n\n")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Conversation {
        let mut conversation = Conversation::new(Some("Be brief.".into()));
        conversation.push_user("Hi".into());
        conversation.push_assistant("Hello!".into());
        conversation
    }

    #[test]
    fn messages_in_order() {
        assert_eq!(
            sample().to_json(),
            json!([
                { "role": "system", "content": "Be brief." },
                { "role": "user", "content": "Hi" },
                { "role": "assistant", "content": "Hello!" },
            ])
        );
    }

    #[test]
    fn a_question_without_answer_is_taken_back() {
        let mut conversation = sample();
        let before = conversation.to_json();
        conversation.push_user("And?".into());
        conversation.push_assistant(String::new());
        assert_eq!(conversation.to_json(), before);
    }

    #[test]
    fn clear_keeps_the_system_prompt_and_restart_does_not() {
        let mut conversation = sample();
        conversation.clear();
        assert_eq!(conversation.to_json(), json!([{ "role": "system", "content": "Be brief." }]));
        conversation.restart(None);
        assert_eq!(conversation.to_json(), json!([]));
    }

    #[test]
    fn saved_as_json_or_markdown() {
        let folder = tempfile::tempdir().unwrap();
        let (json_file, text_file) = (folder.path().join("a.json"), folder.path().join("a.md"));
        sample().save(&json_file).unwrap();
        sample().save(&text_file).unwrap();
        let parsed: Value = serde_json::from_slice(&fs::read(json_file).unwrap()).unwrap();
        assert_eq!(parsed, sample().to_json());
        let text = fs::read_to_string(text_file).unwrap();
        assert_eq!(text, "## System\n\nBe brief.\n\n## User\n\nHi\n\n## Assistant\n\nHello!\n\n");
    }
}
