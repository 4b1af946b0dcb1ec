//! What a connection reports to its driver.

use bytes::Bytes;
use seaworthy_core::Message;

use crate::peer::Peer;

/// What a connection reports to its driver.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The handshake is complete. The first event, and only once.
    Ready(Box<Peer>),
    /// A whole message.
    Message(Message),
    /// The peer wants messages that begin with this topic. Only a PUB or XPUB gets this.
    Subscribe(Bytes),
    /// The peer cancels one such subscription. Only a PUB or XPUB gets this.
    Cancel(Bytes),
}
