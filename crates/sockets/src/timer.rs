//! Timers beside sockets, by the network's clock: in a simulation they run in virtual time.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::{FusedFuture, FusedStream, Stream};
use seaworthy_core::{Instant, Network};

/// Shortest period of an [`Interval`]: a shorter one would leave no time for anything else.
const PERIOD_MIN: Duration = Duration::from_millis(1);

/// Completes at a point in time; made by [`Context::sleep`](crate::Context::sleep). It need not be pinned or fused for
/// `select_biased!`, and completes once.
pub struct Sleep {
    /// `None` once it has completed.
    expiry: Option<Pin<Box<dyn Future<Output = ()>>>>,
}

impl Sleep {
    pub(crate) fn until<N: Network>(network: &N, deadline: Instant) -> Self {
        Self { expiry: Some(Box::pin(network.sleep_until(deadline))) }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Some(expiry) = &mut self.expiry else { return Poll::Pending };
        ready!(expiry.as_mut().poll(context));
        self.expiry = None;
        Poll::Ready(())
    }
}

impl FusedFuture for Sleep {
    fn is_terminated(&self) -> bool {
        self.expiry.is_none()
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep").field("over", &self.is_terminated()).finish()
    }
}

/// Ticks once each period; made by [`Context::interval`](crate::Context::interval). Also a [`Stream`] that never ends.
pub struct Interval<N: Network> {
    network: N,
    period: Duration,
    next: Instant,
    sleep: Sleep,
}

impl<N: Network> Interval<N> {
    pub(crate) fn new(network: &N, period: Duration) -> Self {
        let period = period.max(PERIOD_MIN);
        let next = network.now() + period;
        Self { network: network.clone(), period, next, sleep: Sleep::until(network, next) }
    }

    /// Waits for the next tick and returns the time for which it was due. Ticks that nobody waited for are left out; the
    /// next one comes in time.
    ///
    /// Cancel-safe: if the future is dropped before it completes, no tick is lost.
    pub fn tick(&mut self) -> impl FusedFuture<Output = Instant> {
        Tick(self)
    }

    fn poll_tick(&mut self, context: &mut Context<'_>) -> Poll<Instant> {
        ready!(Pin::new(&mut self.sleep).poll(context));
        let due = self.next;
        let late = self.network.now() - due;
        let missed = u32::try_from(late.as_nanos() / self.period.as_nanos()).unwrap_or(u32::MAX);
        self.next = due + self.period.saturating_mul(missed.saturating_add(1));
        self.sleep = Sleep::until(&self.network, self.next);
        Poll::Ready(due)
    }
}

impl<N: Network> Stream for Interval<N> {
    type Item = Instant;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Instant>> {
        self.get_mut().poll_tick(context).map(Some)
    }
}

impl<N: Network> FusedStream for Interval<N> {
    fn is_terminated(&self) -> bool {
        false
    }
}

/// Nothing in it is pinned.
impl<N: Network> Unpin for Interval<N> {}

impl<N: Network> fmt::Debug for Interval<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interval")
            .field("period", &self.period)
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}

struct Tick<'i, N: Network>(&'i mut Interval<N>);

impl<N: Network> Future for Tick<'_, N> {
    type Output = Instant;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Instant> {
        self.0.poll_tick(context)
    }
}

impl<N: Network> FusedFuture for Tick<'_, N> {
    fn is_terminated(&self) -> bool {
        false
    }
}
