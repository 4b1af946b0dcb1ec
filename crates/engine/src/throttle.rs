//! A reader that takes bytes no faster than it is allowed to.

use std::time::Duration;

use seaworthy_core::Instant;

use crate::fault::ReadRate;

/// What a read may do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowance {
    /// Take up to so many bytes.
    Bytes(usize),
    /// Try again then.
    At(Instant),
    /// Wait until the rate changes.
    Never,
}

/// Spreads reads over time.
#[derive(Clone, Copy, Debug)]
pub struct Throttle {
    rate: ReadRate,
    /// Earliest time of the next read.
    next: Instant,
}

/// A slow reader reads in steps of this length, or of one byte if that takes longer.
const STEP: Duration = Duration::from_millis(10);

impl Default for Throttle {
    fn default() -> Self {
        Self { rate: ReadRate::Unlimited, next: Instant::ZERO }
    }
}

impl Throttle {
    /// Another rate, from `now` on.
    pub fn set(&mut self, rate: ReadRate, now: Instant) {
        *self = Self { rate, next: now };
    }

    /// How much may be read at `now`.
    pub fn allowance(&self, now: Instant) -> Allowance {
        match self.rate {
            ReadRate::Unlimited => Allowance::Bytes(usize::MAX),
            ReadRate::Stalled | ReadRate::BytesPerSecond(0) => Allowance::Never,
            ReadRate::BytesPerSecond(_) if now < self.next => Allowance::At(self.next),
            ReadRate::BytesPerSecond(rate) => {
                let step = u128::from(rate) * STEP.as_nanos() / 1_000_000_000;
                Allowance::Bytes(usize::try_from(step.max(1)).unwrap_or(usize::MAX))
            }
        }
    }

    /// So much was read.
    pub fn took(&mut self, now: Instant, bytes: usize) {
        if let ReadRate::BytesPerSecond(rate @ 1..) = self.rate {
            let nanos = bytes as u128 * 1_000_000_000 / u128::from(rate);
            self.next = now + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes_read_in(rate: u64, time: Duration) -> usize {
        let mut throttle = Throttle::default();
        throttle.set(ReadRate::BytesPerSecond(rate), Instant::ZERO);
        let (mut now, mut read) = (Instant::ZERO, 0);
        while now < Instant::ZERO + time {
            match throttle.allowance(now) {
                Allowance::Bytes(bytes) => {
                    throttle.took(now, bytes);
                    read += bytes;
                }
                Allowance::At(at) => now = at,
                Allowance::Never => break,
            }
        }
        read
    }

    #[test]
    fn a_second_of_reading_takes_as_many_bytes_as_the_rate() {
        for rate in [1, 7, 99, 100, 12_345, 1_000_000] {
            let read = bytes_read_in(rate, Duration::from_secs(1));
            assert!(read.abs_diff(rate as usize) <= 1 + rate as usize / 50, "{rate}: {read}");
        }
    }

    #[test]
    fn a_rate_of_zero_reads_nothing() {
        assert_eq!(bytes_read_in(0, Duration::from_secs(1)), 0);
    }

    #[test]
    fn an_unlimited_reader_takes_everything_at_once() {
        assert_eq!(Throttle::default().allowance(Instant::ZERO), Allowance::Bytes(usize::MAX));
    }
}
