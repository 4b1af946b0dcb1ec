//! The subscribers of a PUB or XPUB: which topics they want, and how a message gets to them.

use std::collections::VecDeque;

use bytes::Bytes;
use seaworthy_core::planted::{Bug, planted};
use seaworthy_core::{Message, Options, Subscriptions};

use crate::limits::{TOPIC_BYTES_MAX, TOPICS_MAX};
use crate::outcome::SendRejected;
use crate::peer_id::PeerId;
use crate::peers::Peers;
use crate::pipe_item::PipeItem;
use crate::routing::Distribute;

/// Topics of a departed subscriber that are removed in one turn, which takes a fraction of a millisecond, so that the
/// departure of one that held many stalls nobody.
pub(super) const TOPICS_PER_TURN: usize = 1000;

/// Those that are removed with each operation, so that new subscriptions do not come faster than former ones go.
pub(super) const TOPICS_PER_OPERATION: usize = 32;

/// All subscribers of one publisher.
#[derive(Debug)]
pub(super) struct Subscribers {
    /// Which messages go to which peers.
    pub(super) subscriptions: Subscriptions<PeerId>,
    /// Those who departed, of whose topics there are some left.
    departed: VecDeque<PeerId>,
    distribute: Distribute,
    nodrop: bool,
    /// Empty sends none.
    welcome: Bytes,
}

/// The peer holds more than a peer may.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooMany;

impl Subscribers {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            subscriptions: Subscriptions::new(),
            departed: VecDeque::new(),
            distribute: Distribute::default(),
            nodrop: options.xpub_nodrop,
            welcome: options.xpub_welcome_msg.clone(),
        }
    }

    pub(super) fn set_options(&mut self, options: &Options) {
        self.nodrop = options.xpub_nodrop;
        if self.nodrop {
            // Those that messages were dropped for are to be waited for.
            self.subscriptions.resume_all();
        }
    }

    /// Sends the welcome message, if there is one, whatever the marks say.
    pub(super) fn welcome(&self, peers: &mut Peers, id: PeerId) {
        if !self.welcome.is_empty()
            && let Some(peer) = peers.get_mut(id)
        {
            peer.pipe.tx.write_unbounded(PipeItem::Message(Message::from(self.welcome.clone())));
            peer.pipe.tx.publish();
        }
    }

    /// Removes what a departed peer subscribed to, now or soon.
    pub(super) fn leave(&mut self, id: PeerId) {
        if !self.subscriptions.forget_some(id, TOPICS_PER_TURN) {
            self.departed.push_back(id);
        }
    }

    /// Goes on with the removal of what departed peers subscribed to.
    #[inline(always)]
    pub(super) fn tidy(&mut self, max: usize) {
        if let Some(&id) = self.departed.front() {
            self.tidy_after(id, max);
        }
    }

    #[cold]
    fn tidy_after(&mut self, id: PeerId, max: usize) {
        if self.subscriptions.forget_some(id, max) {
            self.departed.pop_front();
        }
    }

    /// True when there is more to remove.
    pub(super) fn has_departed(&self) -> bool {
        !self.departed.is_empty()
    }

    /// Copies that their subscriber had no room for.
    pub(super) const fn lost(&self) -> u64 {
        self.distribute.lost()
    }

    /// Sends the message to the peers that want it, or to `only` this one if it does.
    #[inline(always)]
    pub(super) fn try_send(
        &mut self,
        peers: &mut Peers,
        message: &mut Message,
        only: Option<PeerId>,
    ) -> Result<(), SendRejected> {
        self.tidy(TOPICS_PER_OPERATION);
        let topic = message.frame(0).unwrap_or_default();
        match only {
            None => self.distribute.choose(peers, &mut self.subscriptions, topic),
            Some(id) => self.distribute.choose_only(peers, &mut self.subscriptions, topic, id),
        }
        if (self.nodrop || planted(Bug::PublisherWaits)) && self.distribute.watch_full(peers) {
            return Err(SendRejected::Full);
        }
        self.distribute.send(peers, &mut self.subscriptions, message)
    }
}

/// Enters a peer's subscription within its bounds; true when it is the first to this topic.
pub(super) fn enter(
    subscriptions: &mut Subscriptions<PeerId>,
    topic: &[u8],
    id: PeerId,
) -> Result<bool, TooMany> {
    let first = subscriptions.subscribe(topic, id);
    let held = subscriptions.held_by(id);
    if (held.topics <= TOPICS_MAX && held.bytes <= TOPIC_BYTES_MAX) || planted(Bug::TopicsUnbounded) {
        return Ok(first);
    }
    subscriptions.cancel(topic, id);
    Err(TooMany)
}
