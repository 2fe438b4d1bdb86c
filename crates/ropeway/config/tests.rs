use std::net::IpAddr;
use std::time::Duration;

use super::*;
use crate::cli::{self, Command};

/// Loads `ropeway WORDS...` under `variables`.
fn load(words: &[&str], variables: &[(&str, &str)]) -> Result<ServeConfig, ConfigError> {
    let arguments =
        std::iter::once("ropeway").chain(words.iter().copied()).map(Into::into).collect();
    let environment =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    match cli::load(arguments, environment)? {
        Command::Serve(config) => Ok(*config),
        other => panic!("not serve: {other:?}"),
    }
}

/// As [`load`], for command lines that must be refused.
fn refusal(words: &[&str], variables: &[(&str, &str)]) -> String {
    load(words, variables).expect_err("this must be refused").to_string()
}

/// A configuration file, kept as long as the folder.
fn file(text: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ropeway.toml");
    std::fs::write(&path, text).unwrap();
    (folder, path.to_str().unwrap().to_owned())
}

#[test]
fn defaults() {
    let config = load(&["serve", "m"], &[]).unwrap();
    insta::assert_debug_snapshot!(config);
}

#[test]
fn command_line_beats_environment_beats_file_beats_default() {
    let (_folder, path) = file("port = 1\nmax-num-seqs = 1\nblock-size = 32\nhost = \"0.0.0.0\"\n");
    let variables =
        [("ROPEWAY_PORT", "2"), ("ROPEWAY_MAX_NUM_SEQS", "2"), ("ROPEWAY_CONFIG", &path)];
    let config = load(&["serve", "m", "--port", "3"], &variables).unwrap();
    assert_eq!(config.server.port, 3);
    assert_eq!(config.scheduling.max_num_seqs, 2);
    assert_eq!(config.memory.block_size, 32);
    assert_eq!(config.server.host, IpAddr::from([0, 0, 0, 0]));
    assert_eq!(config.memory.memory_utilization, AutoOr::Auto);
}

#[test]
fn the_model_comes_from_any_layer_and_the_highest_wins() {
    let (_folder, path) = file("model = \"from-file\"\n");
    let name = |words: &[&str], variables: &[(&str, &str)]| {
        load(words, variables).unwrap().model.name().to_owned()
    };
    let variable = [("ROPEWAY_MODEL", "from-variable")];
    assert_eq!(name(&["serve", "positional", "--config", &path], &variable), "positional");
    assert_eq!(name(&["serve", "--model", "flag", "--config", &path], &variable), "flag");
    assert_eq!(name(&["serve", "--config", &path], &variable), "from-variable");
    assert_eq!(name(&["serve", "--config", &path], &[]), "from-file");
    assert!(refusal(&["serve"], &[]).contains("ropeway serve ./model.gguf"));
    assert!(refusal(&["serve", "a", "--model", "b"], &[]).contains("cannot be used with"));
}

#[test]
fn switches_go_both_ways_in_every_layer() {
    let prefix = |words: &[&str], variables: &[(&str, &str)]| {
        load(words, variables).unwrap().scheduling.enable_prefix_caching
    };
    let (_folder, path) = file("enable_prefix_caching = false\n");
    assert!(prefix(&["serve", "m"], &[]));
    assert!(!prefix(&["serve", "m", "--no-enable-prefix-caching"], &[]));
    assert!(!prefix(&["serve", "m", "--enable-prefix-caching=false"], &[]));
    assert!(!prefix(&["serve", "m", "--config", &path], &[]));
    assert!(!prefix(&["serve", "m"], &[("ROPEWAY_ENABLE_PREFIX_CACHING", "off")]));
    assert!(prefix(&["serve", "m", "--enable-prefix-caching", "--config", &path], &[]));
    let on = [("ROPEWAY_ENABLE_PREFIX_CACHING", "true")];
    assert!(!prefix(&["serve", "m", "--no-enable-prefix-caching"], &on));
    assert!(prefix(&["serve", "m", "--no-enable-prefix-caching", "--enable-prefix-caching"], &[]));
    assert!(
        !load(&["serve", "m", "--disable-log-requests"], &[]).unwrap().logging.enable_log_requests
    );
    assert!(
        !load(&["serve", "m", "--no-batch-invariant"], &[]).unwrap().scheduling.batch_invariant
    );
}

#[test]
fn spellings_of_others() {
    let words = [
        "serve",
        "m",
        "--gpu-memory-utilization",
        "0.5",
        "--kv-cache-memory-bytes=2G",
        "--num-gpu-blocks-override",
        "77",
        "--max-model-len",
        "-1",
        "--kv-cache-dtype",
        "bfloat16",
        "--served-model-name",
        "a",
        "b",
    ];
    let config = load(&words, &[]).unwrap();
    assert_eq!(config.memory.memory_utilization, AutoOr::Value(0.5));
    assert_eq!(config.memory.kv_cache_memory, AutoOr::Value(2 << 30));
    assert_eq!(config.memory.num_blocks, Some(77));
    assert_eq!(config.memory.max_model_len, AutoOr::Auto);
    assert_eq!(config.memory.kv_cache_dtype, KvCacheDtype::Bf16);
    assert_eq!(config.model.served_model_name, ["a", "b"]);
    let variables = [("ROPEWAY_DEVICE_MEMORY_UTILIZATION", "0.25")];
    let config = load(&["serve", "m"], &variables).unwrap();
    assert_eq!(config.memory.memory_utilization, AutoOr::Value(0.25));
}

#[test]
fn lists_in_every_layer() {
    let (_folder, path) = file("api-key = [\"k1\", \"k2\"]\nallowed-origins = \"https://a\"\n");
    let config = load(&["serve", "m", "--config", &path], &[]).unwrap();
    assert_eq!(config.server.api_key, ["k1", "k2"]);
    assert_eq!(config.server.allowed_origins, ["https://a"]);
    let config = load(&["serve", "m", "--config", &path], &[("ROPEWAY_API_KEY", "v1,v2")]).unwrap();
    assert_eq!(config.server.api_key, ["v1", "v2"]);
    let words = ["serve", "--api-key", "c1", "--api-key", "c2", "--config", &path, "m"];
    assert_eq!(load(&words, &[]).unwrap().server.api_key, ["c1", "c2"]);
}

/// A Secret made from a file ends as the file does; no client could send that end.
#[test]
fn keys_lose_the_blanks_around_them() {
    let keys = |value: &str| load(&["serve", "m"], &[("ROPEWAY_API_KEY", value)]);
    assert_eq!(keys("aaa,bbb\n").unwrap().server.api_key, ["aaa", "bbb"]);
    assert_eq!(keys(" aaa , bbb\r\n").unwrap().server.api_key, ["aaa", "bbb"]);
    let (_folder, path) = file("api-key = \"ccc\\n\"\n");
    let config = load(&["serve", "m", "--config", &path], &[]).unwrap();
    assert_eq!(config.server.api_key, ["ccc"]);
    for empty in ["\n", "aaa,\n", "aaa,,bbb"] {
        let refused = keys(empty).expect_err("this must be refused").to_string();
        assert!(refused.contains("must not be empty"), "{empty:?}: {refused}");
    }
}

#[test]
fn unknown_names_get_a_suggestion() {
    let flag = refusal(&["serve", "m", "--max-model-length", "1"], &[]);
    assert!(flag.contains("--max-model-len"), "{flag}");
    let variable = refusal(&["serve", "m"], &[("ROPEWAY_MAX_NUM_SEQ", "4")]);
    let expected =
        "unknown environment variable ROPEWAY_MAX_NUM_SEQ: did you mean `ROPEWAY_MAX_NUM_SEQS`?";
    assert_eq!(variable, expected);
    assert!(refusal(&["serve", "m"], &[("ROPEWAY_CONCURRENCY", "4")]).contains("unknown"));
    assert!(refusal(&["serve", "m"], &[("ROPEWAY_port", "4")]).contains("`ROPEWAY_PORT`"));
    assert!(load(&["serve", "m"], &[("ROPEWAY_URL", "http://a")]).is_ok(), "for the clients");
    let (_folder, path) = file("max_num_sequences = 4\n");
    let key = refusal(&["serve", "m", "--config", &path], &[]);
    assert!(
        key.ends_with("unknown key `max_num_sequences`: did you mean `max-num-seqs`?"),
        "{key}"
    );
    let (_folder, path) = file("qqqq = 4\n");
    let key = refusal(&["serve", "m", "--config", &path], &[]);
    assert!(key.ends_with("unknown key `qqqq` (see `ropeway serve --help`)"), "{key}");
}

/// Each layer may bring a part of what only makes sense together.
#[test]
fn options_that_need_another_may_be_in_another_layer() {
    let topic = [("ROPEWAY_KV_EVENTS_TOPIC", "kv@here@{model}")];
    let (_folder, path) = file("kv-events-endpoint = \"0.0.0.0:5556\"\n");
    let replay = ["serve", "m", "--config", &path, "--kv-events-replay-endpoint", "0.0.0.0:5559"];
    let server = load(&replay, &topic).unwrap().server;
    assert_eq!(server.kv_events_endpoint.unwrap().port(), 5556);
    assert_eq!(server.kv_events_replay_endpoint.unwrap().port(), 5559);
    assert_eq!(server.kv_events_topic.as_deref(), Some("kv@here@{model}"));
    let alone = refusal(&["serve", "m"], &topic);
    assert!(alone.starts_with("--kv-events-topic is set and --kv-events-endpoint is not"));
    let alone = refusal(&["serve", "m", "--kv-events-replay-endpoint", "0.0.0.0:5559"], &[]);
    assert!(alone.starts_with("--kv-events-replay-endpoint is set"));
}

#[test]
fn bad_values_name_their_place() {
    let (_folder, path) = file("block-size = 7\n");
    let in_file = refusal(&["serve", "m", "--config", &path], &[]);
    assert!(in_file.starts_with(&path), "{in_file}");
    assert!(
        in_file.contains("key `block-size`")
            && in_file.contains("must be a multiple of 8 from 8 to 128"),
        "{in_file}"
    );
    let variable = refusal(&["serve", "m"], &[("ROPEWAY_MEMORY_UTILIZATION", "92")]);
    assert!(
        variable.starts_with("environment variable ROPEWAY_MEMORY_UTILIZATION: "),
        "{variable}"
    );
    assert!(variable.contains("at most 1"), "{variable}");
    let empty = refusal(&["serve", "m"], &[("ROPEWAY_API_KEY", "")]);
    assert!(empty.contains("ROPEWAY_API_KEY is empty"), "{empty}");
    assert!(refusal(&["serve", "m", "--api-key", ""], &[]).contains("--api-key"));
    assert!(refusal(&["serve", "m", "--log-level", "infos"], &[]).contains("not a level"));
    let budget = refusal(&["serve", "m", "--max-num-batched-tokens", "8"], &[]);
    assert!(budget.contains("below --max-num-seqs 128"), "{budget}");
}

#[test]
fn broken_files_are_refused() {
    for (text, part) in [
        ("port = ", "TOML parse error"),
        ("port = 1\nport = 2\n", "duplicate key"),
        ("max-num-seqs = 1\nmax_num_seqs = 2\n", "`max-num-seqs` is given twice"),
        ("[port]\nvalue = 1\n", "`port` must be a string, number, boolean"),
        ("port = 1979-05-27\n", "`port` must be a string, number, boolean"),
        ("config = \"other.toml\"\n", "unknown key `config`"),
        ("no-batch-invariant = true\n", "did you mean `batch-invariant`"),
    ] {
        let (_folder, path) = file(text);
        let message = refusal(&["serve", "m", "--config", &path], &[]);
        assert!(message.contains(part), "{text:?}: {message}");
    }
    let missing = refusal(&["serve", "m", "--config", "no/such/file.toml"], &[]);
    assert!(missing.contains("cannot read the configuration file no/such/file.toml"), "{missing}");
    let (_folder, path) = file(&"#".repeat(2 << 20));
    assert!(refusal(&["serve", "m", "--config", &path], &[]).contains("at most 1048576 are read"));
}

#[test]
fn what_is_not_an_option_is_left_alone() {
    let variables = [
        ("HOME", "/root"),
        ("ROPEWAY_TEST_MODEL", "m.gguf"),
        ("ROPEWAY_CPU_ISA", "avx2"),
        ("ROPEWAY_CPU_ACTIVATIONS", "bf16"),
        ("ROPEWAY_PORT", "tcp://10.0.0.1:8000"),
        ("ROPEWAY_SERVICE_HOST", "10.0.0.1"),
    ];
    assert_eq!(load(&["serve", "m"], &variables).unwrap().server.port, 8000);
}

#[test]
fn times_and_addresses() {
    let words = ["serve", "m", "--shutdown-timeout", "2m", "--host", "localhost"];
    let config = load(&words, &[]).unwrap();
    assert_eq!(config.server.shutdown_timeout, Duration::from_secs(120));
    assert_eq!(config.server.host, IpAddr::from([127, 0, 0, 1]));
    assert!(refusal(&["serve", "m", "--host", "example.org"], &[]).contains("IP address"));
}

#[test]
fn help_is_complete() {
    let definition = cli::definition();
    insta::assert_snapshot!(help(&definition, &["serve"]));
    for arg in definition.find_subcommand("serve").unwrap().get_arguments() {
        assert!(arg.get_help().is_some(), "{} has no help", arg.get_id());
    }
}

#[test]
fn help_of_the_client_commands() {
    let definition = cli::definition();
    insta::assert_snapshot!("help_chat", help(&definition, &["chat"]));
    insta::assert_snapshot!("help_bench_serve", help(&definition, &["bench", "serve"]));
}

/// The text of `ropeway PATH... --help`, at a fixed width.
fn help(definition: &clap::Command, path: &[&str]) -> String {
    let words = std::iter::once("ropeway").chain(path.iter().copied()).chain(["--help"]);
    let command = definition.clone().term_width(100);
    command.try_get_matches_from(words).unwrap_err().to_string()
}
