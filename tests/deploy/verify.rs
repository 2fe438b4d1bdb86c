//! `scripts/verify.sh` on the real server: the cluster is played by a few recorded answers, but the
//! probes, the key, the list of models and the chat are real.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::server_process::{ServerProcess, real_model};
use crate::tools;

/// A cluster on which everything is in order. `a2V5` is `key` in base64.
const KUBECTL: &str = r#"#!/bin/sh
case "$*" in
  "version -o json") echo '{"serverVersion": {"gitVersion": "v1.34.2"}}' ;;
  "get nodes --no-headers") echo "node-1 Ready control-plane 1d v1.34.2" ;;
  "get deployment ropeway -o name"*) echo deployment.apps/ropeway ;;
  *status.phase*) echo Running ;;
  *'@.type=="Ready"'*) echo True ;;
  *metadata.name*) echo ropeway-1 ;;
  *endpointslices*) echo 10.244.0.9 ;;
  *data.team*) printf a2V5 ;;
esac
"#;

fn verify(url: &str) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let kubectl = folder.path().join("kubectl");
    fs::write(&kubectl, KUBECTL).expect("writable");
    fs::set_permissions(&kubectl, fs::Permissions::from_mode(0o755)).expect("ours");
    let path = std::env::var("PATH").expect("there is a PATH");
    let output = Command::new(tools::deploy("scripts/verify.sh"))
        .args(["--url", url])
        .env("PATH", format!("{}:{path}", folder.path().display()))
        .output()
        .expect("the script starts");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn verify_reaches_the_first_token_of_the_real_server() {
    let server = |key| {
        ServerProcess::ready(
            &real_model(),
            &["--served-model-name", "org/verified", "--api-key", key],
        )
    };
    let good = server("key");
    let (code, text) = verify(good.url.trim_end_matches('/'));
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("ok   runtime  org/verified answers"), "{text}");
    // Layer runtime: the server has another key than the Secret.
    let other = server("another");
    let (code, text) = verify(other.url.trim_end_matches('/'));
    assert_eq!(code, Some(14), "{text}");
    assert!(text.contains("/v1/models is refused"), "{text}");
    // Layer network: nothing listens, and nobody else gets the port.
    let deaf = tokio::net::TcpSocket::new_v4().expect("a socket");
    deaf.bind("127.0.0.1:0".parse().expect("an address")).expect("a free port");
    let (code, text) = verify(&format!("http://{}", deaf.local_addr().expect("it is bound")));
    assert_eq!(code, Some(12), "{text}");
}
