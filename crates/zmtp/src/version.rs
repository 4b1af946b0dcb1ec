//! Versions of ZMTP.

use std::fmt;

/// A version of ZMTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(clippy::exhaustive_structs, reason = "the greeting has room for nothing else")]
pub struct Version {
    /// 3 for every version that this library speaks.
    pub major: u8,
    /// 0 or 1, so far.
    pub minor: u8,
}

impl Version {
    /// ZMTP 3.0, RFC 23.
    pub const ZMTP_3_0: Self = Self { major: 3, minor: 0 };
    /// ZMTP 3.1, RFC 37: what we announce.
    pub const ZMTP_3_1: Self = Self { major: 3, minor: 1 };

    /// Whether subscriptions are commands. In 3.0 they are messages that begin with 1 or 0.
    pub fn has_subscription_commands(self) -> bool {
        self >= Self::ZMTP_3_1
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}
