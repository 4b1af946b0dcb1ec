use seaworthy_core::{Message, Options};
use seaworthy_zmtp::SocketType;

use crate::Error;
use crate::patterns::{Behavior, Pattern, Receives, TryRecv};
use crate::peer_id::PeerId;
use crate::peers::Peers;
use crate::routing::FairQueue;

/// PULL: takes messages from its PUSH peers in turn.
#[derive(Debug, Default)]
pub struct Pull {
    fair_queue: FairQueue,
}

impl Pattern for Pull {
    const TYPE: SocketType = SocketType::Pull;
}

impl Behavior for Pull {
    fn new(_options: &Options, _random: u64) -> Self {
        Self::default()
    }

    fn attached(&mut self, id: PeerId) {
        self.fair_queue.add(id);
    }
}

impl Receives for Pull {}

impl TryRecv for Pull {
    #[inline(always)]
    fn try_recv(&mut self, peers: &mut Peers) -> Result<Option<Message>, Error> {
        Ok(self.fair_queue.next_message(peers).map(|(_, message)| message))
    }
}
