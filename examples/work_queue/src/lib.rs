//! A work queue: clients submit jobs to a broker, which gives them to workers and reports what came out.
//!
//! Everything is generic over [`Network`](seaworthy::Network), so the program that `main.rs` runs on real hosts is the
//! program that `tests/` puts into simulated storms. The README tells the story.

#![forbid(unsafe_code)]

mod broker;
mod client;
mod message;
mod worker;

pub use broker::broker;
pub use client::client;
pub use message::{JobId, Word};
pub use worker::{Acknowledge, work, worker};

use std::time::Duration;

use seaworthy::Options;

/// After how long without an answer somebody tries again.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// What all sockets of the queue have in common: dead peers are found out, and nobody waits for one at the end.
fn options() -> Options {
    Options::default().heartbeat_ivl(Duration::from_millis(500)).linger(Duration::from_secs(1))
}
