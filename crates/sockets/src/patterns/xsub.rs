use bytes::Bytes;
use seaworthy_core::{Message, Options, Subscriptions};
use seaworthy_zmtp::SocketType;

use super::subscription_set::{SubscriptionSet, admit_length};
use crate::Error;
use crate::outcome::SendRejected;
use crate::patterns::{Behavior, Pattern, Receives, Sends, Subscribes, TopicFilter, TryRecv, TrySend};
use crate::peer_id::PeerId;
use crate::peers::Peers;
use crate::routing::{Distribute, FairQueue};

/// XSUB: a SUB that sends to its publishers, and passes on subscriptions of others.
///
/// A message of one frame that begins with a 1 subscribes to the topic behind it, one that begins with a 0 takes a
/// subscription back, as `subscribe` and `unsubscribe` do. Every other message goes to all publishers; one whose
/// pipe is full loses it. What arrives is not filtered: it is received as the publishers send it.
#[derive(Debug, Default)]
pub struct XSub {
    fair_queue: FairQueue,
    distribute: Distribute,
    /// Every publisher, as one that wants everything.
    publishers: Subscriptions<PeerId>,
    subscriptions: SubscriptionSet,
    verbose_unsubscribe: bool,
}

impl Pattern for XSub {
    const TYPE: SocketType = SocketType::XSub;
}

impl Behavior for XSub {
    fn new(options: &Options, _random: u64) -> Self {
        Self { verbose_unsubscribe: options.xsub_verbose_unsubscribe, ..Self::default() }
    }

    fn attached(&mut self, id: PeerId) {
        self.fair_queue.add(id);
        self.publishers.subscribe(b"", id);
    }

    fn departed(&mut self, _peers: &mut Peers, id: PeerId) {
        self.publishers.cancel(b"", id);
    }

    fn topics(&mut self, id: PeerId) -> Vec<Bytes> {
        self.subscriptions.topics(id)
    }

    fn catch_up(&mut self, peers: &mut Peers) -> bool {
        self.subscriptions.catch_up(peers);
        false
    }
}

impl Sends for XSub {}

impl TrySend for XSub {
    fn try_send(&mut self, peers: &mut Peers, message: &mut Message) -> Result<(), SendRejected> {
        if let [frame] = message.frames()
            && let Some(&first @ (0 | 1)) = frame.first()
        {
            let topic = Bytes::copy_from_slice(&frame[1..]);
            let told =
                if first == 1 { self.subscribe(peers, topic) } else { self.unsubscribe(peers, &topic) };
            return told.map(|()| *message = Message::default()).map_err(SendRejected::Failed);
        }
        self.distribute.choose(peers, &mut self.publishers, b"");
        self.distribute.send(peers, &mut self.publishers, message)
    }

    fn lost(&self) -> u64 {
        self.distribute.lost()
    }
}

impl Receives for XSub {}

impl TryRecv for XSub {
    #[inline(always)]
    fn try_recv(&mut self, peers: &mut Peers) -> Result<Option<Message>, Error> {
        Ok(self.fair_queue.next_message(peers).map(|(_, message)| message))
    }
}

impl Subscribes for XSub {}

impl TopicFilter for XSub {
    fn subscribe(&mut self, peers: &mut Peers, topic: Bytes) -> Result<(), Error> {
        self.subscriptions.subscribe(peers, topic)
    }

    fn unsubscribe(&mut self, peers: &mut Peers, topic: &[u8]) -> Result<(), Error> {
        admit_length(topic)?;
        self.subscriptions.unsubscribe(peers, topic, self.verbose_unsubscribe);
        Ok(())
    }
}
