//! Why a connection failed: whose fault it is, and what goes on the wire about it.

use std::io;

use crate::authentication::Refusal;
use crate::limits::ERROR_REASON_BYTES_MAX;
use crate::socket_type::SocketType;
use crate::timer::Timer;
use crate::version::Version;

/// Why a connection failed. It never recovers: close the stream, after flushing what
/// [`poll_transmit`](crate::Connection::poll_transmit) still returns.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The peer broke a rule of the protocol, or a limit.
    #[error("the peer misbehaved: {0}")]
    PeerMisbehaved(#[from] PeerMisbehaved),
    /// The peer may be right for others; we have nothing in common.
    #[error("the peer is incompatible: {0}")]
    PeerIncompatible(#[from] PeerIncompatible),
    /// The peer sent an ERROR command: it does not want us.
    #[error("the peer refused the connection: {reason:?}")]
    PeerRefused {
        /// The reason it gave, with everything that is not printable ASCII escaped.
        reason: String,
    },
    /// The peer may not connect: the [`Verdict`](crate::Verdict) that the connection was given.
    #[error("the peer is refused: {0}")]
    Unauthenticated(#[from] Refusal),
    /// There are no random bytes for keys and nonces.
    #[error("no random bytes for keys: {0}")]
    NoRandomness(io::ErrorKind),
    /// The caller used the connection in a way it cannot be used.
    #[error("misuse of the connection: {0}")]
    ApiMisuse(#[from] ApiMisuse),
    /// Nothing came for too long. The [`Timer`] says what was waited for.
    #[error("timed out: {0}")]
    TimedOut(Timer),
}

impl Error {
    /// Whether trying again with the same peer would end in the same way. libzmq does not reconnect after such
    /// an error, and RFC 37 forbids it after an ERROR command; after a timeout it does.
    pub fn is_protocol(&self) -> bool {
        match self {
            Self::PeerMisbehaved(_) | Self::PeerIncompatible(_) | Self::PeerRefused { .. } => true,
            Self::Unauthenticated(refusal) => *refusal != Refusal::Temporary,
            Self::ApiMisuse(_) | Self::NoRandomness(_) | Self::TimedOut(_) => false,
        }
    }

    /// Whether one end did not admit the other: the verdict here, or one of its status codes in the peer's ERROR.
    pub fn is_authentication(&self) -> bool {
        match self {
            Self::Unauthenticated(_) => true,
            // RFC 27 has these codes, and libzmq sends them as they are.
            Self::PeerRefused { reason } => matches!(&reason[..], "300" | "400" | "500"),
            _ => false,
        }
    }

    /// What an ERROR command says to the peer about this, or `None` when nothing is to be sent.
    ///
    /// RFC 37: `error-reason = short-size 0*255VCHAR`, so it is the printed error with dashes for whatever
    /// is not a visible character.
    pub fn wire_reason(&self) -> Option<String> {
        let text = match self {
            Self::PeerMisbehaved(why) => why.to_string(),
            Self::PeerIncompatible(why) => why.to_string(),
            Self::Unauthenticated(refusal) => return refusal.wire_reason().map(str::to_owned),
            Self::PeerRefused { .. } | Self::ApiMisuse(_) | Self::NoRandomness(_) | Self::TimedOut(_) => {
                return None;
            }
        };
        Some(visible(&text))
    }

    /// True when the peer did nothing but exceed a limit, which another implementation may not have.
    pub(crate) const fn is_limit(&self) -> bool {
        matches!(
            self,
            Self::PeerMisbehaved(
                PeerMisbehaved::FrameTooLarge { .. }
                    | PeerMisbehaved::MessageTooLarge { .. }
                    | PeerMisbehaved::TooManyFrames { .. }
                    | PeerMisbehaved::CommandTooLarge { .. }
            )
        )
    }
}

/// A reason as it may stand in an ERROR command: visible characters, and not too many.
pub(crate) fn visible(text: &str) -> String {
    let visible = |c: char| if c.is_ascii_graphic() { c } else { '-' };
    text.chars().map(visible).take(ERROR_REASON_BYTES_MAX).collect()
}

/// A rule of the protocol, or one of our [limits](crate::limits), that the peer broke.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PeerMisbehaved {
    /// Bits 7 to 3 of a frame's flags MUST be zero.
    #[error("frame flags {0:#04x} use reserved bits")]
    ReservedFlags(u8),
    /// A command is always one frame.
    #[error("frame flags {0:#04x} announce a command of several frames")]
    CommandWithMore(u8),
    /// A frame larger than MAXMSGSIZE.
    #[error("a frame of {length} bytes exceeds the limit of {limit}")]
    FrameTooLarge {
        /// What was announced.
        length: u64,
        /// MAXMSGSIZE.
        limit: u64,
    },
    /// The frames of one message are too large together.
    #[error("a message of at least {length} bytes exceeds the limit of {limit}")]
    MessageTooLarge {
        /// What was announced so far.
        length: u64,
        /// [`MESSAGE_BYTES_MAX`](crate::limits::MESSAGE_BYTES_MAX), or what the configuration says.
        limit: u64,
    },
    /// A message of too many frames.
    #[error("a message exceeds the limit of {limit} frames")]
    TooManyFrames {
        /// [`MESSAGE_FRAMES_MAX`](crate::limits::MESSAGE_FRAMES_MAX), or what the configuration says.
        limit: usize,
    },
    /// A command, or the topic of a subscription, is too large.
    #[error("a command of {length} bytes exceeds the limit of {limit}")]
    CommandTooLarge {
        /// What was announced.
        length: u64,
        /// [`HANDSHAKE_COMMAND_BYTES_MAX`](crate::limits::HANDSHAKE_COMMAND_BYTES_MAX) during the handshake,
        /// [`COMMAND_BYTES_MAX`](crate::limits::COMMAND_BYTES_MAX) after it.
        limit: u64,
    },
    /// A command whose body cannot be read.
    #[error("malformed command {name}: {reason}")]
    MalformedCommand {
        /// Its name, or as much of it as there is, with everything that is not printable ASCII escaped.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Metadata that cannot be read.
    #[error("malformed metadata, property {property}: {reason}")]
    MalformedMetadata {
        /// The property, with everything that is not printable ASCII escaped.
        property: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A command that the handshake does not wait for.
    #[error("unexpected command {name} during the handshake")]
    UnexpectedCommand {
        /// Its name, with everything that is not printable ASCII escaped.
        name: String,
    },
    /// A box that does not open: it was sealed with other keys, or changed on its way.
    #[error("the box of {command} does not open: it was sealed with other keys, or changed")]
    Unopenable {
        /// The command, or the part of one, that it is in.
        command: &'static str,
    },
    /// A nonce that is not larger than all before it: something is sent a second time.
    #[error("the nonce {nonce} of {command} is not larger than {last}")]
    NonceNotRising {
        /// The command that carries it.
        command: &'static str,
        /// The nonce.
        nonce: u64,
        /// The one before it.
        last: u64,
    },
    /// A public key with which every secret key agrees on the same secret: anybody could have sealed what comes with it.
    #[error("the public key in {command} is of low order")]
    LowOrderKey {
        /// The command that carries it.
        command: &'static str,
    },
    /// What the client's key vouches for is another connection, or another server.
    #[error("the vouch in INITIATE is for another {0}")]
    VouchForAnother(&'static str),
    /// A frame that is not protected, on a connection whose frames are.
    #[error("a frame is not protected: {reason}")]
    Unprotected {
        /// What gives it away.
        reason: &'static str,
    },
    /// A message before the end of the handshake.
    #[error("a message before the end of the handshake")]
    MessageDuringHandshake,
}

/// What we do not have in common with the peer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PeerIncompatible {
    /// What it sent first is not the signature of ZMTP 2.0 and later: it speaks ZMTP 1.0, or not ZMTP at all.
    #[error("octet {index} of its greeting is {octet:#04x}: it speaks ZMTP 1.0 or another protocol")]
    NotZmtp {
        /// Which octet, counted from 0.
        index: usize,
        /// The octet.
        octet: u8,
    },
    /// It speaks a version before 3.0. The numbers 1 and 2 both mean ZMTP 2.0.
    #[error("it speaks an older ZMTP, major version {major}, and at least 3 is needed")]
    Version {
        /// The major version it announced.
        major: u8,
    },
    /// It announced another security mechanism.
    #[error("it requires the mechanism {theirs:?} and we require {ours:?}")]
    Mechanism {
        /// What we announced.
        ours: String,
        /// What it announced, with everything that is not printable ASCII escaped.
        theirs: String,
    },
    /// It is a server, as we are.
    #[error("it is a server of the mechanism {mechanism}, as we are")]
    TwoServers {
        /// The mechanism of both.
        mechanism: String,
    },
    /// Its socket type is unknown, or must not talk to ours.
    #[error("socket type {theirs} cannot talk to {ours}")]
    SocketType {
        /// Ours.
        ours: SocketType,
        /// What it announced, with everything that is not printable ASCII escaped.
        theirs: String,
    },
}

impl PeerIncompatible {
    /// Nothing, or the reason why a peer of this version cannot be served.
    pub(crate) fn unless_served(version: Version) -> Result<(), Self> {
        if version >= Version::ZMTP_3_0 { Ok(()) } else { Err(Self::Version { major: version.major }) }
    }
}

/// What the caller did that it must not do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApiMisuse {
    /// A message or a subscription before [`Event::Ready`](crate::Event::Ready).
    #[error("sent before the handshake was complete")]
    SentBeforeReady,
    /// A message without frames.
    #[error("sent a message without frames")]
    EmptyMessage,
    /// A subscription on a socket that makes none.
    #[error("subscribed on a {0} socket")]
    NotASubscriber(SocketType),
    /// A mechanism whose name cannot stand in a greeting.
    #[error("a mechanism is named {name:?}, which the greeting cannot carry")]
    MechanismName {
        /// Its name.
        name: String,
    },
    /// A mechanism that needs random bytes, on a connection without [`SecretRandom`](seaworthy_core::SecretRandom).
    #[error("the mechanism {mechanism} needs random bytes for keys, and the connection has none")]
    NoSecretRandom {
        /// The mechanism.
        mechanism: &'static str,
    },
    /// A verdict that nobody has asked for.
    #[error("a verdict on a peer, and none was asked for")]
    VerdictNotAwaited,
    /// A property that metadata cannot have.
    #[error("property {property}: {reason}")]
    Property {
        /// Its name, with everything that is not printable ASCII escaped.
        property: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A routing id that must not be announced.
    #[error("routing id of {length} bytes: {reason}")]
    RoutingId {
        /// Its length in bytes.
        length: usize,
        /// What is wrong with it.
        reason: &'static str,
    },
}

/// Bytes of a peer, as they may stand in an error or a log: printable ASCII, the rest escaped, never long.
pub(crate) fn printable(bytes: &[u8]) -> String {
    const SHOWN_MAX: usize = 255;
    bytes.get(..SHOWN_MAX).unwrap_or(bytes).escape_ascii().to_string()
}
