//! Receiving.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use futures_core::Stream;
#[cfg(feature = "planted-bugs")]
use seaworthy_core::planted::{Bug, planted};
use seaworthy_core::{Message, Network};

use super::Socket;
use super::timeout::Timeout;
use crate::error::Error;
use crate::pattern::Receives;
use crate::ready::Place;

impl<P: Receives, N: Network> Socket<P, N> {
    /// Receives the next message, once there is one.
    ///
    /// Cancel-safe: if the future is dropped before it completes, no message is lost.
    ///
    /// # Errors
    /// [`WouldBlock`](Error::WouldBlock): no message within `rcvtimeo`. What else depends on the socket's type.
    #[inline]
    pub fn recv(&self) -> impl Future<Output = Result<Message, Error>> {
        Receiving {
            socket: self,
            waiting: None,
            #[cfg(feature = "planted-bugs")]
            kept: None,
        }
    }

    /// Receives a message if there is one now.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    pub fn try_recv(&self) -> Result<Message, Error> {
        self.core.try_recv()?.ok_or(Error::WouldBlock)
    }

    /// Waits for one message and then takes what is there, at most `max` messages, into `messages`. Gives how
    /// many came: at least one, unless `max` is zero.
    ///
    /// Cancel-safe: if the future is dropped before it completes, no message is lost.
    ///
    /// # Errors
    /// As [`recv`](Self::recv), when the first message fails.
    pub async fn recv_batch(&self, messages: &mut Vec<Message>, max: usize) -> Result<usize, Error> {
        if max == 0 {
            return Ok(0);
        }
        messages.push(self.recv().await?);
        let mut count = 1;
        while count < max
            && let Ok(Some(message)) = self.core.try_recv()
        {
            messages.push(message);
            count += 1;
        }
        Ok(count)
    }
}

/// Messages as they come. The stream never ends by itself; an `Err` need not be the last item.
impl<P: Receives, N: Network> Stream for Socket<P, N> {
    type Item = Result<Message, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        this.core.poll_recv(context, &mut this.streaming).map(Some)
    }
}

/// Receives a message: at once if there is one, which is what happens mostly, or else as soon as there is. For the
/// reason why it is no `async fn` see `Sending`.
struct Receiving<'s, P: Receives, N: Network> {
    socket: &'s Socket<P, N>,
    /// After the first try.
    waiting: Option<Box<Waiting>>,
    #[cfg(feature = "planted-bugs")]
    kept: Option<Result<Message, Error>>,
}

struct Waiting {
    place: Place,
    timeout: Timeout,
}

impl<P: Receives, N: Network> Future for Receiving<'_, P, N> {
    type Output = Result<Message, Error>;

    #[inline(always)]
    fn poll(self: Pin<&mut Self>, context: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if this.waiting.is_some() {
            return this.poll_waiting(context);
        }
        let turn_over = this.socket.core.is_turn_over_within(this.socket.core.options.rcvtimeo);
        if !turn_over {
            match this.socket.core.try_recv_eagerly() {
                Ok(Some(message)) => return Poll::Ready(Ok(message)),
                Ok(None) => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        this.wait(turn_over, context)
    }
}

impl<P: Receives, N: Network> Receiving<'_, P, N> {
    #[cold]
    #[inline(never)]
    fn wait(&mut self, turn_over: bool, context: &mut TaskContext<'_>) -> Poll<Result<Message, Error>> {
        let Socket { core, context: sockets, .. } = self.socket;
        if core.options.rcvtimeo == Some(Duration::ZERO) {
            return Poll::Ready(Err(Error::WouldBlock));
        }
        if !turn_over
            && let Some(outcome) =
                core.busy_poll.find(sockets.network(), || core.try_recv_eagerly().transpose())
        {
            return Poll::Ready(outcome);
        }
        self.waiting =
            Some(Box::new(Waiting { place: core.readable(), timeout: Timeout::new(core.options.rcvtimeo) }));
        if !turn_over {
            return self.poll_waiting(context);
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    #[cold]
    #[inline(never)]
    fn poll_waiting(&mut self, context: &mut TaskContext<'_>) -> Poll<Result<Message, Error>> {
        let Socket { core, context: sockets, .. } = self.socket;
        let Some(waiting) = &mut self.waiting else { return Poll::Pending };
        #[cfg(feature = "planted-bugs")]
        if let Some(outcome) = self.kept.take() {
            return Poll::Ready(outcome);
        }
        let outcome = match core.poll_recv(context, &mut waiting.place) {
            Poll::Pending if waiting.timeout.poll(sockets.network(), context).is_ready() => {
                Poll::Ready(Err(Error::WouldBlock))
            }
            outcome => outcome,
        };
        #[cfg(feature = "planted-bugs")]
        if planted(Bug::ReceiveLosesWhenDropped)
            && let Poll::Ready(outcome) = outcome
        {
            self.kept = Some(outcome);
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if outcome.is_ready() {
            self.waiting = None;
        }
        outcome
    }
}
