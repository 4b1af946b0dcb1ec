//! Security mechanisms: what two peers exchange between their greetings and their first message (RFC 37,
//! "Authentication"), and what becomes of every frame afterwards.
//!
//! [`Null`], [`PlainClient`], [`PlainServer`], and with the feature `curve` `CurveClient` and `CurveServer` are the
//! mechanisms of ZMTP. A program can bring its own: it implements [`Mechanism`], which is one end's configuration, and
//! [`Handshake`], which is one handshake under way. The connection deals with everything else: it refuses a peer of
//! another mechanism before the first command, bounds the size of commands and the time of the handshake, handles
//! ERROR, asks for a verdict, and encodes frames.
//!
//! Here the two ends say a password to each other, which is not a good mechanism, but a short one:
//!
//! ```
//! use std::sync::Arc;
//!
//! use bytes::{Bytes, BytesMut};
//! use seaworthy_core::{Instant, SecretRandom};
//! use seaworthy_zmtp::mechanism::{Command, Commands, Complete, Handshake, Mechanism, Status};
//! use seaworthy_zmtp::{Connection, ConnectionConfig, Error, Event, Metadata, PeerMisbehaved, SocketType};
//!
//! #[derive(Debug)]
//! struct Passphrase(&'static str);
//!
//! impl Mechanism for Passphrase {
//!     fn name(&self) -> &str {
//!         "PASSPHRASE"
//!     }
//!
//!     fn start(&self, ours: Metadata, _: Option<&SecretRandom>) -> Result<Box<dyn Handshake>, Error> {
//!         Ok(Box::new(Exchange { passphrase: self.0, ours }))
//!     }
//! }
//!
//! #[derive(Debug)]
//! struct Exchange {
//!     passphrase: &'static str,
//!     ours: Metadata,
//! }
//!
//! impl Handshake for Exchange {
//!     fn begin(&mut self, commands: &mut Commands<'_>) -> Result<Status, Error> {
//!         commands.send("SAY", &[&[self.passphrase.len() as u8], self.passphrase.as_bytes(), &self.ours.to_bytes()]);
//!         Ok(Status::AwaitCommand)
//!     }
//!
//!     fn handle_command(&mut self, command: Command<'_>, _: &mut Commands<'_>) -> Result<Status, Error> {
//!         let wrong = |reason| PeerMisbehaved::MalformedCommand { name: command.printable_name(), reason };
//!         let said = command.data.get(1..).and_then(|said| said.strip_prefix(self.passphrase.as_bytes()));
//!         let metadata = Metadata::decode(said.ok_or_else(|| wrong("it is not the passphrase"))?)?;
//!         Ok(Status::Complete(Complete { metadata, protection: None }))
//!     }
//! }
//!
//! let config = |socket_type, passphrase| {
//!     let mut config = ConnectionConfig::new(socket_type);
//!     config.mechanism = Arc::new(Passphrase(passphrase));
//!     config
//! };
//! let outcome = |ours, theirs| {
//!     let mut push = Connection::new(config(SocketType::Push, ours), Instant::ZERO);
//!     let mut pull = Connection::new(config(SocketType::Pull, theirs), Instant::ZERO);
//!     let (mut to_push, mut to_pull) = (BytesMut::new(), BytesMut::new());
//!     loop {
//!         let mut segments = Vec::new();
//!         push.poll_transmit(&mut segments);
//!         to_pull.extend(segments.drain(..).flatten());
//!         pull.poll_transmit(&mut segments);
//!         to_push.extend(segments.drain(..).flatten());
//!         push.handle_input(Instant::ZERO, &mut to_push)?;
//!         if let Some(event) = pull.handle_input(Instant::ZERO, &mut to_pull)? {
//!             return Ok(event);
//!         }
//!     }
//! };
//! assert!(matches!(outcome("open sesame", "open sesame"), Ok(Event::Ready(_))));
//! assert!(matches!(outcome("open sesame", "open barley"), Err(Error::PeerMisbehaved(_))));
//! ```

#[cfg(feature = "curve")]
mod curve;
mod null;
mod plain;
mod protection;

use std::fmt;

use seaworthy_core::SecretRandom;

use crate::authentication::Credentials;
use crate::command;
use crate::error::{Error, PeerMisbehaved, printable};
use crate::frame::COMMAND;
use crate::greeting::{MECHANISM_BYTES, MechanismName};
use crate::metadata::Metadata;
use crate::transmit::Transmit;

#[cfg(feature = "curve")]
pub use curve::{CurveClient, CurveServer, curve_keypair, curve_public};
pub use null::Null;
pub use plain::{PlainClient, PlainServer};
pub use protection::{FrameKind, Opener, Protection, Sealer};

/// A security mechanism, as one end of a connection is configured with it. Both ends must use the same: RFC 37,
/// "Security in ZMTP is *assertive*".
pub trait Mechanism: fmt::Debug + Send + Sync {
    /// The name in the greeting: 1 to 20 characters out of A to Z, 0 to 9, `-`, `_`, `.` and `+` (RFC 37,
    /// `mechanism-char`). A connection with another name fails at once.
    fn name(&self) -> &str;

    /// Whether this end is the server, in a mechanism that has a server and a client: what the greeting says in its
    /// field `as-server`.
    fn is_server(&self) -> bool {
        false
    }

    /// Begins a handshake with a peer whose greeting names the same mechanism. `ours` is the metadata to be announced
    /// to it.
    ///
    /// # Errors
    /// There is no `random`, or it has nothing to give, and the mechanism needs it.
    fn start(&self, ours: Metadata, random: Option<&SecretRandom>) -> Result<Box<dyn Handshake>, Error>;
}

/// One handshake under way. The connection drops it when it is over, with its secrets.
pub trait Handshake: fmt::Debug {
    /// Queues the commands with which this end begins, if it does. Called once, and first.
    ///
    /// # Errors
    /// Any: the connection fails with it.
    fn begin(&mut self, commands: &mut Commands<'_>) -> Result<Status, Error>;

    /// Takes the peer's next command. It is never ERROR, which ends the handshake before it comes here, and never comes
    /// while a verdict is awaited.
    ///
    /// # Errors
    /// The peer broke a rule: the connection fails with it, and the command is not answered.
    fn handle_command(&mut self, command: Command<'_>, commands: &mut Commands<'_>) -> Result<Status, Error>;

    /// The peer whose credentials the mechanism presented with [`Status::AwaitVerdict`] is admitted. A peer that is not
    /// admitted never comes here: its connection fails.
    ///
    /// # Errors
    /// As [`handle_command`](Self::handle_command).
    fn handle_admission(&mut self, commands: &mut Commands<'_>) -> Result<Status, Error> {
        let _ = commands;
        Ok(Status::AwaitCommand)
    }

    /// Whether a peer that breaks a rule may be told so with an ERROR command. By default it may.
    fn may_send_error(&self) -> bool {
        true
    }
}

/// What a handshake waits for.
#[derive(Debug)]
#[allow(clippy::exhaustive_enums, reason = "the connection has to deal with each")]
pub enum Status {
    /// The peer's next command.
    AwaitCommand,
    /// A verdict on the peer, which the connection asks for with [`Event::Authenticate`](crate::Event::Authenticate).
    AwaitVerdict(Credentials),
    /// Nothing: it is complete.
    Complete(Complete),
}

/// What a complete handshake leaves behind.
#[derive(Debug)]
#[allow(clippy::exhaustive_structs, reason = "mechanisms of others make it")]
pub struct Complete {
    /// What the peer announced about itself.
    pub metadata: Metadata,
    /// What every frame is sealed with from now on, in both directions; `None` leaves frames as they are.
    pub protection: Option<Protection>,
}

/// A command of the peer: `command-body = command-name command-data` (RFC 37, "Commands").
#[derive(Clone, Copy)]
#[allow(clippy::exhaustive_structs, reason = "a command is a name and data")]
pub struct Command<'a> {
    /// Its name, 1 to 255 bytes of any kind.
    pub name: &'a [u8],
    /// What follows the name, to the end of the frame.
    pub data: &'a [u8],
}

impl Command<'_> {
    /// The name, fit to be shown.
    pub fn printable_name(&self) -> String {
        printable(self.name)
    }

    /// The data, if the command has this name.
    ///
    /// # Errors
    /// It has another.
    pub(crate) fn require(&self, name: &str) -> Result<&[u8], PeerMisbehaved> {
        if self.name == name.as_bytes() {
            return Ok(self.data);
        }
        Err(PeerMisbehaved::UnexpectedCommand { name: self.printable_name() })
    }
}

impl fmt::Debug for Command<'_> {
    /// Without the data, which may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Command({}, {} bytes)", self.printable_name(), self.data.len())
    }
}

/// Where a handshake puts its commands.
#[derive(Debug)]
pub struct Commands<'a>(&'a mut Transmit);

impl<'a> Commands<'a> {
    pub(crate) const fn new(transmit: &'a mut Transmit) -> Self {
        Self(transmit)
    }

    /// Queues a command: `name`, of 1 to 255 bytes, and its data, which is put together from `parts`.
    pub fn send(&mut self, name: &str, parts: &[&[u8]]) {
        let length = u8::try_from(name.len()).unwrap_or(u8::MAX);
        let name = name.as_bytes().get(..usize::from(length)).unwrap_or_default();
        let mut body: Vec<&[u8]> = Vec::with_capacity(2 + parts.len());
        let length = [length];
        body.extend([&length[..], name]);
        body.extend_from_slice(parts);
        self.0.frame_of(COMMAND, &body);
    }

    /// Queues READY.
    fn ready(&mut self, metadata: &Metadata) {
        command::ready(self.0, metadata);
    }
}

/// The name of `mechanism` as the greeting carries it; `None` if it follows no grammar.
pub(crate) fn padded_name(mechanism: &dyn Mechanism) -> Option<MechanismName> {
    let name = mechanism.name().as_bytes();
    let allowed =
        |octet: &u8| octet.is_ascii_uppercase() || octet.is_ascii_digit() || b"-_.+".contains(octet);
    if name.is_empty() || name.len() > MECHANISM_BYTES || !name.iter().all(allowed) {
        return None;
    }
    let mut padded = MechanismName::default();
    for (octet, of_name) in padded.iter_mut().zip(name) {
        *octet = *of_name;
    }
    Some(padded)
}
