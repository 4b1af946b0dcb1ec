//! The streams of a run, as the tap saw them: whose ends they were, while a pipe stood behind each, and how they ended.

use std::collections::{BTreeMap, BTreeSet};

use crate::scenario::Plan;
use seaworthy_sim::trace::wire::WireFrame;
use seaworthy_sim::trace::{Direction, Event, EventKind, MessageName, Name};

/// All streams of a run.
#[derive(Debug, Default)]
pub struct Streams {
    ends: BTreeMap<u64, End>,
    /// Streams that ended: both of their ends.
    broken: BTreeSet<u64>,
}

/// One end of a stream.
#[derive(Debug)]
pub struct End {
    /// Where it is.
    pub host: Name,
    /// Whose it is, by number: `None` while several sockets on its host connect to the same endpoint and nothing that
    /// passed told them apart.
    pub socket: Option<usize>,
    /// The other end.
    pub peer: Option<u64>,
    /// Whether it was accepted, not connected.
    pub accepted: bool,
    /// Position of the peer's READY: from here on the peer has a pipe.
    pub ready: Option<usize>,
    /// Position at which its holder let go of it: nothing is behind a pipe of this connection any more.
    pub released: Option<usize>,
    /// Position of the last frame that was read off it.
    pub last_read: Option<usize>,
}

impl Streams {
    /// The streams in `events`.
    pub fn of(plan: &Plan, events: &[Event]) -> Self {
        let mut streams = Self::default();
        for (position, event) in events.iter().enumerate() {
            match &event.what {
                EventKind::Stream { stream, peer } => streams.opened(plan, event, *stream, *peer),
                EventKind::StreamEnded { stream, how } => {
                    streams.broken.insert(*stream);
                    if let Some(end) = streams.ends.get_mut(stream).filter(|_| how == "closed") {
                        end.released.get_or_insert(position);
                    }
                }
                EventKind::Crashed { .. } => streams.crashed(event, position),
                EventKind::Frame { stream, dir: Direction::In, frame } => {
                    let Some(end) = streams.ends.get_mut(stream) else { continue };
                    end.last_read = Some(position);
                    if matches!(frame, WireFrame::Command { name, .. } if name == "READY") {
                        end.ready.get_or_insert(position);
                    }
                }
                EventKind::Frame {
                    stream,
                    dir: Direction::Out,
                    frame: WireFrame::Message { of: Some(of), .. },
                } => {
                    if let Some(end) = streams.ends.get_mut(stream)
                        && end.socket.is_none()
                    {
                        end.socket = writer(plan, &end.host, of);
                    }
                }
                _ => {}
            }
        }
        let others: Vec<u64> = streams.broken.iter().filter_map(|stream| streams.peer(*stream)).collect();
        streams.broken.extend(others);
        streams
    }

    fn opened(&mut self, plan: &Plan, event: &Event, stream: u64, peer: Option<u64>) {
        let Some(host) = event.host.clone() else { return };
        let socket = event.socket.as_deref().and_then(|name| plan.socket_number(name));
        let end = End {
            host,
            socket,
            peer,
            accepted: peer.is_some(),
            ready: None,
            released: None,
            last_read: None,
        };
        let accepted_before =
            self.ends.iter().find(|(_, other)| other.peer == Some(stream)).map(|(at, _)| *at);
        self.ends.insert(stream, End { peer: peer.or(accepted_before), ..end });
        if let Some(other) = peer.and_then(|peer| self.ends.get_mut(&peer)) {
            other.peer = Some(stream);
        }
    }

    fn crashed(&mut self, event: &Event, position: usize) {
        for (stream, end) in self.ends.iter_mut().filter(|(_, end)| Some(&end.host) == event.host.as_ref()) {
            end.released.get_or_insert(position);
            self.broken.insert(*stream);
        }
    }

    /// The end with this number.
    pub fn end(&self, stream: u64) -> Option<&End> {
        self.ends.get(&stream)
    }

    /// The other end of a stream.
    pub fn peer(&self, stream: u64) -> Option<u64> {
        self.ends.get(&stream)?.peer
    }

    /// The socket at the other end of a stream.
    pub fn receiver(&self, stream: u64) -> Option<usize> {
        self.ends.get(&self.peer(stream)?)?.socket
    }

    /// Whether a hostile peer is at either end of a stream.
    pub fn has_hostile(&self, plan: &Plan, stream: u64) -> bool {
        let is_hostile = |stream: u64| self.ends.get(&stream).is_some_and(|end| plan.is_hostile(&end.host));
        !plan.scenario.hostile.is_empty() && (is_hostile(stream) || self.peer(stream).is_some_and(is_hostile))
    }

    /// Whether the stream ended, at either end.
    pub fn broke(&self, stream: u64) -> bool {
        self.broken.contains(&stream)
    }

    /// The ends that are, or may be, those of `socket`.
    pub fn ends_of<'a>(&'a self, plan: &'a Plan, socket: usize) -> impl Iterator<Item = (u64, &'a End)> {
        let may_be = move |end: &End| match end.socket {
            Some(owner) => owner == socket,
            None => *end.host == *plan.socket(socket).host && connects(plan, socket),
        };
        self.ends.iter().filter(move |(_, end)| may_be(end)).map(|(stream, end)| (*stream, end))
    }

    /// Whether the other end of `end` is, or may be, one of `socket`.
    pub fn leads_to(&self, plan: &Plan, end: &End, socket: usize) -> bool {
        match end.peer.and_then(|peer| self.ends.get(&peer)) {
            Some(other) => match other.socket {
                Some(owner) => owner == socket,
                None => *other.host == *plan.socket(socket).host && connects(plan, socket),
            },
            None => {
                plan.peers(socket).into_iter().any(|peer| Some(peer) == end.socket || end.socket.is_none())
            }
        }
    }
}

impl End {
    /// Whether a pipe of this connection stood behind it at a position.
    pub fn is_up(&self, position: usize) -> bool {
        self.ready.is_some_and(|ready| ready < position)
            && self.released.is_none_or(|released| released > position)
    }
}

fn connects(plan: &Plan, socket: usize) -> bool {
    plan.paths.iter().any(|path| path.connecting == socket)
}

/// Which of several connecting sockets on a host wrote this message: its sender, or the only one that answers.
fn writer(plan: &Plan, host: &str, of: &MessageName) -> Option<usize> {
    let sender = plan.socket_number(&of.sender)?;
    if plan.socket(sender).host == host && connects(plan, sender) {
        return Some(sender);
    }
    let answers = |socket: &usize| {
        connects(plan, *socket) && plan.peers(*socket).contains(&sender) && plan.hears(*socket)
    };
    let mut answering = plan.sockets_on(host).filter(answers);
    let only = answering.next()?;
    answering.next().is_none().then_some(only)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{PIPELINE, message, plan, trace};
    use super::*;

    const PUSH: (&str, &str) = ("source", "push");

    fn frame(stream: u64, dir: Direction, frame: WireFrame) -> EventKind {
        EventKind::Frame { stream, dir, frame }
    }

    #[test]
    fn an_end_is_up_from_the_peers_ready_until_its_holder_lets_go() {
        let ready = WireFrame::Command { name: "READY".into(), bytes: 0, topic: None };
        let events = trace(&[
            ("worker-1", "pull-1", EventKind::Stream { stream: 3, peer: None }),
            (PUSH.0, PUSH.1, EventKind::Stream { stream: 4, peer: Some(3) }),
            (PUSH.0, PUSH.1, frame(4, Direction::In, ready)),
            (PUSH.0, PUSH.1, EventKind::StreamEnded { stream: 4, how: "end".into() }),
            (PUSH.0, PUSH.1, EventKind::StreamEnded { stream: 4, how: "closed".into() }),
        ])
        .events;
        let plan = plan(PIPELINE);
        let streams = Streams::of(&plan, &events);
        let end = streams.end(4).unwrap();
        assert_eq!(
            (0..6).map(|at| end.is_up(at)).collect::<Vec<_>>(),
            [false, false, false, true, false, false]
        );
        assert_eq!((streams.peer(3), streams.receiver(4)), (Some(4), plan.socket_number("pull-1")));
        assert!(streams.broke(3) && streams.broke(4) && !streams.broke(5));
    }

    #[test]
    fn what_passes_tells_who_of_several_connected() {
        let two = PIPELINE
            .replace(
                "type = \"PUSH\", bind = [\"tcp://*:1\"],",
                "count = 2, type = \"PUSH\", connect = [\"tcp://worker-1:1\"],",
            )
            .replace("connect = [\"tcp://source:1\"]", "bind = [\"tcp://*:1\"]");
        let plan = plan(&two);
        let of = Some(message("push-2#0"));
        let sent = frame(1, Direction::Out, WireFrame::Message { bytes: 64, more: false, of, text: None });
        let unknown = ("source", "", EventKind::Stream { stream: 1, peer: None });
        let silent = Streams::of(&plan, &trace(std::slice::from_ref(&unknown)).events);
        assert_eq!(silent.end(1).unwrap().socket, None);
        assert_eq!(silent.ends_of(&plan, 0).count(), 1);
        let streams = Streams::of(&plan, &trace(&[unknown, ("source", "", sent)]).events);
        assert_eq!(streams.end(1).unwrap().socket, plan.socket_number("push-2"));
        assert_eq!((streams.ends_of(&plan, 0).count(), streams.ends_of(&plan, 1).count()), (0, 1));
    }
}
