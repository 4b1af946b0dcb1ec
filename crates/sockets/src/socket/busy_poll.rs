//! Busy-polling: looking again instead of waiting to be woken.

use std::cell::Cell;
use std::time::Duration;

use seaworthy_core::Network;

/// Looks between two clock checks, each of which costs more than a look.
const LOOKS_PER_CLOCK_CHECK: u32 = 32;

/// For how long a socket looks without letting other threads have the processor. The peer may need it.
const ALONE: Duration = Duration::from_micros(2);

/// Giving the processor away takes longer than this if somebody wanted it.
const PREEMPTED_MIN: Duration = Duration::from_nanos(1_500);

/// Waits in a row without success after which busy-polling stops.
const MISSES_MAX: u32 = 3;

/// After that, one wait in this many spins again.
const RETRY: u32 = 64;

/// Decides whether a socket looks again, and does it.
///
/// Only other threads can change anything while one looks, so it is done only by sockets that have a peer there; and
/// only as long as it pays: not when waiting takes longer than the limit, nor when the peer needs this very
/// processor.
#[derive(Debug)]
pub(crate) struct BusyPoll {
    limit: Cell<Duration>,
    /// A peer is on another thread.
    other_threads: Cell<bool>,
    /// Waits since looking was worth it in one.
    misses: Cell<u32>,
}

impl BusyPoll {
    pub(super) const fn new(limit: Duration) -> Self {
        Self { limit: Cell::new(limit), other_threads: Cell::new(false), misses: Cell::new(0) }
    }

    pub(super) fn set_limit(&self, limit: Duration) {
        self.limit.set(limit);
    }

    pub(super) fn peer_on_other_thread(&self) {
        self.other_threads.set(true);
    }

    /// Looks for at most the limit, if that is worth the try.
    #[inline]
    pub(super) fn find<T>(&self, network: &impl Network, look: impl FnMut() -> Option<T>) -> Option<T> {
        if self.is_on() {
            return self.look(network, look);
        }
        self.misses.set(self.misses.get().wrapping_add(1));
        None
    }

    /// True when the next wait begins with looking again.
    #[inline(always)]
    pub(super) fn is_on(&self) -> bool {
        let misses = self.misses.get();
        self.other_threads.get()
            && !self.limit.get().is_zero()
            && (misses < MISSES_MAX || misses.is_multiple_of(RETRY))
    }

    fn look<T>(&self, network: &impl Network, mut look: impl FnMut() -> Option<T>) -> Option<T> {
        let began = network.now();
        let mut preempted = false;
        loop {
            for _ in 0..LOOKS_PER_CLOCK_CHECK {
                if let Some(found) = look() {
                    self.misses.set(if preempted { self.misses.get().wrapping_add(1) } else { 0 });
                    return Some(found);
                }
                std::hint::spin_loop();
            }
            let now = network.now();
            if now - began >= self.limit.get() {
                self.misses.set(self.misses.get().wrapping_add(1));
                return None;
            }
            if now - began >= ALONE {
                std::thread::yield_now();
                preempted |= network.now() - now >= PREEMPTED_MIN;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_vain_is_tried_less_often() {
        let busy = BusyPoll::new(Duration::from_micros(1));
        busy.peer_on_other_thread();
        let mut tried = Vec::new();
        for wait in 0..200 {
            if busy.is_on() {
                tried.push(wait);
            }
            busy.misses.set(busy.misses.get() + 1);
        }
        assert_eq!(tried, [0, 1, 2, 64, 128, 192]);
    }

    #[test]
    fn without_a_limit_or_another_thread_it_is_never_tried() {
        let (never, alone) = (BusyPoll::new(Duration::ZERO), BusyPoll::new(Duration::from_secs(1)));
        never.peer_on_other_thread();
        assert!(!never.is_on() && !alone.is_on());
    }
}
