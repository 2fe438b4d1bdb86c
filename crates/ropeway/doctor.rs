//! `ropeway doctor`: why a node or a cluster does not serve, by layer, with the remedy.
//!
//! Gathers facts (files below `/`, or what `kubectl` answers), judges them in pure functions, and
//! prints findings. It changes nothing, opens no device for use and keeps no port. Called by
//! `main`; a server that failed to start asks [`note`] what to leave behind.

mod cluster;
mod finding;
mod node;
pub(crate) mod note;
mod report;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use self::cluster::{ClusterState, Kubectl};
use self::finding::Finding;
pub(crate) use self::finding::Layer;
use self::node::NodeFacts;
use crate::config::{ConfigError, ServeConfig};

/// What `ropeway doctor` can be told: what `serve` can (a model is optional), and where to look.
#[derive(Args, Clone, Debug)]
pub(crate) struct DoctorOptions {
    #[command(flatten)]
    serve: ServeConfig,

    /// Examine a deployment through kubectl instead of this machine
    #[arg(long, help_heading = "Doctor")]
    cluster: bool,

    /// Namespace of the deployment
    #[arg(long, value_name = "NAME", default_value = "ropeway", help_heading = "Doctor")]
    namespace: String,

    /// Value of the pods' label app.kubernetes.io/name
    #[arg(long, value_name = "NAME", default_value = "ropeway", help_heading = "Doctor")]
    app: String,

    /// The kubectl to call
    #[arg(long, value_name = "FILE", default_value = "kubectl", help_heading = "Doctor")]
    kubectl: PathBuf,

    /// Folder that is examined as if it were `/` (of a mounted node, say)
    #[arg(long, value_name = "FOLDER", default_value = "/", help_heading = "Doctor")]
    root: PathBuf,

    /// Print JSON instead of text
    #[arg(long, help_heading = "Doctor")]
    json: bool,
}

impl DoctorOptions {
    /// Like [`ServeConfig::settle`], except that no model need be named.
    pub(crate) fn settle(self) -> Result<Self, ConfigError> {
        Ok(Self { serve: self.serve.settle_without_model()?, ..self })
    }
}

/// Examines and prints. The exit code is 0, or that of the lowest layer that failed
/// ([`finding::Layer::exit_code`]).
pub(crate) fn run(options: DoctorOptions) -> anyhow::Result<ExitCode> {
    let findings = if options.cluster {
        let kubectl = Kubectl::new(&options.kubectl, &options.namespace);
        cluster::examine(&ClusterState::fetch(&kubectl)?, &options.app)
    } else {
        examine_node(&options.serve, &options.root)
    };
    if options.json {
        println!("{:#}", report::as_json(&findings));
    } else {
        print!("{}", report::as_text(&findings));
    }
    Ok(finding::exit_code(&findings))
}

fn examine_node(config: &ServeConfig, root: &Path) -> Vec<Finding> {
    let facts = NodeFacts::gather(root);
    let mut findings = node::examine(&facts);
    if config.model.is_named() {
        findings.extend(node::model(config));
    }
    findings.push(node::port(config.server.host, config.server.port));
    findings
}
