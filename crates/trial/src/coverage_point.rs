//! What a run may come across: states that a sweep must have seen before its silence means anything.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use seaworthy_sim::trace::wire::WireFrame;
use seaworthy_sim::trace::{EventKind, MessageName, Name, Phase, Trace};

/// A state that some runs reach and others do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CoveragePoint {
    /// A send found a high-water mark reached and had to wait.
    WaitedForRoom,
    /// A connection ended while a send waited at its socket.
    DisconnectedWhileSending,
    /// A socket that connects lost a connection and completed a handshake again.
    Reconnected,
    /// A SUB that had subscribed connected anew, so that its publisher had to learn of it again.
    Resubscribed,
    /// An attempt to connect failed.
    ConnectFailed,
    /// A handshake failed.
    HandshakeFailed,
    /// A stream ended behind one part of a message: its writer is poisoned and writes nothing more.
    CutInMessage,
    /// A read ended inside the header of a frame.
    PartialHeader,
    /// A read ended inside the body of a frame.
    PartialFrame,
    /// A reader or a writer was reset by its peer.
    ResetByPeer,
    /// A kernel gave up on a peer that no longer answered.
    TimedOut,
    /// A PING was sent.
    Heartbeat,
    /// A request was given up.
    RequestGivenUp,
    /// A message of several frames was sent.
    Multipart,
    /// A host was started again.
    Restarted,
    /// The loss of a link took a packet.
    PacketLost,
    /// A cut took a packet.
    PacketCut,
    /// A packet arrived twice.
    PacketDuplicated,
    /// A packet was overtaken.
    PacketReordered,
    /// A packet was corrupted.
    PacketCorrupted,
    /// A message was sent and received after everything was healed.
    Progressed,
}

impl fmt::Display for CoveragePoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// What a finished trace shows.
pub(crate) fn in_trace(trace: &Trace) -> BTreeSet<CoveragePoint> {
    let mut seen = BTreeSet::new();
    let mut waiting: BTreeMap<&Name, &MessageName> = BTreeMap::new();
    let mut bound: BTreeSet<(&Name, &str)> = BTreeSet::new();
    let mut lost: BTreeSet<(&Name, &str)> = BTreeSet::new();
    let mut subscribers: BTreeSet<&Name> = BTreeSet::new();
    let mut fresh: BTreeSet<&MessageName> = BTreeSet::new();
    let mut healed = false;
    for event in trace.before_closing() {
        let socket = event.socket.as_ref();
        match &event.what {
            EventKind::Phase { phase } => healed |= *phase == Phase::Healed,
            EventKind::Started { life } if *life > 1 => drop(seen.insert(CoveragePoint::Restarted)),
            EventKind::Bound { endpoint } => bound.extend(socket.map(|socket| (socket, endpoint.as_str()))),
            EventKind::Subscribed { .. } => subscribers.extend(socket),
            EventKind::Blocked { message } => {
                seen.insert(CoveragePoint::WaitedForRoom);
                waiting.extend(socket.map(|socket| (socket, message)));
            }
            EventKind::Sent { message, parts, answer, .. } => {
                if socket.and_then(|socket| waiting.get(socket)) == Some(&message) {
                    socket.map(|socket| waiting.remove(socket));
                }
                if *parts > 1 {
                    seen.insert(CoveragePoint::Multipart);
                }
                if healed && !answer {
                    fresh.insert(message);
                }
            }
            EventKind::Received { message, .. } if fresh.contains(message) => {
                seen.insert(CoveragePoint::Progressed);
            }
            EventKind::GaveUp { .. } => drop(seen.insert(CoveragePoint::RequestGivenUp)),
            EventKind::Disconnected { endpoint, .. } => {
                if socket.is_some_and(|socket| waiting.contains_key(socket)) {
                    seen.insert(CoveragePoint::DisconnectedWhileSending);
                }
                lost.extend(socket.map(|socket| (socket, endpoint.as_str())));
            }
            EventKind::Handshake { endpoint, .. } => {
                // Where a socket is bound, the next handshake may be another peer's.
                if let Some(socket) = socket
                    && !bound.contains(&(socket, endpoint.as_str()))
                    && lost.remove(&(socket, endpoint.as_str()))
                {
                    seen.insert(CoveragePoint::Reconnected);
                    if subscribers.contains(socket) {
                        seen.insert(CoveragePoint::Resubscribed);
                    }
                }
            }
            EventKind::HandshakeFailed { .. } => drop(seen.insert(CoveragePoint::HandshakeFailed)),
            EventKind::Frame { frame: WireFrame::Command { name, .. }, .. } if name == "PING" => {
                seen.insert(CoveragePoint::Heartbeat);
            }
            _ => {}
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;
    use seaworthy_sim::trace::Event;

    fn trace(events: &[(&str, EventKind)]) -> Trace {
        let event = |(socket, what): &(&str, EventKind)| Event {
            t: 0,
            host: None,
            socket: (!socket.is_empty()).then(|| Name::from(*socket)),
            what: what.clone(),
        };
        Trace { events: events.iter().map(event).collect() }
    }

    fn message(name: &str) -> MessageName {
        name.parse().unwrap()
    }

    fn sent(name: &str) -> EventKind {
        EventKind::Sent { message: message(name), parts: 1, bytes: 24, topic: None, to: None, answer: false }
    }

    fn received(name: &str) -> EventKind {
        EventKind::Received { message: message(name), parts: 1, bytes: 24, topic: None, from: None }
    }

    fn disconnected() -> EventKind {
        EventKind::Disconnected { endpoint: "tcp://a:1".into(), reason: "reset".into(), name: None }
    }

    fn handshake() -> EventKind {
        EventKind::Handshake { endpoint: "tcp://a:1".into(), peer: "PULL".into(), name: None }
    }

    #[test]
    fn a_connection_that_ends_during_a_wait_is_told_from_one_that_ends_after_it() {
        let blocked = EventKind::Blocked { message: message("push#0") };
        let during = in_trace(&trace(&[("push", blocked.clone()), ("push", disconnected())]));
        assert!(during.contains(&CoveragePoint::DisconnectedWhileSending));
        let after =
            in_trace(&trace(&[("push", blocked), ("push", sent("push#0")), ("push", disconnected())]));
        assert_eq!(after.into_iter().collect::<Vec<_>>(), [CoveragePoint::WaitedForRoom]);
    }

    #[test]
    fn only_a_handshake_after_a_loss_is_a_reconnection() {
        assert!(in_trace(&trace(&[("push", handshake())])).is_empty());
        let seen = in_trace(&trace(&[("push", disconnected()), ("push", handshake())]));
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [CoveragePoint::Reconnected]);
        let subscribed = EventKind::Subscribed { topic: "a".into() };
        let seen = in_trace(&trace(&[("sub", subscribed), ("sub", disconnected()), ("sub", handshake())]));
        assert!(seen.contains(&CoveragePoint::Resubscribed));
    }

    #[test]
    fn a_handshake_at_a_bound_socket_is_no_reconnection() {
        let bound = EventKind::Bound { endpoint: "tcp://a:1".into() };
        assert!(
            in_trace(&trace(&[("pull", bound), ("pull", disconnected()), ("pull", handshake())])).is_empty()
        );
    }

    #[test]
    fn progress_is_what_was_sent_and_received_after_healing() {
        let healed = EventKind::Phase { phase: Phase::Healed };
        let stale = trace(&[("push", sent("push#0")), ("", healed.clone()), ("pull", received("push#0"))]);
        assert!(in_trace(&stale).is_empty());
        let fresh = trace(&[("", healed), ("push", sent("push#1")), ("pull", received("push#1"))]);
        assert!(in_trace(&fresh).contains(&CoveragePoint::Progressed));
    }

    #[test]
    fn a_sighting_is_called_as_in_a_scenario() {
        assert_eq!(CoveragePoint::DisconnectedWhileSending.to_string(), "disconnected-while-sending");
    }
}
