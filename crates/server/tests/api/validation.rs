//! Every field's bad values are refused with a 400 that names the field; good ones pass.

use serde_json::{Map, Value, json};

use crate::fixture::{BEYOND, Setup, TestServer, post};

const CHAT: &str = "/v1/chat/completions";
const TEXT: &str = "/v1/completions";

async fn refused(server: &TestServer, path: &str, field: &str, value: Value) {
    let mut fields = Map::new();
    fields.insert(field.to_owned(), value.clone());
    refused_with(server, path, field, Value::Object(fields)).await;
}

async fn refused_with(server: &TestServer, path: &str, param: &str, fields: Value) {
    let answer = match path {
        CHAT => server.chat(fields.clone()).await,
        _ => server.complete(fields.clone()).await,
    };
    let shown = format!(
        "{path} {}: {}",
        &fields.to_string()[..80.min(fields.to_string().len())],
        answer.text()
    );
    assert_eq!(answer.status, 400, "{shown}");
    assert_eq!(answer.error("param"), param, "{shown}");
    assert_eq!(answer.error("type"), "invalid_request_error", "{shown}");
}

#[tokio::test]
async fn bad_values_of_shared_fields() {
    let server = Setup::answering("x").start();
    let long_list: Vec<u32> = vec![1; 5000];
    let bad: &[(&str, Vec<Value>)] = &[
        ("model", vec![json!(1)]),
        ("n", vec![json!(0), json!(129), json!(1_000_000), json!(-1), json!("2"), json!(1.5)]),
        ("best_of", vec![json!(2), json!(-1)]),
        ("temperature", vec![json!(-0.1), json!(2.1), json!(1e308), json!("1"), json!([1])]),
        ("top_p", vec![json!(0), json!(1.1), json!(-1)]),
        ("top_k", vec![json!(-2), json!(-5), json!(1.5)]),
        ("min_p", vec![json!(-0.1), json!(1.1)]),
        ("presence_penalty", vec![json!(-2.1), json!(2.1)]),
        ("frequency_penalty", vec![json!(-2.1), json!(2.1)]),
        ("repetition_penalty", vec![json!(0), json!(-1), json!(1e300)]),
        ("seed", vec![json!(1.5), json!("1"), json!(2e70)]),
        (
            "stop",
            vec![
                json!(""),
                json!(["a", ""]),
                json!(["1", "2", "3", "4", "5"]),
                json!(1),
                json!("x".repeat(2000)),
            ],
        ),
        ("stop_token_ids", vec![json!([259]), json!([-1]), json!("x"), json!(long_list)]),
        ("allowed_token_ids", vec![json!([]), json!([259]), json!(long_list)]),
        ("logit_bias", vec![json!({"259": 1}), json!({"x": 1}), json!({"-1": 1}), json!([1])]),
        ("min_tokens", vec![json!(-1), json!(600), json!(500)]),
        ("priority", vec![json!(1), json!("x")]),
        ("cache_salt", vec![json!(""), json!("a/b"), json!("a@b"), json!("x".repeat(129))]),
        ("request_id", vec![json!(""), json!("a b"), json!("x".repeat(129)), json!("\n")]),
        ("stream", vec![json!("yes"), json!(1)]),
        ("stream_options", vec![json!({"include_usage": true}), json!(1)]),
        ("stream_interval", vec![json!(0), json!(-1)]),
        ("truncate_prompt_tokens", vec![json!(0), json!(-2), json!(512)]),
        ("truncation_side", vec![json!("middle")]),
        ("ignore_eos", vec![json!("x")]),
        ("echo", vec![json!(1)]),
        (
            "max_tokens",
            vec![json!(0), json!(-1), json!(9_223_372_036_854_775_808u64), json!(600), json!(511)],
        ),
    ];
    for path in [CHAT, TEXT] {
        for (field, values) in bad {
            for value in values {
                refused(&server, path, field, value.clone()).await;
            }
        }
    }
}

#[tokio::test]
async fn bad_values_of_chat_fields() {
    let server = Setup::answering("x").start();
    let user = |content: Value| json!([{"role": "user", "content": content}]);
    let bad = [
        ("messages", json!([])),
        ("messages", json!("hi")),
        ("messages", json!([{"role": "robot", "content": "x"}])),
        ("messages", json!([{"role": "user"}])),
        ("messages", user(json!([{"type": "image_url", "image_url": {"url": "http://x"}}]))),
        ("messages", user(json!([{"type": "input_audio", "input_audio": {}}]))),
        ("messages", user(json!([{"type": "text"}]))),
        ("messages", user(json!({"a": 1}))),
        ("max_completion_tokens", json!(0)),
        ("top_logprobs", json!(3)),
        ("top_logprobs", json!(-2)),
        ("logprobs", json!(3)),
        ("continue_final_message", json!(1)),
        ("chat_template_kwargs", json!({"messages": []})),
        ("chat_template_kwargs", json!({"bos_token": "x"})),
        ("chat_template_kwargs", json!([])),
    ];
    for (field, value) in bad {
        refused(&server, CHAT, field, value).await;
    }
    for (param, fields) in [
        ("top_logprobs", json!({"logprobs": true, "top_logprobs": 21})),
        ("top_logprobs", json!({"logprobs": true, "top_logprobs": -1})),
        ("n", json!({"n": 2, "temperature": 0})),
        ("min_tokens", json!({"min_tokens": 5, "max_tokens": 4})),
        (
            "continue_final_message",
            json!({"continue_final_message": true, "add_generation_prompt": true}),
        ),
    ] {
        refused_with(&server, CHAT, param, fields).await;
    }
}

#[tokio::test]
async fn bad_values_of_completion_fields() {
    let server = Setup::answering("x").start();
    let too_many = json!(vec!["a"; 1025]);
    let bad = [
        ("prompt", json!(null)),
        ("prompt", json!("")),
        ("prompt", json!([])),
        ("prompt", json!([[]])),
        ("prompt", json!([259])),
        ("prompt", json!([-1])),
        ("prompt", json!([[1], "a"])),
        ("prompt", json!({"a": 1})),
        ("prompt", json!("x".repeat(512))),
        ("prompt", json!("x".repeat(1_000_000))),
        ("prompt", too_many),
        ("logprobs", json!(21)),
        ("logprobs", json!(-1)),
        ("logprobs", json!(true)),
    ];
    for (field, value) in bad {
        refused(&server, TEXT, field, value).await;
    }
    for (param, fields) in [
        ("logprobs", json!({"echo": true, "logprobs": 1})),
        ("n", json!({"n": 128, "prompt": vec!["a"; 10]})),
        ("max_tokens", json!({"max_tokens": 400, "prompt": "x".repeat(200)})),
    ] {
        refused_with(&server, TEXT, param, fields).await;
    }
    let answer = server.complete(json!({"prompt": "x".repeat(600)})).await;
    assert_eq!(answer.error("code"), "context_length_exceeded");
}

#[tokio::test]
async fn features_of_later_are_refused_by_name_and_their_neutral_values_pass() {
    let server = Setup::answering("x").start();
    let both = [
        ("response_format", json!({"type": "json_object"}), json!({"type": "text"})),
        ("structured_outputs", json!({"json": {}}), json!(null)),
        ("guided_json", json!({}), json!(null)),
        ("guided_regex", json!("a"), json!(null)),
        ("prompt_logprobs", json!(0), json!(null)),
        ("use_beam_search", json!(true), json!(false)),
        ("length_penalty", json!(2.0), json!(1.0)),
        ("bad_words", json!(["x"]), json!([])),
        ("logprob_token_ids", json!([1]), json!([])),
        ("kv_transfer_params", json!({"a": 1}), json!(null)),
        ("lora_path", json!("x"), json!(null)),
    ];
    for (field, active, neutral) in both {
        for path in [CHAT, TEXT] {
            refused(&server, path, field, active.clone()).await;
        }
        let mut fields = Map::new();
        fields.insert(field.into(), neutral);
        let answer = server.chat(Value::Object(fields)).await;
        assert_eq!(answer.status, 200, "{field}: {}", answer.text());
    }
    let chat = [
        ("tools", json!([])),
        ("tools", json!([{"type": "function"}])),
        ("tool_choice", json!("auto")),
        ("chat_template", json!("{{ x }}")),
        ("reasoning_effort", json!("high")),
        ("documents", json!([{}])),
    ];
    for (field, active) in chat {
        refused(&server, CHAT, field, active).await;
    }
    refused(&server, TEXT, "suffix", json!("tail")).await;
    let answer = server.chat(json!({"tool_choice": "none"})).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn good_values_at_the_edges_pass() {
    let server = Setup::answering("x").start();
    let good = [
        json!({"temperature": 0}),
        json!({"temperature": 2, "top_p": 1e-300, "top_k": -1, "min_p": 1}),
        json!({"temperature": -0.0}),
        json!({"top_k": 9_000_000_000u64}),
        json!({"repetition_penalty": 0.1, "presence_penalty": -2, "frequency_penalty": 2}),
        json!({"seed": -1, "logit_bias": {"97": 1000, "98": -1000}}),
        json!({"seed": 9_223_372_036_854_775_807i64}),
        json!({"best_of": 1, "n": 1, "model": null, "stop": null}),
        json!({"stop": ["1", "2", "3", "4"], "stop_token_ids": [0, 258]}),
        json!({"allowed_token_ids": [97], "priority": 0, "cache_salt": "tenant"}),
        json!({"skip_special_tokens": false, "spaces_between_special_tokens": false}),
        json!({"request_id": "mine", "user": "u", "store": true, "metadata": {"a": "b"}}),
    ];
    for fields in good {
        for path in [CHAT, TEXT] {
            let answer = match path {
                CHAT => server.chat(fields.clone()).await,
                _ => server.complete(fields.clone()).await,
            };
            assert_eq!(answer.status, 200, "{path} {fields}: {}", answer.text());
            assert_eq!(answer.header("x-ropeway-ignored-fields"), "");
        }
    }
    let kwargs = json!({"chat_template_kwargs": {"enable_thinking": false}});
    assert_eq!(server.chat(kwargs).await.status, 200);
    let named = server.chat(json!({"request_id": "mine"})).await.json();
    assert_eq!(named["id"], "chatcmpl-mine");
}

#[tokio::test]
async fn unknown_fields_are_listed_and_unknown_models_are_not_found() {
    let server = Setup::answering("x").start();
    let answer =
        server.chat(json!({"xtc_probability": 0.5, "dry_base": 1, "temperature": 1})).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("x-ropeway-ignored-fields"), "dry_base, xtc_probability");
    let answer = server.chat(json!({"stream": true, "typo": 1})).await;
    assert_eq!(answer.header("x-ropeway-ignored-fields"), "typo");
    for name in ["../../etc/passwd", "", "\u{1F600}"] {
        let answer = server.chat(json!({"model": name})).await;
        assert_eq!((answer.status.as_u16(), answer.error("code")), (404, json!("model_not_found")));
        assert_eq!(answer.error("param"), "model");
    }
}

#[tokio::test]
async fn bodies_that_are_not_requests() {
    let server = Setup::answering("x").start();
    let deep = format!("{{\"messages\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let bodies: [&[u8]; 7] =
        [b"", b"hello", b"[]", b"\xff\xfe", b"{\"messages\": ", b"{}", deep.as_bytes()];
    for body in bodies {
        let answer = server.send(post(CHAT, body.to_vec())).await;
        assert_eq!(answer.status, 400, "{}", answer.text());
        assert_eq!(answer.error("type"), "invalid_request_error");
    }
    let lone_surrogate = br#"{"prompt": "\ud800"}"#.to_vec();
    assert_eq!(server.send(post(TEXT, lone_surrogate)).await.status, 400);
    let nul = br#"{"prompt": "a\u0000b<|endoftext|>"}"#.to_vec();
    assert_eq!(server.send(post(TEXT, nul)).await.status, 200);
}

/// A tokenizer may have tokens for which the model has no row; one of them in a step would fail it
/// for everybody.
#[tokio::test]
async fn text_with_a_token_that_the_model_lacks() {
    let server = Setup::answering("x").start();
    let text = format!("abc{BEYOND}");
    let message = json!({"role": "user", "content": text});
    for (path, param, fields) in [
        (TEXT, "prompt", json!({"prompt": text})),
        (TEXT, "prompt", json!({"prompt": ["a", text]})),
        (CHAT, "messages", json!({"messages": [message]})),
    ] {
        refused_with(&server, path, param, fields).await;
    }
    let cut = json!({"prompt": text, "truncate_prompt_tokens": 3, "truncation_side": "right"});
    assert_eq!(server.complete(cut).await.status, 200, "it is cut away");
}
