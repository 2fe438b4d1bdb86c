//! Capture and graphs.

use std::ffi::{c_char, c_int, c_uint, c_ulonglong, c_void};

use cdna3::exec::Dim3;

use super::module::arguments;
use super::{call, put, wanted};
use crate::capture::Mode;
use crate::errors::{Code, Result};

fn mode(number: i32) -> Result<Mode> {
    Ok(match number {
        0 => Mode::Global,
        1 => Mode::ThreadLocal,
        2 => Mode::Relaxed,
        _ => return Err(Code::INVALID_VALUE),
    })
}

#[unsafe(no_mangle)]
extern "C" fn hipStreamBeginCapture(stream: usize, capture_mode: i32) -> i32 {
    call(|runtime| runtime.begin_capture(stream, mode(capture_mode)?))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn hipStreamEndCapture(stream: usize, graph: *mut usize) -> i32 {
    call(|runtime| {
        wanted(graph)?;
        let result = runtime.end_capture(stream);
        // SAFETY: HIP's contract. A capture that failed leaves no graph.
        unsafe { put(graph, *result.as_ref().unwrap_or(&0))? };
        result.map(drop)
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn hipStreamIsCapturing(stream: usize, status: *mut c_int) -> i32 {
    call(|runtime| {
        let named = runtime.stream(stream)?;
        let found = runtime.captures().status(named.handle).0;
        // SAFETY: HIP's contract.
        unsafe { put(status, found as c_int) }
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn hipStreamGetCaptureInfo(
    stream: usize,
    status: *mut c_int,
    id: *mut c_ulonglong,
) -> i32 {
    call(|runtime| {
        let named = runtime.stream(stream)?;
        let (found, capture) = runtime.captures().status(named.handle);
        // SAFETY: HIP's contract, for both.
        unsafe {
            put(status, found as c_int)?;
            if !id.is_null() {
                put(id, capture)?;
            }
        }
        Ok(())
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn hipThreadExchangeStreamCaptureMode(inout: *mut i32) -> i32 {
    call(|runtime| {
        wanted(inout)?;
        // SAFETY: HIP's contract: it holds the new mode.
        let new = mode(unsafe { inout.read_unaligned() })?;
        let old = runtime.exchange_capture_mode(new);
        // SAFETY: HIP's contract.
        unsafe { put(inout, old as i32) }
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn hipGraphInstantiateWithFlags(
    exec: *mut usize,
    graph: usize,
    _flags: c_ulonglong,
) -> i32 {
    call(|runtime| {
        wanted(exec)?;
        // SAFETY: HIP's contract.
        unsafe { put(exec, runtime.instantiate(graph)?) }
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn hipGraphInstantiate(
    exec: *mut usize,
    graph: usize,
    _error_node: *mut usize,
    _log: *mut c_char,
    _log_bytes: usize,
) -> i32 {
    // SAFETY: HIP's contract.
    unsafe { hipGraphInstantiateWithFlags(exec, graph, 0) }
}

/// There is nothing to prepare: checks the handles.
#[unsafe(no_mangle)]
extern "C" fn hipGraphUpload(exec: usize, stream: usize) -> i32 {
    call(|runtime| {
        runtime.execs.get(exec)?;
        runtime.stream(stream).map(drop)
    })
}

#[unsafe(no_mangle)]
extern "C" fn hipGraphLaunch(exec: usize, stream: usize) -> i32 {
    call(|runtime| runtime.launch_graph(exec, stream).map(drop))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn hipGraphExecUpdate(
    exec: usize,
    graph: usize,
    error_node: *mut usize,
    result: *mut c_int,
) -> i32 {
    call(|runtime| {
        let (exec, graph) = (runtime.execs.get(exec)?, runtime.graphs.get(graph)?);
        let (reason, node) = match exec.update(&graph) {
            Ok(()) => (0, 0),
            Err((reason, node)) => (reason as c_int, node),
        };
        // SAFETY: HIP's contract, for both; either may be null.
        unsafe {
            if !error_node.is_null() {
                put(error_node, node)?;
            }
            if !result.is_null() {
                put(result, reason)?;
            }
        }
        if reason == 0 { Ok(()) } else { Err(Code::GRAPH_EXEC_UPDATE_FAILURE) }
    })
}

/// Without a list the number of nodes; with one, as many as there is room for.
#[unsafe(no_mangle)]
unsafe extern "C" fn hipGraphGetNodes(graph: usize, nodes: *mut usize, count: *mut usize) -> i32 {
    call(|runtime| {
        let graph = runtime.graphs.get(graph)?;
        wanted(count)?;
        let num_nodes = graph.nodes.len();
        if nodes.is_null() {
            // SAFETY: HIP's contract.
            return unsafe { put(count, num_nodes) };
        }
        // SAFETY: HIP's contract: the list has room for so many.
        let room = unsafe { count.read_unaligned() };
        for (index, node) in graph.nodes.iter().take(room).enumerate() {
            // SAFETY: below `room`.
            unsafe { put(nodes.add(index), node.handle)? };
        }
        for index in num_nodes..room {
            // SAFETY: below `room`. HIP sets what is left to null.
            unsafe { put(nodes.add(index), 0)? };
        }
        // SAFETY: HIP's contract.
        unsafe { put(count, num_nodes.min(room)) }
    })
}

/// `hipKernelNodeParams`.
#[repr(C)]
struct KernelNodeParams {
    block: [u32; 3],
    extra: *const *const c_void,
    function: usize,
    grid: [u32; 3],
    params: *const *const u8,
    dynamic_lds: c_uint,
}

const _: () = assert!(std::mem::size_of::<KernelNodeParams>() == 64);

#[unsafe(no_mangle)]
unsafe extern "C" fn hipGraphExecKernelNodeSetParams(
    exec: usize,
    node: usize,
    params: *const KernelNodeParams,
) -> i32 {
    call(|runtime| {
        let exec = runtime.execs.get(exec)?;
        if params.is_null() {
            return Err(Code::INVALID_VALUE);
        }
        // SAFETY: HIP's contract.
        let params = unsafe { params.read_unaligned() };
        let function = runtime.functions.get(params.function);
        let function = function.map_err(|_| Code::INVALID_DEVICE_FUNCTION)?;
        // SAFETY: HIP's contract.
        let args = unsafe { arguments(&function, params.params, params.extra)? };
        let (grid, block) = (Dim3(params.grid), Dim3(params.block));
        let call = runtime.prepare_launch(function, grid, block, params.dynamic_lds, args)?;
        exec.set_kernel(node, call)
    })
}

#[unsafe(no_mangle)]
extern "C" fn hipGraphExecDestroy(exec: usize) -> i32 {
    call(|runtime| runtime.execs.remove(exec).map(drop))
}

#[unsafe(no_mangle)]
extern "C" fn hipGraphDestroy(graph: usize) -> i32 {
    call(|runtime| runtime.graphs.remove(graph).map(drop))
}
