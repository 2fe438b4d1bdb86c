//! A real Prometheus on a free port, in a temporary folder; ends when dropped.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Instant;

use serde_json::Value;

use crate::server_process::PATIENCE;

/// A running Prometheus.
pub(crate) struct Prometheus {
    child: Child,
    url: String,
    client: reqwest::Client,
}

impl Prometheus {
    /// Starts it with a configuration and waits until it answers.
    pub(crate) async fn start(config: &Path, folder: &Path, client: &reqwest::Client) -> Self {
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .args(["--web.listen-address=127.0.0.1:0", "--log.level=info"])
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("prometheus is missing; run scripts/test.sh, which installs it");
        let mut prometheus = Self { child, url: String::new(), client: client.clone() };
        let log = prometheus.child.stderr.take().expect("it is piped");
        prometheus.url = format!("http://{}", listening_address(log));
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = client.get(format!("{}/-/ready", prometheus.url)).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return prometheus;
            }
            assert!(Instant::now() < deadline, "Prometheus never became ready");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }

    /// The series that a query returns now.
    pub(crate) async fn query(&self, query: &str) -> Vec<Value> {
        let url = reqwest::Url::parse_with_params(
            &format!("{}/api/v1/query", self.url),
            [("query", query)],
        );
        let answer = self.client.get(url.expect("a URL")).send().await.expect("Prometheus answers");
        let answer: Value = answer.json().await.expect("JSON");
        assert_eq!(answer["status"], "success", "{query}: {answer}");
        answer["data"]["result"].as_array().expect("a vector").clone()
    }

    /// True if the query returns a number that is one.
    pub(crate) async fn has_data(&self, query: &str) -> bool {
        let is_number = |series: &Value| {
            let text = series["value"][1].as_str().unwrap_or_default();
            text.parse::<f64>().is_ok_and(|value| !value.is_nan())
        };
        self.query(query).await.iter().any(is_number)
    }
}

/// Where Prometheus says that it listens; the port is the system's choice. Its complaints are passed on.
fn listening_address(log: ChildStderr) -> String {
    let (found, address) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(log).lines().map_while(Result::ok) {
            if line.contains("msg=\"Listening on\"") {
                let address = line.split("address=").nth(1).unwrap_or_default();
                // Whoever waited for it may have lost patience.
                let _ = found.send(address.split(' ').next().unwrap_or_default().to_owned());
            } else if !line.to_lowercase().contains("level=info") {
                eprintln!("prometheus: {line}");
            }
        }
    });
    address.recv_timeout(PATIENCE).expect("Prometheus says where it listens")
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // Already gone is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
