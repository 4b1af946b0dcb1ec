//! Blocking class (RFC 28, 29): PUB, ROUTER and REP never wait for a peer; what has no room is dropped. PUSH, DEALER and
//! REQ wait, but only while no peer has room.

use std::collections::BTreeSet;

use super::Case;
use super::mark::high_water_mark;
use super::streams::Streams;
use seaworthy_engine::Violation;
use seaworthy_sim::trace::wire::WireFrame;
use seaworthy_sim::trace::{Direction, Event, EventKind, MessageName, Name};

/// Finds sends that waited on a socket that must not, or while there was room.
pub fn check(case: &Case<'_>) -> Vec<Violation> {
    let events = case.trace.before_closing();
    let waited = |event: &&Event| matches!(event.what, EventKind::Blocked { .. });
    let waited: BTreeSet<&Name> =
        events.iter().filter(waited).filter_map(|event| event.socket.as_ref()).collect();
    let mut violations = Vec::new();
    if waited.is_empty() {
        return violations;
    }
    let streams = Streams::of(case.plan, events);
    for number in 0..case.plan.sockets.len() {
        if !waited.contains(case.plan.name(number)) {
            continue;
        }
        let socket = case.plan.socket(number);
        let never = socket.kind.drops_when_full()
            && socket.options.router_mandatory != Some(true)
            && socket.options.xpub_nodrop != Some(true);
        if never {
            let name = case.plan.name(number);
            violations.extend(events.iter().filter(|event| event.is_at(name)).filter_map(|event| {
                let EventKind::Blocked { message } = &event.what else { return None };
                Some(event.violation(format!("a {} waited to send {message}", socket.kind)))
            }));
        } else if !socket.kind.drops_when_full() {
            violations.extend(waited_with_room(case, events, &streams, number));
        }
    }
    violations
}

/// Sends that waited although fewer messages had not left than fill all pipes. What a broken connection took along is
/// not known, so that this looks no further than the first that broke.
fn waited_with_room(case: &Case<'_>, events: &[Event], streams: &Streams, socket: usize) -> Vec<Violation> {
    let name = case.plan.name(socket);
    let options = &case.plan.socket(socket).options;
    if options.sndhwm_bytes.is_some() {
        return Vec::new();
    }
    let kept = if options.immediate == Some(true) {
        0
    } else {
        case.plan.paths.iter().filter(|path| path.connecting == socket).count() as u64
    };
    let mut violations = Vec::new();
    let mut waiting: BTreeSet<&MessageName> = BTreeSet::new();
    for (position, event) in events.iter().enumerate() {
        match &event.what {
            EventKind::Crashed { .. }
                if event.host.as_deref() == Some(case.plan.socket(socket).host.as_str()) =>
            {
                break;
            }
            EventKind::Disconnected { .. } if event.is_at(name) => break,
            EventKind::Sent { message, .. } if event.is_at(name) => {
                waiting.insert(message);
            }
            EventKind::Frame {
                dir: Direction::Out, frame: WireFrame::Message { of: Some(of), .. }, ..
            } => {
                waiting.remove(of);
            }
            EventKind::Blocked { message } if event.is_at(name) => {
                let accepted = |end: &super::streams::End| end.accepted || options.immediate == Some(true);
                let up = streams
                    .ends_of(case.plan, socket)
                    .filter(|(_, end)| accepted(end) && end.is_up(position));
                let pipes = kept + up.count() as u64;
                // Credit for what was taken out of a pipe is given in lots of half the mark.
                let full = high_water_mark(options.sndhwm).map_or(u64::MAX, |hwm| pipes * (hwm / 2 + 1));
                let held = waiting.len() as u64;
                if pipes > 0 && held < full {
                    let problem =
                        format!("{message} waited while {held} messages were in {pipes} pipes with room");
                    violations.push(event.violation(problem));
                }
            }
            _ => {}
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::super::tests::{TOPICS, found, found_in, message, nothing_found, sent, trace};
    use super::*;

    #[test]
    fn a_pub_that_waits_is_a_violation_and_a_push_that_waits_is_not() {
        let blocked = |name: &str| EventKind::Blocked { message: message(name) };
        found_in(TOPICS, check, &trace(&[("source", "pub", blocked("pub#1"))]), "a PUB waited to send pub#1");
        nothing_found(check, &trace(&[("source", "push", blocked("push#1"))]));
    }

    #[test]
    fn a_push_that_waits_with_room_is_a_violation() {
        let push = |what| ("source", "push", what);
        let ready = WireFrame::Command { name: "READY".into(), bytes: 0, topic: None };
        let up = [
            push(EventKind::Stream { stream: 4, peer: Some(3) }),
            push(EventKind::Frame { stream: 4, dir: Direction::In, frame: ready }),
        ];
        let blocked = push(EventKind::Blocked { message: message("push#9") });
        let send = |n| push(sent(&format!("push#{n}")));
        // The pipe holds two; credit may be due for one of them.
        let room = [&up[..], &[send(0), blocked.clone()]].concat();
        found(check, &trace(&room), "push#9 waited while 1 messages were in 1 pipes with room");
        nothing_found(check, &trace(&[&up[..], &[send(0), send(1), blocked]].concat()));
    }
}
