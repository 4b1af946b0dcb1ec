//! High-water marks: a socket holds no more messages than its options allow, on either side of the wire.
//!
//! On the sending side, messages that were taken and have not left are in the pipes (`sndhwm` each) or in the batch
//! that is being written. On the receiving side, messages that have arrived and were not taken are in the pipe
//! (`rcvhwm`), or decoded behind it (`rcvbuf_pending` where PINGs are exchanged, `PENDING_UNASKED` at most where they
//! are not), or in the last read.
//!
//! Marks in bytes count the memory that messages take: for each frame its bytes and `FRAME_WEIGHT`.
//!
//! Over inproc there is no wire: what was taken is in the pipe until it is received, and the pipe holds what both sides
//! allow together. The sockets of a proxy are held to their marks as those of applications.

use std::collections::BTreeMap;

use seaworthy_core::Endpoint;

use super::Case;
use super::batch::{Smallest, TOTAL_MAX};
use super::mark::{high_water_mark, weight_of};
use crate::scenario::{Plan, SocketKind};
use seaworthy_engine::Violation;
use seaworthy_sim::script::draw::Draw;
use seaworthy_sim::script::quantity::ByteCount;
use seaworthy_sim::trace::wire::WireFrame;
use seaworthy_sim::trace::{Direction, EventKind, MessageName, RelayStep};

/// Bytes of one read of a busy connection.
const READ_MAX: u64 = 128 * 1024;
/// Decoded messages kept behind a full pipe, in bytes, when the scenario does not say.
const PENDING_DEFAULT: u64 = 10_000_000;
/// The same where neither side sends PINGs, whatever the scenario says.
const PENDING_UNASKED: u64 = 64 * 1024;

/// The least that a frame has on the wire beside its body.
const HEADER_MIN: u64 = 2;

/// Finds moments at which a socket held more than it may.
pub fn check(case: &Case<'_>) -> Vec<Violation> {
    let mut sockets: Vec<Held> =
        (0..case.plan.sockets.len()).map(|number| Held::new(case.plan, number)).collect();
    let mut violations = Vec::new();
    for event in case.trace.before_closing() {
        let number = event.socket.as_deref().and_then(|name| case.plan.socket_number(name));
        match &event.what {
            EventKind::Crashed { .. } => {
                for held in
                    sockets.iter_mut().filter(|held| Some(held.host.as_str()) == event.host.as_deref())
                {
                    held.forget();
                }
            }
            EventKind::Disconnected { .. } => {
                if let Some(number) = number {
                    sockets[number].forget();
                }
            }
            EventKind::Sent { message, bytes, parts, .. }
            | EventKind::Relayed { step: RelayStep::Given, message, bytes, parts, .. } => {
                if let Some(number) = number {
                    let problem = sockets[number].take(message, *bytes, u64::from(*parts));
                    violations.extend(problem.map(|problem| event.violation(problem)));
                }
            }
            EventKind::Frame { dir, frame: WireFrame::Message { of: Some(of), more, bytes, .. }, .. } => {
                let host = event.host.as_deref().unwrap_or_default();
                match dir {
                    Direction::Out => {
                        for number in case.plan.sockets_on(host) {
                            sockets[number].left(of);
                        }
                    }
                    Direction::In => {
                        if let Some(number) = number {
                            let problem = sockets[number].arrive(of, *bytes, *more);
                            violations.extend(problem.map(|problem| event.violation(problem)));
                        }
                    }
                }
            }
            EventKind::Received { message, .. }
            | EventKind::Relayed { step: RelayStep::Taken, message, .. } => {
                if let Some(number) = number {
                    sockets[number].arrived.remove(message);
                }
                for number in case.plan.sockets_on(event.host.as_deref().unwrap_or_default()) {
                    sockets[number].left(message);
                }
            }
            _ => {}
        }
    }
    violations
}

/// What one socket holds, and may hold.
struct Held {
    host: String,
    kind: SocketKind,
    /// A low-level connection has no pipes.
    low_level: bool,
    /// Pipes over a wire that can fill.
    pipes: u64,
    /// What all pipes over inproc hold together, if they are bounded.
    inproc: Option<u64>,
    inproc_bytes: Option<u64>,
    inproc_pipes: u64,
    sndhwm: Option<u64>,
    sndhwm_bytes: Option<u64>,
    rcvhwm: Option<u64>,
    rcvhwm_bytes: Option<u64>,
    pending_max: u64,
    /// Taken and not left: the weight of each.
    taken: BTreeMap<MessageName, u64>,
    /// Arrived and not received: the weight of each.
    arrived: BTreeMap<MessageName, u64>,
    /// Of which not all frames have arrived: the bytes and the weight of those that have.
    arriving: BTreeMap<MessageName, (u64, u64)>,
    /// The smallest messages taken, the heaviest one, and the most frames of one.
    smallest_taken: Smallest,
    heaviest_taken: u64,
    frames_taken: u64,
    /// The fewest bytes of a message that arrived and of a frame, and the weight of the heaviest message.
    smallest_arrived: u64,
    smallest_frame: u64,
    heaviest_arrived: u64,
}

impl Held {
    fn new(plan: &Plan, number: usize) -> Self {
        let socket = plan.socket(number);
        let sndhwm = high_water_mark(socket.options.sndhwm);
        let sndhwm_bytes = byte_mark(socket.options.sndhwm_bytes);
        let (mut pipes, mut inproc_pipes, mut inproc, mut inproc_bytes) = (0, 0, Some(0), Some(0));
        for path in &plan.paths {
            let Some(other) = path.other(number) else { continue };
            if matches!(path.endpoint, Endpoint::Inproc(_)) {
                let add = |sum: Option<u64>, out: Option<u64>, inward| Some(sum? + out? + inward?);
                let theirs = &plan.socket(other).options;
                inproc = add(inproc, sndhwm, high_water_mark(theirs.rcvhwm));
                inproc_bytes = add(inproc_bytes, sndhwm_bytes, byte_mark(theirs.rcvhwm_bytes));
                inproc_pipes += 1;
            } else {
                pipes += 1;
            }
        }
        Self {
            host: socket.host.clone(),
            kind: socket.kind,
            low_level: socket.is_low_level(),
            pipes,
            inproc,
            sndhwm,
            inproc_bytes,
            inproc_pipes,
            sndhwm_bytes,
            rcvhwm: high_water_mark(socket.options.rcvhwm),
            rcvhwm_bytes: byte_mark(socket.options.rcvhwm_bytes),
            pending_max: pending_max(plan, number),
            taken: BTreeMap::new(),
            arrived: BTreeMap::new(),
            arriving: BTreeMap::new(),
            smallest_taken: Smallest::default(),
            heaviest_taken: 0,
            frames_taken: 0,
            smallest_arrived: u64::MAX,
            smallest_frame: u64::MAX,
            heaviest_arrived: 0,
        }
    }

    /// A connection broke: what was queued for it is gone or was put on another, so counting begins anew.
    fn forget(&mut self) {
        self.taken.clear();
        self.arrived.clear();
        self.arriving.clear();
    }

    fn take(&mut self, message: &MessageName, bytes: u64, frames: u64) -> Option<String> {
        // What these drop, they take.
        if self.kind.drops_when_full() || self.low_level {
            return None;
        }
        let weight = weight_of(bytes, frames);
        self.taken.insert(message.clone(), weight);
        self.smallest_taken.note(bytes, frames);
        let held = self.taken.len() as u64;
        if let Some(limit) = self
            .sndhwm
            .zip(self.inproc)
            .map(|(hwm, inproc)| self.pipes * (hwm + self.smallest_taken.messages_max() + 2) + inproc)
            && held > limit
        {
            return Some(format!("{held} messages were taken and have not left, more than {limit}"));
        }
        // The message that crosses the mark still fits, and the one that fills the batch.
        self.heaviest_taken = self.heaviest_taken.max(weight);
        self.frames_taken = self.frames_taken.max(frames);
        let held: u64 = self.taken.values().sum();
        let batch = weight_of(TOTAL_MAX, self.smallest_taken.messages_max() * self.frames_taken);
        let wires = self.pipes * (self.sndhwm_bytes? + batch + 2 * self.heaviest_taken);
        let limit = wires + self.inproc_bytes? + self.inproc_pipes * self.heaviest_taken;
        (held > limit).then(|| format!("{held} bytes were taken and have not left, more than {limit}"))
    }

    fn left(&mut self, message: &MessageName) {
        self.taken.remove(message);
    }

    /// A frame of payload arrived.
    fn arrive(&mut self, message: &MessageName, bytes: u64, more: bool) -> Option<String> {
        if self.low_level {
            return None;
        }
        let (before, weight_before) = self.arriving.remove(message).unwrap_or_default();
        let (arrived, weight) = (before + bytes, weight_before + weight_of(bytes, 1));
        self.smallest_frame = self.smallest_frame.min(bytes);
        if more {
            self.arriving.insert(message.clone(), (arrived, weight));
            return None;
        }
        self.arrived.insert(message.clone(), weight);
        self.smallest_arrived = self.smallest_arrived.min(arrived.max(1));
        self.heaviest_arrived = self.heaviest_arrived.max(weight);
        let behind = self.pending_max + READ_MAX;
        if let Some(rcvhwm) = self.rcvhwm {
            let limit = self.pipes * (rcvhwm + behind / self.smallest_arrived + 2);
            let held = self.arrived.len() as u64;
            if held > limit {
                return Some(format!(
                    "{held} messages have arrived and were not received, more than {limit}"
                ));
            }
        }
        // The message that crosses the mark still fits, and one is being decoded.
        let read = weight_of(READ_MAX, READ_MAX / (self.smallest_frame + HEADER_MIN));
        let limit = self.pipes * (self.rcvhwm_bytes? + self.pending_max + read + 2 * self.heaviest_arrived);
        let held: u64 = self.arrived.values().sum();
        (held > limit).then(|| format!("{held} bytes have arrived and were not received, more than {limit}"))
    }
}

fn byte_mark(option: Option<Draw<ByteCount>>) -> Option<u64> {
    option.map(|mark| mark.value().0).filter(|mark| *mark > 0)
}

/// What a socket may have decoded behind a full pipe, in bytes.
fn pending_max(plan: &Plan, number: usize) -> u64 {
    let pings =
        |socket: usize| plan.socket(socket).options.heartbeat_ivl.is_some_and(|ivl| !ivl.value().0.is_zero());
    let pending = plan.socket(number).options.rcvbuf_pending.map_or(PENDING_DEFAULT, |bytes| bytes.value().0);
    if pings(number) || plan.peers(number).into_iter().any(pings) {
        pending
    } else {
        pending.min(PENDING_UNASKED)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{
        BROKER, PIPELINE, found_in, message, nothing_found_in, received, relayed, sent, trace,
    };
    use super::*;

    type Line = (&'static str, &'static str, EventKind);

    fn pass(place: (&'static str, &'static str), dir: Direction, n: usize) -> Line {
        sized(100_000, place, dir, n)
    }

    fn sized(bytes: u64, place: (&'static str, &'static str), dir: Direction, n: usize) -> Line {
        let frame =
            WireFrame::Message { bytes, more: false, of: Some(message(&format!("push#{n}"))), text: None };
        (place.0, place.1, EventKind::Frame { stream: 0, dir, frame })
    }

    const PUSH: (&str, &str) = ("source", "push");
    const PULL: (&str, &str) = ("worker-1", "pull-1");

    #[test]
    fn a_sender_holds_its_pipes_and_a_batch_and_no_more() {
        let take =
            |count| (0..count).map(|n| (PUSH.0, PUSH.1, sent(&format!("push#{n}")))).collect::<Vec<Line>>();
        // Two pipes of two messages, and in each a batch of ten messages of 100,000 bytes and its neighbours.
        nothing_found_in(PIPELINE, check, &trace(&take(28)));
        found_in(
            PIPELINE,
            check,
            &trace(&take(29)),
            "29 messages were taken and have not left, more than 28",
        );
        let one_left =
            [take(28), vec![pass(PUSH, Direction::Out, 0), (PUSH.0, PUSH.1, sent("push#28"))]].concat();
        nothing_found_in(PIPELINE, check, &trace(&one_left));
    }

    #[test]
    fn a_sender_holds_bytes_up_to_their_mark_and_a_batch_and_no_more() {
        let bytes = PIPELINE.replace("sndhwm = 2", "sndhwm = 0, sndhwm_bytes = 100000");
        let take =
            |count| (0..count).map(|n| (PUSH.0, PUSH.1, sent(&format!("push#{n}")))).collect::<Vec<Line>>();
        // Two pipes of 100,000 bytes, two batches of 1 MiB, and in each the message that crosses the mark.
        nothing_found_in(&bytes, check, &trace(&take(26)));
        found_in(
            &bytes,
            check,
            &trace(&take(27)),
            "2702160 bytes were taken and have not left, more than 2699072",
        );
    }

    #[test]
    fn a_pipe_between_sockets_of_one_host_holds_what_both_allow_until_it_is_received() {
        let inproc = PIPELINE
            .replace("tcp://*:1", "inproc://a")
            .replace("tcp://source:1", "inproc://a")
            .replace("name = \"pull\", host = \"worker\"", "name = \"pull\", host = \"source\"");
        let take =
            |count| (0..count).map(|n| (PUSH.0, PUSH.1, sent(&format!("push#{n}")))).collect::<Vec<Line>>();
        nothing_found_in(&inproc, check, &trace(&take(4)));
        found_in(&inproc, check, &trace(&take(5)), "5 messages were taken and have not left, more than 4");
        let one_received =
            [take(4), vec![(PUSH.0, "pull", received("push#0"))], vec![(PUSH.0, PUSH.1, sent("push#4"))]];
        nothing_found_in(&inproc, check, &trace(&one_received.concat()));
    }

    #[test]
    fn a_receiver_holds_its_pipe_and_what_was_read_behind_it_and_no_more() {
        let tight = PIPELINE.replace("rcvhwm = 2", "rcvhwm = 2, rcvbuf_pending = 0");
        let arrive = |count| (0..count).map(|n| pass(PULL, Direction::In, n)).collect::<Vec<Line>>();
        nothing_found_in(&tight, check, &trace(&arrive(5)));
        found_in(
            &tight,
            check,
            &trace(&arrive(6)),
            "6 messages have arrived and were not received, more than 5",
        );
        let one_taken =
            [arrive(5), vec![(PULL.0, PULL.1, received("push#0")), pass(PULL, Direction::In, 5)]].concat();
        nothing_found_in(&tight, check, &trace(&one_taken));
    }

    #[test]
    fn a_receiver_holds_bytes_up_to_their_mark_and_what_was_read_behind_it_and_no_more() {
        let bytes = PIPELINE.replace("rcvhwm = 2", "rcvhwm = 0, rcvhwm_bytes = 100000, rcvbuf_pending = 0");
        let arrive = |count| (0..count).map(|n| pass(PULL, Direction::In, n)).collect::<Vec<Line>>();
        // The mark, the last read of 128 KiB, and two messages of 100,000 bytes.
        nothing_found_in(&bytes, check, &trace(&arrive(4)));
        found_in(
            &bytes,
            check,
            &trace(&arrive(5)),
            "500400 bytes have arrived and were not received, more than 431312",
        );
        let part = WireFrame::Message { bytes: 100_000, more: true, of: Some(message("push#9")), text: None };
        let part = (PULL.0, PULL.1, EventKind::Frame { stream: 0, dir: Direction::In, frame: part });
        nothing_found_in(&bytes, check, &trace(&[arrive(4), vec![part]].concat()));
    }

    #[test]
    fn the_sockets_of_a_proxy_keep_to_their_marks() {
        let tight = BROKER
            .replace(
                "bind = [\"tcp://*:1\"]",
                "bind = [\"tcp://*:1\"], options = { rcvhwm = 2, rcvbuf_pending = 0 }",
            )
            .replace("bind = [\"tcp://*:2\"]", "bind = [\"tcp://*:2\"], options = { sndhwm = 2 }");
        let front = ("broker", "front");
        let arrive = |count| (0..count).map(|n| pass(front, Direction::In, n)).collect::<Vec<Line>>();
        let take = |n| (front.0, front.1, relayed(RelayStep::Taken, &format!("push#{n}")));
        nothing_found_in(&tight, check, &trace(&arrive(5)));
        found_in(
            &tight,
            check,
            &trace(&arrive(6)),
            "6 messages have arrived and were not received, more than 5",
        );
        let taken = [arrive(5), vec![take(0), pass(front, Direction::In, 5)]].concat();
        nothing_found_in(&tight, check, &trace(&taken));
        let give = |count| {
            let one = |n| (front.0, "back", relayed(RelayStep::Given, &format!("push#{n}")));
            (0..count).map(one).collect::<Vec<Line>>()
        };
        nothing_found_in(&tight, check, &trace(&give(14)));
        found_in(&tight, check, &trace(&give(15)), "15 messages were taken and have not left, more than 14");
    }

    #[test]
    fn without_heartbeats_little_is_read_behind_a_full_pipe() {
        let arrive =
            |count| (0..count).map(|n| sized(32 * 1024, PULL, Direction::In, n)).collect::<Vec<Line>>();
        // Two in the pipe, two behind it, four in the last read, and their neighbours.
        nothing_found_in(PIPELINE, check, &trace(&arrive(10)));
        found_in(
            PIPELINE,
            check,
            &trace(&arrive(11)),
            "11 messages have arrived and were not received, more than 10",
        );
        let pinged = PIPELINE.replace("sndhwm = 2", "sndhwm = 2, heartbeat_ivl = \"1s\"");
        nothing_found_in(&pinged, check, &trace(&arrive(11)));
    }
}
