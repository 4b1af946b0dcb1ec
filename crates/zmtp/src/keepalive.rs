//! Signs of life that we owe a peer whose PINGs we may not see.
//!
//! A PING is answered when it is read. That may be late: it lies behind messages that nobody receives, behind the rest of
//! a long frame, or behind others on a slow way. Any frame is a sign of life (RFC 37), so a PONG goes out unasked as
//! long as something is unread. How often depends on the peer: one of our kind says in its first PING how long it waits.

use std::time::Duration;

use seaworthy_core::Instant;
use seaworthy_core::planted::{Bug, planted};

use crate::limits::HEARTBEAT_MIN;

/// What the context of our PINGs and of unasked PONGs begins with. A PING has the sender's patience behind it, in
/// milliseconds, as 32 bits in network order; zero is without end.
pub(crate) const SIGNATURE: [u8; 4] = *b"SEAW";

/// Signs of life within a peer's patience: one may be late, or lost time on its way.
const SIGNS_PER_PATIENCE: u32 = 3;

/// Between two signs of life for a peer that has not announced its patience.
const INTERVAL_UNKNOWN_PATIENCE: Duration = Duration::from_millis(100);

/// The same for one that was seen not to send PINGs for a while: a socket that is full for days costs little.
const INTERVAL_UNASKED_MAX: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Debug)]
pub(crate) struct Keepalive {
    /// Between two of them. `None` when the peer expects none.
    every: Option<Duration>,
    /// The peer has sent a PING.
    asked: bool,
    /// When the next one is due.
    due: Option<Instant>,
    /// Since when something lies unread, the same frame or the same messages.
    behind_since: Option<Instant>,
    /// Since when there are messages.
    since: Instant,
}

impl Keepalive {
    /// `knows_pong`: the peer's version of ZMTP has PONGs, so that it may get one unasked.
    pub(crate) fn new(now: Instant, knows_pong: bool) -> Self {
        let every = knows_pong.then_some(INTERVAL_UNKNOWN_PATIENCE);
        Self { every, asked: false, due: None, behind_since: None, since: now }
    }

    /// The peer sent a PING.
    pub(crate) fn asked(&mut self, ttl: Duration, context: &[u8]) {
        self.asked = true;
        self.due = None;
        self.every = match patience(context) {
            Some(patience) if patience.is_zero() => None,
            Some(patience) => Some((patience / SIGNS_PER_PATIENCE).max(HEARTBEAT_MIN)),
            // Only the first of a peer's PINGs has it.
            None if self.every.is_some_and(|every| every != INTERVAL_UNKNOWN_PATIENCE) => self.every,
            None => Some(INTERVAL_UNKNOWN_PATIENCE),
        };
        if !ttl.is_zero() {
            // It must show, by acknowledging them, that it is alive itself.
            let often = ttl / SIGNS_PER_PATIENCE;
            self.every = Some(self.every.map_or(often, |every| every.min(often)));
        }
    }

    /// What was read was decoded as far as possible. `behind` says whether something is left, `messages` whether there
    /// were messages: then a PING may be on its way behind others.
    pub(crate) fn settle(&mut self, now: Instant, behind: bool, messages: bool) {
        if planted(Bug::StalledIsSilent) {
            return;
        }
        if !behind {
            self.behind_since = None;
        } else if messages || self.behind_since.is_none() {
            self.behind_since = Some(now);
        }
        if behind || messages && self.asked {
            if self.due.is_none() {
                self.due = self.every.map(|every| now + every);
            }
        } else if !self.asked {
            // Everything was read, and no PING was there: its interval is longer than that.
            let seen = now.saturating_duration_since(self.since) / 2;
            self.every = self.every.map(|_| seen.clamp(INTERVAL_UNKNOWN_PATIENCE, INTERVAL_UNASKED_MAX));
        }
    }

    pub(crate) const fn due(&self) -> Option<Instant> {
        self.due
    }

    /// True when one is to be given now.
    pub(crate) fn take_due(&mut self, now: Instant) -> bool {
        if self.due.is_none_or(|due| due > now) {
            return false;
        }
        self.due = match (self.every, self.behind_since) {
            // A peer that has not asked is not bothered while it makes progress.
            (Some(every), Some(since)) if !self.asked && since + every > now => Some(since + every),
            (Some(every), Some(_)) => Some(now + every),
            _ => None,
        };
        self.asked
            || self.behind_since.is_some_and(|since| self.every.is_some_and(|every| since + every <= now))
    }
}

/// The context of a PING of ours.
pub(crate) fn context(patience: Duration) -> [u8; 8] {
    let millis =
        if patience.is_zero() { 0 } else { patience.as_millis().clamp(1, u128::from(u32::MAX)) as u32 };
    let [a, b, c, d] = millis.to_be_bytes();
    let [s, e, w, v] = SIGNATURE;
    [s, e, w, v, a, b, c, d]
}

/// The patience that a PING's context announces.
fn patience(context: &[u8]) -> Option<Duration> {
    let (signature, millis) = context.split_first_chunk::<4>()?;
    let millis: [u8; 4] = millis.try_into().ok()?;
    (*signature == SIGNATURE).then(|| Duration::from_millis(u32::from_be_bytes(millis).into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn at(millis: u32) -> Instant {
        Instant::ZERO + MS * millis
    }

    #[test]
    fn a_context_announces_the_patience_of_its_sender() {
        for (patience_of, announced) in [
            (Duration::ZERO, Duration::ZERO),
            (Duration::from_nanos(1), MS),
            (MS * 300, MS * 300),
            (Duration::MAX, MS * u32::MAX),
        ] {
            assert_eq!(patience(&context(patience_of)), Some(announced));
        }
        assert_eq!(patience(b"SEAW"), None);
        assert_eq!(patience(b"WAES\0\0\0\x01"), None);
        assert_eq!(patience(b"SEAW\0\0\0\x01\0"), None);
    }

    #[test]
    fn a_peer_that_announced_its_patience_gets_three_signs_in_that_time_while_something_is_unread() {
        let mut keepalive = Keepalive::new(at(0), true);
        keepalive.asked(Duration::ZERO, &context(MS * 300));
        keepalive.settle(at(10), true, false);
        assert_eq!(keepalive.due(), Some(at(110)));
        keepalive.settle(at(50), true, false);
        assert!(!keepalive.take_due(at(109)));
        assert!(keepalive.take_due(at(110)));
        assert_eq!(keepalive.due(), Some(at(210)));
        keepalive.settle(at(150), false, false);
        assert!(keepalive.take_due(at(210)), "one more, for what may be on its way");
        assert_eq!(keepalive.due(), None);
    }

    #[test]
    fn messages_are_followed_by_a_sign_if_the_peer_sends_pings() {
        let mut keepalive = Keepalive::new(at(0), true);
        keepalive.settle(at(0), false, true);
        assert_eq!(keepalive.due(), None);
        keepalive.asked(Duration::ZERO, &context(MS * 300));
        keepalive.settle(at(0), false, false);
        assert_eq!(keepalive.due(), None, "not for PINGs alone, which two would send each other without end");
        keepalive.settle(at(0), false, true);
        assert_eq!(keepalive.due(), Some(at(100)));
    }

    #[test]
    fn a_peer_without_end_to_its_patience_gets_none() {
        let mut keepalive = Keepalive::new(at(0), true);
        keepalive.asked(Duration::ZERO, &context(Duration::ZERO));
        keepalive.settle(at(0), true, true);
        assert_eq!(keepalive.due(), None);
    }

    #[test]
    fn later_pings_without_a_context_change_nothing_and_a_time_to_live_asks_for_more() {
        let mut keepalive = Keepalive::new(at(0), true);
        keepalive.asked(Duration::ZERO, &context(MS * 3000));
        keepalive.asked(Duration::ZERO, b"");
        keepalive.settle(at(0), true, false);
        assert_eq!(keepalive.due(), Some(at(1000)));
        keepalive.asked(MS * 600, b"");
        keepalive.settle(at(0), true, false);
        assert_eq!(keepalive.due(), Some(at(200)));
    }

    #[test]
    fn a_peer_that_was_seen_to_send_no_pings_gets_fewer() {
        let mut keepalive = Keepalive::new(at(0), true);
        for (seen, every) in [(0, 100), (200, 100), (1000, 500), (2000, 1000), (3_600_000, 1000)] {
            keepalive.settle(at(seen), false, true);
            keepalive.settle(at(seen), true, false);
            assert_eq!(keepalive.due(), Some(at(seen + every)));
            assert!(keepalive.take_due(at(seen + every)));
            keepalive.settle(at(seen + every), false, false);
            assert!(!keepalive.take_due(at(seen + 2 * every)), "nothing is unread any more");
            assert_eq!(keepalive.due(), None);
            keepalive = Keepalive::new(at(0), true);
        }
    }

    #[test]
    fn a_peer_that_has_not_asked_gets_none_while_it_makes_progress() {
        let mut keepalive = Keepalive::new(at(0), true);
        for millis in (0..1000).step_by(50) {
            keepalive.settle(at(millis), true, true);
            assert!(!keepalive.take_due(at(millis)));
        }
        assert!(!keepalive.take_due(at(1000)));
        assert_eq!(keepalive.due(), Some(at(1050)));
        assert!(keepalive.take_due(at(1050)));
    }

    #[test]
    fn a_peer_that_may_not_know_pongs_gets_none_until_it_asks() {
        let mut keepalive = Keepalive::new(at(0), false);
        keepalive.settle(at(0), true, false);
        assert_eq!(keepalive.due(), None);
        keepalive.asked(Duration::ZERO, b"");
        keepalive.settle(at(0), true, false);
        assert_eq!(keepalive.due(), Some(at(100)));
    }
}
