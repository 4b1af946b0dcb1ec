//! What can go wrong for the caller, and whose fault it is.

use std::io;

use seaworthy_core::{Endpoint, EndpointError, Message};

/// Why an operation of a socket failed.
///
/// Faults of peers and of the network are not among these: they end a connection, never the socket, and can be
/// watched with a [`Monitor`](crate::Monitor).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nothing to receive, or no room to send, now or within `rcvtimeo` or `sndtimeo` (libzmq: EAGAIN).
    #[error("the operation would block")]
    WouldBlock,
    /// ROUTER with `router_mandatory`: no peer has this identity (libzmq: EHOSTUNREACH).
    #[error("no peer has the routing id {routing_id:?}")]
    Unroutable {
        /// The first frame of the message.
        routing_id: bytes::Bytes,
    },
    /// The socket's state does not allow the operation now (libzmq: EFSM).
    #[error("{socket} cannot {operation} now: {state}")]
    InvalidState {
        /// The socket's type.
        socket: &'static str,
        /// What was tried.
        operation: &'static str,
        /// Why not.
        state: &'static str,
    },
    /// A message that no socket can send: it has no frames.
    #[error("the message cannot be sent: {reason}")]
    InvalidMessage {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A message of more frames than a peer takes, with the envelope that the socket's type adds.
    #[error("a message of {frames} frames exceeds the limit of {limit}")]
    TooManyFrames {
        /// Frames that it would have on the wire.
        frames: usize,
        /// The most that a message may have: 65,536.
        limit: usize,
    },
    /// A message of more bytes than a peer takes.
    #[error("a message of {bytes} bytes exceeds the limit of {limit}")]
    MessageTooLarge {
        /// Sum of the lengths of its frames.
        bytes: u64,
        /// The most that a message may have: 4 GiB.
        limit: u64,
    },
    /// A topic that is longer than a publisher takes.
    #[error("a topic of {length} bytes exceeds the limit of {limit}")]
    TopicTooLong {
        /// Its length, in bytes.
        length: usize,
        /// [`TOPIC_LENGTH_MAX`](crate::limits::TOPIC_LENGTH_MAX).
        limit: usize,
    },
    /// More topics than a publisher takes from one subscriber.
    #[error("{topics} topics exceed the limit of {limit}")]
    TooManyTopics {
        /// How many the socket would have.
        topics: usize,
        /// [`TOPICS_MAX`](crate::limits::TOPICS_MAX).
        limit: usize,
    },
    /// Topics that are longer together than a publisher takes from one subscriber.
    #[error("topics of {bytes} bytes together exceed the limit of {limit}")]
    TopicsTooLarge {
        /// The sum of their lengths that the socket would have, in bytes.
        bytes: usize,
        /// [`TOPIC_BYTES_MAX`](crate::limits::TOPIC_BYTES_MAX).
        limit: usize,
    },
    /// An option's value cannot be used.
    #[error("option {option}: {reason}")]
    InvalidOption {
        /// The option's name.
        option: &'static str,
        /// What is wrong with its value.
        reason: &'static str,
    },
    /// The string is not an endpoint.
    #[error(transparent)]
    Endpoint(Box<EndpointError>),
    /// The transport exists, but cannot be used here.
    #[error("cannot {operation} {endpoint}: {reason}")]
    Unsupported {
        /// `bind` or `connect`.
        operation: &'static str,
        /// Where to.
        endpoint: Box<Endpoint>,
        /// Why not.
        reason: &'static str,
    },
    /// There is no runtime here that could serve the socket, or it is another than the socket's, which is the one that
    /// it bound or connected its first endpoint in.
    #[error("cannot {operation}: {source}")]
    Runtime {
        /// What was tried.
        operation: &'static str,
        /// What is the matter, and what to do.
        source: io::Error,
    },
    /// The endpoint cannot be bound.
    #[error("cannot bind {endpoint}: {source}")]
    Bind {
        /// What was to be bound.
        endpoint: Box<Endpoint>,
        /// What the system says.
        source: io::Error,
    },
    /// `unbind` or `disconnect` of an endpoint that this socket neither bound nor connected.
    #[error("this socket holds no endpoint {0}")]
    UnknownEndpoint(Box<Endpoint>),
}

impl From<EndpointError> for Error {
    fn from(error: EndpointError) -> Self {
        Self::Endpoint(Box::new(error))
    }
}

/// Why `try_send` or `send_timeout` did not take a message, and the message.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct TrySendError {
    /// The message, whole.
    pub message: Message,
    /// Why it was not taken.
    pub error: Error,
}

impl From<TrySendError> for Error {
    fn from(refused: TrySendError) -> Self {
        refused.error
    }
}

/// What `close_timeout` did not get out in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("closed with {messages} messages unsent, besides what was being sent")]
#[non_exhaustive]
pub struct LeftUnsent {
    /// Messages that were queued and are dropped. Those that were being written, at most a write's worth for each
    /// connection, are not among them; nor are those of endpoints given up before, with a longer `linger`, which go on
    /// in the background.
    pub messages: usize,
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use super::*;

    /// Every receive moves this; a larger one shows in the rate of small messages.
    #[test]
    fn what_a_receive_gives_is_no_larger_than_a_message() {
        assert_eq!(size_of::<Poll<Result<Option<Message>, Error>>>(), size_of::<Message>());
    }
}
