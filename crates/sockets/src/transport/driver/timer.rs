//! A driver's clock: one sleep for all of its deadlines, and how long nothing has passed.

use std::future::Future;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use seaworthy_core::Instant;

use super::in_flight::InFlight;

/// A connection on which no message passed for this long, or up to twice, frees the memory that it needed when it was
/// busy. Long against the pauses of a program that is at work, so that these cost nothing. Heartbeats do not count: with
/// short intervals, nothing would ever be freed.
pub(crate) const IDLE_AFTER: Duration = Duration::from_secs(1);

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
    until: Option<Instant>,
    /// Messages that had passed at the last look.
    moved: u64,
}

impl IdleTimer {
    /// Something was read or written.
    pub(super) const fn touch(&mut self) {
        self.active = true;
    }

    pub(super) fn restart_if_active(&mut self, now: Instant) {
        if std::mem::take(&mut self.active) {
            self.until.get_or_insert(now + IDLE_AFTER);
        }
    }

    /// True when no message passed since the last look, of which `moved` have by now; else it runs anew.
    pub(super) fn is_idle(&mut self, now: Instant, moved: u64) -> bool {
        let is_idle = std::mem::replace(&mut self.moved, moved) == moved;
        self.until = (!is_idle).then(|| now + IDLE_AFTER);
        is_idle
    }

    /// When nothing will have passed for long. `None`: it was told already.
    pub(super) const fn until(&self) -> Option<Instant> {
        self.until
    }

    pub(super) const fn stop(&mut self) {
        self.until = None;
    }
}
