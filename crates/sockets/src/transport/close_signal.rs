//! Tells tasks that an endpoint is closed.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use seaworthy_core::Instant;

use crate::peer_id::PeerId;
use crate::race::{Winner, race};

/// Tells the tasks of one endpoint that it is no longer wanted.
#[derive(Clone, Default)]
pub(crate) struct CloseSignal(Rc<CloseState>);

#[derive(Default)]
struct CloseState {
    closed: Cell<bool>,
    /// Until when to wait for what is queued, once closed. `None`: forever.
    linger: Cell<Option<Instant>>,
    /// The tasks that wait, by the number of their watch.
    tasks: RefCell<BTreeMap<u64, Waker>>,
    watches: Cell<u64>,
    peers: RefCell<BTreeSet<PeerId>>,
}

impl CloseSignal {
    /// Tells all tasks, and until when they may wait for what is queued to go out; `None` means forever.
    pub(crate) fn close(&self, linger: Option<Instant>) {
        self.0.linger.set(linger);
        self.0.closed.set(true);
        self.0.tasks.take().into_values().for_each(Waker::wake);
    }

    /// A task's own look at it.
    pub(crate) fn watch(&self) -> CloseWatch {
        let number = self.0.watches.get();
        self.0.watches.set(number + 1);
        CloseWatch { closing: self.clone(), number }
    }

    /// The peers that came by this endpoint.
    pub(crate) fn peers(&self) -> Vec<PeerId> {
        self.0.peers.borrow().iter().copied().collect()
    }

    /// True when both belong to the same endpoint.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

/// What one task sees of its endpoint. Dropping it leaves nothing of the task behind.
pub(crate) struct CloseWatch {
    closing: CloseSignal,
    number: u64,
}

impl CloseWatch {
    /// A peer came by this endpoint.
    pub(crate) fn add(&self, peer: PeerId) {
        self.closing.0.peers.borrow_mut().insert(peer);
    }

    /// It is gone.
    pub(crate) fn remove(&self, peer: PeerId) {
        self.closing.0.peers.borrow_mut().remove(&peer);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closing.0.closed.get()
    }

    /// Until when to wait for what is queued, if it is closed.
    pub(crate) fn linger(&self) -> Option<Option<Instant>> {
        self.is_closed().then(|| self.closing.0.linger.get())
    }

    /// The endpoint's.
    pub(crate) fn closing(&self) -> &CloseSignal {
        &self.closing
    }

    /// What `work` completes with, unless the endpoint is closed before.
    pub(crate) async fn unless_closed<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        match race(poll_fn(|context| self.poll_closed(context)), work).await {
            Winner::First(()) => None,
            Winner::Second(output) => Some(output),
        }
    }

    /// Ready once closed. Cancel-safe; wakes the last task that asked.
    pub(crate) fn poll_closed(&self, context: &Context<'_>) -> Poll<()> {
        if self.is_closed() {
            return Poll::Ready(());
        }
        let mut tasks = self.closing.0.tasks.borrow_mut();
        match tasks.get_mut(&self.number) {
            Some(known) if known.will_wake(context.waker()) => {}
            _ => drop(tasks.insert(self.number, context.waker().clone())),
        }
        Poll::Pending
    }
}

impl Drop for CloseWatch {
    fn drop(&mut self) {
        self.closing.0.tasks.borrow_mut().remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn watches_that_are_gone_leave_nothing_behind() {
        let closing = CloseSignal::default();
        let context = Context::from_waker(Waker::noop());
        let lasting = closing.watch();
        assert_eq!(lasting.poll_closed(&context), Poll::Pending);
        for _ in 0..100 {
            let passing = closing.watch();
            assert_eq!(passing.poll_closed(&context), Poll::Pending);
            assert_eq!(passing.poll_closed(&context), Poll::Pending);
            assert_eq!(closing.0.tasks.borrow().len(), 2);
        }
        assert_eq!(closing.0.tasks.borrow().len(), 1);
        closing.close(None);
        assert_eq!(lasting.poll_closed(&context), Poll::Ready(()));
        assert!(closing.0.tasks.borrow().is_empty());
    }
}
