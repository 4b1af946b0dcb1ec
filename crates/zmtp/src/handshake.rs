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
use seaworthy_core::SecretRandom;

use crate::authentication::Credentials;
use crate::command;
use crate::config::ConnectionConfig;
use crate::error::{ApiMisuse, Error, PeerIncompatible, PeerMisbehaved, printable};
use crate::frame::Header;
use crate::greeting::{self, FIRST_BYTES, GREETING_BYTES, Greeting};
use crate::limits::HANDSHAKE_COMMAND_BYTES_MAX;
use crate::mechanism::{Commands, Complete, Handshake as Exchange, Protection, Status};
use crate::metadata::Metadata;
use crate::peer::{Peer, User};
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

/// What comes of a handshake.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// A verdict is asked for.
    Authenticate(Credentials),
    /// It is complete.
    Complete(Peer, Option<Protection>),
}

impl Handshake {
    /// Begins with the signature and the major version.
    pub(crate) fn start(greeting: Greeting, transmit: &mut Transmit) -> Self {
        Self(State::Version(ExpectVersion::start(greeting, transmit)))
    }

    /// Whether the peer may be told by an ERROR command why the handshake ends with `error`: the greetings agree, so
    /// that it understands one, and the mechanism allows it.
    pub(crate) fn may_send_error(&self, error: &Error) -> bool {
        match &self.0 {
            State::Command(state) => {
                matches!(error, Error::Unauthenticated(_)) || state.exchange.may_send_error()
            }
            State::Version(_) | State::Greeting(_) => false,
        }
    }

    /// Takes what it can from `input`.
    pub(crate) fn handle_input(
        &mut self,
        config: &ConnectionConfig,
        random: Option<&SecretRandom>,
        input: &mut BytesMut,
        transmit: &mut Transmit,
    ) -> Result<Progress<Outcome>, Error> {
        loop {
            let progress = match &mut self.0 {
                State::Version(state) => state.handle_input(input, transmit)?.map(State::Greeting),
                State::Greeting(state) => match state.handle_input(config, random, input)? {
                    Progress::Done(mut state) => {
                        let begun = state.begin(config, transmit)?;
                        self.0 = State::Command(state);
                        match begun {
                            Some(outcome) => return Ok(Progress::Done(outcome)),
                            None => continue,
                        }
                    }
                    Progress::Missing(bytes) => Progress::Missing(bytes),
                },
                State::Command(state) => return state.handle_input(config, input, transmit),
            };
            match progress {
                Progress::Done(next) => self.0 = next,
                Progress::Missing(bytes) => return Ok(Progress::Missing(bytes)),
            }
        }
    }

    /// Whether a verdict is awaited.
    pub(crate) fn awaits_verdict(&self) -> bool {
        matches!(&self.0, State::Command(state) if state.awaits_verdict)
    }

    /// The peer is admitted.
    pub(crate) fn admit(
        &mut self,
        config: &ConnectionConfig,
        user: User,
        transmit: &mut Transmit,
    ) -> Result<Option<Outcome>, Error> {
        match &mut self.0 {
            State::Command(state) if state.awaits_verdict => state.admit(config, user, transmit),
            _ => Err(ApiMisuse::VerdictNotAwaited.into()),
        }
    }
}

/// The signature and the major version are sent, the peer's are to come.
#[derive(Debug)]
struct ExpectVersion(Greeting);

impl ExpectVersion {
    fn start(greeting: Greeting, transmit: &mut Transmit) -> Self {
        transmit.raw(&greeting.encode()[..FIRST_BYTES]);
        Self(greeting)
    }

    fn handle_input(
        &self,
        input: &BytesMut,
        transmit: &mut Transmit,
    ) -> Result<Progress<ExpectGreeting>, PeerIncompatible> {
        if !greeting::peek_version(input)? {
            return Ok(Progress::Missing(FIRST_BYTES - input.len()));
        }
        transmit.raw(&self.0.encode()[FIRST_BYTES..]);
        Ok(Progress::Done(ExpectGreeting(self.0)))
    }
}

/// Our greeting is sent, and the peer's has begun with a version that we serve.
#[derive(Debug)]
struct ExpectGreeting(Greeting);

impl ExpectGreeting {
    fn handle_input(
        &self,
        config: &ConnectionConfig,
        random: Option<&SecretRandom>,
        input: &mut BytesMut,
    ) -> Result<Progress<ExpectCommand>, Error> {
        let Some(octets) = input.first_chunk::<GREETING_BYTES>() else {
            return Ok(Progress::Missing(GREETING_BYTES - input.len()));
        };
        let theirs = Greeting::decode(octets);
        input.advance(GREETING_BYTES);
        // RFC 37: "If the mechanism that the peer received does not exactly match the mechanism it sent, it MUST
        // close the connection." Before any command, so that no other mechanism ever runs.
        let ours = || config.mechanism.name().to_owned();
        if theirs.mechanism != self.0.mechanism {
            let theirs = printable(greeting::unpadded(&theirs.mechanism));
            return Err(PeerIncompatible::Mechanism { ours: ours(), theirs }.into());
        }
        // Two servers would wait for each other. Two clients find out by their first commands; and libzmq says of no
        // end that it is a server.
        if theirs.as_server && self.0.as_server {
            return Err(PeerIncompatible::TwoServers { mechanism: ours() }.into());
        }
        let exchange = config.mechanism.start(our_metadata(config), random)?;
        let (version, user) = (theirs.version, User::default());
        Ok(Progress::Done(ExpectCommand { version, exchange, awaits_verdict: false, user }))
    }
}

/// The greetings agree; the mechanism waits for the peer's next command, or for a verdict.
#[derive(Debug)]
struct ExpectCommand {
    version: Version,
    exchange: Box<dyn Exchange>,
    awaits_verdict: bool,
    user: User,
}

impl ExpectCommand {
    fn begin(
        &mut self,
        config: &ConnectionConfig,
        transmit: &mut Transmit,
    ) -> Result<Option<Outcome>, Error> {
        let status = self.exchange.begin(&mut Commands::new(transmit))?;
        self.follow(config, status)
    }

    fn admit(
        &mut self,
        config: &ConnectionConfig,
        user: User,
        transmit: &mut Transmit,
    ) -> Result<Option<Outcome>, Error> {
        (self.user, self.awaits_verdict) = (user, false);
        let status = self.exchange.handle_admission(&mut Commands::new(transmit))?;
        self.follow(config, status)
    }

    fn handle_input(
        &mut self,
        config: &ConnectionConfig,
        input: &mut BytesMut,
        transmit: &mut Transmit,
    ) -> Result<Progress<Outcome>, Error> {
        while !self.awaits_verdict {
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
            if let Some(reason) = command::error_reason_of(&body) {
                return Err(Error::PeerRefused { reason: printable(reason) });
            }
            let command = command::split(&body)?;
            let status = self.exchange.handle_command(command, &mut Commands::new(transmit))?;
            if let Some(outcome) = self.follow(config, status)? {
                return Ok(Progress::Done(outcome));
            }
        }
        Ok(Progress::Missing(0))
    }

    fn follow(&mut self, config: &ConnectionConfig, status: Status) -> Result<Option<Outcome>, Error> {
        match status {
            Status::AwaitCommand => Ok(None),
            Status::AwaitVerdict(credentials) => {
                self.awaits_verdict = true;
                Ok(Some(Outcome::Authenticate(credentials)))
            }
            Status::Complete(Complete { metadata, protection }) => {
                let peer = Peer::new(config, self.version, metadata, std::mem::take(&mut self.user))?;
                Ok(Some(Outcome::Complete(peer, protection)))
            }
        }
    }
}

fn our_metadata(config: &ConnectionConfig) -> Metadata {
    let mut metadata = Metadata::default();
    metadata.push(Metadata::SOCKET_TYPE, config.socket_type.name().into());
    if config.socket_type.announces_routing_id() {
        metadata.push(Metadata::IDENTITY, config.routing_id.clone());
    }
    metadata
}
