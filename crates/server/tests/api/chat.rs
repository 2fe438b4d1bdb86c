//! `/v1/chat/completions`: bodies, streams, and that both say the same.

use serde_json::{Value, json};
use types::NO_TOKEN;

use crate::fixture::{MODEL, Setup, held_gate, stable};

#[tokio::test]
async fn a_whole_answer() {
    let server = Setup::answering("Hello").start();
    let answer = server.chat(json!({})).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("x-request-id"), "test-id");
    insta::assert_snapshot!(stable(&answer.text()));
    server.settles().await;
}

#[tokio::test]
async fn a_whole_answer_with_everything() {
    let server = Setup::answering("Hi").start();
    let fields = json!({
        "logprobs": true, "top_logprobs": 2, "n": 2, "return_token_ids": true, "seed": 1,
        "model": "org/tiny-alias",
    });
    insta::assert_snapshot!(stable(&server.chat(fields).await.text()));
}

#[tokio::test]
async fn a_stream() {
    let server = Setup::answering("Hey").start();
    let fields = json!({"stream": true, "stream_options": {"include_usage": true}});
    let answer = server.chat(fields).await;
    assert_eq!(answer.header("content-type"), "text/event-stream; charset=utf-8");
    insta::assert_snapshot!(stable(&answer.text()));
}

#[tokio::test]
async fn a_stream_with_logprobs_token_ids_and_running_usage() {
    let server = Setup::answering("Hi").start();
    let answer = server
        .chat(json!({
            "stream": true, "logprobs": true, "return_token_ids": true,
            "return_tokens_as_token_ids": true,
            "stream_options": {"include_usage": true, "continuous_usage_stats": true},
        }))
        .await;
    insta::assert_snapshot!(stable(&answer.text()));
}

#[tokio::test]
async fn several_choices_finish_once_each_and_stream_what_they_answer() {
    let server = Setup::answering("One and two").start();
    let whole = server.chat(json!({"n": 3})).await.json();
    let frames = server.chat(json!({"n": 3, "stream": true})).await.frames();
    for index in 0..3usize {
        let of_choice: Vec<&Value> = frames
            .iter()
            .flat_map(|frame| frame["choices"].as_array().unwrap())
            .filter(|choice| choice["index"] == index)
            .collect();
        let roles = of_choice.iter().filter(|choice| choice["delta"]["role"] == "assistant");
        let finishes = of_choice.iter().filter(|choice| !choice["finish_reason"].is_null());
        assert_eq!((roles.count(), finishes.count()), (1, 1));
        assert_eq!(of_choice.last().unwrap()["finish_reason"], "stop");
        let text: String =
            of_choice.iter().filter_map(|choice| choice["delta"]["content"].as_str()).collect();
        assert_eq!(text, "One and two");
        assert_eq!(whole["choices"][index]["message"]["content"], "One and two");
    }
    assert_eq!(whole["usage"]["completion_tokens"], 3 * 12);
}

#[tokio::test]
async fn the_stream_interval_joins_tokens_after_the_first() {
    let server = Setup::answering("abcdef").start();
    let frames = server.chat(json!({"stream": true, "stream_interval": 3})).await.frames();
    let contents: Vec<&str> =
        frames.iter().map(|f| f["choices"][0]["delta"]["content"].as_str().unwrap()).collect();
    assert_eq!(contents, ["", "a", "bcd", "ef"]);
}

#[tokio::test]
async fn stop_tokens_and_limits_are_named() {
    let server = Setup::answering("abcdef").start();
    let stopped = server.chat(json!({"stop_token_ids": [b'c']})).await.json();
    let choice = &stopped["choices"][0];
    assert_eq!(choice["message"]["content"], "ab");
    assert_eq!((&choice["finish_reason"], &choice["stop_reason"]), (&json!("stop"), &json!(b'c')));
    let kept = json!({"stop_token_ids": [b'c'], "include_stop_str_in_output": true});
    assert_eq!(server.chat(kept).await.json()["choices"][0]["message"]["content"], "abc");
    let cut = server.chat(json!({"max_completion_tokens": 2, "max_tokens": 4})).await.json();
    assert_eq!(cut["choices"][0]["message"]["content"], "ab");
    assert_eq!(cut["choices"][0]["finish_reason"], "length");
    let on = server.chat(json!({"ignore_eos": true, "max_tokens": 9})).await.json();
    assert_eq!(on["usage"]["completion_tokens"], 9);
}

#[tokio::test]
async fn the_last_message_can_be_continued_and_echoed() {
    let server = Setup::answering(" world").start();
    let fields = json!({
        "messages": [{"role": "user", "content": "Go"}, {"role": "assistant", "content": "Hello"}],
        "continue_final_message": true, "add_generation_prompt": false, "echo": true,
    });
    let whole = server.chat(fields.clone()).await.json();
    assert_eq!(whole["choices"][0]["message"]["content"], "Hello world");
    let mut fields = fields;
    fields["stream"] = json!(true);
    let text: String = server
        .chat(fields)
        .await
        .frames()
        .iter()
        .map(|frame| frame["choices"][0]["delta"]["content"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(text, "Hello world");
}

#[tokio::test]
async fn broken_utf8_is_shown_as_replacement_and_whole_characters_are_not_cut() {
    let mut setup = Setup::answering("");
    setup.script = vec![0xE2, 0x82, 0xAC, 0xC3, 256];
    let server = setup.start();
    let frames = server.chat(json!({"stream": true})).await.frames();
    let contents: Vec<&str> =
        frames.iter().map(|f| f["choices"][0]["delta"]["content"].as_str().unwrap()).collect();
    assert_eq!(contents, ["", "", "", "\u{20AC}", "", "\u{FFFD}"]);
}

#[tokio::test]
async fn text_parts_are_joined_and_cached_tokens_reported() {
    let server = Setup::answering("ok").start();
    let parts = json!({"messages": [{"role": "user", "content": [
        {"type": "text", "text": "a long enough first part"},
        {"type": "text", "text": "and a second one"},
    ]}]});
    let first = server.chat(parts.clone()).await.json();
    assert_eq!(first["usage"]["prompt_tokens_details"]["cached_tokens"], 0);
    let second = server.chat(parts).await.json();
    assert_eq!(second["usage"]["prompt_tokens_details"]["cached_tokens"], 48);
    let text = json!({"messages": [{
        "role": "user", "content": "a long enough first part\nand a second one"
    }]});
    let joined = server.chat(text).await.json();
    assert_eq!(joined["usage"], second["usage"]);
}

#[tokio::test]
async fn a_failed_step_ends_a_stream_with_an_error_frame() {
    let (mut gate, go) = held_gate();
    let mut setup = Setup::answering("abc");
    setup.gate = Box::new(move |step| {
        gate(step)?;
        if step == 1 { Err(engine::ExecError::Step("secret /path".into())) } else { Ok(()) }
    });
    drop(go);
    let server = setup.start();
    let answer = server.chat(json!({"stream": true})).await;
    assert_eq!(answer.status, 200);
    let frames = answer.frames();
    let error = &frames.last().unwrap()["error"];
    assert_eq!(error["type"], "server_error");
    assert!(!answer.text().contains("secret"));
    assert_eq!(server.chat(json!({"model": MODEL})).await.status, 200);
    server.settles().await;
}

#[tokio::test]
async fn a_failed_step_is_a_500_for_a_whole_answer() {
    let mut setup = Setup::answering("abc");
    setup.gate = Box::new(|step| match step {
        1 => Err(engine::ExecError::Step("secret".into())),
        _ => Ok(()),
    });
    let server = setup.start();
    let answer = server.chat(json!({})).await;
    assert_eq!(answer.status, 500);
    assert_eq!(answer.error("code"), "internal_error");
    assert!(!answer.text().contains("secret"));
}

/// Answers `ab`, then with logits that are not finite.
fn overflowing() -> Setup {
    let mut setup = Setup::answering("ab");
    setup.script[2] = NO_TOKEN;
    setup
}

#[tokio::test]
async fn logits_that_are_not_finite_are_a_typed_error_of_a_whole_answer() {
    let server = overflowing().start();
    let answer = server.chat(json!({})).await;
    assert_eq!(answer.status, 500);
    assert_eq!(answer.error("code"), "logits_not_finite");
    assert_eq!(answer.error("type"), "server_error");
    let message = answer.error("message").to_string();
    assert!(message.contains("not finite at output token 3"), "{message}");
    assert!(message.contains("--dtype bfloat16"), "{message}");
    // Who asks for less than that is served.
    let short = server.chat(json!({"max_tokens": 2})).await.json();
    assert_eq!(short["choices"][0]["message"]["content"], "ab");
    server.settles().await;
    let page = server.get("/metrics").await.text();
    let ended = |reason: &str| format!("finished_reason=\"{reason}\"}} 1");
    assert!(page.contains(&ended("error")) && page.contains(&ended("length")), "{page}");
}

#[tokio::test]
async fn logits_that_are_not_finite_end_a_stream_with_an_error_frame() {
    let server = overflowing().start();
    let answer = server.chat(json!({"stream": true})).await;
    assert_eq!(answer.status, 200);
    let frames = answer.frames();
    assert_eq!(frames.last().unwrap()["error"]["code"], "logits_not_finite");
    let text: Vec<&str> =
        frames.iter().filter_map(|f| f["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(text.concat(), "ab", "what came before is shown");
    server.settles().await;
}
