//! Reconnect spacing: a pause between two attempts is never longer than the options say, and never so short that a
//! lost server is stormed; those who lost it do not pause in step, or all of them would come back at once; and no attempt
//! takes longer than `connect_timeout`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use seaworthy_core::FAULT_IVL_MAX;

use super::Case;
use super::half_open::is_handicapped;
use crate::scenario::Socket;
use seaworthy_engine::Violation;
use seaworthy_sim::script::draw::Draw;
use seaworthy_sim::trace::{EventKind, Name};

/// libzmq's default of `reconnect_ivl`.
const RECONNECT_IVL: Duration = Duration::from_millis(100);

/// Finds pauses that are too short or too long.
pub fn check(case: &Case<'_>) -> Vec<Violation> {
    let outside = case.trace.events.iter().filter_map(|event| {
        let (EventKind::Retrying { after, reason, .. }, Some(name)) = (&event.what, &event.socket) else {
            return None;
        };
        let (least, most) = bounds(case.plan.socket(case.plan.socket_number(name)?));
        let most = if is_fault(reason) { most.max(FAULT_IVL_MAX) } else { most };
        let after = Duration::from_nanos(*after);
        let problem = format!("the next attempt comes after {after:?}, not within {least:?} to {most:?}");
        (after < least || after > most).then(|| event.violation(problem))
    });
    outside.chain(in_step(case)).chain(too_long(case)).collect()
}

/// Whether one side refused something of the other's, after which pauses grow beyond `reconnect_ivl_max`.
fn is_fault(reason: &str) -> bool {
    ["the peer misbehaved", "the peer refused", "the peer subscribes"]
        .iter()
        .any(|start| reason.starts_with(start))
}

/// So many sockets that pause equally long, to the nanosecond, have not drawn their pauses.
const IN_STEP: usize = 3;

/// Finds sockets that pause equally long.
fn in_step(case: &Case<'_>) -> Vec<Violation> {
    let mut pauses: BTreeMap<u64, BTreeSet<&Name>> = BTreeMap::new();
    for event in &case.trace.events {
        if let (EventKind::Retrying { after, .. }, Some(name)) = (&event.what, &event.socket) {
            pauses.entry(*after).or_default().insert(name);
        }
    }
    let alike = pauses.into_iter().filter(|(_, names)| names.len() >= IN_STEP);
    let violation = |(after, names): (u64, BTreeSet<&Name>)| {
        let first = names.first()?;
        let (after, others) = (Duration::from_nanos(after), names.len() - 1);
        Some(Violation::of(
            first,
            format!("it and {others} others all pause for {after:?}: there is no jitter"),
        ))
    };
    alike.filter_map(violation).collect()
}

/// What the end of an attempt may take beyond `connect_timeout`: clocks tick.
const SLACK: Duration = Duration::from_millis(100);

/// Finds attempts to connect that took longer than they may.
fn too_long(case: &Case<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut begun: BTreeMap<(&Name, &str), Duration> = BTreeMap::new();
    for event in case.trace.before_closing() {
        let Some(name) = &event.socket else { continue };
        let (endpoint, next) = match &event.what {
            EventKind::Opened { .. } => {
                begun.retain(|(socket, _), _| *socket != name);
                continue;
            }
            EventKind::Connecting { endpoint } => (endpoint, Some(event.at())),
            EventKind::Retrying { endpoint, after, .. } => {
                (endpoint, Some(event.at() + Duration::from_nanos(*after)))
            }
            EventKind::Connected { endpoint, accepted: false } | EventKind::Stopped { endpoint, .. } => {
                (endpoint, None)
            }
            _ => continue,
        };
        let key = (name, endpoint.as_str());
        let before = match next {
            Some(next) => begun.insert(key, next),
            None => begun.remove(&key),
        };
        let socket = case.plan.socket_number(name).map(|number| case.plan.socket(number));
        let limit = socket
            .filter(|socket| !is_handicapped(case.plan, &socket.host))
            .and_then(|socket| socket.options.connect_timeout)
            .map(|limit| limit.value().0)
            .filter(|limit| !limit.is_zero());
        if let (Some(before), Some(limit)) = (before, limit)
            && event.at().saturating_sub(before) > limit + SLACK + case.lateness()
        {
            let took = event.at() - before;
            let problem = format!("an attempt to connect took {took:?}, with a connect_timeout of {limit:?}");
            violations.push(event.violation(problem));
        }
    }
    violations
}

/// The shortest and longest pause. Jitter may halve the first interval, as Seaworthy draws it, or add all of it,
/// as libzmq does.
fn bounds(socket: &Socket) -> (Duration, Duration) {
    let first = socket.options.reconnect_ivl.map_or(RECONNECT_IVL, |ivl| Draw::value(ivl).0);
    let max = socket.options.reconnect_ivl_max.map_or(Duration::ZERO, |ivl| Draw::value(ivl).0);
    (first / 2, if max.is_zero() { first * 2 } else { max.max(first) })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{PIPELINE, found, found_in, nothing_found, nothing_found_in, trace};
    use super::*;

    #[test]
    fn an_attempt_that_takes_longer_than_its_limit_is_a_violation() {
        let hasty = PIPELINE.replace("rcvhwm = 2", "rcvhwm = 2, connect_timeout = \"500ms\"");
        let endpoint = || "tcp://source:1".to_owned();
        let attempt = |ms: u64, end: EventKind| {
            let reason = String::new();
            let retry = EventKind::Retrying { endpoint: endpoint(), after: 100_000_000, reason };
            let mut trace = trace(&[("worker-1", "pull-1", retry), ("worker-1", "pull-1", end)]);
            (trace.events[0].t, trace.events[1].t) = (0, ms * 1_000_000);
            trace
        };
        let connected = || EventKind::Connected { endpoint: endpoint(), accepted: false };
        nothing_found_in(&hasty, check, &attempt(700, connected()));
        found_in(&hasty, check, &attempt(701, connected()), "an attempt to connect took 601ms");
        nothing_found_in(PIPELINE, check, &attempt(701, connected()));
        let accepted = EventKind::Connected { endpoint: endpoint(), accepted: true };
        nothing_found_in(&hasty, check, &attempt(701, accepted));
    }

    #[test]
    fn sockets_that_pause_in_step_are_a_violation() {
        let retry = |name, after: u64| {
            let what = EventKind::Retrying { endpoint: String::new(), after, reason: String::new() };
            ("worker-1", name, what)
        };
        let pauses = |last| {
            let ms = 1_000_000;
            trace(&[retry("pull-1", 80 * ms), retry("pull-2", 80 * ms), retry("push", last)])
        };
        nothing_found(check, &pauses(80_000_001));
        found(check, &pauses(80_000_000), "it and 2 others all pause for 80ms: there is no jitter");
    }

    #[test]
    fn a_pause_outside_its_bounds_is_a_violation() {
        let retry = |after: Duration| {
            let after = after.as_nanos() as u64;
            trace(&[(
                "worker-1",
                "pull-1",
                EventKind::Retrying { endpoint: String::new(), after, reason: String::new() },
            )])
        };
        let ms = Duration::from_millis;
        for fine in [50, 100, 200] {
            nothing_found(check, &retry(ms(fine)));
        }
        found(check, &retry(ms(49)), "after 49ms, not within 50ms to 200ms");
        found(check, &retry(ms(201)), "after 201ms");
    }

    #[test]
    fn a_pause_after_a_fault_may_be_longer() {
        let retry = |after: u64, reason: &str| {
            let (endpoint, after) = (String::new(), after * 1_000_000_000);
            trace(&[(
                "worker-1",
                "pull-1",
                EventKind::Retrying { endpoint, after, reason: reason.to_owned() },
            )])
        };
        nothing_found(check, &retry(30, "the peer misbehaved: frame flags"));
        found(check, &retry(31, "the peer misbehaved: frame flags"), "after 31s");
        found(check, &retry(30, "closed by the peer"), "after 30s");
    }
}
