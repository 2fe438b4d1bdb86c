//! A device's state: its streams, its peers and whether it has broken down.
//!
//! Owns the order in which work is given to the device's streams. Never runs work.

use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, Mutex};

use crate::errors::{Code, Result};
use crate::memory::POISONED;
use crate::stream::{Fence, Stream};

/// A device.
#[derive(Default)]
pub(crate) struct Device {
    /// The first error of its work; every later call returns it.
    fault: AtomicI32,
    is_broken: AtomicBool,
    peers: Mutex<Vec<usize>>,
    streams: Mutex<Vec<Arc<Stream>>>,
}

impl Device {
    /// The error that broke it.
    pub(crate) fn fault(&self) -> Option<Code> {
        let code = Code(self.fault.load(Ordering::Acquire));
        (code != Code::SUCCESS).then_some(code)
    }

    /// Whether it still works.
    ///
    /// # Errors
    /// The error that broke it.
    pub(crate) fn check(&self) -> Result<()> {
        self.fault().map_or(Ok(()), Err)
    }

    /// Breaks it for good; the first error stays.
    pub(crate) fn break_down(&self, code: Code) {
        let success = Code::SUCCESS.0;
        // An error is there already: that one is kept.
        let _ = self.fault.compare_exchange(success, code.0, Ordering::AcqRel, Ordering::Acquire);
        self.is_broken.store(true, Ordering::Release);
    }

    /// True from the first fault on: ends what still runs.
    pub(crate) fn broken(&self) -> &AtomicBool {
        &self.is_broken
    }

    /// Devices whose memory its kernels may touch.
    pub(crate) fn peers(&self) -> Vec<usize> {
        self.peers.lock().expect(POISONED).clone()
    }

    /// Lets its kernels touch another's memory; `false` if they could already.
    pub(crate) fn add_peer(&self, peer: usize) -> bool {
        let mut peers = self.peers.lock().expect(POISONED);
        let is_new = !peers.contains(&peer);
        if is_new {
            peers.push(peer);
        }
        is_new
    }

    /// Takes that back; `false` if they could not.
    pub(crate) fn remove_peer(&self, peer: usize) -> bool {
        let mut peers = self.peers.lock().expect(POISONED);
        let before = peers.len();
        peers.retain(|&other| other != peer);
        peers.len() < before
    }

    /// Adds a stream, and forgets those that are closed and have nothing to do; these are given
    /// back.
    pub(crate) fn add_stream(&self, stream: Arc<Stream>) -> Vec<Arc<Stream>> {
        let mut streams = self.streams.lock().expect(POISONED);
        let is_over = |stream: &mut Arc<Stream>| stream.is_closed() && stream.last().is_none();
        let over = streams.extract_if(.., is_over).collect();
        streams.push(stream);
        over
    }

    /// The null stream, if there is one yet.
    pub(crate) fn null_stream(&self) -> Option<Arc<Stream>> {
        self.streams.lock().expect(POISONED).iter().find(|stream| stream.is_null).cloned()
    }

    /// Gives work to a stream of this device. The null stream waits for all work of blocking
    /// streams before, and blocking streams for the null stream's.
    pub(crate) fn push(
        &self,
        stream: &Stream,
        mut after: Vec<Arc<Fence>>,
        work: crate::stream::Work,
    ) -> Arc<Fence> {
        // Held until the work is queued, so that all streams agree on an order.
        let streams = self.streams.lock().expect(POISONED);
        let waits_for = |other: &&Arc<Stream>| {
            if stream.is_null {
                other.is_blocking && !other.is_null
            } else {
                other.is_null && stream.is_blocking
            }
        };
        after.extend(streams.iter().filter(waits_for).filter_map(|other| other.last()));
        stream.push(after, work)
    }

    /// The fences of all work that is not done.
    pub(crate) fn pending(&self) -> Vec<Arc<Fence>> {
        self.streams.lock().expect(POISONED).iter().filter_map(|stream| stream.last()).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};

    use super::*;

    fn stream(is_blocking: bool, is_null: bool) -> Arc<Stream> {
        Arc::new(Stream::new(0, 0, is_blocking, is_null, 0).expect("a thread"))
    }

    /// Work that ends when something is sent.
    fn gate() -> (Sender<()>, crate::stream::Work) {
        let (open, opened) = channel::<()>();
        (open, Box::new(move || opened.recv().expect("the test opens it")))
    }

    #[test]
    fn null_and_blocking_streams_wait_for_each_other_and_others_do_not() {
        let device = Device::default();
        let (null, blocking, free) =
            (stream(true, true), stream(true, false), stream(false, false));
        for stream in [&null, &blocking, &free] {
            device.add_stream(stream.clone());
        }
        let (open, work) = gate();
        let first = device.push(&blocking, Vec::new(), work);
        let on_null = device.push(&null, Vec::new(), Box::new(|| ()));
        let behind = device.push(&blocking, Vec::new(), Box::new(|| ()));
        let on_free = device.push(&free, Vec::new(), Box::new(|| ()));
        on_free.wait();
        assert!(first.reached().is_none() && on_null.reached().is_none());
        open.send(()).expect("the work waits");
        behind.wait();
        assert!(first.reached() <= on_null.reached() && on_null.reached() <= behind.reached());
        assert!(on_null.reached().is_some());

        let (open, work) = gate();
        let on_null = device.push(&null, Vec::new(), work);
        let behind = device.push(&blocking, Vec::new(), Box::new(|| ()));
        device.push(&free, Vec::new(), Box::new(|| ())).wait();
        assert!(on_null.reached().is_none() && behind.reached().is_none());
        open.send(()).expect("the work waits");
        behind.wait();
    }

    #[test]
    fn the_first_fault_stays() {
        let device = Device::default();
        assert_eq!(device.check(), Ok(()));
        device.break_down(Code::ILLEGAL_ADDRESS);
        device.break_down(Code::LAUNCH_FAILURE);
        assert_eq!(device.check(), Err(Code::ILLEGAL_ADDRESS));
    }
}
