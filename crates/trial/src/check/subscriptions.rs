//! Publish-subscribe (RFC 29): a SUB receives only what it subscribed to, under the topic it was published with
//! ([`soundness`]); and while all is quiet it receives all of it ([`completeness`]).

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::Case;
use super::mark::{high_water_mark, weight_of};
use super::streams::Streams;
use crate::scenario::SocketKind;
use seaworthy_engine::Violation;
use seaworthy_sim::trace::wire::WireFrame;
use seaworthy_sim::trace::{Direction, Event, EventKind, MessageName, Name};

/// Finds messages that a SUB received and did not ask for, or under another topic.
pub fn soundness(case: &Case<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    let cancels = cancels(case);
    let mut published: BTreeMap<&MessageName, (&str, u64)> = BTreeMap::new();
    let mut held: BTreeMap<&Name, Vec<&str>> = BTreeMap::new();
    let mut given_up: BTreeMap<&Name, Vec<(&str, u64)>> = BTreeMap::new();
    for event in &case.trace.events {
        let Some(socket) = &event.socket else { continue };
        match &event.what {
            EventKind::Opened { .. } => {
                held.remove(socket);
                given_up.remove(socket);
            }
            EventKind::Subscribed { topic } => held.entry(socket).or_default().push(topic),
            EventKind::Unsubscribed { topic } => {
                let prefixes = held.entry(socket).or_default();
                if let Some(at) = prefixes.iter().position(|prefix| prefix == topic) {
                    prefixes.remove(at);
                }
                given_up.entry(socket).or_default().push((topic, event.t));
            }
            EventKind::Sent { message, topic: Some(topic), .. } => {
                published.insert(message, (topic, event.t));
            }
            EventKind::Received { message, topic: Some(topic), .. } => {
                let (as_published, sent) = published.get(message).copied().unwrap_or(("", 0));
                if as_published != topic {
                    let problem = format!(
                        "{message} was published under {as_published:?} and received under {topic:?}"
                    );
                    violations.push(event.violation(problem));
                }
                let now = held.get(socket).is_some_and(|p| p.iter().any(|prefix| topic.starts_with(prefix)));
                // What was on its way when a subscription was given up may still be delivered.
                let unfiltered = case.plan.kind(socket) == Some(SocketKind::XSub);
                let then = given_up.get(socket).is_some_and(|past| {
                    past.iter().filter(|(prefix, _)| topic.starts_with(prefix)).any(|(prefix, until)| {
                        *until >= sent
                            || unfiltered
                                && !cancels.iter().any(|cancel| {
                                    let (publisher, subscriber, topic, at) = *cancel;
                                    let told = *publisher == message.sender && subscriber == socket;
                                    told && topic == *prefix && (*until..sent).contains(&at)
                                })
                    })
                });
                if !now && !then {
                    let problem = format!("{message} was received under {topic:?} without a subscription");
                    violations.push(event.violation(problem));
                }
            }
            _ => {}
        }
    }
    violations
}

/// CANCELs that arrived: at which publisher, of which subscriber, for which topic, and when. An XSUB receives what is
/// sent until then; a SUB filters.
fn cancels<'a>(case: &Case<'a>) -> Vec<(&'a Name, &'a Name, &'a str, u64)> {
    let streams = Streams::of(case.plan, &case.trace.events);
    let cancel = |event: &'a Event| match &event.what {
        EventKind::Frame {
            stream,
            dir: Direction::In,
            frame: WireFrame::Command { name, topic: Some(topic), .. },
        } if name == "CANCEL" => {
            let subscriber = case.plan.name(streams.receiver(*stream)?);
            Some((event.socket.as_ref()?, subscriber, topic.as_str(), event.t))
        }
        _ => None,
    };
    case.trace.events.iter().filter_map(cancel).collect()
}

/// Finds messages that a SUB should have received: published after its subscription had arrived, on a connection
/// that lasted, with room in the pipe.
pub fn completeness(case: &Case<'_>) -> Vec<Violation> {
    let events = case.trace.before_closing();
    let mut violations = Vec::new();
    for connection in connections(case) {
        let publisher = case.plan.socket(case.plan.socket_number(&connection.publisher).unwrap_or_default());
        let room = high_water_mark(publisher.options.sndhwm).unwrap_or(u64::MAX);
        let room_bytes = publisher.options.sndhwm_bytes.map(|mark| mark.value().0).filter(|mark| *mark > 0);
        // Nobody takes what arrives there.
        if case.plan.socket_number(&connection.subscriber).is_some_and(|number| !case.plan.hears(number)) {
            continue;
        }
        let manual = publisher.options.xpub_manual == Some(true);
        let grants = if manual { granted(events, &connection) } else { BTreeMap::new() };
        let mut prefixes: Vec<&str> = Vec::new();
        // What was published and has not left, and what it weighs. The mark admits what crosses it.
        let mut waiting: BTreeMap<&MessageName, u64> = BTreeMap::new();
        let mut owed: BTreeMap<&MessageName, (usize, &str)> = BTreeMap::new();
        for (position, event) in events.iter().enumerate().skip(connection.begins) {
            match &event.what {
                EventKind::Frame { stream, dir, frame } if *stream == connection.stream => match (dir, frame)
                {
                    (Direction::In, WireFrame::Command { name, topic: Some(topic), .. })
                        if name == "SUBSCRIBE" && !manual =>
                    {
                        prefixes.push(topic);
                    }
                    // Nothing is certain any more once a subscription has been given up.
                    (Direction::In, WireFrame::Command { name, .. }) if name == "CANCEL" => break,
                    (Direction::Out, WireFrame::Message { of: Some(of), .. }) => {
                        waiting.remove(of);
                    }
                    _ => {}
                },
                EventKind::Unsubscribed { topic: given_up } if event.is_at(&connection.subscriber) => {
                    // A SUB filters what was on its way.
                    owed.retain(|_, (_, topic)| !topic.starts_with(given_up));
                    break;
                }
                EventKind::Granted { .. } if grants.contains_key(&position) => {
                    prefixes.extend(grants.get(&position))
                }
                EventKind::Sent { message, topic: Some(topic), bytes, parts, .. }
                    if event.is_at(&connection.publisher)
                        && prefixes.iter().any(|prefix| topic.starts_with(prefix)) =>
                {
                    let held = || waiting.values().sum::<u64>();
                    if waiting.len() as u64 >= room || room_bytes.is_some_and(|room| held() >= room) {
                        // From here on it may have been dropping.
                        break;
                    }
                    // The topic is a frame of its own.
                    waiting.insert(message, weight_of(*bytes, u64::from(*parts) + 1));
                    owed.insert(message, (position, topic));
                }
                _ => {}
            }
        }
        for event in &events[connection.begins..] {
            if let (EventKind::Received { message, .. }, true) =
                (&event.what, event.is_at(&connection.subscriber))
            {
                owed.remove(message);
            }
        }
        for (message, (position, _)) in owed {
            let problem =
                format!("{message} was published, and {} did not receive it", connection.subscriber);
            violations.push(events[position].violation(problem));
        }
    }
    violations
}

/// Positions at which the application of an XPUB granted what was asked for on a connection. It hears of every
/// subscription, in the order in which they came, over all connections.
fn granted<'a>(events: &'a [Event], connection: &Lasting) -> BTreeMap<usize, &'a str> {
    let mut asked: BTreeMap<&str, VecDeque<u64>> = BTreeMap::new();
    let mut granted = BTreeMap::new();
    for (position, event) in events.iter().enumerate().filter(|(_, event)| event.is_at(&connection.publisher))
    {
        match &event.what {
            EventKind::Opened { .. } => asked.clear(),
            EventKind::Frame {
                stream,
                dir: Direction::In,
                frame: WireFrame::Command { name, topic: Some(topic), .. },
            } if name == "SUBSCRIBE" => asked.entry(topic).or_default().push_back(*stream),
            EventKind::Granted { topic, ended: false } => {
                let by = asked.get_mut(topic.as_str()).and_then(VecDeque::pop_front);
                if by == Some(connection.stream) {
                    granted.insert(position, topic.as_str());
                }
            }
            _ => {}
        }
    }
    granted
}

/// A stream between a PUB and a SUB that lasted until the end, at the PUB's end.
pub(super) struct Lasting {
    pub(super) publisher: Name,
    pub(super) subscriber: Name,
    pub(super) stream: u64,
    /// Position in the trace.
    pub(super) begins: usize,
}

/// Streams of which both ends are known and none broke. A SUB with several connections to one PUB is left out.
pub(super) fn connections(case: &Case<'_>) -> Vec<Lasting> {
    let events = case.trace.before_closing();
    let mut sockets: BTreeMap<u64, &Name> = BTreeMap::new();
    let mut pairs: Vec<(u64, u64, usize)> = Vec::new();
    let mut broken: BTreeSet<u64> = BTreeSet::new();
    for (position, event) in events.iter().enumerate() {
        match &event.what {
            EventKind::Stream { stream, peer } => {
                if let Some(socket) = &event.socket {
                    sockets.insert(*stream, socket);
                }
                pairs.extend(peer.map(|peer| (*stream, peer, position)));
            }
            EventKind::StreamEnded { stream, .. } => {
                broken.insert(*stream);
            }
            EventKind::Crashed { .. } => {
                let fell = |socket: &&Name| {
                    let number = case.plan.socket_number(socket);
                    number.is_some_and(|number| {
                        Some(case.plan.socket(number).host.as_str()) == event.host.as_deref()
                    })
                };
                broken.extend(sockets.iter().filter(|(_, socket)| fell(socket)).map(|(stream, _)| *stream));
            }
            _ => {}
        }
    }
    let lasting = |&(accepting, connecting, begins): &(u64, u64, usize)| {
        let (a, c) = (*sockets.get(&accepting)?, *sockets.get(&connecting)?);
        if broken.contains(&accepting) || broken.contains(&connecting) {
            return None;
        }
        let (a_number, c_number) = (case.plan.socket_number(a)?, case.plan.socket_number(c)?);
        if case.plan.paths_between(a_number, c_number) != 1 {
            return None;
        }
        // A proxy subscribes as its other side tells it, and hands on what it gets.
        let subscribes = |number: usize| case.plan.socket(number).kind.subscribes();
        let to_proxy = |number: usize| subscribes(number) && case.plan.forwards_to(number).is_some();
        if to_proxy(a_number) || to_proxy(c_number) {
            return None;
        }
        match (case.plan.kind(a)?, case.plan.kind(c)?) {
            (a_kind, c_kind) if a_kind.publishes() && c_kind.subscribes() => {
                Some(Lasting { publisher: a.clone(), subscriber: c.clone(), stream: accepting, begins })
            }
            (a_kind, c_kind) if a_kind.subscribes() && c_kind.publishes() => {
                Some(Lasting { publisher: c.clone(), subscriber: a.clone(), stream: connecting, begins })
            }
            _ => None,
        }
    };
    pairs.iter().filter_map(lasting).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{TOPICS, found_in, got, message, nothing_found_in, published, trace};
    use super::*;

    type Line = (&'static str, &'static str, EventKind);

    fn publisher(what: EventKind) -> Line {
        ("source", "pub", what)
    }

    fn subscriber(what: EventKind) -> Line {
        ("reader", "sub", what)
    }

    fn subscribed() -> Line {
        subscriber(EventKind::Subscribed { topic: "a".into() })
    }

    #[test]
    fn what_was_not_asked_for_is_a_violation() {
        let of = |topic: &str| {
            [subscribed(), publisher(published("pub#0", topic)), subscriber(got("pub#0", topic))]
        };
        nothing_found_in(TOPICS, soundness, &trace(&of("ab")));
        found_in(TOPICS, soundness, &trace(&of("b")), "under \"b\" without a subscription");
        found_in(TOPICS, soundness, &trace(&of("")), "without a subscription");
    }

    #[test]
    fn an_xsub_receives_what_is_sent_until_its_cancel_has_arrived() {
        let xsub = TOPICS.replace("\"SUB\"", "\"XSUB\"");
        let cancel = WireFrame::Command { name: "CANCEL".into(), bytes: 1, topic: Some("a".into()) };
        let arrives = publisher(EventKind::Frame { stream: 1, dir: Direction::In, frame: cancel });
        let ends = subscriber(EventKind::Unsubscribed { topic: "a".into() });
        let (sent, receipt) = (publisher(published("pub#0", "a")), subscriber(got("pub#0", "a")));
        let late = [subscribed(), ends.clone(), sent.clone(), receipt.clone(), arrives.clone()];
        nothing_found_in(&xsub, soundness, &quiet(&late));
        found_in(TOPICS, soundness, &quiet(&late), "without a subscription");
        let later = [subscribed(), ends, arrives, sent, receipt];
        found_in(&xsub, soundness, &quiet(&later), "without a subscription");
    }

    #[test]
    fn another_topic_than_was_published_is_a_violation() {
        let events = [subscribed(), publisher(published("pub#0", "a1")), subscriber(got("pub#0", "a2"))];
        found_in(TOPICS, soundness, &trace(&events), "published under \"a1\" and received under \"a2\"");
    }

    #[test]
    fn what_was_published_after_a_subscription_was_given_up_is_a_violation() {
        let ends = subscriber(EventKind::Unsubscribed { topic: "a".into() });
        let sent = publisher(published("pub#0", "a"));
        let receipt = subscriber(got("pub#0", "a"));
        nothing_found_in(
            TOPICS,
            soundness,
            &trace(&[subscribed(), sent.clone(), ends.clone(), receipt.clone()]),
        );
        found_in(TOPICS, soundness, &trace(&[subscribed(), ends, sent, receipt]), "without a subscription");
    }

    fn quiet(tail: &[Line]) -> Trace {
        let arrived = WireFrame::Command { name: "SUBSCRIBE".into(), bytes: 1, topic: Some("a".into()) };
        let head = [
            subscriber(EventKind::Stream { stream: 0, peer: None }),
            publisher(EventKind::Stream { stream: 1, peer: Some(0) }),
            publisher(EventKind::Frame { stream: 1, dir: Direction::In, frame: arrived }),
        ];
        trace(&[&head[..], tail].concat())
    }

    use seaworthy_sim::trace::Trace;

    #[test]
    fn what_a_quiet_subscriber_does_not_receive_is_a_violation() {
        let sent = publisher(published("pub#0", "a"));
        let receipt = subscriber(got("pub#0", "a"));
        nothing_found_in(TOPICS, completeness, &quiet(&[sent.clone(), receipt]));
        nothing_found_in(TOPICS, completeness, &quiet(&[publisher(published("pub#0", "b"))]));
        found_in(TOPICS, completeness, &quiet(&[sent]), "pub#0 was published, and sub did not receive it");
    }

    #[test]
    fn what_is_published_before_a_subscription_is_granted_is_not_owed() {
        let manual =
            TOPICS.replace("\"PUB\"", "\"XPUB\"").replace("sndhwm = 3", "xpub_manual = true").replace(
                "{ socket = \"sub\", role",
                "{ socket = \"pub\", role = \"receive\" },\n    { socket = \"sub\", role",
            );
        let sent = publisher(published("pub#0", "a"));
        let grants = |topic: &str| publisher(EventKind::Granted { topic: topic.into(), ended: false });
        nothing_found_in(&manual, completeness, &quiet(&[sent.clone(), grants("a")]));
        nothing_found_in(&manual, completeness, &quiet(&[grants("b"), sent.clone()]));
        found_in(&manual, completeness, &quiet(&[grants("a"), sent.clone()]), "pub#0 was published");
        // Somebody else asked first.
        let other = WireFrame::Command { name: "SUBSCRIBE".into(), bytes: 1, topic: Some("a".into()) };
        let mut events = quiet(&[grants("a"), sent]);
        let mut first = events.events[2].clone();
        first.what = EventKind::Frame { stream: 7, dir: Direction::In, frame: other };
        events.events.insert(0, first);
        nothing_found_in(&manual, completeness, &events);
    }

    #[test]
    fn a_full_pipe_and_a_broken_connection_excuse_the_publisher() {
        let sent: Vec<_> = (0..4).map(|n| publisher(published(&format!("pub#{n}"), "a"))).collect();
        let broke = subscriber(EventKind::StreamEnded { stream: 0, how: "reset".into() });
        nothing_found_in(TOPICS, completeness, &quiet(&[sent[0].clone(), broke]));
        // The pipe holds three: the fourth may be dropped, the third may not.
        let receipts: Vec<_> = (0..3).map(|n| subscriber(got(&format!("pub#{n}"), "a"))).collect();
        nothing_found_in(TOPICS, completeness, &quiet(&[&sent[..], &receipts].concat()));
        found_in(TOPICS, completeness, &quiet(&[&sent[..], &receipts[..2]].concat()), "pub#2 was published");
    }

    #[test]
    fn a_mark_in_bytes_excuses_the_publisher_too() {
        let weight = |line: &Line| match &line.2 {
            EventKind::Sent { bytes, parts, .. } => weight_of(*bytes, u64::from(*parts) + 1),
            _ => 0,
        };
        let sent: Vec<_> = (0..2).map(|n| publisher(published(&format!("pub#{n}"), "a"))).collect();
        let mark = |bytes: u64| TOPICS.replace("sndhwm = 3", &format!("sndhwm = 3, sndhwm_bytes = {bytes}"));
        let receipt = subscriber(got("pub#0", "a"));
        let events = quiet(&[&sent[..], &[receipt]].concat());
        nothing_found_in(&mark(weight(&sent[0])), completeness, &events);
        found_in(&mark(weight(&sent[0]) + 1), completeness, &events, "pub#1 was published");
    }

    #[test]
    fn what_was_on_its_way_when_a_subscription_was_given_up_is_not_owed_and_the_rest_is() {
        let sent = publisher(published("pub#0", "ab"));
        let gives_up = |topic: &str| subscriber(EventKind::Unsubscribed { topic: topic.into() });
        nothing_found_in(TOPICS, completeness, &quiet(&[sent.clone(), gives_up("a")]));
        found_in(TOPICS, completeness, &quiet(&[sent, gives_up("b")]), "pub#0 was published");
    }

    #[test]
    fn what_left_the_pipe_makes_room_for_more() {
        let frame = WireFrame::Message { bytes: 64, more: false, of: Some(message("pub#0")), text: None };
        let left = publisher(EventKind::Frame { stream: 1, dir: Direction::Out, frame });
        let mut events = vec![publisher(published("pub#0", "a")), left, subscriber(got("pub#0", "a"))];
        events.extend((1..4).map(|n| publisher(published(&format!("pub#{n}"), "a"))));
        found_in(TOPICS, completeness, &quiet(&events), "pub#3 was published");
    }
}
