//! The manifests of `deploy/`: rendered with `kubectl kustomize`, held to snapshots, to the schemas of
//! Kubernetes and of the custom kinds, and to the rules that no schema knows; and what they say of
//! metrics, executed by a real Prometheus on the real server.
//!
//! `scripts/test.sh` sets the variables that these tests need (see `tools`). A missing tool fails.

mod argocd;
mod balancer;
mod chart;
mod configuration;
mod doctor;
mod drain;
mod image;
mod lint;
mod lint_bites;
mod live;
mod monitoring;
mod pods;
mod policies;
mod prometheus;
mod render;
mod schema;
#[path = "../server_process/mod.rs"]
mod server_process;
mod snapshots;
mod tools;
mod verify;
