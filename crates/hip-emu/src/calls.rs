//! What the larger calls do: allocate, copy, fill, load, launch, and launch graphs.

use std::sync::Arc;

use cdna3::exec::Dim3;

use crate::capture::Mode;
use crate::errors::{Code, Result};
use crate::faults::{Event, FaultKind};
use crate::graph::{self, Graph, GraphExec};
use crate::mapping::{Bytes, HostPromise};
use crate::memory::{Place, Purpose, Region, Span};
use crate::module::{Function, Module};
use crate::runtime::{Named, Runtime};
use crate::stream::Fence;
use crate::work::{KernelCall, Op};

/// Which way a copy goes: `hipMemcpyKind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CopyKind {
    /// 0
    HostToHost,
    /// 1
    HostToDevice,
    /// 2
    DeviceToHost,
    /// 3
    DeviceToDevice,
    /// 4: by the addresses.
    Default,
}

impl CopyKind {
    /// Whether destination and source are the device's; `None`: whatever they are.
    fn sides(self) -> [Option<bool>; 2] {
        match self {
            Self::HostToHost => [Some(false), Some(false)],
            Self::HostToDevice => [Some(true), Some(false)],
            Self::DeviceToHost => [Some(false), Some(true)],
            Self::DeviceToDevice => [Some(true), Some(true)],
            Self::Default => [None, None],
        }
    }
}

/// A copy as a call names it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CopyCall {
    pub(crate) to: u64,
    pub(crate) from: u64,
    pub(crate) size_bytes: u64,
    pub(crate) kind: CopyKind,
    /// The call returns when the copy is done.
    pub(crate) is_synchronous: bool,
}

impl Runtime {
    /// Device memory. Zero bytes give a null pointer.
    pub(crate) fn malloc(&self, size_bytes: u64, flags: u32) -> Result<u64> {
        self.check()?;
        self.forbid_in_capture()?;
        if size_bytes == 0 {
            return Ok(0);
        }
        self.count_allocation()?;
        let region =
            self.memory.allocate(self.current(), size_bytes, Purpose::Allocation, flags)?;
        Ok(region.address)
    }

    /// Pinned host memory.
    pub(crate) fn host_malloc(&self, size_bytes: u64, flags: u32) -> Result<u64> {
        self.check()?;
        self.forbid_in_capture()?;
        if size_bytes == 0 {
            return Ok(0);
        }
        self.count_allocation()?;
        Ok(self.memory.allocate_pinned(size_bytes, flags)?.address)
    }

    fn count_allocation(&self) -> Result<()> {
        let (number, fault) = self.faults.count(Event::Alloc);
        if fault == Some(FaultKind::Alloc) {
            eprintln!("hip-emu: allocation {number} fails as ordered");
            return Err(Code::OUT_OF_MEMORY);
        }
        Ok(())
    }

    /// Frees what starts at the address and is at that place, once nothing uses it any more.
    pub(crate) fn free(&self, address: u64, suits: fn(Place) -> bool) -> Result<()> {
        if address == 0 {
            return Ok(());
        }
        self.forbid_in_capture()?;
        let is_wanted =
            |region: &Region| region.purpose == Purpose::Allocation && suits(region.place);
        let found = self.memory.find(address, 0).filter(|span| span.offset == 0);
        let found = found.filter(|span| is_wanted(&span.region)).ok_or(Code::INVALID_VALUE)?;
        match found.region.place {
            Place::Device(device) => self.synchronize_device(device)?,
            _ => (0..self.devices.len()).try_for_each(|device| self.synchronize_device(device))?,
        }
        let removed = self.memory.remove(address, is_wanted);
        removed.map(drop).ok_or(Code::INVALID_VALUE)
    }

    /// Frees in the stream's order.
    pub(crate) fn free_async(self: &Arc<Self>, address: u64, stream: usize) -> Result<()> {
        if address == 0 {
            return Ok(());
        }
        let named = self.stream(stream)?;
        let found = self.memory.find(address, 0).filter(|span| span.offset == 0);
        found.ok_or(Code::INVALID_VALUE)?;
        self.submit(&named, Op::Free { address }).map(drop)
    }

    /// Registers the host's own memory.
    pub(crate) fn host_register(
        &self,
        promise: &HostPromise,
        address: u64,
        size_bytes: u64,
        flags: u32,
    ) -> Result<()> {
        self.check()?;
        self.forbid_in_capture()?;
        if size_bytes == 0 || self.memory.is_device_address(address) {
            return Err(Code::INVALID_VALUE);
        }
        let bytes = Bytes::foreign(promise, address, size_bytes).ok_or(Code::INVALID_VALUE)?;
        self.memory.register(bytes, flags)
    }

    /// Memory that a device can reach.
    fn device_span(&self, address: u64, size_bytes: u64) -> Result<Span> {
        self.memory.find(address, size_bytes).ok_or(Code::INVALID_VALUE)
    }

    /// One end of a copy: memory that is known, or the host's own if the end may be that.
    fn end(
        &self,
        promise: &HostPromise,
        address: u64,
        size_bytes: u64,
        is_device: Option<bool>,
    ) -> Result<Span> {
        if let Some(span) = self.memory.find(address, size_bytes) {
            let is_unreadable = matches!(span.region.place, Place::Device(_));
            let fits = is_device.is_none_or(|is_device| is_device || !is_unreadable);
            return if fits { Ok(span) } else { Err(Code::INVALID_VALUE) };
        }
        let is_known = self
            .memory
            .find(address, 0)
            .is_some_and(|span| (span.offset as u64) < span.region.size_bytes());
        if is_device == Some(true) || is_known || self.memory.is_device_address(address) {
            eprintln!(
                "hip-emu: a copy of {size_bytes} bytes at {address:#x} is not inside one allocation"
            );
            return Err(Code::INVALID_VALUE);
        }
        let bytes = Bytes::foreign(promise, address, size_bytes).ok_or(Code::INVALID_VALUE)?;
        let (place, purpose) = (Place::Pageable, Purpose::Allocation);
        let region = Region { address, bytes, place, purpose, writable: true, flags: 0 };
        Ok(Span { region: Arc::new(region), offset: 0, size_bytes: size_bytes as usize })
    }

    /// Copies. With memory that is not pinned the call waits for the copy.
    pub(crate) fn copy(
        self: &Arc<Self>,
        promise: &HostPromise,
        call: CopyCall,
        stream: usize,
    ) -> Result<()> {
        let named = self.stream(stream)?;
        self.devices[named.stream.device].check()?;
        if call.is_synchronous {
            self.forbid_in_capture()?;
        }
        if call.size_bytes == 0 {
            return Ok(());
        }
        let [to, from] = call.kind.sides();
        let to = self.end(promise, call.to, call.size_bytes, to)?;
        let from = self.end(promise, call.from, call.size_bytes, from)?;
        if !to.region.writable {
            return Err(Code::INVALID_VALUE);
        }
        let (number, fault) = self.faults.count(Event::Copy);
        if fault == Some(FaultKind::CopyError) {
            eprintln!("hip-emu: copy {number} fails as ordered");
            return Err(Code::UNKNOWN);
        }
        let is_pageable = [&to, &from].iter().any(|span| span.region.place == Place::Pageable);
        let fence = self.submit(&named, Op::Copy { to, from })?;
        if call.is_synchronous || is_pageable {
            return self.finish(named.stream.device, fence);
        }
        Ok(())
    }

    /// Fills memory with a repeated pattern.
    pub(crate) fn fill(
        self: &Arc<Self>,
        address: u64,
        pattern: &[u8],
        count: u64,
        stream: usize,
        is_synchronous: bool,
    ) -> Result<()> {
        let named = self.stream(stream)?;
        self.devices[named.stream.device].check()?;
        if is_synchronous {
            self.forbid_in_capture()?;
        }
        if count == 0 {
            return Ok(());
        }
        let size_bytes = count.checked_mul(pattern.len() as u64).ok_or(Code::INVALID_VALUE)?;
        let to = self.device_span(address, size_bytes)?;
        if !address.is_multiple_of(pattern.len() as u64) || !to.region.writable {
            return Err(Code::INVALID_VALUE);
        }
        let fence = self.submit(&named, Op::Fill { to, pattern: pattern.to_vec() })?;
        if is_synchronous {
            return self.finish(named.stream.device, fence);
        }
        Ok(())
    }

    /// An aligned word that a stream may write or wait for.
    pub(crate) fn word(&self, address: u64) -> Result<Span> {
        let span = self.device_span(address, 4)?;
        if address.is_multiple_of(4) && span.region.writable {
            Ok(span)
        } else {
            Err(Code::INVALID_VALUE)
        }
    }

    /// Loads a code object on the current device.
    pub(crate) fn load_module(&self, bytes: &[u8]) -> Result<usize> {
        self.check()?;
        self.forbid_in_capture()?;
        let module = Module::load(bytes, self.current(), &self.memory)?;
        Ok(self.modules.insert(Arc::new(module)))
    }

    /// Unloads a module once its kernels are done; its functions' handles die with it.
    pub(crate) fn unload_module(&self, handle: usize) -> Result<()> {
        let module = self.modules.get(handle)?;
        self.forbid_in_capture()?;
        for fence in self.devices[module.device].pending() {
            fence.wait();
        }
        self.modules.remove(handle)?;
        if module.unload() {
            self.functions.remove_where(|function| Arc::ptr_eq(&function.module, &module));
            self.memory.remove_image(module.device, module.image_bytes, &module.regions);
        }
        self.devices[module.device].check()
    }

    /// A kernel of a module.
    pub(crate) fn find_function(&self, module: usize, name: &str) -> Result<usize> {
        let module = self.modules.get(module)?;
        let function = Function::find(&module, name).ok_or(Code::NOT_FOUND)?;
        Ok(self.functions.insert(Arc::new(function)))
    }

    /// Checks a launch and puts it together.
    pub(crate) fn prepare_launch(
        &self,
        function: Arc<Function>,
        grid: Dim3,
        block: Dim3,
        dynamic_lds: u32,
        args: Vec<u8>,
    ) -> Result<KernelCall> {
        if !function.module.is_loaded() {
            return Err(Code::INVALID_HANDLE);
        }
        function.check(grid, block, dynamic_lds)?;
        let (given, wanted) = (args.len(), function.explicit_bytes());
        // The last argument's padding may be given too.
        if given < wanted || given > wanted.next_multiple_of(16) {
            eprintln!(
                "hip-emu: launch of `{}` refused: {given} bytes of arguments; it has {wanted}",
                function.kernel().name
            );
            return Err(Code::INVALID_VALUE);
        }
        let args = args[..wanted].to_vec();
        Ok(KernelCall { function, grid, block, dynamic_lds, args })
    }

    /// Launches.
    pub(crate) fn launch(self: &Arc<Self>, call: KernelCall, stream: usize) -> Result<()> {
        let named = self.stream(stream)?;
        self.devices[named.stream.device].check()?;
        if call.function.module.device != named.stream.device {
            return Err(Code::INVALID_DEVICE);
        }
        self.submit(&named, Op::Kernel(call)).map(drop)
    }

    /// Begins a capture.
    pub(crate) fn begin_capture(&self, stream: usize, mode: Mode) -> Result<()> {
        let named = self.stream(stream)?;
        self.devices[named.stream.device].check()?;
        if named.stream.is_null {
            return Err(Code::STREAM_CAPTURE_IMPLICIT);
        }
        self.captures().begin(named.handle, mode)
    }

    /// Ends a capture.
    pub(crate) fn end_capture(&self, stream: usize) -> Result<usize> {
        let named = self.stream(stream)?;
        let graph = self.captures().end(named.handle)?;
        let (number, fault) = self.faults.count(Event::Capture);
        if fault == Some(FaultKind::Capture) {
            eprintln!("hip-emu: capture {number} is invalid as ordered");
            return Err(Code::STREAM_CAPTURE_INVALIDATED);
        }
        Ok(self.graphs.insert(Arc::new(graph)))
    }

    /// Makes a graph ready to launch.
    pub(crate) fn instantiate(&self, graph: usize) -> Result<usize> {
        self.check()?;
        let graph: Arc<Graph> = self.graphs.get(graph)?;
        Ok(self.execs.insert(Arc::new(GraphExec::new(&graph))))
    }

    /// Launches a graph. Not possible in a capture: graphs in graphs are not modelled.
    pub(crate) fn launch_graph(
        self: &Arc<Self>,
        exec: usize,
        stream: usize,
    ) -> Result<Option<Arc<Fence>>> {
        let (exec, named): (_, Named) = (self.execs.get(exec)?, self.stream(stream)?);
        if self.captures().status(named.handle).1 != 0 {
            return Err(Code::NOT_SUPPORTED);
        }
        let nodes = exec.nodes();
        let ops: Vec<Op> =
            graph::order(&nodes, self.config.seed).iter().map(|&i| nodes[i].op.clone()).collect();
        let is_elsewhere = |op: &Op| matches!(op, Op::Kernel(call) if call.function.module.device != named.stream.device);
        if ops.iter().any(is_elsewhere) {
            return Err(Code::INVALID_DEVICE);
        }
        self.submit_all(&named, Vec::new(), ops)
    }
}
