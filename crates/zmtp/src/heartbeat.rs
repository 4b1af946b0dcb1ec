//! Signs of life that we wait for, and when waiting ends (RFC 37, "Connection Heartbeating").

use std::time::Duration;

use seaworthy_core::planted::{Bug, planted};
use seaworthy_core::{Instant, Reachability};

use crate::config::ConnectionConfig;
use crate::limits::{HEARTBEAT_MIN, TTL_DECISECONDS_MAX};
use crate::timer::Timer;

/// Our PINGs and the peer's time to live.
///
/// A PING's deadline begins when it has gone out; until then it begins when the PING was queued. Whatever comes moves a
/// deadline on, a whole frame answers a PING, and one that is not answered is not the end if the peer cannot have seen
/// it: [`examine`](Self::examine).
#[derive(Debug)]
pub(crate) struct Heartbeat {
    interval: Duration,
    timeout: Duration,
    /// What our PINGs ask of the peer.
    ttl_deciseconds: u16,
    /// When the next PING is due; `None` when we send none.
    ping_due: Option<Instant>,
    /// The last PING, while it has not gone out. No other is sent meanwhile, so that what waits is bounded.
    leaving: Leaving,
    /// A PING has gone out, and no frame has come since.
    unanswered: bool,
    /// When the peer's silence after a PING ends the connection.
    pong_missing: Option<Instant>,
    /// The PING is known to have reached the peer's system: the deadline is not put off any more.
    arrived: bool,
    /// When the peer's silence ends the connection because its last PING said so.
    expires: Option<Instant>,
    /// What the peer's last PING asked of us.
    peer_ttl: Duration,
    /// What comes is read.
    listening: bool,
    /// The peer has sent a PING.
    pinged: bool,
    /// The peer sends signs of life also while it does not see our PINGs.
    volunteers: bool,
}

/// Where a PING is that has not gone out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leaving {
    /// There is none.
    None,
    /// It waits for transmission.
    Queued,
    /// It is being written.
    Written,
}

impl Heartbeat {
    pub(crate) fn new(config: &ConnectionConfig, now: Instant) -> Self {
        let at_least = |time: Duration| if time.is_zero() { time } else { time.max(HEARTBEAT_MIN) };
        let interval = at_least(config.heartbeat_ivl);
        Self {
            interval,
            timeout: at_least(config.heartbeat_timeout.unwrap_or(interval)),
            ttl_deciseconds: deciseconds(config.heartbeat_ttl),
            // The first goes out before any message, so that the peer knows what is expected of it.
            ping_due: (!interval.is_zero()).then_some(now),
            leaving: Leaving::None,
            unanswered: false,
            pong_missing: None,
            arrived: false,
            expires: None,
            peer_ttl: Duration::ZERO,
            listening: true,
            pinged: false,
            volunteers: false,
        }
    }

    /// How long we wait for a sign of life, as our PINGs tell the peer. Zero: forever.
    pub(crate) const fn patience(&self) -> Duration {
        self.timeout
    }

    /// A whole frame came: "a peer SHOULD treat any incoming traffic (not just a PONG reply) as a sign of life".
    #[inline]
    pub(crate) fn heard(&mut self) {
        if self.unanswered {
            self.answered();
        }
    }

    #[cold]
    fn answered(&mut self) {
        if planted(Bug::HeartbeatDeaf) {
            return;
        }
        self.unanswered = false;
        self.arrived = false;
        if self.leaving == Leaving::None {
            self.pong_missing = None;
        }
    }

    /// The peer showed a sign of life at `at`: bytes came, whatever they are part of.
    pub(crate) fn sign(&mut self, at: Instant) {
        if planted(Bug::HeartbeatDeaf) {
            return;
        }
        if let Some(deadline) = &mut self.pong_missing {
            *deadline = (*deadline).max(at + self.timeout);
        }
        if let Some(deadline) = &mut self.expires {
            *deadline = (*deadline).max(at + self.peer_ttl);
        }
    }

    /// The peer sent a PING with this time to live.
    pub(crate) fn ping_received(&mut self, now: Instant, ttl_deciseconds: u16) {
        self.pinged = true;
        self.peer_ttl = Duration::from_millis(100 * u64::from(ttl_deciseconds));
        self.expires = (ttl_deciseconds > 0).then(|| now + self.peer_ttl);
    }

    /// The peer sent a sign of life that nobody had asked for.
    pub(crate) const fn volunteered(&mut self) {
        self.volunteers = true;
    }

    /// Whether what comes is read.
    pub(crate) const fn listen(&mut self, listening: bool) {
        self.listening = listening;
    }

    /// True when either side sends PINGs.
    pub(crate) fn is_active(&self) -> bool {
        self.pinged || !self.interval.is_zero()
    }

    /// Everything that waited is being written.
    pub(crate) fn taken(&mut self) {
        if self.leaving == Leaving::Queued {
            self.leaving = Leaving::Written;
        }
    }

    /// True when a PING is being written.
    #[inline]
    pub(crate) fn is_leaving(&self) -> bool {
        self.leaving == Leaving::Written
    }

    /// Everything that was taken was handed over.
    pub(crate) fn written(&mut self, now: Instant) {
        if self.leaving != Leaving::Written {
            return;
        }
        self.leaving = Leaving::None;
        if !self.unanswered {
            self.unanswered = true;
            self.await_pong(now);
        }
    }

    fn await_pong(&mut self, now: Instant) {
        self.arrived = false;
        self.pong_missing =
            (!self.timeout.is_zero() && !planted(Bug::HeartbeatNeverTimesOut)).then(|| now + self.timeout);
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
                if self.leaving != Leaving::None {
                    return Ok(None);
                }
                self.leaving = Leaving::Queued;
                if !self.unanswered {
                    self.await_pong(now);
                }
                Ok(Some(self.ttl_deciseconds))
            }
            Some((_, timer)) => Err(timer),
        }
    }

    /// Looks closer at a peer whose silence would end the connection now. If it is alive, the deadline moves on.
    ///
    /// A peer that volunteers signs of life while it does not see PINGs is judged by its silence, and every peer is
    /// judged by its own time to live. The silence of another proves nothing while the PING may not have reached it,
    /// and no silence does while we do not read: then a peer is dead if its system has owed an answer for as long.
    ///
    /// # Errors
    /// The timer that has run out.
    pub(crate) fn examine(
        &mut self,
        now: Instant,
        reachability: impl FnOnce() -> Option<Reachability>,
    ) -> Result<(), Timer> {
        let (deadline, timer, limit) = match self.poll_timeout() {
            Some((at, timer @ Timer::PongMissing)) if at <= now => (at, timer, self.timeout),
            Some((at, timer @ Timer::TimeToLive)) if at <= now => (at, timer, self.peer_ttl),
            // From the next PING on, the peer's system answers that one, too.
            Some((at, Timer::PingDue)) if at <= now && self.unanswered && !self.arrived => {
                self.arrived = reachability().is_some_and(|known| !known.undelivered);
                return Ok(());
            }
            _ => return Ok(()),
        };
        if self.listening && (self.volunteers || timer == Timer::TimeToLive) || planted(Bug::KernelNotAsked) {
            return Err(timer);
        }
        let Some(known) = reachability() else {
            if self.listening {
                return Err(timer);
            }
            self.sign(now);
            return Ok(());
        };
        let unanswered = known.unanswered.filter(|_| !planted(Bug::SilenceOfKernelIgnored));
        if unanswered.is_some_and(|silence| silence >= limit) {
            return Err(timer);
        }
        if !self.listening || self.leaving != Leaving::None || known.undelivered {
            self.arrived = false;
            self.sign(now.saturating_sub(unanswered.unwrap_or_default()));
            return Ok(());
        }
        // It has our PING, since `arrival` at the latest. If that was long after it went out, its time begins anew.
        let Some(last_sign) = known.last_sign else { return Err(timer) };
        let arrival = now.saturating_sub(last_sign);
        let prompt = deadline.saturating_sub(limit - limit / 4);
        if self.arrived || arrival <= prompt {
            return Err(timer);
        }
        self.arrived = true;
        self.sign(arrival);
        if self.pong_missing.is_some_and(|at| at <= now) { Err(timer) } else { Ok(()) }
    }
}

/// Rounded up, so that a short time to live does not become none; and capped.
fn deciseconds(ttl: Duration) -> u16 {
    u16::try_from(ttl.as_nanos().div_ceil(100_000_000)).unwrap_or(TTL_DECISECONDS_MAX)
}
