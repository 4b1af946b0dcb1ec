//! PLAIN: the client says a username and a password, in clear text, and the server has them judged (RFC 24).
//!
//! ```text
//! client                             server
//! HELLO username password  ------->  (verdict)
//!                          <-------  WELCOME, or ERROR
//! INITIATE metadata        ------->
//!                          <-------  READY metadata
//! ```

use std::fmt;

use bytes::Bytes;
use seaworthy_core::{Password, SecretRandom};

use super::{Command, Commands, Complete, Handshake, Mechanism, Status};
use crate::authentication::Credentials;
use crate::error::{Error, PeerMisbehaved};
use crate::metadata::Metadata;

const PLAIN: &str = "PLAIN";
const HELLO: &str = "HELLO";
const WELCOME: &str = "WELCOME";
const INITIATE: &str = "INITIATE";
const READY: &str = "READY";

/// The end that says who it is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PlainClient {
    username: Bytes,
    password: Password,
}

impl PlainClient {
    /// A client with this name and password. `None` if one of them has more than 255 bytes, the most that HELLO can
    /// carry.
    pub fn new(username: impl Into<Bytes>, password: impl Into<Password>) -> Option<Self> {
        let (username, password) = (username.into(), password.into());
        let fits = |bytes: &[u8]| u8::try_from(bytes.len()).is_ok();
        (fits(&username) && fits(password.expose())).then_some(Self { username, password })
    }
}

impl Mechanism for PlainClient {
    fn name(&self) -> &str {
        PLAIN
    }

    fn start(&self, ours: Metadata, _: Option<&SecretRandom>) -> Result<Box<dyn Handshake>, Error> {
        Ok(Box::new(Client::ExpectWelcome(ExpectWelcome { config: self.clone(), ours })))
    }
}

/// The client's side of a handshake.
#[derive(Debug)]
enum Client {
    ExpectWelcome(ExpectWelcome),
    ExpectReady,
}

/// HELLO is sent.
#[derive(Debug)]
struct ExpectWelcome {
    config: PlainClient,
    ours: Metadata,
}

impl Handshake for Client {
    fn begin(&mut self, commands: &mut Commands<'_>) -> Result<Status, Error> {
        // RFC 24: `hello = command-size %d5 "HELLO" username password`, each with its length in one octet.
        if let Self::ExpectWelcome(ExpectWelcome { config, .. }) = self {
            let length = |bytes: &[u8]| [u8::try_from(bytes.len()).unwrap_or(u8::MAX)];
            let (username, password) = (&config.username[..], config.password.expose());
            commands.send(HELLO, &[&length(username), username, &length(password), password]);
        }
        Ok(Status::AwaitCommand)
    }

    fn handle_command(&mut self, command: Command<'_>, commands: &mut Commands<'_>) -> Result<Status, Error> {
        match self {
            Self::ExpectWelcome(ExpectWelcome { ours, .. }) => {
                // RFC 24: `welcome = command-size %d7 "WELCOME"`.
                if !command.require(WELCOME)?.is_empty() {
                    return Err(malformed(WELCOME, "it has data").into());
                }
                // RFC 24: `initiate = command-size %d8 "INITIATE" metadata`.
                commands.send(INITIATE, &[&ours.to_bytes()]);
                *self = Self::ExpectReady;
                Ok(Status::AwaitCommand)
            }
            Self::ExpectReady => {
                let metadata = Metadata::decode(command.require(READY)?)?;
                Ok(Status::Complete(Complete { metadata, protection: None }))
            }
        }
    }

    /// RFC 24 has ERROR from the server only.
    fn may_send_error(&self) -> bool {
        false
    }
}

/// The end that has clients judged. Every client needs a verdict: a server without one admits nobody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlainServer;

impl Mechanism for PlainServer {
    fn name(&self) -> &str {
        PLAIN
    }

    fn is_server(&self) -> bool {
        true
    }

    fn start(&self, ours: Metadata, _: Option<&SecretRandom>) -> Result<Box<dyn Handshake>, Error> {
        Ok(Box::new(Server { ours, awaited: Awaited::Hello }))
    }
}

/// The server's side of a handshake.
struct Server {
    ours: Metadata,
    awaited: Awaited,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaited {
    Hello,
    /// On the credentials. No command comes meanwhile.
    Verdict,
    /// WELCOME is sent.
    Initiate,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("awaited", &self.awaited).finish_non_exhaustive()
    }
}

impl Handshake for Server {
    fn begin(&mut self, _: &mut Commands<'_>) -> Result<Status, Error> {
        Ok(Status::AwaitCommand)
    }

    fn handle_command(&mut self, command: Command<'_>, commands: &mut Commands<'_>) -> Result<Status, Error> {
        match self.awaited {
            Awaited::Hello => {
                let (username, password) = credentials(command.require(HELLO)?)?;
                self.awaited = Awaited::Verdict;
                let frames = [username, password].map(Bytes::copy_from_slice);
                Ok(Status::AwaitVerdict(Credentials::new(PLAIN, frames)))
            }
            Awaited::Initiate => {
                let metadata = Metadata::decode(command.require(INITIATE)?)?;
                // RFC 24: `ready = command-size %d5 "READY" metadata`.
                commands.ready(&self.ours);
                Ok(Status::Complete(Complete { metadata, protection: None }))
            }
            Awaited::Verdict => {
                Err(PeerMisbehaved::UnexpectedCommand { name: command.printable_name() }.into())
            }
        }
    }

    fn handle_admission(&mut self, commands: &mut Commands<'_>) -> Result<Status, Error> {
        commands.send(WELCOME, &[]);
        self.awaited = Awaited::Initiate;
        Ok(Status::AwaitCommand)
    }
}

/// RFC 24: `username = OCTET *VCHAR`, `password = OCTET *VCHAR`, and nothing behind them.
fn credentials(data: &[u8]) -> Result<(&[u8], &[u8]), PeerMisbehaved> {
    let (username, rest) = prefixed(data).ok_or_else(|| malformed(HELLO, "the username is cut short"))?;
    let (password, rest) = prefixed(rest).ok_or_else(|| malformed(HELLO, "the password is cut short"))?;
    if !rest.is_empty() {
        return Err(malformed(HELLO, "something follows the password"));
    }
    Ok((username, password))
}

/// A string with its length in one octet, and what follows it.
fn prefixed(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = data.split_first()?;
    rest.split_at_checked(usize::from(*length))
}

fn malformed(name: &str, reason: &'static str) -> PeerMisbehaved {
    PeerMisbehaved::MalformedCommand { name: name.to_owned(), reason }
}
