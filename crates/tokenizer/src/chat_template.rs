//! Chat templates: messages to a prompt, as transformers renders them.
//!
//! Owns a compiled template and its limits. A template comes with the model and is not trusted:
//! it has no loader, no files and no clock but `strftime_now`; fuel bounds both the instructions
//! it runs and the data it makes, and there are limits on nesting and on the output. Never
//! chooses a template for a model that has none.
//!
//! What is not bounded: the engine has no hook where its own operators run. A template that doubles
//! a list sixty times and then joins it to a text with `~`, or compares it, unfolds it without
//! paying, and a slice of a long list in a loop pays for one instruction only. A client cannot
//! bring this about, since requests bring no templates (`chat_template` is refused); a model file
//! made for it can, so serve models from those you trust that far.
//!
//! The environment is that of huggingface/transformers `utils/chat_template_utils.py`: Jinja with
//! `trim_blocks`, `lstrip_blocks`, loop controls, `raise_exception`, `strftime_now`, and a
//! `tojson` that is Python's `json.dumps`.

use std::collections::BTreeMap;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, Value};
use serde_json::{Map, Value as Json};

mod continuation;
mod error;
mod functions;
mod generation_tags;
mod json;
mod messages;
mod methods;
mod output;
mod stack;
mod unfolding;

pub use error::TemplateError;

use continuation::Continuation;
use output::BoundedOutput;

/// Largest template source; the longest in use have 30 KB.
pub const MAX_TEMPLATE_BYTES: usize = 256 << 10;
/// Fuel for a render, before the input is counted. One unit pays for one instruction or for 64
/// bytes of data the template makes, so this is at most 32 MB in all.
pub const FUEL_BASE: u64 = 500_000;
/// More fuel for each byte of messages, tools and arguments.
pub const FUEL_PER_INPUT_BYTE: u64 = 8;
/// Most fuel of any render: at most 128 MB of data made over the whole render.
pub const MAX_FUEL: u64 = 2_000_000;
/// Deepest nesting of macro calls and scopes, in the engine's units (a macro call counts 5).
pub const MAX_RECURSION_DEPTH: usize = 250;
/// Largest prompt a template may render.
pub const MAX_OUTPUT_BYTES: usize = 32 << 20;

/// Name of the one template in its environment, shown in error messages.
const NAME: &str = "chat_template";

/// What a template is rendered with.
#[derive(Clone, Copy, Debug)]
pub struct ChatContext<'a> {
    /// The conversation: a list of objects with `role` and `content`.
    pub messages: &'a Json,
    /// Tool definitions: a list of objects, shown to the template as `tools`.
    pub tools: Option<&'a Json>,
    /// End with the header of the assistant's answer.
    pub add_generation_prompt: bool,
    /// End inside the last message, for the model to go on with it. Not together with
    /// `add_generation_prompt`.
    pub continue_final_message: bool,
    /// Further variables (`chat_template_kwargs`, `documents`, ...). They may not set the
    /// variables above.
    pub extra: Option<&'a Map<String, Json>>,
}

/// Variables that `extra` may not set.
const RESERVED: [&str; 5] =
    ["messages", "tools", "add_generation_prompt", "bos_token", "eos_token"];

/// A compiled chat template; immutable and shared between threads.
#[derive(Debug)]
pub struct ChatTemplate {
    env: Environment<'static>,
    source: Box<str>,
    bos_token: Box<str>,
    eos_token: Box<str>,
}

impl ChatTemplate {
    /// Compiles `source`. `bos_token` and `eos_token` are the texts of these tokens, empty if the
    /// model has none.
    ///
    /// Errors: [`TemplateError::Syntax`], or [`TemplateError::Limit`] for a source above
    /// [`MAX_TEMPLATE_BYTES`].
    pub fn new(source: &str, bos_token: &str, eos_token: &str) -> Result<Self, TemplateError> {
        if source.len() > MAX_TEMPLATE_BYTES {
            let limit = MAX_TEMPLATE_BYTES as u64;
            return Err(TemplateError::Limit { what: "size of the template in bytes", limit });
        }
        let mut env = Environment::new();
        let mut syntax = SyntaxConfig::builder();
        syntax.trim_blocks(true).lstrip_blocks(true);
        env.set_syntax(syntax.build().map_err(|error| TemplateError::from_load(&error))?);
        env.set_recursion_limit(MAX_RECURSION_DEPTH);
        env.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        env.set_unknown_method_callback(methods::call);
        env.remove_global("debug");
        env.set_formatter(unfolding::format);
        unfolding::guard_filters(&mut env);
        env.add_filter("tojson", json::tojson);
        env.add_function("raise_exception", functions::raise_exception);
        env.add_function("strftime_now", functions::strftime_now);
        let env = stack::with_deep_stack(move || {
            env.add_template_owned(NAME, generation_tags::neutralise(source).into_owned())
                .map_err(|error| TemplateError::from_load(&error))?;
            Ok(env)
        })?;
        Ok(Self {
            env,
            source: source.into(),
            bos_token: bos_token.into(),
            eos_token: eos_token.into(),
        })
    }

    /// The source it was compiled from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Renders the prompt. Takes bounded time and memory, but for what the module names.
    ///
    /// Errors: [`TemplateError::Raised`] and [`TemplateError::Request`] are the client's fault; the
    /// others come from how template and conversation go together.
    pub fn render(&self, context: &ChatContext<'_>) -> Result<String, TemplateError> {
        if context.continue_final_message && context.add_generation_prompt {
            return Err(TemplateError::Request(
                "add_generation_prompt and continue_final_message exclude each other".to_owned(),
            ));
        }
        let mut messages = messages::with_parsed_arguments(context.messages);
        let continuation = match context.continue_final_message {
            true => Some(Continuation::mark(messages.to_mut())?),
            false => None,
        };
        let prompt = self.render_plain(context, &messages)?;
        match continuation {
            Some(continuation) => continuation.cut(prompt),
            None => Ok(prompt),
        }
    }

    fn render_plain(
        &self,
        context: &ChatContext<'_>,
        messages: &Json,
    ) -> Result<String, TemplateError> {
        let extra = context.extra.map_or(0, |extra| extra.values().map(json::input_bytes).sum());
        let tools = context.tools.map_or(0, json::input_bytes);
        let num_input_bytes = json::input_bytes(messages) + tools + extra;
        let fuel = FUEL_PER_INPUT_BYTE.saturating_mul(num_input_bytes as u64);
        let fuel = FUEL_BASE.saturating_add(fuel).min(MAX_FUEL);
        stack::with_deep_stack(|| self.render_with_fuel(self.root(context, messages)?, fuel))
    }

    fn render_with_fuel(&self, root: Value, fuel: u64) -> Result<String, TemplateError> {
        // Fuel belongs to the environment; a clone shares everything else.
        let mut env = self.env.clone();
        env.set_fuel(Some(fuel));
        let template = env.get_template(NAME).expect("it was added when compiling");
        let mut output = BoundedOutput::default();
        let rendered = template.render_captured_to(root, &mut output).map(drop);
        if output.is_full() {
            let limit = MAX_OUTPUT_BYTES as u64;
            return Err(TemplateError::Limit { what: "size of the prompt in bytes", limit });
        }
        rendered.map_err(|error| TemplateError::from_render(&error, fuel))?;
        Ok(output.into_text())
    }

    /// The template's variables.
    fn root(&self, context: &ChatContext<'_>, messages: &Json) -> Result<Value, TemplateError> {
        let mut variables: BTreeMap<&str, Value> = BTreeMap::from([
            ("messages", Value::from(Serde(messages))),
            ("tools", Value::from(Serde(context.tools))),
            ("documents", ().into()),
            ("add_generation_prompt", context.add_generation_prompt.into()),
            ("bos_token", (*self.bos_token).into()),
            ("eos_token", (*self.eos_token).into()),
        ]);
        for (name, value) in context.extra.into_iter().flatten() {
            if RESERVED.contains(&name.as_str()) {
                let problem = format!("`{name}` cannot be set by template arguments");
                return Err(TemplateError::Request(problem));
            }
            variables.insert(name, Value::from(Serde(value)));
        }
        Ok(Value::from(variables))
    }
}

#[cfg(test)]
mod survival_tests;
#[cfg(test)]
mod tests;
