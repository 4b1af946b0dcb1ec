//! How long a bind waits for an address that is in use.

use std::time::Duration;

use super::clock;
use crate::Instant;

/// How long an address may stay in use after its holder was killed: until its process has ended.
const BIND_RETRY_MAX: Duration = Duration::from_millis(50);

const PAUSE: Duration = Duration::from_millis(1);

/// Blocks the thread in short pauses until a limit is reached: a bind is no future.
pub(super) struct BlockingRetry {
    until: Instant,
}

impl BlockingRetry {
    pub(super) fn new() -> Self {
        Self::within(BIND_RETRY_MAX)
    }

    pub(super) fn within(limit: Duration) -> Self {
        Self { until: clock::now() + limit }
    }

    /// Waits a little before the next attempt. False, at once, when there should be none.
    pub(super) fn pause(&self) -> bool {
        if clock::now() >= self.until {
            return false;
        }
        #[allow(
            clippy::disallowed_methods,
            reason = "it is the kernel that is waited for, and bind is no future"
        )]
        std::thread::sleep(PAUSE);
        true
    }
}
