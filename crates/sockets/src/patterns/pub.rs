use bytes::Bytes;
use seaworthy_core::{Message, Options};
use seaworthy_zmtp::SocketType;

use super::subscribers::{Audience, TOPICS_PER_OPERATION, TOPICS_PER_TURN, TooMany, enter};
use crate::parcel::Parcel;
use crate::patterns::{Pattern, Sends, Taken, Unsent};
use crate::peers::{PeerId, Peers};
use crate::routing::FairQueue;

/// PUB: sends each message to the subscribers whose topics its first frame begins with.
///
/// It never waits for a subscriber: one whose pipe is full loses the message, and only that one. `send` lets the
/// drivers run once before it drops anything; with `xpub_nodrop` it waits until all have room.
#[derive(Debug)]
pub struct Pub {
    audience: Audience,
    /// Subscribers of this process, who say what they want by their pipes.
    fair_queue: FairQueue,
}

impl Pattern for Pub {
    const TYPE: SocketType = SocketType::Pub;

    fn new(options: &Options, _random: u64) -> Self {
        Self { audience: Audience::new(options), fair_queue: FairQueue::default() }
    }

    fn set_options(&mut self, options: &Options) {
        self.audience.set_options(options);
    }

    fn attached(&mut self, id: PeerId) {
        self.fair_queue.add(id);
    }

    fn connected(&mut self, peers: &mut Peers, id: PeerId, _routing_id: &Bytes) {
        self.audience.welcome(peers, id);
    }

    fn departed(&mut self, peers: &mut Peers, id: PeerId) {
        self.audience.leave(id);
        peers.remove(id);
    }

    fn catch_up(&mut self, _peers: &mut Peers) -> bool {
        self.audience.tidy(TOPICS_PER_TURN);
        self.audience.has_departed()
    }

    fn subscription(&mut self, peers: &mut Peers, id: PeerId, topic: Bytes, subscribe: bool) -> Taken {
        if !peers.is_present(id) {
            return Taken::Silently;
        }
        self.audience.tidy(TOPICS_PER_OPERATION);
        if !subscribe {
            self.audience.subscriptions.cancel(&topic, id);
            return Taken::Silently;
        }
        match enter(&mut self.audience.subscriptions, &topic, id) {
            Ok(_) => Taken::Silently,
            Err(TooMany) => Taken::TooMany,
        }
    }
}

impl Pub {
    /// Enters what subscribers of this process want.
    #[inline]
    fn heed(&mut self, peers: &mut Peers) {
        while let Some((id, parcel)) = self.fair_queue.next(peers) {
            let taken = match parcel {
                Parcel::Subscribe(topic) => self.subscription(peers, id, topic, true),
                Parcel::Cancel(topic) => self.subscription(peers, id, topic, false),
                Parcel::Message(_) | Parcel::Notice { .. } => Taken::Silently,
            };
            if matches!(taken, Taken::TooMany) {
                self.departed(peers, id);
            }
        }
    }
}

impl Sends for Pub {
    #[inline]
    fn try_send(&mut self, peers: &mut Peers, message: &mut Message) -> Result<(), Unsent> {
        self.heed(peers);
        self.audience.try_send(peers, message, None)
    }

    fn lost(&self) -> u64 {
        self.audience.lost()
    }
}
