//! NULL: each end sends a READY with its metadata (RFC 37, "The NULL Security Mechanism").
//!
//! RFC 37 wants the connecting end to speak first and the binding end to answer. Nobody does that: RFC 23 and
//! libzmq send READY at once at both ends, and so do we, which also saves half a round trip.

use crate::command::{self, Command};
use crate::error::{Error, PeerMisbehaved};
use crate::metadata::Metadata;
use crate::transmit::Transmit;

/// Our READY is sent, the peer's is to come.
#[derive(Debug)]
pub(crate) struct ExpectReady(());

impl ExpectReady {
    pub(super) fn start(ours: &Metadata, transmit: &mut Transmit) -> Self {
        command::ready(transmit, ours);
        Self(())
    }

    pub(super) fn handle_command(&self, command: Command<'_>) -> Result<Metadata, Error> {
        match command {
            Command::Ready(properties) => Ok(Metadata::decode(properties)?),
            other => Err(PeerMisbehaved::UnexpectedCommand { name: other.name() }.into()),
        }
    }
}
