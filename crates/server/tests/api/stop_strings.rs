//! Streaming and whole answers agree, wherever a stop string falls.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::fixture::Setup;

struct Outcome {
    text: String,
    finish: Value,
    stop: Value,
}

fn streamed(frames: &[Value]) -> Outcome {
    let choices: Vec<&Value> = frames.iter().map(|frame| &frame["choices"][0]).collect();
    let last = choices.last().unwrap();
    Outcome {
        text: choices.iter().map(|choice| choice["text"].as_str().unwrap()).collect(),
        finish: last["finish_reason"].clone(),
        stop: last["stop_reason"].clone(),
    }
}

fn whole(body: &Value) -> Outcome {
    let choice = &body["choices"][0];
    Outcome {
        text: choice["text"].as_str().unwrap_or_else(|| panic!("{body}")).to_owned(),
        finish: choice["finish_reason"].clone(),
        stop: choice["stop_reason"].clone(),
    }
}

/// What the answer must be, by searching the whole text.
fn expected(text: &str, stops: &[String], include: bool) -> (String, Option<String>) {
    let first = (1..=text.len()).filter(|end| text.is_char_boundary(*end)).find_map(|end| {
        let ending = stops.iter().filter(|stop| text[..end].ends_with(stop.as_str()));
        ending.max_by_key(|stop| stop.len()).map(|stop| (end, stop))
    });
    match first {
        Some((end, stop)) if include => (text[..end].to_owned(), Some(stop.clone())),
        Some((end, stop)) => (text[..end - stop.len()].to_owned(), Some(stop.clone())),
        None => (text.to_owned(), None),
    }
}

fn check(text: &str, stops: &[String], include: bool) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let server = Setup::answering(text).start();
        let mut fields = json!({
            "stop": stops, "include_stop_str_in_output": include, "max_tokens": 400,
        });
        let one = whole(&server.complete(fields.clone()).await.json());
        fields["stream"] = json!(true);
        let other = streamed(&server.complete(fields).await.frames());
        let (text, stop) = expected(text, stops, include);
        for outcome in [one, other] {
            assert_eq!(outcome.text, text);
            assert_eq!(outcome.finish, "stop");
            assert_eq!(outcome.stop, json!(stop));
        }
        server.settles().await;
    });
}

#[test]
fn a_stop_string_at_every_place() {
    let base = "abc\u{20AC}def";
    let places = base.char_indices().map(|(at, _)| at).chain([base.len()]);
    for at in places {
        let text = format!("{}STOP{}", &base[..at], &base[at..]);
        check(&text, &["STOP".into()], false);
    }
}

#[test]
fn a_near_miss_is_shown_and_the_tail_is_not_lost() {
    check("aSTOaSTO", &["STOP".into()], false);
    check("STOP", &["STOP".into(), "TO".into()], true);
}

#[tokio::test]
async fn stop_strings_count_only_after_the_minimum() {
    let server = Setup::answering("xxayy a").start();
    let body = server.complete(json!({"stop": "a", "min_tokens": 4})).await.json();
    assert_eq!(body["choices"][0]["text"], "xxayy ");
    assert_eq!(body["choices"][0]["stop_reason"], "a");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn any_text_and_any_stops(
        text in "[ab\u{e9}]{0,24}",
        stops in prop::collection::vec("[ab\u{e9}]{1,4}", 0..4),
        include in any::<bool>(),
    ) {
        check(&text, &stops, include);
    }
}
