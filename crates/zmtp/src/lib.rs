//! ZMTP 3.1, the wire protocol of ZeroMQ ([RFC 37]), as pure state: no sockets, no clock, no async.
//!
//! A [`Connection`] is the protocol with one peer. Its driver owns the byte stream and the clock, and does this:
//!
//! ```
//! # use bytes::{Bytes, BytesMut};
//! # use seaworthy_core::{Instant, Message};
//! # use seaworthy_zmtp::{Connection, ConnectionConfig, Error, Event, SocketType};
//! # fn now() -> Instant { Instant::ZERO }
//! # fn main() -> Result<(), Error> {
//! let mut push = Connection::new(ConnectionConfig::new(SocketType::Push), now());
//! let mut pull = Connection::new(ConnectionConfig::new(SocketType::Pull), now());
//! # let (mut to_pull, mut to_push) = (BytesMut::new(), BytesMut::new());
//! # let mut received = Vec::new();
//! loop {
//!     // What waits goes out, in order. Here two connections are tied together; a driver writes to its stream.
//!     let mut segments = Vec::new();
//!     push.poll_transmit(&mut segments);
//!     # let idle = segments.is_empty();
//!     to_pull.extend(segments.drain(..).flatten());
//!     # pull.poll_transmit(&mut segments);
//!     # to_push.extend(segments.drain(..).flatten());
//!
//!     // What has come in is decoded event by event. Stopping here is back-pressure: the rest stays encoded.
//!     while let Some(event) = pull.handle_input(now(), &mut to_pull)? {
//!         if let Event::Message(message) = event {
//!             received.push(message);
//!         }
//!     }
//!     # if idle && received.len() == 1 { break }
//!     while let Some(event) = push.handle_input(now(), &mut to_push)? {
//!         if let Event::Ready(_) = event {
//!             push.send(&Message::from("hello"));
//!         }
//!     }
//!
//!     // From here on answers to PINGs among that are awaited: when a stream has taken all of it.
//!     push.written(now());
//!
//!     // A deadline, with its reason, until which nothing need be done.
//!     if let Some((deadline, _timer)) = push.poll_timeout()
//!         && deadline <= now()
//!     {
//!         push.handle_timeout(now())?;
//!     }
//! }
//! assert_eq!(received, [Message::from("hello")]);
//! # Ok(())
//! # }
//! ```
//!
//! On an error the stream is to be closed, after what [`Connection::poll_transmit`] still returns is written.
//! [`Error::is_protocol`] says whether to connect again. Everything a peer can make a connection do has a bound
//! in [`limits`].
//!
//! [RFC 37]: https://rfc.zeromq.org/spec/37/

#![forbid(unsafe_code)]

mod authentication;
mod command;
mod config;
mod connection;
mod error;
mod established;
mod event;
mod frame;
mod greeting;
mod handshake;
mod heartbeat;
mod keepalive;
pub mod limits;
pub mod mechanism;
mod metadata;
mod peer;
mod progress;
mod socket_type;
mod timer;
mod transmit;
mod version;

pub use authentication::{Credentials, Refusal, Verdict};
pub use config::ConnectionConfig;
pub use connection::Connection;
pub use error::{ApiMisuse, Error, PeerIncompatible, PeerMisbehaved};
pub use established::SmallMessages;
pub use event::Event;
pub use metadata::Metadata;
pub use peer::Peer;
pub use socket_type::SocketType;
pub use timer::Timer;
pub use version::Version;

/// The code of this package's README compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
