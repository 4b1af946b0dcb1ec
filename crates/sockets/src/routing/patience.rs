//! Whether the drivers get a turn before a message for full pipes is dropped.

use crate::patterns::SendRejected;
use crate::peers::{Peer, PeerId, Peers};

/// Turns in vain that a peer is worth: about 7 ms. A subscriber that the system has not scheduled for some time loses
/// little, and one that has stalled costs its neighbours no more than this, once.
const TURNS_MAX: u32 = 1024;

/// Messages that a peer has to take for another turn. A turn in vain costs some 6 µs, so that a peer that takes 250,000
/// messages a second or fewer costs its neighbours 5 % at most.
const MESSAGES_PER_TURN: u64 = 32;

/// What a socket whose type drops messages does about peers that have no room.
///
/// Once, before a message is dropped, the drivers get a turn: often they take what is in the pipe, and nothing need be
/// dropped. But the turn delays what the socket has for its other peers. So each peer is worth some turns, earns more
/// by what it takes, and one that takes nothing is soon waited for no longer. While no peer has room there is nobody to
/// be delayed, and each message is worth a turn.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    /// The drivers had their turn for the message that comes next.
    given: bool,
}

/// The turns that one peer is worth.
#[derive(Debug)]
pub(crate) struct Turns {
    left: u32,
    /// Messages that the peer had taken when this was last looked at.
    taken: u64,
}

impl Patience {
    /// A message is to be dropped for those of these peers that have no room. `alone` says that no other peer of the
    /// socket has any.
    ///
    /// # Errors
    /// The drivers should have a turn first.
    #[cold]
    pub(crate) fn before_loss(
        &mut self,
        peers: &mut Peers,
        chosen: &[PeerId],
        alone: bool,
    ) -> Result<(), SendRejected> {
        let mut due = alone && !self.given;
        for &id in chosen {
            let Some(peer) = peers.get_mut(id) else { continue };
            if !peer.pipe.tx.is_full() {
                continue;
            }
            if self.given && !alone {
                peer.turns.left = peer.turns.left.saturating_sub(1);
            }
            due |= !self.given && peer.is_worth_a_turn();
        }
        self.given = due;
        if due { Err(SendRejected::Yield) } else { Ok(()) }
    }

    /// The message that comes next has room everywhere.
    #[inline(always)]
    pub(crate) const fn no_loss(&mut self) {
        self.given = false;
    }
}

impl Turns {
    pub(crate) const fn new() -> Self {
        Self { left: TURNS_MAX, taken: 0 }
    }
}

impl Peer {
    /// True unless it has been given all the turns that it has earned.
    pub(super) fn is_worth_a_turn(&mut self) -> bool {
        let taken = self.pipe.tx.credit();
        let earned = (taken - self.turns.taken) / MESSAGES_PER_TURN;
        self.turns.taken += earned * MESSAGES_PER_TURN;
        let earned = u32::try_from(earned).unwrap_or(u32::MAX);
        self.turns.left = self.turns.left.saturating_add(earned).min(TURNS_MAX);
        self.turns.left > 0
    }
}
