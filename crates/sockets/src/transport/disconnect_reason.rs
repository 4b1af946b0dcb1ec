//! Why a connection ended, or an attempt to connect.

use std::fmt;
use std::io;

use seaworthy_core::planted::{Bug, planted};

use crate::limits::{TOPIC_BYTES_MAX, TOPICS_MAX};
use crate::log::Severity;
use crate::monitor::HandshakeFailure;

/// EMFILE and ENFILE: the process, or the system, has no file descriptor left.
const OUT_OF_FILES: [i32; 2] = [24, 23];

/// Why a connection ended, or an attempt to connect.
#[derive(Debug)]
pub(super) enum DisconnectReason {
    /// The socket was done with it and everything was handed to the network, or its linger period ran out.
    Closed,
    /// The stream ended or broke, or could not be connected.
    Stream(io::Error),
    /// The peer broke the protocol, or did not answer in time.
    Protocol(seaworthy_zmtp::Error),
    /// The socket takes no more peers.
    PeerRejected,
    /// The peer subscribes to more than it may.
    TooManyTopics,
    /// Too many handshakes were pending, and this one was the oldest.
    Evicted,
}

impl DisconnectReason {
    /// What kind of failure it is if it ended a handshake.
    pub(super) fn handshake_failure(&self) -> HandshakeFailure {
        match self {
            Self::Protocol(error) if error.is_authentication() => HandshakeFailure::Authentication,
            Self::Protocol(error) if error.is_protocol() => HandshakeFailure::Protocol,
            _ => HandshakeFailure::NoDetail,
        }
    }

    /// Faults are what another attempt would meet again, and a lack of files.
    pub(super) fn severity(&self) -> Severity {
        let fault = match self {
            Self::Stream(error) => error.raw_os_error().is_some_and(|code| OUT_OF_FILES.contains(&code)),
            Self::Protocol(error) => error.is_protocol(),
            Self::TooManyTopics | Self::Evicted => true,
            Self::Closed | Self::PeerRejected => false,
        };
        if fault { Severity::Fault } else { Severity::Routine }
    }

    /// True when one side refused something of the other's.
    pub(super) fn is_fault(&self) -> bool {
        match self {
            Self::Protocol(error) => error.is_protocol(),
            Self::TooManyTopics => true,
            Self::Closed | Self::Stream(_) | Self::PeerRejected | Self::Evicted => false,
        }
    }

    /// False when another attempt would end the same way, even if the handshake was never completed.
    pub(super) fn may_reconnect(&self) -> bool {
        match self {
            Self::Stream(error)
                if planted(Bug::RefusalIsFinal) && error.kind() == io::ErrorKind::ConnectionRefused =>
            {
                false
            }
            // A PAIR's next peer may have its turn by then.
            Self::Stream(_) | Self::PeerRejected => true,
            Self::Protocol(error) => !error.is_protocol(),
            Self::Closed | Self::TooManyTopics | Self::Evicted => false,
        }
    }
}

impl fmt::Display for DisconnectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("closed by this socket"),
            Self::Stream(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                f.write_str("closed by the peer")
            }
            Self::Stream(error) => write!(f, "{error}"),
            Self::Protocol(error) => write!(f, "{error}"),
            Self::PeerRejected => f.write_str("the socket takes no more peers"),
            Self::TooManyTopics => write!(
                f,
                "the peer subscribes to more than {TOPICS_MAX} topics or {TOPIC_BYTES_MAX} bytes of them"
            ),
            Self::Evicted => f.write_str("made room: too many handshakes were under way"),
        }
    }
}
