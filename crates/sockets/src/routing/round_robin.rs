//! Round robin over the peers that have room (RFC 28, 30; libzmq's `lb_t`).

use std::collections::VecDeque;

use seaworthy_core::Message;
use seaworthy_core::planted::{Bug, planted};

use crate::peer_id::PeerId;
use crate::peers::Peers;
use crate::pipe_item::PipeItem;

/// Sends messages to the peers that have room, in turn. A peer whose pipe is full leaves the turn until it has
/// room again.
#[derive(Debug, Default)]
pub(crate) struct RoundRobin {
    /// Peers that may have room, the next one first.
    active: VecDeque<PeerId>,
}

impl RoundRobin {
    /// Sends the message to the next peer that has room. `None`, and the message stays where it is, when none has.
    #[inline(always)]
    pub(crate) fn send(&mut self, peers: &mut Peers, message: &mut Message) -> Option<PeerId> {
        let id = self.next(peers)?;
        peers.write_soon(id, || PipeItem::Message(message.take()));
        if self.active.len() > 1 && !planted(Bug::RoundRobinRestarts) {
            self.active.rotate_left(1);
        }
        Some(id)
    }

    /// The peer whose turn it is, of those that have room.
    #[inline(always)]
    pub(crate) fn next(&mut self, peers: &mut Peers) -> Option<PeerId> {
        peers.writable.drain(&mut self.active);
        loop {
            let id = *self.active.front()?;
            let Some(peer) = peers.get_mut(id).filter(|peer| !peer.pipe.tx.is_closed()) else {
                self.active.pop_front();
                continue;
            };
            if !peer.pipe.tx.is_full() {
                return Some(id);
            }
            if peer.watch_writable() {
                self.active.pop_front();
            }
        }
    }

    /// Takes a peer into the turn, behind all others.
    pub(crate) fn add(&mut self, id: PeerId) {
        self.active.push_back(id);
    }

    /// Takes a peer out of the turn.
    pub(crate) fn remove(&mut self, id: PeerId) {
        self.active.retain(|&active| active != id);
    }
}
