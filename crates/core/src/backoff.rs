//! The pause between attempts to connect: exponential, with jitter.

use std::time::Duration;

use crate::planted::{Bug, planted};

/// Doubles from `reconnect_ivl` up to `reconnect_ivl_max` and adds jitter, so that clients that lost the same
/// server do not come back in step.
///
/// Each pause is drawn from the upper half of the current interval, `[interval / 2, interval]`; libzmq draws from
/// `[ivl, 2 ivl)` and not at all once a maximum is set.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    max: Duration,
    current: Duration,
}

/// Shortest pause: an interval of zero must not become a busy loop.
pub const RECONNECT_IVL_MIN: Duration = Duration::from_millis(1);

/// Longest interval after ends that are nobody's accident: those who refuse each other meet twice a minute.
pub const FAULT_IVL_MAX: Duration = Duration::from_secs(30);

impl Backoff {
    /// Starts at `first`; `max` below `first` (zero above all) keeps the pause at `first`.
    pub fn new(first: Duration, max: Duration) -> Self {
        let first = first.max(RECONNECT_IVL_MIN);
        Self { first, max: max.max(first), current: first }
    }

    /// The next pause. `random` is uniform over all of `u64`.
    pub fn next_pause(&mut self, random: u64) -> Duration {
        // After faults it may be beyond the maximum.
        let mut interval = self.current.min(self.max);
        if planted(Bug::BackoffUncapped) {
            interval = self.current;
        }
        self.current = interval.saturating_mul(2).min(self.max);
        if planted(Bug::BackoffUncapped) {
            self.current = interval.saturating_mul(2);
        }
        if planted(Bug::NoJitter) {
            return interval;
        }
        if planted(Bug::NoBackoff) {
            return RECONNECT_IVL_MIN;
        }
        let half = u64::try_from(interval.as_nanos() / 2).unwrap_or(u64::MAX / 2);
        interval - Duration::from_nanos(half) + Duration::from_nanos(random % (half + 1))
    }

    /// As [`next_pause`](Self::next_pause), after an end of a connection that comes again: the peer, or this side of it,
    /// refuses something. The interval doubles up to [`FAULT_IVL_MAX`] even where `max` is below.
    pub fn next_pause_after_fault(&mut self, random: u64) -> Duration {
        let max = self.max;
        self.max = max.max(FAULT_IVL_MAX);
        let pause = self.next_pause(random);
        self.max = max;
        pause
    }

    /// Starts over, after a connection was of use.
    pub fn reset(&mut self) {
        self.current = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn the_longest_pause_doubles_up_to_the_maximum_and_starts_over() {
        let mut backoff = Backoff::new(100 * MS, 350 * MS);
        let longest = |b: &mut Backoff| b.clone().next_pause(b.current.as_nanos() as u64 / 2);
        let mut seen = Vec::new();
        for _ in 0..4 {
            seen.push(longest(&mut backoff));
            backoff.next_pause(0);
        }
        assert_eq!(seen, [100 * MS, 200 * MS, 350 * MS, 350 * MS]);
        backoff.reset();
        assert_eq!(longest(&mut backoff), 100 * MS);
    }

    #[test]
    fn a_pause_lies_in_the_upper_half_of_its_interval() {
        for random in [0, 1, u64::MAX / 2, u64::MAX] {
            let pause = Backoff::new(100 * MS, Duration::ZERO).next_pause(random);
            assert!((50 * MS..=100 * MS).contains(&pause), "{pause:?}");
        }
    }

    #[test]
    fn after_faults_the_pause_grows_beyond_the_maximum_and_comes_back() {
        let mut backoff = Backoff::new(100 * MS, Duration::ZERO);
        for _ in 0..20 {
            backoff.next_pause_after_fault(0);
        }
        assert_eq!(backoff.current, FAULT_IVL_MAX);
        assert!(backoff.next_pause(0) <= 100 * MS);
        assert_eq!(backoff.current, 100 * MS);
    }

    #[test]
    fn an_interval_of_zero_still_pauses() {
        let mut backoff = Backoff::new(Duration::ZERO, Duration::ZERO);
        for _ in 0..3 {
            assert!(backoff.next_pause(0) >= RECONNECT_IVL_MIN / 2);
        }
    }
}
