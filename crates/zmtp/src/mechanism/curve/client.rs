//! The client's side of the handshake.

use seaworthy_core::{CurvePublicKey, CurveSecretKey, SecretRandom};
use zeroize::Zeroizing;

use super::nacl::BoxKey;
use super::{
    COOKIE_BYTES, CurveClient, Fields, HELLO, INITIATE, LONG_NONCE_BYTES, PADDING_BYTES, READY, Rising,
    SIGNATURE_BYTES, VERSION, WELCOME, agree, curve_public, draw, draw_key, long_nonce, message, open, seal,
    short_nonce,
};
use crate::error::{Error, PeerMisbehaved};
use crate::mechanism::{Command, Commands, Complete, Handshake, Status};
use crate::metadata::Metadata;

/// The numbers of the client's nonces: HELLO, INITIATE, and then one for each MESSAGE.
const HELLO_NUMBER: u64 = 1;
const INITIATE_NUMBER: u64 = 2;
const FIRST_MESSAGE_NUMBER: u64 = 3;

#[derive(Debug)]
pub(super) enum Client {
    ExpectWelcome(Box<ExpectWelcome>),
    ExpectReady(ExpectReady),
    /// It is complete, or has failed.
    Over,
}

impl Client {
    pub(super) fn start(config: &CurveClient, ours: Metadata, random: &SecretRandom) -> Result<Self, Error> {
        // RFC 26: "The client SHALL generate a unique key pair for each connection".
        let secret = draw_key(random)?;
        Ok(Self::ExpectWelcome(Box::new(ExpectWelcome {
            to_server: BoxKey::agree(&config.server, &secret),
            config: config.clone(),
            ours,
            public: curve_public(&secret),
            secret,
            vouch_nonce: draw(random)?,
        })))
    }
}

impl Handshake for Client {
    fn begin(&mut self, commands: &mut Commands<'_>) -> Result<Status, Error> {
        if let Self::ExpectWelcome(state) = self {
            state.hello(commands)?;
        }
        Ok(Status::AwaitCommand)
    }

    fn handle_command(&mut self, command: Command<'_>, commands: &mut Commands<'_>) -> Result<Status, Error> {
        match std::mem::replace(self, Self::Over) {
            Self::ExpectWelcome(state) => {
                *self = Self::ExpectReady(state.welcome(command.require(WELCOME)?, commands)?);
                Ok(Status::AwaitCommand)
            }
            Self::ExpectReady(state) => Ok(Status::Complete(state.ready(command.require(READY)?)?)),
            Self::Over => Err(PeerMisbehaved::UnexpectedCommand { name: command.printable_name() }.into()),
        }
    }

    /// RFC 26: "A client peer SHALL NOT send ERROR to the server."
    fn may_send_error(&self) -> bool {
        false
    }
}

/// HELLO is sent.
#[derive(Debug)]
pub(super) struct ExpectWelcome {
    config: CurveClient,
    ours: Metadata,
    /// C'.
    public: CurvePublicKey,
    /// c'.
    secret: CurveSecretKey,
    /// For boxes between C' and S. `None` if S is of low order.
    to_server: Option<BoxKey>,
    vouch_nonce: Zeroizing<[u8; LONG_NONCE_BYTES]>,
}

impl ExpectWelcome {
    /// RFC 26, "The HELLO Command": 200 octets.
    fn hello(&self, commands: &mut Commands<'_>) -> Result<(), PeerMisbehaved> {
        let key = self.to_server()?;
        let nonce = short_nonce(b"CurveZMQHELLO---", HELLO_NUMBER);
        let signature = seal(key, &nonce, &[&[0; SIGNATURE_BYTES]]);
        let number = HELLO_NUMBER.to_be_bytes();
        commands.send(HELLO, &[&VERSION, &[0; PADDING_BYTES], self.public.as_bytes(), &number, &signature]);
        Ok(())
    }

    /// RFC 26, "The WELCOME Command": 168 octets. Answered by INITIATE, of 257 octets and the metadata.
    fn welcome(&self, data: &[u8], commands: &mut Commands<'_>) -> Result<ExpectReady, PeerMisbehaved> {
        let mut fields = Fields { command: WELCOME, data };
        let nonce = long_nonce(b"WELCOME-", fields.take()?);
        let sealed = fields.take::<144>()?;
        fields.end()?;
        let opened = open(self.to_server()?, &nonce, sealed, WELCOME)?;
        let mut fields = Fields { command: WELCOME, data: &opened };
        let server = fields.take_key()?;
        let cookie = fields.take::<COOKIE_BYTES>()?;

        let to_vouch = agree(&server, &self.config.secret, WELCOME)?;
        let vouch_nonce = long_nonce(b"VOUCH---", &self.vouch_nonce);
        let vouched: [&[u8]; 2] = [self.public.as_bytes(), self.config.server.as_bytes()];
        let vouch = seal(&to_vouch, &vouch_nonce, &vouched);

        let key = agree(&server, &self.secret, WELCOME)?;
        let nonce = short_nonce(b"CurveZMQINITIATE", INITIATE_NUMBER);
        let metadata = self.ours.to_bytes();
        let initiated: [&[u8]; 4] = [self.config.public.as_bytes(), &self.vouch_nonce[..], &vouch, &metadata];
        let sealed = seal(&key, &nonce, &initiated);
        commands.send(INITIATE, &[cookie, &INITIATE_NUMBER.to_be_bytes(), &sealed]);
        Ok(ExpectReady { key })
    }

    fn to_server(&self) -> Result<&BoxKey, PeerMisbehaved> {
        self.to_server.as_ref().ok_or(PeerMisbehaved::LowOrderKey { command: "curve_serverkey" })
    }
}

/// INITIATE is sent.
#[derive(Debug)]
pub(super) struct ExpectReady {
    /// For boxes between C' and S'.
    key: BoxKey,
}

impl ExpectReady {
    /// RFC 26, "The READY Command": at least 30 octets.
    fn ready(self, data: &[u8]) -> Result<Complete, PeerMisbehaved> {
        let mut fields = Fields { command: READY, data };
        let number = fields.take_number()?;
        let nonce = short_nonce(b"CurveZMQREADY---", number);
        let metadata = Metadata::decode(&open(&self.key, &nonce, fields.data, READY)?)?;
        let mut theirs = Rising::default();
        theirs.next(number, READY)?;
        let protection = message::client_protection(self.key, FIRST_MESSAGE_NUMBER, theirs);
        Ok(Complete { metadata, protection: Some(protection) })
    }
}
