//! Handles: numbers that stand for objects. Never addresses, so a stale one is seen and not followed.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, RwLock};

use crate::errors::{Code, Result};
use crate::memory::POISONED;

/// The next handle: of all kinds together, so that a handle of one kind is never one of another.
static NEXT: AtomicUsize = AtomicUsize::new(0x4d49_3330_0000);

/// A new number that no object has or had.
pub(crate) fn fresh() -> usize {
    NEXT.fetch_add(16, Ordering::Relaxed)
}

/// The objects of one kind.
pub(crate) struct Table<T>(RwLock<HashMap<usize, Arc<T>>>);

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl<T> Table<T> {
    /// Adds an object.
    pub(crate) fn insert(&self, object: Arc<T>) -> usize {
        let handle = fresh();
        self.0.write().expect(POISONED).insert(handle, object);
        handle
    }

    /// The object of a handle.
    ///
    /// # Errors
    /// `hipErrorInvalidHandle` if there is none, or no longer.
    pub(crate) fn get(&self, handle: usize) -> Result<Arc<T>> {
        self.0.read().expect(POISONED).get(&handle).cloned().ok_or(Code::INVALID_HANDLE)
    }

    /// Takes an object out.
    ///
    /// # Errors
    /// As [`Table::get`].
    pub(crate) fn remove(&self, handle: usize) -> Result<Arc<T>> {
        self.0.write().expect(POISONED).remove(&handle).ok_or(Code::INVALID_HANDLE)
    }

    /// Number of objects.
    pub(crate) fn len(&self) -> usize {
        self.0.read().expect(POISONED).len()
    }

    /// Takes out what suits.
    pub(crate) fn remove_where(&self, suits: impl Fn(&T) -> bool) {
        self.0.write().expect(POISONED).retain(|_, object| !suits(object));
    }
}
