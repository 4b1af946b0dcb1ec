//! The states in which a connection comes to its end.
//!
//! ```text
//! Open ─┬─ finished ────▶ AwaitingPeer ── any ──▶ Ended
//!       ├─ refused ─────▶ SendingError ── any ──▶ Ended
//!       ├─ unwritable ──▶ Draining ─┬─ unwritable ──▶ Draining
//!       │                           └─ other ──▶ Ended
//!       └─ over ────────▶ Ended
//! ```
//!
//! Each state but `Open` has a deadline, whose passing is an `over`. The reason with which a connection ends is decided
//! by what made it leave `Open`. A test holds the arrows against [`Closing::after`].

use std::io;
use std::time::Duration;

use seaworthy_core::Instant;
use seaworthy_core::planted::{Bug, planted};

use crate::transport::disconnect_reason::DisconnectReason;

/// How long a connection that is done lives on: to send the peer the reason, or to wait for the peer to close too. A
/// stream that is closed with bytes unread is reset, and a reset destroys what the peer's kernel has not delivered yet. A
/// stream that takes nothing more is read until nothing has come for this long, if it does not end before.
const LINGERING_CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Where a connection is on the way to its end.
#[derive(Debug)]
pub(super) enum Closing {
    /// Messages flow.
    Open,
    /// The sending direction has ended; what comes is read and delivered until the peer ends its own.
    AwaitingPeer {
        /// When to stop waiting.
        until: Instant,
    },
    /// The peer is sent an ERROR; what comes is of no interest, and not read.
    SendingError {
        /// What the connection ends with.
        reason: DisconnectReason,
        /// When to stop trying.
        until: Instant,
    },
    /// Nothing more is sent; what has come is read and delivered.
    Draining {
        /// What the connection ends with.
        reason: DisconnectReason,
        /// When to give up a stream that does not end.
        until: Instant,
    },
}

/// What moves a connection on.
#[derive(Debug)]
pub(super) enum Cause {
    /// The socket is done with the peer, and everything was handed to the network.
    Finished,
    /// The peer broke a rule; it is sent the reason.
    Refused(DisconnectReason),
    /// Nothing more can be sent, or is of use, but what has arrived is delivered.
    Unwritable(DisconnectReason),
    /// There is nothing more to be had from this connection.
    Over(DisconnectReason),
}

impl Cause {
    /// The stream takes nothing more. Before the handshake is complete there is nothing to deliver either.
    pub(super) fn write_failed(error: io::Error, is_handshaken: bool) -> Self {
        let reason = DisconnectReason::Stream(error);
        if is_handshaken && !planted(Bug::WriteErrorEndsReading) {
            Self::Unwritable(reason)
        } else {
            Self::Over(reason)
        }
    }

    /// The peer broke a rule of the protocol.
    pub(super) const fn misbehaved(error: seaworthy_zmtp::Error) -> Self {
        Self::Refused(DisconnectReason::Protocol(error))
    }

    /// The peer gives no sign of life. What it sent before may be `unread`.
    pub(super) const fn silent(error: seaworthy_zmtp::Error, unread: bool) -> Self {
        let reason = DisconnectReason::Protocol(error);
        if unread { Self::Unwritable(reason) } else { Self::Over(reason) }
    }
}

impl Closing {
    /// The state that a cause leads to.
    ///
    /// # Errors
    /// The connection has ended.
    pub(super) fn after(self, cause: Cause, now: Instant) -> Result<Self, DisconnectReason> {
        let until = now + LINGERING_CLOSE_TIMEOUT;
        match (self, cause) {
            (Self::Open, Cause::Finished) => Ok(Self::AwaitingPeer { until }),
            (Self::Open, Cause::Refused(reason)) => Ok(Self::SendingError { reason, until }),
            (Self::Open, Cause::Unwritable(reason)) => Ok(Self::Draining { reason, until }),
            (Self::Open, Cause::Over(reason)) => Err(reason),
            // A write that was in flight failed too: nothing new.
            (draining @ Self::Draining { .. }, Cause::Unwritable(_)) => Ok(draining),
            (closing, _) => Err(closing.end(DisconnectReason::Closed)),
        }
    }

    /// What the connection ends with, from `Open` with this reason.
    pub(super) fn end(self, open: DisconnectReason) -> DisconnectReason {
        match self {
            Self::Open => open,
            Self::AwaitingPeer { .. } => DisconnectReason::Closed,
            Self::SendingError { reason, .. } | Self::Draining { reason, .. } => reason,
        }
    }

    /// Takes the state out, to be replaced by what follows.
    pub(super) const fn take(&mut self) -> Self {
        std::mem::replace(self, Self::Open)
    }

    /// True while messages are sent.
    pub(super) const fn is_open(&self) -> bool {
        matches!(self, Self::Open)
    }

    /// True while what has come is read and delivered, and nothing is sent.
    pub(super) const fn is_draining(&self) -> bool {
        matches!(self, Self::Draining { .. })
    }

    /// True while something may be written.
    pub(super) const fn writes(&self) -> bool {
        matches!(self, Self::Open | Self::SendingError { .. })
    }

    /// True while what comes is read.
    pub(super) const fn reads(&self) -> bool {
        !matches!(self, Self::SendingError { .. })
    }

    /// When it is over at the latest; `None` while the connection is open.
    pub(super) const fn until(&self) -> Option<Instant> {
        match self {
            Self::Open => None,
            Self::AwaitingPeer { until }
            | Self::SendingError { until, .. }
            | Self::Draining { until, .. } => Some(*until),
        }
    }

    /// Something came, or waits for the socket to take it: a stream that is read to its end is given more time.
    pub(super) fn prolong(&mut self, now: Instant) {
        if let Self::Draining { until, .. } = self {
            *until = now + LINGERING_CLOSE_TIMEOUT;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    const NOW: Instant = Instant::ZERO;

    /// A state, a cause, and where it leads.
    type Arrow = (String, String, String);

    const CAUSES: [&str; 4] = ["finished", "refused", "unwritable", "over"];

    fn cause(name: &str) -> Cause {
        match name {
            "finished" => Cause::Finished,
            "refused" => Cause::Refused(DisconnectReason::TooManyTopics),
            "unwritable" => Cause::Unwritable(DisconnectReason::Stream(io::ErrorKind::BrokenPipe.into())),
            "over" => Cause::Over(DisconnectReason::Evicted),
            _ => panic!("no cause is called {name}"),
        }
    }

    fn states() -> [Closing; 4] {
        let (reason, until) = (DisconnectReason::TooManyTopics, NOW);
        let draining = Closing::Draining { reason: DisconnectReason::TooManyTopics, until };
        [Closing::Open, Closing::AwaitingPeer { until }, Closing::SendingError { reason, until }, draining]
    }

    fn name(state: &Closing) -> String {
        let debug = format!("{state:?}");
        debug.split(' ').next().expect("a name").to_owned()
    }

    /// The arrows of the diagram in the documentation of this file. A line begins at the state whose branch `┬` stands
    /// above its `├` or `└`.
    fn drawn() -> BTreeSet<Arrow> {
        let mut branches: BTreeMap<usize, String> = BTreeMap::new();
        let mut arrows = BTreeSet::new();
        let lines = include_str!("closing.rs").lines().filter_map(|line| line.strip_prefix("//! "));
        let diagram = lines.skip_while(|line| *line != "```text").skip(1).take_while(|line| *line != "```");
        for line in diagram {
            let (mut from, mut labels) = (None, Vec::new());
            for (column, token) in tokens(line) {
                match token.as_str() {
                    "┬" => drop(branches.insert(column, from.clone().expect("a state"))),
                    "├" | "└" => from = Some(branches[&column].clone()),
                    "│" => {}
                    state if state.starts_with(char::is_uppercase) => {
                        if let Some(from) = from.replace(state.to_owned()).filter(|_| !labels.is_empty()) {
                            arrows.insert((from, labels.join(" "), state.to_owned()));
                        }
                        labels.clear();
                    }
                    label => labels.push(label.to_owned()),
                }
            }
        }
        for (from, label, to) in arrows.clone() {
            if label != "any" && label != "other" {
                continue;
            }
            let others = CAUSES
                .iter()
                .filter(|cause| !arrows.iter().any(|(state, known, _)| *state == from && known == *cause));
            let meant: Vec<Arrow> =
                others.map(|cause| (from.clone(), (*cause).to_owned(), to.clone())).collect();
            arrows.remove(&(from, label, to));
            arrows.extend(meant);
        }
        arrows
    }

    /// Words and branches of a line, each with its column. Shafts and heads of arrows say nothing.
    fn tokens(line: &str) -> Vec<(usize, String)> {
        let mut tokens: Vec<(usize, String)> = Vec::new();
        let mut in_word = false;
        for (column, character) in line.chars().enumerate() {
            match character {
                ' ' | '─' | '▶' => in_word = false,
                '┬' | '├' | '└' | '│' => {
                    tokens.push((column, character.to_string()));
                    in_word = false;
                }
                _ if in_word => tokens.last_mut().expect("a word").1.push(character),
                _ => {
                    tokens.push((column, character.to_string()));
                    in_word = true;
                }
            }
        }
        tokens
    }

    #[test]
    fn exactly_the_arrows_of_the_diagram_exist() {
        let mut arrows = BTreeSet::new();
        for label in CAUSES {
            for state in states() {
                let from = name(&state);
                let to =
                    state.after(cause(label), NOW).map_or_else(|_| "Ended".to_owned(), |next| name(&next));
                arrows.insert((from, label.to_owned(), to));
            }
        }
        assert_eq!(arrows, drawn());
    }

    #[test]
    fn what_made_a_connection_leave_open_decides_its_end() {
        for label in ["refused", "over"] {
            let awaiting = Closing::AwaitingPeer { until: NOW };
            assert!(matches!(awaiting.after(cause(label), NOW), Err(DisconnectReason::Closed)));
            let draining = Closing::Open.after(cause("unwritable"), NOW).unwrap();
            assert!(matches!(draining.after(cause(label), NOW), Err(DisconnectReason::Stream(_))));
            let error = Closing::Open.after(cause("refused"), NOW).unwrap();
            assert!(matches!(error.after(cause(label), NOW), Err(DisconnectReason::TooManyTopics)));
        }
        assert!(matches!(Closing::Open.after(cause("over"), NOW), Err(DisconnectReason::Evicted)));
    }

    #[test]
    fn a_failed_write_leaves_something_to_deliver_only_after_the_handshake() {
        let failed = |is_handshaken| Cause::write_failed(io::ErrorKind::BrokenPipe.into(), is_handshaken);
        assert!(matches!(failed(true), Cause::Unwritable(DisconnectReason::Stream(_))));
        assert!(matches!(failed(false), Cause::Over(DisconnectReason::Stream(_))));
    }

    #[test]
    fn what_a_silent_peer_sent_before_is_delivered_if_any_is_unread() {
        let timer = seaworthy_zmtp::Timer::PongMissing;
        let silent = |unread| Cause::silent(seaworthy_zmtp::Error::TimedOut(timer), unread);
        assert!(matches!(silent(true), Cause::Unwritable(DisconnectReason::Protocol(_))));
        assert!(matches!(silent(false), Cause::Over(DisconnectReason::Protocol(_))));
    }

    #[test]
    fn only_open_and_sending_an_error_write_and_the_latter_does_not_read() {
        for (state, (writes, reads)) in
            states().into_iter().zip([(true, true), (false, true), (true, false), (false, true)])
        {
            assert_eq!((state.writes(), state.reads()), (writes, reads), "{state:?}");
            assert_eq!(state.until().is_none(), state.is_open());
        }
    }

    #[test]
    fn only_a_stream_that_is_read_to_its_end_is_given_more_time() {
        for mut state in states().into_iter().filter(|state| !state.is_open()) {
            let before = state.until();
            state.prolong(NOW + Duration::from_secs(5));
            assert_eq!(state.until() > before, state.is_draining(), "{state:?}");
        }
    }
}
