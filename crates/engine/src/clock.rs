//! A host's clock.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::task::Waker;
use std::time::Duration;

use seaworthy_core::Instant;

use crate::fault::ClockSkew;

/// A host's clock: it showed `shown` at `since`, and advances by `1 + drift_ppm / 1e6`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock {
    since: Instant,
    shown: Instant,
    drift_ppm: i32,
}

impl Clock {
    /// The clock with this skew from `now` on.
    pub fn skewed(&self, now: Instant, skew: ClockSkew) -> Self {
        Self { since: now, shown: self.at(now) + skew.jump, drift_ppm: skew.drift_ppm }
    }

    /// What it shows at `now`.
    pub fn at(&self, now: Instant) -> Instant {
        if self.drift_ppm == 0 {
            return self.shown + (now - self.since);
        }
        let nanos = (now - self.since).as_nanos() * (1_000_000 + i128::from(self.drift_ppm)).max(1) as u128;
        Instant::from_nanos(self.shown.as_nanos() + (nanos / 1_000_000) as u64)
    }

    /// The first moment at which it shows `local`.
    pub fn when(&self, local: Instant) -> Instant {
        let nanos = (local - self.shown).as_nanos() * 1_000_000;
        let rate = (1_000_000 + i128::from(self.drift_ppm)).max(1) as u128;
        self.since + Duration::from_nanos(u64::try_from(nanos.div_ceil(rate)).unwrap_or(u64::MAX))
    }
}

/// The clock of a host, and who sleeps by it.
#[derive(Debug, Default)]
pub struct HostClock {
    clock: Cell<Clock>,
    /// Tasks that sleep; woken to look again when the clock is changed.
    sleepers: RefCell<BTreeMap<u64, Waker>>,
    next_sleeper: Cell<u64>,
}

impl HostClock {
    /// What it shows at `now`.
    pub fn at(&self, now: Instant) -> Instant {
        self.clock.get().at(now)
    }

    /// The true time at which it shows `local`.
    pub fn when(&self, local: Instant) -> Instant {
        self.clock.get().when(local)
    }

    /// Changes it; the sleepers must then be [woken](Self::wake).
    pub fn skew(&self, now: Instant, skew: ClockSkew) {
        self.clock.set(self.clock.get().skewed(now, skew));
    }

    /// Wakes the tasks that sleep, to look again.
    pub fn wake(&self) {
        self.sleepers.borrow().values().for_each(Waker::wake_by_ref);
    }

    /// Has `waker` woken when the clock is changed, until [`forget_sleeper`](Self::forget_sleeper).
    pub fn add_sleeper(&self, waker: Waker) -> u64 {
        let id = self.next_sleeper.replace(self.next_sleeper.get() + 1);
        self.sleepers.borrow_mut().insert(id, waker);
        id
    }

    /// No longer has that sleeper woken.
    pub fn forget_sleeper(&self, id: u64) {
        self.sleepers.borrow_mut().remove(&id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drifting_clock_shows_a_time_no_earlier_than_asked_for_at_the_moment_it_names() {
        for drift_ppm in [-500_000, -200, 0, 200, 1_000_000] {
            let clock =
                Clock { since: Instant::from_nanos(77), shown: Instant::from_nanos(1_000), drift_ppm };
            for nanos in [1_000, 1_001, 123_456_789] {
                let local = Instant::from_nanos(nanos);
                let when = clock.when(local);
                assert!(clock.at(when) >= local, "{drift_ppm} {nanos}");
                assert!(clock.at(when) - local <= Duration::from_nanos(2), "{drift_ppm} {nanos}");
            }
        }
    }
}
