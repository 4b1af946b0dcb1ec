//! Security mechanisms: what is exchanged between the greeting and the first message.
//!
//! A mechanism is one file and one variant in each of the enums here. It is fed the peer's commands, queues its
//! own, and ends with the peer's metadata.

mod null;

use crate::command::Command;
use crate::error::Error;
use crate::greeting::MechanismName;
use crate::metadata::Metadata;
use crate::transmit::Transmit;

use null::ExpectReady;

/// Which security mechanism a connection uses. Both ends must use the same: RFC 37, "Security in ZMTP is
/// *assertive*".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mechanism {
    /// Neither authentication nor confidentiality.
    #[default]
    Null,
}

impl Mechanism {
    /// The name in the greeting.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Null => "NULL",
        }
    }

    /// The name as the greeting carries it.
    pub(crate) fn padded_name(self) -> MechanismName {
        let mut padded = MechanismName::default();
        for (octet, of_name) in padded.iter_mut().zip(self.name().bytes()) {
            *octet = of_name;
        }
        padded
    }

    /// Begins the exchange, and announces `ours` when the mechanism says so.
    pub(crate) fn start(self, ours: &Metadata, transmit: &mut Transmit) -> Exchange {
        match self {
            Self::Null => Exchange::Null(ExpectReady::start(ours, transmit)),
        }
    }
}

/// An exchange under way.
#[derive(Debug)]
pub(crate) enum Exchange {
    Null(ExpectReady),
}

impl Exchange {
    /// Takes the peer's next command, and returns the peer's metadata when it was the last. A command that breaks
    /// off the exchange, ERROR, never comes here.
    pub(crate) fn handle_command(&mut self, command: Command<'_>) -> Result<Option<Metadata>, Error> {
        match self {
            Self::Null(state) => state.handle_command(command).map(Some),
        }
    }
}
