//! Streams: a thread each, which does the stream's work later, in order, and nothing else.
//!
//! Owns queues and fences. Never knows what the work is. `runtime` decides what a piece of work
//! waits for: work of other streams only through fences.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

use crate::memory::POISONED;

/// A point in time that has been reached or will be.
#[derive(Debug, Default)]
pub(crate) struct Fence {
    reached: Mutex<Option<Instant>>,
    changed: Condvar,
}

impl Fence {
    /// Marks it reached, now.
    pub(crate) fn signal(&self) {
        self.reached.lock().expect(POISONED).get_or_insert_with(Instant::now);
        self.changed.notify_all();
    }

    /// When it was reached; `None` if it was not yet.
    pub(crate) fn reached(&self) -> Option<Instant> {
        *self.reached.lock().expect(POISONED)
    }

    /// Blocks until it is reached.
    pub(crate) fn wait(&self) {
        let guard = self.reached.lock().expect(POISONED);
        drop(self.changed.wait_while(guard, |reached| reached.is_none()).expect(POISONED));
    }
}

/// Work, once.
pub(crate) type Work = Box<dyn FnOnce() + Send>;

struct Entry {
    after: Vec<Arc<Fence>>,
    work: Work,
    done: Arc<Fence>,
}

#[derive(Default)]
struct Queue {
    entries: Mutex<QueueState>,
    changed: Condvar,
}

#[derive(Default)]
struct QueueState {
    waiting: VecDeque<Entry>,
    is_closed: bool,
    last: Option<Arc<Fence>>,
}

/// A stream.
pub(crate) struct Stream {
    /// Device it works on.
    pub(crate) device: usize,
    /// Waits for the null stream, and the null stream for it.
    pub(crate) is_blocking: bool,
    /// The device's null stream.
    pub(crate) is_null: bool,
    /// Flags it was made with.
    pub(crate) flags: u32,
    /// Address of the memory for its launches' arguments.
    pub(crate) arguments: u64,
    queue: Arc<Queue>,
}

impl Stream {
    /// Starts a stream's thread.
    pub(crate) fn new(
        device: usize,
        flags: u32,
        is_blocking: bool,
        is_null: bool,
        arguments: u64,
    ) -> std::io::Result<Self> {
        let queue = Arc::new(Queue::default());
        let of_thread = queue.clone();
        std::thread::Builder::new()
            .name(format!("hip-emu-stream-{device}"))
            .spawn(move || work_through(&of_thread))?;
        Ok(Self { device, is_blocking, is_null, flags, arguments, queue })
    }

    /// Adds work behind all that is queued; it starts when all of `after` are reached too.
    pub(crate) fn push(&self, after: Vec<Arc<Fence>>, work: Work) -> Arc<Fence> {
        let done = Arc::new(Fence::default());
        let mut queue = self.queue.entries.lock().expect(POISONED);
        queue.last = Some(done.clone());
        queue.waiting.push_back(Entry { after, work, done: done.clone() });
        drop(queue);
        self.queue.changed.notify_one();
        done
    }

    /// The fence of the last work; `None` if there was none, or it is done.
    pub(crate) fn last(&self) -> Option<Arc<Fence>> {
        let last = self.queue.entries.lock().expect(POISONED).last.clone()?;
        last.reached().is_none().then_some(last)
    }

    /// Whether [`Stream::close`] was called.
    pub(crate) fn is_closed(&self) -> bool {
        self.queue.entries.lock().expect(POISONED).is_closed
    }

    /// Lets the thread end when the queued work is done; nothing may be pushed any more.
    pub(crate) fn close(&self) {
        self.queue.entries.lock().expect(POISONED).is_closed = true;
        self.queue.changed.notify_one();
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.close();
    }
}

fn work_through(queue: &Queue) {
    loop {
        let idle = |state: &mut QueueState| state.waiting.is_empty() && !state.is_closed;
        let guard = queue.entries.lock().expect(POISONED);
        let mut guard = queue.changed.wait_while(guard, idle).expect(POISONED);
        let Some(entry) = guard.waiting.pop_front() else { return };
        drop(guard);
        for fence in &entry.after {
            fence.wait();
        }
        (entry.work)();
        entry.done.signal();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn stream() -> Stream {
        Stream::new(0, 0, true, false, 0).expect("a thread")
    }

    #[test]
    fn work_runs_later_and_in_order() {
        let stream = stream();
        let (release, gate) = mpsc::channel::<()>();
        let (out, seen) = mpsc::channel();
        let first = out.clone();
        let fence = stream.push(
            Vec::new(),
            Box::new(move || {
                gate.recv().expect("the test lets it through");
                first.send(1).expect("the test listens");
            }),
        );
        let last = stream.push(Vec::new(), Box::new(move || out.send(2).expect("listening")));
        assert!(fence.reached().is_none() && last.reached().is_none());
        assert!(seen.try_recv().is_err(), "nothing ran in the caller");
        release.send(()).expect("the work waits");
        last.wait();
        assert!(fence.reached() <= last.reached());
        assert_eq!(seen.iter().take(2).collect::<Vec<_>>(), [1, 2]);
        assert!(stream.last().is_none());
    }

    #[test]
    fn work_waits_for_fences_of_other_streams() {
        let (a, b) = (stream(), stream());
        let (release, gate) = mpsc::channel::<()>();
        let of_a = a.push(Vec::new(), Box::new(move || gate.recv().expect("let through")));
        let (out, seen) = mpsc::channel();
        let before = of_a.clone();
        let work = move || out.send(before.reached().is_some()).expect("the test listens");
        let of_b = b.push(vec![of_a], Box::new(work));
        assert!(of_b.reached().is_none());
        release.send(()).expect("the work waits");
        assert_eq!(seen.recv(), Ok(true), "a was first");
    }

    #[test]
    fn a_closed_stream_still_does_what_it_has() {
        let stream = stream();
        let fence = stream.push(Vec::new(), Box::new(|| ()));
        drop(stream);
        fence.wait();
    }
}
