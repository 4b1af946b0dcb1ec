//! What publishers have in common: who wants which topics, and how a message gets there.

use bytes::Bytes;
use seaworthy_core::planted::{Bug, planted};
use seaworthy_core::{Message, Options, Subscriptions};

use crate::parcel::Parcel;
use crate::pattern::Unsent;
use crate::peers::{PeerId, Peers};
use crate::routing::Distribute;

/// Topics that one subscriber may hold: more than any program lists, less than what would fill the memory.
pub const TOPICS_MAX: usize = 100_000;

/// Sum of the lengths of one subscriber's topics, in bytes.
pub const TOPIC_BYTES_MAX: usize = 16 << 20;

/// Who wants which topics, and the way to them.
#[derive(Debug)]
pub(super) struct Audience {
    /// Which messages go to which peers.
    pub(super) subscriptions: Subscriptions<PeerId>,
    distribute: Distribute,
    nodrop: bool,
    /// Empty sends none.
    welcome: Bytes,
    /// The drivers had their chance to make room for the next message.
    yielded: bool,
}

/// The peer holds more than a peer may.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooMany;

impl Audience {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            subscriptions: Subscriptions::new(),
            distribute: Distribute::default(),
            nodrop: options.xpub_nodrop,
            welcome: options.xpub_welcome_msg.clone(),
            yielded: false,
        }
    }

    pub(super) fn set_options(&mut self, options: &Options) {
        self.nodrop = options.xpub_nodrop;
    }

    /// Sends the welcome message, if there is one, whatever the marks say.
    pub(super) fn welcome(&self, peers: &mut Peers, id: PeerId) {
        if !self.welcome.is_empty()
            && let Some(peer) = peers.get_mut(id)
        {
            peer.pipe.out.write_beyond(Parcel::Message(Message::from(self.welcome.clone())));
            peer.pipe.out.publish();
        }
    }

    /// Copies that their subscriber had no room for.
    pub(super) const fn lost(&self) -> u64 {
        self.distribute.lost()
    }

    /// Takes the message and gives it to the peers that want it, or to `only` this one if it does.
    #[inline(always)]
    pub(super) fn try_send(
        &mut self,
        peers: &mut Peers,
        message: &mut Message,
        only: Option<PeerId>,
    ) -> Result<(), Unsent> {
        let topic = message.frame(0).unwrap_or_default();
        let room = match only {
            None => self.distribute.choose(peers, &self.subscriptions, topic),
            Some(id) => self.distribute.choose_only(peers, &self.subscriptions, topic, id),
        };
        if !room && (self.nodrop || planted(Bug::PublisherWaits)) && self.distribute.watch_full(peers) {
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

/// Enters a peer's subscription within its bounds; true when it is the first to this topic.
pub(super) fn enter(
    subscriptions: &mut Subscriptions<PeerId>,
    topic: Bytes,
    id: PeerId,
) -> Result<bool, TooMany> {
    let first = subscriptions.subscribe(topic.clone(), id);
    let held = subscriptions.held_by(id);
    if (held.topics <= TOPICS_MAX && held.bytes <= TOPIC_BYTES_MAX) || planted(Bug::TopicsUnbounded) {
        return Ok(first);
    }
    subscriptions.cancel(&topic, id);
    Err(TooMany)
}
