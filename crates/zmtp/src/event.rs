//! What a connection reports to its driver.

use bytes::Bytes;
use seaworthy_core::Message;

use crate::authentication::Credentials;
use crate::peer::Peer;

/// What a connection reports to its driver.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The peer shows its credentials and waits for a verdict: see
    /// [`Connection::authenticate`](crate::Connection::authenticate). The first event, if the mechanism asks for one, and
    /// only once. Until the verdict nothing more is taken from the input.
    Authenticate(Credentials),
    /// The handshake is complete. Only once, and before all that follow.
    Ready(Box<Peer>),
    /// A whole message.
    Message(Message),
    /// The peer wants messages that begin with this topic. Only a PUB or XPUB gets this.
    Subscribe(Bytes),
    /// The peer cancels one such subscription. Only a PUB or XPUB gets this.
    Cancel(Bytes),
}
