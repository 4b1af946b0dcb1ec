//! Distribution: a copy to every peer that wants it (RFC 29; libzmq's `dist_t`).

use seaworthy_core::{Message, Subscriptions};

use super::Patience;
use crate::patterns::SendRejected;
use crate::peers::{PeerId, Peers};
use crate::pipe_item::PipeItem;

/// Gives a message to every peer with a matching subscription. The copies share their memory.
#[derive(Debug, Default)]
pub(crate) struct Distribute {
    /// Counts distributions, so that a peer with several matching prefixes is chosen once.
    round: u64,
    chosen: Vec<PeerId>,
    /// Of the chosen peers, how many have no room.
    full: usize,
    /// Peers that would have been chosen, had they not been given up.
    passed_over: usize,
    /// By the peers' slots.
    seats: Vec<Seat>,
    patience: Patience,
    /// Copies that their peer had no room for.
    lost: u64,
}

/// What a distribution knows of a peer. It lies apart from the peer, so that one that gets nothing costs nothing.
#[derive(Clone, Copy, Debug, Default)]
struct Seat {
    /// The last distribution that came across this seat.
    round: u64,
    /// The peer of this generation has no room and is worth no turn: it is not looked at until it has room again.
    given_up: Option<u32>,
}

impl Distribute {
    /// Chooses the peers whose subscriptions match.
    #[inline]
    pub(crate) fn choose(&mut self, peers: &mut Peers, subscriptions: &Subscriptions<PeerId>, topic: &[u8]) {
        self.begin(peers);
        subscriptions.for_each_match(topic, |holders| holders.iter().for_each(|&id| self.add(peers, id)));
    }

    /// Chooses this peer if its subscriptions match.
    pub(crate) fn choose_only(
        &mut self,
        peers: &mut Peers,
        subscriptions: &Subscriptions<PeerId>,
        topic: &[u8],
        id: PeerId,
    ) {
        self.begin(peers);
        let mut matches = false;
        subscriptions.for_each_match(topic, |holders| matches |= holders.contains(&id));
        if matches {
            self.add(peers, id);
        }
    }

    /// Chooses every peer.
    pub(crate) fn choose_all(&mut self, peers: &mut Peers) {
        self.begin(peers);
        for slot in 0..peers.slots() {
            if let Some(id) = peers.at(slot)
                && peers.get_mut(id).is_some_and(|peer| !peer.departed)
            {
                self.add(peers, id);
            }
        }
    }

    #[inline(always)]
    fn begin(&mut self, peers: &Peers) {
        self.round += 1;
        self.chosen.clear();
        self.full = 0;
        self.passed_over = 0;
        if peers.writable.any() {
            self.resume(peers);
        }
    }

    /// Looks again at the peers that have room now.
    #[cold]
    fn resume(&mut self, peers: &Peers) {
        let mut writable = Vec::new();
        peers.writable.drain(&mut writable);
        for id in writable {
            if let Some(seat) = self.seats.get_mut(id.slot()) {
                seat.given_up.take_if(|given_up| *given_up == id.generation());
            }
        }
    }

    #[inline(always)]
    fn add(&mut self, peers: &mut Peers, id: PeerId) {
        if id.slot() >= self.seats.len() {
            self.seats.resize(id.slot() + 1, Seat::default());
        }
        let seat = &mut self.seats[id.slot()];
        if std::mem::replace(&mut seat.round, self.round) == self.round {
            return;
        }
        if seat.given_up == Some(id.generation()) {
            self.passed_over += 1;
            return;
        }
        let Some(peer) = peers.get_mut(id) else { return };
        self.full += usize::from(peer.pipe.tx.is_full());
        self.chosen.push(id);
    }

    /// Watches the chosen peers that have no room; true when there is one to wait for.
    pub(crate) fn watch_full(&self, peers: &mut Peers) -> bool {
        self.full > 0
            && self.chosen.iter().fold(false, |waiting, &id| {
                waiting | peers.get_mut(id).is_some_and(|peer| peer.watch_writable())
            })
    }

    /// Takes the message and gives it to the chosen peers that have room. Those that have none lose it.
    ///
    /// # Errors
    /// The drivers should have a turn before anything is lost.
    #[inline(always)]
    pub(crate) fn send(&mut self, peers: &mut Peers, message: &mut Message) -> Result<(), SendRejected> {
        if self.full > 0 {
            self.before_loss(peers)?;
        } else {
            self.patience.no_loss();
        }
        self.lost += self.passed_over as u64;
        let message = std::mem::take(message);
        let Some((&last, others)) = self.chosen.split_last() else { return Ok(()) };
        let lost = others.iter().filter(|&&id| !offer(peers, id, || message.clone())).count();
        self.lost += lost as u64 + u64::from(!offer(peers, last, || message));
        Ok(())
    }

    #[cold]
    fn before_loss(&mut self, peers: &mut Peers) -> Result<(), SendRejected> {
        let alone = self.full == self.chosen.len() && self.full + self.passed_over == peers.len();
        self.patience.before_loss(peers, &self.chosen, alone)?;
        for &id in &self.chosen {
            if let Some(peer) = peers.get_mut(id)
                && peer.pipe.tx.is_full()
                && !peer.is_worth_a_turn()
                && peer.watch_writable()
            {
                self.seats[id.slot()].given_up = Some(id.generation());
            }
        }
        Ok(())
    }

    /// Copies that their peer had no room for.
    pub(crate) const fn lost(&self) -> u64 {
        self.lost
    }
}

/// Gives a message to one peer; false when its pipe is full.
#[inline]
fn offer(peers: &mut Peers, id: PeerId, message: impl FnOnce() -> Message) -> bool {
    let Some(peer) = peers.get_mut(id) else { return true };
    let tx = &mut peer.pipe.tx;
    if tx.is_closed() {
        return true;
    }
    if tx.is_full() {
        return false;
    }
    peers.write_soon(id, || PipeItem::Message(message()));
    true
}
