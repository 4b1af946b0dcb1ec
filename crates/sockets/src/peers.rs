//! The peers of a socket: its ends of their pipes, and which of them have something to say.

use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Wake, Waker};

use bytes::Bytes;

use crate::parcel::PipeEnd;

/// Names a peer of one socket. A slot is used again after its peer left, with another generation, so that a late
/// event of a dead peer never reaches its successor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PeerId {
    slot: u32,
    generation: u32,
}

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
    /// The last distribution that chose this peer, so that overlapping subscriptions choose it once.
    pub(crate) chosen: u64,
    readable: Waker,
    writable: Waker,
}

impl Peer {
    /// Puts the peer on the list of readable ones as soon as it is. False when it is already.
    pub(crate) fn watch_readable(&mut self) -> bool {
        self.pipe.inward.wait_for_item(&self.readable)
    }

    /// Puts the peer on the list of writable ones as soon as it is. False when it is already.
    pub(crate) fn watch_writable(&mut self) -> bool {
        self.pipe.out.wait_for_room(&self.writable)
    }
}

/// All peers of a socket, by slot.
#[derive(Debug)]
pub struct Peers {
    slots: Vec<Slot>,
    vacant: Vec<u32>,
    /// Peers that became readable since a policy looked.
    pub(crate) readable: Arc<Ready>,
    /// Peers that became writable since a policy looked.
    pub(crate) writable: Arc<Ready>,
}

#[derive(Debug)]
struct Slot {
    generation: u32,
    peer: Option<Peer>,
}

impl Peers {
    pub(crate) fn new() -> Self {
        Self { slots: Vec::new(), vacant: Vec::new(), readable: Arc::default(), writable: Arc::default() }
    }

    /// Adds a peer. Policies that read or write it in turn are to take it for ready until it turns out not to be.
    pub(crate) fn insert(&mut self, pipe: PipeEnd) -> PeerId {
        let slot = self.vacant.pop().unwrap_or_else(|| {
            self.slots.push(Slot { generation: 0, peer: None });
            (self.slots.len() - 1) as u32
        });
        let place = &mut self.slots[slot as usize];
        let id = PeerId { slot, generation: place.generation };
        place.peer = Some(Peer {
            pipe,
            routing_id: Bytes::new(),
            connected: false,
            departed: false,
            ignored: false,
            chosen: 0,
            readable: Waker::from(Arc::new(Notice { ready: Arc::clone(&self.readable), id })),
            writable: Waker::from(Arc::new(Notice { ready: Arc::clone(&self.writable), id })),
        });
        id
    }

    /// Removes a peer; its pipe is dropped unless the caller keeps it.
    pub(crate) fn remove(&mut self, id: PeerId) -> Option<Peer> {
        let place = self.slots.get_mut(id.slot as usize)?;
        if place.generation != id.generation {
            return None;
        }
        let peer = place.peer.take()?;
        place.generation = place.generation.wrapping_add(1);
        self.vacant.push(id.slot);
        Some(peer)
    }

    /// Receives from an ignored peer again.
    pub(crate) fn heed(&mut self, id: PeerId) {
        if let Some(peer) = self.get_mut(id)
            && std::mem::take(&mut peer.ignored)
        {
            self.readable.add(id);
        }
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, id: PeerId) -> Option<&mut Peer> {
        let place = self.slots.get_mut(id.slot as usize)?;
        if place.generation == id.generation { place.peer.as_mut() } else { None }
    }

    /// All peers, in the order of their slots.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (PeerId, &mut Peer)> {
        self.slots.iter_mut().enumerate().filter_map(|(slot, place)| {
            let id = PeerId { slot: slot as u32, generation: place.generation };
            place.peer.as_mut().map(|peer| (id, peer))
        })
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

/// Peers that became ready, and the tasks that wait for one.
#[derive(Debug, Default)]
pub(crate) struct Ready {
    /// Whether the list has anything, so that looking costs no lock.
    any: AtomicBool,
    peers: Mutex<Vec<PeerId>>,
    tasks: Mutex<Vec<Waker>>,
}

impl Ready {
    /// Moves the peers that became ready to `active`.
    #[inline]
    pub(crate) fn drain(&self, active: &mut impl Extend<PeerId>) {
        if self.any.load(Ordering::Acquire) {
            self.drain_some(active);
        }
    }

    #[cold]
    fn drain_some(&self, active: &mut impl Extend<PeerId>) {
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        self.any.store(false, Ordering::Relaxed);
        active.extend(peers.drain(..));
    }

    /// Forgets which peers became ready, for policies that look at each peer when they need it.
    pub(crate) fn clear(&self) {
        if self.any.swap(false, Ordering::AcqRel) {
            self.peers.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
    }

    /// Wakes the task at the next change. The caller must look once more before it sleeps.
    pub(crate) fn wait(&self, task: &Waker) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        if !tasks.iter().any(|known| known.will_wake(task)) {
            tasks.push(task.clone());
        }
    }

    fn add(&self, id: PeerId) {
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        peers.push(id);
        self.any.store(true, Ordering::Release);
        drop(peers);
        self.wake();
    }

    /// Wakes every waiting task.
    pub(crate) fn wake(&self) {
        let tasks = mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        tasks.into_iter().for_each(Waker::wake);
    }
}

/// What a pipe wakes: puts its peer on a list.
#[derive(Debug)]
struct Notice {
    ready: Arc<Ready>,
    id: PeerId,
}

impl Wake for Notice {
    fn wake(self: Arc<Self>) {
        self.ready.add(self.id);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ready.add(self.id);
    }
}
