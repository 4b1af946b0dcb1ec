//! Receiving.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use futures_core::FusedFuture;
#[cfg(feature = "planted-bugs")]
use seaworthy_core::planted::{Bug, planted};
use seaworthy_core::{Message, Network};

use super::Socket;
use super::core::Core;
use super::timeout::{FromCaller, FromOption, Limit, Timeout};
use crate::error::Error;
use crate::patterns::Receives;
use crate::ready_set::Waiter;

impl<P: Receives, N: Network> Socket<P, N> {
    /// Receives the next message, once there is one.
    ///
    /// Cancel-safe: if the future is dropped before it completes, no message is lost.
    ///
    /// # Errors
    /// [`WouldBlock`](Error::WouldBlock): no message within `rcvtimeo`. What else depends on the socket's type.
    #[inline]
    pub fn recv(&self) -> impl FusedFuture<Output = Result<Message, Error>> {
        Receiving::new(self, FromOption)
    }

    /// Receives the next message, if there is one within `limit`, whatever `rcvtimeo` says. A limit of zero takes what
    /// is there now.
    ///
    /// Cancel-safe: if the future is dropped before it completes, no message is lost.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use seaworthy::{Context, Error, PullSocket};
    ///
    /// # #[compio::main]
    /// # async fn main() -> Result<(), Error> {
    /// let pull = PullSocket::new(&Context::new())?;
    /// pull.bind("ipc://*")?;
    /// match pull.recv_timeout(Duration::from_millis(10)).await {
    ///     Ok(message) => println!("{message:?}"),
    ///     Err(Error::WouldBlock) => println!("nothing within 10 ms"),
    ///     Err(error) => return Err(error),
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`WouldBlock`](Error::WouldBlock): no message within `limit`. What else depends on the socket's type.
    #[inline]
    pub fn recv_timeout(&self, limit: Duration) -> impl FusedFuture<Output = Result<Message, Error>> {
        Receiving::new(self, FromCaller(limit))
    }

    /// Receives a message if there is one now.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    pub fn try_recv(&self) -> Result<Message, Error> {
        self.core.try_recv()?.ok_or(Error::WouldBlock)
    }

    /// Waits for one message and then takes what is there, at most `max` messages, into `messages`. Returns how
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

    /// The socket as a stream: receives without a limit, for the one task that polls it as such.
    pub(crate) fn poll_next_message(&mut self, context: &TaskContext<'_>) -> Poll<Result<Message, Error>> {
        self.core.poll_recv(context, &mut self.streaming)
    }
}

impl<P: Receives> Core<P> {
    #[inline(always)]
    pub(crate) fn try_recv(&self) -> Result<Option<Message>, Error> {
        self.receive_with(P::try_recv)
    }

    /// As [`try_recv`](Self::try_recv), for callers that will busy-poll.
    #[inline(always)]
    pub(super) fn try_recv_eagerly(&self) -> Result<Option<Message>, Error> {
        if !self.busy_poll.is_on() {
            return self.try_recv();
        }
        self.state.borrow_mut().peers.eager = true;
        let outcome = self.try_recv();
        self.state.borrow_mut().peers.eager = false;
        outcome
    }

    pub(crate) fn poll_recv(
        &self,
        context: &TaskContext<'_>,
        waiter: &mut Waiter,
    ) -> Poll<Result<Message, Error>> {
        if self.coop.is_spent(|| true) {
            self.coop.yield_now(context.waker());
            return Poll::Pending;
        }
        for last_look in [false, true] {
            match self.try_recv() {
                Ok(Some(message)) => return Poll::Ready(Ok(message)),
                Ok(None) => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
            if !last_look {
                waiter.wait(context.waker());
            }
        }
        self.coop.restart();
        match self.home.check("receive") {
            Ok(()) => Poll::Pending,
            Err(error) => Poll::Ready(Err(error)),
        }
    }
}

/// Receives a message: at once if there is one, which is what happens mostly, or else as soon as there is. For the
/// reason why it is no `async fn` see `Sending`.
struct Receiving<'s, P: Receives, N: Network, L> {
    socket: &'s Socket<P, N>,
    limit: L,
    /// After the first try.
    waiting: Option<Box<Waiting>>,
    #[cfg(feature = "planted-bugs")]
    kept: Option<Result<Message, Error>>,
}

struct Waiting {
    waiter: Waiter,
    timeout: Timeout,
    /// It yields once more before it goes on.
    yields_again: bool,
}

impl<P: Receives, N: Network, L: Limit> Future for Receiving<'_, P, N, L> {
    type Output = Result<Message, Error>;

    #[inline(always)]
    fn poll(self: Pin<&mut Self>, context: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if this.waiting.is_some() {
            return this.poll_waiting(context);
        }
        let limit = this.limit.of(this.socket.core.rcvtimeo.get());
        let budget_spent = this.socket.core.is_budget_spent_to_recv(limit);
        if !budget_spent {
            match this.socket.core.try_recv_eagerly() {
                Ok(Some(message)) => return Poll::Ready(Ok(message)),
                Ok(None) => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        this.wait(budget_spent, limit, context)
    }
}

/// Polled again after a message came, it receives the next one.
impl<P: Receives, N: Network, L: Limit> FusedFuture for Receiving<'_, P, N, L> {
    fn is_terminated(&self) -> bool {
        false
    }
}

impl<'s, P: Receives, N: Network, L> Receiving<'s, P, N, L> {
    #[inline(always)]
    const fn new(socket: &'s Socket<P, N>, limit: L) -> Self {
        Self {
            socket,
            limit,
            waiting: None,
            #[cfg(feature = "planted-bugs")]
            kept: None,
        }
    }

    #[cold]
    #[inline(never)]
    fn wait(
        &mut self,
        budget_spent: bool,
        limit: Option<Duration>,
        context: &mut TaskContext<'_>,
    ) -> Poll<Result<Message, Error>> {
        let Socket { core, context: sockets, .. } = self.socket;
        if limit == Some(Duration::ZERO) {
            return Poll::Ready(Err(Error::WouldBlock));
        }
        if !budget_spent
            && let Some(outcome) =
                core.busy_poll.find(sockets.network(), || core.try_recv_eagerly().transpose())
        {
            return Poll::Ready(outcome);
        }
        self.waiting = Some(Box::new(Waiting {
            waiter: core.readable(),
            timeout: Timeout::new(limit),
            yields_again: false,
        }));
        if !budget_spent {
            return self.poll_waiting(context);
        }
        let late = core.coop.yield_now(context.waker());
        self.waiting.iter_mut().for_each(|waiting| waiting.yields_again = late);
        Poll::Pending
    }

    #[cold]
    #[inline(never)]
    fn poll_waiting(&mut self, context: &mut TaskContext<'_>) -> Poll<Result<Message, Error>> {
        let Socket { core, context: sockets, .. } = self.socket;
        let Some(waiting) = &mut self.waiting else { return Poll::Pending };
        if std::mem::take(&mut waiting.yields_again) {
            core.coop.yield_to_transport(context.waker());
            return Poll::Pending;
        }
        #[cfg(feature = "planted-bugs")]
        if let Some(outcome) = self.kept.take() {
            return Poll::Ready(outcome);
        }
        let outcome = match core.poll_recv(context, &mut waiting.waiter) {
            Poll::Pending => waiting.timeout.poll(sockets.network(), context).map(Err),
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
