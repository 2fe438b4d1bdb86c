//! `config.json` and `generation_config.json`: what is read, and row F4.

use model::{Family, ModelError, RopeScaling};
use serde_json::{Value, json};

use crate::builders::{Folder, assert_refused, llama_config};

/// The tiny Llama's configuration with fields changed; `null` removes one.
fn changed(changes: Value) -> Value {
    let mut config = llama_config();
    let fields = config.as_object_mut().unwrap();
    for (key, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(fields.shift_remove(key)),
            value => drop(fields.insert(key.clone(), value.clone())),
        }
    }
    config
}

#[test]
fn reads_a_llama() {
    let spec = Folder::llama().open().unwrap().spec;
    assert_eq!(spec.family, Family::Llama);
    assert_eq!((spec.num_layers, spec.hidden_size, spec.intermediate_size), (2, 32, 64));
    assert_eq!((spec.num_heads, spec.num_kv_heads, spec.head_dim), (4, 2, 8));
    assert_eq!((spec.vocab_size, spec.max_position, spec.norm_eps), (40, 128, 1e-5));
    assert_eq!((spec.rope.theta, spec.rope.rotary_dim), (10_000.0, 8));
    assert_eq!((spec.bos_token_id, spec.eos_token_ids), (Some(1), vec![2]));
    assert!(!spec.attention_bias && !spec.qk_norm && !spec.tie_word_embeddings);
}

#[test]
fn generation_config_adds_end_tokens_and_sampling() {
    let folder = Folder::llama();
    let generation =
        json!({ "eos_token_id": [3, 2], "temperature": 0.6, "top_p": 0.9, "top_k": 20 });
    folder.write("generation_config.json", generation.to_string());
    let spec = folder.open().unwrap().spec;
    assert_eq!(spec.eos_token_ids, [2, 3]);
    assert_eq!(spec.generation.temperature, Some(0.6));
    assert_eq!((spec.generation.top_p, spec.generation.top_k), (Some(0.9), Some(20)));
    assert_eq!(spec.generation.repetition_penalty, None);
}

#[test]
fn rope_scaling_in_old_and_new_spelling() {
    let llama3 = json!({
        "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 64
    });
    let scaling = Folder::with_config(&changed(json!({ "rope_scaling": llama3 })));
    let mut parameters = llama3.clone();
    parameters["rope_theta"] = json!(500_000.0);
    let new = changed(json!({ "rope_parameters": parameters, "rope_theta": null }));
    let (old, new) = (scaling.open().unwrap().spec, Folder::with_config(&new).open().unwrap().spec);
    assert_eq!(old.rope.scaling, new.rope.scaling);
    assert_eq!((old.rope.theta, new.rope.theta), (10_000.0, 500_000.0));
    assert!(matches!(old.rope.scaling, RopeScaling::Llama3 { factor: 8.0, .. }));

    let yarn = json!({ "type": "yarn", "factor": 4.0, "original_max_position_embeddings": 128 });
    let spec = Folder::with_config(&changed(json!({ "rope_scaling": yarn }))).open().unwrap().spec;
    assert!(matches!(spec.rope.scaling, RopeScaling::Yarn { .. }));
    assert_eq!(spec.max_position, 512);
}

#[test]
fn sliding_windows_by_family() {
    let mistral = |window: Value| {
        let config = json!({ "architectures": ["MistralForCausalLM"] });
        let mut config = changed(config);
        config["sliding_window"] = window;
        Folder::with_config(&config).open().unwrap().spec
    };
    let spec = mistral(json!(64));
    assert_eq!(
        (spec.family, spec.window(0), spec.window(1)),
        (Family::Mistral, Some(64), Some(64))
    );
    assert_eq!(mistral(json!(128)).window(0), None, "no shorter than the context");
    assert_eq!(mistral(Value::Null).sliding_window, None);
    // Llama's class has no window; the field is a leftover.
    let llama = Folder::with_config(&changed(json!({ "sliding_window": 64 })));
    assert_eq!(llama.open().unwrap().spec.sliding_window, None);
}

/// F4: every lie is refused by the name of its field.
#[test]
fn f4_refuses_lies_by_field() {
    for (field, value) in [
        ("num_hidden_layers", json!(0)),
        ("num_hidden_layers", json!(-1)),
        ("num_hidden_layers", json!(1_000_000_000)),
        ("num_hidden_layers", json!("2")),
        ("num_hidden_layers", json!(2.5)),
        ("num_attention_heads", json!(5)),
        ("num_key_value_heads", json!(3)),
        ("hidden_size", json!(u64::MAX)),
        ("head_dim", json!(7)),
        ("vocab_size", json!(0)),
        ("vocab_size", json!(1u64 << 40)),
        ("rms_norm_eps", json!(-1e-5)),
        ("rope_theta", json!("nan")),
        ("rope_theta", json!(0)),
        ("rope_scaling", json!({ "type": "dynamic", "factor": 2.0 })),
        ("rope_scaling", json!({ "rope_type": "linear" })),
        ("rope_scaling", json!({ "rope_type": "linear", "factor": "inf" })),
        ("eos_token_id", json!(40)),
        ("eos_token_id", json!("</s>")),
        ("bos_token_id", json!(-1)),
        ("hidden_act", json!("gelu")),
        ("mlp_bias", json!(true)),
        ("attention_bias", json!(true)),
        ("quantization_config", json!({ "quant_method": "awq" })),
        ("auto_map", json!({ "AutoModelForCausalLM": "modeling_evil.EvilModel" })),
        ("layer_types", json!(["sliding_attention"])),
    ] {
        let mut changes = json!({ field: value });
        if field == "layer_types" {
            changes["architectures"] = json!(["MistralForCausalLM"]);
            changes["sliding_window"] = json!(16);
        }
        let folder = Folder::with_config(&changed(changes));
        assert_refused(folder.path(), field);
    }
    let missing = Folder::with_config(&changed(json!({ "hidden_size": null })));
    assert_refused(missing.path(), "hidden_size");
    // A vocabulary that does not fit the embedding shows in the tensor.
    let vocab = Folder::with_config(&changed(json!({ "vocab_size": 41 })));
    assert_refused(vocab.path(), "model.embed_tokens.weight");
}

#[test]
fn f4_refuses_bad_json_and_large_files() {
    let folder = Folder::llama();
    for (text, place) in [
        (r#"{"rope_theta": NaN}"#.to_owned(), "JSON"),
        ("[".repeat(100_000), "JSON"),
        ("[]".to_owned(), "JSON"),
        (format!("[{}1]", "0,".repeat(125_000)), "JSON"),
        (" ".repeat(300 << 10), "limit"),
    ] {
        folder.write("config.json", text);
        assert_refused(folder.path(), place);
    }
}

#[test]
fn unknown_architectures_are_refused_with_the_list() {
    let config = changed(json!({ "architectures": ["GPT2LMHeadModel"] }));
    let error = Folder::with_config(&config).open().unwrap_err();
    assert!(matches!(error, ModelError::Architecture { .. }));
    let message = error.to_string();
    for part in ["GPT2LMHeadModel", "LlamaForCausalLM", "Qwen3ForCausalLM"] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn generation_config_is_checked_too() {
    let folder = Folder::llama();
    for (field, value) in [
        ("temperature", json!(-1)),
        ("top_p", json!(0)),
        ("top_k", json!(-5)),
        ("repetition_penalty", json!(0)),
        ("eos_token_id", json!(vec![1; 65])),
    ] {
        folder.write("generation_config.json", json!({ field: value }).to_string());
        assert_refused(folder.path(), field);
    }
}
