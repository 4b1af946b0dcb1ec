//! Words for the negative tests: a small scenario of each kind, and traces written by hand.

use super::*;
use crate::scenario::{Plan, Scenario};
use seaworthy_sim::trace::{Event, EventKind, MessageName, Phase, RelayStep, Trace};

/// PUSH `push` on `source`, bound; PULL `pull-1` and `pull-2`, connected, HWM 2, messages of 24 bytes.
pub(super) const PIPELINE: &str = r#"
name = "pipeline"
description = "d"
duration = "10s"
host = [{ name = "source" }, { name = "worker", count = 2 }]
socket = [
    { name = "push", host = "source", type = "PUSH", bind = ["tcp://*:1"], options = { sndhwm = 2 } },
    { name = "pull", host = "worker", type = "PULL", connect = ["tcp://source:1"], options = { rcvhwm = 2 } },
]
workload = [
    { socket = "push", role = "send", count = 9, size = 100000 },
    { socket = "pull", role = "receive" },
]
"#;

/// REQ `req` on `client`, REP `rep` on `server`.
pub(super) const REQUESTS: &str = r#"
name = "requests"
description = "d"
duration = "10s"
host = [{ name = "client" }, { name = "server" }]
socket = [
    { name = "rep", host = "server", type = "REP", bind = ["tcp://*:1"] },
    { name = "req", host = "client", type = "REQ", connect = ["tcp://server:1"] },
]
workload = [{ socket = "req", role = "request", count = 9 }, { socket = "rep", role = "reply" }]
"#;

/// PUB `pub` on `source`, SUB `sub` on `reader`, subscribed to `a`.
pub(super) const TOPICS: &str = r#"
name = "topics"
description = "d"
duration = "10s"
host = [{ name = "source" }, { name = "reader" }]
socket = [
    { name = "pub", host = "source", type = "PUB", bind = ["tcp://*:1"], options = { sndhwm = 3 } },
    { name = "sub", host = "reader", type = "SUB", connect = ["tcp://source:1"], subscribe = ["a"] },
]
workload = [
    { socket = "pub", role = "send", count = 9, topics = ["a", "b"] },
    { socket = "sub", role = "receive" },
]
"#;

/// PUSH `push` on `source`, by way of the proxy between `front` and `back` on `broker` to PULL `pull` on `worker`.
pub(super) const BROKER: &str = r#"
name = "broker"
description = "d"
duration = "10s"
host = [{ name = "source" }, { name = "broker" }, { name = "worker" }]
socket = [
    { name = "push", host = "source", type = "PUSH", connect = ["tcp://broker:1"] },
    { name = "front", host = "broker", type = "PULL", bind = ["tcp://*:1"] },
    { name = "back", host = "broker", type = "PUSH", bind = ["tcp://*:2"] },
    { name = "pull", host = "worker", type = "PULL", connect = ["tcp://broker:2"] },
]
workload = [
    { socket = "push", role = "send", count = 9, size = 100000 },
    { socket = "front", role = "proxy", proxy = { backend = "back", queue = 1 } },
    { socket = "pull", role = "receive" },
]
"#;

/// REQ `req` on `client`, by way of the proxy between ROUTER `front` and DEALER `back` on `broker` to REP `rep` on `server`.
pub(super) const BROKERED_REQUESTS: &str = r#"
name = "brokered-requests"
description = "d"
duration = "10s"
host = [{ name = "client" }, { name = "broker" }, { name = "server" }]
socket = [
    { name = "req", host = "client", type = "REQ", connect = ["tcp://broker:1"] },
    { name = "front", host = "broker", type = "ROUTER", bind = ["tcp://*:1"] },
    { name = "back", host = "broker", type = "DEALER", bind = ["tcp://*:2"] },
    { name = "rep", host = "server", type = "REP", connect = ["tcp://broker:2"] },
]
workload = [
    { socket = "req", role = "request", count = 9 },
    { socket = "front", role = "proxy", proxy = { backend = "back" } },
    { socket = "rep", role = "reply" },
]
"#;

pub(super) fn plan(text: &str) -> Plan {
    Plan::new(&Scenario::parse("test.toml", text).unwrap(), 1)
}

/// One event a millisecond: host, socket ("" for none) and what.
pub(super) fn trace(events: &[(&str, &str, EventKind)]) -> Trace {
    let name = |text: &str| (!text.is_empty()).then(|| text.into());
    let event = |(index, (host, socket, what)): (usize, &(&str, &str, EventKind))| Event {
        t: index as u64 * 1_000_000,
        host: name(host),
        socket: name(socket),
        what: what.clone(),
    };
    Trace { events: events.iter().enumerate().map(event).collect() }
}

pub(super) fn message(name: &str) -> MessageName {
    name.parse().unwrap()
}

pub(super) fn sent(name: &str) -> EventKind {
    EventKind::Sent { message: message(name), parts: 1, bytes: 100_000, topic: None, to: None, answer: false }
}

pub(super) fn answered(name: &str) -> EventKind {
    EventKind::Sent { message: message(name), parts: 1, bytes: 64, topic: None, to: None, answer: true }
}

pub(super) fn received(name: &str) -> EventKind {
    EventKind::Received { message: message(name), parts: 1, bytes: 100_000, topic: None, from: None }
}

pub(super) fn relayed(step: RelayStep, name: &str) -> EventKind {
    EventKind::Relayed { step, message: message(name), parts: 1, bytes: 100_000, answer: false }
}

pub(super) fn published(name: &str, topic: &str) -> EventKind {
    EventKind::Sent {
        message: message(name),
        parts: 1,
        bytes: 65,
        topic: Some(topic.to_owned()),
        to: None,
        answer: false,
    }
}

pub(super) fn got(name: &str, topic: &str) -> EventKind {
    EventKind::Received {
        message: message(name),
        parts: 1,
        bytes: 65,
        topic: Some(topic.to_owned()),
        from: None,
    }
}

pub(super) fn phase(phase: Phase) -> EventKind {
    EventKind::Phase { phase }
}

type CheckFn = fn(&Case<'_>) -> Vec<Violation>;

#[track_caller]
pub(super) fn found_in(scenario: &str, check: CheckFn, trace: &Trace, problem: &str) {
    let violations = check(&Case { plan: &plan(scenario), trace });
    let texts: Vec<_> = violations.iter().map(|violation| violation.problem.as_str()).collect();
    assert!(texts.iter().any(|text| text.contains(problem)), "{problem:?} is not in {texts:?}");
}

#[track_caller]
pub(super) fn nothing_found_in(scenario: &str, check: CheckFn, trace: &Trace) {
    assert_eq!(check(&Case { plan: &plan(scenario), trace }), []);
}

#[track_caller]
pub(super) fn found(check: CheckFn, trace: &Trace, problem: &str) {
    found_in(PIPELINE, check, trace, problem);
}

#[track_caller]
pub(super) fn nothing_found(check: CheckFn, trace: &Trace) {
    nothing_found_in(PIPELINE, check, trace);
}

#[test]
fn a_check_reports_a_few_violations_and_counts_the_rest() {
    let torn = ("worker-1", "pull-1", EventKind::Torn { problem: "x".to_owned() });
    let events = vec![torn; VIOLATIONS_MAX + 3];
    let violations = all(&Case { plan: &plan(PIPELINE), trace: &trace(&events) });
    let frames: Vec<_> = violations.iter().filter(|v| v.check == "frame integrity").collect();
    assert_eq!(frames.len(), VIOLATIONS_MAX);
    assert!(frames[VIOLATIONS_MAX - 1].problem.ends_with("(and 3 more)"));
}
