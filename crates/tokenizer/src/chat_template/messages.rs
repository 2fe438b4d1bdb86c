//! What happens to messages before a template sees them.

use std::borrow::Cow;

use serde_json::Value as Json;

/// Tool calls with their arguments as objects. OpenAI sends them as JSON text, templates expect
/// the object, as vLLM and transformers' documentation have it. Text that is no object stays.
pub(super) fn with_parsed_arguments(messages: &Json) -> Cow<'_, Json> {
    let has_calls = messages
        .as_array()
        .is_some_and(|messages| messages.iter().any(|message| message.get("tool_calls").is_some()));
    if !has_calls {
        return Cow::Borrowed(messages);
    }
    let mut messages = messages.clone();
    let calls = messages
        .as_array_mut()
        .into_iter()
        .flatten()
        .filter_map(|message| message.get_mut("tool_calls")?.as_array_mut())
        .flatten();
    for call in calls {
        let Some(arguments) = call.pointer_mut("/function/arguments") else { continue };
        let parsed = arguments.as_str().and_then(|text| serde_json::from_str(text).ok());
        if let Some(object @ Json::Object(_)) = parsed {
            *arguments = object;
        }
    }
    Cow::Owned(messages)
}
