//! Sending.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use seaworthy_core::{Message, Network};

use super::Socket;
use super::timeout::Timeout;
use crate::error::{Error, TrySendError};
use crate::pattern::{Sends, Unsent};
use crate::ready::Place;
use crate::sink::MessageSink;

impl<P: Sends, N: Network> Socket<P, N> {
    /// Sends a message to the peer, or the peers, that the socket's type says, once there is room.
    ///
    /// Anything that turns into frames can be sent: a string, bytes, a vector or array of frames, a tuple of mixed
    /// ones such as `("id", "", vec![1_u8])`. Allocations are shared, slices copied; see [`Frame`](crate::Frame).
    ///
    /// Cancel-safe: if the future is dropped before it completes, nothing was sent.
    ///
    /// # Errors
    /// [`WouldBlock`](Error::WouldBlock): no room within `sndtimeo`. What else depends on the socket's type.
    #[inline]
    pub fn send(&self, message: impl Into<Message>) -> impl Future<Output = Result<(), Error>> {
        Sending { socket: self, message: Some(message), waiting: None }
    }

    /// Sends a message if that is possible now.
    ///
    /// # Errors
    /// As [`send`](Self::send); the message is given back.
    #[expect(
        clippy::result_large_err,
        reason = "the message is given back as it came, without an allocation"
    )]
    pub fn try_send(&self, message: impl Into<Message>) -> Result<(), TrySendError> {
        let mut message = message.into();
        let mut outcome = self.core.try_send(&mut message);
        if matches!(outcome, Err(Unsent::Yield)) {
            outcome = self.core.try_send(&mut message);
        }
        outcome.map_err(|unsent| match unsent {
            Unsent::Full | Unsent::Yield => TrySendError { message, error: Error::WouldBlock },
            Unsent::Failed(error) => TrySendError { message, error },
        })
    }

    /// The socket as a [`Sink`](futures_sink::Sink) of messages.
    pub fn sink(&self) -> MessageSink<'_, P, N> {
        MessageSink::new(self)
    }
}

/// Sends a message: at once if possible, which is what happens mostly, or else as soon as it is.
///
/// It is no `async fn`, whose state would be moved about and read again before the processor has finished writing it.
/// This one is small, and its first try becomes part of the code that awaits it.
struct Sending<'s, P: Sends, N: Network, M> {
    socket: &'s Socket<P, N>,
    /// Until the first try.
    message: Option<M>,
    waiting: Option<Box<Waiting>>,
}

/// A message that could not be sent at once.
struct Waiting {
    message: Message,
    place: Place,
    timeout: Timeout,
}

/// Nothing in it is pinned.
impl<P: Sends, N: Network, M> Unpin for Sending<'_, P, N, M> {}

impl<P: Sends, N: Network, M: Into<Message>> Future for Sending<'_, P, N, M> {
    type Output = Result<(), Error>;

    #[inline(always)]
    fn poll(self: Pin<&mut Self>, context: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let Some(message) = this.message.take() else { return this.poll_waiting(context) };
        let mut message = message.into();
        let core = &this.socket.core;
        let unsent = if core.is_turn_over_within(core.options.sndtimeo) {
            Unsent::Yield
        } else {
            match core.try_send(&mut message) {
                Ok(()) => return Poll::Ready(Ok(())),
                Err(unsent) => unsent,
            }
        };
        this.wait(message, unsent, context)
    }
}

impl<P: Sends, N: Network, M> Sending<'_, P, N, M> {
    #[cold]
    #[inline(never)]
    fn wait(
        &mut self,
        mut message: Message,
        unsent: Unsent,
        context: &mut TaskContext<'_>,
    ) -> Poll<Result<(), Error>> {
        let Socket { core, context: sockets, .. } = self.socket;
        let at_once = core.options.sndtimeo == Some(Duration::ZERO);
        let full = match unsent {
            Unsent::Failed(error) => return Poll::Ready(Err(error)),
            Unsent::Full if at_once => return Poll::Ready(Err(Error::WouldBlock)),
            Unsent::Yield if at_once => {
                return Poll::Ready(self.socket.try_send(message).map_err(Error::from));
            }
            Unsent::Full => true,
            Unsent::Yield => false,
        };
        let look = || match core.try_send(&mut message) {
            Ok(()) => Some(Ok(())),
            Err(Unsent::Failed(error)) => Some(Err(error)),
            Err(Unsent::Full | Unsent::Yield) => None,
        };
        if full && let Some(outcome) = core.busy_poll.find(sockets.network(), look) {
            return Poll::Ready(outcome);
        }
        let timeout = Timeout::new(core.options.sndtimeo);
        self.waiting = Some(Box::new(Waiting { message, place: core.writable(), timeout }));
        if full {
            return self.poll_waiting(context);
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    #[cold]
    #[inline(never)]
    fn poll_waiting(&mut self, context: &mut TaskContext<'_>) -> Poll<Result<(), Error>> {
        let Socket { core, context: sockets, .. } = self.socket;
        // It has completed: there is nothing left to send.
        let Some(waiting) = &mut self.waiting else { return Poll::Pending };
        let outcome = match core.poll_send(context, &mut waiting.place, &mut waiting.message) {
            Poll::Pending if waiting.timeout.poll(sockets.network(), context).is_ready() => {
                Poll::Ready(Err(Error::WouldBlock))
            }
            outcome => outcome,
        };
        if outcome.is_ready() {
            self.waiting = None;
        }
        outcome
    }
}
