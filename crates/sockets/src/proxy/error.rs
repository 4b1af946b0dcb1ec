//! Why a proxy ended that was not told to.

use std::fmt;

use crate::error::Error;

/// One of a proxy's two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The first socket, where clients or publishers are by custom.
    Frontend,
    /// The second socket, where workers or subscribers are by custom.
    Backend,
}

impl Side {
    pub(super) const fn other(self) -> Self {
        match self {
            Self::Frontend => Self::Backend,
            Self::Backend => Self::Frontend,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Frontend => "frontend",
            Self::Backend => "backend",
        })
    }
}

/// Why a proxy ended that was not told to: one of its sockets can no longer be used.
///
/// What peers and the network do is never among the reasons. Nothing is lost: a message that was in hand waits in the
/// socket it came from.
#[derive(Debug, thiserror::Error)]
#[error("the proxy's {side} cannot {operation}: {source}")]
#[non_exhaustive]
pub struct ProxyError {
    /// Whose socket failed.
    pub side: Side,
    /// `send` or `receive`.
    pub operation: &'static str,
    /// What the socket says.
    pub source: Error,
}

/// Whether a socket that fails so can go on with the next message.
pub(super) const fn is_transient(error: &Error) -> bool {
    matches!(
        error,
        Error::WouldBlock
            | Error::Unroutable { .. }
            | Error::InvalidMessage { .. }
            | Error::TooManyFrames { .. }
            | Error::MessageTooLarge { .. }
            | Error::TopicTooLong { .. }
            | Error::TooManyTopics { .. }
            | Error::TopicsTooLarge { .. }
    )
}
