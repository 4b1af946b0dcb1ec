//! How long what is queued for a peer may still go out after the socket is done with it.

use seaworthy_core::Instant;
use seaworthy_core::planted::{Bug, planted};

/// The linger period of one endpoint's pipe.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Linger {
    /// The socket wants the peer.
    #[default]
    NotBegun,
    /// Until then.
    Until(Instant),
    /// Until everything went out.
    Forever,
}

impl Linger {
    /// Begins; `None` is forever.
    pub(super) fn begin(until: Option<Instant>) -> Self {
        match until {
            Some(_) if planted(Bug::LingerIgnored) => Self::Forever,
            Some(until) => Self::Until(until),
            None => Self::Forever,
        }
    }

    pub(super) const fn has_begun(self) -> bool {
        !matches!(self, Self::NotBegun)
    }

    /// When to stop waiting for what is queued to go out.
    pub(super) const fn deadline(self) -> Option<Instant> {
        match self {
            Self::Until(deadline) => Some(deadline),
            Self::NotBegun | Self::Forever => None,
        }
    }
}
