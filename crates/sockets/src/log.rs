//! What sockets log with `tracing`: every event at DEBUG, and at WARN what needs attention.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use seaworthy_core::{Endpoint, Instant};

use crate::monitor::Event;

/// Warnings about one endpoint, by all sockets of a context, within a [`WARNING_PERIOD`]. What goes beyond is logged at
/// DEBUG and counted: a peer that fails again and again, or a flood of strangers, must not fill a disk.
pub const WARNINGS_MAX: u32 = 10;

/// See [`WARNINGS_MAX`].
pub const WARNING_PERIOD: Duration = Duration::from_secs(60);

/// Endpoints of a context that are warned of within a [`WARNING_PERIOD`]. Others are logged at DEBUG meanwhile: a thousand
/// sockets without a file must not fill the disk either.
const WARNED_ENDPOINTS_MAX: usize = 100;

/// How much attention an event wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Severity {
    /// It happens all the time.
    Routine,
    /// It will not get better by itself: a peer that we cannot talk to, or no more files.
    Fault,
}

/// Writes the events of all sockets of a context. Clones are the same log.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    endpoints: Arc<Mutex<BTreeMap<Endpoint, Warned>>>,
}

#[derive(Debug)]
struct Warned {
    since: Instant,
    warnings: u32,
    suppressed: u64,
}

impl Log {
    pub(crate) fn write(&self, event: &Event, severity: Severity, now: Instant) {
        match self.admit(event, severity, now) {
            Some(suppressed) => warn(event, suppressed),
            None => debug(event),
        }
    }

    /// Whether to warn; then the number of warnings that were suppressed since the last one.
    fn admit(&self, event: &Event, severity: Severity, now: Instant) -> Option<u64> {
        if severity == Severity::Routine {
            return None;
        }
        let mut endpoints = self.endpoints.lock().unwrap_or_else(PoisonError::into_inner);
        let endpoint = endpoint(event);
        if !endpoints.contains_key(endpoint) && endpoints.len() >= WARNED_ENDPOINTS_MAX {
            endpoints.retain(|_, warned| now - warned.since < WARNING_PERIOD);
            if endpoints.len() >= WARNED_ENDPOINTS_MAX {
                return None;
            }
        }
        let warned =
            endpoints.entry(endpoint.clone()).or_insert(Warned { since: now, warnings: 0, suppressed: 0 });
        if now - warned.since >= WARNING_PERIOD {
            (warned.since, warned.warnings) = (now, 0);
        }
        if warned.warnings >= WARNINGS_MAX {
            warned.suppressed += 1;
            return None;
        }
        warned.warnings += 1;
        Some(std::mem::take(&mut warned.suppressed))
    }
}

fn endpoint(event: &Event) -> &Endpoint {
    match event {
        Event::Listening { endpoint }
        | Event::Accepted { endpoint, .. }
        | Event::AcceptFailed { endpoint, .. }
        | Event::Connected { endpoint, .. }
        | Event::ConnectRetried { endpoint, .. }
        | Event::HandshakeSucceeded { endpoint, .. }
        | Event::HandshakeFailed { endpoint, .. }
        | Event::Disconnected { endpoint, .. }
        | Event::ConnectStopped { endpoint, .. }
        | Event::Closed { endpoint } => endpoint,
    }
}

/// Writes an event under its name, with its fields.
macro_rules! write_event {
    ($level:ident, $event:expr $(, $suppressed:ident)?) => {
        match $event {
            Event::Listening { endpoint } => tracing::$level!(%endpoint $(, $suppressed)?, "listening"),
            Event::Accepted { connection, endpoint, peer } => {
                tracing::$level!(%endpoint, peer, %connection $(, $suppressed)?, "accepted");
            }
            Event::AcceptFailed { endpoint, reason } => {
                tracing::$level!(%endpoint, reason $(, $suppressed)?, "accept failed");
            }
            Event::Connected { connection, endpoint, peer } => {
                tracing::$level!(%endpoint, peer, %connection $(, $suppressed)?, "connected");
            }
            Event::ConnectRetried { endpoint, after, reason } => {
                tracing::$level!(%endpoint, ?after, reason $(, $suppressed)?, "connect retried");
            }
            Event::HandshakeSucceeded { connection, endpoint, peer, routing_id, socket_type, .. } => tracing::$level!(
                %endpoint, peer, %connection, ?routing_id, socket_type $(, $suppressed)?, "handshake succeeded"
            ),
            Event::HandshakeFailed { connection, endpoint, peer, reason, .. } => {
                tracing::$level!(%endpoint, peer, %connection, reason $(, $suppressed)?, "handshake failed");
            }
            Event::Disconnected { connection, endpoint, peer, routing_id, reason } => tracing::$level!(
                %endpoint, peer, %connection, ?routing_id, reason $(, $suppressed)?, "disconnected"
            ),
            Event::ConnectStopped { endpoint, reason } => {
                tracing::$level!(%endpoint, reason $(, $suppressed)?, "connect stopped");
            }
            Event::Closed { endpoint } => tracing::$level!(%endpoint $(, $suppressed)?, "no longer listening"),
        }
    };
}

fn debug(event: &Event) {
    write_event!(debug, event);
}

#[cold]
fn warn(event: &Event, suppressed: u64) {
    let suppressed = (suppressed > 0).then_some(suppressed);
    write_event!(warn, event, suppressed);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(endpoint: &str) -> Event {
        Event::AcceptFailed { endpoint: endpoint.parse().expect("an endpoint"), reason: String::new() }
    }

    #[test]
    fn warnings_about_an_endpoint_are_limited_and_the_others_counted() {
        let log = Log::default();
        let (one, other) = (failed("tcp://*:1"), failed("tcp://*:2"));
        let at = |seconds| Instant::ZERO + Duration::from_secs(seconds);
        let last = WARNING_PERIOD.as_secs() - 1;
        for _ in 0..WARNINGS_MAX {
            assert_eq!(log.admit(&one, Severity::Fault, at(0)), Some(0));
        }
        assert_eq!(log.admit(&one, Severity::Fault, at(0)), None);
        assert_eq!(log.admit(&one, Severity::Fault, at(last)), None);
        assert_eq!(log.admit(&other, Severity::Fault, at(last)), Some(0), "each endpoint has its own limit");
        assert_eq!(log.admit(&one, Severity::Fault, at(last + 1)), Some(2));
        assert_eq!(log.admit(&one, Severity::Fault, at(last + 1)), Some(0));
        assert_eq!(log.admit(&one, Severity::Routine, at(last + 1)), None);
    }

    #[test]
    fn no_more_endpoints_are_warned_of_at_a_time_than_the_limit() {
        let log = Log::default();
        let warned =
            |number: usize, now| log.admit(&failed(&format!("tcp://*:{number}")), Severity::Fault, now);
        for number in 1..=WARNED_ENDPOINTS_MAX {
            assert_eq!(warned(number, Instant::ZERO), Some(0));
        }
        assert_eq!(warned(WARNED_ENDPOINTS_MAX + 1, Instant::ZERO), None);
        assert_eq!(warned(1, Instant::ZERO), Some(0), "those that are known already are warned of");
        assert_eq!(warned(WARNED_ENDPOINTS_MAX + 1, Instant::ZERO + WARNING_PERIOD), Some(0));
        assert_eq!(log.endpoints.lock().expect("nobody panicked").len(), 1);
    }
}
