//! What a simulation is built with.

use std::time::Duration;

use crate::fault::CancelWeights;
use crate::link::LinkConfig;

/// What a simulation is built with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Decides everything that is drawn.
    pub seed: u64,
    /// What links are like that nobody configured.
    pub link: LinkConfig,
    /// Bytes of a stream's send buffer, where its options do not say.
    pub send_buffer: usize,
    /// Bytes of a stream's receive buffer, where its options do not say.
    pub receive_buffer: usize,
    /// Longest IP packet, in bytes.
    pub mtu: usize,
    /// How long a kernel goes on asking for a connection.
    pub connect_timeout: Duration,
    /// How long a kernel goes on sending to a peer that does not answer.
    pub user_timeout: Duration,
    /// Whether tasks that are ready at the same time run in an order drawn from the seed. On warp only.
    pub shuffle: bool,
    /// How often tasks may be polled before time must advance.
    pub poll_budget: u64,
    /// How much wall-clock time a run may take.
    pub wall_limit: Option<Duration>,
    /// What becomes of dropped operations.
    pub cancel_weights: CancelWeights,
    /// Probability that an operation yields once before it is looked at.
    pub yield_chance: f64,
}

impl Settings {
    /// The defaults: perfect links of 1 ms, and Linux's timeouts.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            link: LinkConfig::default(),
            send_buffer: 64 * 1024,
            receive_buffer: 64 * 1024,
            mtu: 1500,
            // Linux: 6 retries of a SYN, from one second, doubling.
            connect_timeout: Duration::from_secs(127),
            // Linux: tcp_retries2 = 15 comes to 924.6 seconds.
            user_timeout: Duration::from_millis(924_600),
            shuffle: false,
            poll_budget: 1_000_000,
            wall_limit: None,
            cancel_weights: CancelWeights::default(),
            yield_chance: 0.0,
        }
    }
}
