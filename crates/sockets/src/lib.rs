//! ZeroMQ in Rust, proven in simulated storms before it meets a real network.
//!
//! Sockets behave as libzmq's and speak its protocol, ZMTP 3.1. They run on io_uring or epoll through compio, and the very
//! same code runs on the simulated network of `seaworthy-sim`.
//!
//! ```no_run
//! use seaworthy::{Context, PullSocket, PushSocket};
//!
//! # async fn doc() -> Result<(), seaworthy::Error> {
//! let context = Context::new();
//! let pull = PullSocket::new(&context)?;
//! let endpoint = pull.bind("tcp://127.0.0.1:*")?;
//! let push = PushSocket::new(&context)?;
//! push.connect(&endpoint)?;
//! push.send("hello").await?;
//! assert_eq!(pull.recv().await?.frame(0), Some(&b"hello"[..]));
//! # Ok(()) }
//! ```
//!
//! | type | sends to | receives from | without room or peer | envelope |
//! |---|---|---|---|---|
//! | [`PushSocket`] | peers in turn | | waits | |
//! | [`PullSocket`] | | peers in turn | | |
//! | [`DealerSocket`] | peers in turn | peers in turn | waits | none |
//! | [`RouterSocket`] | the peer that the first frame names | peers in turn | drops (`router_mandatory`: waits or fails) | routing id first |
//! | [`ReqSocket`] | peers in turn, then awaits the reply | the peer that got the request | waits | empty frame, hidden |
//! | [`RepSocket`] | the peer that asked | peers in turn | drops | hidden |
//! | [`PubSocket`] | every subscriber of the topic | | drops (`xpub_nodrop`: waits) | |
//! | [`SubSocket`] | | publishers in turn | | |
//! | [`XPubSocket`] | every subscriber of the topic | notifications of subscriptions, and XSUB peers in turn | drops (`xpub_nodrop`: waits) | |
//! | [`XSubSocket`] | every publisher | publishers in turn | drops | subscriptions: a 1 or a 0 and the topic |
//! | [`PairSocket`] | its one peer | its one peer | waits | none |

#![forbid(unsafe_code)]
#![warn(unnameable_types, unreachable_pub)]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod authentication;
mod context;
pub mod curve;
mod default_network;
mod error;
pub mod inproc;
pub mod limits;
mod log;
pub mod low_level;
pub mod monitor;
mod outcome;
pub mod patterns;
mod peer_id;
mod peers;
mod pipe_item;
pub mod proxy;
mod race;
mod ready_set;
mod routing;
mod sink;
mod socket;
mod stream;
mod tasks;
mod timer;
mod transport;

// Sockets: what they are made with, and what they do.
pub use crate::context::{Context, ContextBuilder};
pub use crate::error::{Error, LeftUnsent, TrySendError};
pub use crate::monitor::Monitor;
pub use crate::patterns::{Pattern, Receives, Sends, Subscribes};
pub use crate::proxy::{Proxy, proxy};
pub use crate::sink::MessageSink;
pub use crate::socket::{Queued, Socket};
pub use crate::stream::MessageStream;
pub use crate::timer::{Interval, Sleep};
pub use seaworthy_zmtp::SocketType;

// Options, endpoints and messages.
pub use bytes::Bytes;
pub use seaworthy_core::pipe::HighWaterMarks;
#[doc(no_inline)]
pub use seaworthy_core::{
    Endpoint, EndpointError, FRAME_IN_PLACE_MAX, FRAME_WEIGHT, FRAMES_PER_PLACE, Frame, Host, IpcPath,
    Message, Options, Password, Source, StreamOptions, ToEndpoint,
};

// Networks: what sockets run on.
pub use crate::default_network::DefaultNetwork;
#[cfg(not(feature = "compio"))]
pub use crate::default_network::NoNetwork;
#[cfg(feature = "compio")]
pub use seaworthy_core::{CompioListener, CompioNetwork, CompioStream, Driver, runtime};
#[doc(no_inline)]
pub use seaworthy_core::{Instant, Listener, Network, PoisonGuard, Poisoned, Stream};

/// The code of this package's README compiles and runs. That of the pages in docs/ does so in `examples/bank`.
#[cfg(all(doctest, feature = "compio"))]
#[doc = include_str!("../README.md")]
struct Readme;

/// Names each socket type.
macro_rules! socket_types {
    ($($(#[$doc:meta])* $name:ident = $pattern:ident;)*) => {$(
        $(#[$doc])*
        pub type $name<N = DefaultNetwork> = Socket<patterns::$pattern, N>;
    )*};
}

socket_types! {
    /// Sends to PULL peers in turn, and waits while none has room (RFC 30).
    PushSocket = Push;
    /// Receives from PUSH peers in turn (RFC 30).
    PullSocket = Pull;
    /// Sends to and receives from its peers in turn (RFC 28).
    DealerSocket = Dealer;
    /// Sends to the peer that the first frame names, and receives with the sender's name first (RFC 28).
    RouterSocket = Router;
    /// Sends a request and receives its reply, in lockstep (RFC 28).
    ReqSocket = Req;
    /// Receives a request and sends its reply, in lockstep (RFC 28).
    RepSocket = Rep;
    /// Sends to every subscriber of a message's topic (RFC 29).
    PubSocket = Pub;
    /// Receives the topics it subscribes to (RFC 29).
    SubSocket = Sub;
    /// As PUB; also receives notifications of subscriptions, and what XSUB peers send (RFC 29).
    XPubSocket = XPub;
    /// As SUB, and sends to its publishers (RFC 29).
    XSubSocket = XSub;
    /// Talks to one peer and to nobody else (RFC 31).
    PairSocket = Pair;
}
