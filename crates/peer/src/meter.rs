//! Stopwatches.

use std::time::Duration;

use seaworthy::{CompioNetwork, Instant, Message, Network};

use crate::arguments::{Arguments, END_MARKER};
use crate::report;

/// A received message that was not sent by the benchmark.
#[derive(Debug, thiserror::Error)]
#[error("a message of {got} bytes arrived, {want} were expected")]
pub(crate) struct WrongSize {
    got: usize,
    want: usize,
}

/// Measures a one-way receiver, from its first message to its last.
pub(crate) struct OneWay {
    clock: CompioNetwork,
    count: u64,
    size: usize,
    received: u64,
    first: Instant,
}

impl OneWay {
    pub(crate) fn new(arguments: &Arguments) -> Self {
        Self {
            clock: CompioNetwork::new(),
            count: arguments.count,
            size: arguments.size,
            received: 0,
            first: Instant::ZERO,
        }
    }

    /// Counts `message`; an envelope before its last frame is not part of the size. False when it was the last,
    /// and then the result has been printed.
    pub(crate) fn count(&mut self, message: &Message) -> Result<bool, WrongSize> {
        let got = message.frames().last().map_or(0, |body| body.len());
        if got != self.size {
            return Err(WrongSize { got, want: self.size });
        }
        if self.received == 0 {
            self.first = self.clock.now();
        }
        self.received += 1;
        if self.received < self.count {
            return Ok(true);
        }
        let seconds = (self.clock.now() - self.first).as_secs_f64();
        let rate = (self.received - 1) as f64 / seconds;
        report::result(&[
            ("n", self.received as f64),
            ("secs", seconds),
            ("rate", rate),
            ("mb_s", rate * self.size as f64 / 1e6),
        ]);
        Ok(false)
    }
}

/// Measures round trips.
pub(crate) struct RoundTrips {
    clock: CompioNetwork,
    began: Instant,
    trips: Vec<Duration>,
}

impl RoundTrips {
    /// Starts the clock.
    pub(crate) fn new(count: u64) -> Self {
        let clock = CompioNetwork::new();
        let began = clock.now();
        Self { clock, began, trips: Vec::with_capacity(usize::try_from(count).unwrap_or(0)) }
    }

    pub(crate) fn now(&self) -> Instant {
        self.clock.now()
    }

    pub(crate) fn add(&mut self, since: Instant) {
        self.trips.push(self.clock.now() - since);
    }

    /// Prints the result, in microseconds.
    pub(crate) fn finish(mut self) {
        let seconds = (self.clock.now() - self.began).as_secs_f64();
        let count = self.trips.len() as f64;
        let mean = self.trips.iter().sum::<Duration>().as_secs_f64() * 1e6 / count;
        self.trips.sort_unstable();
        let quantile = |part: f64| {
            let last = self.trips.len().saturating_sub(1);
            let trip = self.trips.get(((count * part) as usize).min(last));
            trip.map_or(0.0, |trip| trip.as_secs_f64() * 1e6)
        };
        report::result(&[
            ("n", count),
            ("secs", seconds),
            ("p50", quantile(0.50)),
            ("p90", quantile(0.90)),
            ("p99", quantile(0.99)),
            ("p999", quantile(0.999)),
            ("max", quantile(1.0)),
            ("mean", mean),
            ("rate", count / seconds),
        ]);
    }
}

/// What one subscriber has seen.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    received: u64,
    first: Option<Instant>,
    last: Option<Instant>,
}

impl Tally {
    /// Counts a publication. False when it was the end marker.
    pub(crate) fn count(&mut self, message: &Message, clock: &CompioNetwork) -> bool {
        if message.frame(0) == Some(END_MARKER) {
            return false;
        }
        self.received += 1;
        if self.received == 1 {
            self.first = Some(clock.now());
        }
        // As in the other implementations' processes, the clock is read sparsely.
        if self.received.is_multiple_of(256) {
            self.last = Some(clock.now());
        }
        true
    }

    /// Prints the result of all subscribers together.
    pub(crate) fn finish(tallies: &[Self], arguments: &Arguments) {
        let received: u64 = tallies.iter().map(|tally| tally.received).sum();
        let first = tallies.iter().filter_map(|tally| tally.first).min();
        let last = tallies.iter().filter_map(|tally| tally.last).max();
        let seconds = first.zip(last).map_or(0.0, |(first, last)| (last - first).as_secs_f64());
        let rate = if seconds > 0.0 { received as f64 / seconds } else { 0.0 };
        let due = arguments.count * tallies.len() as u64;
        report::result(&[
            ("n", received as f64),
            ("secs", seconds),
            ("rate", rate),
            ("mb_s", rate * arguments.size as f64 / 1e6),
            ("loss", 1.0 - received as f64 / due as f64),
            ("min_sub", tallies.iter().map(|tally| tally.received).min().unwrap_or(0) as f64),
        ]);
    }
}
