//! CURVE: both ends prove that they hold their secret keys, and everything after that is encrypted and authenticated
//! (RFC 25, and RFC 26 for what the commands hold).
//!
//! ```text
//! client, knows S                                 server, holds s
//! HELLO     C', box[64 zeros](C'->S)   ------->   proves nothing; costs the server two multiplications
//!                                      <-------   WELCOME   box[S', cookie](S->C')
//! INITIATE  cookie,
//!           box[C, vouch, metadata](C'->S')
//!           vouch = box[C', S](C->S')  ------->   (verdict on C)
//!                                      <-------   READY     box[metadata](S'->C')
//! MESSAGE   box[flags, body](C'->S')   <------>   MESSAGE   box[flags, body](S'->C')
//! ```
//!
//! S and C are the permanent keys, S' and C' are made for one connection; small letters are the secret halves. Every box
//! has its nonce: sixteen random bytes for those of permanent keys, a number that rises for the others, across handshake
//! and messages alike. Nothing in here says why a box does not open: whoever sent it learns nothing from the answer,
//! since there is none.

mod client;
mod message;
mod nacl;
mod server;

use seaworthy_core::{CURVE_KEY_BYTES, CurvePublicKey, CurveSecretKey, SecretRandom};
use zeroize::Zeroizing;

use super::{Handshake, Mechanism};
use crate::error::{ApiMisuse, Error, PeerMisbehaved};
use crate::metadata::Metadata;
use nacl::{BoxKey, TAG_BYTES};

const CURVE: &str = "CURVE";
const HELLO: &str = "HELLO";
const WELCOME: &str = "WELCOME";
const INITIATE: &str = "INITIATE";
const READY: &str = "READY";
const COOKIE: &str = "the cookie in INITIATE";
const VOUCH: &str = "the vouch in INITIATE";

/// RFC 26: `hello-version = %x1 %x0`.
const VERSION: [u8; 2] = [1, 0];
/// What makes HELLO larger than WELCOME. RFC 26 says 72 in its grammar and 70 in its text; on the wire it is 72.
const PADDING_BYTES: usize = 72;
/// What HELLO proves itself with: zeros, in a box.
const SIGNATURE_BYTES: usize = 64;
/// A nonce as far as it is sent with boxes of permanent keys.
const LONG_NONCE_BYTES: usize = 16;
/// A cookie: its nonce, and C' and s' in a box.
const COOKIE_BYTES: usize = LONG_NONCE_BYTES + TAG_BYTES + 2 * CURVE_KEY_BYTES;
/// A vouch: its nonce, and C' and S in a box.
const VOUCH_BYTES: usize = LONG_NONCE_BYTES + TAG_BYTES + 2 * CURVE_KEY_BYTES;

/// A new key pair, as `curve_keypair` of libzmq.
///
/// # Errors
/// There are no random bytes to be had.
pub fn curve_keypair(random: &SecretRandom) -> std::io::Result<(CurvePublicKey, CurveSecretKey)> {
    let mut secret = Zeroizing::new([0; CURVE_KEY_BYTES]);
    random.fill(&mut *secret)?;
    let secret = CurveSecretKey::from(*secret);
    Ok((curve_public(&secret), secret))
}

/// The public key that belongs to a secret one, as `curve_public` of libzmq.
pub fn curve_public(secret: &CurveSecretKey) -> CurvePublicKey {
    nacl::public_key(secret)
}

/// The end that knows the server's public key, and proves that it holds a secret key of its own.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CurveClient {
    server: CurvePublicKey,
    public: CurvePublicKey,
    secret: CurveSecretKey,
}

impl CurveClient {
    /// A client of the server with the public key `server`, with a secret key of its own.
    pub fn new(server: CurvePublicKey, secret: CurveSecretKey) -> Self {
        Self { server, public: curve_public(&secret), secret }
    }
}

impl Mechanism for CurveClient {
    fn name(&self) -> &str {
        CURVE
    }

    fn start(&self, ours: Metadata, random: Option<&SecretRandom>) -> Result<Box<dyn Handshake>, Error> {
        let random = random.ok_or(ApiMisuse::NoSecretRandom { mechanism: CURVE })?;
        Ok(Box::new(client::Client::start(self, ours, random)?))
    }
}

/// The end that proves that it holds the secret key that its clients know the public one of.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CurveServer {
    public: CurvePublicKey,
    secret: CurveSecretKey,
    authenticate: bool,
}

impl CurveServer {
    /// A server with this secret key. It admits every client that knows its public key ("Stonehouse"): encryption
    /// without authentication of clients.
    pub fn new(secret: CurveSecretKey) -> Self {
        Self { public: curve_public(&secret), secret, authenticate: false }
    }

    /// The same server, which asks for a verdict on the public key of every client.
    #[must_use]
    pub fn authenticating(mut self) -> Self {
        self.authenticate = true;
        self
    }
}

impl Mechanism for CurveServer {
    fn name(&self) -> &str {
        CURVE
    }

    fn is_server(&self) -> bool {
        true
    }

    fn start(&self, ours: Metadata, random: Option<&SecretRandom>) -> Result<Box<dyn Handshake>, Error> {
        let random = random.ok_or(ApiMisuse::NoSecretRandom { mechanism: CURVE })?;
        Ok(Box::new(server::Server::start(self, ours, random)?))
    }
}

/// Random bytes for a key or a nonce.
fn draw<const N: usize>(random: &SecretRandom) -> Result<Zeroizing<[u8; N]>, Error> {
    let mut bytes = Zeroizing::new([0; N]);
    random.fill(&mut *bytes).map_err(|error| Error::NoRandomness(error.kind()))?;
    Ok(bytes)
}

/// A secret key for one connection.
fn draw_key(random: &SecretRandom) -> Result<CurveSecretKey, Error> {
    Ok(CurveSecretKey::from(*draw(random)?))
}

/// The nonce of a box of a permanent key.
fn long_nonce(prefix: &[u8; 8], rest: &[u8; LONG_NONCE_BYTES]) -> nacl::Nonce {
    let mut nonce = [0; nacl::NONCE_BYTES];
    nonce[..8].copy_from_slice(prefix);
    nonce[8..].copy_from_slice(rest);
    nonce
}

/// The nonce of a box of keys of one connection.
fn short_nonce(prefix: &[u8; 16], number: u64) -> nacl::Nonce {
    let mut nonce = [0; nacl::NONCE_BYTES];
    nonce[..16].copy_from_slice(prefix);
    nonce[16..].copy_from_slice(&number.to_be_bytes());
    nonce
}

/// The key that only the holders of these two keys know.
fn agree(
    public: &CurvePublicKey,
    secret: &CurveSecretKey,
    command: &'static str,
) -> Result<BoxKey, PeerMisbehaved> {
    BoxKey::agree(public, secret).ok_or(PeerMisbehaved::LowOrderKey { command })
}

/// Seals what is put together from `parts`.
fn seal(key: &BoxKey, nonce: &nacl::Nonce, parts: &[&[u8]]) -> Vec<u8> {
    let mut sealed = Vec::with_capacity(TAG_BYTES + parts.iter().map(|part| part.len()).sum::<usize>());
    sealed.resize(TAG_BYTES, 0);
    for part in parts {
        sealed.extend_from_slice(part);
    }
    let (tag, body) = sealed.split_at_mut(TAG_BYTES);
    tag.copy_from_slice(&key.seal(nonce, body));
    sealed
}

/// What is in a box.
fn open(
    key: &BoxKey,
    nonce: &nacl::Nonce,
    sealed: &[u8],
    command: &'static str,
) -> Result<Zeroizing<Vec<u8>>, PeerMisbehaved> {
    let (tag, body) = sealed.split_first_chunk().ok_or(PeerMisbehaved::Unopenable { command })?;
    let mut body = Zeroizing::new(body.to_vec());
    key.open(nonce, tag, &mut body).map_err(|nacl::Forged| PeerMisbehaved::Unopenable { command })?;
    Ok(body)
}

/// The numbers of the peer's nonces. RFC 26: "The server SHALL verify that a client connection does use correctly
/// incrementing short nonces, and SHALL disconnect clients that reuse a short nonce", and the same of the client.
#[derive(Clone, Copy, Debug, Default)]
struct Rising {
    last: Option<u64>,
}

impl Rising {
    fn next(&mut self, number: u64, command: &'static str) -> Result<(), PeerMisbehaved> {
        match self.last {
            Some(last) if number <= last => {
                Err(PeerMisbehaved::NonceNotRising { command, nonce: number, last })
            }
            _ => {
                self.last = Some(number);
                Ok(())
            }
        }
    }
}

/// Fields at the front of a command's data.
struct Fields<'a> {
    command: &'static str,
    data: &'a [u8],
}

impl<'a> Fields<'a> {
    fn take<const N: usize>(&mut self) -> Result<&'a [u8; N], PeerMisbehaved> {
        let (field, rest) = self.data.split_first_chunk().ok_or_else(|| self.malformed("it is too short"))?;
        self.data = rest;
        Ok(field)
    }

    fn take_number(&mut self) -> Result<u64, PeerMisbehaved> {
        self.take().map(|octets| u64::from_be_bytes(*octets))
    }

    fn take_key(&mut self) -> Result<CurvePublicKey, PeerMisbehaved> {
        self.take().map(|octets| CurvePublicKey::from(*octets))
    }

    /// Nothing follows.
    fn end(&self) -> Result<(), PeerMisbehaved> {
        if self.data.is_empty() { Ok(()) } else { Err(self.malformed("it is too long")) }
    }

    fn malformed(&self, reason: &'static str) -> PeerMisbehaved {
        PeerMisbehaved::MalformedCommand { name: self.command.to_owned(), reason }
    }
}
