//! Rows in parallel: splits matrices into runs of rows for the pool when there is enough work.
//!
//! The split never changes what is computed for a row, so results do not depend on it.

use std::marker::PhantomData;

use crate::pool::Pool;

/// Fewest element operations that are worth a task; smaller work stays on the calling thread.
const MIN_TASK_ELEMENTS: usize = 8 * 1024;
/// Tasks per thread, so that a slow thread can be helped out.
const TASKS_PER_THREAD: usize = 4;

/// A mutable matrix whose parts go to different tasks.
pub(crate) struct SharedRows<'a, T> {
    base: *mut T,
    len: usize,
    _borrow: PhantomData<&'a mut [T]>,
}

// SAFETY: the only access is `segment`, whose caller guarantees that no two live segments overlap;
// `T: Send` lets elements be used from another thread.
unsafe impl<T: Send> Sync for SharedRows<'_, T> {}

impl<'a, T> SharedRows<'a, T> {
    pub(crate) fn new(data: &'a mut [T]) -> Self {
        Self { base: data.as_mut_ptr(), len: data.len(), _borrow: PhantomData }
    }

    /// The elements `start..start + len`. Panics if they are out of range.
    ///
    /// # Safety
    /// While the segment lives, no other segment overlaps it.
    #[allow(clippy::mut_from_ref)]
    pub(crate) unsafe fn segment(&self, start: usize, len: usize) -> &mut [T] {
        assert!(start <= self.len && len <= self.len - start, "segment outside its matrix");
        // SAFETY: in range by the assertion, exclusive by the caller's promise, and borrowed
        // mutably for as long as `self` lives.
        unsafe { std::slice::from_raw_parts_mut(self.base.add(start), len) }
    }
}

/// Rows per task for rows of `row_elements` operations each.
fn rows_per_task(pool: &Pool, rows: usize, row_elements: usize) -> usize {
    let fair = rows.div_ceil(pool.num_threads() * TASKS_PER_THREAD);
    fair.max(MIN_TASK_ELEMENTS.div_ceil(row_elements.max(1))).max(1)
}

/// Calls `f(row, row_of_a)` for every row of `cols` elements.
pub(crate) fn for_each_row<T: Send>(
    pool: &Pool,
    a: &mut [T],
    cols: usize,
    f: impl Fn(usize, &mut [T]) + Sync,
) {
    let rows = a.len() / cols;
    let per_task = rows_per_task(pool, rows, cols);
    let run = |first: usize, part: &mut [T]| {
        for (i, row) in part.chunks_exact_mut(cols).enumerate() {
            f(first + i, row);
        }
    };
    if per_task >= rows {
        return run(0, a);
    }
    pool.for_each_chunk(a, per_task * cols, |task, part| run(task * per_task, part));
}

/// Calls `f(row, row_of_a, row_of_b)` for every row; `a` has `a_cols` elements per row
/// and `b` has `b_cols`. Both hold the same number of rows.
pub(crate) fn for_each_row_pair<A: Send, B: Send>(
    pool: &Pool,
    (a, a_cols): (&mut [A], usize),
    (b, b_cols): (&mut [B], usize),
    f: impl Fn(usize, &mut [A], &mut [B]) + Sync,
) {
    let rows = a.len() / a_cols;
    assert_eq!(rows, b.len() / b_cols, "matrices differ in rows");
    let per_task = rows_per_task(pool, rows, a_cols);
    let (a, b) = (SharedRows::new(a), SharedRows::new(b));
    let run = |task: usize, _thread: usize| {
        for row in task * per_task..rows.min((task + 1) * per_task) {
            // SAFETY: each row is in one task's range only, and a task takes them one by one.
            let (a, b) =
                unsafe { (a.segment(row * a_cols, a_cols), b.segment(row * b_cols, b_cols)) };
            f(row, a, b);
        }
    };
    pool.run(rows.div_ceil(per_task), &run);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_visited_once_with_its_own_index() {
        for threads in [1, 3] {
            let pool = Pool::new(threads).unwrap();
            for (rows, cols) in [(0, 4), (1, 1), (7, 3), (100, 2_000)] {
                let mut a = vec![0usize; rows * cols];
                let mut b = vec![0usize; rows];
                for_each_row(&pool, &mut a, cols, |row, part| part.fill(row + 1));
                for_each_row_pair(&pool, (&mut a, cols), (&mut b, 1), |row, a, b| {
                    b[0] += a.iter().sum::<usize>() + row;
                });
                for (row, sum) in b.into_iter().enumerate() {
                    assert_eq!(sum, (row + 1) * cols + row, "row {row} of {rows}");
                }
            }
        }
    }

    #[test]
    #[should_panic(expected = "segment outside its matrix")]
    fn segments_stay_inside() {
        let mut data = [0u8; 4];
        let shared = SharedRows::new(&mut data);
        // SAFETY: the only segment.
        unsafe { shared.segment(3, 2) };
    }
}
