//! The rooms of Seaworthy that know no protocol: the [`Network`] seam, [`Endpoint`]s, [`Message`]s of [`Frame`]s,
//! [`Options`], [pipes](pipe) and the [names](inproc) under which sockets meet. Users import the crate `seaworthy`, which re-exports what they need.
//!
//! Nothing in here knows ZMTP, and only `network/compio` knows an operating system.

#![deny(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod backoff;
mod curve_key;
mod doorbell;
mod endpoint;
mod frame;
mod frame_deque;
mod host;
pub mod inproc;
mod message;
mod network;
mod options;
mod password;
pub mod pipe;
#[doc(hidden)]
pub mod planted;
mod poison;
mod secret_random;
mod subscriptions;
mod sync;
mod time;
mod z85;

pub use backoff::{Backoff, FAULT_IVL_MAX, RECONNECT_IVL_MIN};
pub use curve_key::{CURVE_KEY_BYTES, CurveKeyError, CurvePublicKey, CurveSecretKey};
pub use doorbell::{Doorbell, Ring, waker_for_others};
pub use endpoint::{Endpoint, EndpointError, INPROC_NAME_MAX, IPC_PATH_MAX, IpcPath, ToEndpoint};
pub use frame::{FRAME_IN_PLACE_MAX, Frame};
pub use host::{Host, Source};
pub use message::{FRAME_WEIGHT, FRAMES_PER_PLACE, Message};
#[cfg(feature = "compio")]
pub use network::{CompioListener, CompioNetwork, CompioStream, Driver, runtime};
pub use network::{Listener, Network, Reachability, RuntimeId, Stream};
pub use options::{Options, StreamOptions};
pub use password::Password;
pub use poison::{PoisonGuard, Poisoned};
pub use secret_random::SecretRandom;
pub use subscriptions::{Held, Subscriptions};
pub use time::Instant;
pub use z85::{Z85Error, z85_decode, z85_encode};

/// The code of this package's README compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
