//! Whether the drivers get a turn before a message for full pipes is dropped.

use crate::outcome::SendRejected;
use crate::peer_id::PeerId;
use crate::peers::Peers;

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
