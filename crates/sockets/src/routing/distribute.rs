//! Distribution: a copy to every peer that wants it (RFC 29; libzmq's `dist_t`).

use seaworthy_core::{Message, Subscriptions};

use crate::parcel::Parcel;
use crate::peers::{PeerId, Peers};

/// Gives a message to every peer with a matching subscription. The copies share their memory.
#[derive(Debug, Default)]
pub(crate) struct Distribute {
    /// Counts distributions, so that a peer with several matching prefixes is chosen once.
    round: u64,
    chosen: Vec<PeerId>,
    /// Copies that their peer had no room for.
    lost: u64,
}

impl Distribute {
    /// Chooses the peers whose subscriptions match, and says whether all of them have room.
    pub(crate) fn choose(
        &mut self,
        peers: &mut Peers,
        subscriptions: &Subscriptions<PeerId>,
        topic: &[u8],
    ) -> bool {
        self.round += 1;
        self.chosen.clear();
        let mut room = true;
        subscriptions.for_each_match(topic, |holders| {
            for &id in holders {
                let Some(peer) = peers.get_mut(id) else { continue };
                if peer.chosen != self.round {
                    peer.chosen = self.round;
                    room &= !peer.pipe.out.is_full();
                    self.chosen.push(id);
                }
            }
        });
        room
    }

    /// Chooses this peer if its subscriptions match, and says whether it has room.
    pub(crate) fn choose_only(
        &mut self,
        peers: &mut Peers,
        subscriptions: &Subscriptions<PeerId>,
        topic: &[u8],
        id: PeerId,
    ) -> bool {
        self.chosen.clear();
        let mut matches = false;
        subscriptions.for_each_match(topic, |holders| matches |= holders.contains(&id));
        match peers.get_mut(id) {
            Some(peer) if matches => {
                self.chosen.push(id);
                !peer.pipe.out.is_full()
            }
            _ => true,
        }
    }

    /// Chooses every peer, and says whether all of them have room.
    pub(crate) fn choose_all(&mut self, peers: &mut Peers) -> bool {
        self.chosen.clear();
        let mut room = true;
        for (id, peer) in peers.iter_mut().filter(|(_, peer)| !peer.departed) {
            room &= !peer.pipe.out.is_full();
            self.chosen.push(id);
        }
        room
    }

    /// Watches the chosen peers that have no room; true when there is one to wait for.
    pub(crate) fn watch_full(&self, peers: &mut Peers) -> bool {
        let mut waiting = false;
        peers.writable.clear();
        for &id in &self.chosen {
            if let Some(peer) = peers.get_mut(id) {
                waiting |= peer.watch_writable();
            }
        }
        waiting
    }

    /// Gives the message to the chosen peers that have room. Those that have none lose it.
    pub(crate) fn send(&mut self, peers: &mut Peers, message: Message) {
        let Some((&last, others)) = self.chosen.split_last() else { return };
        let lost = others.iter().filter(|&&id| !offer(peers, id, || message.clone())).count();
        self.lost += lost as u64 + u64::from(!offer(peers, last, || message));
    }

    /// Copies that their peer had no room for.
    pub(crate) const fn lost(&self) -> u64 {
        self.lost
    }
}

/// Gives a message to one peer; false when its pipe is full.
fn offer(peers: &mut Peers, id: PeerId, message: impl FnOnce() -> Message) -> bool {
    let Some(peer) = peers.get_mut(id) else { return true };
    let out = &mut peer.pipe.out;
    if out.is_closed() {
        return true;
    }
    if out.is_full() {
        return false;
    }
    peers.write_soon(id, || Parcel::Message(message()));
    true
}
