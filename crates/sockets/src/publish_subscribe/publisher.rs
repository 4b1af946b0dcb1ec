use bytes::Bytes;
use seaworthy_core::{Message, Options, Subscriptions};
use seaworthy_zmtp::SocketType;

use crate::pattern::{Pattern, Sends, Unsent};
use crate::peers::{PeerId, Peers};
use crate::routing::Distribute;

/// Topics that one subscriber may hold: more than any program lists, less than what would fill the memory.
pub const TOPICS_MAX: usize = 100_000;

/// Sum of the lengths of one subscriber's topics, in bytes.
pub const TOPIC_BYTES_MAX: usize = 16 << 20;

/// PUB: sends each message to the subscribers whose topics its first frame begins with.
///
/// It never waits for a subscriber: one whose pipe is full loses the message, and only that one. `send` lets the
/// drivers run once before it drops anything; with `xpub_nodrop` it waits until all have room.
#[derive(Debug)]
pub struct Pub {
    subscriptions: Subscriptions<PeerId>,
    distribute: Distribute,
    nodrop: bool,
    /// The drivers had their chance to make room for the next message.
    yielded: bool,
}

impl Pattern for Pub {
    const TYPE: SocketType = SocketType::Pub;

    fn new(options: &Options, _random: u64) -> Self {
        Self {
            subscriptions: Subscriptions::new(),
            distribute: Distribute::default(),
            nodrop: options.xpub_nodrop,
            yielded: false,
        }
    }

    fn attached(&mut self, _id: PeerId) {}

    fn departed(&mut self, peers: &mut Peers, id: PeerId) {
        self.subscriptions.remove_holder(id);
        peers.remove(id);
    }

    fn subscription(&mut self, id: PeerId, topic: Bytes, subscribe: bool) -> bool {
        if subscribe {
            self.subscriptions.subscribe(topic, id);
        } else {
            self.subscriptions.cancel(&topic, id);
        }
        let held = self.subscriptions.held_by(id);
        held.topics <= TOPICS_MAX && held.bytes <= TOPIC_BYTES_MAX
    }
}

impl Sends for Pub {
    #[inline]
    fn try_send(&mut self, peers: &mut Peers, message: &mut Message) -> Result<(), Unsent> {
        let room = self.distribute.choose(peers, &self.subscriptions, message.frame(0).unwrap_or_default());
        if !room && self.nodrop && self.distribute.watch_full(peers) {
            return Err(Unsent::Full);
        }
        if !room && !self.yielded {
            self.yielded = true;
            return Err(Unsent::Yield);
        }
        self.yielded = false;
        self.distribute.send(peers, std::mem::take(message));
        Ok(())
    }
}
