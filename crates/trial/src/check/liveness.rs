//! Liveness: once everything is healed, every pair of sockets that has a connection exchanges messages again, every
//! workload sends what it should, and every socket can be closed.

use std::collections::BTreeSet;

use super::Case;
use crate::scenario::{Plan, Role};
use seaworthy_engine::Violation;
use seaworthy_sim::trace::{EventKind, Phase};

/// Finds pairs that did not recover in time, workloads that never finished, and sockets that did not close.
pub fn check(case: &Case<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    let events = &case.trace.events;
    let Some(healed) = case.trace.phase_start(Phase::Healed) else { return violations };
    let limit = case.plan.scenario.expect.progress_within;
    let deadline = events[healed].at() + limit.0;
    let mut silent = needs(case.plan);
    let mut fresh = BTreeSet::new();
    for event in &events[healed..] {
        match &event.what {
            EventKind::Sent { message, answer: false, .. } => {
                fresh.insert(message);
            }
            EventKind::Received { message, .. } if event.at() <= deadline && fresh.contains(message) => {
                let sender = case.plan.socket_number(&message.sender);
                let receiver = event.socket.as_deref().and_then(|name| case.plan.socket_number(name));
                if let (Some(sender), Some(receiver)) = (sender, receiver) {
                    silent.retain(|need| !need.is_met_by(sender, receiver));
                }
            }
            _ => {}
        }
    }
    for need in silent {
        violations.push(Violation::of(
            case.plan.name(need.socket()),
            format!("{} within {limit} after everything was healed", need.complaint(case.plan)),
        ));
    }
    let makes = |role| matches!(role, Role::Send | Role::Request);
    for (number, name) in case.plan.sockets.iter().enumerate() {
        let sends = case.plan.workloads(number).any(|workload| makes(workload.role));
        let done =
            events.iter().any(|event| matches!(event.what, EventKind::Done { .. }) && event.is_at(name));
        if sends && !done {
            violations.push(Violation::of(name, "did not get all of its messages sent".to_owned()));
        }
        let closed = events.iter().any(|event| event.what == EventKind::Closed && event.is_at(name));
        let waits = case.plan.waits_for_ever(number);
        if case.trace.phase_start(Phase::Closing).is_some() && !closed && !waits {
            violations.push(Violation::of(name, "did not close".to_owned()));
        }
    }
    violations
}

/// Something that has to happen once everything is healed. Sockets by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// One has to hear from the other.
    Pair {
        /// Who sends.
        sender: usize,
        /// Who receives. The sender itself when it asks and has to hear its own request again.
        receiver: usize,
    },
    /// Somebody has to hear from it, by way of a proxy: whom it gives what to is the proxy's choice.
    BeHeard(usize),
    /// It has to hear from somebody, by way of a proxy.
    Hear(usize),
}

impl Need {
    /// Whether this is the end of it: `receiver` has heard from `sender`.
    pub const fn is_met_by(self, sender: usize, receiver: usize) -> bool {
        match self {
            Self::Pair { sender: from, receiver: to } => from == sender && to == receiver,
            Self::BeHeard(socket) => socket == sender,
            Self::Hear(socket) => socket == receiver,
        }
    }

    /// Whose need it is.
    const fn socket(self) -> usize {
        match self {
            Self::Pair { sender: socket, .. } | Self::BeHeard(socket) | Self::Hear(socket) => socket,
        }
    }

    /// What is wrong while it is not met.
    fn complaint(self, plan: &Plan) -> String {
        match self {
            Self::Pair { sender, receiver } if sender == receiver => "no reply".to_owned(),
            Self::Pair { receiver, .. } => format!("{} heard nothing from it", plan.name(receiver)),
            Self::BeHeard(_) => "nobody heard from it".to_owned(),
            Self::Hear(_) => "it heard from nobody".to_owned(),
        }
    }

    /// Sender and receiver by name; `*` is anybody.
    pub fn words(self, plan: &Plan) -> String {
        match self {
            Self::Pair { sender, receiver } => format!("{} -> {}", plan.name(sender), plan.name(receiver)),
            Self::BeHeard(sender) => format!("{} -> *", plan.name(sender)),
            Self::Hear(receiver) => format!("* -> {}", plan.name(receiver)),
        }
    }
}

/// Who has to hear from whom once everything is healed.
pub fn needs(plan: &Plan) -> BTreeSet<Need> {
    let mut needs = BTreeSet::new();
    for socket in 0..plan.sockets.len() {
        for workload in plan.workloads(socket) {
            match workload.role {
                Role::Request => {
                    needs.insert(Need::Pair { sender: socket, receiver: socket });
                }
                Role::Send => {
                    let hears = |&peer: &usize| {
                        plan.hears(peer)
                            && (workload.to.is_empty() || workload.to.contains(&plan.socket(peer).name))
                            && wants_any(plan, peer, &workload.topics)
                    };
                    let any = plan.is_forwarded(socket) && !plan.socket(socket).kind.distributes();
                    for receiver in plan.correspondents(socket).into_iter().filter(hears) {
                        match any {
                            true => needs.extend([Need::BeHeard(socket), Need::Hear(receiver)]),
                            false => needs.extend([Need::Pair { sender: socket, receiver }]),
                        }
                    }
                }
                Role::Receive | Role::Reply | Role::Subscribe | Role::Unsubscribe | Role::Proxy => {}
            }
        }
    }
    needs
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
        let done = push(EventKind::Done { count: 9 });
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
            push(EventKind::Done { count: 9 }),
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
        let pair = |sender, receiver| Need::Pair { sender, receiver };
        assert_eq!(needs(&plan(PIPELINE)), [pair(0, 1), pair(0, 2)].into());
        assert_eq!(needs(&plan(REQUESTS)), [pair(1, 1)].into());
        assert_eq!(needs(&plan(TOPICS)), [pair(0, 1)].into());
        let deaf = TOPICS.replace("subscribe = [\"a\"]", "subscribe = [\"c\"]");
        assert_eq!(needs(&plan(&deaf)), [].into());
    }
}
