//! A host's clock.

use std::time::Duration;

use seaworthy_core::Instant;

use crate::fault::ClockSkew;

/// A host's clock: it showed `shown` at `since`, and advances by `1 + drift_ppm / 1e6`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Clock {
    since: Instant,
    shown: Instant,
    drift_ppm: i32,
}

impl Clock {
    /// The clock with this skew from `now` on.
    pub(crate) fn skewed(&self, now: Instant, skew: ClockSkew) -> Self {
        Self { since: now, shown: self.at(now) + skew.jump, drift_ppm: skew.drift_ppm }
    }

    /// What it shows at `now`.
    pub(crate) fn at(&self, now: Instant) -> Instant {
        if self.drift_ppm == 0 {
            return self.shown + (now - self.since);
        }
        let nanos = (now - self.since).as_nanos() * (1_000_000 + i128::from(self.drift_ppm)).max(1) as u128;
        Instant::from_nanos(self.shown.as_nanos() + (nanos / 1_000_000) as u64)
    }

    /// The first moment at which it shows `local`.
    pub(crate) fn when(&self, local: Instant) -> Instant {
        let nanos = (local - self.shown).as_nanos() * 1_000_000;
        let rate = (1_000_000 + i128::from(self.drift_ppm)).max(1) as u128;
        self.since + Duration::from_nanos(u64::try_from(nanos.div_ceil(rate)).unwrap_or(u64::MAX))
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
