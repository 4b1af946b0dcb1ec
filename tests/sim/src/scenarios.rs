//! The scenarios that ship with Seaworthy hold, and the testbed that says so can also say no.

use std::rc::Rc;
use std::time::Duration;

use seaworthy_sim::Backend;
use seaworthy_sim::invariant::determinism;
use seaworthy_sim::trace::Trace;
use seaworthy_trial::CoveragePoint;
use seaworthy_trial::explore::Mask;
use seaworthy_trial::run::{Verdict, run};
use seaworthy_trial::scenario::Scenario;

use crate::shipped::{files, run_once, run_twice, scenario, shortened};

fn names() -> Vec<String> {
    files().into_iter().map(|(name, _)| name).collect()
}

#[test]
fn every_shipped_scenario_passes_on_both_carriers() {
    for name in names() {
        let scenario = scenario(&name);
        for backend in [Backend::Warp, Backend::Turmoil] {
            let outcome = run_twice(&scenario, scenario.seed, backend);
            assert_eq!(outcome.reasons(), [""; 0], "{name} on {backend:?}");
            assert_eq!(outcome.verdict(), Verdict::Passed, "{name} on {backend:?}");
        }
    }
}

#[test]
fn every_shipped_scenario_is_named_as_its_file_and_opens_with_what_it_proves() {
    let files = files();
    assert!(files.len() >= 31, "{files:?}");
    for (name, file) in files {
        assert_eq!(Scenario::load(&file).unwrap().name, name);
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("# Proves: "), "{name} does not open with what it proves");
    }
}

#[test]
fn the_template_passes_on_both_carriers() {
    let template = Scenario::parse("template.toml", &Scenario::template("template")).unwrap();
    for backend in [Backend::Warp, Backend::Turmoil] {
        assert_eq!(run_twice(&template, 1, backend).reasons(), [""; 0]);
    }
}

#[test]
fn a_resolved_scenario_replays_the_run_it_was_resolved_for() {
    let written = scenario("worker-crash");
    let resolved = written.resolved(42);
    let read = Scenario::parse("resolved.toml", &resolved.to_toml()).unwrap();
    let original = run_once(&written, 42, Backend::Warp);
    let replayed = run_once(&read, read.seed, Backend::Warp);
    assert_eq!(
        determinism::compare((&original.trace, original.audit), (&replayed.trace, replayed.audit)),
        None
    );
}

#[test]
fn two_runs_that_differ_are_told_apart_at_the_first_difference() {
    let scenario = shortened(scenario("lossy-multipart"), 5);
    let one = run_once(&scenario, 1, Backend::Warp);
    let other = run_once(&scenario, 2, Backend::Warp);
    let violation = determinism::compare((&one.trace, one.audit), (&other.trace, other.audit)).unwrap();
    assert!(violation.problem.contains("differ from event"), "{violation}");
}

#[test]
fn a_run_that_cannot_keep_its_promise_fails() {
    // A second of 20 kbit/s carries none of this in time.
    let hasty = Scenario::parse(
        "hasty.toml",
        r#"
name = "hasty"
description = "too much for its link"
duration = "1s"
network = { bandwidth = "20kbit" }
host = [{ name = "a" }, { name = "b" }]
socket = [
    { name = "push", host = "a", type = "PUSH", connect = ["tcp://b:1"] },
    { name = "pull", host = "b", type = "PULL", bind = ["tcp://*:1"] },
]
workload = [
    { socket = "push", role = "send", count = 20, size = 10000 },
    { socket = "pull", role = "receive" },
]
[expect]
progress_within = "1s"
must = [{ socket = "pull", event = "received", before = "1s", at_least = 20 }]
"#,
    )
    .unwrap();
    let outcome = run_twice(&hasty, 1, Backend::Warp);
    assert_eq!(outcome.verdict(), Verdict::Failed);
    let checks: Vec<_> = outcome.violations.iter().map(|violation| violation.check).collect();
    assert!(checks.contains(&"liveness") && checks.contains(&"coverage"), "{:?}", outcome.reasons());
}

#[test]
fn a_trace_reads_back_from_its_json_lines() {
    let outcome = run_once(&shortened(scenario("ghost-dealer-handover"), 10), 1, Backend::Warp);
    assert_eq!(Trace::from_jsonl(&outcome.trace.to_jsonl()).unwrap(), outcome.trace);
}

/// Two PUSHes and a PULL, and a fault that nobody ends.
fn endless(fault: &str) -> Scenario {
    let text = format!(
        r#"
name = "endless"
description = "a fault without an end"
duration = "3s"
host = [{{ name = "a" }}, {{ name = "b" }}, {{ name = "c" }}]
socket = [
    {{ name = "push", host = "a", type = "PUSH", connect = ["tcp://b:1"] }},
    {{ name = "other", host = "c", type = "PUSH", connect = ["tcp://b:1"] }},
    {{ name = "pull", host = "b", type = "PULL", bind = ["tcp://*:1"] }},
]
workload = [
    {{ socket = "push", role = "send", count = 20, interval = "100ms", size = 1000 }},
    {{ socket = "other", role = "send", count = 20, interval = "100ms" }},
    {{ socket = "pull", role = "receive" }},
]
fault = [{{ at = "1s", {fault} }}]
"#
    );
    Scenario::parse("endless.toml", &text).unwrap_or_else(|bad| panic!("{bad}"))
}

#[test]
fn whatever_fault_nobody_ends_is_healed_and_then_there_is_progress() {
    for fault in [
        "cut = ['a', 'b']",
        "cut_oneway = ['b', 'a']",
        "isolate = 'b'",
        "hold = ['a', 'b']",
        "degrade = { between = ['a', 'b'], loss = 0.9 }",
        "crash = 'b'",
        "power_off = 'b'",
        "pause = 'b'",
        "slow_reader = { host = 'b', rate = 10 }",
        "stall = 'pull'",
    ] {
        for backend in [Backend::Warp, Backend::Turmoil] {
            let outcome = run_once(&endless(fault), 1, backend);
            assert_eq!(outcome.reasons(), [""; 0], "{fault} on {backend:?}");
            assert!(outcome.coverage.contains(&CoveragePoint::Progressed), "{fault} on {backend:?}");
        }
    }
}

#[test]
fn every_shipped_scenario_progresses_after_healing_with_and_without_a_mask() {
    for name in names() {
        let scenario = scenario(&name);
        for seed in 1..3 {
            let plan = Rc::new(Mask::of(&scenario, seed).plan(&scenario, seed));
            let outcome = run(&plan, Backend::Warp, Duration::from_secs(300));
            assert_eq!(outcome.reasons(), [""; 0], "{name}, seed {seed}");
            assert!(outcome.coverage.contains(&CoveragePoint::Progressed), "{name}, seed {seed}");
        }
    }
}
