//! Fetching models from a hub on loopback: cache layout, resume, checks, token, offline.
#![allow(
    clippy::unwrap_used,
    reason = "test code; clippy.toml only knows functions marked as tests"
)]

mod fake;

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};

use fake::{COMMIT, FakeHub, TOKEN, sha256};
use model::{HubConfig, HubError, resolve};
use types::LoadPhase;

const WEIGHTS: &[u8] = &[7; 300_000];

fn hub() -> FakeHub {
    FakeHub::new(&[
        ("config.json", b"{}"),
        ("generation_config.json", b"{ }"),
        ("tokenizer.json", b"{\"model\":1}"),
        ("tokenizer_config.json", b"{\"x\":1}"),
        ("README.md", b"words"),
        ("pytorch_model.bin", b"pickle"),
        ("model.safetensors", WEIGHTS),
    ])
}

fn get(name: &str, config: &HubConfig) -> Result<PathBuf, HubError> {
    resolve(name, config, &|_| {})
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn fetches_what_is_needed_into_the_shared_layout() {
    let hub = hub();
    let config = hub.config();
    let phases = RefCell::new(Vec::new());
    let found =
        resolve("org/tiny", &config, &|progress| phases.borrow_mut().push(progress)).unwrap();
    let repo = config.cache.join("models--org--tiny");
    assert_eq!(found, repo.join("snapshots").join(COMMIT));
    let expected = [
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    ];
    assert_eq!(names(&found), expected);
    assert_eq!(fs::read_to_string(repo.join("refs/main")).unwrap(), COMMIT);
    let link = fs::read_link(found.join("model.safetensors")).unwrap();
    assert_eq!(link, Path::new("../../blobs").join(sha256(WEIGHTS)));
    assert_eq!(fs::read(found.join("model.safetensors")).unwrap(), WEIGHTS);

    let phases = phases.into_inner();
    assert_eq!(phases[0].phase, LoadPhase::Resolving);
    let last = phases.last().unwrap();
    assert_eq!(
        (last.phase, last.done_bytes, last.total_bytes),
        (LoadPhase::Downloading, 300_000, 300_000)
    );
}

#[test]
fn cached_models_need_no_network() {
    let hub = hub();
    let mut config = hub.config();
    let found = get("org/tiny", &config).unwrap();
    let num_requests = hub.num_requests();
    assert_eq!(get("org/tiny", &config).unwrap(), found);
    config.offline = true;
    assert_eq!(get("org/tiny", &config).unwrap(), found);
    assert_eq!(get(&format!("org/tiny@{COMMIT}"), &config).unwrap(), found);
    assert_eq!(hub.num_requests(), num_requests);

    let message = get("org/other", &config).unwrap_err().to_string();
    assert!(message.contains("org/other") && message.contains("HF_HUB_OFFLINE"), "{message}");
    assert_eq!(hub.num_requests(), num_requests);
}

/// An unfinished download is no model, online or offline.
#[test]
fn missing_weights_are_fetched_again() {
    let hub = hub();
    let mut config = hub.config();
    let found = get("org/tiny", &config).unwrap();
    fs::remove_file(found.join("model.safetensors")).unwrap();
    config.offline = true;
    assert!(matches!(get("org/tiny", &config), Err(HubError::Offline { .. })));
    config.offline = false;
    assert_eq!(get("org/tiny", &config).unwrap(), found);
    assert_eq!(hub.content_requests("model.safetensors").len(), 1, "the blob was still there");
}

#[test]
fn broken_transfers_resume() {
    let hub = hub();
    hub.state.lock().unwrap().cuts = vec![100_000, 50_000];
    let found = get("org/tiny", &hub.config()).unwrap();
    assert_eq!(fs::read(found.join("model.safetensors")).unwrap(), WEIGHTS);
    let ranges = hub.content_requests("model.safetensors");
    assert_eq!(ranges, [None, Some("bytes=100000-".into()), Some("bytes=150000-".into())]);
}

/// The parts that an earlier process left are used.
#[test]
fn resumes_across_runs() {
    let hub = hub();
    hub.state.lock().unwrap().cuts = vec![100_000, 0, 0, 0, 0, 0, 0];
    let error = get("org/tiny", &hub.config()).unwrap_err();
    let HubError::Network { file, attempts, .. } = &error else { panic!("{error}") };
    assert_eq!((file.as_str(), *attempts), ("model.safetensors", 5));
    hub.state.lock().unwrap().cuts.clear();
    get("org/tiny", &hub.config()).unwrap();
    let ranges = hub.content_requests("model.safetensors");
    assert_eq!(ranges.last().unwrap().as_deref(), Some("bytes=100000-"));
}

#[test]
fn wrong_bytes_are_refused_and_deleted() {
    let hub = hub();
    hub.state.lock().unwrap().corrupt = true;
    let error = get("org/tiny", &hub.config()).unwrap_err();
    assert!(matches!(error, HubError::Corrupt { .. }), "{error}");
    let message = error.to_string();
    assert!(message.contains("model.safetensors") && message.contains(&sha256(WEIGHTS)));
    let blobs = names(&hub.config().cache.join("models--org--tiny/blobs"));
    assert!(blobs.iter().all(|blob| !blob.starts_with(&sha256(WEIGHTS))), "{blobs:?}");
    assert!(get("org/tiny", &HubConfig { offline: true, ..hub.config() }).is_err());
}

/// A resumed file may have begun with something else: it is fetched once more from the start.
#[test]
fn a_bad_partial_file_is_replaced() {
    let hub = hub();
    let blobs = hub.config().cache.join("models--org--tiny/blobs");
    fs::create_dir_all(&blobs).unwrap();
    fs::write(blobs.join(format!("{}.incomplete", sha256(WEIGHTS))), [9; 1000]).unwrap();
    let found = get("org/tiny", &hub.config()).unwrap();
    assert_eq!(fs::read(found.join("model.safetensors")).unwrap(), WEIGHTS);
    let ranges = hub.content_requests("model.safetensors");
    assert_eq!(ranges, [Some("bytes=1000-".into()), None]);
}

#[test]
fn token_goes_to_the_hub_only() {
    let hub = hub();
    get("org/tiny", &hub.config()).unwrap();
    for request in &hub.state.lock().unwrap().requests {
        let token = request.headers.get("authorization").map(String::as_str);
        let is_content = request.path.starts_with("/content/");
        let expected = (!is_content).then(|| format!("Bearer {TOKEN}"));
        assert_eq!(token, expected.as_deref(), "{request:?}");
    }
}

#[test]
fn statuses_come_with_a_remedy() {
    let hub = hub();
    let without_token = HubConfig { token: None, ..hub.config() };
    let message = get("org/tiny", &without_token).unwrap_err().to_string();
    assert!(message.contains("401") && message.contains("HF_TOKEN"), "{message}");
    for (status, remedy) in
        [(401, "not valid"), (403, "terms"), (404, "name"), (418, "HF_ENDPOINT")]
    {
        hub.state.lock().unwrap().status = Some(status);
        let before = hub.num_requests();
        let message = get("org/tiny", &hub.config()).unwrap_err().to_string();
        assert!(message.contains(&status.to_string()) && message.contains(remedy), "{message}");
        assert_eq!(hub.num_requests(), before + 1, "no second attempt");
    }
}

#[test]
fn a_busy_hub_is_asked_again() {
    let hub = hub();
    hub.state.lock().unwrap().unavailable = 4;
    assert!(get("org/tiny", &hub.config()).is_ok());
    let gone = HubConfig { endpoint: "http://127.0.0.1:9".into(), ..self::hub().config() };
    let message = get("org/tiny", &gone).unwrap_err().to_string();
    assert!(message.contains("file list") && message.contains("5 attempts"), "{message}");
}

#[test]
fn revisions() {
    let hub = hub();
    let config = hub.config();
    for revision in ["v1.0", "refs/pr/1", COMMIT] {
        let found = get(&format!("org/tiny@{revision}"), &config).unwrap();
        assert!(found.ends_with(COMMIT));
    }
    let refs = config.cache.join("models--org--tiny/refs");
    assert_eq!(names(&refs), ["refs", "v1.0"]);
    let message = get("org/tiny@v9", &config).unwrap_err().to_string();
    assert!(message.contains("404"), "{message}");
}

#[test]
fn shards_come_from_the_index() {
    let index = br#"{"weight_map":{"a":"part-a.safetensors","b":"part-b.safetensors"}}"#;
    let hub = FakeHub::new(&[
        ("config.json", b"{}"),
        ("model.safetensors.index.json", index),
        ("part-a.safetensors", b"aaaa"),
        ("part-b.safetensors", b"bbbb"),
        ("other.safetensors", b"cccc"),
    ]);
    let found = get("org/tiny", &hub.config()).unwrap();
    let expected =
        ["config.json", "model.safetensors.index.json", "part-a.safetensors", "part-b.safetensors"];
    assert_eq!(names(&found), expected);
    assert_eq!(get("org/tiny", &HubConfig { offline: true, ..hub.config() }).unwrap(), found);

    hub.state.lock().unwrap().files[1].1 =
        br#"{"weight_map":{"a":"../../x.safetensors"}}"#.to_vec();
    let elsewhere = HubConfig { cache: hub.config().cache.join("second"), ..hub.config() };
    assert!(matches!(get("org/tiny", &elsewhere), Err(HubError::Index(_))));
}

#[test]
fn gguf_files_by_name() {
    let one = FakeHub::new(&[("README.md", b""), ("only.gguf", b"GGUF1")]);
    let found = get("org/tiny", &one.config()).unwrap();
    assert_eq!(
        (found.ends_with("only.gguf"), fs::read(&found).unwrap()),
        (true, b"GGUF1".to_vec())
    );

    let two = FakeHub::new(&[("a.gguf", b"GGUFa"), ("sub/b.gguf", b"GGUFb")]);
    let message = get("org/tiny", &two.config()).unwrap_err().to_string();
    assert!(message.contains("a.gguf, sub/b.gguf"), "{message}");
    let found = get("org/tiny:sub/b.gguf", &two.config()).unwrap();
    assert_eq!(fs::read(&found).unwrap(), b"GGUFb");
    let offline = HubConfig { offline: true, ..two.config() };
    assert_eq!(get("org/tiny:sub/b.gguf", &offline).unwrap(), found);
    let message = get("org/tiny:c.gguf", &two.config()).unwrap_err().to_string();
    assert!(message.contains("c.gguf"), "{message}");

    let none = FakeHub::new(&[("config.json", b"{}"), ("pytorch_model.bin", b"")]);
    let message = get("org/tiny", &none.config()).unwrap_err().to_string();
    assert!(message.contains("pickled"), "{message}");
}

#[test]
fn local_paths_win() {
    let hub = hub();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    assert_eq!(get(path, &hub.config()).unwrap(), folder.path());
    let message = get("/no/such/model", &hub.config()).unwrap_err().to_string();
    assert!(message.contains("/no/such/model"), "{message}");
    assert_eq!(hub.num_requests(), 0);
}
