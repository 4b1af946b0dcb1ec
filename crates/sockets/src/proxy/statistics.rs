//! What a proxy counts.

use bytes::{Bytes, BytesMut};
use seaworthy_core::Message;

/// Messages and bytes that went through one of a proxy's sockets.
///
/// A message counts once, however many frames it has; its bytes are those of all frames, and at a ROUTER the routing
/// id is one of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Traffic {
    /// Messages received.
    pub received: u64,
    /// Bytes received.
    pub received_bytes: u64,
    /// Messages that the socket took for sending.
    pub sent: u64,
    /// Bytes of these.
    pub sent_bytes: u64,
    /// Messages that were not sent, or only taken to be dropped: nobody is known by the routing id, or a peer of a
    /// type that never waits had no room.
    pub dropped: u64,
}

/// What a proxy has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// At the first socket.
    pub frontend: Traffic,
    /// At the second.
    pub backend: Traffic,
    /// Messages that the capture socket took.
    pub captured: u64,
    /// Messages that were forwarded and that the capture socket had no room for.
    pub capture_missed: u64,
    /// Errors of a single message, after which the proxy went on.
    pub errors: u64,
}

impl Statistics {
    /// The eight counters in the order of libzmq's `zmq_proxy_steerable`: of the frontend and then of the backend,
    /// messages received, bytes received, messages sent, bytes sent.
    pub const fn counters(&self) -> [u64; 8] {
        let (front, back) = (&self.frontend, &self.backend);
        [
            front.received,
            front.received_bytes,
            front.sent,
            front.sent_bytes,
            back.received,
            back.received_bytes,
            back.sent,
            back.sent_bytes,
        ]
    }

    /// The answer to STATISTICS: eight frames of eight bytes in the order of this machine, as libzmq writes them.
    pub(super) fn to_message(self) -> Message {
        let mut bytes = BytesMut::with_capacity(64);
        for counter in self.counters() {
            bytes.extend_from_slice(&counter.to_ne_bytes());
        }
        let bytes: Bytes = bytes.freeze();
        (0..8).map(|index| bytes.slice(index * 8..index * 8 + 8)).collect()
    }
}
