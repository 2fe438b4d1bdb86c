//! The worker pool of the CPU backend: parallel regions that cost about a microsecond.
//!
//! A decode step has a few hundred regions of a few microseconds each, so workers wait for the
//! next region by spinning for a bounded time and sleep only after that. The calling thread takes
//! part as thread 0. A region ends when its last task ends, not when every worker has noticed it,
//! so a worker that the operating system does not run delays nobody.
//!
//! Protocol. `gate` packs the region's number (high half) and how many tasks are still unclaimed
//! (low half). A thread claims a task by decrementing the low half with a compare-exchange that
//! also proves that the region is still the one it saw. Only a successful claim gives the right to
//! read `job`: the region cannot end, nor `job` change, before that task has been counted in
//! `num_done`.
//!
//! Never allocates in [`Pool::run`]; never used for blocking work. Called by every op.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use thiserror::Error;

/// Most threads of one pool.
pub const MAX_POOL_THREADS: usize = 1024;
/// Most tasks of one region: the low half of the gate holds their number.
const MAX_POOL_TASKS: usize = u32::MAX as usize;

/// Busy-wait rounds before a waiting thread starts to yield: roughly 0.3 ms, longer than any gap
/// between the regions of one step.
const SPINS_BEFORE_YIELD: u32 = 10_000;
/// Yields before a waiting thread sleeps; on a crowded machine they let the thread that is waited
/// for run.
const YIELDS_BEFORE_SLEEP: u32 = 16;

/// The pool could not be started.
#[derive(Debug, Error)]
pub enum PoolError {
    /// The number of threads is out of range.
    #[error("the CPU pool takes 1 to {MAX_POOL_THREADS} threads, not {num_threads}")]
    NumThreads {
        /// What was asked for.
        num_threads: usize,
    },
    /// The operating system refused a thread.
    #[error(
        "cannot start CPU worker {thread_idx} of {num_threads}: {source}; lower the number of threads"
    )]
    Spawn {
        /// Which worker.
        thread_idx: usize,
        /// What was asked for.
        num_threads: usize,
        /// The system's words.
        source: std::io::Error,
    },
}

/// A region's work, on the stack of the thread that runs it.
struct Job<'a> {
    num_tasks: usize,
    task: &'a (dyn Fn(usize, usize) + Sync),
    /// What the first panicking task threw.
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

struct Shared {
    gate: AtomicU64,
    job: AtomicPtr<Job<'static>>,
    num_done: AtomicUsize,
    shutdown: AtomicBool,
    num_sleeping: AtomicUsize,
    caller_sleeps: AtomicBool,
    sleep: Mutex<()>,
    work_ready: Condvar,
    work_done: Condvar,
}

/// A fixed set of worker threads. Regions of one pool never overlap.
pub struct Pool {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
    in_region: AtomicBool,
}

impl Pool {
    /// Starts `num_threads - 1` workers; the thread that calls [`Pool::run`] is the other one.
    pub fn new(num_threads: usize) -> Result<Self, PoolError> {
        if !(1..=MAX_POOL_THREADS).contains(&num_threads) {
            return Err(PoolError::NumThreads { num_threads });
        }
        let shared = Arc::new(Shared {
            gate: AtomicU64::new(0),
            job: AtomicPtr::new(ptr::null_mut()),
            num_done: AtomicUsize::new(0),
            shutdown: AtomicBool::new(false),
            num_sleeping: AtomicUsize::new(0),
            caller_sleeps: AtomicBool::new(false),
            sleep: Mutex::new(()),
            work_ready: Condvar::new(),
            work_done: Condvar::new(),
        });
        // Workers are pushed into the pool at once, so that a failed start joins the earlier ones.
        let mut pool =
            Self { shared, workers: Vec::with_capacity(num_threads), in_region: false.into() };
        for thread_idx in 1..num_threads {
            let shared = Arc::clone(&pool.shared);
            let worker = std::thread::Builder::new()
                .name(format!("ropeway-cpu-{thread_idx}"))
                .spawn(move || shared.work(thread_idx))
                .map_err(|source| PoolError::Spawn { thread_idx, num_threads, source })?;
            pool.workers.push(worker);
        }
        Ok(pool)
    }

    /// Threads that take part in a region, the caller included.
    pub fn num_threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// Calls `task(task_idx, thread_idx)` once for every `task_idx < num_tasks` and returns when
    /// all calls have returned. Tasks are claimed in order by whichever thread is free; at any
    /// time at most one task runs under a given `thread_idx < num_threads()`.
    ///
    /// # Panics
    /// If a task panics, the others still run and the first panic is passed on. Also panics if the
    /// pool is already in a region: regions neither nest nor overlap.
    pub fn run(&self, num_tasks: usize, task: &(dyn Fn(usize, usize) + Sync)) {
        assert!(num_tasks <= MAX_POOL_TASKS, "a region of {num_tasks} tasks is too large");
        assert!(
            !self.in_region.swap(true, Acquire),
            "Pool::run inside a task or from two threads at once: regions do not nest"
        );
        let panic = if self.workers.is_empty() || num_tasks <= 1 {
            run_inline(num_tasks, task)
        } else {
            self.shared.run_region(num_tasks, task)
        };
        self.in_region.store(false, Release);
        if let Some(payload) = panic {
            resume_unwind(payload);
        }
    }

    /// Splits `data` into chunks of `chunk_len` (the last may be shorter) and calls
    /// `f(chunk_idx, chunk)` for each in parallel.
    pub fn for_each_chunk<T: Send>(
        &self,
        data: &mut [T],
        chunk_len: usize,
        f: impl Fn(usize, &mut [T]) + Sync,
    ) {
        assert!(chunk_len > 0, "chunks must not be empty");
        let len = data.len();
        let base = SendPtr(data.as_mut_ptr());
        self.run(len.div_ceil(chunk_len), &|chunk_idx, _| {
            let start = chunk_idx * chunk_len;
            let chunk_len = chunk_len.min(len - start);
            // SAFETY: start + chunk_len <= len, so the range lies inside `data`, which is borrowed
            // mutably until `run` returns; `run` passes every index to one task only, so the
            // ranges of two tasks never overlap.
            let chunk = unsafe { std::slice::from_raw_parts_mut(base.get().add(start), chunk_len) };
            f(chunk_idx, chunk);
        });
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.shutdown.store(true, SeqCst);
        self.shared.publish(0);
        for worker in self.workers.drain(..) {
            // A worker cannot panic: tasks run under catch_unwind.
            let _ = worker.join();
        }
    }
}

/// A pointer that tasks may share because each touches its own part only.
struct SendPtr<T>(*mut T);

impl<T> SendPtr<T> {
    fn get(&self) -> *mut T {
        self.0
    }
}

// SAFETY: only `for_each_chunk` makes one, and it derives disjoint ranges from it, one per task;
// `T: Send` there lets a range's elements be used by another thread.
unsafe impl<T: Send> Sync for SendPtr<T> {}

type Payload = Box<dyn Any + Send>;

fn run_inline(num_tasks: usize, task: &(dyn Fn(usize, usize) + Sync)) -> Option<Payload> {
    let mut first = None;
    for task_idx in 0..num_tasks {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| task(task_idx, 0))) {
            first.get_or_insert(payload);
        }
    }
    first
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No code that can panic runs under these locks, so a poisoned one is still consistent.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn region_of(gate: u64) -> u64 {
    gate >> 32
}

fn num_unclaimed(gate: u64) -> usize {
    (gate & u64::from(u32::MAX)) as usize
}

impl Shared {
    fn run_region(
        &self,
        num_tasks: usize,
        task: &(dyn Fn(usize, usize) + Sync),
    ) -> Option<Payload> {
        let job = Job { num_tasks, task, panic: Mutex::new(None) };
        self.num_done.store(0, Relaxed);
        self.job.store(ptr::from_ref(&job).cast_mut().cast(), Relaxed);
        let region = self.publish(num_tasks);
        self.run_tasks(region, 0);
        self.wait_done(num_tasks);
        job.panic.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens the next region and wakes the sleepers; returns its number.
    fn publish(&self, num_tasks: usize) -> u64 {
        // Only the thread in a region (or dropping the pool) moves the region's number on.
        let region = (region_of(self.gate.load(Relaxed)) + 1) & u64::from(u32::MAX);
        self.gate.store((region << 32) | num_tasks as u64, SeqCst);
        if self.num_sleeping.load(SeqCst) > 0 {
            let _guard = lock(&self.sleep);
            self.work_ready.notify_all();
        }
        region
    }

    /// Claims and runs tasks of `region` until none is left.
    fn run_tasks(&self, region: u64, thread_idx: usize) {
        while let Some(unclaimed) = self.claim(region) {
            // SAFETY: the claim succeeded, so `region` has a task that is not yet counted as done:
            // its owner is still inside `run_region`, where `job` points to a live `Job` that
            // is replaced only after the count is complete. The claim's acquire makes the pointer
            // written before `publish` visible.
            let job = unsafe { &*self.job.load(Relaxed) };
            let task_idx = job.num_tasks - unclaimed;
            let num_tasks = job.num_tasks;
            if let Err(payload) =
                catch_unwind(AssertUnwindSafe(|| (job.task)(task_idx, thread_idx)))
            {
                lock(&job.panic).get_or_insert(payload);
            }
            // From here on `job` may be gone.
            let was_last = self.num_done.fetch_add(1, SeqCst) + 1 == num_tasks;
            if was_last && thread_idx != 0 && self.caller_sleeps.load(SeqCst) {
                let _guard = lock(&self.sleep);
                self.work_done.notify_one();
            }
        }
    }

    /// Takes one task of `region`; returns how many were unclaimed before.
    fn claim(&self, region: u64) -> Option<usize> {
        let mut gate = self.gate.load(Acquire);
        loop {
            if region_of(gate) != region || num_unclaimed(gate) == 0 {
                return None;
            }
            match self.gate.compare_exchange_weak(gate, gate - 1, SeqCst, Acquire) {
                Ok(_) => return Some(num_unclaimed(gate)),
                Err(now) => gate = now,
            }
        }
    }

    /// A worker's life: wait for a region other than the last one, work, repeat.
    fn work(&self, thread_idx: usize) {
        let mut last_region = 0;
        loop {
            self.wait_for_region_after(last_region);
            if self.shutdown.load(SeqCst) {
                return;
            }
            last_region = region_of(self.gate.load(Acquire));
            self.run_tasks(last_region, thread_idx);
        }
    }

    fn wait_for_region_after(&self, last_region: u64) {
        let ready = || region_of(self.gate.load(SeqCst)) != last_region;
        if spin_until(ready) {
            return;
        }
        let mut guard = lock(&self.sleep);
        // The sleeper announces itself and then looks; `publish` publishes and then looks for
        // sleepers: in the single order of SeqCst at least one sees the other.
        self.num_sleeping.fetch_add(1, SeqCst);
        while !ready() {
            guard = self.work_ready.wait(guard).unwrap_or_else(PoisonError::into_inner);
        }
        self.num_sleeping.fetch_sub(1, SeqCst);
    }

    fn wait_done(&self, num_tasks: usize) {
        let done = || self.num_done.load(SeqCst) == num_tasks;
        if spin_until(done) {
            return;
        }
        let mut guard = lock(&self.sleep);
        self.caller_sleeps.store(true, SeqCst);
        while !done() {
            guard = self.work_done.wait(guard).unwrap_or_else(PoisonError::into_inner);
        }
        self.caller_sleeps.store(false, SeqCst);
    }
}

/// Waits for `ready` without sleeping; false if the limits were reached first.
fn spin_until(ready: impl Fn() -> bool) -> bool {
    for _ in 0..SPINS_BEFORE_YIELD {
        if ready() {
            return true;
        }
        std::hint::spin_loop();
    }
    for _ in 0..YIELDS_BEFORE_SLEEP {
        if ready() {
            return true;
        }
        std::thread::yield_now();
    }
    ready()
}

#[cfg(test)]
mod tests;
