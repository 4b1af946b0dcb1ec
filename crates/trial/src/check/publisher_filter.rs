//! A PUB filters (RFC 29): over a connection goes only what the SUB at its other end has subscribed to. A SUB filters
//! again, so no application would notice; the wire does.

use std::collections::BTreeMap;

use super::Case;
use super::streams::Streams;
use seaworthy_engine::Violation;
use seaworthy_sim::trace::wire::WireFrame;
use seaworthy_sim::trace::{Direction, EventKind, MessageName};

/// Finds messages that left a PUB on a connection without a subscription to them.
pub fn check(case: &Case<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    let streams = Streams::of(case.plan, case.trace.before_closing());
    let mut published: BTreeMap<&MessageName, (&str, u64)> = BTreeMap::new();
    // Of each stream: prefixes that arrived, and since when they are cancelled.
    let mut arrived: BTreeMap<u64, Vec<(&str, Option<u64>)>> = BTreeMap::new();
    for event in case.trace.before_closing() {
        match &event.what {
            EventKind::Sent { message, topic: Some(topic), .. } => {
                published.insert(message, (topic, event.t));
            }
            EventKind::Frame {
                stream,
                dir: Direction::In,
                frame: WireFrame::Command { name, topic: Some(topic), .. },
            } => {
                let prefixes = arrived.entry(*stream).or_default();
                if name == "SUBSCRIBE" {
                    prefixes.push((topic, None));
                } else {
                    let open =
                        prefixes.iter_mut().filter(|(prefix, until)| prefix == topic && until.is_none());
                    open.for_each(|(_, until)| *until = Some(event.t));
                }
            }
            EventKind::Frame {
                stream,
                dir: Direction::Out,
                frame: WireFrame::Message { of: Some(of), .. },
            } => {
                let Some((topic, sent)) = published.get(of).copied() else { continue };
                if event
                    .socket
                    .as_deref()
                    .and_then(|name| case.plan.kind(name))
                    .is_none_or(|kind| !kind.publishes())
                {
                    continue;
                }
                // What was queued for a proxy that crashed leaves when the next one is there, and is not for an application.
                let to_proxy =
                    streams.receiver(*stream).is_some_and(|to| case.plan.forwards_to(to).is_some());
                let wanted = to_proxy
                    || arrived.get(stream).is_some_and(|prefixes| {
                        // What was queued when the subscription ended may still leave.
                        prefixes.iter().any(|(prefix, until)| {
                            topic.starts_with(prefix) && until.is_none_or(|until| until >= sent)
                        })
                    });
                if !wanted {
                    let problem =
                        format!("{of} left on stream s{stream}, whose SUB did not ask for {topic:?}");
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
    use super::super::tests::{TOPICS, found_in, message, nothing_found_in, published, trace};
    use super::*;

    type Line = (&'static str, &'static str, EventKind);

    fn publisher(what: EventKind) -> Line {
        ("source", "pub", what)
    }

    fn arrives(name: &str) -> Line {
        let frame = WireFrame::Command { name: name.into(), bytes: 1, topic: Some("a".into()) };
        publisher(EventKind::Frame { stream: 1, dir: Direction::In, frame })
    }

    fn leaves(stream: u64) -> Line {
        let frame = WireFrame::Message { bytes: 64, more: false, of: Some(message("pub#0")), text: None };
        publisher(EventKind::Frame { stream, dir: Direction::Out, frame })
    }

    #[test]
    fn what_a_subscriber_did_not_ask_for_must_not_reach_the_wire() {
        let send = |topic: &str| publisher(published("pub#0", topic));
        nothing_found_in(TOPICS, check, &trace(&[arrives("SUBSCRIBE"), send("ab"), leaves(1)]));
        found_in(
            TOPICS,
            check,
            &trace(&[arrives("SUBSCRIBE"), send("b"), leaves(1)]),
            "did not ask for \"b\"",
        );
        found_in(TOPICS, check, &trace(&[arrives("SUBSCRIBE"), send("ab"), leaves(2)]), "left on stream s2");
    }

    #[test]
    fn what_was_queued_before_a_cancel_may_still_leave() {
        let send = publisher(published("pub#0", "a"));
        let told = [arrives("SUBSCRIBE"), send.clone(), arrives("CANCEL"), leaves(1)];
        nothing_found_in(TOPICS, check, &trace(&told));
        let late = [arrives("SUBSCRIBE"), arrives("CANCEL"), send, leaves(1)];
        found_in(TOPICS, check, &trace(&late), "did not ask for \"a\"");
    }
}
