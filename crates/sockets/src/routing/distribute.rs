//! Distribution: a copy to every peer that wants it (RFC 29; libzmq's `dist_t`).

use seaworthy_core::{Message, Subscriptions};

use super::Patience;
use crate::outcome::SendRejected;
use crate::peer_id::PeerId;
use crate::peers::Peers;
use crate::pipe_item::PipeItem;

/// Sends a message to every peer with a matching subscription. The copies share their memory.
///
/// A peer that has no room and has used up its [turns](Patience) is suspended: it leaves the peers that are looked at,
/// until it gives credit, so that it costs a message nothing.
#[derive(Debug, Default)]
pub(crate) struct Distribute {
    chosen: Chosen,
    patience: Patience,
    /// Copies that their peer had no room for.
    lost: u64,
}

/// The peers that a message is for.
#[derive(Debug, Default)]
struct Chosen {
    peers: Vec<PeerId>,
    /// Of these, how many have no room.
    full: usize,
    /// Peers that are suspended, but for which the message is too.
    suspended: usize,
    /// Counts distributions, so that a peer with several matching prefixes is chosen once.
    round: u64,
    /// By the peers' slots, the last distribution for which one was chosen.
    rounds: Vec<u64>,
}

impl Distribute {
    /// Chooses the peers whose subscriptions match.
    #[inline]
    pub(crate) fn choose(
        &mut self,
        peers: &mut Peers,
        subscriptions: &mut Subscriptions<PeerId>,
        topic: &[u8],
    ) {
        self.begin(peers, subscriptions);
        subscriptions.for_each_match(topic, |active, suspended| {
            self.chosen.suspended += suspended;
            active.iter().for_each(|&id| self.chosen.add(peers, id));
        });
    }

    /// Chooses this peer if its subscriptions match.
    pub(crate) fn choose_only(
        &mut self,
        peers: &mut Peers,
        subscriptions: &mut Subscriptions<PeerId>,
        topic: &[u8],
        id: PeerId,
    ) {
        self.begin(peers, subscriptions);
        if !subscriptions.is_wanted_by(topic, id) {
            return;
        }
        if subscriptions.is_suspended(id) {
            self.chosen.suspended = 1;
        } else {
            self.chosen.add(peers, id);
        }
    }

    #[inline(always)]
    fn begin(&mut self, peers: &Peers, subscriptions: &mut Subscriptions<PeerId>) {
        self.chosen.round += 1;
        self.chosen.peers.clear();
        self.chosen.full = 0;
        self.chosen.suspended = 0;
        if peers.writable.any() {
            resume(peers, subscriptions);
        }
    }

    /// Watches the chosen peers that have no room; true when there is one to wait for.
    pub(crate) fn watch_full(&self, peers: &mut Peers) -> bool {
        self.chosen.full > 0
            && self.chosen.peers.iter().fold(false, |waiting, &id| {
                waiting | peers.get_mut(id).is_some_and(|peer| peer.watch_writable())
            })
    }

    /// Takes the message and sends it to the chosen peers that have room. Those that have none lose it.
    ///
    /// # Errors
    /// The drivers should have a turn before anything is lost.
    #[inline(always)]
    pub(crate) fn send(
        &mut self,
        peers: &mut Peers,
        subscriptions: &mut Subscriptions<PeerId>,
        message: &mut Message,
    ) -> Result<(), SendRejected> {
        if self.chosen.full > 0 {
            self.before_loss(peers, subscriptions)?;
        } else {
            self.patience.no_loss();
        }
        self.lost += self.chosen.suspended as u64;
        let message = std::mem::take(message);
        let Some((&last, others)) = self.chosen.peers.split_last() else { return Ok(()) };
        let lost = others.iter().filter(|&&id| !offer(peers, id, || message.clone())).count();
        self.lost += lost as u64 + u64::from(!offer(peers, last, || message));
        Ok(())
    }

    #[cold]
    fn before_loss(
        &mut self,
        peers: &mut Peers,
        subscriptions: &mut Subscriptions<PeerId>,
    ) -> Result<(), SendRejected> {
        let Chosen { peers: chosen, full, suspended, .. } = &self.chosen;
        let alone = *full == chosen.len() && full + suspended == peers.len();
        self.patience.before_loss(peers, chosen, alone)?;
        for &id in chosen {
            if let Some(peer) = peers.get_mut(id)
                && peer.pipe.tx.is_full()
                && !peer.is_worth_a_turn()
                && peer.watch_writable()
            {
                subscriptions.suspend(id);
            }
        }
        Ok(())
    }

    /// Copies that their peer had no room for.
    pub(crate) const fn lost(&self) -> u64 {
        self.lost
    }
}

impl Chosen {
    #[inline(always)]
    fn add(&mut self, peers: &mut Peers, id: PeerId) {
        if id.slot() >= self.rounds.len() {
            self.rounds.resize(id.slot() + 1, 0);
        }
        if std::mem::replace(&mut self.rounds[id.slot()], self.round) == self.round {
            return;
        }
        let Some(peer) = peers.get_mut(id) else { return };
        self.full += usize::from(peer.pipe.tx.is_full());
        self.peers.push(id);
    }
}

/// Looks again at the peers that have room now.
#[cold]
fn resume(peers: &Peers, subscriptions: &mut Subscriptions<PeerId>) {
    let mut writable = Vec::new();
    peers.writable.drain(&mut writable);
    writable.into_iter().for_each(|id| subscriptions.resume(id));
}

/// Writes a message to one peer's pipe; false when that is full.
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

#[cfg(test)]
mod tests {
    use seaworthy_core::pipe::{HighWaterMarks, local_pipe};

    use super::*;
    use crate::pipe_item::PipeEnd;

    const MARK: usize = 4;

    /// A distribution to peers that want everything, and the far ends of their pipes.
    struct Fixture {
        distribute: Distribute,
        subscriptions: Subscriptions<PeerId>,
        peers: Peers,
        far: Vec<(PeerId, PipeEnd)>,
    }

    impl Fixture {
        fn new(count: usize) -> Self {
            let (mut peers, mut subscriptions) = (Peers::new(), Subscriptions::new());
            let marks = HighWaterMarks { messages: MARK, bytes: 0 };
            let far = (0..count).map(|_| {
                let (near, far) = local_pipe(marks, marks);
                let id = peers.insert(near);
                subscriptions.subscribe(b"", id);
                (id, far)
            });
            let far = far.collect();
            Self { distribute: Distribute::default(), subscriptions, peers, far }
        }

        /// Sends a message as often as it takes; returns the turns that the drivers were given.
        fn send(&mut self) -> usize {
            let mut message = Message::from("m");
            for turns in 0.. {
                self.distribute.choose(&mut self.peers, &mut self.subscriptions, b"m");
                match self.distribute.send(&mut self.peers, &mut self.subscriptions, &mut message) {
                    Ok(()) => return turns,
                    Err(SendRejected::Yield) => {}
                    Err(rejected) => panic!("{rejected:?}"),
                }
            }
            unreachable!("it returns")
        }

        /// Takes what one peer was sent.
        fn take(&mut self, peer: usize) -> usize {
            let rx = &mut self.far[peer].1.rx;
            std::iter::from_fn(|| rx.take()).count()
        }

        /// Sends to peers of which only the first one takes anything, until the others are suspended.
        fn stall(count: usize) -> Self {
            let mut fixture = Self::new(count);
            for _ in 0..5000 {
                fixture.send();
                assert_eq!(fixture.take(0), 1);
            }
            for (id, _) in &fixture.far[1..] {
                assert!(fixture.subscriptions.is_suspended(*id));
            }
            fixture
        }
    }

    /// The last distribution that looked at each peer.
    fn looks(fixture: &Fixture) -> Vec<u64> {
        fixture.distribute.chosen.rounds.clone()
    }

    #[test]
    fn peers_that_have_stalled_are_not_looked_at() {
        for stalled in [1, 2, 20, 100] {
            let mut fixture = Fixture::stall(1 + stalled);
            let (before, lost) = (looks(&fixture), fixture.distribute.lost());
            for sent in 1..=100 {
                assert_eq!(fixture.send(), 0);
                assert_eq!(fixture.take(0), 1);
                assert_eq!(fixture.distribute.lost(), lost + sent * stalled as u64, "each loss counts");
            }
            let after = looks(&fixture);
            assert_eq!(after[0], before[0] + 100);
            assert_eq!(after[1..], before[1..]);
        }
    }

    #[test]
    fn a_peer_that_takes_something_is_sent_to_again() {
        let mut fixture = Fixture::stall(3);
        assert_eq!(fixture.take(2), MARK);
        fixture.send();
        assert_eq!((fixture.take(0), fixture.take(1), fixture.take(2)), (1, MARK, 1));
        assert!(fixture.subscriptions.is_suspended(fixture.far[1].0), "it took nothing when that was sent");
    }

    #[test]
    fn a_peer_that_is_suspended_and_leaves_is_forgotten() {
        let mut fixture = Fixture::stall(3);
        let (gone, _) = fixture.far.remove(1);
        assert!(fixture.subscriptions.forget_some(gone, 1));
        fixture.peers.remove(gone);
        let lost = fixture.distribute.lost();
        fixture.send();
        assert_eq!((fixture.distribute.lost(), fixture.take(0)), (lost + 1, 1));
        assert!(!fixture.subscriptions.is_suspended(gone));
    }

    #[test]
    fn a_message_for_one_peer_alone_counts_as_lost_if_that_is_suspended() {
        let mut fixture = Fixture::stall(3);
        for (peer, losses) in [(0, 0), (1, 1)] {
            let (id, lost) = (fixture.far[peer].0, fixture.distribute.lost());
            let Fixture { distribute, subscriptions, peers, .. } = &mut fixture;
            distribute.choose_only(peers, subscriptions, b"m", id);
            distribute.send(peers, subscriptions, &mut Message::from("m")).unwrap();
            assert_eq!((distribute.lost(), fixture.take(0)), (lost + losses, 1 - losses as usize));
        }
    }
}
