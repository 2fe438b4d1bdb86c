//! The runtime: devices, their streams and events, and the order of work between them.
//!
//! Owns every object behind a handle. Never reads or writes memory of the program under test: the C
//! ABI does that, and hands in what it read.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard};

use thiserror::Error;

use crate::capture::{Captures, Mode};
use crate::config::{Config, ConfigError};
use crate::device::Device;
use crate::errors::{Code, Result};
use crate::event::{Event, Mark};
use crate::faults::Faults;
use crate::graph::{Graph, GraphExec};
use crate::handle::{self, Table};
use crate::memory::{Memory, POISONED, Purpose};
use crate::module::{Function, Module};
use crate::report::{CallLog, Report};
use crate::stream::{Fence, Stream};
use crate::work::Op;

/// `hipStreamNonBlocking`.
const NON_BLOCKING: u32 = 1;
/// Room for the arguments of a launch; compilers allow 4 KiB.
const ARGUMENT_BYTES: u64 = 16 << 10;
/// `hipStreamLegacy`; 0 means the same.
const LEGACY_STREAM: usize = 1;

thread_local! {
    static CURRENT_DEVICE: Cell<usize> = const { Cell::new(0) };
    static CAPTURE_MODE: Cell<Mode> = const { Cell::new(Mode::Global) };
}

/// Why the emulator does not start.
#[derive(Debug, Error)]
pub(crate) enum StartError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("the report file {path}: {error}")]
    Report { path: String, error: std::io::Error },
    #[error("no addresses for device memory: {0}")]
    Memory(#[from] rustix::io::Errno),
}

/// Everything.
pub(crate) struct Runtime {
    pub(crate) config: Config,
    pub(crate) memory: Memory,
    pub(crate) devices: Vec<Device>,
    pub(crate) faults: Faults,
    pub(crate) report: Option<Report>,
    pub(crate) calls: Option<CallLog>,
    /// A launch is stuck: the process's exit handlers wait for it.
    pub(crate) is_stuck: AtomicBool,
    /// Threads of a launch.
    pub(crate) num_threads: usize,
    pub(crate) modules: Table<Module>,
    pub(crate) functions: Table<Function>,
    pub(crate) graphs: Table<Graph>,
    pub(crate) execs: Table<GraphExec>,
    streams: Table<Stream>,
    events: Table<Event>,
    captures: Mutex<Captures>,
}

fn num_processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// A stream as a call names it.
pub(crate) struct Named {
    /// Its handle; 0 for the null stream.
    pub(crate) handle: usize,
    /// The stream.
    pub(crate) stream: Arc<Stream>,
}

impl Runtime {
    pub(crate) fn new(config: Config) -> std::result::Result<Self, StartError> {
        let told =
            |path: &Path, error| StartError::Report { path: path.display().to_string(), error };
        let report = config.report.as_deref();
        let report = report.map(|path| Report::open(path).map_err(|error| told(path, error)));
        let calls = config.calls.as_deref();
        let calls = calls.map(|path| CallLog::open(path).map_err(|error| told(path, error)));
        Ok(Self {
            memory: Memory::new(config.num_devices, config.sanitize)?,
            devices: (0..config.num_devices).map(|_| Device::default()).collect(),
            faults: Faults::new(config.faults.clone()),
            report: report.transpose()?,
            calls: calls.transpose()?,
            is_stuck: AtomicBool::new(false),
            num_threads: config.num_threads.unwrap_or_else(num_processors),
            config,
            modules: Table::default(),
            functions: Table::default(),
            graphs: Table::default(),
            execs: Table::default(),
            streams: Table::default(),
            events: Table::default(),
            captures: Mutex::default(),
        })
    }

    /// The calling thread's device.
    pub(crate) fn current(&self) -> usize {
        CURRENT_DEVICE.get()
    }

    /// Checks a device's number.
    pub(crate) fn device_index(&self, number: i32) -> Result<usize> {
        let index = usize::try_from(number).map_err(|_| Code::INVALID_DEVICE)?;
        if index < self.devices.len() { Ok(index) } else { Err(Code::INVALID_DEVICE) }
    }

    /// Sets the calling thread's device.
    pub(crate) fn set_current(&self, number: i32) -> Result<()> {
        CURRENT_DEVICE.set(self.device_index(number)?);
        Ok(())
    }

    /// Whether the current device works.
    pub(crate) fn check(&self) -> Result<()> {
        self.devices[self.current()].check()
    }

    pub(crate) fn captures(&self) -> MutexGuard<'_, Captures> {
        self.captures.lock().expect(POISONED)
    }

    /// Sets the calling thread's capture mode; the one before.
    pub(crate) fn exchange_capture_mode(&self, mode: Mode) -> Mode {
        CAPTURE_MODE.replace(mode)
    }

    /// For calls that a capture forbids.
    pub(crate) fn forbid_in_capture(&self) -> Result<()> {
        self.captures().unsafe_call(CAPTURE_MODE.get())
    }

    fn start_stream(&self, flags: u32, is_null: bool) -> Result<Arc<Stream>> {
        let device = self.current();
        let arguments = self.memory.allocate(device, ARGUMENT_BYTES, Purpose::Arguments, 0)?;
        let is_blocking = flags & NON_BLOCKING == 0;
        let stream = Stream::new(device, flags, is_blocking, is_null, arguments.address);
        let stream = Arc::new(stream.map_err(|_| Code::OUT_OF_MEMORY)?);
        for old in self.devices[device].add_stream(stream.clone()) {
            self.memory.remove(old.arguments, |region| region.purpose == Purpose::Arguments);
        }
        Ok(stream)
    }

    /// A new stream of the current device.
    pub(crate) fn create_stream(&self, flags: u32) -> Result<usize> {
        self.check()?;
        if flags & !NON_BLOCKING != 0 {
            return Err(Code::INVALID_VALUE);
        }
        Ok(self.streams.insert(self.start_stream(flags, false)?))
    }

    /// Ends a stream when its work is done.
    pub(crate) fn destroy_stream(&self, handle: usize) -> Result<()> {
        let stream = self.streams.get(handle)?;
        if self.captures().status(handle).1 != 0 {
            self.captures().invalidate(handle);
            return Err(Code::STREAM_CAPTURE_UNSUPPORTED);
        }
        stream.close();
        self.streams.remove(handle).map(drop)
    }

    /// The stream of a handle, or the current device's null stream.
    pub(crate) fn stream(&self, handle: usize) -> Result<Named> {
        if handle > LEGACY_STREAM {
            return Ok(Named { handle, stream: self.streams.get(handle)? });
        }
        let device = &self.devices[self.current()];
        // Under a lock of its own, so that two threads do not make two.
        static MAKING: Mutex<()> = Mutex::new(());
        let _making = MAKING.lock().expect(POISONED);
        let stream = match device.null_stream() {
            Some(stream) => stream,
            None => self.start_stream(0, true)?,
        };
        Ok(Named { handle: 0, stream })
    }

    /// Queues work, or writes it down if the stream captures; the fence of queued work.
    pub(crate) fn submit(self: &Arc<Self>, to: &Named, op: Op) -> Result<Option<Arc<Fence>>> {
        self.submit_all(to, Vec::new(), vec![op])
    }

    /// As [`Runtime::submit`] for work in a row, behind `after`.
    pub(crate) fn submit_all(
        self: &Arc<Self>,
        to: &Named,
        after: Vec<Arc<Fence>>,
        ops: Vec<Op>,
    ) -> Result<Option<Arc<Fence>>> {
        let device = to.stream.device;
        self.devices[device].check()?;
        let mut captures = self.captures();
        self.guard_null_stream(&captures, to)?;
        if captures.status(to.handle).1 != 0 {
            for op in ops {
                captures.add(to.handle, handle::fresh(), op).unwrap_or(Ok(()))?;
            }
            return Ok(None);
        }
        drop(captures);
        let (runtime, arguments) = (self.clone(), to.stream.arguments);
        let work = move || runtime.run_all(&ops, device, arguments);
        Ok(Some(self.devices[device].push(&to.stream, after, Box::new(work))))
    }

    /// Does work. A defect of the emulator breaks the device, so that nobody waits for ever.
    fn run_all(&self, ops: &[Op], device: usize, arguments: u64) {
        let run = || ops.iter().for_each(|op| op.run(self, device, arguments));
        if catch_unwind(AssertUnwindSafe(run)).is_err() {
            eprintln!("hip-emu: DEFECT of the emulator, told above; device {device} is broken");
            self.devices[device].break_down(Code::UNKNOWN);
        }
    }

    /// While a blocking stream captures, the null stream may not be used: it would wait for it.
    fn guard_null_stream(&self, captures: &Captures, to: &Named) -> Result<()> {
        let of_device = |handle| {
            let stream = self.streams.get(handle);
            stream.is_ok_and(|s| s.is_blocking && s.device == to.stream.device)
        };
        if to.stream.is_null && captures.any_stream(of_device) {
            return Err(Code::STREAM_CAPTURE_IMPLICIT);
        }
        Ok(())
    }

    /// Waits for the fence, then says how the device is.
    pub(crate) fn finish(&self, device: usize, fence: Option<Arc<Fence>>) -> Result<()> {
        if let Some(fence) = fence {
            fence.wait();
        }
        self.devices[device].check()
    }

    /// Waits for a device's work.
    pub(crate) fn synchronize_device(&self, device: usize) -> Result<()> {
        for fence in self.devices[device].pending() {
            fence.wait();
        }
        self.devices[device].check()
    }

    /// A call that a capturing stream does not allow; it breaks the capture.
    fn not_while_capturing(&self, handle: usize) -> Result<()> {
        let mut captures = self.captures();
        if captures.status(handle).1 == 0 {
            return Ok(());
        }
        captures.invalidate(handle);
        Err(Code::STREAM_CAPTURE_UNSUPPORTED)
    }

    /// Waits for a stream's work; the null stream's includes that of blocking streams.
    pub(crate) fn synchronize_stream(self: &Arc<Self>, handle: usize) -> Result<()> {
        let named = self.stream(handle)?;
        self.not_while_capturing(named.handle)?;
        let device = named.stream.device;
        self.devices[device].check()?;
        if named.stream.is_null {
            let fence = self.submit(&named, Op::Empty)?;
            return self.finish(device, fence);
        }
        self.finish(device, named.stream.last())
    }

    /// Whether a stream's work is done.
    ///
    /// # Errors
    /// `hipErrorNotReady` if not.
    pub(crate) fn query_stream(&self, handle: usize) -> Result<()> {
        let named = self.stream(handle)?;
        self.not_while_capturing(named.handle)?;
        let device = &self.devices[named.stream.device];
        device.check()?;
        if named.stream.last().is_some() { Err(Code::NOT_READY) } else { device.check() }
    }

    /// For the list of what lives.
    pub(crate) fn num_streams_and_events(&self) -> (usize, usize) {
        (self.streams.len(), self.events.len())
    }

    pub(crate) fn create_event(&self, flags: u32) -> usize {
        self.events.insert(Arc::new(Event::new(flags)))
    }

    pub(crate) fn destroy_event(&self, handle: usize) -> Result<()> {
        self.events.remove(handle).map(drop)
    }

    pub(crate) fn event(&self, handle: usize) -> Result<Arc<Event>> {
        self.events.get(handle)
    }

    /// Marks the place behind all work of the stream.
    pub(crate) fn record_event(self: &Arc<Self>, event: usize, stream: usize) -> Result<()> {
        let (event, named) = (self.events.get(event)?, self.stream(stream)?);
        let point = self.captures().point(named.handle);
        if let Some(point) = point {
            event.record(Mark::Captured(point?));
            return Ok(());
        }
        if let Some(fence) = self.submit(&named, Op::Empty)? {
            event.record(Mark::Fence(fence, named.stream.device));
        }
        Ok(())
    }

    /// Makes a stream's later work wait for the event.
    pub(crate) fn wait_event(self: &Arc<Self>, stream: usize, event: usize) -> Result<()> {
        let (event, named) = (self.events.get(event)?, self.stream(stream)?);
        match event.mark() {
            Mark::None => Ok(()),
            Mark::Captured(_) if named.stream.is_null => Err(Code::STREAM_CAPTURE_IMPLICIT),
            Mark::Captured(point) => self.captures().wait_for(named.handle, &point),
            Mark::Fence(fence, _) => {
                let mut captures = self.captures();
                if captures.status(named.handle).1 != 0 {
                    captures.invalidate(named.handle);
                    return Err(Code::STREAM_CAPTURE_ISOLATION);
                }
                drop(captures);
                self.submit_all(&named, vec![fence], vec![Op::Empty]).map(drop)
            }
        }
    }

    /// Whether the event is reached; one never recorded is. As ROCm 7, not during a global capture.
    pub(crate) fn query_event(&self, handle: usize) -> Result<()> {
        self.captures().unsafe_if_global(CAPTURE_MODE.get())?;
        let event = self.events.get(handle)?;
        let Some((fence, device)) = event.fence()? else { return self.check() };
        self.devices[device].check()?;
        if fence.reached().is_none() { Err(Code::NOT_READY) } else { self.devices[device].check() }
    }

    /// Waits until the event is reached.
    pub(crate) fn synchronize_event(&self, handle: usize) -> Result<()> {
        let event = self.events.get(handle)?;
        let Some((fence, device)) = event.fence()? else { return self.check() };
        self.devices[device].check()?;
        self.finish(device, Some(fence))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runtime(num_devices: usize) -> Arc<Runtime> {
        let config = Config { num_devices, ..Config::default() };
        Arc::new(Runtime::new(config).expect("it starts"))
    }

    #[test]
    fn a_panic_on_a_stream_breaks_the_device_and_blocks_nobody() {
        let runtime = runtime(1);
        let stream = runtime.create_stream(0).expect("a stream");
        let named = runtime.stream(stream).expect("it is there");
        let defect = Op::Host(Arc::new(|| panic!("a planted defect")));
        runtime.submit(&named, defect).expect("it is queued");
        assert_eq!(runtime.synchronize_stream(stream), Err(Code::UNKNOWN));
        assert_eq!(runtime.check(), Err(Code::UNKNOWN));
    }

    #[test]
    fn an_event_tells_of_the_device_that_it_was_recorded_on() {
        let runtime = runtime(2);
        let (event, other) = (runtime.create_event(0), runtime.create_event(0));
        runtime.record_event(event, 0).expect("recorded on device 0");
        runtime.set_current(1).expect("there are two");
        runtime.record_event(other, 0).expect("recorded on device 1");
        runtime.synchronize_event(other).expect("reached");
        runtime.devices[0].break_down(Code::ILLEGAL_ADDRESS);
        assert_eq!(runtime.synchronize_event(event), Err(Code::ILLEGAL_ADDRESS));
        assert_eq!(runtime.query_event(event), Err(Code::ILLEGAL_ADDRESS));
        assert_eq!(runtime.query_event(other), Ok(()));
        runtime.set_current(0).expect("back, for other tests of this thread");
    }
}
