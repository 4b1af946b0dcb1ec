//! What a run may use up before it is called endless: polls while time stands still, and time outside.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "it measures the simulator, not the simulated"
)]

use std::time::Duration;

use seaworthy_core::Instant;

/// What a run has used up.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    polls: u64,
    at: Instant,
    started: std::time::Instant,
}

impl Budget {
    /// A run begins at `at`.
    pub fn new(at: Instant) -> Self {
        Self { polls: 0, at, started: std::time::Instant::now() }
    }

    /// Counts a poll at `now`, and gives back how many there were since time last advanced.
    pub fn spend_poll(&mut self, now: Instant) -> u64 {
        if now != self.at {
            (self.polls, self.at) = (0, now);
        }
        self.polls += 1;
        self.polls
    }

    /// How long the run takes already, outside.
    pub fn wall(&self) -> Duration {
        self.started.elapsed()
    }
}
