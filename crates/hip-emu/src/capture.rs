//! Stream capture: work that is written down instead of done.
//!
//! Owns the captures under way and their rules: which streams take part, who forked and joined, and
//! which calls a capture forbids. Source: "HIP graphs" of the HIP documentation and the header's
//! text on `hipStreamCaptureMode`.

use std::collections::HashMap;
use std::thread::ThreadId;

use crate::errors::{Code, Result};
use crate::graph::{Graph, Node};
use crate::work::Op;

/// Which calls a capture forbids: `hipStreamCaptureMode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Unsafe calls of every thread.
    Global,
    /// Unsafe calls of the thread that began.
    ThreadLocal,
    /// None.
    Relaxed,
}

/// `hipStreamCaptureStatus`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// Not capturing.
    None = 0,
    /// Capturing.
    Active = 1,
    /// Capturing, but broken: only its end can follow.
    Invalidated = 2,
}

struct Capture {
    origin: usize,
    mode: Mode,
    thread: ThreadId,
    is_invalid: bool,
    graph: Graph,
    /// The last nodes of each stream that takes part.
    frontier: HashMap<usize, Vec<usize>>,
}

/// A capture's identity.
pub(crate) type CaptureId = u64;

/// What an event in a capture stands for.
#[derive(Clone, Debug)]
pub(crate) struct CapturedPoint {
    capture: CaptureId,
    nodes: Vec<usize>,
}

/// All captures under way.
#[derive(Default)]
pub(crate) struct Captures {
    next: CaptureId,
    active: HashMap<CaptureId, Capture>,
    by_stream: HashMap<usize, CaptureId>,
}

impl Captures {
    /// Begins a capture.
    ///
    /// # Errors
    /// `hipErrorIllegalState` if the stream captures already.
    pub(crate) fn begin(&mut self, stream: usize, mode: Mode) -> Result<()> {
        if self.by_stream.contains_key(&stream) {
            return Err(Code::ILLEGAL_STATE);
        }
        self.next += 1;
        let thread = std::thread::current().id();
        let frontier = HashMap::from([(stream, Vec::new())]);
        let graph = Graph::default();
        let capture = Capture { origin: stream, mode, thread, is_invalid: false, graph, frontier };
        self.active.insert(self.next, capture);
        self.by_stream.insert(stream, self.next);
        Ok(())
    }

    /// Ends the capture that began on the stream and gives its graph.
    ///
    /// # Errors
    /// Not capturing, not the first stream, another thread, invalidated, or forked work that never
    /// came back.
    pub(crate) fn end(&mut self, stream: usize) -> Result<Graph> {
        let id = *self.by_stream.get(&stream).ok_or(Code::ILLEGAL_STATE)?;
        let capture = self.active.get(&id).expect("a capturing stream has its capture");
        if capture.origin != stream {
            return Err(Code::STREAM_CAPTURE_UNMATCHED);
        }
        if capture.mode != Mode::Relaxed && capture.thread != std::thread::current().id() {
            return Err(Code::STREAM_CAPTURE_WRONG_THREAD);
        }
        let capture = self.active.remove(&id).expect("it was there");
        self.by_stream.retain(|_, other| *other != id);
        if capture.is_invalid {
            return Err(Code::STREAM_CAPTURE_INVALIDATED);
        }
        let joined = ancestors(&capture.graph, &capture.frontier[&stream]);
        if capture.frontier.values().flatten().any(|&node| !joined[node]) {
            return Err(Code::STREAM_CAPTURE_UNJOINED);
        }
        Ok(capture.graph)
    }

    /// The stream's state, and its capture's number.
    pub(crate) fn status(&self, stream: usize) -> (Status, CaptureId) {
        match self.by_stream.get(&stream) {
            None => (Status::None, 0),
            Some(id) if self.active[id].is_invalid => (Status::Invalidated, *id),
            Some(id) => (Status::Active, *id),
        }
    }

    fn of(&mut self, stream: usize) -> Option<Result<&mut Capture>> {
        let id = self.by_stream.get(&stream)?;
        let capture = self.active.get_mut(id).expect("a capturing stream has its capture");
        Some(if capture.is_invalid { Err(Code::STREAM_CAPTURE_INVALIDATED) } else { Ok(capture) })
    }

    /// Writes work down if the stream captures; gives it back if not.
    pub(crate) fn add(&mut self, stream: usize, handle: usize, op: Op) -> Option<Result<()>> {
        let capture = match self.of(stream)? {
            Ok(capture) => capture,
            Err(code) => return Some(Err(code)),
        };
        let index = capture.graph.nodes.len();
        let after = capture.frontier.insert(stream, vec![index]).unwrap_or_default();
        capture.graph.nodes.push(Node { handle, op, after });
        Some(Ok(()))
    }

    /// What an event recorded on the stream stands for, if the stream captures.
    pub(crate) fn point(&mut self, stream: usize) -> Option<Result<CapturedPoint>> {
        let id = *self.by_stream.get(&stream)?;
        Some(
            self.of(stream)?.map(|capture| CapturedPoint {
                capture: id,
                nodes: capture.frontier[&stream].clone(),
            }),
        )
    }

    /// Makes a stream wait for a point of a capture; a stream that does not capture joins it.
    ///
    /// # Errors
    /// The capture is over or invalid, or the stream takes part in another one.
    pub(crate) fn wait_for(&mut self, stream: usize, point: &CapturedPoint) -> Result<()> {
        let other = self.by_stream.get(&stream).copied();
        if other.is_some_and(|other| other != point.capture) {
            self.invalidate(stream);
            return Err(Code::STREAM_CAPTURE_MERGE);
        }
        let capture = self.active.get_mut(&point.capture).ok_or(Code::CAPTURED_EVENT)?;
        if capture.is_invalid {
            return Err(Code::STREAM_CAPTURE_INVALIDATED);
        }
        let frontier = capture.frontier.entry(stream).or_default();
        frontier.extend(&point.nodes);
        frontier.sort_unstable();
        frontier.dedup();
        self.by_stream.insert(stream, point.capture);
        Ok(())
    }

    /// Breaks the capture that the stream takes part in, if any.
    pub(crate) fn invalidate(&mut self, stream: usize) {
        if let Some(Ok(capture)) = self.of(stream) {
            capture.is_invalid = true;
        }
    }

    /// Whether any stream captures, other than those that do not suit.
    pub(crate) fn any_stream(&self, suits: impl Fn(usize) -> bool) -> bool {
        self.by_stream.keys().any(|&stream| suits(stream))
    }

    /// A call that captures forbid, from a thread of that mode: breaks the captures it offends.
    ///
    /// # Errors
    /// `hipErrorStreamCaptureUnsupported` if there is one.
    pub(crate) fn unsafe_call(&mut self, of_thread: Mode) -> Result<()> {
        self.call(of_thread, false)
    }

    /// A call that only captures of the global mode forbid.
    ///
    /// # Errors
    /// As [`Captures::unsafe_call`].
    pub(crate) fn unsafe_if_global(&mut self, of_thread: Mode) -> Result<()> {
        self.call(of_thread, true)
    }

    fn call(&mut self, of_thread: Mode, only_global: bool) -> Result<()> {
        let thread = std::thread::current().id();
        let mut result = Ok(());
        for capture in self.active.values_mut() {
            let is_own = capture.thread == thread;
            let offends = match (of_thread, capture.mode) {
                (Mode::Relaxed, _) | (_, Mode::Relaxed) => false,
                (Mode::Global, Mode::Global) => true,
                (Mode::Global | Mode::ThreadLocal, _) => is_own,
            };
            if offends && (capture.mode == Mode::Global || !only_global) {
                capture.is_invalid = true;
                result = Err(Code::STREAM_CAPTURE_UNSUPPORTED);
            }
        }
        result
    }
}

/// For each node whether it is one of `last` or comes before one.
fn ancestors(graph: &Graph, last: &[usize]) -> Vec<bool> {
    let mut is_before = vec![false; graph.nodes.len()];
    for &index in last {
        is_before[index] = true;
    }
    for index in (0..graph.nodes.len()).rev() {
        if is_before[index] {
            for &before in &graph.nodes[index].after {
                is_before[before] = true;
            }
        }
    }
    is_before
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: usize = 10;
    const B: usize = 20;

    fn add(captures: &mut Captures, stream: usize) -> Result<()> {
        captures.add(stream, 1, Op::Empty).expect("it captures")
    }

    #[test]
    fn fork_and_join_give_their_dependencies() {
        let mut captures = Captures::default();
        captures.begin(A, Mode::Global).expect("begins");
        add(&mut captures, A).expect("node 0");
        let fork = captures.point(A).expect("capturing").expect("valid");
        captures.wait_for(B, &fork).expect("B joins");
        add(&mut captures, B).expect("node 1");
        add(&mut captures, A).expect("node 2");
        let join = captures.point(B).expect("capturing").expect("valid");
        captures.wait_for(A, &join).expect("B comes back");
        add(&mut captures, A).expect("node 3");
        assert_eq!(captures.end(B).err(), Some(Code::STREAM_CAPTURE_UNMATCHED));
        let graph = captures.end(A).expect("a graph");
        let after: Vec<_> = graph.nodes.iter().map(|node| node.after.clone()).collect();
        assert_eq!(after, [vec![], vec![0], vec![0], vec![1, 2]]);
        assert_eq!(captures.status(B), (Status::None, 0));
    }

    #[test]
    fn work_that_never_comes_back_is_refused() {
        let mut captures = Captures::default();
        captures.begin(A, Mode::Global).expect("begins");
        let fork = captures.point(A).expect("capturing").expect("valid");
        captures.wait_for(B, &fork).expect("B joins");
        add(&mut captures, B).expect("node 0");
        assert_eq!(captures.end(A).err(), Some(Code::STREAM_CAPTURE_UNJOINED));
    }

    #[test]
    fn modes_decide_whom_an_unsafe_call_offends() {
        // (mode of the capture, mode of the calling thread, in the capturing thread, in another)
        for (capture, caller, own, other) in [
            (Mode::Global, Mode::Global, true, true),
            (Mode::Global, Mode::ThreadLocal, true, false),
            (Mode::Global, Mode::Relaxed, false, false),
            (Mode::ThreadLocal, Mode::Global, true, false),
            (Mode::ThreadLocal, Mode::ThreadLocal, true, false),
            (Mode::Relaxed, Mode::Global, false, false),
        ] {
            let case = format!("{capture:?} {caller:?}");
            for (in_other_thread, offends) in [(false, own), (true, other)] {
                let mut captures = Captures::default();
                captures.begin(A, capture).expect("begins");
                let result = std::thread::scope(|scope| {
                    if in_other_thread {
                        let call = scope.spawn(|| captures.unsafe_call(caller));
                        call.join().expect("no panic")
                    } else {
                        captures.unsafe_call(caller)
                    }
                });
                assert_eq!(result.is_err(), offends, "{case}, other thread: {in_other_thread}");
                let expected = if offends { Status::Invalidated } else { Status::Active };
                assert_eq!(captures.status(A).0, expected, "{case}");
                let ended = captures.end(A).err();
                assert_eq!(ended, offends.then_some(Code::STREAM_CAPTURE_INVALIDATED), "{case}");
            }
        }
    }

    #[test]
    fn a_capture_ends_in_its_own_thread_unless_relaxed() {
        for (mode, expected) in
            [(Mode::Global, Some(Code::STREAM_CAPTURE_WRONG_THREAD)), (Mode::Relaxed, None)]
        {
            let mut captures = Captures::default();
            captures.begin(A, mode).expect("begins");
            let result = std::thread::scope(|scope| {
                scope.spawn(|| captures.end(A).err()).join().expect("no panic")
            });
            assert_eq!(result, expected, "{mode:?}");
        }
    }
}
