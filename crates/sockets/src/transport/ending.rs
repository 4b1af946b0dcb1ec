//! How a connection comes to its end.
//!
//! ```text
//!        ┌─ the socket is done, all was handed over ─▶ Leaving ── the peer's end, or LINGERING_CLOSE_TIMEOUT ─▶ Closed
//! Open ──┼─ the peer broke a rule ───────────────────▶ Refusing ─ it was told, or LINGERING_CLOSE_TIMEOUT ────▶ Protocol
//!        ├─ nothing more can be sent, or is of use ──▶ Draining ─ all that came is delivered ──▶ Stream, Protocol
//!        └─ the stream ended, linger is over, or the socket takes no such peer ─────────────────▶ Stream, Closed, …
//! ```
//!
//! From any of the three, a further fault leads to the end that the first one has decided.

use std::io;
use std::time::Duration;

use seaworthy_core::Instant;
use seaworthy_core::planted::{Bug, planted};

use crate::log::Severity;
use crate::patterns::{TOPIC_BYTES_MAX, TOPICS_MAX};

/// How long a connection that is done lives on: to tell the peer why, or to wait for the peer to close too. A stream
/// that is closed with bytes unread is reset, and a reset destroys what the peer's kernel has not taken yet. A stream
/// that takes nothing more is read until nothing has come for this long, if it does not end before.
pub(super) const LINGERING_CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// EMFILE and ENFILE: the process, or the system, has no file descriptor left.
const OUT_OF_FILES: [i32; 2] = [24, 23];

/// How a connection ended.
#[derive(Debug)]
pub(super) enum DisconnectReason {
    /// The socket was done with it and everything was handed to the network, or its linger period ran out.
    Closed,
    /// The stream ended or broke.
    Stream(io::Error),
    /// The peer broke the protocol, or did not answer in time.
    Protocol(seaworthy_zmtp::Error),
    /// The socket takes no more peers.
    PeerRejected,
    /// The peer subscribes to more than it may.
    TooManyTopics,
    /// Too many handshakes were under way, and this one was the oldest.
    Evicted,
}

/// Where a connection is on the way to its end.
#[derive(Debug)]
pub(super) enum Phase {
    /// Messages flow.
    Open,
    /// The sending direction has ended; what comes is read until the peer ends its own.
    Leaving {
        /// When waiting for the peer ends.
        until: Instant,
    },
    /// The peer is told what it did wrong; what comes is of no interest.
    Refusing {
        /// What the connection ends with.
        ended: DisconnectReason,
        /// When waiting for the peer ends.
        until: Instant,
    },
    /// Nothing more is sent; what has come is read and delivered.
    Draining {
        /// What the connection ends with.
        ended: DisconnectReason,
        /// When a stream that does not end is given up.
        until: Instant,
    },
}

/// What went wrong.
#[derive(Debug)]
pub(super) enum Fault {
    /// The stream takes nothing more.
    Unwritable(io::Error),
    /// The peer broke a rule.
    Misbehaved(seaworthy_zmtp::Error),
    /// The peer gives no sign of life. What it sent before may be unread.
    Silent {
        /// Which sign was missing.
        error: seaworthy_zmtp::Error,
        /// Whether something is known to be unread.
        unread: bool,
    },
    /// There is no more to be had from this connection.
    Over(DisconnectReason),
}

impl Phase {
    /// What follows a fault: another phase, or the end.
    pub(super) fn after(
        self,
        fault: Fault,
        now: Instant,
        is_handshaken: bool,
    ) -> Result<Self, DisconnectReason> {
        let until = now + LINGERING_CLOSE_TIMEOUT;
        match (self, fault) {
            // Before the handshake is complete there is nothing to deliver.
            (Self::Open, Fault::Unwritable(error))
                if is_handshaken && !planted(Bug::WriteErrorEndsReading) =>
            {
                Ok(Self::Draining { ended: DisconnectReason::Stream(error), until })
            }
            (Self::Open, Fault::Unwritable(error)) => Err(DisconnectReason::Stream(error)),
            (Self::Open, Fault::Silent { error, unread: true }) => {
                Ok(Self::Draining { ended: DisconnectReason::Protocol(error), until })
            }
            (Self::Open, Fault::Silent { error, unread: false }) => Err(DisconnectReason::Protocol(error)),
            (Self::Open, Fault::Misbehaved(error)) => {
                Ok(Self::Refusing { ended: DisconnectReason::Protocol(error), until })
            }
            (Self::Open, Fault::Over(ended @ DisconnectReason::TooManyTopics)) => {
                Ok(Self::Refusing { ended, until })
            }
            (Self::Open, Fault::Over(ended)) => Err(ended),
            (Self::Leaving { .. }, _) => Err(DisconnectReason::Closed),
            // A write that was still in flight: nothing new.
            (draining @ Self::Draining { .. }, Fault::Unwritable(_)) => Ok(draining),
            (Self::Refusing { ended, .. } | Self::Draining { ended, .. }, _) => Err(ended),
        }
    }

    /// True while messages are sent.
    pub(super) const fn is_open(&self) -> bool {
        matches!(self, Self::Open)
    }

    /// True while something may be written.
    pub(super) const fn writes(&self) -> bool {
        matches!(self, Self::Open | Self::Refusing { .. })
    }

    /// True while what comes is read.
    pub(super) const fn reads(&self) -> bool {
        !matches!(self, Self::Refusing { .. })
    }

    /// When it is over at the latest; `None` while the connection is open.
    pub(super) const fn until(&self) -> Option<Instant> {
        match self {
            Self::Open => None,
            Self::Leaving { until } | Self::Refusing { until, .. } | Self::Draining { until, .. } => {
                Some(*until)
            }
        }
    }

    /// Something came, or waits for the socket to take it: a stream that is read to its end is given more time.
    pub(super) fn prolong(&mut self, now: Instant) {
        if let Self::Draining { until, .. } = self {
            *until = now + LINGERING_CLOSE_TIMEOUT;
        }
    }
}

impl DisconnectReason {
    /// How much attention it wants: much if another attempt would end the same way, or there are no more files.
    pub(super) fn severity(&self) -> Severity {
        let fault = match self {
            Self::Stream(error) => error.raw_os_error().is_some_and(|code| OUT_OF_FILES.contains(&code)),
            Self::Protocol(error) => error.is_protocol(),
            Self::TooManyTopics | Self::Evicted => true,
            Self::Closed | Self::PeerRejected => false,
        };
        if fault { Severity::Fault } else { Severity::Routine }
    }

    /// True when one side refused something of the other's.
    pub(super) fn is_fault(&self) -> bool {
        match self {
            Self::Protocol(error) => error.is_protocol(),
            Self::TooManyTopics => true,
            Self::Closed | Self::Stream(_) | Self::PeerRejected | Self::Evicted => false,
        }
    }

    /// False when another attempt would end the same way, even if the handshake was never completed.
    pub(super) fn may_reconnect(&self) -> bool {
        match self {
            Self::Stream(error)
                if planted(Bug::RefusalIsFinal) && error.kind() == io::ErrorKind::ConnectionRefused =>
            {
                false
            }
            // A PAIR's next peer may have its turn by then.
            Self::Stream(_) | Self::PeerRejected => true,
            Self::Protocol(error) => !error.is_protocol(),
            Self::Closed | Self::TooManyTopics | Self::Evicted => false,
        }
    }
}

impl std::fmt::Display for DisconnectReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Closed => f.write_str("closed by this socket"),
            Self::Stream(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                f.write_str("closed by the peer")
            }
            Self::Stream(error) => write!(f, "{error}"),
            Self::Protocol(error) => write!(f, "{error}"),
            Self::PeerRejected => f.write_str("the socket takes no more peers"),
            Self::TooManyTopics => write!(
                f,
                "the peer subscribes to more than {TOPICS_MAX} topics or {TOPIC_BYTES_MAX} bytes of them"
            ),
            Self::Evicted => f.write_str("made room: too many handshakes were under way"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant::ZERO;

    fn unwritable() -> Fault {
        Fault::Unwritable(io::ErrorKind::BrokenPipe.into())
    }

    fn misbehaved() -> Fault {
        Fault::Misbehaved(seaworthy_zmtp::Error::TimedOut(seaworthy_zmtp::Timer::PongMissing))
    }

    fn silent(unread: bool) -> Fault {
        let error = seaworthy_zmtp::Error::TimedOut(seaworthy_zmtp::Timer::PongMissing);
        Fault::Silent { error, unread }
    }

    fn over() -> Fault {
        Fault::Over(DisconnectReason::PeerRejected)
    }

    fn draining() -> Phase {
        Phase::Open.after(unwritable(), NOW, true).unwrap()
    }

    fn refusing() -> Phase {
        Phase::Open.after(misbehaved(), NOW, true).unwrap()
    }

    #[test]
    fn an_open_connection_goes_where_its_fault_leads() {
        assert!(matches!(draining(), Phase::Draining { ended: DisconnectReason::Stream(_), .. }));
        assert!(matches!(refusing(), Phase::Refusing { ended: DisconnectReason::Protocol(_), .. }));
        assert!(matches!(Phase::Open.after(over(), NOW, true), Err(DisconnectReason::PeerRejected)));
        let too_many = Phase::Open.after(Fault::Over(DisconnectReason::TooManyTopics), NOW, true);
        assert!(matches!(too_many, Ok(Phase::Refusing { ended: DisconnectReason::TooManyTopics, .. })));
        assert!(matches!(Phase::Open.after(unwritable(), NOW, false), Err(DisconnectReason::Stream(_))));
        let unread = Phase::Open.after(silent(true), NOW, true);
        assert!(matches!(unread, Ok(Phase::Draining { ended: DisconnectReason::Protocol(_), .. })));
        assert!(matches!(Phase::Open.after(silent(false), NOW, true), Err(DisconnectReason::Protocol(_))));
    }

    #[test]
    fn the_first_fault_decides_the_end() {
        for fault in [unwritable, misbehaved, over] {
            let leaving = Phase::Leaving { until: NOW };
            assert!(matches!(leaving.after(fault(), NOW, true), Err(DisconnectReason::Closed)));
            assert!(matches!(refusing().after(fault(), NOW, true), Err(DisconnectReason::Protocol(_))));
        }
        assert!(matches!(draining().after(misbehaved(), NOW, true), Err(DisconnectReason::Stream(_))));
        assert!(matches!(draining().after(over(), NOW, true), Err(DisconnectReason::Stream(_))));
        assert!(matches!(draining().after(unwritable(), NOW, true), Ok(Phase::Draining { .. })));
    }

    #[test]
    fn only_an_open_or_a_refusing_connection_writes_and_a_refusing_one_does_not_read() {
        for (phase, writes, reads) in [
            (Phase::Open, true, true),
            (Phase::Leaving { until: NOW }, false, true),
            (refusing(), true, false),
            (draining(), false, true),
        ] {
            assert_eq!((phase.writes(), phase.reads()), (writes, reads), "{phase:?}");
            assert_eq!(phase.until().is_none(), phase.is_open());
        }
    }

    #[test]
    fn only_a_stream_that_is_read_to_its_end_is_given_more_time() {
        for (mut phase, prolonged) in
            [(Phase::Leaving { until: NOW }, false), (refusing(), false), (draining(), true)]
        {
            let before = phase.until().unwrap();
            phase.prolong(NOW + Duration::from_secs(5));
            assert_eq!(phase.until().unwrap() > before, prolonged, "{phase:?}");
        }
    }
}
