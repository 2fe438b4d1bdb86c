//! Graphs: work with its dependencies, captured once and launched often.
//!
//! Owns nodes and their order. Never runs anything. A launched graph runs one node at a time, in an
//! order that respects the dependencies; each seed gives another, so that a dependency that is missing
//! shows.

use std::sync::{Arc, Mutex};

use crate::errors::{Code, Result};
use crate::memory::POISONED;
use crate::work::{KernelCall, Op};

/// A node.
#[derive(Clone)]
pub(crate) struct Node {
    /// Its handle; an executable graph's nodes keep the handles of the graph they come from.
    pub(crate) handle: usize,
    /// What it does.
    pub(crate) op: Op,
    /// Indices of the nodes that come first; all smaller than its own.
    pub(crate) after: Vec<usize>,
}

/// A captured graph.
#[derive(Clone, Default)]
pub(crate) struct Graph {
    /// In the order of capture.
    pub(crate) nodes: Vec<Node>,
}

/// Why one graph's parameters cannot be put into another's executable form; numbers of
/// `hipGraphExecUpdateResult`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UpdateFailure {
    /// Another number of nodes, or other dependencies.
    Topology = 2,
    /// A node does something else.
    NodeType = 3,
}

/// A graph ready to be launched.
pub(crate) struct GraphExec {
    /// Replaced as a whole, so that launches under way keep what they started with.
    nodes: Mutex<Arc<Vec<Node>>>,
}

impl GraphExec {
    pub(crate) fn new(graph: &Graph) -> Self {
        Self { nodes: Mutex::new(Arc::new(graph.nodes.clone())) }
    }

    /// The nodes as they are now.
    pub(crate) fn nodes(&self) -> Arc<Vec<Node>> {
        self.nodes.lock().expect(POISONED).clone()
    }

    /// Takes over the parameters of a graph of the same shape.
    pub(crate) fn update(&self, graph: &Graph) -> std::result::Result<(), (UpdateFailure, usize)> {
        let mut nodes = self.nodes.lock().expect(POISONED);
        if nodes.len() != graph.nodes.len() {
            return Err((UpdateFailure::Topology, 0));
        }
        let mut updated = Vec::with_capacity(nodes.len());
        for (old, new) in nodes.iter().zip(&graph.nodes) {
            if old.after != new.after {
                return Err((UpdateFailure::Topology, new.handle));
            }
            if old.op.node_type() != new.op.node_type() {
                return Err((UpdateFailure::NodeType, new.handle));
            }
            updated.push(Node { op: new.op.clone(), ..old.clone() });
        }
        *nodes = Arc::new(updated);
        Ok(())
    }

    /// Replaces the launch of one node.
    ///
    /// # Errors
    /// `hipErrorInvalidValue` if the node is not of this graph or is no kernel.
    pub(crate) fn set_kernel(&self, handle: usize, call: KernelCall) -> Result<()> {
        let mut nodes = self.nodes.lock().expect(POISONED);
        let index = nodes.iter().position(|node| node.handle == handle);
        let index = index.ok_or(Code::INVALID_VALUE)?;
        if !matches!(nodes[index].op, Op::Kernel(_)) {
            return Err(Code::INVALID_VALUE);
        }
        Arc::make_mut(&mut nodes)[index].op = Op::Kernel(call);
        Ok(())
    }
}

/// An order of the nodes that respects their dependencies: that of capture, or one by the seed.
pub(crate) fn order(nodes: &[Node], seed: Option<u64>) -> Vec<usize> {
    let Some(seed) = seed else { return (0..nodes.len()).collect() };
    let mut state = seed;
    let mut left: Vec<usize> = (0..nodes.len()).collect();
    let mut is_done = vec![false; nodes.len()];
    let mut order = Vec::with_capacity(nodes.len());
    while !left.is_empty() {
        let is_ready = |&&index: &&usize| nodes[index].after.iter().all(|&before| is_done[before]);
        let ready: Vec<usize> = left.iter().filter(is_ready).copied().collect();
        state = mix(state);
        let index = ready[(state % ready.len() as u64) as usize];
        is_done[index] = true;
        left.retain(|&other| other != index);
        order.push(index);
    }
    order
}

/// The next number of a sequence that looks random (SplitMix64).
pub(crate) fn mix(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(handle: usize, after: &[usize]) -> Node {
        Node { handle, op: Op::Empty, after: after.to_vec() }
    }

    #[test]
    fn seeds_change_the_order_of_independent_nodes_only() {
        // 0 before 1, 2, 3; these before 4.
        let nodes =
            [node(1, &[]), node(2, &[0]), node(3, &[0]), node(4, &[0]), node(5, &[1, 2, 3])];
        assert_eq!(order(&nodes, None), [0, 1, 2, 3, 4]);
        let orders: std::collections::BTreeSet<_> =
            (0..100).map(|seed| order(&nodes, Some(seed))).collect();
        assert_eq!(orders.len(), 6, "every order of three nodes");
        assert!(orders.iter().all(|order| order[0] == 0 && order[4] == 4));
    }

    #[test]
    fn an_update_needs_the_same_shape() {
        let exec = GraphExec::new(&Graph { nodes: vec![node(1, &[]), node(2, &[0])] });
        let update = |nodes: Vec<Node>| exec.update(&Graph { nodes });
        assert_eq!(update(vec![node(8, &[]), node(9, &[0])]), Ok(()));
        assert_eq!(exec.nodes()[1].handle, 2, "handles stay");
        assert_eq!(update(vec![node(8, &[])]), Err((UpdateFailure::Topology, 0)));
        let loose = update(vec![node(8, &[]), node(9, &[])]);
        assert_eq!(loose, Err((UpdateFailure::Topology, 9)));
        let host = Node { op: Op::Host(Arc::new(|| ())), ..node(9, &[0]) };
        assert_eq!(update(vec![node(8, &[]), host]), Err((UpdateFailure::NodeType, 9)));
    }
}
