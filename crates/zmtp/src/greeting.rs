//! The greeting: 64 octets each way that agree on a version and a security mechanism.
//!
//! ```text
//! 0     1 .. 8   9     10      11      12 .. 31    32         33 .. 63
//! +----+-------+----+-------+-------+-----------+-----------+--------+
//! | FF |padding| 7F | major | minor | mechanism | as-server | filler |
//! +----+-------+----+-------+-------+-----------+-----------+--------+
//! ```
//!
//! RFC 37, "Version Negotiation": we send the signature and our major version, look at the peer's, and only then
//! send the rest.

use crate::error::PeerIncompatible;
use crate::version::Version;

/// Octets of a greeting.
pub(crate) const GREETING_BYTES: usize = 64;
/// Octets that go out first: the signature and the major version.
pub(crate) const FIRST_BYTES: usize = 11;

/// Octets of a name of a mechanism.
pub(crate) const MECHANISM_BYTES: usize = 20;
const SIGNATURE_LAST: usize = 9;
const MAJOR: usize = 10;
const MINOR: usize = 11;
const MECHANISM: std::ops::Range<usize> = 12..12 + MECHANISM_BYTES;
const AS_SERVER: usize = MECHANISM.end;

/// A name of a mechanism, padded with zeros.
pub(crate) type MechanismName = [u8; MECHANISM_BYTES];

/// A name without the zeros that pad it.
pub(crate) fn unpadded(name: &MechanismName) -> &[u8] {
    let end = name.iter().rposition(|octet| *octet != 0).map_or(0, |last| last + 1);
    name.get(..end).unwrap_or(name)
}

/// What a greeting says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Greeting {
    pub(crate) version: Version,
    pub(crate) mechanism: MechanismName,
    /// The sender is the server, in a mechanism that has one.
    pub(crate) as_server: bool,
}

impl Greeting {
    /// The octets that announce this; padding and filler are zero.
    pub(crate) fn encode(self) -> [u8; GREETING_BYTES] {
        let mut octets = [0; GREETING_BYTES];
        octets[0] = 0xff;
        octets[SIGNATURE_LAST] = 0x7f;
        octets[MAJOR] = self.version.major;
        octets[MINOR] = self.version.minor;
        octets[MECHANISM].copy_from_slice(&self.mechanism);
        octets[AS_SERVER] = u8::from(self.as_server);
        octets
    }

    /// Reads all 64 octets of a greeting that [`peek_version`] found nothing wrong with. The filler
    /// is not looked at.
    pub(crate) fn decode(octets: &[u8; GREETING_BYTES]) -> Self {
        let mut mechanism = [0; MECHANISM_BYTES];
        mechanism.copy_from_slice(&octets[MECHANISM]);
        let version = Version { major: octets[MAJOR], minor: octets[MINOR] };
        Self { version, mechanism, as_server: octets[AS_SERVER] == 1 }
    }
}

/// Looks at the beginning of a greeting as far as it is there, and says whether the major version is. The
/// padding is not looked at: RFC 37, "MUST NOT validate this nor interpret it in any way whatsoever".
///
/// A peer older than 3.0 is recognised from its first octet that cannot be ours, because it may wait for us to
/// answer before it sends another:
/// - ZMTP 1.0 begins with the length of its identity: not FF, or FF and a length whose last bit is zero;
/// - ZMTP 2.0 says 1 or 2 where we expect the major version.
pub(crate) fn peek_version(input: &[u8]) -> Result<bool, PeerIncompatible> {
    match input.first() {
        Some(0xff) | None => {}
        Some(&octet) => return Err(PeerIncompatible::NotZmtp { index: 0, octet }),
    }
    match input.get(SIGNATURE_LAST) {
        Some(&octet) if octet & 1 == 0 => {
            return Err(PeerIncompatible::NotZmtp { index: SIGNATURE_LAST, octet });
        }
        _ => {}
    }
    match input.get(MAJOR) {
        // "A peer MUST accept higher protocol versions as valid."
        Some(&major) => PeerIncompatible::unless_served(Version { major, minor: 0 }).map(|()| true),
        None => Ok(false),
    }
}
