//! Looking again instead of waiting to be woken.

use std::cell::Cell;
use std::time::Duration;

use seaworthy_core::Network;

/// Looks between two glances at the clock, which costs more than a look.
const LOOKS_PER_GLANCE: u32 = 32;

/// For how long a socket looks without letting other threads have the processor. Who is to be waited for may need it.
const ALONE: Duration = Duration::from_micros(5);

/// Waits after which looking is given up, when none of them was short.
const VAIN_MAX: u32 = 3;

/// Of the waits after that, each of so many is tried again.
const RETRY: u32 = 64;

/// Decides whether a socket looks again, and does it.
///
/// Only other threads can change anything while one looks, so it is done only by sockets that have a peer there; and
/// only as long as it pays.
#[derive(Debug)]
pub(crate) struct BusyPoll {
    limit: Duration,
    /// A peer is on another thread.
    peer_elsewhere: Cell<bool>,
    /// Waits since one was short.
    vain: Cell<u32>,
}

impl BusyPoll {
    pub(super) const fn new(limit: Duration) -> Self {
        Self { limit, peer_elsewhere: Cell::new(false), vain: Cell::new(0) }
    }

    pub(super) fn peer_is_elsewhere(&self) {
        self.peer_elsewhere.set(true);
    }

    /// Looks for at most the limit, if that is worth the try.
    #[inline]
    pub(super) fn find<T>(&self, network: &impl Network, look: impl FnMut() -> Option<T>) -> Option<T> {
        if self.peer_elsewhere.get() && self.is_worthwhile() { self.look(network, look) } else { None }
    }

    fn is_worthwhile(&self) -> bool {
        let vain = self.vain.get();
        let worthwhile = !self.limit.is_zero() && (vain < VAIN_MAX || vain.is_multiple_of(RETRY));
        if !worthwhile {
            self.vain.set(vain.wrapping_add(1));
        }
        worthwhile
    }

    fn look<T>(&self, network: &impl Network, mut look: impl FnMut() -> Option<T>) -> Option<T> {
        let began = network.now();
        loop {
            for _ in 0..LOOKS_PER_GLANCE {
                if let Some(found) = look() {
                    self.vain.set(0);
                    return Some(found);
                }
                std::hint::spin_loop();
            }
            let elapsed = network.now() - began;
            if elapsed >= self.limit {
                self.vain.set(self.vain.get().wrapping_add(1));
                return None;
            }
            if elapsed >= ALONE {
                std::thread::yield_now();
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
        let mut tried = Vec::new();
        for wait in 0..200 {
            if busy.is_worthwhile() {
                tried.push(wait);
                busy.vain.set(busy.vain.get() + 1);
            }
        }
        assert_eq!(tried, [0, 1, 2, 64, 128, 192]);
    }

    #[test]
    fn without_a_limit_it_is_never_tried() {
        assert!(!BusyPoll::new(Duration::ZERO).is_worthwhile());
    }
}
