//! `continue_final_message`: a prompt that ends inside the last message.
//!
//! As transformers does it (`utils/chat_template_utils.py`): a tag is put behind the message's
//! text before rendering, and the prompt is cut at the tag.

use serde_json::Value as Json;

use super::TemplateError;

/// Stands behind the text to go on with. The space at the end tells whether the template trims.
const TAG: &str = "CONTINUE_FINAL_MESSAGE_TAG ";

/// A last message that was marked with [`TAG`].
pub(super) struct Continuation {
    text: String,
}

impl Continuation {
    /// Marks the last message's text, or its last text part.
    pub(super) fn mark(messages: &mut Json) -> Result<Self, TemplateError> {
        let refuse =
            |problem: &str| TemplateError::Request(format!("continue_final_message: {problem}"));
        let last = messages
            .as_array_mut()
            .and_then(|messages| messages.last_mut())
            .ok_or_else(|| refuse("the conversation is empty"))?;
        let text = match last.get_mut("content") {
            Some(Json::String(text)) => text,
            Some(Json::Array(parts)) => parts
                .iter_mut()
                .rev()
                .find_map(|part| match part.get_mut("text") {
                    Some(Json::String(text)) => Some(text),
                    _ => None,
                })
                .ok_or_else(|| refuse("the last message has no text part"))?,
            _ => return Err(refuse("the last message has no content")),
        };
        let original = text.clone();
        text.push_str(TAG);
        Ok(Self { text: original })
    }

    /// Cuts the prompt at the tag.
    pub(super) fn cut(&self, mut prompt: String) -> Result<String, TemplateError> {
        let end = prompt.rfind(TAG.trim_end());
        let Some(end) = end.filter(|_| prompt.contains(self.text.trim())) else {
            return Err(TemplateError::Request(
                "continue_final_message: the chat template does not show the last message's text"
                    .to_owned(),
            ));
        };
        let keeps_spacing = prompt[end..].starts_with(TAG);
        prompt.truncate(end);
        if !keeps_spacing {
            prompt.truncate(prompt.trim_end().len());
        }
        Ok(prompt)
    }
}
