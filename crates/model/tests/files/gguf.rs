//! Valid GGUF files: spec, tokenizer and weights as the folder of the same model has them, and the
//! test model.

use backend::{DType, RopeTable};
use model::{
    Family, GgufTokenizerData, LayerTensor, ModelFiles, ModelSpec, RopeScaling, TensorRole,
    TokenizerSource,
};

use crate::builders::{Folder, Gguf, GgufFile, f32_bytes};

fn spec(gguf: &Gguf) -> ModelSpec {
    gguf.write().open().unwrap().spec
}

/// Both formats of one model are the same model, rotation order included.
#[test]
fn same_weights_as_the_folder() {
    let (folder, file) = (Folder::llama(), Gguf::llama().write());
    let (expected, found) = (folder.open().unwrap(), file.open().unwrap());
    for role in expected.spec.roles() {
        assert_eq!(found.shape(role).unwrap(), expected.shape(role).unwrap(), "{role:?}");
        let (bytes, whole) = (found.load(role).unwrap(), expected.load(role).unwrap());
        assert_eq!(bytes, whole, "{role:?}");
        let mut part = vec![0; whole.len() - 50];
        found.read_into(role, 30, &mut part).unwrap();
        assert_eq!(part, whole[30..whole.len() - 20], "{role:?}");
    }
    let mut expected_spec = expected.spec.clone();
    // The file also names `<|im_end|>`, token 7.
    expected_spec.eos_token_ids = vec![2, 7];
    assert_eq!(found.spec, expected_spec);
}

#[test]
fn version_2_reads_the_same() {
    let gguf = Gguf { version: 2, ..Gguf::llama() };
    assert_eq!(spec(&gguf), spec(&Gguf::llama()));
}

#[test]
fn tokenizer_fields() {
    let file = Gguf::llama().write();
    let TokenizerSource::Gguf(tokenizer) = file.open().unwrap().tokenizer else { panic!() };
    let expected = GgufTokenizerData {
        model: "gpt2".into(),
        pre: Some("smollm".into()),
        tokens: (0..40)
            .map(|id| if id == 7 { "<|im_end|>".into() } else { format!("t{id}") })
            .collect(),
        token_types: vec![1; 40],
        merges: vec!["t 1".into()],
        bos_token_id: Some(1),
        eos_token_id: Some(2),
        add_bos_token: Some(true),
        chat_template: Some("{{ messages }}".into()),
        ..GgufTokenizerData::default()
    };
    assert_eq!(*tokenizer, expected);
}

#[test]
fn tied_when_there_is_no_output() {
    let mut gguf = Gguf::llama();
    gguf.tensors.retain(|tensor| tensor.0 != "output.weight");
    assert!(spec(&gguf).tie_word_embeddings);
}

#[test]
fn sliding_window_makes_a_mistral() {
    let mut gguf = Gguf::llama();
    gguf.u32("llama.attention.sliding_window", 64);
    assert_eq!((spec(&gguf).family, spec(&gguf).window(1)), (Family::Mistral, Some(64)));
    for no_shorter in [0, 128, u32::MAX] {
        gguf.u32("llama.attention.sliding_window", no_shorter);
        assert_eq!((spec(&gguf).family, spec(&gguf).window(1)), (Family::Llama, None));
    }
}

#[test]
fn rope_scaling_keys_and_divisors() {
    let mut gguf = Gguf::llama();
    gguf.text("llama.rope.scaling.type", "linear");
    gguf.f32("llama.rope.scaling.factor", 4.0);
    assert_eq!(spec(&gguf).rope.scaling, RopeScaling::Linear { factor: 4.0 });
    gguf.text("llama.rope.scaling.type", "yarn");
    gguf.u32("llama.rope.scaling.original_context_length", 32);
    let RopeScaling::Yarn { original_max_position, attention_factor, .. } =
        spec(&gguf).rope.scaling
    else {
        panic!()
    };
    assert_eq!(original_max_position, 32.0);
    assert!((attention_factor - 1.138_629_436).abs() < 1e-9);

    let mut gguf = Gguf::llama();
    let divisors = vec![1.0, 1.0, 2.5, 8.0];
    gguf.tensors.push(("rope_freqs.weight".into(), vec![4], 0, f32_bytes(&divisors)));
    assert_eq!(spec(&gguf).rope.scaling, RopeScaling::Divisors { divisors });
}

#[test]
fn qwen2_is_not_reordered() {
    let mut gguf = Gguf::llama();
    for (key, _, _) in &mut gguf.metadata {
        *key = key.replace("llama.", "qwen2.");
    }
    gguf.text("general.architecture", "qwen2");
    for layer in 0..2 {
        for (name, len) in [("attn_q", 32), ("attn_k", 16), ("attn_v", 16)] {
            let data = f32_bytes(&vec![0.5; len]);
            gguf.tensors.push((format!("blk.{layer}.{name}.bias"), vec![len as u64], 0, data));
        }
    }
    let stored = gguf.tensor("blk.0.attn_q.weight").3.clone();
    let file = gguf.write();
    let model = file.open().unwrap();
    assert_eq!((model.spec.family, model.spec.attention_bias), (Family::Qwen2, true));
    assert_eq!(model.load(TensorRole::Layer { idx: 0, tensor: LayerTensor::Q }).unwrap(), stored);
}

/// Rows move whole, so quantised q and k are reordered like plain ones.
#[test]
fn quantised_rows_move_whole() {
    let mut gguf = Gguf::llama();
    let rows: Vec<[u8; 20]> = (0..32).map(|row| [row; 20]).collect();
    let tensor = gguf.tensor("blk.1.attn_q.weight");
    (tensor.2, tensor.3) = (3, rows.concat());
    let file = gguf.write();
    let model = file.open().unwrap();
    let role = TensorRole::Layer { idx: 1, tensor: LayerTensor::Q };
    assert_eq!(model.shape(role).unwrap().dtype, DType::Q4_1);
    let order: Vec<u8> = model.load(role).unwrap().chunks(20).map(|row| row[0]).collect();
    assert_eq!(order[..8], [0, 2, 4, 6, 1, 3, 5, 7]);
    assert_eq!(order[24..], [24, 26, 28, 30, 25, 27, 29, 31]);
}

/// The model of the end-to-end tests.
#[test]
fn reads_the_test_model() {
    let path = std::env::var_os("ROPEWAY_TEST_MODEL")
        .expect("set ROPEWAY_TEST_MODEL to SmolLM2-135M-Instruct.Q4_1.gguf (scripts/test.sh does)");
    let model = ModelFiles::open(path.as_ref()).unwrap();
    let spec = &model.spec;
    assert_eq!((spec.num_layers, spec.hidden_size, spec.intermediate_size), (30, 576, 1536));
    assert_eq!((spec.num_heads, spec.num_kv_heads, spec.head_dim), (9, 3, 64));
    assert_eq!((spec.vocab_size, spec.tie_word_embeddings), (49_152, true));
    assert_eq!((spec.max_position, spec.rope.theta), (8192, 100_000.0));
    assert_eq!(spec.eos_token_ids, [0, 2]);
    assert_eq!(model.shape(TensorRole::Embedding).unwrap().dtype, DType::Q8_0);
    assert_eq!(model.num_parameters(), 134_515_008);
    for role in spec.roles() {
        let shape = model.shape(role).unwrap();
        let bytes = shape.dtype.row_bytes(shape.cols).unwrap() * shape.rows;
        assert_eq!(model.load(role).unwrap().len(), bytes);
    }
    let TokenizerSource::Gguf(tokenizer) = &model.tokenizer else { panic!() };
    assert_eq!((tokenizer.tokens.len(), tokenizer.pre.as_deref()), (49_152, Some("smollm")));
    let RopeTable { rotary_dim, cos, sin } = spec.rope.table(2);
    assert_eq!((rotary_dim, cos.len(), sin[32]), (64, 64, 1f64.sin() as f32));
}

#[test]
fn a_gguf_by_content_not_by_name() {
    let file = GgufFile::new(b"not a model");
    assert!(file.open().unwrap_err().to_string().contains("magic"));
}
