//! The door between a socket and its transport tasks.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use seaworthy_core::pipe::{HighWaterMarks, MemoryBudget};
use seaworthy_core::{Endpoint, Instant, Options};
use seaworthy_zmtp::SocketType;

use crate::connections::Origin;
use crate::event::Event;
use crate::log::Severity;
use crate::outcome::SubscriptionOutcome;
use crate::peer_id::PeerId;
use crate::pipe_item::PipeEnd;

/// A socket, as its transport tasks see it.
pub(crate) trait SocketRef {
    /// The options as they are now.
    fn options(&self) -> Rc<Options>;

    /// The memory budget of the socket's context, if it has one.
    fn budget(&self) -> Option<&Arc<MemoryBudget>>;

    /// Until when a pipe that the socket is done with waits for what is queued to go out. `None`: forever.
    fn linger_until(&self, now: Instant) -> Option<Instant>;

    fn socket_type(&self) -> SocketType;

    /// Whether a peer would be added now, besides `others` whose handshakes are under way.
    fn admits(&self, others: usize) -> bool;

    /// Adds a peer. `None`, and the pipe is dropped, when the socket takes no more.
    fn attach(&self, pipe: PipeEnd) -> Option<PeerId>;

    /// Adds a peer of this process from which nothing is received until it is [connected](Self::inproc_connected); what
    /// the socket subscribes to is written to its pipe at once. `None`, and the pipe is dropped, when the socket
    /// takes no more.
    fn attach_provisional(&self, pipe: PipeEnd) -> Option<PeerId>;

    /// A socket of this process is at the other end of the peer's pipe, and is told by that pipe what a driver would
    /// have written.
    fn inproc_connected(&self, id: PeerId, routing_id: &Bytes);

    /// Hands over what was sent, whenever that is due. Ready once the socket is closed.
    fn poll_publish(&self, context: &Context<'_>) -> Poll<()>;

    /// A driver runs, so the task that uses the socket has let others run.
    fn driver_runs(&self);

    /// A peer of this process is on another thread.
    fn peer_on_other_thread(&self);

    /// What the socket at the other end of a peer's pipe allows of the ways to it and from it, as far as it has not
    /// said so itself. `None`: nobody is there.
    fn presume_marks(&self, id: PeerId, marks: Option<(HighWaterMarks, HighWaterMarks)>);

    /// A connection stands behind the peer's pipe: gives the topics that it must be asked for.
    fn connected(&self, id: PeerId, routing_id: &Bytes) -> Vec<Bytes>;

    /// No connection stands behind the peer's pipe now.
    fn disconnected(&self, id: PeerId);

    /// No connection will stand behind the peer's pipe again.
    fn departed(&self, id: PeerId);

    /// The peer subscribed to a topic, or cancelled.
    fn subscription(&self, id: PeerId, topic: Bytes, subscribe: bool) -> SubscriptionOutcome;

    /// The dialer of this endpoint has given up for good.
    fn stopped(&self, closing: &CloseSignal);

    /// A stream was accepted at the endpoint, or connected to it: names the connection.
    fn begin(&self, endpoint: &Endpoint, peer: String) -> Origin;

    /// By what name the socket knows a connected peer; empty if it has none.
    fn routing_id(&self, id: PeerId) -> Bytes;

    /// Tells monitors and the log what happened.
    fn emit(&self, event: Event, severity: Severity);
}

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
