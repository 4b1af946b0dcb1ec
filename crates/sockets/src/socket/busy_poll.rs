//! Looking again instead of waiting to be woken.

use std::cell::Cell;
use std::time::Duration;

use seaworthy_core::Network;

/// Looks between two glances at the clock, which costs more than a look.
const LOOKS_PER_GLANCE: u32 = 32;

/// For how long a socket looks without letting other threads have the processor. Who is to be waited for may need it.
const ALONE: Duration = Duration::from_micros(2);

/// Giving the processor away takes longer than this if somebody wanted it.
const GIVEN_AWAY: Duration = Duration::from_nanos(1_500);

/// Waits after which looking is given up, when none of them was worth it.
const VAIN_MAX: u32 = 3;

/// Of the waits after that, each of so many is tried again.
const RETRY: u32 = 64;

/// Decides whether a socket looks again, and does it.
///
/// Only other threads can change anything while one looks, so it is done only by sockets that have a peer there; and
/// only as long as it pays: not when waiting takes longer than the limit, nor when who is waited for needs this very
/// processor.
#[derive(Debug)]
pub(crate) struct BusyPoll {
    limit: Cell<Duration>,
    /// A peer is on another thread.
    peer_elsewhere: Cell<bool>,
    /// Waits since looking was worth it in one.
    vain: Cell<u32>,
}

impl BusyPoll {
    pub(super) const fn new(limit: Duration) -> Self {
        Self { limit: Cell::new(limit), peer_elsewhere: Cell::new(false), vain: Cell::new(0) }
    }

    pub(super) fn set_limit(&self, limit: Duration) {
        self.limit.set(limit);
    }

    pub(super) fn peer_is_elsewhere(&self) {
        self.peer_elsewhere.set(true);
    }

    /// Looks for at most the limit, if that is worth the try.
    #[inline]
    pub(super) fn find<T>(&self, network: &impl Network, look: impl FnMut() -> Option<T>) -> Option<T> {
        if self.is_on() {
            return self.look(network, look);
        }
        self.vain.set(self.vain.get().wrapping_add(1));
        None
    }

    /// True when the next wait begins with looking again.
    #[inline(always)]
    pub(super) fn is_on(&self) -> bool {
        let vain = self.vain.get();
        self.peer_elsewhere.get()
            && !self.limit.get().is_zero()
            && (vain < VAIN_MAX || vain.is_multiple_of(RETRY))
    }

    fn look<T>(&self, network: &impl Network, mut look: impl FnMut() -> Option<T>) -> Option<T> {
        let began = network.now();
        let mut given_away = false;
        loop {
            for _ in 0..LOOKS_PER_GLANCE {
                if let Some(found) = look() {
                    self.vain.set(if given_away { self.vain.get().wrapping_add(1) } else { 0 });
                    return Some(found);
                }
                std::hint::spin_loop();
            }
            let now = network.now();
            if now - began >= self.limit.get() {
                self.vain.set(self.vain.get().wrapping_add(1));
                return None;
            }
            if now - began >= ALONE {
                std::thread::yield_now();
                given_away |= network.now() - now >= GIVEN_AWAY;
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
        busy.peer_is_elsewhere();
        let mut tried = Vec::new();
        for wait in 0..200 {
            if busy.is_on() {
                tried.push(wait);
            }
            busy.vain.set(busy.vain.get() + 1);
        }
        assert_eq!(tried, [0, 1, 2, 64, 128, 192]);
    }

    #[test]
    fn without_a_limit_or_another_thread_it_is_never_tried() {
        let (never, alone) = (BusyPoll::new(Duration::ZERO), BusyPoll::new(Duration::from_secs(1)));
        never.peer_is_elsewhere();
        assert!(!never.is_on() && !alone.is_on());
    }
}
