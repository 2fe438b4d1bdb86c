//! Text to tokens and back: vocabularies, incremental detokenising, stop strings, chat templates.
//!
//! Owns everything between a client's text and the engine's token ids. Never touches the network,
//! a tensor or a clock (but for a template's `strftime_now`), and never parses GGUF: the caller
//! fills a [`GgufVocab`]. The server calls it on its blocking pool. Compiling and rendering a chat
//! template run on a thread of their own each, for its deep stack, and wait for it; nothing else
//! here spawns threads.
#![forbid(unsafe_code)]

mod byte_level;
mod chat_template;
mod detokenizer;
mod error;
mod gguf;
mod hf_folder;
mod hf_json;
mod pipeline;
mod pre_tokenizer;
mod sentencepiece;
mod stop_strings;
mod tokenizer;
mod vocabulary;

pub use chat_template::{
    ChatContext, ChatTemplate, FUEL_BASE, FUEL_PER_INPUT_BYTE, MAX_FUEL, MAX_OUTPUT_BYTES,
    MAX_RECURSION_DEPTH, MAX_TEMPLATE_BYTES, TemplateError,
};
pub use detokenizer::{DetokenizeOptions, Detokenizer};
pub use error::{EncodeError, LoadError};
pub use gguf::GgufVocab;
pub use hf_folder::MAX_FILE_BYTES;
pub use stop_strings::{
    MAX_STOP_STRING_BYTES, MAX_STOP_STRINGS, StopMatch, StopStrings, StopStringsError,
};
pub use tokenizer::{ChatTemplateSource, EncodeOptions, MAX_TEXT_BYTES, Tokenizer};
pub use vocabulary::{MAX_MERGES, MAX_TOKEN_BYTES, MAX_VOCAB_TOKENS, TokenKind};
