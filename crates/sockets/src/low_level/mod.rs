//! One connection on one stream, without queues, for those who hold a stream themselves.
//!
//! A [`Connection`] sends straight to the network and receives straight from it: no pipe, no high-water mark, no
//! reconnecting, no other task. It is what gateways, tests and tools want that speak ZMTP on a stream of their own.

mod connection;

pub use self::connection::{Connection, ConnectionError};
#[doc(no_inline)]
pub use seaworthy_zmtp::{ConnectionConfig, mechanism};
