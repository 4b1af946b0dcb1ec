//! The socket types a peer can announce, and which of them may talk to each other.

use std::fmt;

/// A socket type, by its name in RFC 37, "The Socket-Type Property".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(clippy::exhaustive_enums, reason = "a match on it should not compile when a type is added")]
pub enum SocketType {
    /// PAIR (RFC 31).
    Pair,
    /// PUB (RFC 29).
    Pub,
    /// SUB (RFC 29).
    Sub,
    /// REQ (RFC 28).
    Req,
    /// REP (RFC 28).
    Rep,
    /// DEALER (RFC 28).
    Dealer,
    /// ROUTER (RFC 28).
    Router,
    /// PULL (RFC 30).
    Pull,
    /// PUSH (RFC 30).
    Push,
    /// XPUB (RFC 29).
    XPub,
    /// XSUB (RFC 29).
    XSub,
}

impl SocketType {
    /// Every socket type.
    pub const ALL: [Self; 11] = [
        Self::Pair,
        Self::Pub,
        Self::Sub,
        Self::Req,
        Self::Rep,
        Self::Dealer,
        Self::Router,
        Self::Pull,
        Self::Push,
        Self::XPub,
        Self::XSub,
    ];

    /// The name that goes on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pair => "PAIR",
            Self::Pub => "PUB",
            Self::Sub => "SUB",
            Self::Req => "REQ",
            Self::Rep => "REP",
            Self::Dealer => "DEALER",
            Self::Router => "ROUTER",
            Self::Pull => "PULL",
            Self::Push => "PUSH",
            Self::XPub => "XPUB",
            Self::XSub => "XSUB",
        }
    }

    /// The type with this name on the wire. The value of a property is opaque, so its case counts.
    pub fn from_name(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|socket_type| socket_type.name().as_bytes() == name)
    }

    /// Whether a socket of this type accepts a peer of type `peer`. Symmetric.
    pub const fn can_talk_to(self, peer: Self) -> bool {
        match self {
            Self::Pair => matches!(peer, Self::Pair),
            Self::Pub | Self::XPub => matches!(peer, Self::Sub | Self::XSub),
            Self::Sub | Self::XSub => matches!(peer, Self::Pub | Self::XPub),
            Self::Req => matches!(peer, Self::Rep | Self::Router),
            Self::Rep => matches!(peer, Self::Req | Self::Dealer),
            Self::Dealer => matches!(peer, Self::Rep | Self::Dealer | Self::Router),
            Self::Router => matches!(peer, Self::Req | Self::Dealer | Self::Router),
            Self::Pull => matches!(peer, Self::Push),
            Self::Push => matches!(peer, Self::Pull),
        }
    }

    /// Whether a socket of this type announces its routing id, even an empty one.
    pub(crate) const fn announces_routing_id(self) -> bool {
        matches!(self, Self::Req | Self::Dealer | Self::Router)
    }

    /// Whether a socket of this type takes subscriptions.
    pub(crate) const fn is_publisher(self) -> bool {
        matches!(self, Self::Pub | Self::XPub)
    }

    /// Whether a socket of this type makes subscriptions.
    pub(crate) const fn is_subscriber(self) -> bool {
        matches!(self, Self::Sub | Self::XSub)
    }
}

impl fmt::Display for SocketType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
