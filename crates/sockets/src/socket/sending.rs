//! Sending.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use futures_core::FusedFuture;
use seaworthy_core::planted::{Bug, planted};
use seaworthy_core::{Message, Network};

use super::Socket;
use super::core::Core;
use super::timeout::{FromCaller, FromOption, Limit, Timeout};
use crate::error::{Error, TrySendError};
use crate::outcome::SendRejected;
use crate::patterns::Sends;
use crate::ready_set::Waiter;

impl<P: Sends, N: Network> Socket<P, N> {
    /// Sends a message to the peer, or the peers, that the socket's type says, once there is room.
    ///
    /// Anything that turns into frames can be sent: a string, bytes, a vector or array of frames, a tuple of mixed
    /// ones such as `("id", "", vec![1_u8])`. Allocations are shared, slices copied; see [`Frame`](crate::Frame).
    ///
    /// A socket of another thread can receive the message from now on. Over tcp and ipc it leaves when the tasks of this
    /// thread wait, or at one of the next two operations of the socket, if those come more than a millisecond later. A
    /// task that is about to compute for long, or to block its thread, should do so in
    /// `compio::runtime::spawn_blocking`, or wait for a moment first, as with
    /// `context.sleep(Duration::from_millis(1)).await`.
    ///
    /// Cancel-safe: if the future is dropped before it completes, nothing was sent.
    ///
    /// # Errors
    /// [`WouldBlock`](Error::WouldBlock): no room within `sndtimeo`. What else depends on the socket's type.
    #[inline]
    pub fn send(&self, message: impl Into<Message>) -> impl FusedFuture<Output = Result<(), Error>> {
        Sending::new(self, message, FromOption)
    }

    /// Sends a message as [`send`](Self::send) does, if there is room within `limit`, whatever `sndtimeo` says. A limit
    /// of zero never waits.
    ///
    /// Cancel-safe: if the future is dropped before it completes, nothing was sent.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use seaworthy::{Context, Error, Options, PushSocket};
    ///
    /// # #[compio::main]
    /// # async fn main() -> Result<(), Error> {
    /// # let options = Options::default().linger(Duration::ZERO);
    /// let push = PushSocket::with_options(&Context::new(), options)?;
    /// let unsent = push.send_timeout("work", Duration::from_millis(10)).await.unwrap_err();
    /// assert!(matches!(unsent.error, Error::WouldBlock)); // it has no peer
    /// assert_eq!(unsent.message, "work".into());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`WouldBlock`](Error::WouldBlock): no room within `limit`. What else depends on the socket's type. The message
    /// comes back with the error.
    #[inline]
    pub fn send_timeout(
        &self,
        message: impl Into<Message>,
        limit: Duration,
    ) -> impl FusedFuture<Output = Result<(), TrySendError>> {
        Sending::new(self, message, FromCaller(limit))
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
        if matches!(outcome, Err(SendRejected::Yield)) {
            outcome = self.core.try_send(&mut message);
        }
        outcome.map_err(|unsent| match unsent {
            SendRejected::Full | SendRejected::Yield => TrySendError { message, error: Error::WouldBlock },
            SendRejected::Failed(error) => TrySendError { message, error },
        })
    }
}

impl<P: Sends> Core<P> {
    #[inline(always)]
    pub(super) fn try_send(&self, message: &mut Message) -> Result<(), SendRejected> {
        if message.is_empty() {
            return Err(SendRejected::Failed(Error::InvalidMessage { reason: "it has no frames" }));
        }
        self.send_with(message, P::try_send)
    }

    pub(crate) fn poll_send(
        &self,
        context: &TaskContext<'_>,
        waiter: &mut Waiter,
        message: &mut Message,
    ) -> Poll<Result<(), Error>> {
        if self.coop.is_spent(|| self.holds_up_what_was_sent()) {
            self.coop.yield_now(context.waker());
            return Poll::Pending;
        }
        for last_look in [false, true] {
            match self.try_send(message) {
                Ok(()) => return Poll::Ready(Ok(())),
                Err(SendRejected::Failed(error)) => return Poll::Ready(Err(error)),
                Err(SendRejected::Yield) => {
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Err(SendRejected::Full) if planted(Bug::FullIsAnError) => {
                    let socket = P::TYPE.name();
                    let error = Error::InvalidState { socket, operation: "send", state: "there is no room" };
                    return Poll::Ready(Err(error));
                }
                Err(SendRejected::Full) if !last_look => waiter.wait(context.waker()),
                Err(SendRejected::Full) => {}
            }
        }
        self.coop.restart();
        match self.home.check("send") {
            Ok(()) => Poll::Pending,
            Err(error) => Poll::Ready(Err(error)),
        }
    }
}

/// Sends a message: at once if possible, which is what happens mostly, or else as soon as it is.
///
/// It is no `async fn`, whose state would be moved about and read again before the processor has finished writing it.
/// This one is small, and its first try becomes part of the code that awaits it.
struct Sending<'s, P: Sends, N: Network, M, L> {
    socket: &'s Socket<P, N>,
    limit: L,
    /// Until the first try.
    message: Option<M>,
    waiting: Option<Box<Waiting>>,
}

/// A message that could not be sent at once.
struct Waiting {
    message: Message,
    waiter: Waiter,
    timeout: Timeout,
    /// It yields once more before it goes on.
    yields_again: bool,
}

/// Nothing in it is pinned.
impl<P: Sends, N: Network, M, L> Unpin for Sending<'_, P, N, M, L> {}

/// What an operation tells when its message was not sent.
trait Refusal {
    fn new(message: Message, error: Error) -> Self;
}

impl Refusal for Error {
    fn new(_: Message, error: Error) -> Self {
        error
    }
}

impl Refusal for TrySendError {
    fn new(message: Message, error: Error) -> Self {
        Self { message, error }
    }
}

/// An operation whose limit its caller gave returns the message that was not sent.
trait Refuses: Limit {
    type Refusal: Refusal;
}

impl Refuses for FromOption {
    type Refusal = Error;
}

impl Refuses for FromCaller {
    type Refusal = TrySendError;
}

impl<P: Sends, N: Network, M: Into<Message>, L: Refuses> Future for Sending<'_, P, N, M, L> {
    type Output = Result<(), L::Refusal>;

    #[inline(always)]
    fn poll(self: Pin<&mut Self>, context: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let Some(message) = this.message.take() else { return this.poll_waiting(context) };
        let mut message = message.into();
        let core = &this.socket.core;
        let limit = this.limit.of(core.sndtimeo.get());
        let unsent = if core.is_budget_spent_to_send(limit) {
            SendRejected::Yield
        } else {
            match core.try_send(&mut message) {
                Ok(()) => return Poll::Ready(Ok(())),
                Err(unsent) => unsent,
            }
        };
        this.wait(message, unsent, limit, context)
    }
}

impl<P: Sends, N: Network, M: Into<Message>, L: Refuses> FusedFuture for Sending<'_, P, N, M, L> {
    fn is_terminated(&self) -> bool {
        self.message.is_none() && self.waiting.is_none()
    }
}

impl<'s, P: Sends, N: Network, M, L: Refuses> Sending<'s, P, N, M, L> {
    #[inline(always)]
    const fn new(socket: &'s Socket<P, N>, message: M, limit: L) -> Self {
        Self { socket, limit, message: Some(message), waiting: None }
    }

    #[cold]
    #[inline(never)]
    fn wait(
        &mut self,
        mut message: Message,
        unsent: SendRejected,
        limit: Option<Duration>,
        context: &mut TaskContext<'_>,
    ) -> Poll<Result<(), L::Refusal>> {
        let Socket { core, context: sockets, .. } = self.socket;
        let at_once = limit == Some(Duration::ZERO);
        let refuse = |message, error| Poll::Ready(Err(L::Refusal::new(message, error)));
        let full = match unsent {
            SendRejected::Failed(error) => return refuse(message, error),
            SendRejected::Full if at_once => return refuse(message, Error::WouldBlock),
            SendRejected::Yield if at_once => {
                let sent = self.socket.try_send(message);
                return Poll::Ready(sent.map_err(|unsent| L::Refusal::new(unsent.message, unsent.error)));
            }
            SendRejected::Full => true,
            SendRejected::Yield => false,
        };
        let look = || match core.try_send(&mut message) {
            Ok(()) => Some(Ok(())),
            Err(SendRejected::Failed(error)) => Some(Err(error)),
            Err(SendRejected::Full | SendRejected::Yield) => None,
        };
        if full && let Some(outcome) = core.busy_poll.find(sockets.network(), look) {
            return Poll::Ready(outcome.map_err(|error| L::Refusal::new(message, error)));
        }
        let timeout = Timeout::new(limit);
        self.waiting =
            Some(Box::new(Waiting { message, waiter: core.writable(), timeout, yields_again: false }));
        if full {
            return self.poll_waiting(context);
        }
        let late = core.coop.yield_now(context.waker());
        self.waiting.iter_mut().for_each(|waiting| waiting.yields_again = late);
        Poll::Pending
    }

    #[cold]
    #[inline(never)]
    fn poll_waiting(&mut self, context: &mut TaskContext<'_>) -> Poll<Result<(), L::Refusal>> {
        let Socket { core, context: sockets, .. } = self.socket;
        // It has completed: there is nothing left to send.
        let Some(waiting) = &mut self.waiting else { return Poll::Pending };
        if std::mem::take(&mut waiting.yields_again) {
            core.coop.yield_to_transport(context.waker());
            return Poll::Pending;
        }
        let outcome = match core.poll_send(context, &mut waiting.waiter, &mut waiting.message) {
            Poll::Pending => match waiting.timeout.poll(sockets.network(), context) {
                Poll::Ready(error) => Err(error),
                Poll::Pending => return Poll::Pending,
            },
            Poll::Ready(outcome) => outcome,
        };
        let waiting = self.waiting.take();
        Poll::Ready(match (outcome, waiting) {
            (Err(error), Some(waiting)) => Err(L::Refusal::new(waiting.message, error)),
            _ => Ok(()),
        })
    }
}
