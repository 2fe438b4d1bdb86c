//! Small valid models of every format, and pieces to make hostile ones from.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use model::{ModelError, ModelFiles};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::allocation::peak_bytes;

/// The most that opening a hostile file may hold.
pub(crate) const MAX_HOSTILE_BYTES: usize = 16 << 20;
/// The most processor time that refusing one may take.
const MAX_HOSTILE_TIME: Duration = Duration::from_millis(100);

/// A named tensor: dimensions as the format orders them, f32 data.
pub(crate) type Tensor = (String, Vec<usize>, Vec<f32>);

/// `config.json` of a tiny Llama.
pub(crate) fn llama_config() -> Value {
    json!({
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu",
        "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 40,
        "max_position_embeddings": 128, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
        "tie_word_embeddings": false, "bos_token_id": 1, "eos_token_id": 2
    })
}

/// Numbers that tell tensors and places apart.
pub(crate) fn numbers(seed: usize, len: usize) -> Vec<f32> {
    (0..len).map(|i| ((i * 31 + seed * 17) % 251) as f32 / 16.0 - 7.0).collect()
}

/// The tensors that [`llama_config`] asks for, `[rows, cols]`.
pub(crate) fn llama_tensors() -> Vec<Tensor> {
    let mut shapes: Vec<(String, Vec<usize>)> = vec![
        ("model.embed_tokens.weight".into(), vec![40, 32]),
        ("model.norm.weight".into(), vec![32]),
        ("lm_head.weight".into(), vec![40, 32]),
    ];
    for layer in 0..2 {
        for (name, shape) in [
            ("input_layernorm", vec![32]),
            ("self_attn.q_proj", vec![32, 32]),
            ("self_attn.k_proj", vec![16, 32]),
            ("self_attn.v_proj", vec![16, 32]),
            ("self_attn.o_proj", vec![32, 32]),
            ("post_attention_layernorm", vec![32]),
            ("mlp.gate_proj", vec![64, 32]),
            ("mlp.up_proj", vec![64, 32]),
            ("mlp.down_proj", vec![32, 64]),
        ] {
            shapes.push((format!("model.layers.{layer}.{name}.weight"), shape));
        }
    }
    let with_data = |(seed, (name, shape)): (usize, (String, Vec<usize>))| {
        let len = shape.iter().product();
        (name, shape, numbers(seed, len))
    };
    shapes.into_iter().enumerate().map(with_data).collect()
}

/// f32 numbers as stored.
pub(crate) fn f32_bytes(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// A safetensors file, written by the reference implementation.
pub(crate) fn safetensors_file(tensors: &[Tensor]) -> Vec<u8> {
    let data: Vec<Vec<u8>> = tensors.iter().map(|(_, _, numbers)| f32_bytes(numbers)).collect();
    let views = tensors.iter().zip(&data).map(|((name, shape, _), data)| {
        let view =
            safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.clone(), data);
        (name, view.unwrap())
    });
    let metadata = [("format".to_owned(), "pt".to_owned())].into();
    safetensors::serialize(views, Some(metadata)).unwrap()
}

/// A safetensors file from a header of our own.
pub(crate) fn raw_safetensors(header: &str, data_bytes: usize) -> Vec<u8> {
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend_from_slice(header.as_bytes());
    file.resize(file.len() + data_bytes, 0);
    file
}

/// A model folder.
pub(crate) struct Folder(TempDir);

impl Folder {
    /// A tiny valid Llama.
    pub(crate) fn llama() -> Self {
        Self::with_config(&llama_config())
    }

    /// The tiny Llama's weights with another configuration.
    pub(crate) fn with_config(config: &Value) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.write("config.json", config.to_string());
        folder.write("model.safetensors", safetensors_file(&llama_tensors()));
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    pub(crate) fn open(&self) -> Result<ModelFiles, ModelError> {
        ModelFiles::open(self.path())
    }
}

/// Opens a hostile model and checks that the error names `place`, that little was allocated, and
/// that it was little work.
pub(crate) fn assert_refused(path: &Path, place: &str) {
    let start = thread_time();
    let (result, peak) = peak_bytes(|| ModelFiles::open(path));
    let time = thread_time() - start;
    let message = match result {
        Ok(_) => panic!("opened a model that should be refused for {place}"),
        Err(error) => error.to_string(),
    };
    assert!(message.contains(place), "{message:?} does not name {place:?}");
    assert!(peak <= MAX_HOSTILE_BYTES, "{peak} bytes held for {place}");
    assert!(time <= MAX_HOSTILE_TIME, "{time:?} to refuse {place}");
}

/// What this thread has had of a processor, in steps of 10 ms (proc_pid_stat(5): utime and stime, in
/// ticks of which Linux shows a hundred a second). How busy the machine is does not count.
fn thread_time() -> Duration {
    let stat = fs::read_to_string("/proc/thread-self/stat").unwrap();
    // Fields 14 and 15; the second is a name that may hold anything, in parentheses.
    let behind_name = &stat[stat.rfind(')').unwrap()..];
    let ticks = behind_name.split(' ').skip(12).take(2).map(|ticks| ticks.parse::<u64>().unwrap());
    Duration::from_millis(10 * ticks.sum::<u64>())
}

/// A GGUF file being put together.
#[derive(Clone)]
pub(crate) struct Gguf {
    pub(crate) version: u32,
    pub(crate) alignment: usize,
    /// Key, value type, value bytes.
    pub(crate) metadata: Vec<(String, u32, Vec<u8>)>,
    /// Name, dimensions (contiguous first), type, data.
    pub(crate) tensors: Vec<(String, Vec<u64>, u32, Vec<u8>)>,
}

/// A string as GGUF stores it.
pub(crate) fn gguf_string(text: &str) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat()
}

/// An array's bytes: element type, count, elements.
pub(crate) fn gguf_array(kind: u32, count: u64, elements: &[u8]) -> Vec<u8> {
    [&kind.to_le_bytes()[..], &count.to_le_bytes(), elements].concat()
}

impl Gguf {
    /// The tiny Llama with the same weights as [`Folder::llama`], as the converter writes it.
    pub(crate) fn llama() -> Self {
        let mut gguf =
            Self { version: 3, alignment: 32, metadata: Vec::new(), tensors: Vec::new() };
        gguf.text("general.architecture", "llama");
        for (key, value) in [
            ("context_length", 128),
            ("embedding_length", 32),
            ("block_count", 2),
            ("feed_forward_length", 64),
            ("attention.head_count", 4),
            ("attention.head_count_kv", 2),
            ("rope.dimension_count", 8),
        ] {
            gguf.u32(&format!("llama.{key}"), value);
        }
        gguf.f32("llama.attention.layer_norm_rms_epsilon", 1e-5);
        gguf.f32("llama.rope.freq_base", 10_000.0);
        gguf.tokenizer();
        for (name, shape, numbers) in llama_tensors() {
            let rows = match shape.len() {
                1 => 1,
                _ => shape[0],
            };
            let name = gguf_name(&name);
            let is_qk = name.contains("attn_q.") || name.contains("attn_k.");
            let numbers = if is_qk { interleave(&numbers, rows, 8) } else { numbers };
            let dims = shape.iter().rev().map(|dim| *dim as u64).collect();
            gguf.tensors.push((name, dims, 0, f32_bytes(&numbers)));
        }
        gguf
    }

    fn tokenizer(&mut self) {
        self.text("tokenizer.ggml.model", "gpt2");
        self.text("tokenizer.ggml.pre", "smollm");
        let tokens: Vec<u8> = (0..40)
            .flat_map(|id| {
                gguf_string(&if id == 7 { "<|im_end|>".into() } else { format!("t{id}") })
            })
            .collect();
        self.set("tokenizer.ggml.tokens", 9, gguf_array(8, 40, &tokens));
        let types: Vec<u8> = (0..40).flat_map(|_| 1i32.to_le_bytes()).collect();
        self.set("tokenizer.ggml.token_type", 9, gguf_array(5, 40, &types));
        self.set("tokenizer.ggml.merges", 9, gguf_array(8, 1, &gguf_string("t 1")));
        self.u32("tokenizer.ggml.bos_token_id", 1);
        self.u32("tokenizer.ggml.eos_token_id", 2);
        self.set("tokenizer.ggml.add_bos_token", 7, vec![1]);
        self.text("tokenizer.chat_template", "{{ messages }}");
    }

    /// Sets a key, replacing what it had.
    pub(crate) fn set(&mut self, key: &str, kind: u32, value: Vec<u8>) {
        self.metadata.retain(|(present, _, _)| present != key);
        self.metadata.push((key.to_owned(), kind, value));
    }

    pub(crate) fn remove(&mut self, key: &str) {
        self.metadata.retain(|(present, _, _)| present != key);
    }

    pub(crate) fn u32(&mut self, key: &str, value: u32) {
        self.set(key, 4, value.to_le_bytes().to_vec());
    }

    pub(crate) fn f32(&mut self, key: &str, value: f32) {
        self.set(key, 6, value.to_le_bytes().to_vec());
    }

    pub(crate) fn text(&mut self, key: &str, value: &str) {
        self.set(key, 8, gguf_string(value));
    }

    pub(crate) fn tensor(&mut self, name: &str) -> &mut (String, Vec<u64>, u32, Vec<u8>) {
        self.tensors.iter_mut().find(|tensor| tensor.0 == name).unwrap()
    }

    /// The file, with tensors one after the other.
    pub(crate) fn build(&self) -> Vec<u8> {
        let mut offset = 0;
        let mut offsets = Vec::new();
        for tensor in &self.tensors {
            offsets.push(offset as u64);
            offset = (offset + tensor.3.len()).next_multiple_of(self.alignment);
        }
        self.build_at(&offsets)
    }

    /// The file, with tensor offsets as given; the data still is one after the other.
    pub(crate) fn build_at(&self, offsets: &[u64]) -> Vec<u8> {
        let mut file = b"GGUF".to_vec();
        file.extend(self.version.to_le_bytes());
        file.extend((self.tensors.len() as u64).to_le_bytes());
        file.extend((self.metadata.len() as u64).to_le_bytes());
        for (key, kind, value) in &self.metadata {
            file.extend(gguf_string(key));
            file.extend(kind.to_le_bytes());
            file.extend(value);
        }
        for ((name, dims, kind, _), offset) in self.tensors.iter().zip(offsets) {
            file.extend(gguf_string(name));
            file.extend((dims.len() as u32).to_le_bytes());
            file.extend(dims.iter().flat_map(|dim| dim.to_le_bytes()));
            file.extend(kind.to_le_bytes());
            file.extend(offset.to_le_bytes());
        }
        for (_, _, _, data) in &self.tensors {
            file.resize(file.len().next_multiple_of(self.alignment), 0);
            file.extend(data);
        }
        file
    }

    /// Writes the file into a fresh folder.
    pub(crate) fn write(&self) -> GgufFile {
        GgufFile::new(&self.build())
    }
}

/// A GGUF file on disk.
pub(crate) struct GgufFile {
    _folder: TempDir,
    pub(crate) path: PathBuf,
}

impl GgufFile {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.gguf");
        fs::write(&path, bytes).unwrap();
        Self { _folder: folder, path }
    }

    pub(crate) fn open(&self) -> Result<ModelFiles, ModelError> {
        ModelFiles::open(&self.path)
    }
}

/// The GGUF name of a Hugging Face tensor.
fn gguf_name(name: &str) -> String {
    let name = name.replace("model.embed_tokens", "token_embd").replace("lm_head", "output");
    let name = name.replace("model.norm", "output_norm").replace("model.layers", "blk");
    [
        ("input_layernorm", "attn_norm"),
        ("post_attention_layernorm", "ffn_norm"),
        ("self_attn.q_proj", "attn_q"),
        ("self_attn.k_proj", "attn_k"),
        ("self_attn.v_proj", "attn_v"),
        ("self_attn.o_proj", "attn_output"),
        ("mlp.gate_proj", "ffn_gate"),
        ("mlp.up_proj", "ffn_up"),
        ("mlp.down_proj", "ffn_down"),
    ]
    .iter()
    .fold(name, |name, (from, to)| name.replace(from, to))
}

/// What the converter does to q and k: the halves of each head are woven together.
pub(crate) fn interleave(numbers: &[f32], rows: usize, head_dim: usize) -> Vec<f32> {
    let cols = numbers.len() / rows;
    let row = |index: usize| &numbers[index * cols..(index + 1) * cols];
    let mut out = Vec::new();
    for head in 0..rows / head_dim {
        for i in 0..head_dim / 2 {
            out.extend_from_slice(row(head * head_dim + i));
            out.extend_from_slice(row(head * head_dim + head_dim / 2 + i));
        }
    }
    out
}
