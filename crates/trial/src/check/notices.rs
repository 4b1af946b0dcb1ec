//! Notices of an XPUB (RFC 29; libzmq's XPUB): of each topic the first subscription and the last end of one are told,
//! in turn, over all peers and whoever comes and goes, unless it asks for more; and what peers hold in the end was told.

use std::collections::BTreeMap;

use super::Case;
use crate::scenario::{Role, SocketKind};
use seaworthy_engine::Violation;
use seaworthy_sim::trace::{EventKind, Name};

/// Finds notices that do not alternate, and subscriptions that an XPUB never heard of.
pub fn check(case: &Case<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    // How many subscriptions to each topic are not at their end. Who hears of the first and the last only counts to one.
    let mut told: BTreeMap<&Name, BTreeMap<&str, u64>> = BTreeMap::new();
    for event in case.trace.before_closing() {
        let Some(socket) = &event.socket else { continue };
        if !matches!(event.what, EventKind::Opened { .. } | EventKind::Noticed { .. }) {
            continue;
        }
        let Some(number) = case.plan.socket_number(socket) else { continue };
        let options = &case.plan.socket(number).options;
        let each_end = options.xpub_verboser == Some(true) || options.xpub_manual == Some(true);
        let topics = told.entry(socket).or_default();
        let in_turn = match &event.what {
            // A socket that was opened again after a crash begins anew.
            EventKind::Opened { .. } => {
                topics.clear();
                true
            }
            EventKind::Noticed { topic, ended: false } => {
                let count = topics.entry(topic).or_default();
                *count += 1;
                *count == 1
            }
            EventKind::Noticed { topic, ended: true } => {
                let before = topics.get(topic.as_str()).copied();
                let left = before.unwrap_or_default().saturating_sub(1);
                if each_end && left > 0 {
                    topics.insert(topic, left);
                } else {
                    topics.remove(topic.as_str());
                }
                before.is_some()
            }
            _ => true,
        };
        let verbose = each_end || options.xpub_verbose == Some(true);
        if let (EventKind::Noticed { topic, ended }, false, false) = (&event.what, in_turn, verbose) {
            let what = if *ended { "the end of" } else { "a subscription to" };
            violations.push(event.violation(format!("{what} {topic:?} was told twice")));
        }
    }
    for (number, name) in case.plan.sockets.iter().enumerate() {
        if case.plan.socket(number).kind != SocketKind::XPub || !case.plan.plays(number, Role::Receive) {
            continue;
        }
        for peer in case.plan.peers(number) {
            for topic in case.plan.final_subscriptions(peer) {
                if !told.get(name).is_some_and(|topics| topics.contains_key(topic)) {
                    let problem =
                        format!("never heard that {} is subscribed to {topic:?}", case.plan.name(peer));
                    violations.push(Violation::of(name, problem));
                }
            }
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::super::tests::{TOPICS, found_in, nothing_found_in, trace};
    use super::*;

    fn notices(all: &[(&str, bool)]) -> Vec<(&'static str, &'static str, EventKind)> {
        let notice = |&(topic, ended): &(&str, bool)| EventKind::Noticed { topic: topic.to_owned(), ended };
        all.iter().map(|told| ("source", "pub", notice(told))).collect()
    }

    fn scenario() -> String {
        TOPICS.replace("\"PUB\"", "\"XPUB\"").replace(
            "{ socket = \"sub\", role",
            "{ socket = \"pub\", role = \"receive\" },\n    { socket = \"sub\", role",
        )
    }

    #[test]
    fn notices_of_a_topic_that_do_not_alternate_are_a_violation() {
        let well = [("a", false), ("b", false), ("a", true), ("a", false), ("b", true)];
        nothing_found_in(&scenario(), check, &trace(&notices(&well)));
        let again = [("a", false), ("a", false)];
        found_in(&scenario(), check, &trace(&notices(&again)), "a subscription to \"a\" was told twice");
        let ends = [("a", false), ("b", true)];
        found_in(&scenario(), check, &trace(&notices(&ends)), "the end of \"b\" was told twice");
        let verbose = scenario().replace("sndhwm = 3", "xpub_verbose = true");
        nothing_found_in(&verbose, check, &trace(&notices(&again)));
    }

    #[test]
    fn who_hears_of_each_end_knows_what_is_left() {
        let manual = scenario().replace("sndhwm = 3", "xpub_manual = true");
        let twice = [("a", false), ("a", false), ("a", true)];
        nothing_found_in(&manual, check, &trace(&notices(&twice)));
        found_in(&manual, check, &trace(&notices(&[&twice[..], &[("a", true)]].concat())), "never heard");
        let verbose = scenario().replace("sndhwm = 3", "xpub_verbose = true");
        found_in(&verbose, check, &trace(&notices(&twice)), "never heard");
    }

    #[test]
    fn a_subscription_that_is_not_told_in_the_end_is_a_violation() {
        found_in(&scenario(), check, &trace(&notices(&[])), "never heard that sub is subscribed to \"a\"");
        let gone = [("a", false), ("a", true)];
        found_in(&scenario(), check, &trace(&notices(&gone)), "never heard that sub");
        let mut restarted = notices(&[("a", false)]);
        restarted.push(("source", "pub", EventKind::Opened { kind: "XPUB".into() }));
        found_in(&scenario(), check, &trace(&restarted), "never heard that sub");
        restarted.extend(notices(&[("a", false)]));
        nothing_found_in(&scenario(), check, &trace(&restarted));
    }
}
