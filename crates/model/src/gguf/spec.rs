//! The model that a GGUF file's metadata describes. Keys are those of `docs/gguf.md` and
//! `gguf-py/gguf/constants.py`; what llama.cpp computes from them is what we compute.

use types::TokenId;

use super::value::Metadata;
use crate::rope::yarn_attention_factor;
use crate::spec::{MAX_HEAD_DIM, MAX_HEADS, MAX_LAYERS, MAX_POSITION, MAX_VOCAB, MAX_WIDTH};
use crate::storage::TensorTable;
use crate::{Family, GenerationDefaults, ModelError, ModelSpec, RopeScaling, RopeSpec};

/// Values of `general.architecture` that are served; `llama` stands for Mistral too.
const SERVED_ARCHITECTURES: [&str; 3] = ["llama", "qwen2", "qwen3"];

/// Frequency divisors of Llama 3.1 and later.
pub(crate) const ROPE_FREQS: &str = "rope_freqs.weight";

/// llama.cpp's base where the file has none.
const DEFAULT_THETA: f64 = 10_000.0;
/// Tokens that end a turn in the chat formats of the served families. Files often name only one
/// of several in `eos_token_id`; llama.cpp goes by the text of the others as well.
const END_OF_TURN: [&str; 5] =
    ["<|endoftext|>", "<|end_of_text|>", "<|im_end|>", "<|eot_id|>", "<|eom_id|>"];

/// Metadata of one architecture: `{arch}.{field}`.
struct ArchFields<'a> {
    metadata: &'a Metadata,
    arch: &'a str,
}

impl ArchFields<'_> {
    fn key(&self, field: &str) -> String {
        format!("{}.{field}", self.arch)
    }

    fn count(&self, field: &str, max: usize) -> Result<Option<usize>, ModelError> {
        self.metadata.count(&self.key(field), max)
    }

    fn required_count(&self, field: &str, max: usize) -> Result<usize, ModelError> {
        self.metadata.required_count(&self.key(field), max)
    }

    fn number(&self, field: &str) -> Result<Option<f64>, ModelError> {
        self.metadata.number_above(&self.key(field), 0.0)
    }

    fn error(&self, field: &str, reason: impl Into<String>) -> ModelError {
        self.metadata.error(&self.key(field), reason)
    }
}

fn architecture(metadata: &Metadata) -> Result<&str, ModelError> {
    const KEY: &str = "general.architecture";
    metadata.text(KEY)?.ok_or_else(|| metadata.error(KEY, "is missing"))
}

/// True when rotation pairs neighbours (`LLAMA_ROPE_TYPE_NORM`), which the converter arranged by
/// reordering q and k rows. Llama and Mistral files are so, the Qwen families are half-split.
pub(super) fn is_interleaved(metadata: &Metadata) -> Result<bool, ModelError> {
    Ok(architecture(metadata)? == "llama")
}

/// Builds the model's spec from metadata and from which tensors there are.
pub(super) fn read(metadata: &Metadata, table: &TensorTable) -> Result<ModelSpec, ModelError> {
    let arch = architecture(metadata)?;
    let stated_family = match arch {
        "llama" => Family::Llama,
        "qwen2" => Family::Qwen2,
        "qwen3" => Family::Qwen3,
        found => {
            return Err(ModelError::Architecture {
                path: metadata.path().to_owned(),
                found: found.to_owned(),
                served: &SERVED_ARCHITECTURES,
            });
        }
    };
    let fields = ArchFields { metadata, arch };
    refuse_unserved(&fields)?;

    let max_position = fields.required_count("context_length", MAX_POSITION)?;
    let window =
        fields.metadata.unsigned(&fields.key("attention.sliding_window"), u32::MAX.into())?;
    let sliding_window =
        window.filter(|window| (1..max_position as u64).contains(window)).map(|w| w as u32);
    let num_heads = fields.required_count("attention.head_count", MAX_HEADS)?;
    let hidden_size = fields.required_count("embedding_length", MAX_WIDTH)?;
    let head_dim = head_dim(&fields, hidden_size, num_heads)?;
    let vocab_size = vocab_size(&fields, table)?;
    let norm_eps = fields
        .number("attention.layer_norm_rms_epsilon")?
        .ok_or_else(|| fields.error("attention.layer_norm_rms_epsilon", "is missing"))?;
    let has = |name: &str| table.tensors.contains_key(name);
    let spec = ModelSpec {
        family: if sliding_window.is_some() && stated_family == Family::Llama {
            Family::Mistral
        } else {
            stated_family
        },
        num_layers: fields.required_count("block_count", MAX_LAYERS)?,
        hidden_size,
        intermediate_size: fields.required_count("feed_forward_length", MAX_WIDTH)?,
        num_heads,
        num_kv_heads: fields.count("attention.head_count_kv", MAX_HEADS)?.unwrap_or(num_heads),
        head_dim,
        vocab_size,
        norm_eps: norm_eps as f32,
        rope: rope(&fields, table, head_dim, max_position)?,
        attention_bias: has("blk.0.attn_q.bias"),
        qk_norm: stated_family == Family::Qwen3,
        tie_word_embeddings: !has("output.weight"),
        sliding_window,
        sliding_layers: None,
        max_position,
        eos_token_ids: eos_token_ids(metadata)?,
        bos_token_id: token_id(metadata, "tokenizer.ggml.bos_token_id")?,
        generation: GenerationDefaults::default(),
    };
    spec.check(|field, reason| metadata.error(&gguf_key(arch, field), reason))?;
    Ok(spec)
}

/// The GGUF key of a field that `config.json` calls `field`.
fn gguf_key(arch: &str, field: &str) -> String {
    match field {
        "num_key_value_heads" => format!("{arch}.attention.head_count_kv"),
        "num_attention_heads" => format!("{arch}.attention.head_count"),
        "head_dim" => format!("{arch}.attention.key_length"),
        token => format!("tokenizer.ggml.{token}"),
    }
}

fn refuse_unserved(fields: &ArchFields<'_>) -> Result<(), ModelError> {
    let unsigned = |key: &str| fields.metadata.unsigned(key, u64::MAX);
    if unsigned(&fields.key("expert_count"))?.is_some_and(|experts| experts > 0) {
        return Err(fields.error("expert_count", "mixtures of experts are not served"));
    }
    if unsigned("split.count")?.is_some_and(|parts| parts > 1) {
        let reason = "the model is split over several files; merge them with `gguf-split --merge`";
        return Err(fields.metadata.error("split.count", reason));
    }
    Ok(())
}

fn head_dim(
    fields: &ArchFields<'_>,
    hidden_size: usize,
    num_heads: usize,
) -> Result<usize, ModelError> {
    let Some(head_dim) = fields.count("attention.key_length", MAX_HEAD_DIM)? else {
        if !hidden_size.is_multiple_of(num_heads) {
            let reason = format!("{num_heads} does not divide embedding_length {hidden_size}");
            return Err(fields.error("attention.head_count", reason));
        }
        return Ok(hidden_size / num_heads);
    };
    match fields.count("attention.value_length", MAX_HEAD_DIM)? {
        Some(value_dim) if value_dim != head_dim => {
            let reason = format!("{value_dim} differs from key_length {head_dim}");
            Err(fields.error("attention.value_length", reason))
        }
        _ => Ok(head_dim),
    }
}

/// Rows of the embedding: the tokenizer may list fewer tokens, never more.
fn vocab_size(fields: &ArchFields<'_>, table: &TensorTable) -> Result<usize, ModelError> {
    let tokens = fields.metadata.strings("tokenizer.ggml.tokens").len();
    let stated = fields.count("vocab_size", MAX_VOCAB)?;
    let rows = table.tensors.get("token_embd.weight").map(|tensor| tensor.rows);
    let rows = rows.or(stated).filter(|rows| *rows <= MAX_VOCAB).ok_or_else(|| {
        let reason = format!("is missing or has more than {MAX_VOCAB} rows");
        ModelError::tensor(fields.metadata.path(), "token_embd.weight", reason)
    })?;
    if let Some(stated) = stated.filter(|stated| *stated != rows) {
        let reason = format!("{stated}, but token_embd.weight has {rows} rows");
        return Err(fields.error("vocab_size", reason));
    }
    if tokens > rows {
        let reason = format!("lists {tokens} tokens, but token_embd.weight has {rows} rows");
        return Err(fields.metadata.error("tokenizer.ggml.tokens", reason));
    }
    Ok(rows)
}

fn rope(
    fields: &ArchFields<'_>,
    table: &TensorTable,
    head_dim: usize,
    max_position: usize,
) -> Result<RopeSpec, ModelError> {
    let theta = fields.metadata.number_above(&fields.key("rope.freq_base"), 1.0)?;
    let rotary_dim = fields.count("rope.dimension_count", MAX_HEAD_DIM)?.unwrap_or(head_dim);
    if rotary_dim > head_dim || !rotary_dim.is_multiple_of(2) {
        let reason = format!("must be even and at most {head_dim}, not {rotary_dim}");
        return Err(fields.error("rope.dimension_count", reason));
    }
    let scaling = scaling(fields, max_position)?;
    let scaling = match divisors(table, rotary_dim)? {
        None => scaling,
        Some(divisors) if scaling == RopeScaling::None => RopeScaling::Divisors { divisors },
        Some(_) => {
            let reason = format!("cannot be combined with {ROPE_FREQS}");
            return Err(fields.error("rope.scaling.type", reason));
        }
    };
    Ok(RopeSpec { theta: theta.unwrap_or(DEFAULT_THETA), rotary_dim, scaling })
}

fn scaling(fields: &ArchFields<'_>, max_position: usize) -> Result<RopeScaling, ModelError> {
    // `rope.scale_linear` is the older name.
    let factor = match fields.number("rope.scaling.factor")? {
        Some(factor) => Some(factor),
        None => fields.number("rope.scale_linear")?,
    };
    let default_kind = if factor.is_some() { "linear" } else { "none" };
    let kind_key = fields.key("rope.scaling.type");
    match (fields.metadata.text(&kind_key)?.unwrap_or(default_kind), factor) {
        ("none", _) => Ok(RopeScaling::None),
        ("linear", None | Some(1.0)) => Ok(RopeScaling::None),
        ("linear", Some(factor)) => Ok(RopeScaling::Linear { factor }),
        ("yarn", Some(factor)) => {
            let original = fields.count("rope.scaling.original_context_length", MAX_POSITION)?;
            let extra = fields.number("rope.scaling.attn_factor")?.unwrap_or(1.0);
            Ok(RopeScaling::Yarn {
                factor,
                original_max_position: original.unwrap_or(max_position) as f64,
                beta_fast: fields.number("rope.scaling.yarn_beta_fast")?.unwrap_or(32.0),
                beta_slow: fields.number("rope.scaling.yarn_beta_slow")?.unwrap_or(1.0),
                attention_factor: extra * yarn_attention_factor(factor, 1.0),
                truncate: true,
            })
        }
        ("yarn", None) => Err(fields.error("rope.scaling.factor", "is missing")),
        (other, _) => {
            let reason = format!("`{other}` is not served; none, linear and yarn are");
            Err(fields.metadata.error(&kind_key, reason))
        }
    }
}

/// The frequency divisors, if the file has them.
fn divisors(table: &TensorTable, rotary_dim: usize) -> Result<Option<Vec<f32>>, ModelError> {
    let Some(tensor) = table.tensors.get(ROPE_FREQS) else { return Ok(None) };
    let path = table.files[tensor.file_idx].path();
    let error = |reason: String| ModelError::tensor(path, ROPE_FREQS, reason);
    let expected = (Ok(backend::DType::F32), 1, rotary_dim / 2);
    if (tensor.dtype.clone(), tensor.rows, tensor.cols) != expected {
        return Err(error(format!("must be {} F32 numbers", rotary_dim / 2)));
    }
    let mut bytes = vec![0; tensor.num_bytes];
    table.read_at(tensor, 0, &mut bytes)?;
    let numbers = bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
    let divisors: Vec<f32> = numbers.collect();
    if divisors.iter().any(|divisor| !divisor.is_finite() || *divisor <= 0.0) {
        return Err(error("has a number that is not above 0".into()));
    }
    Ok(Some(divisors))
}

fn token_id(metadata: &Metadata, key: &str) -> Result<Option<TokenId>, ModelError> {
    Ok(metadata.unsigned(key, u32::MAX.into())?.map(|id| id as TokenId))
}

/// End tokens: those with a key of their own and those known by their text.
fn eos_token_ids(metadata: &Metadata) -> Result<Vec<TokenId>, ModelError> {
    let mut ids = Vec::new();
    for name in ["eos_token_id", "eot_token_id", "eom_token_id"] {
        ids.extend(token_id(metadata, &format!("tokenizer.ggml.{name}"))?);
    }
    let tokens = metadata.strings("tokenizer.ggml.tokens").iter().enumerate();
    let ends = tokens.filter(|(_, text)| END_OF_TURN.contains(&text.as_str()));
    ids.extend(ends.map(|(id, _)| id as TokenId));
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}
