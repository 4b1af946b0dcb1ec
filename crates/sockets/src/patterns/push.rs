use seaworthy_core::{Message, Options};
use seaworthy_zmtp::SocketType;

use crate::outcome::SendRejected;
use crate::patterns::{Behavior, Pattern, Sends, TrySend};
use crate::peer_id::PeerId;
use crate::peers::Peers;
use crate::routing::RoundRobin;

/// PUSH: sends to its PULL peers in turn, and waits while none has room.
#[derive(Debug, Default)]
pub struct Push {
    round_robin: RoundRobin,
}

impl Pattern for Push {
    const TYPE: SocketType = SocketType::Push;
}

impl Behavior for Push {
    fn new(_options: &Options, _random: u64) -> Self {
        Self::default()
    }

    fn attached(&mut self, id: PeerId) {
        self.round_robin.add(id);
    }

    fn departed(&mut self, peers: &mut Peers, id: PeerId) {
        self.round_robin.remove(id);
        peers.remove(id);
    }
}

impl Sends for Push {}

impl TrySend for Push {
    #[inline(always)]
    fn try_send(&mut self, peers: &mut Peers, message: &mut Message) -> Result<(), SendRejected> {
        self.round_robin.send(peers, message).map(|_| ()).ok_or(SendRejected::Full)
    }
}
