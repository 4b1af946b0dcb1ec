//! Goals of a sweep: what some seed of each scenario must have reached.
//!
//! They follow from the scenario: every kind of fault it names must have begun, every fault of its links must have
//! taken a packet, whatever it says must happen must have happened, and all it lists under `sometimes`. After
//! healing, something must have been sent and received.

use std::collections::BTreeSet;

use super::swarm::{fault_kinds, kind_of, link_properties, value};
use crate::check::{Case, coverage};
use crate::coverage_point::CoveragePoint;
use crate::run::Outcome;
use crate::scenario::{Must, Plan, Scenario};
use seaworthy_sim::trace::EventKind;

/// Properties of links that show in the fate of a packet.
const LINK_FAULTS: [(&str, CoveragePoint); 4] = [
    ("loss", CoveragePoint::PacketLost),
    ("duplicate", CoveragePoint::PacketDuplicated),
    ("reorder", CoveragePoint::PacketReordered),
    ("corrupt", CoveragePoint::PacketCorrupted),
];

/// What a sweep over a scenario has to reach, in words, each once.
pub fn goals(scenario: &Scenario) -> Vec<String> {
    let mut goals = BTreeSet::from([CoveragePoint::Progressed.to_string()]);
    // Of the resolved scenario, in which some faults have become others.
    let resolved = value(&scenario.resolved(scenario.seed));
    goals.extend(fault_kinds(&resolved).into_iter().map(|kind| fault(&kind)));
    let value = value(scenario);
    let properties = link_properties(&value);
    let shows = LINK_FAULTS.into_iter().filter(|(key, _)| properties.contains(*key));
    goals.extend(shows.map(|(_, point)| point.to_string()));
    goals.extend(musts(scenario).map(must));
    goals.extend(scenario.expect.sometimes.iter().map(ToString::to_string));
    goals.into_iter().collect()
}

/// What a run of `plan`, a plan of `scenario`, reached, in the same words; also what is no goal.
pub fn reached(scenario: &Scenario, plan: &Plan, outcome: &Outcome) -> Vec<String> {
    let mut reached: BTreeSet<String> = outcome.coverage.iter().map(ToString::to_string).collect();
    let resolved = value(&plan.scenario);
    let faults = resolved.get("fault").and_then(|faults| faults.as_array());
    for event in &outcome.trace.events {
        if let EventKind::Fault { fault: number, .. } = event.what {
            let entry = faults.and_then(|faults| faults.get(number)).and_then(|entry| entry.as_object());
            reached.extend(entry.and_then(kind_of).map(|kind| fault(kind)));
        }
    }
    // A masked plan expects nothing, but may reach it.
    for expected in musts(scenario) {
        let alone = Scenario {
            expect: crate::scenario::Expect { must: vec![expected.clone()], ..scenario.expect.clone() },
            ..scenario.clone()
        };
        let mut asked = plan.clone();
        asked.scenario.expect.must = alone.resolved(plan.scenario.seed).expect.must;
        if coverage::check(&Case { plan: &asked, trace: &outcome.trace }).is_empty() {
            reached.insert(must(expected));
        }
    }
    reached.into_iter().collect()
}

/// What must happen, without what only must not.
fn musts(scenario: &Scenario) -> impl Iterator<Item = &Must> {
    scenario.expect.must.iter().filter(|must| must.at_least.is_some() || must.at_most.is_none())
}

fn fault(kind: &str) -> String {
    format!("fault {kind}")
}

fn must(must: &Must) -> String {
    let mut words = format!("{} {}", must.socket, must.event);
    if let Some(least) = must.at_least {
        words.push_str(&format!(" {least} times"));
    }
    if let Some(after) = must.after {
        words.push_str(&format!(" after {after}"));
    }
    if let Some(before) = must.before {
        words.push_str(&format!(" before {before}"));
    }
    words
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;
    use std::time::Duration;

    use super::*;
    use crate::explore::Mask;
    use crate::run::run;
    use seaworthy_engine::Backend;

    const STORM: &str = r#"
name = "storm"
description = "d"
duration = "3s"
network = { loss = 0.2 }
host = [{ name = "source" }, { name = "worker", count = 2 }]
socket = [
    { name = "push", host = "source", type = "PUSH", bind = ["tcp://*:1"] },
    { name = "pull", host = "worker", type = "PULL", connect = ["tcp://source:1"] },
]
workload = [{ socket = "push", role = "send", count = 20, interval = "100ms" }, { socket = "pull", role = "receive" }]
fault = [{ at = "1s", for = "1s", crash = "source" }]
[expect]
sometimes = ["reconnected", "heartbeat"]
must = [
    { socket = "pull", event = "received", at_least = 2 },
    { socket = "push", event = "disconnected", at_most = 9 },
]
"#;

    fn storm() -> Scenario {
        Scenario::parse("storm.toml", STORM).unwrap()
    }

    fn reached_with(mask: &Mask, seed: u64) -> Vec<String> {
        let plan = Rc::new(mask.plan(&storm(), seed));
        let outcome = run(&plan, Backend::Warp, Duration::from_secs(60));
        reached(&storm(), &plan, &outcome)
    }

    #[test]
    fn goals_follow_from_the_scenario() {
        assert_eq!(
            goals(&storm()),
            ["fault crash", "heartbeat", "packet-lost", "progressed", "pull received 2 times", "reconnected"]
        );
    }

    #[test]
    fn a_fault_that_is_made_of_others_is_reached_by_them() {
        let swizzle = STORM.replace("crash = \"source\"", "swizzle = [\"worker\"]");
        let goals = goals(&Scenario::parse("storm.toml", &swizzle).unwrap());
        assert!(goals.contains(&"fault isolate".to_owned()), "{goals:?}");
        assert!(!goals.contains(&"fault swizzle".to_owned()), "{goals:?}");
    }

    #[test]
    fn a_run_reaches_what_happened_in_it_and_nothing_else() {
        let reached = reached_with(&Mask::none(), 0);
        for goal in goals(&storm()) {
            // Nobody has heartbeats.
            assert_eq!(reached.contains(&goal), goal != "heartbeat", "{goal} in {reached:?}");
        }
    }

    #[test]
    fn what_is_off_is_not_reached_and_the_rest_is() {
        let without_crash = |seed: &u64| Mask::of(&storm(), *seed).words() == ["no crash"];
        let seed = (1..100).find(without_crash).unwrap();
        let reached = reached_with(&Mask::of(&storm(), seed), seed);
        assert!(!reached.contains(&"fault crash".to_owned()), "{reached:?}");
        assert!(!reached.contains(&"reconnected".to_owned()), "{reached:?}");
        assert!(reached.contains(&"pull received 2 times".to_owned()), "{reached:?}");
    }
}
