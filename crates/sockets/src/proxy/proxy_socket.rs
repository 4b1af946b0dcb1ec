//! What a proxy needs of a socket: to take a message if there is one, and to give it away if there is room.

use seaworthy_core::{Message, Network};

use crate::error::Error;
use crate::outcome::SendRejected;
use crate::patterns::Forwards;
use crate::ready_set::Waiter;
use crate::socket::Socket;

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
