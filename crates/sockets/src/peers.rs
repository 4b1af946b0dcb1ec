//! The peers of a socket: its ends of their pipes, and which of them have something to say.

use std::mem;
use std::sync::Arc;
use std::task::Waker;

use bytes::Bytes;
use seaworthy_core::planted::{Bug, planted};

use crate::peer_id::PeerId;
use crate::pipe_item::{PipeEnd, PipeItem};
use crate::ready_set::ReadySet;

/// Fruitless turns that a peer is worth: about 7 ms. A subscriber that the system has not scheduled for some time loses
/// little, and one that has stalled costs its neighbours no more than this, once.
const TURNS_MAX: u32 = 1024;

/// Messages that a peer has to take for another turn. A fruitless turn costs some 6 µs, so that a peer that takes 250,000
/// messages a second or fewer costs its neighbours 5 % at most.
const MESSAGES_PER_TURN: u64 = 32;

/// A pipe with an identity, as the socket sees it.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) pipe: PipeEnd,
    /// What it is called in envelopes; empty until known.
    pub(crate) routing_id: Bytes,
    /// Whether a connection stands behind the pipe now.
    pub(crate) connected: bool,
    /// The pattern was told that it departed; what it delivered may still be there.
    pub(crate) departed: bool,
    /// Nothing is received from it for now; what it sends stays in its pipe.
    pub(crate) ignored: bool,
    /// It was ignored when its turn came, and is no longer in the turn.
    pub(crate) passed_over: bool,
    /// How often the drivers may yet get a turn before messages for it are dropped.
    pub(crate) turns: Turns,
    /// It is on the list of those with messages that were not handed over.
    unpublished: bool,
    readable: Waker,
    writable: Waker,
}

impl Peer {
    /// Hands over what was written, or returns true if the peer must go on the list of those with something to hand over.
    #[inline(always)]
    fn joins_unpublished(&mut self) -> bool {
        self.pipe.tx.publish_soon() && !mem::replace(&mut self.unpublished, true)
    }

    /// Puts the peer on the list of writable ones as soon as it took something, whatever its marks say. False when there
    /// is nothing for it to take.
    pub(crate) fn watch_credit(&mut self) -> bool {
        self.pipe.tx.wait_for_credit(&self.writable)
    }

    /// Puts the peer on the list of writable ones as soon as it is. False when it is already.
    pub(crate) fn watch_writable(&mut self) -> bool {
        self.pipe.tx.wait_for_room(&self.writable)
    }
}

/// The turns that one peer is worth.
#[derive(Debug)]
pub(crate) struct Turns {
    pub(crate) left: u32,
    /// Messages that the peer had taken when this was last looked at.
    taken: u64,
}

impl Turns {
    pub(crate) const fn new() -> Self {
        Self { left: TURNS_MAX, taken: 0 }
    }
}

impl Peer {
    /// True unless it has been given all the turns that it has earned.
    pub(crate) fn is_worth_a_turn(&mut self) -> bool {
        let taken = self.pipe.tx.credit();
        let earned = (taken - self.turns.taken) / MESSAGES_PER_TURN;
        self.turns.taken += earned * MESSAGES_PER_TURN;
        let earned = u32::try_from(earned).unwrap_or(u32::MAX);
        self.turns.left = self.turns.left.saturating_add(earned).min(TURNS_MAX);
        self.turns.left > 0
    }
}

/// All peers of a socket, by slot.
#[derive(Debug)]
pub(crate) struct Peers {
    slots: Vec<Slot>,
    vacant: Vec<u32>,
    /// Peers that became readable since a policy looked.
    pub(crate) readable: Arc<ReadySet>,
    /// Peers that became writable since a policy looked.
    pub(crate) writable: Arc<ReadySet>,
    /// Peers whose pipes hold messages that were not handed over yet.
    unpublished: Vec<PeerId>,
    /// The caller busy-polls, so idle peers need no waker: a peer without anything to receive keeps its turn and is not
    /// watched, which saves its other end the wake-up.
    pub(crate) eager: bool,
    /// There was a peer of this process, whose pipe brings what a driver would have told otherwise.
    inproc_peers: bool,
    /// A pipe that has nothing to receive keeps memory since it held more.
    spares: bool,
}

#[derive(Debug)]
struct Slot {
    generation: u32,
    peer: Option<Peer>,
}

impl Peers {
    pub(crate) fn new() -> Self {
        Self {
            slots: Vec::new(),
            vacant: Vec::new(),
            readable: Arc::default(),
            writable: Arc::default(),
            unpublished: Vec::new(),
            eager: false,
            inproc_peers: false,
            spares: false,
        }
    }

    /// Adds a peer. Policies that read or write it in turn are to take it for ready until it turns out not to be.
    pub(crate) fn insert(&mut self, pipe: PipeEnd) -> PeerId {
        let slot = self.vacant.pop().unwrap_or_else(|| {
            self.slots.push(Slot { generation: 0, peer: None });
            (self.slots.len() - 1) as u32
        });
        let entry = &mut self.slots[slot as usize];
        let id = PeerId { slot, generation: entry.generation };
        entry.peer = Some(Peer {
            pipe,
            routing_id: Bytes::new(),
            connected: false,
            departed: false,
            ignored: false,
            passed_over: false,
            turns: Turns::new(),
            unpublished: false,
            readable: self.readable.peer_waker(id),
            writable: self.writable.peer_waker(id),
        });
        id
    }

    /// Puts the peer on the list of readable ones as soon as it is. False when it is already, or is gone.
    pub(crate) fn watch_readable(&mut self, id: PeerId) -> bool {
        let Some(peer) = self.get_mut(id) else { return false };
        let waits = peer.pipe.rx.wait_for_item(&peer.readable);
        let spares = peer.pipe.rx.has_spares();
        self.spares |= spares;
        waits
    }

    /// True when [`free_spares`](Self::free_spares) would free memory.
    #[inline(always)]
    pub(crate) const fn has_spares(&self) -> bool {
        self.spares
    }

    /// Frees what the pipes keep since they held more.
    pub(crate) fn free_spares(&mut self) {
        self.spares = false;
        self.iter_mut().for_each(|(_, peer)| peer.pipe.free_spares());
    }

    /// Removes a peer; its pipe is dropped unless the caller keeps it.
    pub(crate) fn remove(&mut self, id: PeerId) -> Option<Peer> {
        let entry = self.slots.get_mut(id.slot as usize)?;
        if entry.generation != id.generation {
            return None;
        }
        let peer = entry.peer.take()?;
        entry.generation = entry.generation.wrapping_add(1);
        self.vacant.push(id.slot);
        Some(peer)
    }

    /// The set of writable peers, for callers that iterate over the peers meanwhile.
    pub(crate) fn writable_set(&self) -> Arc<ReadySet> {
        Arc::clone(&self.writable)
    }

    /// A peer of this process comes.
    pub(crate) const fn add_inproc_peer(&mut self) {
        self.inproc_peers = true;
    }

    /// True when a peer of this process may be there.
    pub(crate) const fn has_inproc_peers(&self) -> bool {
        self.inproc_peers
    }

    /// Writes to a peer's pipe whatever its marks say, and hands it over, now or with what follows.
    #[inline(always)]
    pub(crate) fn write_soon(&mut self, id: PeerId, item: impl FnOnce() -> PipeItem) {
        if let Some(peer) = self.get_mut(id) {
            peer.pipe.tx.write_in_place(item);
            if peer.joins_unpublished() {
                self.unpublished.push(id);
            }
        }
    }

    /// Hands a peer what was written to its pipe, now or with what follows.
    #[inline(always)]
    pub(crate) fn publish_soon(&mut self, id: PeerId) {
        if self.get_mut(id).is_some_and(Peer::joins_unpublished) {
            self.unpublished.push(id);
        }
    }

    /// True when [`publish_all`](Self::publish_all) has something to do.
    #[inline(always)]
    pub(crate) const fn has_unpublished(&self) -> bool {
        !self.unpublished.is_empty()
    }

    /// Hands every peer what was written to its pipe.
    pub(crate) fn publish_all(&mut self) {
        while let Some(id) = self.unpublished.pop() {
            if let Some(peer) = self.get_mut(id) {
                peer.unpublished = false;
                peer.pipe.tx.publish_all();
            }
        }
    }

    /// Receives from an ignored peer again.
    pub(crate) fn stop_ignoring(&mut self, id: PeerId) {
        if let Some(peer) = self.get_mut(id)
            && mem::take(&mut peer.ignored)
            && mem::take(&mut peer.passed_over)
        {
            self.readable.add(id);
        }
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, id: PeerId) -> Option<&mut Peer> {
        let entry = self.slots.get_mut(id.slot as usize)?;
        if entry.generation == id.generation || planted(Bug::GenerationIgnored) {
            entry.peer.as_mut()
        } else {
            None
        }
    }

    /// All peers, in the order of their slots.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (PeerId, &mut Peer)> {
        self.slots.iter_mut().enumerate().filter_map(|(slot, entry)| {
            let id = PeerId { slot: slot as u32, generation: entry.generation };
            entry.peer.as_mut().map(|peer| (id, peer))
        })
    }

    /// True until the pattern was told that the peer departed.
    pub(crate) fn is_present(&mut self, id: PeerId) -> bool {
        self.get_mut(id).is_some_and(|peer| !peer.departed)
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.vacant.len()
    }

    /// Removes every peer.
    pub(crate) fn clear(&mut self) {
        let ids: Vec<PeerId> = self.iter_mut().map(|(id, _)| id).collect();
        ids.into_iter().for_each(|id| drop(self.remove(id)));
    }
}
