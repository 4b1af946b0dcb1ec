//! The server's side of the handshake.

use bytes::Bytes;
use seaworthy_core::{CurvePublicKey, CurveSecretKey, SecretRandom};
use zeroize::Zeroizing;

use super::nacl::{BoxKey, equal};
use super::{
    COOKIE, COOKIE_BYTES, CURVE, CurveServer, Fields, HELLO, INITIATE, LONG_NONCE_BYTES, PADDING_BYTES,
    READY, Rising, SIGNATURE_BYTES, VERSION, VOUCH, VOUCH_BYTES, WELCOME, agree, curve_public, draw,
    draw_key, long_nonce, message, open, seal, short_nonce,
};
use crate::authentication::Credentials;
use crate::error::{Error, PeerMisbehaved};
use crate::mechanism::{Command, Commands, Complete, Handshake, Status};
use crate::metadata::Metadata;

/// The numbers of the server's nonces: READY, and then one for each MESSAGE.
const READY_NUMBER: u64 = 1;
const FIRST_MESSAGE_NUMBER: u64 = 2;

#[derive(Debug)]
pub(super) struct Server {
    config: CurveServer,
    ours: Metadata,
    state: State,
}

#[derive(Debug)]
enum State {
    ExpectHello(ExpectHello),
    ExpectInitiate(ExpectInitiate),
    ExpectVerdict(Initiated),
    /// It is complete, or has failed.
    Over,
}

impl Server {
    pub(super) fn start(config: &CurveServer, ours: Metadata, random: &SecretRandom) -> Result<Self, Error> {
        let state = State::ExpectHello(ExpectHello {
            secret: draw_key(random)?,
            cookie_key: BoxKey::from_secret(&*draw(random)?),
            cookie_nonce: draw(random)?,
            welcome_nonce: draw(random)?,
        });
        Ok(Self { config: config.clone(), ours, state })
    }
}

impl Handshake for Server {
    fn begin(&mut self, _: &mut Commands<'_>) -> Result<Status, Error> {
        Ok(Status::AwaitCommand)
    }

    fn handle_command(&mut self, command: Command<'_>, commands: &mut Commands<'_>) -> Result<Status, Error> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::ExpectHello(state) => {
                let next = state.hello(&self.config, command.require(HELLO)?, commands)?;
                self.state = State::ExpectInitiate(next);
                Ok(Status::AwaitCommand)
            }
            State::ExpectInitiate(state) => {
                let initiated = state.initiate(&self.config, command.require(INITIATE)?)?;
                if !self.config.authenticate {
                    return Ok(Status::Complete(initiated.ready(&self.ours, commands)));
                }
                let key = Bytes::copy_from_slice(initiated.client.as_bytes());
                self.state = State::ExpectVerdict(initiated);
                Ok(Status::AwaitVerdict(Credentials::new(CURVE, [key])))
            }
            State::ExpectVerdict(_) | State::Over => {
                Err(PeerMisbehaved::UnexpectedCommand { name: command.printable_name() }.into())
            }
        }
    }

    fn handle_admission(&mut self, commands: &mut Commands<'_>) -> Result<Status, Error> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::ExpectVerdict(initiated) => Ok(Status::Complete(initiated.ready(&self.ours, commands))),
            state => {
                self.state = state;
                Ok(Status::AwaitCommand)
            }
        }
    }

    /// A client whose boxes do not open gets no answer from which it could learn why.
    fn may_send_error(&self) -> bool {
        false
    }
}

/// Nothing is known of the client. The random bytes for its connection are drawn, and nothing is computed.
#[derive(Debug)]
struct ExpectHello {
    /// s', unless the client never says HELLO.
    secret: CurveSecretKey,
    cookie_key: BoxKey,
    cookie_nonce: Zeroizing<[u8; LONG_NONCE_BYTES]>,
    welcome_nonce: Zeroizing<[u8; LONG_NONCE_BYTES]>,
}

impl ExpectHello {
    /// RFC 26, "The HELLO Command": 200 octets, and "The server SHALL validate all fields". Answered by WELCOME, of 168
    /// octets.
    fn hello(
        self,
        config: &CurveServer,
        data: &[u8],
        commands: &mut Commands<'_>,
    ) -> Result<ExpectInitiate, PeerMisbehaved> {
        let mut fields = Fields { command: HELLO, data };
        if *fields.take()? != VERSION {
            return Err(fields.malformed("its version is not 1.0"));
        }
        if *fields.take()? != [0; PADDING_BYTES] {
            return Err(fields.malformed("its padding is not zero"));
        }
        let client = fields.take_key()?;
        let number = fields.take_number()?;
        let signature = fields.take::<80>()?;
        fields.end()?;
        let key = agree(&client, &config.secret, HELLO)?;
        let opened = open(&key, &short_nonce(b"CurveZMQHELLO---", number), signature, HELLO)?;
        if !equal(&opened, &[0; SIGNATURE_BYTES]) {
            return Err(fields.malformed("its signature is not zero"));
        }
        let mut theirs = Rising::default();
        theirs.next(number, HELLO)?;

        let cookie_nonce = long_nonce(b"COOKIE--", &self.cookie_nonce);
        let cookie = seal(&self.cookie_key, &cookie_nonce, &[client.as_bytes(), self.secret.expose()]);
        let welcome_nonce = long_nonce(b"WELCOME-", &self.welcome_nonce);
        let public = curve_public(&self.secret);
        let sealed = seal(&key, &welcome_nonce, &[public.as_bytes(), &self.cookie_nonce[..], &cookie]);
        commands.send(WELCOME, &[&self.welcome_nonce[..], &sealed]);
        // RFC 26: "The server SHALL not keep this transient key pair": the client brings it back.
        Ok(ExpectInitiate { cookie_key: self.cookie_key, theirs })
    }
}

/// WELCOME is sent. What the client has to bring back opens with a key that was made for this connection, so no cookie of
/// another will do.
#[derive(Debug)]
struct ExpectInitiate {
    cookie_key: BoxKey,
    theirs: Rising,
}

impl ExpectInitiate {
    /// RFC 26, "The INITIATE Command": at least 257 octets.
    fn initiate(mut self, config: &CurveServer, data: &[u8]) -> Result<Initiated, PeerMisbehaved> {
        let mut fields = Fields { command: INITIATE, data };
        let cookie = fields.take::<COOKIE_BYTES>()?;
        let number = fields.take_number()?;
        let sealed = fields.data;

        let mut cookie = Fields { command: INITIATE, data: cookie };
        let nonce = long_nonce(b"COOKIE--", cookie.take()?);
        let cookie = open(&self.cookie_key, &nonce, cookie.data, COOKIE)?;
        let mut cookie = Fields { command: INITIATE, data: &cookie };
        let transient = cookie.take_key()?;
        let secret = CurveSecretKey::from(*cookie.take()?);

        self.theirs.next(number, INITIATE)?;
        let key = agree(&transient, &secret, HELLO)?;
        let opened = open(&key, &short_nonce(b"CurveZMQINITIATE", number), sealed, INITIATE)?;
        let mut fields = Fields { command: INITIATE, data: &opened };
        let client = fields.take_key()?;
        let vouch = fields.take::<VOUCH_BYTES>()?;
        let metadata = Metadata::decode(fields.data)?;

        let mut vouch = Fields { command: INITIATE, data: vouch };
        let nonce = long_nonce(b"VOUCH---", vouch.take()?);
        let vouched = open(&agree(&client, &secret, INITIATE)?, &nonce, vouch.data, VOUCH)?;
        let mut vouched = Fields { command: INITIATE, data: &vouched };
        if !equal(vouched.take_key()?.as_bytes(), transient.as_bytes()) {
            return Err(PeerMisbehaved::VouchForAnother("connection"));
        }
        // libzmq does not look at it; but a vouch for another server may have been made for that one.
        if !equal(vouched.take_key()?.as_bytes(), config.public.as_bytes()) {
            return Err(PeerMisbehaved::VouchForAnother("server"));
        }
        Ok(Initiated { client, metadata, key, theirs: self.theirs })
    }
}

/// The client has proved that it holds the secret key to `client`.
#[derive(Debug)]
struct Initiated {
    client: CurvePublicKey,
    metadata: Metadata,
    /// For boxes between S' and C'.
    key: BoxKey,
    theirs: Rising,
}

impl Initiated {
    /// RFC 26, "The READY Command": at least 30 octets.
    fn ready(self, ours: &Metadata, commands: &mut Commands<'_>) -> Complete {
        let nonce = short_nonce(b"CurveZMQREADY---", READY_NUMBER);
        let sealed = seal(&self.key, &nonce, &[&ours.to_bytes()]);
        commands.send(READY, &[&READY_NUMBER.to_be_bytes(), &sealed]);
        let protection = message::server_protection(self.key, FIRST_MESSAGE_NUMBER, self.theirs);
        Complete { metadata: self.metadata, protection: Some(protection) }
    }
}
