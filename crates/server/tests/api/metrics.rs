//! Metric names, labels and buckets, as dashboards and pickers read them.

use serde_json::json;
use tower::ServiceExt;

use crate::fixture::Setup;

#[tokio::test]
async fn the_names_of_vllm_are_there_after_one_request() {
    let server = Setup::answering("abc").start();
    server.chat(json!({"n": 2})).await;
    server.complete(json!({"stop": "b", "max_tokens": 2})).await;
    server.settles().await;
    let text = server.get("/metrics").await.text();
    let labels = "{model_name=\"tiny\",engine=\"0\"}";
    for line in [
        format!("vllm:num_requests_running{labels} 0"),
        format!("vllm:num_requests_waiting{labels} 0"),
        format!("vllm:kv_cache_usage_perc{labels} 0"),
        format!("vllm:generation_tokens_total{labels} 10"),
        format!("ropeway:saturation{labels} 0"),
        "vllm:request_success_total{model_name=\"tiny\",engine=\"0\",finished_reason=\"stop\"} 3"
            .into(),
        "vllm:request_success_total{model_name=\"tiny\",engine=\"0\",finished_reason=\"error\"} 0"
            .into(),
        "vllm:num_requests_waiting_by_reason{model_name=\"tiny\",engine=\"0\",reason=\"capacity\"} 0"
            .into(),
        "vllm:cache_config_info{engine=\"0\",block_size=\"16\",num_gpu_blocks=\"4096\",\
         cache_dtype=\"f32\"} 1"
            .into(),
        "http_requests_total{handler=\"/v1/chat/completions\",method=\"POST\",status=\"2xx\"} 1"
            .into(),
        "vllm:admission_rejections_total{model_name=\"tiny\",reason=\"max_num_queued_reqs\"} 0"
            .into(),
    ] {
        assert!(text.lines().any(|l| l.starts_with(&line)), "missing {line}\nin {text}");
    }
    for name in [
        "vllm:prompt_tokens_total",
        "vllm:num_preemptions_total",
        "vllm:prefix_cache_queries_total",
        "vllm:prefix_cache_hits_total",
        "vllm:lora_requests_info{max_lora=\"0\"",
        "process_resident_memory_bytes",
        "process_cpu_seconds_total",
    ] {
        assert!(text.contains(name), "missing {name}\nin {text}");
    }
}

/// vLLM's older names are there when asked for, with the values of today's.
#[tokio::test]
async fn older_names_on_demand() {
    const NAMES: [&str; 8] = [
        "gpu_cache_usage_perc",
        "cpu_cache_usage_perc",
        "num_requests_swapped",
        "gpu_prefix_cache_hit_rate",
        "gpu_prefix_cache_queries_total",
        "gpu_prefix_cache_hits_total",
        "time_per_output_token_seconds_count",
        "time_per_output_token_seconds_bucket",
    ];
    let mut setup = Setup::answering("abcdefghijklmnopqrstuvwxyz");
    setup.config.legacy_metrics = true;
    let server = setup.start();
    for _ in 0..2 {
        server.chat(json!({"messages": [{"role": "user", "content": "again ".repeat(20)}]})).await;
    }
    server.settles().await;
    let text = server.get("/metrics").await.text();
    let value = |name: &str| -> f64 {
        let line = text.lines().find(|line| line.starts_with(&format!("vllm:{name}{{")));
        let line = line.unwrap_or_else(|| panic!("no {name} in {text}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    };
    for name in NAMES {
        value(name);
    }
    let (queries, hits) = (value("prefix_cache_queries_total"), value("prefix_cache_hits_total"));
    assert!(hits > 0.0);
    assert_eq!(value("gpu_prefix_cache_queries_total"), queries);
    assert_eq!(value("gpu_prefix_cache_hits_total"), hits);
    assert_eq!(value("gpu_prefix_cache_hit_rate"), hits / queries);
    let today = value("inter_token_latency_seconds_count");
    assert!(today > 0.0);
    assert_eq!(value("time_per_output_token_seconds_count"), today);

    let text = Setup::answering("abc").start().get("/metrics").await.text();
    for name in NAMES {
        assert!(!text.contains(&format!("vllm:{name}")), "{name} without being asked for");
    }
}

#[tokio::test]
async fn histograms_have_their_buckets_and_counts() {
    let server = Setup::answering("abc").start();
    server.chat(json!({})).await;
    server.settles().await;
    let text = server.get("/metrics").await.text();
    let buckets = |name: &str| -> Vec<String> {
        let start = format!("vllm:{name}_bucket{{");
        text.lines()
            .filter(|line| line.starts_with(&start))
            .map(|line| line.split("le=\"").nth(1).unwrap().split('"').next().unwrap().to_owned())
            .collect()
    };
    let ttft = "0.001 0.005 0.01 0.02 0.04 0.06 0.08 0.1 0.25 0.5 0.75 1 2.5 5 7.5 10 20 40 80 160 \
                640 2560 +Inf";
    assert_eq!(buckets("time_to_first_token_seconds").join(" "), ttft);
    let itl = "0.01 0.025 0.05 0.075 0.1 0.15 0.2 0.3 0.4 0.5 0.75 1 2.5 5 7.5 10 20 40 80 +Inf";
    assert_eq!(buckets("inter_token_latency_seconds").join(" "), itl);
    assert_eq!(buckets("request_time_per_output_token_seconds").join(" "), itl);
    let latency = "0.3 0.5 0.8 1 1.5 2 2.5 5 10 15 20 30 40 50 60 120 240 480 960 1920 7680 +Inf";
    for name in [
        "e2e_request_latency",
        "request_queue_time",
        "request_inference_time",
        "request_prefill_time",
        "request_decode_time",
    ] {
        assert_eq!(buckets(&format!("{name}_seconds")).join(" "), latency);
    }
    let tokens = "1 2 5 10 20 50 100 200 500 +Inf";
    for name in [
        "request_prompt_tokens",
        "request_generation_tokens",
        "request_max_num_generation_tokens",
        "request_params_max_tokens",
        "request_prefill_kv_computed_tokens",
    ] {
        assert_eq!(buckets(name).join(" "), tokens);
    }
    assert_eq!(buckets("request_params_n").join(" "), "1 2 5 10 20 +Inf");
    assert_eq!(buckets("request_num_preemptions").join(" "), "1 2 3 4 5 10 20 +Inf");
    let steps = "1 8 16 32 64 128 256 512 1024 2048 4096 8192 16384 +Inf";
    assert_eq!(buckets("iteration_tokens_total").join(" "), steps);
    let count = "vllm:e2e_request_latency_seconds_count{model_name=\"tiny\",engine=\"0\"} 1";
    assert!(text.contains(count), "{text}");
}

#[tokio::test]
async fn clients_cannot_make_new_series() {
    let server = Setup::answering("x").start();
    for path in ["/a", "/b/c", "/v1/models/x", "/v1/models/y/z"] {
        server.get(path).await;
    }
    let text = server.get("/metrics").await.text();
    let handlers: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("http_requests_total"))
        .map(|line| line.split('"').nth(1).unwrap())
        .collect();
    assert_eq!(handlers.len(), 2, "{handlers:?}");
    assert!(handlers.contains(&"none") && handlers.contains(&"/v1/models/{*id}"));
}

/// The gauges of sysfs, from the running server of a machine with one GPU and of one with none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gpus_are_shown_where_there_are_some() {
    for has_gpu in [true, false] {
        let root = tempfile::tempdir().unwrap();
        if has_gpu {
            let device = root.path().join("sys/class/drm/card0/device");
            std::fs::create_dir_all(&device).unwrap();
            let uevent = "DRIVER=amdgpu\nPCI_SLOT_NAME=0000:0c:00.0\n";
            std::fs::write(device.join("uevent"), uevent).unwrap();
            std::fs::write(device.join("gpu_busy_percent"), "99\n").unwrap();
        }
        let mut setup = Setup::answering("abc");
        setup.config.machine_root = root.path().to_owned();
        let test = setup.start();
        let (router, stop) = (test.router.clone(), test.server.stop_handle());
        let exit = tokio::spawn(test.server.serve());
        let page = async || {
            let request = axum::http::Request::get("/metrics").body(axum::body::Body::empty());
            let answer = router.clone().oneshot(request.unwrap()).await.unwrap();
            let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
            String::from_utf8(body.to_vec()).unwrap()
        };
        let line = "rocm_gpu_utilization{card=\"card0\",pci=\"0000:0c:00.0\"} 99\n";
        if has_gpu {
            while !page().await.contains(line) {
                tokio::time::sleep(std::time::Duration::from_millis(2)).await;
            }
        }
        assert_eq!(page().await.contains("rocm_gpu_"), has_gpu);
        stop.stop();
        exit.await.unwrap().unwrap();
    }
}
