//! What a pattern answers to its socket.

use crate::error::Error;

/// What became of a peer's subscription, or of the end of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SubscriptionOutcome {
    /// The user is not notified.
    Silent,
    /// The user is to be notified. The number is the notification's sequence number, for the marker that goes into the
    /// peer's pipe.
    Notify(u64),
    /// It was not taken: the peer holds as much as a peer may.
    TooMany,
}

/// Why a message was not sent.
#[derive(Debug)]
pub(crate) enum SendRejected {
    /// No peer that it is for has room: wait for one that has, and try again.
    Full,
    /// Some peers that it is for have no room, and will lose it unless their drivers run first: let them run, and
    /// try once more.
    Yield,
    /// It cannot be sent.
    Failed(Error),
}
