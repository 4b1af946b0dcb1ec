//! Whether a peer may connect: what it shows, and the verdict on it (RFC 27).

use std::fmt;

use bytes::Bytes;
use seaworthy_core::CurvePublicKey;

use crate::metadata::Metadata;

/// What a peer shows to be admitted: the mechanism and the credentials of RFC 27.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Credentials {
    /// The name of the mechanism.
    pub mechanism: String,
    /// None for NULL; username and password for PLAIN; the client's public key, 32 bytes, for CURVE; for other
    /// mechanisms whatever they present.
    pub frames: Vec<Bytes>,
}

impl Credentials {
    /// Of a mechanism with this name.
    pub fn new(mechanism: impl Into<String>, frames: impl IntoIterator<Item = Bytes>) -> Self {
        Self { mechanism: mechanism.into(), frames: frames.into_iter().collect() }
    }

    /// Username and password, if the mechanism is PLAIN. Compare the password in constant time.
    pub fn plain(&self) -> Option<(&[u8], &[u8])> {
        match (&self.mechanism[..], &self.frames[..]) {
            ("PLAIN", [username, password]) => Some((username, password)),
            _ => None,
        }
    }

    /// The client's public key, if the mechanism is CURVE. The client has proved that it holds the secret one.
    pub fn curve(&self) -> Option<CurvePublicKey> {
        match (&self.mechanism[..], &self.frames[..]) {
            ("CURVE", [key]) => <[u8; 32]>::try_from(&key[..]).ok().map(Into::into),
            _ => None,
        }
    }
}

impl fmt::Debug for Credentials {
    /// Without the frames, which may be a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let frames = format_args!("{} frames", self.frames.len()).to_string();
        f.debug_struct("Credentials").field("mechanism", &self.mechanism).field("frames", &frames).finish()
    }
}

/// What becomes of a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "RFC 27 has no other status codes")]
pub enum Verdict {
    /// It may connect (status 200).
    Admitted {
        /// The name of the user, for the application: [`Peer::user_id`](crate::Peer::user_id). May be empty.
        user_id: Bytes,
        /// More about the user: [`Peer::user_metadata`](crate::Peer::user_metadata).
        metadata: Metadata,
    },
    /// It may not.
    Refused(Refusal),
}

impl Verdict {
    /// Admits a peer of which nothing is known.
    pub fn admitted() -> Self {
        Self::Admitted { user_id: Bytes::new(), metadata: Metadata::default() }
    }
}

/// Why a peer may not connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(clippy::exhaustive_enums, reason = "RFC 27 has no other status codes")]
pub enum Refusal {
    /// Nobody could say, for now (status 300). The peer is not told, and may try again.
    #[error("there is no verdict on it for now (300)")]
    Temporary,
    /// It is not who it says, or not wanted (status 400).
    #[error("its credentials are not accepted (400)")]
    Denied,
    /// Whatever should say has failed (status 500).
    #[error("authentication has failed (500)")]
    Internal,
}

impl Refusal {
    /// What ERROR says to the peer. "300" closes without a word: it is no reason not to try again, and ERROR would be.
    pub(crate) const fn wire_reason(self) -> Option<&'static str> {
        match self {
            Self::Temporary => None,
            Self::Denied => Some("400"),
            Self::Internal => Some("500"),
        }
    }
}
