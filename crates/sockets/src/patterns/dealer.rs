use seaworthy_core::{Message, Options};
use seaworthy_zmtp::SocketType;

use crate::Error;
use crate::outcome::SendRejected;
use crate::patterns::{Behavior, Pattern, Receives, Sends, TryRecv, TrySend};
use crate::peer_id::PeerId;
use crate::peers::Peers;
use crate::routing::{FairQueue, RoundRobin};

/// DEALER: sends to its peers in turn and receives from them in turn, without an envelope.
#[derive(Debug, Default)]
pub struct Dealer {
    round_robin: RoundRobin,
    fair_queue: FairQueue,
}

impl Pattern for Dealer {
    const TYPE: SocketType = SocketType::Dealer;
}

impl Behavior for Dealer {
    fn new(_options: &Options, _random: u64) -> Self {
        Self::default()
    }

    fn attached(&mut self, id: PeerId) {
        self.round_robin.add(id);
        self.fair_queue.add(id);
    }

    fn departed(&mut self, _peers: &mut Peers, id: PeerId) {
        self.round_robin.remove(id);
    }
}

impl Sends for Dealer {}

impl TrySend for Dealer {
    #[inline(always)]
    fn try_send(&mut self, peers: &mut Peers, message: &mut Message) -> Result<(), SendRejected> {
        self.round_robin.send(peers, message).map(|_| ()).ok_or(SendRejected::Full)
    }
}

impl Receives for Dealer {}

impl TryRecv for Dealer {
    #[inline(always)]
    fn try_recv(&mut self, peers: &mut Peers) -> Result<Option<Message>, Error> {
        Ok(self.fair_queue.next_message(peers).map(|(_, message)| message))
    }
}
