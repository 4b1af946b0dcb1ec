//! Resubscription (RFC 29): a PUB knows of each connected SUB exactly what it is subscribed to, however often the
//! connection was lost. Looked at when all is quiet, on every connection that lasts.

use std::collections::BTreeSet;

use super::Case;
use super::subscriptions::connections;
use seaworthy_engine::Violation;
use seaworthy_sim::trace::wire::WireFrame;
use seaworthy_sim::trace::{Direction, Event, EventKind, Name};

/// Finds connections on which a subscription is missing, or was not taken back.
pub fn check(case: &Case<'_>) -> Vec<Violation> {
    let events = case.trace.before_closing();
    let mut violations = Vec::new();
    for connection in connections(case) {
        let known = known(&events[connection.begins..], connection.stream);
        let held = held(events, &connection.subscriber);
        for topic in held.difference(&known) {
            let problem =
                format!("{} was never told again of the subscription to {topic:?}", connection.publisher);
            violations.push(Violation::of(&connection.subscriber, problem));
        }
        for topic in known.difference(&held) {
            let problem = format!("{} still holds a subscription to {topic:?}", connection.publisher);
            violations.push(Violation::of(&connection.subscriber, problem));
        }
    }
    violations
}

/// What has arrived at the PUB's end of a stream. One CANCEL undoes any number of SUBSCRIBEs.
fn known(events: &[Event], at: u64) -> BTreeSet<&str> {
    let mut known = BTreeSet::new();
    for event in events {
        match &event.what {
            EventKind::Frame {
                stream,
                dir: Direction::In,
                frame: WireFrame::Command { name, topic: Some(topic), .. },
            } if *stream == at => {
                if name == "SUBSCRIBE" {
                    known.insert(topic.as_str());
                } else {
                    known.remove(topic.as_str());
                }
            }
            _ => {}
        }
    }
    known
}

/// What a SUB is subscribed to in the end. A prefix that was subscribed to twice must be given up twice.
fn held<'a>(events: &'a [Event], subscriber: &Name) -> BTreeSet<&'a str> {
    let mut held: Vec<&str> = Vec::new();
    for event in events.iter().filter(|event| event.is_at(subscriber)) {
        match &event.what {
            EventKind::Opened { .. } => held.clear(),
            EventKind::Subscribed { topic } => held.push(topic),
            EventKind::Unsubscribed { topic } => {
                if let Some(at) = held.iter().position(|prefix| prefix == topic) {
                    held.remove(at);
                }
            }
            _ => {}
        }
    }
    held.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{TOPICS, found_in, nothing_found_in, trace};
    use super::*;

    type Line = (&'static str, &'static str, EventKind);

    fn subscriber(what: EventKind) -> Line {
        ("reader", "sub", what)
    }

    fn arrives(name: &str, topic: &str) -> Line {
        let frame = WireFrame::Command { name: name.into(), bytes: 1, topic: Some(topic.into()) };
        ("source", "pub", EventKind::Frame { stream: 1, dir: Direction::In, frame })
    }

    fn connected(tail: &[Line]) -> seaworthy_sim::trace::Trace {
        let head = [
            subscriber(EventKind::Stream { stream: 0, peer: None }),
            ("source", "pub", EventKind::Stream { stream: 1, peer: Some(0) }),
            subscriber(EventKind::Subscribed { topic: "a".into() }),
        ];
        trace(&[&head[..], tail].concat())
    }

    #[test]
    fn a_subscription_the_publisher_does_not_know_is_a_violation() {
        nothing_found_in(TOPICS, check, &connected(&[arrives("SUBSCRIBE", "a")]));
        found_in(TOPICS, check, &connected(&[]), "pub was never told again of the subscription to \"a\"");
    }

    #[test]
    fn a_subscription_that_was_given_up_and_is_still_known_is_a_violation() {
        let told = arrives("SUBSCRIBE", "a");
        let given_up = subscriber(EventKind::Unsubscribed { topic: "a".into() });
        found_in(
            TOPICS,
            check,
            &connected(&[told.clone(), given_up.clone()]),
            "pub still holds a subscription to \"a\"",
        );
        nothing_found_in(
            TOPICS,
            check,
            &connected(&[told.clone(), given_up.clone(), arrives("CANCEL", "a")]),
        );
        let again = subscriber(EventKind::Subscribed { topic: "a".into() });
        nothing_found_in(TOPICS, check, &connected(&[told, again, given_up]));
    }
}
