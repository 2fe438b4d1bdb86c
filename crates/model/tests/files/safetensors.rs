//! Valid safetensors folders: single, sharded, tied, with biases and head norms.

use backend::{DType, KvScales, TensorShape};
use model::{Family, LayerTensor, TensorRole};
use serde_json::json;

use crate::builders::{Folder, f32_bytes, llama_config, llama_tensors, numbers, safetensors_file};

#[test]
fn loads_the_bytes_that_were_written() {
    let files = Folder::llama();
    let model = files.open().unwrap();
    let tensors = llama_tensors();
    for role in model.spec.roles() {
        let name = model.name(role);
        let (_, shape, numbers) = tensors.iter().find(|(found, _, _)| *found == name).unwrap();
        let rows = if shape.len() == 1 { 1 } else { shape[0] };
        let expected = TensorShape { dtype: DType::F32, rows, cols: shape[shape.len() - 1] };
        assert_eq!(model.shape(role).unwrap(), expected, "{name}");
        assert_eq!(model.load(role).unwrap(), f32_bytes(numbers), "{name}");
    }
    assert_eq!(model.tensors().count(), tensors.len());
    let num_parameters: usize = tensors.iter().map(|(_, _, numbers)| numbers.len()).sum();
    assert_eq!(model.num_parameters(), num_parameters as u64);
    assert_eq!(model.num_bytes(), 4 * num_parameters as u64);
}

#[test]
fn reads_parts_of_a_weight() {
    let files = Folder::llama();
    let model = files.open().unwrap();
    let role = TensorRole::Layer { idx: 1, tensor: LayerTensor::Down };
    let whole = model.load(role).unwrap();
    let mut part = vec![0; 100];
    model.read_into(role, 333, &mut part).unwrap();
    assert_eq!(part, whole[333..433]);
}

#[test]
fn shards_are_one_model() {
    let folder = Folder::llama();
    let whole = folder.open().unwrap();
    let expected = whole.load(TensorRole::LmHead).unwrap();
    let tensors = llama_tensors();
    let (first, second) = tensors.split_at(7);
    folder.write("model-00001-of-00002.safetensors", safetensors_file(first));
    folder.write("model-00002-of-00002.safetensors", safetensors_file(second));
    let shard = |i: usize| format!("model-0000{}-of-00002.safetensors", 1 + usize::from(i >= 7));
    let map: serde_json::Map<_, _> =
        tensors.iter().enumerate().map(|(i, tensor)| (tensor.0.clone(), json!(shard(i)))).collect();
    folder.write(
        "model.safetensors.index.json",
        json!({ "metadata": {}, "weight_map": map }).to_string(),
    );
    std::fs::remove_file(folder.path().join("model.safetensors")).unwrap();
    let sharded = folder.open().unwrap();
    assert_eq!(sharded.load(TensorRole::LmHead).unwrap(), expected);
    assert!(sharded.tensors().eq(whole.tensors()));
}

#[test]
fn tied_models_need_no_head() {
    let mut config = llama_config();
    config["tie_word_embeddings"] = json!(true);
    let folder = Folder::with_config(&config);
    let without_head: Vec<_> =
        llama_tensors().into_iter().filter(|tensor| tensor.0 != "lm_head.weight").collect();
    folder.write("model.safetensors", safetensors_file(&without_head));
    let model = folder.open().unwrap();
    assert!(model.spec.tie_word_embeddings);
    assert!(!model.spec.roles().any(|role| role == TensorRole::LmHead));
    assert!(model.shape(TensorRole::LmHead).is_err());
}

#[test]
fn qwen2_has_biases_and_qwen3_head_norms() {
    let open = |architecture: &str, extra: &[(&str, usize)]| {
        let mut config = llama_config();
        config["architectures"] = json!([architecture]);
        config["head_dim"] = json!(8);
        let folder = Folder::with_config(&config);
        let mut tensors = llama_tensors();
        for layer in 0..2 {
            for (name, len) in extra {
                let name = format!("model.layers.{layer}.self_attn.{name}");
                tensors.push((name, vec![*len], numbers(99, *len)));
            }
        }
        folder.write("model.safetensors", safetensors_file(&tensors));
        folder.open()
    };
    let biases = [("q_proj.bias", 32), ("k_proj.bias", 16), ("v_proj.bias", 16)];
    let qwen2 = open("Qwen2ForCausalLM", &biases).unwrap();
    assert_eq!((qwen2.spec.family, qwen2.spec.attention_bias), (Family::Qwen2, true));
    let bias = TensorRole::Layer { idx: 1, tensor: LayerTensor::KBias };
    assert_eq!(qwen2.load(bias).unwrap(), f32_bytes(&numbers(99, 16)));

    let norms = [("q_norm.weight", 8), ("k_norm.weight", 8)];
    let qwen3 = open("Qwen3ForCausalLM", &norms).unwrap();
    assert!(qwen3.spec.qk_norm && !qwen3.spec.attention_bias);
    assert_eq!(qwen3.spec.layer_tensors().count(), 11);

    // What the family does not have is refused, not ignored; what it needs must be there.
    let message = open("LlamaForCausalLM", &norms).unwrap_err().to_string();
    assert!(message.contains("self_attn.k_norm.weight"), "{message}");
    let message = open("Qwen2ForCausalLM", &biases[..2]).unwrap_err().to_string();
    assert!(message.contains("self_attn.v_proj.bias"), "{message}");
}

/// The tiny Llama with scales of an FP8 cache: name after the layer, shape, numbers.
fn with_scales(scales: &[(&str, Vec<usize>, Vec<f32>)]) -> Folder {
    let folder = Folder::llama();
    let named = scales.iter().map(|(name, shape, numbers)| {
        (format!("model.layers.{name}"), shape.clone(), numbers.clone())
    });
    let tensors: Vec<_> = llama_tensors().into_iter().chain(named).collect();
    folder.write("model.safetensors", safetensors_file(&tensors));
    folder
}

#[test]
fn scales_of_an_fp8_cache_in_both_spellings() {
    let none = Folder::llama().open().unwrap().kv_scales().unwrap();
    assert_eq!(none, [KvScales::default(); 2]);
    let folder = with_scales(&[
        ("0.self_attn.k_scale", vec![], vec![0.25]),
        ("0.self_attn.v_scale", vec![1], vec![0.5]),
        ("1.self_attn.k_proj.k_scale", vec![1], vec![0.03]),
        ("1.self_attn.v_proj.v_scale", vec![], vec![3.0]),
    ]);
    // Twice as large for FNUZ.
    let expected = [(0.5, 1.0), (0.06, 6.0)].map(|(key, value)| KvScales { key, value });
    assert_eq!(folder.open().unwrap().kv_scales().unwrap(), expected);
}

#[test]
fn odd_scales_of_an_fp8_cache_are_refused_when_they_are_used() {
    let value = ("1.self_attn.v_scale", vec![1], vec![1.0]);
    for (key, part) in [
        (None, "`model.layers.1.self_attn.k_scale`: is missing"),
        (Some((vec![2], vec![1.0, 1.0])), "[1, 2]"),
        (Some((vec![1], vec![0.0])), "is 0;"),
        (Some((vec![1], vec![f32::NAN])), "is NaN;"),
    ] {
        let key = key.map(|(shape, numbers)| ("1.self_attn.k_scale", shape, numbers));
        let scales: Vec<_> = key.into_iter().chain([value.clone()]).collect();
        let error = with_scales(&scales).open().unwrap().kv_scales().unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
    let beyond = with_scales(&[("2.self_attn.k_scale", vec![1], vec![1.0])]);
    let error = beyond.open().unwrap_err().to_string();
    assert!(error.contains("model.layers.2.self_attn.k_scale"), "{error}");
}
