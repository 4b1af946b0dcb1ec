//! The steps of a message through a proxy, for those who watch.

use seaworthy_core::Message;

use super::Side;

/// A step of a message through a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RelayStep {
    /// It was taken from the socket that had received it.
    Taken,
    /// The other socket took it to send it, or to drop it by the rules of its type.
    Given,
    /// The other socket refused it, and it is gone: [`Statistics::errors`](super::Statistics::errors).
    Refused,
    /// It went back to the socket that it was taken from, which hands it out again.
    PutBack,
}

/// Called for each step of one direction.
pub(super) type Watcher<'a> = &'a dyn Fn(RelayStep, &Message);

/// Called for each step of both directions, with the side whose socket received the message.
pub(super) type SideWatcher<'a> = &'a dyn Fn(Side, RelayStep, &Message);
