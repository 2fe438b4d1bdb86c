//! Work that is written down once and started as one.

use std::ffi::c_void;

use super::{Gpu, Stream};
use crate::error::HipFailure;

impl Stream {
    /// From here on work is written down instead of done. Until the end this thread may neither
    /// allocate, free nor wait; other threads are not concerned.
    pub(crate) fn begin_capture(&self) -> Result<(), HipFailure> {
        let mode = hip_sys::STREAM_CAPTURE_MODE_THREAD_LOCAL;
        // SAFETY: the stream lives.
        let answer = unsafe { (self.gpu.hip().hipStreamBeginCapture)(self.raw(), mode) };
        self.gpu.check(answer, "hipStreamBeginCapture")?;
        self.captured.set(Some(0));
        Ok(())
    }

    /// Ends the capture and makes what was written down ready to launch. After an error the stream
    /// works as before the capture.
    pub(crate) fn end_capture(&self) -> Result<GraphExec, HipFailure> {
        let mut graph = std::ptr::null_mut();
        let num_nodes = self.captured.take().unwrap_or_default();
        // SAFETY: the stream lives and `graph` is writable.
        let answer = unsafe { (self.gpu.hip().hipStreamEndCapture)(self.raw(), &mut graph) };
        // Owned from here on, so that every way out frees it.
        let graph = Graph { gpu: &self.gpu, handle: graph as usize };
        self.gpu.check(answer, "hipStreamEndCapture")?;
        let (mut exec, null) = (std::ptr::null_mut(), std::ptr::null_mut());
        // SAFETY: the graph lives, `exec` is writable, and no message is asked for.
        let answer = unsafe {
            let graph = graph.handle as *mut c_void;
            (self.gpu.hip().hipGraphInstantiate)(&mut exec, graph, null, null.cast(), 0)
        };
        self.gpu.check(answer, "hipGraphInstantiate")?;
        Ok(GraphExec { gpu: self.gpu.clone(), handle: exec as usize, num_nodes })
    }

    /// Ends a capture, if there is one, and forgets what was written down.
    pub(crate) fn abandon_capture(&self) {
        if self.captured.take().is_none() {
            return;
        }
        let mut graph = std::ptr::null_mut();
        // SAFETY: the stream lives and `graph` is writable. A capture that fails has ended too.
        unsafe { (self.gpu.hip().hipStreamEndCapture)(self.raw(), &mut graph) };
        drop(Graph { gpu: &self.gpu, handle: graph as usize });
    }

    /// Starts a graph. Its launches' addresses must still be valid, as for [`Stream::launch`].
    pub(crate) fn launch_graph(&self, graph: &GraphExec) -> Result<(), HipFailure> {
        let exec = graph.handle as *mut c_void;
        // SAFETY: both live.
        let answer = unsafe { (self.gpu.hip().hipGraphLaunch)(exec, self.raw()) };
        self.gpu.check(answer, "hipGraphLaunch")
    }
}

/// What a capture wrote down; may be nothing.
struct Graph<'a> {
    gpu: &'a Gpu,
    handle: usize,
}

impl Drop for Graph<'_> {
    fn drop(&mut self) {
        if self.handle != 0 {
            // SAFETY: given by hipStreamEndCapture and destroyed once.
            unsafe { (self.gpu.hip().hipGraphDestroy)(self.handle as *mut c_void) };
        }
    }
}

/// Launches that can be repeated as one. To be dropped when the device has done its last run.
pub(crate) struct GraphExec {
    gpu: Gpu,
    handle: usize,
    num_nodes: usize,
}

impl GraphExec {
    /// Kernels in it.
    pub(crate) fn num_nodes(&self) -> usize {
        self.num_nodes
    }
}

impl Drop for GraphExec {
    fn drop(&mut self) {
        // SAFETY: given by hipGraphInstantiate and destroyed once.
        unsafe { (self.gpu.hip().hipGraphExecDestroy)(self.handle as *mut c_void) };
    }
}
