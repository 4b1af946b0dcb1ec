//! Fairness of round robin and fair queue (RFC 28, 30): nobody whose turn it is waits while others are served again and
//! again.
//!
//! Round robin: a connection that certainly had room gets one of the next messages. Fair queue: a connection from which a
//! message has arrived is received from soon. Both are judged by the longest gap, at most `GAP_TURNS` rounds, and by
//! Jain's index of the shares, at least `JAIN_MIN`, over stretches in which everybody was in the turn all the time.
//! What a proxy takes and gives counts as received and sent.

use std::collections::BTreeMap;

use super::Case;
use super::mark::high_water_mark;
use super::streams::Streams;
use crate::scenario::{BackendName, SocketKind};
use seaworthy_engine::Violation;
use seaworthy_sim::trace::wire::WireFrame;
use seaworthy_sim::trace::{Direction, Event, EventKind, MessageName, RelayStep};

/// A connection that is in the turn waits no longer than so many rounds of all connections.
const GAP_TURNS: u64 = 2;
/// The least of Jain's index, (Σx)² / (n Σx²): 1 when all shares are equal, 1/n when one has all.
const JAIN_MIN: f64 = 0.95;
/// Shares are compared when so many messages were given for each connection: fewer are not enough to tell.
const ROUNDS_MIN: u64 = 10;

/// Finds connections that were passed over.
pub fn check(case: &Case<'_>) -> Vec<Violation> {
    let events = case.trace.before_closing();
    let streams = Streams::of(case.plan, events);
    let mut violations = Vec::new();
    for socket in 0..case.plan.sockets.len() {
        let name = case.plan.name(socket);
        let turns = match case.plan.socket(socket).kind {
            // It has one peer.
            _ if case.plan.socket(socket).is_low_level() => Vec::new(),
            SocketKind::Push | SocketKind::Req => vec![sent_in_turn(case, events, &streams, socket)],
            SocketKind::Dealer => vec![
                sent_in_turn(case, events, &streams, socket),
                received_in_turn(case, events, &streams, socket),
            ],
            SocketKind::Pull | SocketKind::Rep | SocketKind::Sub | SocketKind::XSub => {
                vec![received_in_turn(case, events, &streams, socket)]
            }
            // A ROUTER does not hear peers whose routing id another one has; the others send to all, or to one.
            SocketKind::Router | SocketKind::Pub | SocketKind::XPub | SocketKind::Pair => Vec::new(),
        };
        for problem in turns.into_iter().flatten() {
            violations.push(Violation::of(name, problem));
        }
    }
    violations
}

/// Judges turns as they are taken.
#[derive(Debug, Default)]
struct Turns {
    /// How often others were served since a connection in the turn was.
    gaps: BTreeMap<u64, Gap>,
    /// Who got how much since the turn was last made up of other connections.
    shares: BTreeMap<u64, u64>,
    /// The first problem.
    problem: Option<String>,
}

/// How long a connection has waited for its turn.
#[derive(Debug, Default)]
struct Gap {
    /// How often others were served.
    length: u64,
    /// How many were in the turn, at the most: those that had their turn and have nothing left count, too.
    count: usize,
}

impl Turns {
    /// One was served, of those in the turn; `None`: nobody knows who.
    fn serve(&mut self, served: Option<u64>, ready: &[u64], what: &str) {
        // It was alone: nobody waited.
        if let ([only], Some(served)) = (ready, served)
            && *only == served
        {
            self.gaps.clear();
            self.shares.clear();
            return;
        }
        self.gaps.retain(|stream, _| ready.contains(stream));
        let same = self.shares.len() == ready.len() && ready.iter().all(|one| self.shares.contains_key(one));
        if !same || served.is_none_or(|served| !ready.contains(&served)) {
            self.shares = ready.iter().map(|stream| (*stream, 0)).collect();
        }
        let Some(served) = served else { return self.gaps.clear() };
        for stream in ready.iter().filter(|stream| **stream != served) {
            let Gap { length, count } = self.gaps.entry(*stream).or_default();
            *length += 1;
            *count = ready.len().max(*count);
            if *length > GAP_TURNS * *count as u64 {
                let problem = format!("s{stream} of {count} in turn was passed over {length} times: {what}");
                self.problem.get_or_insert(problem);
            }
        }
        self.gaps.insert(served, Gap::default());
        if let Some(share) = self.shares.get_mut(&served) {
            *share += 1;
        }
        let total: u64 = self.shares.values().sum();
        if ready.len() > 1 && total >= ROUNDS_MIN * ready.len() as u64 {
            let index = jain(self.shares.values().copied());
            if index < JAIN_MIN {
                let shares: Vec<_> = self.shares.values().collect();
                let problem = format!("Jain's index is {index:.3} for shares of {shares:?}: {what}");
                self.problem.get_or_insert(problem);
            }
            self.shares.values_mut().for_each(|share| *share = 0);
        }
    }
}

/// Jain's index of fairness.
pub(super) fn jain(shares: impl Iterator<Item = u64> + Clone) -> f64 {
    let count = shares.clone().count() as f64;
    let sum: f64 = shares.clone().map(|share| share as f64).sum();
    let squares: f64 = shares.map(|share| (share as f64).powi(2)).sum();
    if squares == 0.0 { 1.0 } else { sum * sum / (count * squares) }
}

/// Round robin: where messages went, in the order of sending.
fn sent_in_turn(case: &Case<'_>, events: &[Event], streams: &Streams, socket: usize) -> Option<String> {
    let ends: Vec<u64> = streams.ends_of(case.plan, socket).map(|(stream, _)| stream).collect();
    if ends.len() < 2 || case.plan.socket(socket).options.sndhwm_bytes.is_some() {
        return None;
    }
    let name = case.plan.name(socket);
    let relays = case.plan.forwards_to(socket).is_some();
    let mut left: BTreeMap<&MessageName, (usize, u64)> = BTreeMap::new();
    for (position, event) in events.iter().enumerate() {
        if let EventKind::Frame {
            stream,
            dir: Direction::Out,
            frame: WireFrame::Message { of: Some(of), .. },
        } = &event.what
            && (relays || of.sender == *name)
            && streams.end(*stream).is_some_and(|end| end.socket == Some(socket))
        {
            left.entry(of).or_insert((position, *stream));
        }
    }
    let options = &case.plan.socket(socket).options;
    // Credit is given in lots of half the mark: with so few waiting, a pipe has room for certain.
    let roomy = high_water_mark(options.sndhwm).map_or(u64::MAX, |hwm| hwm / 2);
    let mut turns = Turns::default();
    let mut waiting: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    for (position, event) in events.iter().enumerate() {
        let (EventKind::Sent { message, answer: false, .. }
        | EventKind::Relayed { step: RelayStep::Given, message, .. }) = &event.what
        else {
            continue;
        };
        if !event.is_at(name) {
            continue;
        }
        waiting.values_mut().for_each(|waiting| waiting.retain(|left| *left > position));
        let has_room = |stream: &&u64| {
            streams.end(**stream).is_some_and(|end| end.is_up(position))
                && waiting.get(*stream).is_none_or(|waiting| (waiting.len() as u64) <= roomy)
        };
        let ready: Vec<u64> = ends.iter().filter(has_room).copied().collect();
        let went = left.get(message).copied();
        if let Some((at, stream)) = went {
            waiting.entry(stream).or_default().push(at);
        }
        // What waited for a connection that was not there yet says nothing about those that were.
        let served = went.map(|(_, stream)| stream).filter(|stream| ready.contains(stream));
        turns.serve(served, &ready, "round robin");
    }
    turns.problem
}

/// Fair queue: where messages came from, in the order of receiving.
fn received_in_turn(case: &Case<'_>, events: &[Event], streams: &Streams, socket: usize) -> Option<String> {
    let name = case.plan.name(socket);
    // What has arrived behind that waits for room in its pipe, and gets it as soon as time passes.
    let at_once =
        high_water_mark(case.plan.socket(socket).options.rcvhwm).map_or(u64::MAX, |hwm| hwm.div_ceil(2));
    let received: BTreeMap<&MessageName, usize> = events
        .iter()
        .enumerate()
        .filter(|(_, event)| event.is_at(name))
        .filter_map(|(position, event)| match &event.what {
            EventKind::Received { message, .. }
            | EventKind::Relayed { step: RelayStep::Taken, message, .. } => Some((message, position)),
            _ => None,
        })
        .collect();
    let mut turns = Turns::default();
    // Messages of each connection that have arrived and will be received.
    let mut arrived: BTreeMap<u64, Vec<&MessageName>> = BTreeMap::new();
    // How many were received of each at this very time; on the real network, where it never is the same time, since its
    // connection was last read from, which fills its pipe.
    let mut taken: (u64, BTreeMap<u64, u64>) = (0, BTreeMap::new());
    let is_real = case.plan.scenario.on == Some(BackendName::Real);
    for (position, event) in events.iter().enumerate() {
        match &event.what {
            EventKind::Frame {
                stream,
                dir: Direction::In,
                frame: WireFrame::Message { of: Some(of), more: false, .. },
            } if streams.end(*stream).is_some_and(|end| end.socket == Some(socket))
                && received.get(of).is_some_and(|at| *at > position) =>
            {
                arrived.entry(*stream).or_default().push(of);
                if is_real {
                    taken.1.remove(stream);
                }
            }
            EventKind::Received { message, .. }
            | EventKind::Relayed { step: RelayStep::Taken, message, .. }
                if event.is_at(name) =>
            {
                if !is_real && taken.0 != event.t {
                    taken = (event.t, BTreeMap::new());
                }
                let served =
                    arrived.iter().find(|(_, waiting)| waiting.contains(&message)).map(|(stream, _)| *stream);
                let in_pipe = |stream: &u64| taken.1.get(stream).is_none_or(|count| *count < at_once);
                let ready: Vec<u64> = arrived
                    .iter()
                    .filter(|(stream, waiting)| {
                        Some(**stream) == served || (!waiting.is_empty() && in_pipe(stream))
                    })
                    .map(|(stream, _)| *stream)
                    .collect();
                if let Some(stream) = served {
                    *taken.1.entry(stream).or_default() += 1;
                }
                turns.serve(served, &ready, "fair queue");
                if let Some(waiting) = served.and_then(|stream| arrived.get_mut(&stream)) {
                    waiting.retain(|waiting| *waiting != message);
                }
            }
            _ => {}
        }
    }
    turns.problem
}

#[cfg(test)]
mod tests {
    use super::super::tests::{PIPELINE, found_in, message, nothing_found_in, received, sent, trace};
    use super::*;

    type Line = (&'static str, &'static str, EventKind);

    fn frame(stream: u64, dir: Direction, name: &str) -> EventKind {
        EventKind::Frame {
            stream,
            dir,
            frame: WireFrame::Message { bytes: 64, more: false, of: Some(message(name)), text: None },
        }
    }

    /// Streams 2 and 4 of `socket` on `host`, up.
    fn up(host: &'static str, socket: &'static str) -> Vec<Line> {
        let ready = WireFrame::Command { name: "READY".into(), bytes: 0, topic: None };
        [2, 4]
            .into_iter()
            .flat_map(|stream| {
                let opened = EventKind::Stream { stream, peer: Some(stream - 1) };
                let shaken = EventKind::Frame { stream, dir: Direction::In, frame: ready.clone() };
                [(host, socket, opened), (host, socket, shaken)]
            })
            .collect()
    }

    fn pushes(streams: &[u64]) -> Vec<Line> {
        let one = |(n, stream): (usize, &u64)| {
            let name = format!("push#{n}");
            [("source", "push", sent(&name)), ("source", "push", frame(*stream, Direction::Out, &name))]
        };
        [up("source", "push"), streams.iter().enumerate().flat_map(one).collect()].concat()
    }

    #[test]
    fn a_connection_with_room_that_is_passed_over_is_a_violation() {
        nothing_found_in(PIPELINE, check, &trace(&pushes(&[2, 4, 2, 4, 4, 4, 4])));
        let starved = trace(&pushes(&[2, 4, 4, 4, 4, 4, 4]));
        found_in(PIPELINE, check, &starved, "s2 of 2 in turn was passed over 5 times: round robin");
    }

    #[test]
    fn a_connection_that_may_be_full_is_not_in_the_turn() {
        let full = [
            up("source", "push"),
            vec![("source", "push", sent("push#0")), ("source", "push", sent("push#1"))],
        ]
        .concat();
        // Both wait for stream 2, whose pipe holds two; everything else goes elsewhere.
        let others = (2..12).flat_map(|n| {
            let name = format!("push#{n}");
            [("source", "push", sent(&name)), ("source", "push", frame(4, Direction::Out, &name))]
        });
        let late = ["push#0", "push#1"].map(|name| ("source", "push", frame(2, Direction::Out, name)));
        nothing_found_in(PIPELINE, check, &trace(&[full, others.collect(), late.to_vec()].concat()));
    }

    #[test]
    fn shares_that_are_unequal_without_long_gaps_are_a_violation() {
        let unequal: Vec<u64> = (0..40).map(|n| if n % 4 == 0 { 2 } else { 4 }).collect();
        found_in(PIPELINE, check, &trace(&pushes(&unequal)), "Jain's index is 0.8");
        assert!((jain([5, 5].into_iter()) - 1.0).abs() < 1e-9);
        assert!((jain([9, 0, 0].into_iter()) - 1.0 / 3.0).abs() < 1e-9);
    }

    #[test]
    fn those_who_had_their_turn_and_left_it_count_in_the_length_of_a_round() {
        let mut turns = Turns::default();
        let all: Vec<u64> = (0..10).collect();
        for served in 1..10 {
            // Each has one message, and is in the turn no more when that was received.
            let ready: Vec<u64> =
                all.iter().copied().filter(|stream| *stream == 0 || *stream >= served).collect();
            turns.serve(Some(served), &ready, "fair queue");
        }
        assert_eq!(turns.problem, None);
        (0..12).for_each(|_| turns.serve(Some(9), &[0, 9], "fair queue"));
        assert!(
            turns
                .problem
                .is_some_and(|problem| problem.contains("s0 of 10 in turn was passed over 21 times"))
        );
    }

    #[test]
    fn a_connection_whose_messages_wait_while_others_are_received_is_a_violation() {
        let fan_in = PIPELINE
            .replace(
                "host = \"source\", type = \"PUSH\", bind = [\"tcp://*:1\"]",
                "host = \"worker\", type = \"PUSH\", connect = [\"tcp://source:1\"]",
            )
            .replace(
                "host = \"worker\", type = \"PULL\", connect = [\"tcp://source:1\"]",
                "host = \"source\", type = \"PULL\", bind = [\"tcp://*:1\"]",
            );
        let arrive = |n: usize, stream| {
            ("source", "pull", frame(stream, Direction::In, &format!("push-{}#{n}", stream / 2)))
        };
        let take = |n: usize, stream: u64| ("source", "pull", received(&format!("push-{}#{n}", stream / 2)));
        let all =
            [up("source", "pull"), (0..8).flat_map(|n| [arrive(n, 2), arrive(n, 4)]).collect()].concat();
        let turns = |order: &[(usize, u64)]| {
            trace(&[all.clone(), order.iter().map(|(n, stream)| take(*n, *stream)).collect()].concat())
        };
        nothing_found_in(&fan_in, check, &turns(&[(0, 2), (0, 4), (1, 2), (1, 4), (2, 2), (2, 4)]));
        let late = turns(&[(0, 4), (1, 4), (2, 4), (3, 4), (4, 4), (0, 2)]);
        found_in(&fan_in, check, &late, "s2 of 2 in turn was passed over 5 times: fair queue");
        // On the real network a pipe may be empty until its connection is read from again: here it holds two.
        let real = format!("on = \"real\"{fan_in}");
        let emptied = turns(&[(0, 2), (0, 4), (1, 4), (2, 4), (3, 4), (4, 4), (5, 4), (1, 2)]);
        found_in(&fan_in, check, &emptied, "s2 of 2 in turn was passed over 5 times: fair queue");
        nothing_found_in(&real, check, &emptied);
        found_in(&real, check, &late, "s2 of 2 in turn was passed over 5 times: fair queue");
    }
}
