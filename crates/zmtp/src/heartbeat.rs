//! Deadlines, and what they are for (RFC 37, "Connection Heartbeating").

use std::fmt;
use std::time::Duration;

use seaworthy_core::Instant;
use seaworthy_core::planted::{Bug, planted};

use crate::config::ConnectionConfig;
use crate::limits::{PINGS_UNANSWERED_MAX, TTL_DECISECONDS_MAX};

/// Why a connection wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Timer {
    /// The handshake has taken too long: the connection fails.
    Handshake,
    /// Nothing came after our PING: the connection fails.
    PongMissing,
    /// Nothing came for as long as the peer's PING said: the connection fails.
    TimeToLive,
    /// It is time for a PING.
    PingDue,
}

impl fmt::Display for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Handshake => "the handshake is not complete",
            Self::PongMissing => "nothing came after a PING",
            Self::TimeToLive => "nothing came within the time to live of the peer's PING",
            Self::PingDue => "a PING is due",
        })
    }
}

/// Heartbeats in both directions.
///
/// Only complete frames answer a PING, but part of a long frame is a sign of life too: it moves the deadlines on
/// (libzmq gives up in the middle of a transfer that takes longer than its timeout, libzmq#2709).
#[derive(Debug)]
pub(crate) struct Heartbeat {
    interval: Duration,
    timeout: Duration,
    /// What our PINGs ask of the peer.
    ttl_deciseconds: u16,
    /// When the next PING is due; `None` when we send none.
    ping_due: Option<Instant>,
    /// Armed by a PING that goes out, disarmed by any frame that comes in.
    pong_missing: Option<Instant>,
    /// Armed by the peer's PING, disarmed by any frame that comes in.
    expires: Option<Instant>,
    /// What the peer's last PING asked of us.
    peer_ttl: Duration,
    pings_unanswered: u16,
    /// The peer has sent a PING.
    pinged: bool,
}

impl Heartbeat {
    pub(crate) fn new(config: &ConnectionConfig, now: Instant) -> Self {
        let interval = config.heartbeat_ivl;
        Self {
            interval,
            timeout: config.heartbeat_timeout.unwrap_or(interval),
            ttl_deciseconds: deciseconds(config.heartbeat_ttl),
            ping_due: (!interval.is_zero()).then(|| now + interval),
            pong_missing: None,
            expires: None,
            peer_ttl: Duration::ZERO,
            pings_unanswered: 0,
            pinged: false,
        }
    }

    /// A whole frame came: "a peer SHOULD treat any incoming traffic (not just a PONG reply) as a sign of life".
    #[inline]
    pub(crate) fn heard(&mut self) {
        if planted(Bug::HeartbeatDeaf) {
            return;
        }
        self.pong_missing = None;
        self.expires = None;
        self.pings_unanswered = 0;
    }

    /// Bytes came, or would have if they had been read, but no whole frame yet.
    pub(crate) fn heard_in_part(&mut self, now: Instant) {
        if let Some(deadline) = &mut self.pong_missing {
            *deadline = now + self.timeout;
        }
        if let Some(deadline) = &mut self.expires {
            *deadline = now + self.peer_ttl;
        }
    }

    /// The peer sent a PING with this time to live.
    pub(crate) fn ping_received(&mut self, now: Instant, ttl_deciseconds: u16) {
        self.pinged = true;
        self.peer_ttl = Duration::from_millis(100 * u64::from(ttl_deciseconds));
        self.expires = (ttl_deciseconds > 0).then(|| now + self.peer_ttl);
    }

    /// True when either side sends PINGs.
    pub(crate) fn is_active(&self) -> bool {
        self.pinged || !self.interval.is_zero()
    }

    /// The next deadline. Of two at the same time, the one that ends the connection.
    pub(crate) fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        [
            (self.pong_missing, Timer::PongMissing),
            (self.expires, Timer::TimeToLive),
            (self.ping_due, Timer::PingDue),
        ]
        .into_iter()
        .filter_map(|(deadline, timer)| Some((deadline?, timer)))
        .min()
    }

    /// Time to live of the PING that is due now, if one is.
    ///
    /// # Errors
    /// The timer that has run out and ends the connection.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Result<Option<u16>, Timer> {
        match self.poll_timeout() {
            Some((deadline, _)) if deadline > now => Ok(None),
            None => Ok(None),
            Some((_, Timer::PingDue)) => {
                self.ping_due = Some(now + self.interval);
                if self.pings_unanswered == PINGS_UNANSWERED_MAX {
                    return Ok(None);
                }
                self.pings_unanswered += 1;
                if planted(Bug::HeartbeatNeverTimesOut) {
                    return Ok(Some(self.ttl_deciseconds));
                }
                if self.pong_missing.is_none() && !self.timeout.is_zero() {
                    self.pong_missing = Some(now + self.timeout);
                }
                Ok(Some(self.ttl_deciseconds))
            }
            Some((_, timer)) => Err(timer),
        }
    }
}

/// Rounded up, so that a short time to live does not become none; and capped.
fn deciseconds(ttl: Duration) -> u16 {
    u16::try_from(ttl.as_nanos().div_ceil(100_000_000)).unwrap_or(TTL_DECISECONDS_MAX)
}
