//! Which connections a socket has, by the names that its events give them.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use bytes::Bytes;
use seaworthy_core::Endpoint;

use super::event::{ConnectionId, Event, HandshakeFailure};

/// A connection whose handshake is complete, as [`Socket::connections`](crate::Socket::connections) lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionInfo {
    /// Its name in [`Event`]s.
    pub id: ConnectionId,
    /// The bound or connected endpoint.
    pub endpoint: Endpoint,
    /// Where the peer is: an address, a path, or `inproc`.
    pub peer: String,
    /// The name by which a ROUTER knows the peer; see [`Event`].
    pub routing_id: Bytes,
    /// The peer's socket type; empty if it did not say.
    pub socket_type: &'static str,
    /// The name of the peer's user, from the verdict on it; empty if there was none.
    pub user_id: Bytes,
}

/// The connections of one socket.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    /// Connections that there have been.
    begun: Cell<u64>,
    open: RefCell<BTreeMap<ConnectionId, ConnectionInfo>>,
}

impl Connections {
    /// A stream was accepted at the endpoint, or connected to it.
    pub(crate) fn begin(&self, endpoint: Endpoint, peer: String) -> Origin {
        self.begun.set(self.begun.get() + 1);
        Origin { connection: ConnectionId::new(self.begun.get()), endpoint, peer }
    }

    /// Keeps track of what monitors hear.
    pub(crate) fn note(&self, event: &Event) {
        match event.clone() {
            Event::HandshakeSucceeded {
                connection: id,
                endpoint,
                peer,
                routing_id,
                socket_type,
                user_id,
            } => {
                let info = ConnectionInfo { id, endpoint, peer, routing_id, socket_type, user_id };
                self.open.borrow_mut().insert(id, info);
            }
            Event::Disconnected { connection, .. } => {
                self.open.borrow_mut().remove(&connection);
            }
            _ => {}
        }
    }

    /// Those whose handshake is complete, the oldest first.
    pub(crate) fn list(&self) -> Vec<ConnectionInfo> {
        self.open.borrow().values().cloned().collect()
    }
}

/// Where a connection comes from: what all of its events have in common.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    connection: ConnectionId,
    endpoint: Endpoint,
    peer: String,
}

impl Origin {
    pub(crate) fn accepted(&self) -> Event {
        let Self { connection, endpoint, peer } = self.clone();
        Event::Accepted { connection, endpoint, peer }
    }

    pub(crate) fn connected(&self) -> Event {
        let Self { connection, endpoint, peer } = self.clone();
        Event::Connected { connection, endpoint, peer }
    }

    pub(crate) fn handshake_succeeded(
        &self,
        routing_id: Bytes,
        socket_type: &'static str,
        user_id: Bytes,
    ) -> Event {
        let Self { connection, endpoint, peer } = self.clone();
        Event::HandshakeSucceeded { connection, endpoint, peer, routing_id, socket_type, user_id }
    }

    pub(crate) fn handshake_failed(self, failure: HandshakeFailure, reason: impl ToString) -> Event {
        let Self { connection, endpoint, peer } = self;
        Event::HandshakeFailed { connection, endpoint, peer, failure, reason: reason.to_string() }
    }

    /// Where the peer is.
    pub(crate) fn peer(&self) -> &str {
        &self.peer
    }

    pub(crate) fn disconnected(self, routing_id: Bytes, reason: impl ToString) -> Event {
        let Self { connection, endpoint, peer } = self;
        Event::Disconnected { connection, endpoint, peer, routing_id, reason: reason.to_string() }
    }
}
