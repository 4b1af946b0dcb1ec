//! The system's monotonic clock.

use std::sync::OnceLock;

use crate::Instant;

#[allow(clippy::disallowed_types, reason = "this is the clock that everything else must ask")]
type SystemInstant = std::time::Instant;

/// When the process first asked for the time: [`Instant::ZERO`] on every thread.
#[allow(clippy::disallowed_methods, reason = "this is the clock that everything else must ask")]
fn epoch() -> SystemInstant {
    static EPOCH: OnceLock<SystemInstant> = OnceLock::new();
    *EPOCH.get_or_init(SystemInstant::now)
}

pub(super) fn now() -> Instant {
    Instant::ZERO + epoch().elapsed()
}

/// compio keeps its timers in the order of their deadlines.
pub(super) async fn sleep_until(deadline: Instant) {
    match epoch().checked_add(deadline.since_epoch()) {
        Some(deadline) => compio::time::sleep_until(deadline).await,
        // A time the system's clock cannot express does not come.
        None => std::future::pending().await,
    }
}
