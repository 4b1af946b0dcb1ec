//! From the first byte to the peer's metadata.
//!
//! ```text
//! ExpectVersion --11 octets--> ExpectGreeting --64 octets--> ExpectCommand --READY--> (established)
//! we sent 11 octets            we sent the other 53          we sent READY
//! ```
//!
//! Each state is a struct that holds only what it knows, and makes the next one. Not in here: the deadline,
//! which is the connection's.

use bytes::{Buf, BytesMut};

use crate::command::Command;
use crate::config::ConnectionConfig;
use crate::error::{Error, PeerIncompatible, PeerMisbehaved, printable};
use crate::frame::Header;
use crate::greeting::{self, FIRST_BYTES, GREETING_BYTES, Greeting};
use crate::limits::HANDSHAKE_COMMAND_BYTES_MAX;
use crate::mechanism::Exchange;
use crate::metadata::Metadata;
use crate::peer::Peer;
use crate::progress::Progress;
use crate::transmit::Transmit;
use crate::version::Version;

/// A handshake under way.
#[derive(Debug)]
pub(crate) struct Handshake(State);

#[derive(Debug)]
enum State {
    Version(ExpectVersion),
    Greeting(ExpectGreeting),
    Command(ExpectCommand),
}

impl Handshake {
    /// Begins with the signature and the major version.
    pub(crate) fn start(config: &ConnectionConfig, transmit: &mut Transmit) -> Self {
        Self(State::Version(ExpectVersion::start(config, transmit)))
    }

    /// Whether the greetings agree, so that the peer understands an ERROR command.
    pub(crate) fn can_send_error(&self) -> bool {
        matches!(self.0, State::Command(_))
    }

    /// Takes what it can from `input`.
    pub(crate) fn handle_input(
        &mut self,
        config: &ConnectionConfig,
        input: &mut BytesMut,
        transmit: &mut Transmit,
    ) -> Result<Progress<Peer>, Error> {
        loop {
            let progress = match &mut self.0 {
                State::Version(state) => state.handle_input(config, input, transmit)?.map(State::Greeting),
                State::Greeting(state) => state.handle_input(config, input, transmit)?.map(State::Command),
                State::Command(state) => return state.handle_input(config, input),
            };
            match progress {
                Progress::Done(next) => self.0 = next,
                Progress::Missing(bytes) => return Ok(Progress::Missing(bytes)),
            }
        }
    }
}

/// The signature and the major version are sent, the peer's are to come.
#[derive(Debug)]
struct ExpectVersion(());

impl ExpectVersion {
    fn start(config: &ConnectionConfig, transmit: &mut Transmit) -> Self {
        transmit.raw(&our_greeting(config)[..FIRST_BYTES]);
        Self(())
    }

    fn handle_input(
        &self,
        config: &ConnectionConfig,
        input: &BytesMut,
        transmit: &mut Transmit,
    ) -> Result<Progress<ExpectGreeting>, PeerIncompatible> {
        if !greeting::peek_version(input)? {
            return Ok(Progress::Missing(FIRST_BYTES - input.len()));
        }
        transmit.raw(&our_greeting(config)[FIRST_BYTES..]);
        Ok(Progress::Done(ExpectGreeting(())))
    }
}

/// Our greeting is sent, and the peer's has begun with a version that we serve.
#[derive(Debug)]
struct ExpectGreeting(());

impl ExpectGreeting {
    fn handle_input(
        &self,
        config: &ConnectionConfig,
        input: &mut BytesMut,
        transmit: &mut Transmit,
    ) -> Result<Progress<ExpectCommand>, PeerIncompatible> {
        let Some(octets) = input.first_chunk::<GREETING_BYTES>() else {
            return Ok(Progress::Missing(GREETING_BYTES - input.len()));
        };
        let theirs = Greeting::decode(octets);
        input.advance(GREETING_BYTES);
        // RFC 37: "If the mechanism that the peer received does not exactly match the mechanism it sent, it MUST
        // close the connection."
        let ours = config.mechanism;
        if theirs.mechanism != ours.padded_name() {
            let theirs = printable(greeting::unpadded(&theirs.mechanism));
            return Err(PeerIncompatible::Mechanism { ours: ours.name(), theirs });
        }
        let exchange = ours.start(&our_metadata(config), transmit);
        Ok(Progress::Done(ExpectCommand { version: theirs.version, exchange }))
    }
}

/// The greetings agree; the mechanism waits for the peer's next command.
#[derive(Debug)]
struct ExpectCommand {
    version: Version,
    exchange: Exchange,
}

impl ExpectCommand {
    fn handle_input(
        &mut self,
        config: &ConnectionConfig,
        input: &mut BytesMut,
    ) -> Result<Progress<Peer>, Error> {
        loop {
            let header = match Header::peek(input)? {
                Progress::Done(header) => header,
                Progress::Missing(bytes) => return Ok(Progress::Missing(bytes)),
            };
            if !header.is_command() {
                return Err(PeerMisbehaved::MessageDuringHandshake.into());
            }
            let (length, limit) = (header.length, HANDSHAKE_COMMAND_BYTES_MAX);
            if length > limit {
                return Err(PeerMisbehaved::CommandTooLarge { length, limit }.into());
            }
            let body = match header.take_body(input, usize::MAX) {
                Progress::Done(body) => body,
                Progress::Missing(bytes) => return Ok(Progress::Missing(bytes)),
            };
            let metadata = match Command::decode(&body)? {
                Command::Error(reason) => return Err(Error::PeerRefused { reason: printable(reason) }),
                command => self.exchange.handle_command(command)?,
            };
            if let Some(metadata) = metadata {
                return Ok(Progress::Done(Peer::new(config, self.version, metadata)?));
            }
        }
    }
}

fn our_greeting(config: &ConnectionConfig) -> [u8; GREETING_BYTES] {
    Greeting { version: Version::ZMTP_3_1, mechanism: config.mechanism.padded_name() }.encode()
}

fn our_metadata(config: &ConnectionConfig) -> Metadata {
    let mut metadata = Metadata::default();
    metadata.push(Metadata::SOCKET_TYPE, config.socket_type.name().into());
    if config.socket_type.announces_routing_id() {
        metadata.push(Metadata::IDENTITY, config.routing_id.clone());
    }
    metadata
}
