//! What a socket's pipes hold.

use seaworthy_core::{Message, Network};

use super::Socket;
use super::core::State;
use crate::patterns::Pattern;

/// Messages in the pipes of a socket, of all its peers together. What it says was true a moment ago: the connections go
/// on meanwhile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Queued {
    /// Messages that were received from peers and not yet handed out.
    pub received: usize,
    /// Their size in bytes.
    pub received_bytes: usize,
    /// Messages that were sent and not yet taken by a connection.
    pub sending: usize,
    /// Their size in bytes.
    pub sending_bytes: usize,
}

impl<P: Pattern, N: Network> Socket<P, N> {
    /// What the pipes of all peers hold now, and what a proxy put back, counted as the high-water marks count it. Takes
    /// time in proportion to the number of peers.
    pub fn queued(&self) -> Queued {
        let mut state = self.core.state.borrow_mut();
        let State { peers, returned, .. } = &mut *state;
        let mut queued = Queued {
            received: returned.len(),
            received_bytes: returned.iter().map(Message::byte_len).sum(),
            ..Queued::default()
        };
        for (_, peer) in peers.iter_mut() {
            let stats = peer.pipe.stats();
            let (tx, rx) = (stats.tx().queued, stats.rx().queued);
            queued.received += rx.messages;
            queued.received_bytes += rx.bytes;
            queued.sending += tx.messages;
            queued.sending_bytes += tx.bytes;
        }
        queued
    }
}
