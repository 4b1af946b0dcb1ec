//! What a proxy needs of a socket: to take a message if there is one, and to give it away if there is room.

use seaworthy_core::{Message, Network};

use crate::error::Error;
use crate::patterns::{
    Dealer, Pair, Pattern, Pub, Pull, Push, Receives, Router, SendRejected, Sends, Sub, XPub, XSub,
};
use crate::peers::Peers;
use crate::ready_set::Waiter;
use crate::socket::Socket;

/// A socket type whose messages can be forwarded one by one: all but REQ and REP, whose two directions take turns.
#[diagnostic::on_unimplemented(
    message = "a proxy cannot forward for {Self}",
    note = "REQ and REP work in lockstep: put a ROUTER before REQ clients and a DEALER before REP workers"
)]
pub trait Forwards: Pattern {
    /// Whether it receives messages.
    const RECEIVES: bool;
    /// Whether it sends messages.
    const SENDS: bool;

    #[doc(hidden)]
    fn take(&mut self, peers: &mut Peers) -> Result<Option<Message>, Error>;
    #[doc(hidden)]
    fn give(&mut self, peers: &mut Peers, message: &mut Message) -> Result<(), SendRejected>;
    #[doc(hidden)]
    fn lost(&self) -> u64;
}

macro_rules! forwards {
    (both: $($both:ident),*; receive: $($receives:ident),*; send: $($sends:ident),*;) => {
        $(impl Forwards for $both {
            const RECEIVES: bool = true;
            const SENDS: bool = true;

            #[inline(always)]
            fn take(&mut self, peers: &mut Peers) -> Result<Option<Message>, Error> {
                self.try_recv(peers)
            }

            #[inline(always)]
            fn give(&mut self, peers: &mut Peers, message: &mut Message) -> Result<(), SendRejected> {
                self.try_send(peers, message)
            }

            fn lost(&self) -> u64 {
                Sends::lost(self)
            }
        })*
        $(impl Forwards for $receives {
            const RECEIVES: bool = true;
            const SENDS: bool = false;

            #[inline(always)]
            fn take(&mut self, peers: &mut Peers) -> Result<Option<Message>, Error> {
                self.try_recv(peers)
            }

            fn give(&mut self, _peers: &mut Peers, _message: &mut Message) -> Result<(), SendRejected> {
                Err(SendRejected::Full)
            }

            fn lost(&self) -> u64 {
                0
            }
        })*
        $(impl Forwards for $sends {
            const RECEIVES: bool = false;
            const SENDS: bool = true;

            fn take(&mut self, _peers: &mut Peers) -> Result<Option<Message>, Error> {
                Ok(None)
            }

            #[inline(always)]
            fn give(&mut self, peers: &mut Peers, message: &mut Message) -> Result<(), SendRejected> {
                self.try_send(peers, message)
            }

            fn lost(&self) -> u64 {
                Sends::lost(self)
            }
        })*
    };
}

forwards! {
    both: Dealer, Router, Pair, XPub, XSub;
    receive: Pull, Sub;
    send: Push, Pub;
}

/// A socket as its proxy sees it. Nothing here waits.
pub(super) trait ProxySocket {
    const RECEIVES: bool;
    const SENDS: bool;

    fn take(&self) -> Result<Option<Message>, Error>;

    /// An unsent message stays in its place, unchanged.
    fn give(&self, message: &mut Message) -> Result<(), SendRejected>;

    /// Takes back what it gave, to give it again before anything else.
    fn put_back(&self, messages: &mut dyn DoubleEndedIterator<Item = Message>);

    /// Messages that the socket took and dropped since it was made: their peer was unknown, or had no room.
    fn lost(&self) -> u64;

    fn readable(&self) -> Waiter;

    fn writable(&self) -> Waiter;
}

impl<P: Forwards, N: Network> ProxySocket for Socket<P, N> {
    const RECEIVES: bool = P::RECEIVES;
    const SENDS: bool = P::SENDS;

    #[inline(always)]
    fn take(&self) -> Result<Option<Message>, Error> {
        self.core().take()
    }

    #[inline(always)]
    fn give(&self, message: &mut Message) -> Result<(), SendRejected> {
        self.core().give(message)
    }

    fn put_back(&self, messages: &mut dyn DoubleEndedIterator<Item = Message>) {
        self.core().put_back(messages);
    }

    fn lost(&self) -> u64 {
        self.with_state(|pattern, _| pattern.lost())
    }

    fn readable(&self) -> Waiter {
        self.core().readable()
    }

    fn writable(&self) -> Waiter {
        self.core().writable()
    }
}
