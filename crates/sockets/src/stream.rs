//! Receiving sockets as streams.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::{FusedStream, Stream};
use seaworthy_core::{Message, Network};

use crate::Error;
use crate::patterns::Receives;
use crate::ready_set::Waiter;
use crate::socket::Socket;

/// A receiving socket as a [`Stream`] of messages as they come, beside which the socket can be used as before.
///
/// The stream never ends; an `Err` need not be the last item. It waits without a limit, whatever `rcvtimeo` says. A
/// message is taken out of the socket only when the stream returns it, so dropping the stream loses none. Several
/// streams of one socket share its messages.
pub struct MessageStream<'s, P: Receives, N: Network> {
    socket: &'s Socket<P, N>,
    waiter: Waiter,
}

impl<'s, P: Receives, N: Network> MessageStream<'s, P, N> {
    pub(crate) fn new(socket: &'s Socket<P, N>) -> Self {
        Self { socket, waiter: socket.core().readable() }
    }
}

impl<P: Receives, N: Network> Stream for MessageStream<'_, P, N> {
    type Item = Result<Message, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self { socket, waiter } = self.get_mut();
        socket.core().poll_recv(context, waiter).map(Some)
    }
}

impl<P: Receives, N: Network> FusedStream for MessageStream<'_, P, N> {
    fn is_terminated(&self) -> bool {
        false
    }
}

impl<P: Receives, N: Network> fmt::Debug for MessageStream<'_, P, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageStream").field("socket", &self.socket).finish_non_exhaustive()
    }
}

impl<P: Receives, N: Network> Socket<P, N> {
    /// The socket as a [`Stream`] of messages, which borrows it: while messages of several sockets are merged, each of
    /// them can still send.
    pub fn stream(&self) -> MessageStream<'_, P, N> {
        MessageStream::new(self)
    }
}

/// Messages as they come. The stream never ends by itself; an `Err` need not be the last item.
///
/// A stream that leaves the socket free to send is [`Socket::stream`].
impl<P: Receives, N: Network> Stream for Socket<P, N> {
    type Item = Result<Message, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_next_message(context).map(Some)
    }
}

impl<P: Receives, N: Network> FusedStream for Socket<P, N> {
    fn is_terminated(&self) -> bool {
        false
    }
}
