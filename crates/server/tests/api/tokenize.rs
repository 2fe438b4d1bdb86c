//! `/tokenize`, `/detokenize`, models and version.

use serde_json::json;

use crate::fixture::{EOS, MAX_MODEL_LEN, Setup};

#[tokio::test]
async fn text_goes_to_tokens_and_back() {
    let server = Setup::answering("x").start();
    let body = json!({"prompt": "a b<|endoftext|>", "return_token_strs": true});
    let answer = server.post("/tokenize", &body).await.json();
    assert_eq!(answer["tokens"], json!([97, 32, 98, EOS]));
    assert_eq!(answer["count"], 4);
    assert_eq!(answer["max_model_len"], MAX_MODEL_LEN);
    assert_eq!(answer["token_strs"][3], "<|endoftext|>");
    let back = server.post("/detokenize", &json!({"tokens": answer["tokens"]})).await.json();
    assert_eq!(back, json!({"prompt": "a b<|endoftext|>"}));
}

#[tokio::test]
async fn a_conversation_is_tokenised_as_the_model_sees_it() {
    let server = Setup::answering("x").start();
    let body = json!({"messages": [{"role": "user", "content": "Hi"}]});
    let tokens = server.post("/tokenize", &body).await.json()["tokens"].clone();
    let text = server.post("/detokenize", &json!({"tokens": tokens})).await.json();
    let expected = "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n";
    assert_eq!(text["prompt"], expected);
}

#[tokio::test]
async fn bad_requests_name_the_field() {
    let server = Setup::answering("x").start();
    let cases = [
        ("/tokenize", json!({}), "prompt"),
        ("/tokenize", json!({"prompt": 1}), "prompt"),
        ("/tokenize", json!({"messages": []}), "messages"),
        (
            "/tokenize",
            json!({"messages": [{"role": "user", "content": "x"}],
            "chat_template": "x"}),
            "chat_template",
        ),
        ("/detokenize", json!({}), "tokens"),
        ("/detokenize", json!({"tokens": [259]}), "tokens"),
        ("/detokenize", json!({"tokens": [-1]}), "tokens"),
    ];
    for (path, body, param) in cases {
        let answer = server.post(path, &body).await;
        assert_eq!((answer.status.as_u16(), answer.error("param")), (400, json!(param)), "{body}");
    }
    let answer = server.post("/tokenize", &json!({"prompt": "x", "model": "other"})).await;
    assert_eq!(answer.status, 404);
}

#[tokio::test]
async fn models_are_listed_under_all_their_names() {
    let server = Setup::answering("x").start();
    let list = server.get("/v1/models").await.json();
    assert_eq!(list["object"], "list");
    assert_eq!(list["data"][0]["id"], "tiny");
    assert_eq!(list["data"][1]["id"], "org/tiny-alias");
    assert_eq!(list["data"][1]["root"], "tiny");
    assert_eq!(list["data"][0]["max_model_len"], MAX_MODEL_LEN);
    for id in ["tiny", "org/tiny-alias", "org%2Ftiny-alias"] {
        assert_eq!(server.get(&format!("/v1/models/{id}")).await.status, 200, "{id}");
    }
    assert_eq!(server.get("/v1/models/other").await.error("code"), "model_not_found");
    assert_eq!(server.get("/version").await.json()["version"], env!("CARGO_PKG_VERSION"));
}
