//! Flight recorder dumps: when, how often, and what is in them.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::fixture::{Setup, chat_body, eventually, held_gate, post};

/// The dumps of a folder, oldest first, as lines of JSON.
fn dumps(folder: &Path) -> Vec<Vec<Value>> {
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "jsonl"));
    files.sort();
    let parse =
        |text: String| text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    files.iter().map(|path| parse(std::fs::read_to_string(path).unwrap())).collect()
}

fn chat(router: &axum::Router, fields: Value) -> JoinHandle<u16> {
    let router = router.clone();
    let body = chat_body(fields).to_string();
    tokio::spawn(async move {
        use tower::ServiceExt;
        let response = router.oneshot(post("/v1/chat/completions", body)).await.unwrap();
        response.status().as_u16()
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_stalled_step_is_dumped_once() {
    let folder = tempfile::tempdir().unwrap();
    let (gate, go) = held_gate();
    let mut setup = Setup::answering("abc");
    setup.gate = gate;
    setup.config.step_timeout = Duration::from_millis(20);
    setup.config.flight_recorder_dir = Some(folder.path().to_owned());
    let test = setup.start();
    let (router, engine) = (test.router.clone(), test.engine().clone());
    let stop = test.server.stop_handle();
    let exit = tokio::spawn(test.server.serve());
    let stuck = chat(&router, json!({"max_tokens": 2}));
    eventually("the stall is dumped", || dumps(folder.path()).len() == 1).await;
    // Many looks later it is still one.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let [dump] = &dumps(folder.path())[..] else { panic!("one dump a step") };
    assert_eq!((&dump[0]["reason"], &dump[0]["state"]), (&json!("stall"), &json!("running")));
    assert_eq!((&dump[1]["outcome"], &dump[1]["seqs"]), (&json!("running"), &json!(1)));
    assert_eq!((&dump[1]["execute_us"], &dump[1]["decode_seqs"]), (&json!(0), &json!(0)));
    assert!(dump[1]["prefill_tokens"].as_u64() > Some(10), "{}", dump[1]);
    go.send(()).unwrap();
    eventually("the next stall is dumped", || dumps(folder.path()).len() == 2).await;
    let second = &dumps(folder.path())[1];
    assert_eq!((&second[1]["step"], &second[1]["outcome"]), (&json!(0), &json!("done")));
    assert_eq!((&second[2]["step"], &second[2]["outcome"]), (&json!(1), &json!("running")));
    assert_eq!((&second[2]["decode_seqs"], &second[2]["tokens"]), (&json!(1), &json!(1)));
    drop(go);
    assert_eq!(stuck.await.unwrap(), 200);
    eventually("it is idle", || engine.load().num_open == 0).await;
    stop.stop();
    exit.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_engines_death_is_dumped_before_the_server_ends() {
    let folder = tempfile::tempdir().unwrap();
    let mut setup = Setup::answering("abc");
    setup.config.death_linger = Duration::ZERO;
    setup.config.flight_recorder_dir = Some(folder.path().to_owned());
    setup.gate = Box::new(|step| match step {
        0 => Err(engine::ExecError::Step("row 3 overflowed".into())),
        _ => Err(engine::ExecError::Fatal("device 0 is gone".into())),
    });
    let test = setup.start();
    let router = test.router.clone();
    let exit = tokio::spawn(test.server.serve());
    assert_eq!(chat(&router, json!({})).await.unwrap(), 500);
    assert_eq!(chat(&router, json!({})).await.unwrap(), 500);
    exit.await.unwrap().unwrap();
    let [dump] = &dumps(folder.path())[..] else { panic!("one dump of a death") };
    let head = &dump[0];
    assert_eq!((&head["reason"], &head["state"]), (&json!("fatal"), &json!("dead")));
    assert_eq!((&head["cause"], &head["steps"]), (&json!("device 0 is gone"), &json!(2)));
    let outcomes: Vec<&Value> = dump[1..3].iter().map(|step| &step["outcome"]).collect();
    assert_eq!(outcomes, ["failed", "fatal"]);
    let errors: Vec<&Value> = dump[3..].iter().map(|error| &error["error"]).collect();
    assert_eq!(errors, ["row 3 overflowed", "device 0 is gone"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dump_on_request_also_while_loading() {
    let folder = tempfile::tempdir().unwrap();
    let mut setup = Setup::answering("abc");
    setup.config.flight_recorder_dir = Some(folder.path().to_owned());
    let (test, load) = setup.loading();
    let (lifecycle, stop) = (test.lifecycle.clone(), test.server.stop_handle());
    let dump = test.server.dump_handle();
    let exit = tokio::spawn(test.server.serve());
    dump.dump();
    eventually("a dump", || dumps(folder.path()).len() == 1).await;
    assert_eq!(dumps(folder.path())[0].len(), 1, "no step ran");
    assert_eq!(dumps(folder.path())[0][0]["state"], "resolving");
    lifecycle.set_ready(load());
    dump.dump();
    eventually("another dump", || dumps(folder.path()).len() == 2).await;
    assert_eq!(dumps(folder.path())[1][0]["state"], "running");
    stop.stop();
    exit.await.unwrap().unwrap();
}

/// What an operator asked for too often must not cost the dump that tells of the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_engines_death_is_dumped_however_many_dumps_there_were() {
    /// As many as one process writes.
    const MAX_DUMPS: usize = 64;
    let folder = tempfile::tempdir().unwrap();
    let mut setup = Setup::answering("abc");
    setup.config.death_linger = Duration::ZERO;
    setup.config.flight_recorder_dir = Some(folder.path().to_owned());
    setup.gate = Box::new(|_| Err(engine::ExecError::Fatal("device 0 is gone".into())));
    let test = setup.start();
    let (router, dump) = (test.router.clone(), test.server.dump_handle());
    let exit = tokio::spawn(test.server.serve());
    for num_dumps in 1..=MAX_DUMPS {
        dump.dump();
        eventually("a dump", || dumps(folder.path()).len() == num_dumps).await;
    }
    dump.dump();
    assert_eq!(chat(&router, json!({})).await.unwrap(), 500);
    exit.await.unwrap().unwrap();
    let dumps = dumps(folder.path());
    let reasons: Vec<&Value> = dumps.iter().map(|dump| &dump[0]["reason"]).collect();
    assert_eq!(reasons.iter().filter(|reason| **reason == "signal").count(), MAX_DUMPS);
    assert_eq!(reasons.iter().filter(|reason| **reason == "fatal").count(), 1);
}
