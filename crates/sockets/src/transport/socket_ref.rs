//! A socket, as its transport tasks see it.

use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use seaworthy_core::pipe::{HighWaterMarks, MemoryBudget};
use seaworthy_core::{Endpoint, Instant, Options};
use seaworthy_zmtp::SocketType;

use super::close_signal::CloseSignal;
use crate::authentication::Security;
use crate::log::Severity;
use crate::monitor::Event;
use crate::monitor::Origin;
use crate::outcome::SubscriptionOutcome;
use crate::peer_id::PeerId;
use crate::pipe_item::PipeEnd;

/// A socket, as its transport tasks see it.
pub(crate) trait SocketRef {
    /// The options as they are now.
    fn options(&self) -> Rc<Options>;

    /// The memory budget of the socket's context, if it has one.
    fn budget(&self) -> Option<&Arc<MemoryBudget>>;

    /// How the socket's connections are secured.
    fn security(&self) -> &Security;

    /// Until when a pipe that the socket is done with waits for what is queued to go out. `None`: forever.
    fn linger_until(&self, now: Instant) -> Option<Instant>;

    fn socket_type(&self) -> SocketType;

    /// Whether a peer would be added now, besides `others` whose handshakes are under way.
    fn admits(&self, others: usize) -> bool;

    /// Adds a peer, or drops the pipe when the socket takes no more.
    fn attach(&self, pipe: PipeEnd) -> Result<PeerId, PeerRejected>;

    /// Adds a peer of this process from which nothing is received until it is [connected](Self::inproc_connected); what
    /// the socket subscribes to is written to its pipe at once.
    fn attach_provisional(&self, pipe: PipeEnd) -> Result<PeerId, PeerRejected>;

    /// A socket of this process is at the other end of the peer's pipe, and reads from that pipe what a driver would
    /// have written.
    fn inproc_connected(&self, id: PeerId, routing_id: &Bytes);

    /// Hands over what was sent, whenever that is due. Ready once the socket is closed.
    fn poll_publish(&self, context: &Context<'_>) -> Poll<()>;

    /// True when [`free_spares`](Self::free_spares) is to be called, in a while.
    fn frees_spares(&self) -> bool;

    /// Frees what pipes keep since they held more.
    fn free_spares(&self);

    /// A driver runs, so the task that uses the socket has let others run.
    fn driver_runs(&self);

    /// A peer of this process is on another thread.
    fn peer_on_other_thread(&self);

    /// What the socket at the other end of a peer's pipe allows of the ways to it and from it, as far as it has not
    /// said so itself. `None`: nobody is there.
    fn presume_marks(&self, id: PeerId, marks: Option<(HighWaterMarks, HighWaterMarks)>);

    /// A connection stands behind the peer's pipe. Returns the topics to subscribe to on it.
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

    /// Reports an event to monitors and to the log.
    fn emit(&self, event: Event, severity: Severity);
}

/// The socket is closed, or a PAIR that has a peer.
#[derive(Debug, thiserror::Error)]
#[error("the socket takes no more peers")]
pub(crate) struct PeerRejected;
