//! Shapes of the models that launches are counted for, and folders that hold such a model: a real
//! `config.json`, and weights that are all zero and take no room on the disk.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use serde_json::{Map, Value, json};

/// A decoder's sizes on one GPU.
#[derive(Clone, Copy, Debug)]
pub struct ModelShape {
    /// Its name.
    pub name: &'static str,
    /// Decoder layers of the whole model.
    pub num_layers: usize,
    /// Width of the residual stream.
    pub hidden: usize,
    /// Width of the MLP on this GPU.
    pub intermediate: usize,
    /// Query heads on this GPU.
    pub num_heads: usize,
    /// KV heads on this GPU.
    pub num_kv_heads: usize,
    /// Rows of the LM head on this GPU.
    pub vocab: usize,
    /// Whether queries, keys and values have a bias, as Qwen2's have.
    pub has_qkv_bias: bool,
    /// GPUs that share the model.
    pub num_ranks: usize,
}

/// Elements of a head, in every model here.
pub(crate) const HEAD_DIM: usize = 128;

/// Longest context; that of the KV cache's tables.
pub(crate) const MAX_CONTEXT: usize = 32_768;

/// Qwen2.5-1.5B (its `config.json`).
pub const QWEN_1_5B: ModelShape = ModelShape {
    name: "Qwen2.5-1.5B",
    num_layers: 28,
    hidden: 1536,
    intermediate: 8960,
    num_heads: 12,
    num_kv_heads: 2,
    vocab: 151_936,
    has_qkv_bias: true,
    num_ranks: 1,
};

/// Llama-3.1-8B.
pub const LLAMA_8B: ModelShape = ModelShape {
    name: "Llama-3.1-8B",
    num_layers: 32,
    hidden: 4096,
    intermediate: 14_336,
    num_heads: 32,
    num_kv_heads: 8,
    vocab: 128_256,
    has_qkv_bias: false,
    num_ranks: 1,
};

/// One of eight ranks of Llama-3.1-70B.
pub const LLAMA_70B_RANK: ModelShape = ModelShape {
    name: "Llama-3.1-70B, a rank of 8",
    num_layers: 80,
    hidden: 8192,
    intermediate: 3584,
    num_heads: 8,
    num_kv_heads: 1,
    vocab: 16_032,
    has_qkv_bias: false,
    num_ranks: 8,
};

impl ModelShape {
    /// Matrices of a layer, fused as the decoder fuses them.
    pub const NUM_LAYER_PRODUCTS: usize = 4;

    /// Rows and columns of a layer's matrices in the order in which a step multiplies by them.
    pub fn layer_products(&self) -> [(usize, usize); Self::NUM_LAYER_PRODUCTS] {
        let heads = self.num_heads * HEAD_DIM;
        let qkv = heads + 2 * self.num_kv_heads * HEAD_DIM;
        [
            (qkv, self.hidden),
            (self.hidden, heads),
            (2 * self.intermediate, self.hidden),
            (self.hidden, self.intermediate),
        ]
    }

    /// Bytes of weights that a decode step must read: all layers and the LM head, in bf16.
    pub fn weight_bytes(&self) -> usize {
        let layer: usize = self.layer_products().iter().map(|(rows, cols)| rows * cols).sum();
        2 * (self.num_layers * layer + self.vocab * self.hidden)
    }

    /// Bytes of a token's keys and values in all layers, in bf16.
    pub fn token_bytes(&self) -> usize {
        self.num_layers * self.num_kv_heads * HEAD_DIM * 4
    }

    /// Writes a model of these sizes with `num_layers` layers to an empty folder. The embedding is
    /// the LM head too, whatever the real model has: a step launches the same for it.
    ///
    /// # Errors
    /// What the file system answers.
    pub fn write(&self, folder: &Path, num_layers: usize) -> io::Result<()> {
        std::fs::write(folder.join("config.json"), self.config(num_layers).to_string())?;
        let mut header = Map::new();
        let mut end = 0;
        for (name, shape) in self.tensors(num_layers) {
            let start = end;
            end += 2 * shape.iter().product::<usize>();
            let tensor = json!({"dtype": "BF16", "shape": shape, "data_offsets": [start, end]});
            header.insert(name, tensor);
        }
        let header = Value::Object(header).to_string();
        let mut file = File::create(folder.join("model.safetensors"))?;
        file.write_all(&(header.len() as u64).to_le_bytes())?;
        file.write_all(header.as_bytes())?;
        file.set_len((8 + header.len() + end) as u64)
    }

    fn config(&self, num_layers: usize) -> Value {
        let (architecture, family) = match self.has_qkv_bias {
            true => ("Qwen2ForCausalLM", "qwen2"),
            false => ("LlamaForCausalLM", "llama"),
        };
        json!({
            "architectures": [architecture], "model_type": family, "torch_dtype": "bfloat16",
            "hidden_act": "silu", "hidden_size": self.hidden,
            "intermediate_size": self.intermediate, "num_hidden_layers": num_layers,
            "num_attention_heads": self.num_heads, "num_key_value_heads": self.num_kv_heads,
            "head_dim": HEAD_DIM, "vocab_size": self.vocab, "rms_norm_eps": 1e-5,
            "rope_theta": 500_000.0, "max_position_embeddings": MAX_CONTEXT,
            "tie_word_embeddings": true, "bos_token_id": 1, "eos_token_id": 2,
        })
    }

    fn tensors(&self, num_layers: usize) -> Vec<(String, Vec<usize>)> {
        let (q, kv) = (self.num_heads * HEAD_DIM, self.num_kv_heads * HEAD_DIM);
        let (hidden, ffn) = (self.hidden, self.intermediate);
        let mut all = vec![
            ("model.embed_tokens.weight".to_owned(), vec![self.vocab, hidden]),
            ("model.norm.weight".to_owned(), vec![hidden]),
        ];
        for layer in 0..num_layers {
            let mut add = |name: &str, shape: &[usize]| {
                all.push((format!("model.layers.{layer}.{name}"), shape.to_vec()));
            };
            add("input_layernorm.weight", &[hidden]);
            add("post_attention_layernorm.weight", &[hidden]);
            for (name, rows) in [("q_proj", q), ("k_proj", kv), ("v_proj", kv)] {
                add(&format!("self_attn.{name}.weight"), &[rows, hidden]);
                if self.has_qkv_bias {
                    add(&format!("self_attn.{name}.bias"), &[rows]);
                }
            }
            add("self_attn.o_proj.weight", &[hidden, q]);
            add("mlp.gate_proj.weight", &[ffn, hidden]);
            add("mlp.up_proj.weight", &[ffn, hidden]);
            add("mlp.down_proj.weight", &[hidden, ffn]);
        }
        all
    }
}
