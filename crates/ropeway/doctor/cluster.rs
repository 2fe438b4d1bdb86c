//! Checks of a deployment, from what `kubectl get -o json` answers.
//!
//! Reads only. The state is fetched once and judged as a whole, so that a recorded state gives the
//! same findings as the cluster did.

mod address;
mod network;
mod nodes;
mod pods;
mod policies;
mod settings;
mod state;
mod storage;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_network;

pub(crate) use self::state::{ClusterState, Kubectl};
use super::finding::Finding;

/// Every check, for the pods whose label `app.kubernetes.io/name` is `app`.
pub(crate) fn examine(state: &ClusterState, app: &str) -> Vec<Finding> {
    let mut findings = nodes::examine(state, app);
    findings.extend(network::examine(state, app));
    findings.extend(storage::examine(state, app));
    findings.extend(pods::examine(state, app));
    findings
}
