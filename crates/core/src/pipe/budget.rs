//! A budget of memory that many pipes share.
//!
//! Each channel of a pipe *charges* what is written to it when it is handed over, and the reader *releases* it with the
//! credit that it gives. A channel that holds something is full while the budget is reached. A channel that is empty takes an
//! item whatever the budget says, so that nothing waits for memory that only its own progress would free.
//!
//! A writer that finds the budget reached joins a line, then looks once more; whoever releases memory first lowers the
//! use, then looks at the line. The fences between these steps make sure that at least one of them sees the other. A
//! writer keeps its place in the line until it has written something, so that those that got nothing are woken before
//! those that did.

use std::collections::BTreeMap;
use std::fmt;
use std::mem;

use super::Channel;
use crate::sync::{Arc, AtomicBool, AtomicU64, Mutex, Ordering, fence};

/// Bytes that a reader takes at most before it releases them, where the budget does not ask for fewer: enough small
/// messages that the shared counter costs little.
const RELEASE_BATCH_MAX: u64 = 16 * 1024;

/// The part of the budget after which a reader releases what it took.
const RELEASE_BATCH_DIVISOR: u64 = 64;

/// The part of the budget that has to be free before those in the line are woken. Without it, each release would wake
/// all of them for the sake of the first.
const WAKE_DIVISOR: u64 = 32;

/// What may be read ahead beyond the budget, as a part of it, so that heartbeats behind messages are answered.
const READ_AHEAD_DIVISOR: u64 = 8;

/// Far more than there is, and sums with it still fit.
const LIMIT_MAX: u64 = 1 << 60;

/// Bytes that many pipes may hold together. It may be used from any thread.
pub struct MemoryBudget {
    limit: u64,
    /// Wraps below zero for a moment when a reader is faster than the charge for what it reads.
    used: AtomicU64,
    /// Somebody is in the line.
    awaited: AtomicBool,
    line: Mutex<Line>,
}

/// The writers that wait, by their places.
#[derive(Default)]
struct Line {
    waiting: BTreeMap<u64, Arc<Channel>>,
    places: u64,
}

impl MemoryBudget {
    /// A budget of `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self {
            limit: (limit as u64).min(LIMIT_MAX),
            used: AtomicU64::new(0),
            awaited: AtomicBool::new(false),
            line: Mutex::default(),
        }
    }

    /// The bytes that may be in use.
    pub const fn limit(&self) -> usize {
        self.limit as usize
    }

    /// The bytes in use.
    pub fn in_use(&self) -> usize {
        self.used() as usize
    }

    fn used(&self) -> u64 {
        (self.used.load(Ordering::Relaxed) as i64).max(0) as u64
    }

    /// True when nothing more should be kept, by a caller that has `uncharged` bytes of its own.
    pub(super) fn is_reached(&self, uncharged: u64) -> bool {
        self.used() + uncharged >= self.limit
    }

    /// Bytes that may yet be read ahead of a full pipe.
    pub fn left_ahead(&self) -> usize {
        (self.limit + self.limit / READ_AHEAD_DIVISOR).saturating_sub(self.used()) as usize
    }

    /// Bytes after which a reader releases what it took.
    pub(super) fn release_batch(&self) -> u64 {
        (self.limit / RELEASE_BATCH_DIVISOR).clamp(1, RELEASE_BATCH_MAX)
    }

    pub(super) fn charge(&self, bytes: u64) {
        self.used.fetch_add(bytes, Ordering::AcqRel);
    }

    pub(super) fn release(&self, bytes: u64) {
        let used = self.used.fetch_sub(bytes, Ordering::AcqRel).wrapping_sub(bytes) as i64;
        fence(Ordering::SeqCst);
        let low_water = self.limit - self.limit / WAKE_DIVISOR;
        if used < low_water as i64 && self.awaited.load(Ordering::Relaxed) {
            self.wake_line();
        }
    }

    #[cold]
    fn wake_line(&self) {
        let mut line = self.lock();
        self.awaited.store(false, Ordering::Relaxed);
        let waiting = mem::take(&mut line.waiting);
        drop(line);
        waiting.into_values().for_each(|channel| channel.writer.wake());
    }

    /// Has the channel's writer woken once there is room again. The caller must look once more before it sleeps.
    pub(super) fn join(&self, place: &mut Option<u64>, channel: &Arc<Channel>) {
        let mut line = self.lock();
        let place = *place.get_or_insert_with(|| {
            line.places += 1;
            line.places
        });
        line.waiting.insert(place, Arc::clone(channel));
        self.awaited.store(true, Ordering::Relaxed);
        drop(line);
        fence(Ordering::SeqCst);
    }

    /// Gives up a place in the line.
    pub(super) fn leave(&self, place: u64) {
        self.lock().waiting.remove(&place);
    }

    #[cfg(not(loom))]
    fn lock(&self) -> std::sync::MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    #[cfg(loom)]
    fn lock(&self) -> loom::sync::MutexGuard<'_, Line> {
        self.line.lock().unwrap()
    }
}

impl fmt::Debug for MemoryBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryBudget")
            .field("limit", &self.limit())
            .field("in_use", &self.in_use())
            .finish_non_exhaustive()
    }
}

/// What one channel charges to a budget. Both of its sides hold it; what is left when both are gone is released.
pub(super) struct Account {
    pub(super) budget: Arc<MemoryBudget>,
    pub(super) channel: Arc<Channel>,
}

impl Drop for Account {
    fn drop(&mut self) {
        let credit = self.channel.read.credit_bytes.load(Ordering::Acquire);
        self.budget.release(self.channel.written.charged.get().wrapping_sub(credit));
    }
}

/// Memory outside of pipes that is charged to a budget, if there is one, until this is dropped.
#[derive(Debug)]
pub struct Charge {
    budget: Option<Arc<MemoryBudget>>,
    bytes: u64,
}

impl Charge {
    /// Nothing yet.
    pub const fn new(budget: Option<Arc<MemoryBudget>>) -> Self {
        Self { budget, bytes: 0 }
    }

    /// True when there is a budget.
    pub const fn counts(&self) -> bool {
        self.budget.is_some()
    }

    /// True when nothing more should be kept.
    pub fn is_budget_reached(&self) -> bool {
        self.budget.as_ref().is_some_and(|budget| budget.is_reached(0))
    }

    /// Charges this many bytes instead of those before.
    pub fn set(&mut self, bytes: usize) {
        let Some(budget) = &self.budget else { return };
        let bytes = bytes as u64;
        let former = mem::replace(&mut self.bytes, bytes);
        if bytes > former {
            budget.charge(bytes - former);
        } else if bytes < former {
            budget.release(former - bytes);
        }
    }

    /// Bytes that may be kept while the pipe that they are for is full: what this keeps already, and what may yet be
    /// read ahead. No limit without a budget.
    pub fn ahead_max(&self) -> usize {
        match &self.budget {
            Some(budget) => (self.bytes as usize).saturating_add(budget.left_ahead()),
            None => usize::MAX,
        }
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.set(0);
    }
}
