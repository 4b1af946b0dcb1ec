//! NULL: each end sends a READY with its metadata (RFC 37, "The NULL Security Mechanism").
//!
//! RFC 37 wants the connecting end to speak first and the binding end to answer. Nobody does that: RFC 23 and
//! libzmq send READY at once at both ends, and so do we, which also saves half a round trip.

use seaworthy_core::SecretRandom;

use super::{Command, Commands, Complete, Handshake, Mechanism, Status};
use crate::authentication::Credentials;
use crate::error::Error;
use crate::metadata::Metadata;

/// Neither authentication nor confidentiality.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Null {
    /// Ask for a verdict on every peer, which has no credentials but its address, before anything is announced to it
    /// (RFC 27, "The NULL Mechanism"). Default false.
    pub authenticate: bool,
}

impl Null {
    /// NULL that asks for a verdict on every peer.
    pub const fn authenticating() -> Self {
        Self { authenticate: true }
    }
}

impl Mechanism for Null {
    fn name(&self) -> &str {
        "NULL"
    }

    fn start(&self, ours: Metadata, _: Option<&SecretRandom>) -> Result<Box<dyn Handshake>, Error> {
        Ok(Box::new(ExpectReady { ours, authenticate: self.authenticate }))
    }
}

/// The peer's READY is to come. Ours is sent, or waits for a verdict on the peer.
#[derive(Debug)]
struct ExpectReady {
    ours: Metadata,
    authenticate: bool,
}

impl Handshake for ExpectReady {
    fn begin(&mut self, commands: &mut Commands<'_>) -> Result<Status, Error> {
        if self.authenticate {
            return Ok(Status::AwaitVerdict(Credentials::new("NULL", [])));
        }
        self.handle_admission(commands)
    }

    fn handle_admission(&mut self, commands: &mut Commands<'_>) -> Result<Status, Error> {
        commands.ready(&self.ours);
        Ok(Status::AwaitCommand)
    }

    fn handle_command(&mut self, command: Command<'_>, _: &mut Commands<'_>) -> Result<Status, Error> {
        let metadata = Metadata::decode(command.require("READY")?)?;
        Ok(Status::Complete(Complete { metadata, protection: None }))
    }
}
