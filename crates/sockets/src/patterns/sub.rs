use bytes::Bytes;
use seaworthy_core::planted::{Bug, planted};
use seaworthy_core::{Message, Options, Subscriptions};
use seaworthy_zmtp::SocketType;

use super::subscription_set::SubscriptionSet;
use crate::Error;
use crate::patterns::{Behavior, Pattern, Receives, Subscribes, TopicFilter, TryRecv};
use crate::peer_id::PeerId;
use crate::peers::Peers;
use crate::routing::FairQueue;

/// SUB: receives the messages whose first frame begins with one of its topics, from all its publishers in turn.
/// Without a subscription it receives nothing.
#[derive(Debug, Default)]
pub struct Sub {
    fair_queue: FairQueue,
    subscriptions: SubscriptionSet,
    filter: Subscriptions<()>,
}

impl Pattern for Sub {
    const TYPE: SocketType = SocketType::Sub;
}

impl Behavior for Sub {
    fn new(_options: &Options, _random: u64) -> Self {
        Self::default()
    }

    fn attached(&mut self, id: PeerId) {
        self.fair_queue.add(id);
    }

    fn topics(&mut self, id: PeerId) -> Vec<Bytes> {
        self.subscriptions.topics(id)
    }

    fn catch_up(&mut self, peers: &mut Peers) -> bool {
        self.subscriptions.catch_up(peers);
        false
    }
}

impl Receives for Sub {}

impl TryRecv for Sub {
    #[inline(always)]
    fn try_recv(&mut self, peers: &mut Peers) -> Result<Option<Message>, Error> {
        while let Some((_, message)) = self.fair_queue.next_message(peers) {
            if planted(Bug::SubscriberDoesNotFilter)
                || self.filter.matches(message.frame(0).unwrap_or_default())
            {
                return Ok(Some(message));
            }
        }
        Ok(None)
    }
}

impl Subscribes for Sub {}

impl TopicFilter for Sub {
    fn subscribe(&mut self, peers: &mut Peers, topic: Bytes) -> Result<(), Error> {
        self.subscriptions.subscribe(peers, topic.clone())?;
        self.filter.subscribe(&topic, ());
        Ok(())
    }

    fn unsubscribe(&mut self, peers: &mut Peers, topic: &[u8]) -> Result<(), Error> {
        if self.subscriptions.unsubscribe(peers, topic, false) {
            self.filter.cancel(topic, ());
        }
        Ok(())
    }
}
