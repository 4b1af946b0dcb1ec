//! The door between a socket and its transport tasks.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use seaworthy_core::Options;
use seaworthy_zmtp::SocketType;

use crate::monitor::Event;
use crate::parcel::PipeEnd;
use crate::peers::PeerId;

/// A socket, as its transport tasks see it.
pub(crate) trait Port {
    fn options(&self) -> &Options;

    fn socket_type(&self) -> SocketType;

    /// Adds a peer. `None`, and the pipe is dropped, when the socket takes no more.
    fn attach(&self, pipe: PipeEnd) -> Option<PeerId>;

    /// A connection stands behind the peer's pipe: gives the topics that it must be asked for.
    fn connected(&self, id: PeerId, routing_id: &Bytes) -> Vec<Bytes>;

    /// No connection stands behind the peer's pipe now.
    fn disconnected(&self, id: PeerId);

    /// No connection will stand behind the peer's pipe again.
    fn departed(&self, id: PeerId);

    /// The peer subscribed to a topic, or cancelled.
    fn subscription(&self, id: PeerId, topic: Bytes, subscribe: bool);

    fn emit(&self, event: Event);
}

/// Tells the tasks of one endpoint that it is no longer wanted, and the socket who came by it.
#[derive(Clone, Default)]
pub(crate) struct Closing(Rc<ClosingState>);

#[derive(Default)]
struct ClosingState {
    closed: Cell<bool>,
    tasks: RefCell<Vec<Waker>>,
    peers: RefCell<Vec<PeerId>>,
}

impl Closing {
    /// Tells all tasks.
    pub(crate) fn close(&self) {
        self.0.closed.set(true);
        self.0.tasks.take().into_iter().for_each(Waker::wake);
    }

    /// A peer came by this endpoint.
    pub(super) fn add(&self, peer: PeerId) {
        self.0.peers.borrow_mut().push(peer);
    }

    /// It is gone.
    pub(super) fn remove(&self, peer: PeerId) {
        self.0.peers.borrow_mut().retain(|&known| known != peer);
    }

    /// The peers that came by this endpoint.
    pub(crate) fn peers(&self) -> Vec<PeerId> {
        self.0.peers.borrow().clone()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.0.closed.get()
    }

    /// Ready once closed. Cancel-safe.
    pub(crate) fn poll_closed(&self, context: &Context<'_>) -> Poll<()> {
        if self.is_closed() {
            return Poll::Ready(());
        }
        let mut tasks = self.0.tasks.borrow_mut();
        if !tasks.iter().any(|task| task.will_wake(context.waker())) {
            tasks.push(context.waker().clone());
        }
        Poll::Pending
    }
}
