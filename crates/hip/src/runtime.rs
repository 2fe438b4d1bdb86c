//! The safe layer over HIP: each device, stream, buffer, module and pinned range has one owner that
//! frees it. The only file of this crate that calls HIP.
//!
//! HIP's current device belongs to the thread, so each call that depends on it sets it first.

use std::cell::Cell;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::io::Write as _;
use std::marker::PhantomData;
use std::path::Path;
use std::sync::Arc;

use bytemuck::{Pod, Zeroable};
use hip_sys::{Hip, HipError, Rccl};

use crate::error::HipFailure;

/// `hipDeviceProp_tR0600` has 1472 bytes; room for newer ones.
const PROPERTIES_BYTES: usize = 8192;
/// Where the architecture's name starts in `hipDeviceProp_tR0600`, and in ROCm 5's struct
/// (LLVM's offload-arch reads the same places).
const ARCH_OFFSET_R0600: usize = 1160;
const ARCH_OFFSET_R0000: usize = 396;

/// An opened and initialised runtime.
pub(crate) struct Runtime {
    hip: Hip,
}

impl Runtime {
    /// Opens and initialises the runtime; `library` or the usual names.
    pub(crate) fn open(library: Option<&Path>) -> Result<Arc<Self>, HipFailure> {
        let runtime = Self { hip: Hip::load(library)? };
        // SAFETY: no arguments that could be wrong.
        let answer = unsafe { (runtime.hip.hipInit)(0) };
        if answer == hip_sys::ERROR_NO_DEVICE || answer == hip_sys::ERROR_INVALID_DEVICE {
            return Err(runtime.no_device(answer));
        }
        runtime.check(answer, "hipInit", "hip", 0)?;
        Ok(Arc::new(runtime))
    }

    fn no_device(&self, answer: HipError) -> HipFailure {
        let library = self.hip.library_name().to_owned();
        HipFailure::NoDevice { library, reason: self.name_of(answer) }
    }

    /// Path or name of the library.
    pub(crate) fn library_name(&self) -> &str {
        self.hip.library_name()
    }

    /// Optional functions that the library does not have.
    pub(crate) fn missing_functions(&self) -> Vec<&'static str> {
        self.hip.missing()
    }

    /// Number of devices; none is an error.
    pub(crate) fn device_count(&self) -> Result<u32, HipFailure> {
        let mut count: c_int = 0;
        // SAFETY: `count` is writable.
        let answer = unsafe { (self.hip.hipGetDeviceCount)(&mut count) };
        if answer == hip_sys::ERROR_NO_DEVICE || (answer == hip_sys::SUCCESS && count < 1) {
            return Err(self.no_device(hip_sys::ERROR_NO_DEVICE));
        }
        self.check(answer, "hipGetDeviceCount", "hip", 0)?;
        Ok(count.unsigned_abs())
    }

    /// HIP's version number, major * 10,000,000 + minor * 100,000 + patch.
    pub(crate) fn version(&self) -> Result<i32, HipFailure> {
        let mut version: c_int = 0;
        // SAFETY: `version` is writable.
        let answer = unsafe { (self.hip.hipRuntimeGetVersion)(&mut version) };
        self.check(answer, "hipRuntimeGetVersion", "hip", 0)?;
        Ok(version)
    }

    fn name_of(&self, answer: HipError) -> String {
        // SAFETY: HIP answers a static string for any number.
        unsafe { text((self.hip.hipGetErrorName)(answer)) }
    }

    fn check(
        &self,
        answer: HipError,
        call: &'static str,
        device: &str,
        requested_bytes: u64,
    ) -> Result<(), HipFailure> {
        if answer == hip_sys::SUCCESS {
            return Ok(());
        }
        Err(HipFailure::Call {
            call,
            device: device.to_owned(),
            code: answer.0,
            name: self.name_of(answer),
            // SAFETY: HIP answers a static string for any number.
            meaning: unsafe { text((self.hip.hipGetErrorString)(answer)) },
            requested_bytes,
        })
    }
}

/// Opens RCCL and asks for its version's code; the library's name and the code.
pub(crate) fn rccl_version() -> Result<(String, i32), HipFailure> {
    let rccl = Rccl::load()?;
    let mut code: c_int = 0;
    // SAFETY: `code` is writable.
    let answer = unsafe { (rccl.ncclGetVersion)(&mut code) };
    if answer == hip_sys::NCCL_SUCCESS {
        return Ok((rccl.library_name().to_owned(), code));
    }
    // SAFETY: RCCL answers a static string for any number.
    let meaning = unsafe { text((rccl.ncclGetErrorString)(answer)) };
    Err(HipFailure::Call {
        call: "ncclGetVersion",
        device: "rccl".to_owned(),
        code: answer,
        name: "ncclResult_t".to_owned(),
        meaning,
        requested_bytes: 0,
    })
}

/// Ends the process at once with this exit code, without exit handlers: those of a GPU's driver may
/// wait for work of a hung device, and would keep a process that is already lost. What was printed is
/// flushed first.
pub fn end_process(code: u8) -> ! {
    unsafe extern "C" {
        /// `_exit(2)`.
        safe fn _exit(code: c_int) -> !;
    }
    // A closed pipe is nothing that could still be told.
    let _ = std::io::stdout().flush();
    _exit(c_int::from(code))
}

/// # Safety
/// `pointer` is null or leads to a string that ends with zero and is not written to.
unsafe fn text(pointer: *const c_char) -> String {
    if pointer.is_null() {
        return "an unknown error".to_owned();
    }
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(pointer) }.to_string_lossy().into_owned()
}

/// One GPU.
#[derive(Clone)]
pub(crate) struct Gpu {
    runtime: Arc<Runtime>,
    index: u32,
}

impl Gpu {
    /// Device `index` of the runtime.
    pub(crate) fn new(runtime: &Arc<Runtime>, index: u32) -> Result<Self, HipFailure> {
        let count = runtime.device_count()?;
        if index >= count {
            return Err(HipFailure::NoSuchDevice { index, count });
        }
        let gpu = Self { runtime: Arc::clone(runtime), index };
        gpu.make_current()?;
        Ok(gpu)
    }

    /// `hip:N`.
    pub(crate) fn label(&self) -> String {
        format!("hip:{}", self.index)
    }

    pub(crate) fn index(&self) -> u32 {
        self.index
    }

    fn hip(&self) -> &Hip {
        &self.runtime.hip
    }

    fn check(&self, answer: HipError, call: &'static str) -> Result<(), HipFailure> {
        self.runtime.check(answer, call, &self.label(), 0)
    }

    /// Makes this the calling thread's device.
    pub(crate) fn make_current(&self) -> Result<(), HipFailure> {
        // SAFETY: a number; HIP checks it.
        let answer = unsafe { (self.hip().hipSetDevice)(self.index as c_int) };
        self.check(answer, "hipSetDevice")
    }

    /// Marketing name.
    pub(crate) fn name(&self) -> Result<String, HipFailure> {
        let mut name = [0u8; 256];
        // SAFETY: HIP writes at most the length that is given.
        let answer = unsafe {
            let to = name.as_mut_ptr().cast::<c_char>();
            (self.hip().hipDeviceGetName)(to, name.len() as c_int, self.index as c_int)
        };
        self.check(answer, "hipDeviceGetName")?;
        Ok(until_zero(&name))
    }

    /// Architecture, `gfx942`, without the features behind a colon.
    pub(crate) fn arch(&self) -> Result<String, HipFailure> {
        let mut properties = vec![0u64; PROPERTIES_BYTES / 8];
        let to = properties.as_mut_ptr().cast::<c_void>();
        let hip = self.hip();
        let (function, offset) = match (hip.hipGetDevicePropertiesR0600, hip.hipGetDeviceProperties)
        {
            (Some(function), _) => (function, ARCH_OFFSET_R0600),
            (None, Some(function)) => (function, ARCH_OFFSET_R0000),
            (None, None) => {
                return Err(HipFailure::Runtime(hip_sys::LoadError::MissingSymbol {
                    library: self.runtime.library_name().to_owned(),
                    symbol: "hipGetDeviceProperties",
                    needed: "HIP of ROCm 5 or newer",
                }));
            }
        };
        // SAFETY: the buffer is larger than any version's struct.
        let answer = unsafe { function(to, self.index as c_int) };
        self.check(answer, "hipGetDeviceProperties")?;
        let bytes: &[u8] = bytemuck::cast_slice(&properties);
        let full = until_zero(&bytes[offset..offset + 256]);
        Ok(full.split(':').next().unwrap_or_default().to_owned())
    }

    /// Free and total bytes of device memory.
    pub(crate) fn memory(&self) -> Result<(u64, u64), HipFailure> {
        self.make_current()?;
        let (mut free, mut total) = (0usize, 0usize);
        // SAFETY: both are writable.
        let answer = unsafe { (self.hip().hipMemGetInfo)(&mut free, &mut total) };
        self.check(answer, "hipMemGetInfo")?;
        Ok((free as u64, total as u64))
    }

    /// Device memory, not initialised. No bytes become one piece of the smallest size.
    pub(crate) fn alloc(&self, bytes: usize) -> Result<DeviceMemory, HipFailure> {
        self.make_current()?;
        let mut pointer = std::ptr::null_mut();
        // SAFETY: `pointer` is writable.
        let answer = unsafe { (self.hip().hipMalloc)(&mut pointer, bytes.max(1)) };
        self.runtime.check(answer, "hipMalloc", &self.label(), bytes as u64)?;
        Ok(DeviceMemory { gpu: self.clone(), address: pointer as u64, bytes })
    }

    /// Pinned host memory, zeroed.
    pub(crate) fn alloc_pinned(&self, bytes: usize) -> Result<Pinned, HipFailure> {
        self.make_current()?;
        let mut pointer = std::ptr::null_mut();
        let flags = hip_sys::HOST_MALLOC_DEFAULT;
        // SAFETY: `pointer` is writable.
        let answer = unsafe { (self.hip().hipHostMalloc)(&mut pointer, bytes.max(1), flags) };
        self.runtime.check(answer, "hipHostMalloc", &self.label(), bytes as u64)?;
        // SAFETY: HIP gave this many bytes, ours alone.
        unsafe { std::ptr::write_bytes(pointer.cast::<u8>(), 0, bytes) };
        Ok(Pinned { gpu: self.clone(), address: pointer as usize, bytes })
    }

    /// A stream of its own order, apart from the null stream.
    pub(crate) fn stream(&self) -> Result<Stream, HipFailure> {
        self.make_current()?;
        let mut handle = std::ptr::null_mut();
        let flags = hip_sys::STREAM_NON_BLOCKING;
        // SAFETY: `handle` is writable.
        let answer = unsafe { (self.hip().hipStreamCreateWithFlags)(&mut handle, flags) };
        self.check(answer, "hipStreamCreateWithFlags")?;
        Ok(Stream { gpu: self.clone(), handle: handle as usize, captured: Cell::new(None) })
    }

    /// An event that keeps no time; it counts as reached until it is first recorded.
    pub(crate) fn event(&self) -> Result<Event, HipFailure> {
        self.make_current()?;
        let mut handle = std::ptr::null_mut();
        let flags = hip_sys::EVENT_DISABLE_TIMING;
        // SAFETY: `handle` is writable.
        let answer = unsafe { (self.hip().hipEventCreateWithFlags)(&mut handle, flags) };
        self.check(answer, "hipEventCreateWithFlags")?;
        Ok(Event { gpu: self.clone(), handle: handle as usize })
    }

    /// Loads a code object for this device.
    pub(crate) fn module(&self, image: &'static [u8]) -> Result<Arc<Module>, HipFailure> {
        self.make_current()?;
        let mut handle = std::ptr::null_mut();
        // SAFETY: `image` is a whole code object, which tells its own length.
        let answer =
            unsafe { (self.hip().hipModuleLoadData)(&mut handle, image.as_ptr().cast::<c_void>()) };
        self.check(answer, "hipModuleLoadData")?;
        Ok(Arc::new(Module { gpu: self.clone(), handle: handle as usize }))
    }
}

fn until_zero(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

/// Owned device memory.
pub(crate) struct DeviceMemory {
    gpu: Gpu,
    address: u64,
    bytes: usize,
}

impl DeviceMemory {
    /// Address on the device.
    pub(crate) fn address(&self) -> u64 {
        self.address
    }
}

impl Drop for DeviceMemory {
    fn drop(&mut self) {
        // SAFETY: allocated by hipMalloc and freed once. hipFree waits for work that uses it. After
        // a lost device it fails, and nothing is left to be done.
        unsafe { (self.gpu.hip().hipFree)(self.address as *mut c_void) };
    }
}

/// Owned pinned host memory. The device may read or write it while a copy or a kernel that knows its
/// address is under way; the owner touches it only when the stream, or an event behind that work,
/// has been waited for.
pub(crate) struct Pinned {
    gpu: Gpu,
    address: usize,
    bytes: usize,
}

impl Pinned {
    /// Where kernels find it.
    pub(crate) fn device_address(&self) -> Result<u64, HipFailure> {
        let (mut pointer, host) = (std::ptr::null_mut(), self.address as *mut c_void);
        // SAFETY: `pointer` is writable; `host` was given by hipHostMalloc.
        let answer = unsafe { (self.gpu.hip().hipHostGetDevicePointer)(&mut pointer, host, 0) };
        self.gpu.check(answer, "hipHostGetDevicePointer")?;
        Ok(pointer as u64)
    }

    /// Size.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The first elements. Panics if there are fewer.
    pub(crate) fn as_slice<T: Pod>(&self, len: usize) -> &[T] {
        assert!(len * size_of::<T>() <= self.bytes && align_of::<T>() <= 64);
        // SAFETY: in bounds, initialised, page-aligned; no copy or kernel is under way (see the type).
        unsafe { std::slice::from_raw_parts(self.address as *const T, len) }
    }

    /// The first elements, to be written. Panics if there are fewer.
    pub(crate) fn as_mut_slice<T: Pod>(&mut self, len: usize) -> &mut [T] {
        assert!(len * size_of::<T>() <= self.bytes && align_of::<T>() <= 64);
        // SAFETY: as above, and `self` is borrowed for writing.
        unsafe { std::slice::from_raw_parts_mut(self.address as *mut T, len) }
    }
}

impl Pinned {
    /// `bytes` from `offset` on, to be written. Panics outside the range.
    pub(crate) fn part_mut(&mut self, offset: usize, bytes: usize) -> &mut [u8] {
        assert!(offset.checked_add(bytes).is_some_and(|end| end <= self.bytes));
        // SAFETY: in bounds, initialised, and borrowed for writing; the device does not use this
        // part (see the type).
        unsafe { std::slice::from_raw_parts_mut((self.address + offset) as *mut u8, bytes) }
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        // SAFETY: allocated by hipHostMalloc and freed once.
        unsafe { (self.gpu.hip().hipHostFree)(self.address as *mut c_void) };
    }
}

/// An owned stream.
pub(crate) struct Stream {
    gpu: Gpu,
    handle: usize,
    /// Kernels written down since `begin_capture`, until the capture's end.
    captured: Cell<Option<usize>>,
}

impl Stream {
    fn raw(&self) -> *mut c_void {
        self.handle as *mut c_void
    }

    /// Waits for everything that was put in.
    pub(crate) fn synchronize(&self) -> Result<(), HipFailure> {
        // SAFETY: the stream lives.
        let answer = unsafe { (self.gpu.hip().hipStreamSynchronize)(self.raw()) };
        self.gpu.check(answer, "hipStreamSynchronize")
    }

    /// Copies the first `bytes` of `from` to `to` + `offset`. `from` must not be touched until the
    /// stream was waited for.
    pub(crate) fn upload(
        &self,
        to: &DeviceMemory,
        offset: usize,
        from: &Pinned,
        bytes: usize,
    ) -> Result<(), HipFailure> {
        assert!(bytes <= from.bytes && offset.checked_add(bytes).is_some_and(|e| e <= to.bytes));
        self.copy(
            (to.address as usize + offset) as *mut c_void,
            from.address as *const c_void,
            bytes,
            hip_sys::MEMCPY_HOST_TO_DEVICE,
        )
    }

    /// Copies `bytes` from `from` + `offset` to the start of `to`, which is valid when the stream
    /// was waited for.
    pub(crate) fn download(
        &self,
        to: &mut Pinned,
        from: &DeviceMemory,
        offset: usize,
        bytes: usize,
    ) -> Result<(), HipFailure> {
        assert!(bytes <= to.bytes && offset.checked_add(bytes).is_some_and(|e| e <= from.bytes));
        self.copy(
            to.address as *mut c_void,
            (from.address as usize + offset) as *const c_void,
            bytes,
            hip_sys::MEMCPY_DEVICE_TO_HOST,
        )
    }

    fn copy(
        &self,
        to: *mut c_void,
        from: *const c_void,
        bytes: usize,
        kind: i32,
    ) -> Result<(), HipFailure> {
        if bytes == 0 {
            return Ok(());
        }
        // SAFETY: both ranges were checked against their owners by the callers above.
        let answer = unsafe { (self.gpu.hip().hipMemcpyAsync)(to, from, bytes, kind, self.raw()) };
        self.gpu.check(answer, "hipMemcpyAsync")
    }

    /// Sets all bytes of `memory` to zero.
    pub(crate) fn zero(&self, memory: &DeviceMemory) -> Result<(), HipFailure> {
        if memory.bytes == 0 {
            return Ok(());
        }
        let to = memory.address as *mut c_void;
        // SAFETY: the range is the whole allocation.
        let answer = unsafe { (self.gpu.hip().hipMemsetAsync)(to, 0, memory.bytes, self.raw()) };
        self.gpu.check(answer, "hipMemsetAsync")
    }

    /// Starts a kernel; an empty grid is nothing to do.
    ///
    /// Memory safety on the device rests on the addresses in `params`; the device faults on others.
    pub(crate) fn launch<P: Pod>(
        &self,
        kernel: &Kernel<P>,
        grid: [usize; 3],
        threads: u32,
        params: &P,
    ) -> Result<(), HipFailure> {
        if grid.contains(&0) {
            return Ok(());
        }
        let [x, y, z] = grid.map(|size| u32::try_from(size).expect("grids are far smaller"));
        let mut params = *params;
        let mut arguments = [(&raw mut params).cast::<c_void>()];
        // SAFETY: the kernel has one argument of exactly this size (checked when it was looked up),
        // and HIP copies it before the call returns.
        let answer = unsafe {
            (self.gpu.hip().hipModuleLaunchKernel)(
                kernel.handle as *mut c_void,
                x,
                y,
                z,
                threads,
                1,
                1,
                0,
                self.raw(),
                arguments.as_mut_ptr(),
                std::ptr::null_mut(),
            )
        };
        self.gpu.check(answer, "hipModuleLaunchKernel")?;
        self.captured.set(self.captured.get().map(|num_nodes| num_nodes + 1));
        Ok(())
    }
}

impl Stream {
    /// Notes a point in the stream's work.
    pub(crate) fn record(&self, event: &Event) -> Result<(), HipFailure> {
        // SAFETY: both live.
        let answer = unsafe { (self.gpu.hip().hipEventRecord)(event.raw(), self.raw()) };
        self.gpu.check(answer, "hipEventRecord")
    }

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

impl Drop for Stream {
    fn drop(&mut self) {
        self.abandon_capture();
        // SAFETY: created by hipStreamCreateWithFlags and destroyed once.
        unsafe { (self.gpu.hip().hipStreamDestroy)(self.raw()) };
    }
}

/// An owned event.
pub(crate) struct Event {
    gpu: Gpu,
    handle: usize,
}

impl Event {
    fn raw(&self) -> *mut c_void {
        self.handle as *mut c_void
    }

    /// Waits until the stream has come to where the event was recorded last.
    pub(crate) fn synchronize(&self) -> Result<(), HipFailure> {
        // SAFETY: the event lives.
        let answer = unsafe { (self.gpu.hip().hipEventSynchronize)(self.raw()) };
        self.gpu.check(answer, "hipEventSynchronize")
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: created by hipEventCreateWithFlags and destroyed once.
        unsafe { (self.gpu.hip().hipEventDestroy)(self.raw()) };
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

/// A loaded code object.
pub(crate) struct Module {
    gpu: Gpu,
    handle: usize,
}

impl Drop for Module {
    fn drop(&mut self) {
        // SAFETY: loaded by hipModuleLoadData and unloaded once, when no kernel of it is left.
        unsafe { (self.gpu.hip().hipModuleUnload)(self.handle as *mut c_void) };
    }
}

/// A kernel that takes one `P` by value.
pub(crate) struct Kernel<P> {
    handle: usize,
    _module: Arc<Module>,
    params: PhantomData<fn(P)>,
}

impl<P: Pod + Zeroable> Kernel<P> {
    /// Looks `name` up; `params_bytes` is what the code object's metadata says of its argument.
    pub(crate) fn find(
        module: &Arc<Module>,
        name: &'static str,
        params_bytes: usize,
    ) -> Result<Self, HipFailure> {
        if params_bytes != size_of::<P>() {
            let reason = format!("takes {params_bytes} bytes, we give {}", size_of::<P>());
            return Err(HipFailure::Kernel { kernel: name.to_owned(), reason });
        }
        let symbol = CString::new(name).expect("names of kernels have no zero");
        let mut handle = std::ptr::null_mut();
        // SAFETY: the module lives and `handle` is writable.
        let answer = unsafe {
            (module.gpu.hip().hipModuleGetFunction)(
                &mut handle,
                module.handle as *mut c_void,
                symbol.as_ptr(),
            )
        };
        module.gpu.check(answer, "hipModuleGetFunction")?;
        Ok(Self { handle: handle as usize, _module: Arc::clone(module), params: PhantomData })
    }
}
