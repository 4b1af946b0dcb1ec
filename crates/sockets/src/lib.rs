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
//! | [`XPubSocket`] | every subscriber of the topic | notices of subscriptions, and XSUB peers in turn | drops (`xpub_nodrop`: waits) | |
//! | [`XSubSocket`] | every publisher | publishers in turn | drops | subscriptions: a 1 or a 0 and the topic |
//! | [`PairSocket`] | its one peer | its one peer | waits | none |

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod connections;
mod context;
mod error;
mod event;
mod inproc;
mod log;
pub mod low_level;
mod monitor;
mod outcome;
mod patterns;
mod peer_id;
mod peers;
mod pipe_item;
mod proxy;
mod race;
mod ready_set;
mod routing;
mod sink;
mod socket;
mod stream;
mod tasks;
mod timer;
mod transport;

#[cfg(feature = "compio")]
pub use seaworthy_core::CompioNetwork;
#[cfg(feature = "compio")]
pub use seaworthy_core::{CompioListener, CompioStream, Driver, runtime};

pub use bytes::Bytes;
pub use seaworthy_core::pipe::{HighWaterMarks, QueueDepth};
#[doc(no_inline)]
pub use seaworthy_core::{
    Endpoint, EndpointError, FRAME_IN_PLACE_MAX, FRAME_WEIGHT, FRAMES_PER_PLACE, Frame, Host, Instant,
    IpcPath, Listener, Message, Network, Options, PoisonGuard, Poisoned, Source, Stream, StreamOptions,
    ToEndpoint,
};
pub use seaworthy_zmtp::limits::{MESSAGE_BYTES_MAX, MESSAGE_FRAMES_MAX, TOPIC_LENGTH_MAX};
pub use seaworthy_zmtp::{ConnectionConfig, SocketType};

pub use crate::connections::ConnectionInfo;
pub use crate::context::{Context, ContextBuilder};
pub use crate::error::{Error, LeftUnsent, TrySendError};
pub use crate::event::{ConnectionId, Event};
pub use crate::inproc::{InprocEndpoint, InprocPipe};
pub use crate::log::{WARNING_PERIOD, WARNINGS_MAX};
pub use crate::monitor::{MONITOR_EVENTS_MAX, Monitor};
pub use crate::patterns::{
    Dealer, Pair, Pub, Pull, Push, Rep, Req, Router, Sub, TOPIC_BYTES_MAX, TOPICS_MAX, XPub, XSub,
};
pub use crate::proxy::{
    Controls, Forwards, Mode, PROXY_BATCH, Proxy, ProxyError, ProxyHandle, RelayStep, Side, Statistics,
    Traffic, proxy,
};
pub use crate::sink::MessageSink;
pub use crate::socket::{Queued, Socket};
pub use crate::stream::MessageStream;
pub use crate::timer::{Interval, Sleep};
pub use crate::transport::PENDING_HANDSHAKES_MAX;

/// The code of this package's README compiles and runs. That of the pages in docs/ does so in `examples/bank`.
#[cfg(all(doctest, feature = "compio"))]
#[doc = include_str!("../README.md")]
struct Readme;

/// Names each socket type, with the real network as its default.
macro_rules! socket_types {
    ($($(#[$doc:meta])* $name:ident = $pattern:ident;)*) => {$(
        $(#[$doc])*
        #[cfg(feature = "compio")]
        pub type $name<N = CompioNetwork> = Socket<$pattern, N>;
        $(#[$doc])*
        #[cfg(not(feature = "compio"))]
        pub type $name<N> = Socket<$pattern, N>;
    )*};
}

socket_types! {
    /// Gives messages to PULL peers in turn, and waits while none has room (RFC 30).
    PushSocket = Push;
    /// Takes messages from PUSH peers in turn (RFC 30).
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
    /// As PUB, and receives notice of subscriptions, and what XSUB peers send (RFC 29).
    XPubSocket = XPub;
    /// As SUB, and sends to its publishers (RFC 29).
    XSubSocket = XSub;
    /// Talks to one peer and to nobody else (RFC 31).
    PairSocket = Pair;
}
