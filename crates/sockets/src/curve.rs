//! Keys for CURVE: made, printed and read.
//!
//! ```
//! # #[cfg(all(feature = "compio", feature = "curve"))] {
//! use seaworthy::curve::{CurvePublicKey, SecretRandom, curve_keypair};
//! use seaworthy::{Context, Options, PullSocket, PushSocket};
//!
//! # fn doc() -> Result<(), Box<dyn std::error::Error>> {
//! let context = Context::new();
//! let random = SecretRandom::from_network(context.network());
//! let (server_public, server_secret) = curve_keypair(&random)?;
//! let (_, client_secret) = curve_keypair(&random)?;
//!
//! let server = Options::default().curve_server(true).curve_secretkey(server_secret);
//! let pull = PullSocket::with_options(&context, server)?;
//! // A client knows the server's public key, as text for instance, and has a secret key of its own.
//! let known: CurvePublicKey = server_public.to_string().parse()?;
//! let client = Options::default().curve_serverkey(known).curve_secretkey(client_secret);
//! let push = PushSocket::with_options(&context, client)?;
//! # Ok(()) }
//! # doc().unwrap();
//! # }
//! ```

#[doc(no_inline)]
pub use seaworthy_core::{
    CURVE_KEY_BYTES, CurveKeyError, CurvePublicKey, CurveSecretKey, SecretRandom, Z85Error, z85_decode,
    z85_encode,
};
#[cfg(feature = "curve")]
pub use seaworthy_zmtp::mechanism::{curve_keypair, curve_public};
