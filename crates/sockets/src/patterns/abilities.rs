//! What a socket type can do, as users name it.

use seaworthy_zmtp::SocketType;

use super::behavior::{Behavior, TopicFilter, TryRecv, TrySend};

/// A socket type. Sealed.
#[expect(private_bounds, reason = "sealed: only this crate knows how a type behaves")]
pub trait Pattern: Behavior {
    /// What it is called in the handshake.
    const TYPE: SocketType;
}

/// A socket type whose sockets have [`send`](crate::Socket::send). Sealed.
#[expect(private_bounds, reason = "sealed")]
pub trait Sends: Pattern + TrySend {}

/// A socket type whose sockets have [`recv`](crate::Socket::recv). Sealed.
#[expect(private_bounds, reason = "sealed")]
pub trait Receives: Pattern + TryRecv {}

/// A socket type whose sockets have [`subscribe`](crate::Socket::subscribe). Sealed.
#[expect(private_bounds, reason = "sealed")]
pub trait Subscribes: Pattern + TopicFilter {}
