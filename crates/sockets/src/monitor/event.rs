//! What happens to a socket's endpoints and connections.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use seaworthy_core::Endpoint;

/// Names a connection of one socket, from the moment it is accepted or connected to its end. It is never used again:
/// a peer that reconnects gets another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(u64);

impl ConnectionId {
    pub(crate) const fn new(number: u64) -> Self {
        Self(number)
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// What kind of failure ended a handshake. libzmq has an event for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HandshakeFailure {
    /// The stream ended or broke, time was up, or there was no room for the peer (`HANDSHAKE_FAILED_NO_DETAIL`).
    NoDetail,
    /// One end broke a rule of the protocol, or the two have nothing in common (`HANDSHAKE_FAILED_PROTOCOL`).
    Protocol,
    /// One end did not admit the other (`HANDSHAKE_FAILED_AUTH`).
    Authentication,
}

/// Something that happened to an endpoint or a connection. `endpoint` is the bound or connected one.
///
/// All events of a connection carry its id and the address of its peer, as in `10.0.0.7:51000`, the path of an ipc socket
/// or `inproc`. `routing_id` is the name by which a ROUTER knows the peer, in front of its messages: the name that the
/// peer gave itself, or the one that the ROUTER gave it. Sockets of other types see the peer's own, and nothing if it has
/// none.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// An endpoint is bound.
    Listening {
        /// The endpoint, resolved.
        endpoint: Endpoint,
    },
    /// A stream was accepted; its handshake begins.
    #[non_exhaustive]
    Accepted {
        /// The connection.
        connection: ConnectionId,
        /// The bound endpoint.
        endpoint: Endpoint,
        /// Where the peer is.
        peer: String,
    },
    /// Accepting failed; the listener goes on after a pause.
    AcceptFailed {
        /// The bound endpoint.
        endpoint: Endpoint,
        /// What the system says.
        reason: String,
    },
    /// A stream was connected; its handshake begins.
    #[non_exhaustive]
    Connected {
        /// The connection.
        connection: ConnectionId,
        /// The connected endpoint.
        endpoint: Endpoint,
        /// Where the peer is.
        peer: String,
    },
    /// An attempt to connect, or a connection, failed; the next attempt comes after a pause.
    ConnectRetried {
        /// The connected endpoint.
        endpoint: Endpoint,
        /// The pause.
        after: Duration,
        /// Why the last attempt ended.
        reason: String,
    },
    /// The handshake is complete: messages can flow.
    #[non_exhaustive]
    HandshakeSucceeded {
        /// The connection.
        connection: ConnectionId,
        /// The bound or connected endpoint.
        endpoint: Endpoint,
        /// Where the peer is.
        peer: String,
        /// By what name the peer is known; see [`Event`].
        routing_id: Bytes,
        /// The peer's socket type; empty if it did not say.
        socket_type: &'static str,
        /// The name of the peer's user, from the verdict on it; empty if there was none.
        user_id: Bytes,
    },
    /// The handshake failed.
    #[non_exhaustive]
    HandshakeFailed {
        /// The connection.
        connection: ConnectionId,
        /// The bound or connected endpoint.
        endpoint: Endpoint,
        /// Where the peer is.
        peer: String,
        /// What kind of failure it was.
        failure: HandshakeFailure,
        /// Whose fault and what.
        reason: String,
    },
    /// A connection that had completed its handshake ended.
    #[non_exhaustive]
    Disconnected {
        /// The connection.
        connection: ConnectionId,
        /// The bound or connected endpoint.
        endpoint: Endpoint,
        /// Where the peer was.
        peer: String,
        /// By what name the peer was known; see [`Event`].
        routing_id: Bytes,
        /// Why.
        reason: String,
    },
    /// A connected endpoint gave up: a protocol error, or `reconnect_ivl` forbids another attempt.
    ConnectStopped {
        /// The connected endpoint.
        endpoint: Endpoint,
        /// Why.
        reason: String,
    },
    /// An endpoint is no longer bound.
    Closed {
        /// The endpoint.
        endpoint: Endpoint,
    },
}
