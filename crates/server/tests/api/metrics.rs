//! Metric names, labels and buckets, as dashboards and pickers read them.

use serde_json::json;

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
