//! Every query of the manifests, executed: a real Prometheus scrapes the real server under load, as the
//! PodMonitor says, and AMD's and Kubernetes' exporters as recorded. A query without data is a dashboard
//! panel that stays empty, or an autoscaler that never scales.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};
use std::{fs, thread};

use serde_json::{Value, json};

use crate::monitoring::{dashboards, rule_groups, rules, write_rules};
use crate::prometheus::Prometheus;
use crate::server_process::{PATIENCE, ServerProcess, real_model};
use crate::{render, tools};

const MODEL: &str = "live";
const POD: &str = "ropeway-1";
/// Keys as in the Secret: the team's and Prometheus' own.
const TEAM_KEY: &str = "team-key";
const METRICS_KEY: &str = "metrics-key";

/// What the Gateway API inference extension's endpoint picker reads of a model server (its proposal 003,
/// under vLLM's names, which it knows).
const PICKER_METRICS: [&str; 5] = [
    "vllm:num_requests_waiting",
    "vllm:num_requests_running",
    "vllm:kv_cache_usage_perc",
    "vllm:cache_config_info{block_size!=\"\",num_gpu_blocks!=\"\"}",
    "vllm:lora_requests_info",
];

/// A query and where it is from.
struct Query {
    from: String,
    text: String,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_query_returns_data() {
    let server = ServerProcess::ready(
        &real_model(),
        // Few blocks and few sequences, so that there is a queue to see.
        &[
            "--served-model-name",
            MODEL,
            "--api-key",
            TEAM_KEY,
            "--api-key",
            METRICS_KEY,
            "--max-num-seqs",
            "4",
        ],
    );
    let folder = tempfile::tempdir().expect("a temporary folder");
    let client = client();
    let config = configuration(&server, folder.path());
    let prometheus = Prometheus::start(&config, folder.path(), &client).await;
    let traffic = tokio::spawn(traffic(client.clone(), server.endpoint("/v1/chat/completions")));

    let mut missing = queries();
    assert!(missing.len() > 80, "only {} queries were found", missing.len());
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut still = Vec::new();
        for query in missing {
            if !prometheus.has_data(&query.text).await {
                still.push(query);
            }
        }
        missing = still;
        if missing.is_empty() {
            break;
        }
        let names: Vec<String> =
            missing.iter().map(|q| format!("{}: {}", q.from, q.text)).collect();
        assert!(Instant::now() < deadline, "no data for:\n{}", names.join("\n"));
        assert!(!traffic.is_finished(), "the clients stopped");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    traffic.abort();
    scaler_signals(&prometheus).await;
    assert!(!prometheus.has_data("vllm:no_such_metric").await, "everything has data");
}

/// What the autoscalers ask must be one number, and between 0 and 1 for one pod.
async fn scaler_signals(prometheus: &Prometheus) {
    for query in [keda_query(), adapter_queries().1] {
        // A scrape that was late leaves a gap of one interval behind it.
        let deadline = Instant::now() + PATIENCE;
        let mut answer = prometheus.query(&query).await;
        while answer.is_empty() && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(100)).await;
            answer = prometheus.query(&query).await;
        }
        assert_eq!(answer.len(), 1, "{query}");
        let value: f64 = answer[0]["value"][1].as_str().expect("text").parse().expect("a number");
        assert!((0.0..=1.0).contains(&value), "{query} is {value}");
    }
}

fn client() -> reqwest::Client {
    // The client is built with a TLS stack that wants a provider even for plain HTTP.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().timeout(PATIENCE).build().expect("a client")
}

/// Eight clients that ask again and again, with a common beginning that the prefix cache finds.
async fn traffic(client: reqwest::Client, url: String) {
    let one = |number: usize| {
        let (client, url) = (client.clone(), url.clone());
        async move {
            let beginning = "You are a patient guide on an aerial ropeway. ".repeat(6);
            for round in 0.. {
                let body = json!({
                    "model": MODEL, "max_tokens": 12,
                    "messages": [{"role": "user", "content": format!("{beginning} {number} {round}")}],
                });
                let request = client.post(&url).bearer_auth(TEAM_KEY).json(&body);
                let answer = request.send().await.expect("the server answers");
                assert!(answer.status().is_success(), "{}", answer.status());
                answer.bytes().await.expect("the whole answer");
            }
        }
    };
    futures_util::future::join_all((0..8).map(one)).await;
}

/// Prometheus' configuration, with path, port and key taken from the rendered PodMonitor.
fn configuration(server: &ServerProcess, folder: &Path) -> std::path::PathBuf {
    let objects = render::objects("overlays/production");
    let monitor = render::find(&objects, "PodMonitor", "ropeway");
    let endpoint = &monitor["spec"]["podMetricsEndpoints"][0];
    assert_eq!(endpoint["authorization"]["credentials"]["key"], "metrics");
    let mut groups = rule_groups();
    for group in &mut groups {
        group["interval"] = json!("1s");
    }
    write_rules(&folder.join("rules.yaml"), &groups);
    let recorded = |name: &str| {
        let path = tools::root().join("tests/deploy/prometheus").join(name);
        serve_text(fs::read_to_string(path).expect("the recording is there"))
    };
    let config = json!({
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [folder.join("rules.yaml")],
        "scrape_configs": [
            {
                // As the Prometheus operator names the job of a PodMonitor.
                "job_name": "ropeway/ropeway",
                "metrics_path": endpoint["path"],
                "authorization": {"type": endpoint["authorization"]["type"], "credentials": METRICS_KEY},
                "static_configs": [{"targets": [server.address()], "labels": {"namespace": "ropeway", "pod": POD}}],
            },
            {"job_name": "gpu", "honor_labels": true, "static_configs": [{"targets": [recorded("gpu.prom")]}]},
            {"job_name": "kubernetes", "honor_labels": true, "static_configs": [{"targets": [recorded("kubernetes.prom")]}]},
        ],
    });
    let path = folder.join("prometheus.yaml");
    fs::write(&path, config.to_string()).expect("the folder is writable");
    path
}

/// Answers every connection with the same metrics page; ends with the test's process.
fn serve_text(text: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _ = stream.read(&mut [0; 4096]);
            let length = text.len();
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
            );
            let _ = stream.write_all((head + &text).as_bytes());
        }
    });
    address
}

fn queries() -> Vec<Query> {
    let mut queries = Vec::new();
    let mut add = |from: String, text: String| queries.push(Query { from, text });
    for rule in rules("record") {
        let name = rule["record"].as_str().expect("a name").to_owned();
        add("recording rule".to_owned(), name);
    }
    for alert in rules("alert") {
        for metric in metrics_of(alert["expr"].as_str().expect("PromQL")) {
            add(format!("alert {}", alert["alert"]), metric);
        }
    }
    for dashboard in dashboards() {
        let title = dashboard["title"].as_str().expect("a title");
        for panel in dashboard["panels"].as_array().expect("panels") {
            for target in panel["targets"].as_array().expect("queries") {
                let expr = target["expr"].as_str().expect("PromQL");
                add(format!("{title}, {}", panel["title"]), fill(expr));
            }
        }
        for variable in dashboard["templating"]["list"].as_array().expect("variables") {
            let Some(query) = variable["query"]["query"].as_str() else { continue };
            let inner = query.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')'));
            let (metric, label) =
                inner.and_then(|inner| inner.rsplit_once(", ")).expect("a metric and a label");
            add(format!("{title}, variable"), format!("count by ({label}) ({})", fill(metric)));
        }
    }
    add("ScaledObject".to_owned(), keda_query());
    let (series, metrics) = adapter_queries();
    add("prometheus-adapter, series".to_owned(), series);
    add("prometheus-adapter, metrics".to_owned(), metrics);
    for metric in PICKER_METRICS {
        add("endpoint picker".to_owned(), metric.to_owned());
    }
    queries.extend(vllm_dashboard());
    queries
}

/// Grafana's variables, as they would be chosen.
fn fill(expr: &str) -> String {
    expr.replace("$__rate_interval", "1m")
        .replace("$namespace", "ropeway")
        .replace("$model_name", MODEL)
        .replace("$hostname", "node-1")
}

/// Names in an expression that are metrics.
fn metrics_of(expr: &str) -> Vec<String> {
    const PREFIXES: [&str; 6] = ["vllm:", "ropeway:", "namespace_model:", "kube_", "gpu_", "up{"];
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    expr.split(|c: char| !is_name(c) && c != '{')
        .map(|word| word.trim_start_matches('{'))
        .filter(|word| PREFIXES.iter().any(|prefix| word.starts_with(prefix)) && *word != "gpu_id")
        .map(|word| word.split('{').next().unwrap_or(word).to_owned())
        .collect()
}

fn keda_query() -> String {
    let objects = render::objects("overlays/production");
    let scaler = render::find(&objects, "ScaledObject", "ropeway");
    scaler["spec"]["triggers"][0]["metadata"]["query"].as_str().expect("PromQL").to_owned()
}

/// The queries that prometheus-adapter makes of its rules: to find the series, and for one HPA. The
/// HPA asks for the name that the rule gives.
fn adapter_queries() -> (String, String) {
    let objects = render::objects("examples/hpa");
    let map = render::find(&objects, "ConfigMap", "ropeway-adapter-rules");
    let rules = render::parse(map["data"]["config.yaml"].as_str().expect("text"));
    let rule = &rules[0]["rules"][0];
    let hpa = render::find(&objects, "HorizontalPodAutoscaler", "ropeway");
    assert_eq!(hpa["spec"]["metrics"][0]["pods"]["metric"]["name"], rule["name"]["as"]);
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let metrics = text(&rule["metricsQuery"])
        .replace("<<.Series>>", "ropeway:saturation")
        .replace("<<.LabelMatchers>>", &format!("namespace=\"ropeway\",pod=~\"{POD}\""))
        .replace("<<.GroupBy>>", "pod");
    (text(&rule["seriesQuery"]), metrics)
}

/// The forms in which vLLM's own Grafana dashboard asks for its metrics (vllm-project/vllm,
/// examples/observability/prometheus_grafana/grafana.json), so that it works unchanged.
fn vllm_dashboard() -> Vec<Query> {
    let selector = format!("{{model_name=\"{MODEL}\"}}");
    let mut texts = Vec::new();
    for name in [
        "e2e_request_latency_seconds",
        "inter_token_latency_seconds",
        "time_to_first_token_seconds",
    ] {
        for quantile in ["0.99", "0.95", "0.9", "0.5"] {
            texts.push(format!(
                "histogram_quantile({quantile}, sum by(le) (rate(vllm:{name}_bucket{selector}[1m])))"
            ));
        }
        texts.push(format!(
            "rate(vllm:{name}_sum{selector}[1m]) / rate(vllm:{name}_count{selector}[1m])"
        ));
    }
    for name in ["num_requests_running", "num_requests_waiting", "kv_cache_usage_perc"] {
        texts.push(format!("vllm:{name}{selector}"));
    }
    for name in [
        "prompt_tokens_total",
        "generation_tokens_total",
        "request_queue_time_seconds_sum",
        "request_prefill_time_seconds_sum",
        "request_decode_time_seconds_sum",
        "request_max_num_generation_tokens_sum",
    ] {
        texts.push(format!("rate(vllm:{name}{selector}[1m])"));
    }
    for name in ["request_prompt_tokens_bucket", "request_generation_tokens_bucket"] {
        texts.push(format!("sum by(le) (increase(vllm:{name}{selector}[1m]))"));
    }
    texts.push(format!(
        "sum by(finished_reason) (increase(vllm:request_success_total{selector}[1m]))"
    ));
    texts.into_iter().map(|text| Query { from: "vLLM's dashboard".to_owned(), text }).collect()
}
