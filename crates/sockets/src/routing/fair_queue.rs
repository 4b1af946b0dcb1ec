//! Fair queueing: one message from each peer that has one, in turn (RFC 28, 30; libzmq's `fq_t`).

use std::collections::VecDeque;

use seaworthy_core::Message;
use seaworthy_core::planted::{Bug, planted};

use crate::peer_id::PeerId;
use crate::peers::Peers;
use crate::pipe_item::PipeItem;

/// Peers that are looked at one by one each time rather than watched, when nothing is waited for.
const EAGER_PEERS_MAX: usize = 8;

/// Takes messages from the peers that have some, in turn.
///
/// A peer waits at most one message of every other peer that has one.
#[derive(Debug, Default)]
pub(crate) struct FairQueue {
    /// Peers that may have a message, the next one first.
    active: VecDeque<PeerId>,
}

impl FairQueue {
    /// Takes a peer into the turn, behind all others.
    pub(crate) fn add(&mut self, id: PeerId) {
        self.active.push_back(id);
    }

    /// Drops what is there.
    pub(crate) fn discard(&mut self, peers: &mut Peers) {
        let eager = std::mem::replace(&mut peers.eager, self.active.len() <= EAGER_PEERS_MAX);
        while self.next(peers).is_some() {}
        peers.eager = eager;
    }

    /// The next message and who sent it, for types whose peers send nothing else.
    #[inline(always)]
    pub(crate) fn next_message(&mut self, peers: &mut Peers) -> Option<(PeerId, Message)> {
        loop {
            let id = self.turn(peers)?;
            match peers.get_mut(id)?.pipe.rx.take()? {
                PipeItem::Message(message) => return Some((id, message)),
                other => drop_other(other),
            }
        }
    }

    /// What comes next and who sent it.
    #[inline(always)]
    pub(crate) fn next(&mut self, peers: &mut Peers) -> Option<(PeerId, PipeItem)> {
        let id = self.turn(peers)?;
        Some((id, peers.get_mut(id)?.pipe.rx.take()?))
    }

    /// The peer whose turn it is, of those that have something, which the caller takes. Peers that departed and have
    /// nothing left are removed.
    #[inline(always)]
    fn turn(&mut self, peers: &mut Peers) -> Option<PeerId> {
        peers.readable.drain(&mut self.active);
        let eager = peers.eager;
        let mut passed = 0;
        loop {
            let id = *self.active.front()?;
            let Some(peer) = peers.get_mut(id) else {
                self.active.pop_front();
                continue;
            };
            if peer.ignored {
                peer.passed_over = true;
                self.active.pop_front();
                continue;
            }
            if peer.pipe.rx.has_item() {
                if self.active.len() > 1 && !planted(Bug::FairQueueSticks) {
                    self.active.rotate_left(1);
                }
                return Some(id);
            }
            if eager && !peer.pipe.rx.is_closed() {
                passed += 1;
                if passed >= self.active.len() {
                    return None;
                }
                self.active.rotate_left(1);
            } else if peers.watch_readable(id) {
                self.active.pop_front();
            } else if let Some(peer) = peers.get_mut(id)
                && peer.pipe.rx.is_ended()
            {
                self.active.pop_front();
                // A peer on another thread may be gone before its departure is announced here.
                if peer.departed {
                    peers.remove(id);
                }
            }
        }
    }
}

/// Out of line, since moving a message slows down where the same code looks into other items.
#[cold]
#[inline(never)]
fn drop_other(item: PipeItem) {
    drop(item);
}
