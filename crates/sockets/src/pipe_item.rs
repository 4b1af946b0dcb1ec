//! What a pipe carries: messages, and subscriptions on their way to the publisher.

use bytes::Bytes;
use seaworthy_core::pipe::Weigh;
use seaworthy_core::planted::{Bug, planted};
use seaworthy_core::{FRAME_WEIGHT, Message};

/// One item of a pipe.
#[derive(Clone, Debug)]
pub(crate) enum PipeItem {
    /// From user to user.
    Message(Message),
    /// A subscriber wants topics that begin so.
    Subscribe(Bytes),
    /// A subscriber no longer wants them.
    Cancel(Bytes),
    /// From the driver to an XPUB: here its user receives the notification of a subscription, if not before.
    Marker {
        /// Its sequence number among all notifications.
        sequence: u64,
        /// Bytes that the user will receive.
        weight: usize,
    },
}

impl Weigh for PipeItem {
    #[inline]
    fn weight(&self) -> usize {
        match self {
            Self::Message(message) if planted(Bug::FramesWeighNothing) => message.byte_len(),
            Self::Message(message) => message.weight(),
            Self::Subscribe(topic) | Self::Cancel(topic) => FRAME_WEIGHT + topic.len(),
            Self::Marker { weight, .. } => FRAME_WEIGHT + *weight,
        }
    }

    #[inline]
    fn places(&self) -> usize {
        match self {
            Self::Message(message) => message.places(),
            Self::Subscribe(_) | Self::Cancel(_) | Self::Marker { .. } => 1,
        }
    }
}

/// A socket's end of a pipe, or a driver's.
pub(crate) type PipeEnd = seaworthy_core::pipe::PipeEnd<PipeItem>;
