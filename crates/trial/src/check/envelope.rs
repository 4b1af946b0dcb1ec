//! The envelope of requests and replies on the wire (RFC 28): a REQ puts one empty frame before its request, each ROUTER
//! on the way the routing id of the connection it came by before that, and a reply comes back with, on every connection,
//! the very frames that its request had there.
//!
//! Read off the wire alone: the frames before the first frame of payload. Over inproc nothing is seen of them.

use std::collections::{BTreeMap, BTreeSet};

use super::Case;
use super::streams::Streams;
use crate::scenario::{Plan, SocketKind};
use seaworthy_engine::Violation;
use seaworthy_sim::trace::wire::WireFrame;
use seaworthy_sim::trace::{Direction, Event, EventKind, MessageName, RelayStep};

/// Finds envelopes that are not what they should be.
pub fn check(case: &Case<'_>) -> Vec<Violation> {
    let concerned = |socket: usize| {
        let kind = case.plan.socket(socket).kind;
        matches!(kind, SocketKind::Req | SocketKind::Rep | SocketKind::Router)
            || case.plan.forwards_to(socket).is_some()
    };
    if !(0..case.plan.sockets.len()).any(concerned) {
        return Vec::new();
    }
    let events = case.trace.before_closing();
    let mut wire = Wire::new(case.plan, events);
    let mut violations = Vec::new();
    for (position, event) in events.iter().enumerate() {
        let EventKind::Frame { stream, dir, frame: WireFrame::Message { bytes, more, of, text } } =
            &event.what
        else {
            continue;
        };
        let unfinished = wire.unfinished.entry((*stream, *dir == Direction::Out)).or_default();
        match of {
            // Behind the first frame of payload, the envelope is complete.
            Some(_) if unfinished.told => {}
            Some(of) => {
                unfinished.told = true;
                let envelope = std::mem::take(&mut unfinished.envelope);
                let problem = match dir {
                    Direction::Out => wire.leaves(position, *stream, of, envelope),
                    Direction::In => wire.arrives(*stream, of),
                };
                violations.extend(problem.map(|problem| event.violation(problem)));
            }
            None => unfinished.envelope.push(Part::new(*bytes, text.as_deref())),
        }
        if !more {
            wire.unfinished.remove(&(*stream, *dir == Direction::Out));
        }
    }
    violations
}

/// A frame before the payload.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Part(String);

impl Part {
    fn new(bytes: u64, text: Option<&str>) -> Self {
        Self(
            text.map_or_else(
                || if bytes == 0 { String::new() } else { format!("{bytes} B") },
                ToOwned::to_owned,
            ),
        )
    }

    fn is_delimiter(&self) -> bool {
        self.0.is_empty()
    }
}

/// A message of which not all frames have passed.
#[derive(Debug, Default)]
struct Unfinished {
    envelope: Vec<Part>,
    /// Its payload has begun.
    told: bool,
}

/// What has passed so far.
struct Wire<'a> {
    plan: &'a Plan,
    streams: Streams,
    unfinished: BTreeMap<(u64, bool), Unfinished>,
    /// The envelope of each message on each stream, by its sending end.
    envelopes: BTreeMap<(u64, &'a MessageName), Vec<Part>>,
    /// The end of a stream by which each message last came to a socket.
    came_by: BTreeMap<(usize, &'a MessageName), u64>,
    /// What sockets sent as answers.
    answers: BTreeSet<(usize, &'a MessageName)>,
    /// What sockets of proxies passed on, and is no answer.
    requests: BTreeSet<(usize, &'a MessageName)>,
    /// What each ROUTER of a proxy calls its connections, by its end of them.
    ids: BTreeMap<u64, Part>,
}

impl<'a> Wire<'a> {
    fn new(plan: &'a Plan, events: &'a [Event]) -> Self {
        let (mut answers, mut requests) = (BTreeSet::new(), BTreeSet::new());
        for event in events {
            let (message, answer, relayed) = match &event.what {
                EventKind::Sent { message, answer, .. } => (message, *answer, false),
                EventKind::Relayed { step: RelayStep::Given, message, answer, .. } => {
                    (message, *answer, true)
                }
                _ => continue,
            };
            let Some(socket) = event.socket.as_deref().and_then(|name| plan.socket_number(name)) else {
                continue;
            };
            if answer {
                answers.insert((socket, message));
            } else if relayed {
                requests.insert((socket, message));
            }
        }
        Self {
            plan,
            streams: Streams::of(plan, events),
            unfinished: BTreeMap::new(),
            envelopes: BTreeMap::new(),
            came_by: BTreeMap::new(),
            answers,
            requests,
            ids: BTreeMap::new(),
        }
    }

    fn arrives(&mut self, stream: u64, of: &'a MessageName) -> Option<String> {
        if let Some(socket) = self.streams.end(stream).and_then(|end| end.socket) {
            self.came_by.insert((socket, of), stream);
        }
        None
    }

    fn leaves(
        &mut self,
        position: usize,
        stream: u64,
        of: &'a MessageName,
        envelope: Vec<Part>,
    ) -> Option<String> {
        let socket = self.streams.end(stream).and_then(|end| end.socket)?;
        let problem = if self.answers.contains(&(socket, of)) {
            self.answer(socket, stream, of, &envelope)
        } else if self.requests.contains(&(socket, of)) {
            self.passed_on(position, socket, of, &envelope)
        } else {
            self.request(socket, of, &envelope)
        };
        self.envelopes.insert((stream, of), envelope);
        problem
    }

    /// A REQ sends one empty frame before its request, and with `req_correlate` the number of the request before that.
    fn request(&self, socket: usize, of: &MessageName, envelope: &[Part]) -> Option<String> {
        let asking = self.plan.socket(socket);
        if asking.kind != SocketKind::Req {
            return None;
        }
        let numbered = usize::from(asking.options.req_correlate == Some(true));
        let is_right = envelope.len() == numbered + 1 && envelope.last().is_some_and(Part::is_delimiter);
        (!is_right).then(|| format!("{of} left with {} before it, not an empty frame", words(envelope)))
    }

    /// A reply has the envelope of its request, and takes the way its request came.
    fn answer(&self, socket: usize, stream: u64, of: &'a MessageName, envelope: &[Part]) -> Option<String> {
        let asked = self.streams.peer(stream).and_then(|peer| self.envelopes.get(&(peer, of)));
        match asked {
            Some(asked) if asked == envelope => None,
            Some(asked) => {
                Some(format!("the answer to {of} left with {}, {of} had {}", words(envelope), words(asked)))
            }
            None => self.strays(socket, of),
        }
    }

    /// An answer on a connection by which its question did not come. A DEALER sends to whoever is next, and a peer that
    /// has a routing id of its own is found again on a new connection.
    fn strays(&self, socket: usize, of: &MessageName) -> Option<String> {
        let by_connection = matches!(self.plan.socket(socket).kind, SocketKind::Rep | SocketKind::Router);
        let named = |peer: usize| self.plan.socket(peer).options.routing_id.is_some();
        let certain = by_connection && !self.plan.peers(socket).into_iter().any(named);
        certain.then(|| format!("the answer to {of} went to a connection by which {of} had not come"))
    }

    /// What a proxy passes on has the frames it came with, behind the routing id that a ROUTER put there, and without the
    /// one by which a ROUTER chose its peer.
    fn passed_on(
        &mut self,
        position: usize,
        socket: usize,
        of: &'a MessageName,
        envelope: &[Part],
    ) -> Option<String> {
        let side = self.plan.forwards_to(socket)?;
        let by = *self.came_by.get(&(side, of))?;
        let came_with = self.envelopes.get(&(self.streams.peer(by)?, of))?;
        let [front, back] = [side, socket].map(|socket| self.plan.socket(socket).kind == SocketKind::Router);
        let behind = match (front, back) {
            (true, false) => envelope.get(1..).unwrap_or_default(),
            (false, true) => {
                return (came_with.get(1..) != Some(envelope)).then(|| changed(of, came_with, envelope));
            }
            (true, true) | (false, false) => envelope,
        };
        if behind != came_with || (front && !back && envelope.is_empty()) {
            return Some(changed(of, came_with, envelope));
        }
        if front && !back { self.known_as(position, by, &envelope[0]) } else { None }
    }

    /// A ROUTER calls a connection the same all the time, and no two connections the same at a time.
    fn known_as(&mut self, position: usize, connection: u64, id: &Part) -> Option<String> {
        if let Some(known) = self.ids.get(&connection) {
            return (known != id)
                .then(|| format!("what came by s{connection} was from {} and is from {}", known.0, id.0));
        }
        let end = |stream: u64| self.streams.end(stream);
        let owner = end(connection)?.socket;
        let lives = |stream: u64| end(stream).is_some_and(|end| end.socket == owner && end.is_up(position));
        let other = self.ids.iter().find(|(other, known)| *known == id && lives(**other));
        let problem = other.map(|(other, _)| format!("s{other} and s{connection} are both called {}", id.0));
        self.ids.insert(connection, id.clone());
        problem
    }
}

fn changed(of: &MessageName, came_with: &[Part], envelope: &[Part]) -> String {
    format!("{of} came with {} and was passed on with {}", words(came_with), words(envelope))
}

fn words(envelope: &[Part]) -> String {
    let parts: Vec<_> = envelope.iter().map(|Part(text)| format!("[{text}]")).collect();
    if parts.is_empty() { "nothing".to_owned() } else { parts.concat() }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{
        BROKERED_REQUESTS, REQUESTS, answered, found_in, message, nothing_found_in, sent, trace,
    };
    use super::*;

    type Line = (&'static str, &'static str, EventKind);
    type Place = (&'static str, &'static str);

    /// A message with these frames before its payload passes an end of a stream.
    fn passes(place: Place, stream: u64, dir: Direction, name: &str, envelope: &[&str]) -> Vec<Line> {
        let part = |text: &&str| WireFrame::Message {
            bytes: text.len() as u64,
            more: true,
            of: None,
            text: (!text.is_empty()).then(|| (*text).to_owned()),
        };
        let payload = WireFrame::Message { bytes: 64, more: false, of: Some(message(name)), text: None };
        let frames = envelope.iter().map(part).chain([payload]);
        frames.map(|frame| (place.0, place.1, EventKind::Frame { stream, dir, frame })).collect()
    }

    /// From one end of a stream to the other.
    fn goes(from: (Place, u64), to: (Place, u64), name: &str, envelope: &[&str]) -> Vec<Line> {
        let out = passes(from.0, from.1, Direction::Out, name, envelope);
        [out, passes(to.0, to.1, Direction::In, name, envelope)].concat()
    }

    fn connection(from: (Place, u64), to: (Place, u64)) -> Vec<Line> {
        let ready = WireFrame::Command { name: "READY".into(), bytes: 0, topic: None };
        let shaken = |stream| EventKind::Frame { stream, dir: Direction::In, frame: ready.clone() };
        let at = |(place, _): (Place, u64), what| (place.0, place.1, what);
        vec![
            at(from, EventKind::Stream { stream: from.1, peer: None }),
            at(to, EventKind::Stream { stream: to.1, peer: Some(from.1) }),
            at(from, shaken(from.1)),
            at(to, shaken(to.1)),
        ]
    }

    const REQ: (Place, u64) = (("client", "req"), 1);
    const REP: (Place, u64) = (("server", "rep"), 2);

    fn direct(asked: &[&str], replied: &[&str]) -> seaworthy_sim::trace::Trace {
        let ask = vec![(REQ.0.0, REQ.0.1, sent("req#0"))];
        let answer = vec![(REP.0.0, REP.0.1, answered("req#0"))];
        let lines = [
            connection(REQ, REP),
            ask,
            goes(REQ, REP, "req#0", asked),
            answer,
            goes(REP, REQ, "req#0", replied),
        ];
        trace(&lines.concat())
    }

    #[test]
    fn a_request_has_one_empty_frame_before_it_and_so_has_its_reply() {
        nothing_found_in(REQUESTS, check, &direct(&[""], &[""]));
        found_in(REQUESTS, check, &direct(&[], &[]), "req#0 left with nothing before it, not an empty frame");
        found_in(REQUESTS, check, &direct(&["", ""], &["", ""]), "req#0 left with [][] before it");
        found_in(REQUESTS, check, &direct(&[""], &[]), "the answer to req#0 left with nothing, req#0 had []");
        let numbered = REQUESTS.replace(
            "connect = [\"tcp://server:1\"]",
            "connect = [\"tcp://server:1\"], options = { req_correlate = true }",
        );
        nothing_found_in(&numbered, check, &direct(&["0x00000001", ""], &["0x00000001", ""]));
        found_in(&numbered, check, &direct(&[""], &[""]), "req#0 left with [] before it");
    }

    const FRONT: (Place, u64) = (("broker", "front"), 2);
    const BACK: (Place, u64) = (("broker", "back"), 4);
    const LAST: (Place, u64) = (("server", "rep"), 3);

    fn given(at: (Place, u64), name: &str, answer: bool) -> Vec<Line> {
        let step = RelayStep::Given;
        vec![(
            at.0.0,
            at.0.1,
            EventKind::Relayed { step, message: message(name), parts: 1, bytes: 64, answer },
        )]
    }

    /// A request by way of a broker and its reply; what it is passed on with, what it comes back with, and what it is
    /// passed back with.
    fn brokered(name: &str, way: [&[&str]; 3]) -> Vec<Line> {
        [
            vec![(REQ.0.0, REQ.0.1, sent(name))],
            goes(REQ, FRONT, name, &[""]),
            given(BACK, name, false),
            goes(BACK, LAST, name, way[0]),
            vec![(LAST.0.0, LAST.0.1, answered(name))],
            goes(LAST, BACK, name, way[1]),
            given(FRONT, name, true),
            goes(FRONT, REQ, name, way[2]),
        ]
        .concat()
    }

    fn up() -> Vec<Line> {
        [connection(REQ, FRONT), connection(LAST, BACK)].concat()
    }

    #[test]
    fn routing_ids_are_put_before_the_request_and_taken_off_the_reply() {
        let id: &[&str] = &["0x01", ""];
        let way = |way| trace(&[up(), brokered("req#0", way)].concat());
        nothing_found_in(BROKERED_REQUESTS, check, &way([id, id, &[""]]));
        found_in(
            BROKERED_REQUESTS,
            check,
            &way([&[""], id, &[""]]),
            "req#0 came with [] and was passed on with []",
        );
        found_in(
            BROKERED_REQUESTS,
            check,
            &way([&["", "0x01"], id, &[""]]),
            "req#0 came with [] and was passed on with [][0x01]",
        );
        found_in(
            BROKERED_REQUESTS,
            check,
            &way([id, &["", "0x01"], &[""]]),
            "the answer to req#0 left with [][0x01], req#0 had [0x01][]",
        );
        found_in(
            BROKERED_REQUESTS,
            check,
            &way([id, id, id]),
            "the answer to req#0 left with [0x01][], req#0 had []",
        );
    }

    #[test]
    fn a_connection_has_one_routing_id_and_no_other_has_the_same() {
        let (id, other): (&[&str], &[&str]) = (&["0x01", ""], &["0x02", ""]);
        let twice = |second| {
            [brokered("req#0", [id, id, &[""]]), brokered("req#1", [second, second, &[""]])].concat()
        };
        nothing_found_in(BROKERED_REQUESTS, check, &trace(&[up(), twice(id)].concat()));
        found_in(
            BROKERED_REQUESTS,
            check,
            &trace(&[up(), twice(other)].concat()),
            "what came by s2 was from 0x01 and is from 0x02",
        );
        // Another connection of the same client, which is also there.
        let again = [(REQ.0, 5), (FRONT.0, 6)];
        let by_another = [
            up(),
            connection(again[0], again[1]),
            brokered("req#0", [id, id, &[""]]),
            goes(again[0], again[1], "req#1", &[""]),
            given(BACK, "req#1", false),
            goes(BACK, LAST, "req#1", id),
        ];
        found_in(BROKERED_REQUESTS, check, &trace(&by_another.concat()), "s2 and s6 are both called 0x01");
    }

    #[test]
    fn a_reply_that_takes_another_way_is_a_violation() {
        let other = [(("client", "req"), 5), (REP.0, 6)];
        let lines = [
            connection(REQ, REP),
            connection(other[0], other[1]),
            vec![(REQ.0.0, REQ.0.1, sent("req#0"))],
            goes(REQ, REP, "req#0", &[""]),
            vec![(REP.0.0, REP.0.1, answered("req#0"))],
            goes(other[1], other[0], "req#0", &[""]),
        ];
        found_in(
            REQUESTS,
            check,
            &trace(&lines.concat()),
            "the answer to req#0 went to a connection by which req#0 had not come",
        );
    }
}
