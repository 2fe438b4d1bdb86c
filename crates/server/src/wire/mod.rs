//! JSON shapes of the API: what clients send and what they get. Types only; meaning and ranges
//! belong to `validate`.

mod body;
mod chat;
mod completion;
mod generation;
mod response;
mod tokenize;

pub(crate) use body::Body;
pub(crate) use chat::{ChatCompletionRequest, ChatFields, Content, ContentPart, Message};
pub(crate) use completion::{CompletionRequest, Prompt};
pub(crate) use generation::GenerationFields;
pub(crate) use response::{
    ChatChoice, ChatLogprobs, ChatMessage, ChatResponse, ChatTokenLogprob, ChatTopLogprob,
    CompletionChoice, CompletionLogprobs, CompletionResponse, ModelCard, ModelList, StopValue,
    Usage,
};
pub(crate) use tokenize::{
    DetokenizeRequest, DetokenizeResponse, TokenizeInput, TokenizeRequest, TokenizeResponse,
};
