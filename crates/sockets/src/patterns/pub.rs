use bytes::Bytes;
use seaworthy_core::{Message, Options};
use seaworthy_zmtp::SocketType;

use super::subscribers::{Subscribers, TOPICS_PER_OPERATION, TOPICS_PER_TURN, TooMany, enter};
use crate::outcome::{SendRejected, SubscriptionOutcome};
use crate::patterns::{Behavior, Pattern, Sends, TrySend};
use crate::peer_id::PeerId;
use crate::peers::Peers;
use crate::pipe_item::PipeItem;
use crate::routing::FairQueue;

/// PUB: sends each message to the subscribers whose topics its first frame begins with.
///
/// It never waits for a subscriber: one whose pipe is full loses the message, and only that one. `send` lets the
/// drivers run once before it drops anything; with `xpub_nodrop` it waits until all have room.
#[derive(Debug)]
pub struct Pub {
    subscribers: Subscribers,
    /// Subscribers of this process, who say what they want by their pipes.
    fair_queue: FairQueue,
}

impl Pattern for Pub {
    const TYPE: SocketType = SocketType::Pub;
}

impl Behavior for Pub {
    fn new(options: &Options, _random: u64) -> Self {
        Self { subscribers: Subscribers::new(options), fair_queue: FairQueue::default() }
    }

    fn set_options(&mut self, options: &Options) {
        self.subscribers.set_options(options);
    }

    fn attached(&mut self, id: PeerId) {
        self.fair_queue.add(id);
    }

    fn connected(&mut self, peers: &mut Peers, id: PeerId, _routing_id: &Bytes) {
        self.subscribers.welcome(peers, id);
    }

    fn departed(&mut self, peers: &mut Peers, id: PeerId) {
        self.subscribers.leave(id);
        peers.remove(id);
    }

    fn catch_up(&mut self, _peers: &mut Peers) -> bool {
        self.subscribers.tidy(TOPICS_PER_TURN);
        self.subscribers.has_departed()
    }

    fn subscription(
        &mut self,
        peers: &mut Peers,
        id: PeerId,
        topic: Bytes,
        subscribe: bool,
    ) -> SubscriptionOutcome {
        if !peers.is_present(id) {
            return SubscriptionOutcome::Silent;
        }
        self.subscribers.tidy(TOPICS_PER_OPERATION);
        if !subscribe {
            self.subscribers.subscriptions.cancel(&topic, id);
            return SubscriptionOutcome::Silent;
        }
        match enter(&mut self.subscribers.subscriptions, &topic, id) {
            Ok(_) => SubscriptionOutcome::Silent,
            Err(TooMany) => SubscriptionOutcome::TooMany,
        }
    }
}

impl Pub {
    /// Enters what subscribers of this process want.
    #[inline]
    fn read_subscriptions(&mut self, peers: &mut Peers) {
        while let Some((id, item)) = self.fair_queue.next(peers) {
            let taken = match item {
                PipeItem::Subscribe(topic) => self.subscription(peers, id, topic, true),
                PipeItem::Cancel(topic) => self.subscription(peers, id, topic, false),
                PipeItem::Message(_) | PipeItem::Marker { .. } => SubscriptionOutcome::Silent,
            };
            if matches!(taken, SubscriptionOutcome::TooMany) {
                self.departed(peers, id);
            }
        }
    }
}

impl Sends for Pub {}

impl TrySend for Pub {
    #[inline]
    fn try_send(&mut self, peers: &mut Peers, message: &mut Message) -> Result<(), SendRejected> {
        self.read_subscriptions(peers);
        self.subscribers.try_send(peers, message, None)
    }

    fn lost(&self) -> u64 {
        self.subscribers.lost()
    }
}
