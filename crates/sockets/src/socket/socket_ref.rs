//! The socket as its transport tasks see it.

use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use bytes::Bytes;
use seaworthy_core::pipe::{HighWaterMarks, MemoryBudget};
use seaworthy_core::planted::{Bug, planted};
use seaworthy_core::{Endpoint, Instant, Message, Options};
use seaworthy_zmtp::SocketType;

use super::core::{Core, State, puts_off};
use crate::authentication::Security;
use crate::log::Severity;
use crate::monitor::Event;
use crate::monitor::Origin;
use crate::outcome::SubscriptionOutcome;
use crate::patterns::Pattern;
use crate::peer_id::PeerId;
use crate::peers::Peer;
use crate::pipe_item::{PipeEnd, PipeItem};
use crate::transport::{CloseSignal, PeerRejected, SocketRef};

impl<P: Pattern> SocketRef for Core<P> {
    fn security(&self) -> &Security {
        &self.security
    }

    fn budget(&self) -> Option<&Arc<MemoryBudget>> {
        self.budget.as_ref()
    }

    fn options(&self) -> Rc<Options> {
        Rc::clone(&self.options.borrow())
    }

    fn linger_until(&self, now: Instant) -> Option<Instant> {
        self.close_by.get().or_else(|| self.options.borrow().linger.map(|linger| now + linger))
    }

    fn socket_type(&self) -> SocketType {
        P::TYPE
    }

    fn admits(&self, others: usize) -> bool {
        !self.closed.get() && self.state.borrow().pattern.admits(others)
    }

    fn attach(&self, pipe: PipeEnd) -> Result<PeerId, PeerRejected> {
        if !self.admits(0) {
            return Err(PeerRejected);
        }
        let mut state = self.state.borrow_mut();
        let State { pattern, peers, .. } = &mut *state;
        let id = peers.insert(pipe);
        pattern.attached(id);
        self.readable.wake_tasks();
        self.writable.wake_tasks();
        Ok(id)
    }

    fn attach_provisional(&self, pipe: PipeEnd) -> Result<PeerId, PeerRejected> {
        let id = self.attach(pipe)?;
        let mut state = self.state.borrow_mut();
        let State { pattern, peers, .. } = &mut *state;
        peers.add_inproc_peer();
        if let Some(peer) = peers.get_mut(id) {
            peer.ignored = true;
            ask_for(peer, pattern.topics(id));
        }
        Ok(id)
    }

    fn inproc_connected(&self, id: PeerId, routing_id: &Bytes) {
        let mut state = self.state.borrow_mut();
        let State { pattern, peers, .. } = &mut *state;
        peers.add_inproc_peer();
        let Some(peer) = peers.get_mut(id) else { return };
        if !peer.connected {
            ask_for(peer, pattern.topics(id));
        }
        if self.options.borrow().probe_router {
            peer.pipe.tx.write_unbounded(PipeItem::Message(Message::from("")));
            peer.pipe.tx.publish();
        }
        peers.stop_ignoring(id);
        pattern.connected(peers, id, routing_id);
    }

    fn poll_publish(&self, context: &TaskContext<'_>) -> Poll<()> {
        if self.closed.get() {
            return Poll::Ready(());
        }
        if puts_off::<P>() {
            // Before the look: a peer that becomes ready after it must wake the task.
            self.room.borrow_mut().wait(context.waker());
        }
        let mut state = self.state.borrow_mut();
        let State { pattern, peers, .. } = &mut *state;
        if pattern.catch_up(peers) {
            context.waker().wake_by_ref();
        }
        peers.publish_all();
        self.publishing.set(false);
        self.publisher.set(Some(context.waker().clone()));
        Poll::Pending
    }

    fn frees_spares(&self) -> bool {
        self.frees_spares.get()
    }

    fn free_spares(&self) {
        self.frees_spares.set(false);
        self.state.borrow_mut().peers.free_spares();
    }

    fn driver_runs(&self) {
        self.coop.restart();
    }

    fn peer_on_other_thread(&self) {
        self.busy_poll.peer_on_other_thread();
    }

    fn presume_marks(&self, id: PeerId, marks: Option<(HighWaterMarks, HighWaterMarks)>) {
        let mut state = self.state.borrow_mut();
        let Some(peer) = state.peers.get_mut(id) else { return };
        match marks {
            Some((tx, rx)) => peer.pipe.presume_marks(tx, rx),
            None => peer.pipe.forget_marks(),
        }
    }

    fn connected(&self, id: PeerId, routing_id: &Bytes) -> Vec<Bytes> {
        let mut state = self.state.borrow_mut();
        let State { pattern, peers, .. } = &mut *state;
        let Some(peer) = peers.get_mut(id) else { return Vec::new() };
        if planted(Bug::NoResubscription) && peer.connected {
            return Vec::new();
        }
        peer.connected = true;
        pattern.connected(peers, id, routing_id);
        pattern.topics(id)
    }

    fn disconnected(&self, id: PeerId) {
        if let Some(peer) = self.state.borrow_mut().peers.get_mut(id) {
            peer.connected = planted(Bug::NoResubscription);
        }
    }

    fn departed(&self, id: PeerId) {
        self.part(id, true);
    }

    fn subscription(&self, id: PeerId, topic: Bytes, subscribe: bool) -> SubscriptionOutcome {
        let mut state = self.state.borrow_mut();
        let State { pattern, peers, .. } = &mut *state;
        pattern.subscription(peers, id, topic, subscribe)
    }

    fn stopped(&self, closing: &CloseSignal) {
        self.endpoints.forget(closing);
    }

    fn begin(&self, endpoint: &Endpoint, peer: String) -> Origin {
        self.connections.begin(endpoint.clone(), peer)
    }

    fn routing_id(&self, id: PeerId) -> Bytes {
        let mut state = self.state.borrow_mut();
        state.peers.get_mut(id).map_or_else(Bytes::new, |peer| peer.routing_id.clone())
    }

    fn emit(&self, event: Event, severity: Severity) {
        self.connections.note(&event);
        self.log.write(&event, severity, (self.clock)());
        self.monitors.emit(event);
    }
}

/// Asks a peer of this process for topics. What the socket subscribes to later is written to its pipe too.
fn ask_for(peer: &mut Peer, topics: Vec<Bytes>) {
    peer.connected = true;
    topics.into_iter().for_each(|topic| peer.pipe.tx.write_unbounded(PipeItem::Subscribe(topic)));
    peer.pipe.tx.publish();
}
