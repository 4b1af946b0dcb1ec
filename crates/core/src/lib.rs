//! The rooms of Seaworthy that know no protocol: the [`Network`] seam, [`Endpoint`]s, [`Message`]s,
//! [`Options`] and pipes. Users import the crate `seaworthy`, which re-exports what they need.
//!
//! Nothing in here knows ZMTP, and only `network/compio.rs` knows an operating system.

#![forbid(unsafe_code)]

mod endpoint;
mod message;
mod network;
mod options;
mod poison;
mod time;

pub use endpoint::{Endpoint, EndpointError, Host, INPROC_NAME_MAX, IPC_PATH_MAX, IpcPath, ToEndpoint};
pub use message::Message;
#[cfg(feature = "compio")]
pub use network::{CompioListener, CompioNetwork, CompioStream};
pub use network::{Listener, Network, Stream};
pub use options::{Options, StreamOptions};
pub use poison::{PoisonGuard, Poisoned};
pub use time::Instant;
