//! Socket types that a proxy can forward for.

use seaworthy_core::Message;

use super::{Behavior, Dealer, Pair, Pattern, Pub, Pull, Push, Router, Sub, TryRecv, TrySend, XPub, XSub};
use crate::error::Error;
use crate::outcome::SendRejected;
use crate::peers::Peers;

/// A socket type whose messages can be forwarded one by one: all but REQ and REP, whose two directions take turns.
#[diagnostic::on_unimplemented(
    message = "a proxy cannot forward for {Self}",
    note = "REQ and REP work in lockstep: put a ROUTER before REQ clients and a DEALER before REP workers"
)]
#[expect(private_bounds, reason = "sealed")]
pub trait Forwards: Pattern + Relay {
    /// Whether it receives messages.
    const RECEIVES: bool;
    /// Whether it sends messages.
    const SENDS: bool;
}

/// What a proxy does with a socket of a type, which may only send or only receive.
pub(crate) trait Relay: Behavior {
    /// The next message; never any if the type does not receive.
    fn take(&mut self, peers: &mut Peers) -> Result<Option<Message>, Error>;

    /// Takes the message; there is never room if the type does not send.
    fn give(&mut self, peers: &mut Peers, message: &mut Message) -> Result<(), SendRejected>;

    /// See [`TrySend::lost`].
    fn lost(&self) -> u64;
}

macro_rules! forwards {
    (both: $($both:ident),*; receive: $($receives:ident),*; send: $($sends:ident),*;) => {
        $(impl Forwards for $both {
            const RECEIVES: bool = true;
            const SENDS: bool = true;
        }

        impl Relay for $both {
            #[inline(always)]
            fn take(&mut self, peers: &mut Peers) -> Result<Option<Message>, Error> {
                self.try_recv(peers)
            }

            #[inline(always)]
            fn give(&mut self, peers: &mut Peers, message: &mut Message) -> Result<(), SendRejected> {
                self.try_send(peers, message)
            }

            fn lost(&self) -> u64 {
                TrySend::lost(self)
            }
        })*
        $(impl Forwards for $receives {
            const RECEIVES: bool = true;
            const SENDS: bool = false;
        }

        impl Relay for $receives {
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
        }

        impl Relay for $sends {
            fn take(&mut self, _peers: &mut Peers) -> Result<Option<Message>, Error> {
                Ok(None)
            }

            #[inline(always)]
            fn give(&mut self, peers: &mut Peers, message: &mut Message) -> Result<(), SendRejected> {
                self.try_send(peers, message)
            }

            fn lost(&self) -> u64 {
                TrySend::lost(self)
            }
        })*
    };
}

forwards! {
    both: Dealer, Router, Pair, XPub, XSub;
    receive: Pull, Sub;
    send: Push, Pub;
}
