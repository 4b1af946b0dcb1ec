//! The primitives that cross threads: std's, or loom's under `--cfg loom`. The only place that asks which.

#[cfg(loom)]
pub(crate) use loom::{
    cell::UnsafeCell,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering, fence},
    },
};
#[cfg(not(loom))]
pub(crate) use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering, fence},
};

#[cfg(not(loom))]
pub(crate) use self::cell::UnsafeCell;

/// Names one thread among all that ever were. Two numbers are compared in a moment, which the thread's own handle is
/// not made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ThreadNumber(u64);

#[cfg(loom)]
use loom::thread_local;

thread_local! {
    static HERE: ThreadNumber = ThreadNumber::next();
}

impl ThreadNumber {
    /// This thread's.
    pub(crate) fn here() -> Self {
        HERE.with(|number| *number)
    }

    fn next() -> Self {
        static NUMBERS: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        Self(NUMBERS.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
    }
}

/// A number that is told to whoever asks and that nobody decides anything by, so that it orders nothing. std's under
/// loom too, which would otherwise explore every moment at which somebody could have looked.
#[derive(Debug, Default)]
pub(crate) struct RelaxedCounter(std::sync::atomic::AtomicU64);

impl RelaxedCounter {
    pub(crate) const fn new(number: u64) -> Self {
        Self(std::sync::atomic::AtomicU64::new(number))
    }

    #[inline(always)]
    pub(crate) fn get(&self) -> u64 {
        self.0.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// For the one thread that writes it.
    #[inline(always)]
    pub(crate) fn set(&self, number: u64) {
        self.0.store(number, std::sync::atomic::Ordering::Relaxed);
    }
}

#[cfg(not(loom))]
mod cell {
    /// std's `UnsafeCell` with loom's interface, which lets loom see every access.
    #[derive(Debug)]
    pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        pub(crate) const fn new(value: T) -> Self {
            Self(std::cell::UnsafeCell::new(value))
        }

        #[inline(always)]
        pub(crate) fn with<R>(&self, read: impl FnOnce(*const T) -> R) -> R {
            read(self.0.get())
        }

        #[inline(always)]
        pub(crate) fn with_mut<R>(&self, write: impl FnOnce(*mut T) -> R) -> R {
            write(self.0.get())
        }
    }
}
