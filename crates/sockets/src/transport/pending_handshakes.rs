//! The connections of a bound endpoint: those whose handshake is not complete, and how many are.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::limits::PENDING_HANDSHAKES_MAX;

/// The handshakes under way, the oldest first.
#[derive(Clone, Default)]
pub(super) struct PendingHandshakes {
    entries: Rc<RefCell<VecDeque<Rc<Entry>>>>,
    complete: Rc<Cell<usize>>,
}

/// Held by a connection until its handshake is complete.
pub(super) struct PendingHandshake {
    entry: Rc<Entry>,
    among: PendingHandshakes,
}

#[derive(Default)]
struct Entry {
    evicted: Cell<bool>,
    task: RefCell<Option<Waker>>,
}

impl PendingHandshakes {
    /// How many are under way.
    pub(super) fn len(&self) -> usize {
        self.entries.borrow().len()
    }

    /// True when another connection may be complete, of which there may be `max` if it is not zero.
    pub(super) fn admit(&self, max: usize) -> bool {
        max == 0 || self.complete.get() < max
    }

    /// A handshake begins, and the oldest is given up if there are too many.
    pub(super) fn begin(&self) -> PendingHandshake {
        let mut entries = self.entries.borrow_mut();
        if entries.len() >= PENDING_HANDSHAKES_MAX
            && let Some(oldest) = entries.pop_front()
        {
            oldest.evicted.set(true);
            if let Some(task) = oldest.task.take() {
                task.wake();
            }
        }
        let entry = Rc::<Entry>::default();
        entries.push_back(Rc::clone(&entry));
        PendingHandshake { entry, among: self.clone() }
    }
}

/// Counts a connection among those that are complete.
pub(super) struct ConnectionSlot(Rc<Cell<usize>>);

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl PendingHandshake {
    /// The handshake is complete. `None` when `max` others are, and `max` is not zero.
    pub(super) fn complete(self, max: usize) -> Option<ConnectionSlot> {
        let count = &self.among.complete;
        self.among.admit(max).then(|| {
            count.set(count.get() + 1);
            ConnectionSlot(Rc::clone(count))
        })
    }

    /// Ready once this handshake must make room for another. Cancel-safe; wakes the last task that asked.
    pub(super) fn poll_evicted(&self, context: &Context<'_>) -> Poll<()> {
        if self.entry.evicted.get() {
            return Poll::Ready(());
        }
        self.entry.task.replace(Some(context.waker().clone()));
        Poll::Pending
    }
}

impl Drop for PendingHandshake {
    fn drop(&mut self) {
        self.among.entries.borrow_mut().retain(|entry| !Rc::ptr_eq(entry, &self.entry));
    }
}
