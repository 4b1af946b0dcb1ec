//! Liveness: once everything is healed, every pair of sockets that has a connection exchanges messages again, every
//! workload sends what it should, and every socket can be closed.

use std::collections::BTreeSet;

use super::{Case, Violation};
use crate::scenario::{Plan, Role};
use crate::trace::{Phase, What};

/// Finds pairs that did not recover in time, workloads that never finished, and sockets that did not close.
pub fn check(case: &Case<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    let events = &case.trace.events;
    let Some(healed) = case.trace.phase_start(Phase::Healed) else { return violations };
    let limit = case.plan.scenario.expect.progress_within;
    let deadline = events[healed].at() + limit.0;
    let mut silent = pairs(case.plan);
    let mut fresh = BTreeSet::new();
    for event in &events[healed..] {
        match &event.what {
            What::Sent { message, answer: false, .. } => {
                fresh.insert(message);
            }
            What::Received { message, .. } if event.at() <= deadline && fresh.contains(message) => {
                let sender = case.plan.socket_number(&message.sender);
                let receiver = event.socket.as_deref().and_then(|name| case.plan.socket_number(name));
                if let (Some(sender), Some(receiver)) = (sender, receiver) {
                    silent.remove(&(sender, receiver));
                }
            }
            _ => {}
        }
    }
    for (sender, receiver) in silent {
        let (from, to) = (case.plan.name(sender), case.plan.name(receiver));
        let problem = if sender == receiver {
            format!("no reply within {limit} after everything was healed")
        } else {
            format!("{to} heard nothing from it within {limit} after everything was healed")
        };
        violations.push(Violation::of(from, problem));
    }
    let makes = |role| matches!(role, Role::Send | Role::Request);
    for (number, name) in case.plan.sockets.iter().enumerate() {
        let sends = case.plan.workloads(number).any(|workload| makes(workload.role));
        let done = events.iter().any(|event| event.is_at(name) && matches!(event.what, What::Done { .. }));
        if sends && !done {
            violations.push(Violation::of(name, "did not get all of its messages sent".to_owned()));
        }
        let closed = events.iter().any(|event| event.is_at(name) && event.what == What::Closed);
        let waits = case.plan.waits_for_ever(number);
        if case.trace.phase_start(Phase::Closing).is_some() && !closed && !waits {
            violations.push(Violation::of(name, "did not close".to_owned()));
        }
    }
    violations
}

/// Who has to hear from whom once everything is healed: sender and receiver, by number. A socket that asks has to
/// hear its own request again.
pub fn pairs(plan: &Plan) -> BTreeSet<(usize, usize)> {
    let mut pairs = BTreeSet::new();
    for socket in 0..plan.sockets.len() {
        for workload in plan.workloads(socket) {
            match workload.role {
                Role::Request => {
                    pairs.insert((socket, socket));
                }
                Role::Send => {
                    let hears = |&peer: &usize| {
                        plan.hears(peer)
                            && (workload.to.is_empty() || workload.to.contains(&plan.socket(peer).name))
                            && wants_any(plan, peer, &workload.topics)
                    };
                    let heard: Vec<usize> = plan.correspondents(socket).into_iter().filter(hears).collect();
                    // Behind a proxy the turns are not the sender's: of several each may always get another's.
                    let in_turn = plan.is_forwarded(socket) && !plan.socket(socket).kind.distributes();
                    if !in_turn || heard.len() == 1 {
                        pairs.extend(heard.into_iter().map(|peer| (socket, peer)));
                    }
                }
                Role::Receive | Role::Reply | Role::Subscribe | Role::Unsubscribe | Role::Proxy => {}
            }
        }
    }
    pairs
}

/// Whether a peer is interested in one of these topics: always, unless it subscribes.
fn wants_any(plan: &Plan, peer: usize, topics: &[String]) -> bool {
    if topics.is_empty() || !plan.socket(peer).kind.subscribes() {
        return true;
    }
    let prefixes = plan.final_subscriptions(peer);
    topics.iter().any(|topic| prefixes.iter().any(|prefix| topic.starts_with(prefix)))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{
        PIPELINE, REQUESTS, TOPICS, found, found_in, nothing_found, phase, plan, received, sent, trace,
    };
    use super::*;

    #[test]
    fn a_pair_that_stays_silent_after_healing_is_a_violation() {
        let push = |what| ("source", "push", what);
        let healed = ("", "", phase(Phase::Healed));
        let one = ("worker-1", "pull-1", received("push#1"));
        let other = ("worker-2", "pull-2", received("push#2"));
        let done = push(What::Done { count: 9 });
        let head = [push(sent("push#0")), healed, done, push(sent("push#1")), push(sent("push#2"))];
        nothing_found(check, &trace(&[&head[..], &[one.clone(), other]].concat()));
        found(check, &trace(&[&head[..], &[one]].concat()), "pull-2 heard nothing from it within 10s");
        // What was sent before healing proves nothing.
        let old = ("worker-2", "pull-2", received("push#0"));
        found(check, &trace(&[&head[..], &[old]].concat()), "pull-2 heard nothing");
    }

    #[test]
    fn progress_that_comes_too_late_is_a_violation() {
        let hasty = format!("{PIPELINE}\nexpect = {{ progress_within = \"1ms\" }}");
        let push = |what| ("source", "push", what);
        let events = [
            ("", "", phase(Phase::Healed)),
            push(sent("push#1")),
            push(What::Done { count: 9 }),
            ("worker-1", "pull-1", received("push#1")),
        ];
        found_in(&hasty, check, &trace(&events), "pull-1 heard nothing from it within 1ms");
    }

    #[test]
    fn a_workload_that_does_not_finish_and_a_socket_that_does_not_close_are_violations() {
        let events = trace(&[("", "", phase(Phase::Healed)), ("", "", phase(Phase::Closing))]);
        found(check, &events, "did not get all of its messages sent");
        found(check, &events, "did not close");
    }

    #[test]
    fn those_who_listen_are_the_ones_to_be_heard() {
        assert_eq!(pairs(&plan(PIPELINE)), [(0, 1), (0, 2)].into());
        assert_eq!(pairs(&plan(REQUESTS)), [(1, 1)].into());
        assert_eq!(pairs(&plan(TOPICS)), [(0, 1)].into());
        let deaf = TOPICS.replace("subscribe = [\"a\"]", "subscribe = [\"c\"]");
        assert_eq!(pairs(&plan(&deaf)), [].into());
    }
}
