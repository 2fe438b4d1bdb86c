//! Tests of the worker pool: every task once, panics, misuse, waking from sleep.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::*;

fn message(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(|s| &**s))
        .unwrap()
}

#[test]
fn every_task_runs_exactly_once_in_many_regions() {
    for num_threads in [1, 2, 3, 8] {
        let pool = Pool::new(num_threads).unwrap();
        assert_eq!(pool.num_threads(), num_threads);
        for region in 0..2000 {
            let num_tasks = region % 37;
            let counts: [AtomicUsize; 37] = std::array::from_fn(|_| AtomicUsize::new(0));
            pool.run(num_tasks, &|task_idx, thread_idx| {
                assert!(thread_idx < num_threads);
                counts[task_idx].fetch_add(1, Ordering::Relaxed);
            });
            for (task_idx, count) in counts.iter().enumerate() {
                let expected = usize::from(task_idx < num_tasks);
                assert_eq!(count.load(Ordering::Relaxed), expected, "{num_threads} {region}");
            }
        }
    }
}

#[test]
fn a_thread_index_is_used_by_one_task_at_a_time() {
    let pool = Pool::new(4).unwrap();
    let in_use: [AtomicUsize; 4] = std::array::from_fn(|_| AtomicUsize::new(0));
    pool.run(500, &|_, thread_idx| {
        assert_eq!(in_use[thread_idx].fetch_add(1, Ordering::SeqCst), 0);
        std::thread::yield_now();
        in_use[thread_idx].fetch_sub(1, Ordering::SeqCst);
    });
}

#[test]
fn chunks_are_disjoint_and_cover_the_slice() {
    for num_threads in [1, 3] {
        let pool = Pool::new(num_threads).unwrap();
        let mut data = vec![usize::MAX; 1001];
        pool.for_each_chunk(&mut data, 10, |chunk_idx, chunk| {
            assert_eq!(chunk.len(), if chunk_idx == 100 { 1 } else { 10 });
            chunk.fill(chunk_idx);
        });
        assert!(data.iter().enumerate().all(|(i, &value)| value == i / 10));
        pool.for_each_chunk(&mut data[..0], 10, |_, _| unreachable!());
    }
}

#[test]
fn a_panic_is_passed_on_after_all_tasks_and_the_pool_lives_on() {
    for num_threads in [1, 4] {
        let pool = Pool::new(num_threads).unwrap();
        let num_run = AtomicUsize::new(0);
        let payload = catch_unwind(AssertUnwindSafe(|| {
            pool.run(100, &|task_idx, _| {
                num_run.fetch_add(1, Ordering::Relaxed);
                assert!(task_idx != 41, "task 41 broke");
            });
        }))
        .unwrap_err();
        assert_eq!(message(&*payload), "task 41 broke");
        assert_eq!(num_run.swap(0, Ordering::Relaxed), 100);
        pool.run(10, &|_, _| {
            num_run.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(num_run.into_inner(), 10);
    }
}

#[test]
fn nested_regions_are_refused() {
    for num_threads in [1, 2] {
        let pool = Pool::new(num_threads).unwrap();
        let payload = catch_unwind(AssertUnwindSafe(|| {
            pool.run(4, &|_, _| pool.run(1, &|_, _| {}));
        }))
        .unwrap_err();
        assert!(message(&*payload).starts_with("Pool::run inside a task"));
        pool.run(4, &|_, _| {});
    }
}

#[test]
fn sleeping_workers_and_a_sleeping_caller_wake_up() {
    let pool = Pool::new(3).unwrap();
    for _ in 0..3 {
        // Long enough for the workers to go to sleep, and for the caller while one task runs.
        std::thread::sleep(Duration::from_millis(20));
        let num_run = AtomicUsize::new(0);
        pool.run(3, &|_, thread_idx| {
            if thread_idx != 0 {
                std::thread::sleep(Duration::from_millis(20));
            }
            num_run.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(num_run.into_inner(), 3);
    }
}

#[test]
fn the_number_of_threads_has_limits() {
    for num_threads in [0, MAX_POOL_THREADS + 1] {
        let error = Pool::new(num_threads).err().unwrap();
        assert!(matches!(error, PoolError::NumThreads { num_threads: n } if n == num_threads));
    }
}
