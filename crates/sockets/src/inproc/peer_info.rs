//! What a handshake would have told about a socket.

use std::thread::{self, ThreadId};

use bytes::Bytes;
use seaworthy_core::Network;
use seaworthy_core::pipe::HighWaterMarks;
use seaworthy_zmtp::{PeerIncompatible, SocketType};

use crate::transport::{SocketRef, high_water_marks};

/// A socket, as it introduces itself to another.
#[derive(Clone, Debug)]
pub(crate) struct PeerInfo {
    pub(super) socket_type: SocketType,
    /// What it calls itself; empty if it does not.
    pub(super) routing_id: Bytes,
    /// What it allows of the ways from it and to it.
    marks: (HighWaterMarks, HighWaterMarks),
    /// Where it lives, if that can be elsewhere than where others do.
    thread: Option<ThreadId>,
}

impl PeerInfo {
    pub(crate) fn of<N: Network>(socket: &dyn SocketRef, network: &N) -> Self {
        let options = socket.options();
        Self {
            socket_type: socket.socket_type(),
            routing_id: options.routing_id.clone(),
            marks: high_water_marks(&options),
            thread: network.has_other_threads().then(|| thread::current().id()),
        }
    }

    /// Whether both live on one thread, where sockets stay. `None` where threads do not count.
    pub(super) fn shares_thread_with(&self, other: &Self) -> Option<bool> {
        self.thread.zip(other.thread).map(|(this, that)| this == that)
    }

    /// What it allows of the ways to it and from it.
    pub(super) const fn marks_of_other(&self) -> (HighWaterMarks, HighWaterMarks) {
        (self.marks.1, self.marks.0)
    }

    /// Refuses a peer that this socket cannot talk to, as a handshake does.
    pub(super) fn accept(&self, other: &Self) -> Result<(), PeerIncompatible> {
        if self.socket_type.can_talk_to(other.socket_type) {
            return Ok(());
        }
        let theirs = other.socket_type.name().to_owned();
        Err(PeerIncompatible::SocketType { ours: self.socket_type, theirs })
    }
}
