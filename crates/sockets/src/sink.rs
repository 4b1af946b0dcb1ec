//! Sending sockets as sinks.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_sink::Sink;
use seaworthy_core::{Message, Network};

use crate::Error;
use crate::patterns::Sends;
use crate::ready_set::Waiter;
use crate::socket::Socket;

/// A sending socket as a [`Sink`]. It is flushed when its messages are in the socket's pipes.
pub struct MessageSink<'s, P: Sends, N: Network> {
    socket: &'s Socket<P, N>,
    /// Accepted, and waiting for room.
    waiting: Option<Message>,
    waiter: Waiter,
}

impl<'s, P: Sends, N: Network> MessageSink<'s, P, N> {
    pub(crate) fn new(socket: &'s Socket<P, N>) -> Self {
        Self { socket, waiting: None, waiter: socket.core().writable() }
    }

    fn poll_drain(&mut self, context: &Context<'_>) -> Poll<Result<(), Error>> {
        let Some(message) = &mut self.waiting else { return Poll::Ready(Ok(())) };
        let outcome = ready!(self.socket.core().poll_send(context, &mut self.waiter, message));
        self.waiting = None;
        Poll::Ready(outcome)
    }
}

impl<P: Sends, N: Network> Sink<Message> for MessageSink<'_, P, N> {
    type Error = Error;

    fn poll_ready(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.get_mut().poll_drain(context)
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), Error> {
        self.get_mut().waiting = Some(message);
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.get_mut().poll_drain(context)
    }

    fn poll_close(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        ready!(self.poll_flush(context))?;
        Poll::Ready(Ok(()))
    }
}

impl<P: Sends, N: Network> fmt::Debug for MessageSink<'_, P, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageSink").field("waiting", &self.waiting.is_some()).finish_non_exhaustive()
    }
}

impl<P: Sends, N: Network> Socket<P, N> {
    /// The socket as a [`Sink`] of messages, which borrows it.
    pub fn sink(&self) -> MessageSink<'_, P, N> {
        MessageSink::new(self)
    }
}
