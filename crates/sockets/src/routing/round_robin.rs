//! Round robin over the peers that have room (RFC 28, 30; libzmq's `lb_t`).

use std::collections::VecDeque;

use seaworthy_core::Message;
use seaworthy_core::pipe::Refused;

use crate::parcel::Parcel;
use crate::peers::{PeerId, Peers};

/// Gives messages to the peers that have room, in turn. A peer whose pipe is full leaves the turn until it has
/// room again.
#[derive(Debug, Default)]
pub(crate) struct RoundRobin {
    /// Peers that may have room, the next one first.
    active: VecDeque<PeerId>,
}

impl RoundRobin {
    /// Gives the message to the next peer that has room.
    ///
    /// # Errors
    /// Gives the message back when no peer has room, or there is no peer.
    #[inline]
    pub(crate) fn send(&mut self, peers: &mut Peers, message: Message) -> Result<PeerId, Message> {
        peers.writable.drain(&mut self.active);
        let mut parcel = Parcel::Message(message);
        while let Some(&id) = self.active.front() {
            let Some(peer) = peers.get_mut(id) else {
                self.active.pop_front();
                continue;
            };
            parcel = match peer.pipe.out.send(parcel) {
                Ok(()) => {
                    if self.active.len() > 1 {
                        self.active.rotate_left(1);
                    }
                    return Ok(id);
                }
                Err(Refused::Full(parcel)) => {
                    if peer.watch_writable() {
                        self.active.pop_front();
                    }
                    parcel
                }
                Err(Refused::Closed(parcel)) => {
                    self.active.pop_front();
                    parcel
                }
            };
        }
        match parcel {
            Parcel::Message(message) => Err(message),
            Parcel::Subscribe(_) | Parcel::Cancel(_) => {
                unreachable!("a refused parcel is the one that was sent")
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
