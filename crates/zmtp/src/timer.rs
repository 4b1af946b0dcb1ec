//! The deadlines of a connection.

use std::fmt;

/// Why a connection wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Timer {
    /// The handshake has taken too long: the connection fails.
    Handshake,
    /// Nothing came after our PING: the connection fails.
    PongMissing,
    /// Nothing came for as long as the peer's PING said: the connection fails.
    TimeToLive,
    /// It is time for a PING.
    PingDue,
    /// The peer waits for a sign of life, and its PING may lie behind what has not been read.
    KeepaliveDue,
}

impl fmt::Display for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Handshake => "the handshake is not complete",
            Self::PongMissing => "nothing came after a PING",
            Self::TimeToLive => "nothing came within the time to live of the peer's PING",
            Self::PingDue => "a PING is due",
            Self::KeepaliveDue => "a sign of life is due",
        })
    }
}
