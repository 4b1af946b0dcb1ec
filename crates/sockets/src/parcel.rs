//! What a pipe carries: messages, and a subscriber's wishes on their way to the publisher.

use bytes::Bytes;
use seaworthy_core::Message;
use seaworthy_core::pipe::Weigh;

/// One item of a pipe.
#[derive(Clone, Debug)]
pub(crate) enum Parcel {
    /// From user to user.
    Message(Message),
    /// A subscriber wants topics that begin so.
    Subscribe(Bytes),
    /// A subscriber no longer wants them.
    Cancel(Bytes),
    /// From the driver to an XPUB: here its user is to receive notice of a subscription, if not before.
    Notice {
        /// Its place among all notices.
        place: u64,
        /// Bytes that the user will receive.
        weight: usize,
    },
}

impl Weigh for Parcel {
    #[inline]
    fn weight(&self) -> usize {
        match self {
            Self::Message(message) => message.byte_len(),
            Self::Subscribe(topic) | Self::Cancel(topic) => topic.len(),
            Self::Notice { weight, .. } => *weight,
        }
    }
}

/// A socket's end of a pipe, or a driver's.
pub(crate) type PipeEnd = seaworthy_core::pipe::PipeEnd<Parcel>;
