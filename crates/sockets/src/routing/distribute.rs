//! Distribution: a copy to every peer that wants it (RFC 29; libzmq's `dist_t`).

use seaworthy_core::pipe::Refused;
use seaworthy_core::{Message, Subscriptions};

use crate::parcel::Parcel;
use crate::peers::{PeerId, Peers};

/// Gives a message to every peer with a matching subscription. The copies share their memory.
#[derive(Debug, Default)]
pub(crate) struct Distribute {
    /// Counts distributions, so that a peer with several matching prefixes is chosen once.
    round: u64,
    chosen: Vec<PeerId>,
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

    /// Gives the message to the chosen peers that have room, and counts those that have none and lose it.
    pub(crate) fn send(&self, peers: &mut Peers, message: Message) -> usize {
        let mut lost = 0;
        let Some((&last, others)) = self.chosen.split_last() else { return 0 };
        for &id in others {
            lost += offer(peers, id, message.clone());
        }
        lost + offer(peers, last, message)
    }
}

/// Gives the message to one peer; 1 when its pipe is full.
fn offer(peers: &mut Peers, id: PeerId, message: Message) -> usize {
    let Some(peer) = peers.get_mut(id) else { return 0 };
    match peer.pipe.out.send(Parcel::Message(message)) {
        Ok(()) | Err(Refused::Closed(_)) => 0,
        Err(Refused::Full(_)) => 1,
    }
}
