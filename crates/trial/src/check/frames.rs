//! Frame integrity: every message arrives as it was sent, frame for frame and bit for bit, and every stream is
//! ZMTP with the frames of one message after another, never mixed.

use std::collections::BTreeMap;

use super::Case;
use super::streams::Streams;
use seaworthy_engine::Violation;
use seaworthy_sim::trace::wire::WireFrame;
use seaworthy_sim::trace::{Direction, Event, EventKind, MessageName};

/// Finds torn messages, streams that are no ZMTP, and frames of one message among those of another.
pub fn check(case: &Case<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    let streams = Streams::of(case.plan, &case.trace.events);
    let mut parts_sent: BTreeMap<&MessageName, u8> = BTreeMap::new();
    let mut open: BTreeMap<(u64, Direction), OpenMessage<'_>> = BTreeMap::new();
    for event in &case.trace.events {
        match &event.what {
            EventKind::Torn { problem } => violations.push(event.violation(problem.clone())),
            // What hostile peers write is their business.
            EventKind::NotZmtp { stream, .. } | EventKind::Frame { stream, .. }
                if streams.has_hostile(case.plan, *stream) => {}
            EventKind::NotZmtp { stream, problem, .. } => {
                violations.push(event.violation(format!("stream s{stream} carries no ZMTP: {problem}")));
            }
            EventKind::Sent { message, parts, answer: false, .. } => {
                parts_sent.insert(message, *parts);
            }
            EventKind::Received { message, parts, .. } => {
                if let Some(sent) = parts_sent.get(message).filter(|sent| *sent != parts) {
                    let problem = format!("{message} was sent with {sent} parts and received with {parts}");
                    violations.push(event.violation(problem));
                }
            }
            EventKind::Frame { stream, dir, frame } => {
                let open = open.entry((*stream, *dir)).or_default();
                violations.extend(open.next(event, *stream, frame));
            }
            _ => {}
        }
    }
    violations
}

/// The message whose frames pass on a stream.
#[derive(Default)]
struct OpenMessage<'a> {
    of: Option<&'a MessageName>,
    inside: bool,
}

impl<'a> OpenMessage<'a> {
    fn next(&mut self, event: &Event, stream: u64, frame: &'a WireFrame) -> Option<Violation> {
        // RFC 37: commands may stand between messages, but not between the frames of one.
        let WireFrame::Message { more, of, .. } = frame else {
            return self
                .inside
                .then(|| event.violation(format!("stream s{stream}: a command stands inside a message")));
        };
        let mixed = match (self.of, of) {
            (Some(open), Some(of)) if self.inside && open != of => {
                Some(event.violation(format!("stream s{stream}: a frame of {of} stands inside {open}")))
            }
            _ => None,
        };
        self.of = if self.inside { self.of.or(of.as_ref()) } else { of.as_ref() };
        self.inside = *more;
        mixed
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{found, message, nothing_found, received, sent, trace};
    use super::*;

    fn frame(name: &str, more: bool) -> (&'static str, &'static str, EventKind) {
        let frame = WireFrame::Message { bytes: 64, more, of: Some(message(name)), text: None };
        ("source", "push", EventKind::Frame { stream: 0, dir: Direction::Out, frame })
    }

    #[test]
    fn a_torn_message_is_a_violation() {
        let torn = EventKind::Torn { problem: "a frame of 64 bytes fails its checksum".into() };
        found(check, &trace(&[("worker-1", "pull-1", torn)]), "fails its checksum");
        let lacking =
            EventKind::Received { message: message("push#0"), parts: 2, bytes: 9, topic: None, from: None };
        let events = trace(&[("source", "push", sent("push#0")), ("worker-1", "pull-1", lacking)]);
        found(check, &events, "sent with 1 parts and received with 2");
        let events = trace(&[("source", "push", sent("push#0")), ("worker-1", "pull-1", received("push#0"))]);
        nothing_found(check, &events);
    }

    #[test]
    fn a_frame_inside_another_message_is_a_violation() {
        nothing_found(
            check,
            &trace(&[frame("push#0", true), frame("push#0", false), frame("push#1", false)]),
        );
        found(check, &trace(&[frame("push#0", true), frame("push#1", false)]), "push#1 stands inside push#0");
    }

    #[test]
    fn a_command_inside_a_message_is_a_violation() {
        let ping = WireFrame::Command { name: "PING".into(), bytes: 2, topic: None };
        let ping = ("source", "push", EventKind::Frame { stream: 0, dir: Direction::Out, frame: ping });
        found(check, &trace(&[frame("push#0", true), ping.clone()]), "a command stands inside");
        nothing_found(check, &trace(&[frame("push#0", false), ping]));
    }

    #[test]
    fn a_stream_that_is_no_zmtp_is_a_violation() {
        let what = EventKind::NotZmtp { stream: 4, dir: Direction::In, problem: "flags 08".into() };
        found(check, &trace(&[("source", "push", what)]), "s4 carries no ZMTP");
    }
}
