//! Checks of one machine, from the facts that its files tell.

mod facts;
mod gpu;
mod host;
#[cfg(test)]
mod tests;
mod versions;

use std::net::{IpAddr, TcpListener};

pub(crate) use self::facts::NodeFacts;
use super::finding::{Finding, Layer, Status, told};
use super::note::layer_of;
use crate::config::ServeConfig;
use crate::serve::load;

/// Every check that needs only the machine's files.
pub(crate) fn examine(facts: &NodeFacts) -> Vec<Finding> {
    let mut findings = gpu::examine(facts);
    findings.extend(host::examine(facts));
    findings
}

/// Whether the model's files are there and whole, whether the device opens, and whether the memory plan
/// fits.
pub(crate) fn model(config: &ServeConfig) -> Vec<Finding> {
    let name = config.model.name();
    let readable = || {
        let what = format!("{name} can be read");
        Finding::good(Layer::Storage, "model", what, "its files were opened")
    };
    let error = match load::plan(config, &|_progress| {}) {
        Ok(planned) => {
            let plan = planned.plan.to_string().trim_end().replace('\n', "; ");
            let what = format!("{name} fits the memory");
            return vec![readable(), Finding::good(Layer::Runtime, "memory plan", what, plan)];
        }
        Err(error) => error,
    };
    // Files come before the device, and the device before the plan: an error of one clears those before.
    let layer = layer_of(&error);
    let (check, clears_files) = match layer {
        Layer::Runtime => ("memory plan", true),
        Layer::Gpu => ("device", true),
        Layer::Storage | Layer::Network => ("model", false),
    };
    let failed = Finding::wrong(
        layer,
        check,
        Status::Failed,
        told![
            format!("{name} cannot be served"),
            format!("{error:#}"),
            format!("the model was opened and planned as `ropeway serve {name}` would"),
            "do what the cause says; `ropeway inspect` shows what a model is made of",
        ],
    );
    if clears_files { vec![readable(), failed] } else { vec![failed] }
}

/// Whether the server could listen. The port is taken for a moment and given back.
pub(crate) fn port(host: IpAddr, port: u16) -> Finding {
    match TcpListener::bind((host, port)) {
        Ok(_given_back) => {
            Finding::good(Layer::Network, "port", format!("{host} port {port} is free"), "bind()")
        }
        Err(error) => Finding::wrong(
            Layer::Network,
            "port",
            Status::Failed,
            told![
                format!("{host} port {port} cannot be listened on"),
                "another process listens there, the address is not this machine's, or the port \
                 is below 1024 and the process is not privileged",
                format!("bind(): {error}"),
                format!("stop the other process (`ss -ltnp sport = :{port}`), or choose --port"),
            ],
        ),
    }
}
