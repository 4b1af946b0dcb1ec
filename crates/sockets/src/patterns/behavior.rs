//! What makes one socket type differ from another.
//!
//! A pattern is pure: it moves messages between the user and the pipes of its peers, by its policies, and never waits.
//! Waiting, timeouts, endpoints and connections are the socket's, once for all types.

use bytes::Bytes;
use seaworthy_core::{Message, Options};

use crate::error::Error;
use crate::outcome::{SendRejected, SubscriptionOutcome};
use crate::peer_id::PeerId;
use crate::peers::Peers;

/// How a socket type treats its peers.
pub(crate) trait Behavior: 'static + Sized {
    /// Starts without peers. `random` is uniform over all of `u64`.
    fn new(options: &Options, random: u64) -> Self;

    /// The options changed while the socket lives.
    fn set_options(&mut self, _options: &Options) {}

    /// How many frames a message of the user's has on the wire, where an envelope is added or taken off.
    fn frames_on_the_wire(&self, frames: usize) -> usize {
        frames
    }

    /// Whether one more peer would be taken now, besides `others` that are about to become peers.
    fn admits(&self, _others: usize) -> bool {
        true
    }

    /// There is a new pipe, perhaps without a connection yet.
    fn attached(&mut self, id: PeerId);

    /// A connection stands behind the pipe from now on; the peer calls itself `routing_id`, if it does.
    fn connected(&mut self, _peers: &mut Peers, _id: PeerId, _routing_id: &Bytes) {}

    /// No connection will ever stand behind the pipe again. What it delivered can still be received.
    fn departed(&mut self, _peers: &mut Peers, _id: PeerId) {}

    /// The topics that a new connection to this peer must be asked for: all, whatever was asked before.
    fn topics(&mut self, _id: PeerId) -> Vec<Bytes> {
        Vec::new()
    }

    /// Goes on with what was put off: a peer took what was in its pipe, or departed. True when there is more to do at
    /// once.
    fn catch_up(&mut self, _peers: &mut Peers) -> bool {
        false
    }

    /// The peer subscribes to a topic, or cancels. What a peer that has departed wants is nobody's concern.
    fn subscription(
        &mut self,
        _peers: &mut Peers,
        _id: PeerId,
        _topic: Bytes,
        _subscribe: bool,
    ) -> SubscriptionOutcome {
        SubscriptionOutcome::Silent
    }
}

/// How a socket type sends.
pub(crate) trait TrySend: Behavior {
    /// Takes the message and hands it to the pipes it is for, or drops it if that is what the type does. An unsent
    /// message stays in its place, unchanged.
    fn try_send(&mut self, peers: &mut Peers, message: &mut Message) -> Result<(), SendRejected>;

    /// Copies of messages that were taken and then dropped, since the type does not wait: their peer was unknown, or
    /// had no room.
    fn lost(&self) -> u64 {
        0
    }
}

/// How a socket type receives.
pub(crate) trait TryRecv: Behavior {
    /// The next message. `Ok(None)` when there is none now.
    fn try_recv(&mut self, peers: &mut Peers) -> Result<Option<Message>, Error>;
}

/// How a socket type subscribes to topics.
pub(crate) trait TopicFilter: Behavior {
    /// Subscribes once more.
    ///
    /// # Errors
    /// When the socket's options do not allow it.
    fn subscribe(&mut self, peers: &mut Peers, topic: Bytes) -> Result<(), Error>;

    /// Takes a subscription back.
    ///
    /// # Errors
    /// As `subscribe`.
    fn unsubscribe(&mut self, peers: &mut Peers, topic: &[u8]) -> Result<(), Error>;
}
