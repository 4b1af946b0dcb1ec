//! Commands: a frame whose body is a name and data (RFC 37, "Commands").

use bytes::BytesMut;

use crate::error::{PeerMisbehaved, printable};
use crate::frame::COMMAND;
use crate::limits::{ERROR_REASON_BYTES_MAX, PING_CONTEXT_BYTES_MAX};
use crate::mechanism;
use crate::metadata::Metadata;
use crate::transmit::Transmit;

const READY: &[u8] = b"\x05READY";
const ERROR: &[u8] = b"\x05ERROR";
/// How an ERROR of libzmq's PLAIN begins: a slip of an escape in its source makes one octet, 5e, of the length 05 and the
/// letter E.
const ERROR_OF_LIBZMQ_PLAIN: &[u8] = b"^RROR";
const SUBSCRIBE: &[u8] = b"\x09SUBSCRIBE";
const CANCEL: &[u8] = b"\x06CANCEL";
const PING: &[u8] = b"\x04PING";
const PONG: &[u8] = b"\x04PONG";

/// A command from the peer, after the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command<'a> {
    /// Why the peer gives up.
    Error(&'a [u8]),
    Subscribe(&'a [u8]),
    Cancel(&'a [u8]),
    Ping {
        /// Tenths of a second; 0 = asks nothing.
        ttl: u16,
        /// At most 16 bytes.
        context: &'a [u8],
    },
    Pong {
        /// Of the PING that it answers.
        context: &'a [u8],
    },
    /// A command without meaning after the handshake, or one that we do not know.
    Other,
}

impl<'a> Command<'a> {
    /// Reads the body of a command frame.
    pub(crate) fn decode(body: &'a [u8]) -> Result<Self, PeerMisbehaved> {
        let mechanism::Command { name, data } = split(body)?;
        Ok(match name {
            b"ERROR" => Self::Error(error_reason(data)),
            b"SUBSCRIBE" => Self::Subscribe(data),
            b"CANCEL" => Self::Cancel(data),
            b"PING" => ping(data)?,
            b"PONG" => Self::Pong { context: data },
            _ => Self::Other,
        })
    }
}

/// Splits the body of a command frame: `command-body = command-name command-data`,
/// `command-name = short-size 1*255command-name-char`.
pub(crate) fn split(body: &[u8]) -> Result<mechanism::Command<'_>, PeerMisbehaved> {
    let (name, data) = body
        .split_first()
        .and_then(|(length, rest)| rest.split_at_checked(usize::from(*length)))
        .ok_or_else(|| malformed(body, "the name is cut short"))?;
    if name.is_empty() {
        return Err(malformed(name, "the name is empty"));
    }
    Ok(mechanism::Command { name, data })
}

/// The reason in an ERROR during the handshake, from the body of its frame; `None` for another command.
pub(crate) fn error_reason_of(body: &[u8]) -> Option<&[u8]> {
    body.strip_prefix(ERROR).or_else(|| body.strip_prefix(ERROR_OF_LIBZMQ_PLAIN)).map(error_reason)
}

/// `ready = command-size %d5 "READY" metadata`
pub(crate) fn ready(to: &mut Transmit, metadata: &Metadata) {
    let mut properties = BytesMut::new();
    metadata.encode(&mut properties);
    to.frame_of(COMMAND, &[READY, &properties]);
}

/// `error = command-size %d5 "ERROR" error-reason`, `error-reason = short-size 0*255VCHAR`
pub(crate) fn error(to: &mut Transmit, reason: &str) {
    let reason = reason.as_bytes();
    let reason = reason.get(..ERROR_REASON_BYTES_MAX).unwrap_or(reason);
    let length = u8::try_from(reason.len()).unwrap_or(u8::MAX);
    to.frame_of(COMMAND, &[ERROR, &[length], reason]);
}

/// A reason that is longer or shorter than it says is still a reason: the connection is over in any case.
fn error_reason(data: &[u8]) -> &[u8] {
    match data.split_first() {
        Some((length, reason)) => reason.get(..usize::from(*length)).unwrap_or(reason),
        None => data,
    }
}

/// `subscribe = command-size %d9 "SUBSCRIBE" subscription`
pub(crate) fn subscribe(to: &mut Transmit, topic: &[u8]) {
    to.frame_of(COMMAND, &[SUBSCRIBE, topic]);
}

/// `cancel = command-size %d6 "CANCEL" subscription`
pub(crate) fn cancel(to: &mut Transmit, topic: &[u8]) {
    to.frame_of(COMMAND, &[CANCEL, topic]);
}

/// `ping = command-size %d4 "PING" ping-ttl ping-context`
pub(crate) fn send_ping(to: &mut Transmit, ttl: u16, context: &[u8]) {
    to.frame_of(COMMAND, &[PING, &ttl.to_be_bytes(), context]);
}

fn ping(data: &[u8]) -> Result<Command<'_>, PeerMisbehaved> {
    let (ttl, context) =
        data.split_first_chunk::<2>().ok_or_else(|| malformed(b"PING", "the time to live is cut short"))?;
    Ok(Command::Ping {
        ttl: u16::from_be_bytes(*ttl),
        context: context.get(..PING_CONTEXT_BYTES_MAX).unwrap_or(context),
    })
}

/// `pong = command-size %d4 "PONG" ping-context`: "it SHALL respond with a PONG command that echoes the
/// ping-context".
pub(crate) fn pong(to: &mut Transmit, context: &[u8]) {
    to.frame_of(COMMAND, &[PONG, context]);
}

fn malformed(name: &[u8], reason: &'static str) -> PeerMisbehaved {
    PeerMisbehaved::MalformedCommand { name: printable(name), reason }
}
