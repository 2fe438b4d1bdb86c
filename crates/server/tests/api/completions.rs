//! `/v1/completions`: prompts of every shape, echo, log-probabilities, streams.

use serde_json::{Value, json};

use crate::fixture::{Setup, stable};

#[tokio::test]
async fn a_whole_answer() {
    let server = Setup::answering("Hello").start();
    insta::assert_snapshot!(stable(&server.complete(json!({})).await.text()));
}

#[tokio::test]
async fn a_stream_with_logprobs() {
    let server = Setup::answering("Hi").start();
    let fields = json!({"stream": true, "logprobs": 1, "stream_options": {"include_usage": true}});
    insta::assert_snapshot!(stable(&server.complete(fields).await.text()));
}

#[tokio::test]
async fn logprobs_of_a_whole_answer_carry_offsets_in_characters() {
    let mut setup = Setup::answering("");
    setup.script = vec![u32::from(b'a'), 0xC3, 0xA9, u32::from(b'b'), 256];
    let server = setup.start();
    let logprobs =
        server.complete(json!({"logprobs": 0})).await.json()["choices"][0]["logprobs"].clone();
    assert_eq!(logprobs["text_offset"], json!([0, 1, 2, 3, 4]));
    assert_eq!(logprobs["tokens"][0], "a");
    assert_eq!(logprobs["top_logprobs"][0], json!({"a": -0.25}));
}

#[tokio::test]
async fn every_shape_of_prompt() {
    let server = Setup::answering("!").start();
    let shapes = [
        (json!("ab"), vec!["ab!"]),
        (json!(["ab", "c"]), vec!["ab!", "c!"]),
        (json!([97, 98]), vec!["ab!"]),
        (json!([[97], [98, 99]]), vec!["a!", "bc!"]),
        (json!(" [x"), vec![" [x!"]),
    ];
    for (prompt, expected) in shapes {
        let fields = json!({"prompt": prompt, "echo": true});
        let body = server.complete(fields.clone()).await.json();
        let texts: Vec<&str> = body["choices"]
            .as_array()
            .unwrap_or_else(|| panic!("{body}"))
            .iter()
            .map(|choice| choice["text"].as_str().unwrap())
            .collect();
        assert_eq!(texts, expected);
        let mut fields = fields;
        fields["stream"] = json!(true);
        let frames = server.complete(fields).await.frames();
        for (index, expected) in expected.iter().enumerate() {
            assert_eq!(&text_of(&frames, index), expected);
        }
    }
}

fn text_of(frames: &[Value], index: usize) -> String {
    frames
        .iter()
        .flat_map(|frame| frame["choices"].as_array().unwrap())
        .filter(|choice| choice["index"] == index)
        .map(|choice| choice["text"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn choices_are_numbered_prompt_by_prompt() {
    let server = Setup::answering("!").start();
    let body = server.complete(json!({"prompt": ["a", "b"], "n": 2, "echo": true})).await.json();
    let texts: Vec<&Value> =
        body["choices"].as_array().unwrap().iter().map(|c| &c["text"]).collect();
    assert_eq!(texts, ["a!", "a!", "b!", "b!"]);
    assert_eq!(body["usage"]["prompt_tokens"], 2);
    assert_eq!(body["usage"]["completion_tokens"], 8);
}

/// The same text three times, two choices each. Without a seed every sequence draws its own; with one,
/// the choices of each prompt have the seeds they would have alone.
#[tokio::test]
async fn sequences_share_random_numbers_only_by_a_seed() {
    let server = Setup::answering("!").start();
    let fields = |seed: Value| json!({"prompt": ["a", "a", "a"], "n": 2, "seed": seed});
    let seeds = async |seed: Value| {
        assert_eq!(server.complete(fields(seed)).await.status, 200);
        let mut seeds = std::mem::take(&mut *server.seeds.lock().unwrap());
        seeds.sort_unstable();
        seeds
    };
    let mut drawn = seeds(Value::Null).await;
    drawn.extend(seeds(Value::Null).await);
    drawn.sort_unstable();
    drawn.dedup();
    assert_eq!(drawn.len(), 12, "{drawn:?}");
    assert_eq!(seeds(json!(7)).await, [7, 7, 7, 8, 8, 8]);
}

#[tokio::test]
async fn nothing_to_generate_gives_the_prompt_back() {
    let server = Setup::answering("!").start();
    for stream in [false, true] {
        let fields = json!({"echo": true, "max_tokens": 0, "stream": stream});
        let answer = server.complete(fields).await;
        let body = if stream { answer.frames()[0].clone() } else { answer.json() };
        assert_eq!(body["choices"][0]["text"], "Hi");
        assert_eq!(body["choices"][0]["finish_reason"], "length");
    }
}

#[tokio::test]
async fn the_default_limit_is_sixteen_tokens_and_never_above_the_context() {
    let mut setup = Setup::answering("");
    setup.script = vec![97];
    let server = setup.start();
    let body = server.complete(json!({})).await.json();
    assert_eq!(body["usage"]["completion_tokens"], 16);
    let body = server.complete(json!({"prompt": "x".repeat(505)})).await.json();
    assert_eq!(body["usage"]["completion_tokens"], 7);
    assert_eq!(body["choices"][0]["finish_reason"], "length");
}

#[tokio::test]
async fn long_prompts_are_cut_on_request() {
    let server = Setup::answering("!").start();
    let prompt: String = ('a'..='z').collect();
    for (fields, expected) in [
        (json!({"truncate_prompt_tokens": 3}), "xyz"),
        (json!({"truncate_prompt_tokens": 3, "truncation_side": "right"}), "abc"),
        (json!({"truncate_prompt_tokens": -1}), prompt.as_str()),
    ] {
        let mut fields = fields;
        fields["prompt"] = json!(prompt);
        fields["return_token_ids"] = json!(true);
        let body = server.complete(fields).await.json();
        let ids: Vec<u32> = expected.bytes().map(u32::from).collect();
        assert_eq!(body["choices"][0]["prompt_token_ids"], json!(ids));
        assert_eq!(body["choices"][0]["token_ids"], json!([33, 256]));
    }
}
