//! Socket types that a proxy can forward for.

use seaworthy_core::Message;

use super::{Dealer, Pair, Pattern, Pub, Pull, Push, Receives, Router, Sends, Sub, XPub, XSub};
use crate::error::Error;
use crate::outcome::SendRejected;
use crate::peers::Peers;

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
