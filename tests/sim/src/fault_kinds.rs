//! Every fault of a scenario file: what it does can be seen, the trace says when it began and ended, and what a PUSH sends
//! to two PULLs meanwhile arrives whatever it was, once and in order, unless a process died. On the real network, too, as
//! far as that can make it.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use seaworthy_sim::Backend;
use seaworthy_sim::trace::{Event, EventKind, MessageName};
use seaworthy_trial::CoveragePoint;
use seaworthy_trial::run::{Outcome, real};
use seaworthy_trial::scenario::quantity::{ByteCount, Span};
use seaworthy_trial::scenario::{Fault, FaultKind, Plan, Scenario};

use crate::shipped::{run_once, run_twice};

const MS: Duration = Duration::from_millis(1);

/// PUSH on `source`, 200 messages, one each 10 ms, to a PULL on `near` and one on `far`; a fault from 500 ms on.
fn scenario(fault: &str, options: &str) -> Scenario {
    let text = format!(
        r#"
name = "kinds"
description = "one fault"
duration = "3s"
network = {{ latency = "2ms" }}
host = [{{ name = "source" }}, {{ name = "near" }}, {{ name = "far" }}]
socket = [
    {{ name = "push", host = "source", type = "PUSH", bind = ["tcp://*:1"], options = {{ sndhwm = 1000{options} }} }},
    {{ name = "near", host = "near", type = "PULL", connect = ["tcp://source:1"] }},
    {{ name = "far", host = "far", type = "PULL", connect = ["tcp://source:1"] }},
]
workload = [
    {{ socket = "push", role = "send", count = 200, interval = "10ms", size = 2000 }},
    {{ socket = "near", role = "receive" }},
    {{ socket = "far", role = "receive" }},
]
{fault}
"#
    );
    Scenario::parse("kinds.toml", &text).unwrap_or_else(|error| panic!("{error}"))
}

/// How long messages took to a socket that were sent while the fault lasted.
fn delays(outcome: &Outcome, to: &str) -> Vec<Duration> {
    let during = |at: Duration| (510 * MS..1000 * MS).contains(&at);
    let sent = |name: &MessageName| {
        outcome.trace.events.iter().find_map(|event| match &event.what {
            EventKind::Sent { message, .. } if message == name => Some(event.at()),
            _ => None,
        })
    };
    let delay = |event: &Event| match &event.what {
        EventKind::Received { message, .. } if event.is_at(to) => {
            sent(message).filter(|at| during(*at)).map(|at| event.at() - at)
        }
        _ => None,
    };
    outcome.trace.events.iter().filter_map(delay).collect()
}

fn longest(outcome: &Outcome, to: &str) -> Duration {
    delays(outcome, to).into_iter().max().unwrap_or_default()
}

/// Whole milliseconds of the delays to `far`, each once.
fn different(outcome: &Outcome) -> BTreeSet<u128> {
    delays(outcome, "far").into_iter().map(|delay| delay.as_millis()).collect()
}

fn happened(outcome: &Outcome, what: impl Fn(&EventKind) -> bool) -> usize {
    outcome.trace.before_closing().iter().filter(|event| what(&event.what)).count()
}

/// When the last of the 200 messages was sent.
fn done(outcome: &Outcome) -> Duration {
    let done = outcome.trace.events.iter().find(|event| matches!(event.what, EventKind::Done { .. }));
    done.expect("the workload finishes").at()
}

/// What shows that a fault did something, given a run without and one with it.
type Effect = fn(&Outcome, &Outcome) -> bool;

/// Something below the sockets differs: packets, or what single operations did.
fn below(clean: &Outcome, faulty: &Outcome) -> bool {
    clean.audit != faulty.audit
}

fn far_waits(_: &Outcome, faulty: &Outcome) -> bool {
    longest(faulty, "far") > 300 * MS && longest(faulty, "near") < 10 * MS
}

fn both_wait(_: &Outcome, faulty: &Outcome) -> bool {
    longest(faulty, "far") > 100 * MS && longest(faulty, "near") > 100 * MS
}

fn comes_back(_: &Outcome, faulty: &Outcome) -> bool {
    happened(faulty, |what| matches!(what, EventKind::Started { life: 2 })) == 1
}

const KINDS: &[(&str, &str, Effect)] = &[
    ("cut", r#"["source", "far"]"#, far_waits),
    ("cut_oneway", r#"["source", "far"]"#, far_waits),
    ("isolate", r#""far""#, far_waits),
    ("swizzle", r#"["near", "far"]"#, both_wait),
    ("hold", r#"["source", "far"]"#, far_waits),
    ("black_hole", r#"["source", "far"]"#, far_waits),
    ("degrade", r#"{ between = ["source", "far"], latency = "80ms" }"#, |_, faulty| {
        delays(faulty, "far").iter().all(|delay| *delay >= 80 * MS) && longest(faulty, "near") < 10 * MS
    }),
    (
        "degrade",
        r#"{ from = "source", to = "far", latency = { min = "20ms", max = "90ms" } }"#,
        |_, faulty| {
            different(faulty).len() > 5 && delays(faulty, "far").iter().all(|delay| *delay >= 20 * MS)
        },
    ),
    (
        "degrade",
        r#"{ from = "source", to = "far", latency = { min = "5ms", mean = "20ms", max = "200ms" } }"#,
        |_, faulty| different(faulty).len() > 5,
    ),
    (
        "degrade",
        r#"{ from = "source", to = "far", latency = { low = "2ms", high = "60ms", high_chance = 0.1 } }"#,
        |_, faulty| {
            delays(faulty, "far").iter().any(|delay| *delay >= 60 * MS) && different(faulty).contains(&2)
        },
    ),
    ("degrade", r#"{ between = ["source", "far"], jitter = "50ms" }"#, |_, faulty| {
        different(faulty).len() > 5
    }),
    ("degrade", r#"{ between = ["source", "far"], bandwidth = "200kbit" }"#, |_, faulty| {
        longest(faulty, "far") > 80 * MS
    }),
    ("degrade", r#"{ between = ["source", "far"], loss = 0.3 }"#, |_, faulty| {
        longest(faulty, "far") > 100 * MS
    }),
    ("degrade", r#"{ between = ["source", "far"], duplicate = 0.5 }"#, below),
    ("degrade", r#"{ between = ["source", "far"], reorder = 0.3, reorder_delay = "30ms" }"#, |_, faulty| {
        longest(faulty, "far") >= 30 * MS
    }),
    ("degrade", r#"{ between = ["source", "far"], corrupt = 0.3 }"#, |_, faulty| {
        longest(faulty, "far") > 100 * MS
    }),
    ("crash", r#""far""#, comes_back),
    ("power_off", r#""far""#, comes_back),
    ("pause", r#""far""#, far_waits),
    ("slow_reader", r#"{ host = "far", rate = "10kB" }"#, |_, faulty| longest(faulty, "far") > 300 * MS),
    ("read_stall", r#""far""#, far_waits),
    ("stall", r#""far""#, far_waits),
    // The sender's pauses are shorter in truth while its clock is fast, and the one under way ends when it jumps.
    ("clock", r#"{ host = "source", drift = "400000ppm" }"#, |clean, faulty| {
        done(faulty) + 100 * MS < done(clean)
    }),
    ("clock", r#"{ host = "source", jump = "1s" }"#, |clean, faulty| done(faulty) < done(clean)),
    ("short_io", r#"{ host = "far", read = 0.5, write = 0.5 }"#, below),
    ("yields", r#"{ host = "far", chance = 0.5 }"#, below),
    ("cancel", r#"{ socket = "far", operation = "receive", polls = [1, 2] }"#, |_, faulty| {
        happened(faulty, |what| matches!(what, EventKind::Cancelled { .. })) > 5
    }),
    ("cancel", r#"{ socket = "push", operation = "send", polls = 0, chance = 0.5 }"#, |clean, faulty| {
        let sent = |outcome| happened(outcome, |what| matches!(what, EventKind::Sent { .. }));
        sent(faulty) < sent(clean)
    }),
    ("cancel", r#"{ socket = "far", after = "1ms..5ms" }"#, |_, faulty| {
        happened(faulty, |what| matches!(what, EventKind::Cancelled { .. })) > 5
    }),
];

fn show(backend: Backend) {
    let clean = run_once(&scenario("", ""), 1, backend);
    assert_eq!(clean.reasons(), [""; 0]);
    for (key, value, effect) in KINDS {
        let dies = matches!(*key, "crash" | "power_off");
        let expect = if dies { "" } else { "expect = { loss = \"none\" }" };
        // Loss of power is silent: somebody has to ask.
        let options = if dies { ", heartbeat_ivl = \"200ms\"" } else { "" };
        let fault = format!("{expect}\nfault = [{{ at = \"504ms\", for = \"500ms\", {key} = {value} }}]");
        // Once suffices on turmoil, which takes its time: that runs repeat is shown on the other.
        let run = if backend == Backend::Warp { run_twice } else { run_once };
        let faulty = run(&scenario(&fault, options), 1, backend);
        assert_eq!(faulty.reasons(), [""; 0], "{key} = {value} on {backend:?}");
        assert!(effect(&clean, &faulty), "{key} = {value} did nothing on {backend:?}");
        let begun = marks(&faulty, true);
        assert!(!begun.is_empty(), "{key} = {value} is not in the trace");
        assert_eq!(begun, marks(&faulty, false), "{key} = {value}: every fault that begins ends");
    }
}

/// What shows on the real network that a fault did something: nothing that a slow machine could hide or pretend.
const REAL: &[(&str, &str, Effect)] = &[
    ("crash", r#""far""#, comes_back),
    ("pause", r#""far""#, far_waits_for_real),
    ("slow_reader", r#"{ host = "far", rate = "10kB" }"#, far_waits_for_real),
    ("read_stall", r#""far""#, far_waits_for_real),
    ("stall", r#""far""#, far_waits_for_real),
    // Only by a clock that jumps do two hours pass.
    ("clock", r#"{ host = "source", jump = "2h" }"#, |_, faulty| {
        happened(faulty, |what| matches!(what, EventKind::Done { .. })) == 1
    }),
    ("short_io", r#"{ host = "far", read = 1.0, write = 1.0 }"#, |_, faulty| {
        faulty.coverage.contains(&CoveragePoint::PartialHeader)
    }),
    ("yields", r#"{ host = "far", chance = 0.5 }"#, |_, _| true),
    ("cancel", r#"{ socket = "far", operation = "receive", polls = [1, 2] }"#, |_, faulty| {
        happened(faulty, |what| matches!(what, EventKind::Cancelled { .. })) > 5
    }),
    ("cancel", r#"{ socket = "push", operation = "send", polls = 0, chance = 0.5 }"#, |clean, faulty| {
        let sent = |outcome| happened(outcome, |what| matches!(what, EventKind::Sent { .. }));
        sent(faulty) < sent(clean)
    }),
];

/// Whatever is sent while the fault lasts comes when it is over, or later.
fn far_waits_for_real(_: &Outcome, faulty: &Outcome) -> bool {
    longest(faulty, "far") > 300 * MS
}

fn run_for_real(scenario: &Scenario) -> Outcome {
    real(&Rc::new(Plan::new(scenario, 1)), Duration::from_secs(120))
}

#[test]
fn every_fault_that_the_real_network_can_make_does_something_there_and_breaks_no_promise() {
    let clean = run_for_real(&scenario("", ""));
    assert_eq!(clean.reasons(), [""; 0]);
    std::thread::scope(|scope| {
        for (key, value, effect) in REAL {
            let clean = &clean;
            scope.spawn(move || {
                let expect = if *key == "crash" { "" } else { "expect = { loss = \"none\" }" };
                // A read of up to 64 bytes seldom ends inside a header: there have to be many of them.
                let lasts = if *key == "short_io" { "1500ms" } else { "500ms" };
                let fault =
                    format!("{expect}\nfault = [{{ at = \"504ms\", for = \"{lasts}\", {key} = {value} }}]");
                let mut scenario = scenario(&fault, "");
                if *key == "clock" {
                    scenario.workload[0].start = Some(Span(3600 * 1000 * MS).into());
                }
                let faulty = run_for_real(&scenario);
                assert_eq!(faulty.reasons(), [""; 0], "{key} = {value}");
                assert!(effect(clean, &faulty), "{key} = {value} did nothing");
                assert_eq!(marks(&faulty, true), marks(&faulty, false), "{key} = {value}: what begins ends");
            });
        }
    });
}

#[test]
fn what_the_real_network_can_make_is_shown_and_the_rest_is_an_obstacle() {
    let shown: BTreeSet<&str> = REAL.iter().map(|(key, ..)| *key).collect();
    for (key, value, _) in KINDS {
        let fault = format!("fault = [{{ at = \"504ms\", for = \"500ms\", {key} = {value} }}]");
        let is_obstacle = !scenario(&fault, "").unsupported().is_empty();
        assert_ne!(is_obstacle, shown.contains(key), "{key}");
    }
}

/// The faults that began, or ended.
fn marks(outcome: &Outcome, begins: bool) -> BTreeSet<(usize, String)> {
    let mark = |event: &Event| match &event.what {
        EventKind::Fault { fault, what } if begins => Some((*fault, what.clone())),
        EventKind::FaultOver { fault, what } if !begins => Some((*fault, what.clone())),
        _ => None,
    };
    outcome.trace.events.iter().filter_map(mark).collect()
}

#[test]
fn every_fault_does_something_and_breaks_no_promise_on_warp() {
    show(Backend::Warp);
}

#[test]
fn every_fault_does_something_and_breaks_no_promise_on_turmoil() {
    show(Backend::Turmoil);
}

#[test]
fn every_key_of_a_fault_is_shown() {
    let shown: BTreeSet<&str> = KINDS.iter().map(|(key, ..)| *key).collect();
    assert_eq!(shown, Fault::KEYS.iter().copied().collect());
}

#[test]
fn a_fault_that_lasts_until_all_is_healed_ends_in_the_trace() {
    let outcome = run_once(&scenario("fault = [{ at = \"2s\", pause = \"far\" }]", ""), 1, Backend::Warp);
    assert_eq!(outcome.reasons(), [""; 0]);
    assert_eq!(marks(&outcome, true), marks(&outcome, false));
}

#[test]
fn a_clock_that_is_ahead_from_the_start_changes_nothing_that_is_recorded() {
    let plain = run_once(&scenario("", ""), 1, Backend::Warp);
    let mut ahead = scenario("", "");
    ahead.host[0].clock_offset = Some(Span(3600 * 1000 * MS).into());
    let ahead = run_twice(&ahead, 1, Backend::Warp);
    assert_eq!(ahead.reasons(), [""; 0]);
    assert_eq!(ahead.trace, plain.trace);
}

#[test]
fn options_that_limit_operations_make_them_try_again() {
    let fault = "fault = [{ at = \"500ms\", for = \"500ms\", isolate = \"far\" }]";
    let mut limited = scenario(fault, ", sndtimeo = \"50ms\", sndhwm_bytes = 1, sndbuf = 4096");
    for socket in &mut limited.socket[1..] {
        socket.options.rcvtimeo = Some(Span(5 * MS).into());
        socket.options.rcvbuf = Some(ByteCount(4096).into());
    }
    limited.fault.push(Fault::default().with(FaultKind::Isolate("near".into())));
    limited.fault[1].at = limited.fault[0].at;
    limited.fault[1].lasts = limited.fault[0].lasts;
    let outcome = run_twice(&limited, 1, Backend::Warp);
    assert_eq!(outcome.reasons(), [""; 0]);
    let timed_out = |wanted: &str| {
        happened(
            &outcome,
            |what| matches!(what, EventKind::TimedOut { operation, .. } if operation == wanted),
        )
    };
    assert!(
        timed_out("send") > 3 && timed_out("receive") > 3,
        "{} {}",
        timed_out("send"),
        timed_out("receive")
    );
}
