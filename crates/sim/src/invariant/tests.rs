//! Traces that a few lines make up, and what is found in them.

use seaworthy_engine::Violation;

use crate::trace::{Event, EventKind, Trace};

pub(super) fn trace(events: &[(&str, &str, EventKind)]) -> Trace {
    let name = |name: &str| (!name.is_empty()).then(|| name.into());
    let event = |(t, (host, socket, what)): (u64, &(&str, &str, EventKind))| Event {
        t,
        host: name(host),
        socket: name(socket),
        what: what.clone(),
    };
    Trace { events: (0..).zip(events).map(event).collect() }
}

pub(super) fn found(check: fn(&Trace) -> Vec<Violation>, trace: &Trace, problem: &str) {
    let found = check(trace);
    assert!(found.iter().any(|found| found.problem.contains(problem)), "{found:?}");
}

pub(super) fn nothing_found(check: fn(&Trace) -> Vec<Violation>, trace: &Trace) {
    assert_eq!(check(trace), []);
}
