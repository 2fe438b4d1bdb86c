//! A real Prometheus on a free port, in a temporary folder; ends when dropped.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
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
        // Prometheus cannot tell which port it took, so one is found for it.
        let port = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        let address = format!("127.0.0.1:{}", port.expect("a free port").port());
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--log.level=warn")
            .stdin(Stdio::null())
            .spawn()
            .expect("prometheus is missing; run scripts/test.sh, which installs it");
        let prometheus = Self { child, url: format!("http://{address}"), client: client.clone() };
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

impl Drop for Prometheus {
    fn drop(&mut self) {
        // Already gone is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
