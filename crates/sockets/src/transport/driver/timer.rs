//! A driver's deadlines: what it waits for besides its stream and its pipe, and until when.

use std::future::Future;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use seaworthy_core::planted::{Bug, planted};
use seaworthy_core::{Instant, Network, Stream};

use super::Driver;
use super::closing::{Cause, Closing};
use super::in_flight::InFlight;
use crate::transport::disconnect_reason::DisconnectReason;

/// A connection on which nothing passed for this long frees the memory that it needed when it was busy. Long against
/// the pauses of a program that is at work, so that these cost nothing.
const IDLE_AFTER: Duration = Duration::from_secs(1);

/// One sleep, until the earliest deadline or before it.
pub(super) struct Timer<'p, S> {
    pub(super) sleep: InFlight<'p, S>,
    /// `None` while there is nothing to wait for, even if it sleeps.
    pub(super) until: Option<Instant>,
}

impl<S: Future<Output = ()>> Timer<'_, S> {
    /// Sleeps until `deadline` at the latest. One that has moved on is looked at when the present sleep ends: most never
    /// come, and each packet moves them.
    pub(super) fn set(&mut self, deadline: Option<Instant>, sleep_until: impl FnOnce(Instant) -> S) {
        match deadline {
            None => self.until = None,
            Some(at) if self.until.is_some_and(|until| until <= at) => {}
            Some(at) => {
                self.sleep.replace(sleep_until(at));
                self.until = Some(at);
            }
        }
    }

    /// Ready when the sleep is over.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.until.is_none() {
            return Poll::Pending;
        }
        ready!(self.sleep.poll(context));
        self.until = None;
        Poll::Ready(())
    }
}

/// Runs from the last activity on a connection.
#[derive(Debug, Default)]
pub(super) struct IdleTimer {
    active: bool,
    idle_at: Option<Instant>,
}

impl IdleTimer {
    /// Something was read or written.
    pub(super) const fn touch(&mut self) {
        self.active = true;
    }

    pub(super) fn restart_if_active(&mut self, now: Instant) {
        if std::mem::take(&mut self.active) {
            self.idle_at = Some(now + IDLE_AFTER);
        }
    }
}

impl<N: Network> Driver<'_, N> {
    /// When [`handle_deadline`](Self::handle_deadline) is due.
    pub(super) fn next_deadline(&self, now: Instant) -> Option<Instant> {
        if planted(Bug::TaskCrawls) {
            return Some(now + Duration::from_micros(1));
        }
        let others = match &self.closing {
            Closing::Open => [
                self.connection.poll_timeout().map(|(at, _)| at),
                self.attachment.linger_deadline(),
                self.inflow.poll_timeout(),
                self.idle.idle_at,
            ],
            Closing::Draining { .. } => [None, None, self.inflow.poll_timeout(), None],
            Closing::AwaitingPeer { .. } | Closing::SendingError { .. } => [None; 4],
        };
        others.into_iter().chain([self.closing.until()]).flatten().min()
    }

    pub(super) fn handle_deadline(&mut self) -> Result<(), Cause> {
        let now = self.network.now();
        let is_due = |deadline: Option<Instant>| deadline.is_some_and(|at| at <= now);
        if self.closing.is_draining() && self.inflow.is_stalled() {
            // The socket is slow, not the peer.
            self.closing.prolong(now);
        }
        if is_due(self.idle.idle_at) {
            self.free_spares();
        }
        let is_open = self.closing.is_open();
        if is_due(if is_open { self.attachment.linger_deadline() } else { self.closing.until() }) {
            return Err(Cause::Over(DisconnectReason::Closed));
        }
        if is_due(self.inflow.poll_timeout()) {
            self.deliver(now)?;
        }
        if !is_open {
            return Ok(());
        }
        let unread = self.inflow.is_stalled();
        self.connection
            .examine(now, || self.stream.reachability())
            .map_err(|timer| Cause::silent(seaworthy_zmtp::Error::TimedOut(timer), unread))?;
        self.connection.handle_timeout(now).map_err(Cause::misbehaved)
    }

    /// Frees memory that was needed while the connection was busy. A busy one pays for it with a timer that comes late.
    fn free_spares(&mut self) {
        self.idle.idle_at = None;
        self.connection.free_buffers();
        self.attachment.free_spares();
        self.inflow.free_spares();
        self.outflow.free_spares();
    }
}
