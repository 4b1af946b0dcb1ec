//! Shrinking: from a scenario that fails to the smallest one found that still fails the same check.
//!
//! What is tried follows from the scenario alone, in a fixed order, so that with enough time the outcome is always
//! the same. Draws do not get in the way: in a resolved scenario they are made, and what chance remains in the
//! network has a stream for each purpose, so that taking one thing away moves no other.

use std::rc::Rc;
use std::time::Duration;

use crate::check::{Case, coverage};
use crate::explore::fingerprint;
use crate::run::{self, Outcome};
use crate::scenario::{Expect, Must, Plan, Scenario};
use seaworthy_engine::Backend;
use seaworthy_sim::script::reduction::Reduction;

/// What became of a scenario.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The smallest one that was found.
    pub scenario: Scenario,
    /// The check that it fails.
    pub check: String,
    /// What the check says of it.
    pub reasons: Vec<String>,
    /// How many scenarios were tried.
    pub tried: u64,
    /// Whether nothing smaller was left to try; else the time was over.
    pub finished: bool,
}

/// Why a scenario cannot be shrunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotShrink {
    /// It does not fail.
    #[error("it passes: there is nothing to shrink")]
    Passes,
    /// What fails is that something did not happen.
    #[error(
        "all that fails is that something did not happen often enough; in a smaller scenario it happens even less"
    )]
    TooLittle,
}

/// Shrinks a resolved scenario on `backend`, as long as `more` says that there is time. A run that takes longer than
/// `wall` of real time hangs.
///
/// # Errors
/// When the scenario passes, or fails in a way that says nothing about smaller ones.
pub fn shrink(
    scenario: &Scenario,
    backend: Backend,
    wall: Duration,
    more: impl FnMut() -> bool,
) -> Result<Shrunk, CannotShrink> {
    let mut scenario = scenario.resolved(scenario.seed);
    let first = made(&scenario, backend, wall, true);
    let (check, _) = fingerprint(&first).ok_or(CannotShrink::Passes)?;
    scenario.expect.must = if check == "coverage" { too_often(&scenario, &first)? } else { Vec::new() };
    scenario.expect.sometimes.clear();
    let twice = check == "determinism";
    let fails =
        |smaller: &Scenario| checks(&made(smaller, backend, wall, twice)).any(|failed| failed == check);
    let mut reduction = Reduction::new(scenario, Scenario::can_run, fails, more);
    let finished = reduction.reduce();
    let Reduction { best, tried, .. } = reduction;
    let last = made(&best, backend, wall, twice);
    let reasons = last.reasons().into_iter().filter(|reason| reason.starts_with(&check)).collect();
    Ok(Shrunk { scenario: best, reasons, check, tried, finished })
}

fn made(scenario: &Scenario, backend: Backend, wall: Duration, twice: bool) -> Outcome {
    let plan = Rc::new(Plan::new(scenario, scenario.seed));
    if twice { run::prove(&plan, backend, wall) } else { run::run(&plan, backend, wall) }
}

/// The checks that failed.
fn checks(outcome: &Outcome) -> impl Iterator<Item = String> {
    let found = outcome.violations.iter().map(|violation| violation.check.to_owned());
    found.chain(fingerprint(outcome).map(|(check, _)| check)).collect::<Vec<_>>().into_iter()
}

/// The expectations that something happens no more than so often, and it did.
fn too_often(scenario: &Scenario, outcome: &Outcome) -> Result<Vec<Must>, CannotShrink> {
    let at_most = scenario.expect.must.iter().filter(|must| must.at_most.is_some());
    let broken = at_most.map(|must| Must { at_least: None, ..must.clone() }).filter(|must| {
        let expect = Expect { must: vec![must.clone()], ..scenario.expect.clone() };
        let plan = Plan::new(&Scenario { expect, ..scenario.clone() }, scenario.seed);
        !coverage::check(&Case { plan: &plan, trace: &outcome.trace }).is_empty()
    });
    let broken: Vec<_> = broken.collect();
    if broken.is_empty() { Err(CannotShrink::TooLittle) } else { Ok(broken) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten kilobytes a message over a link that carries one of them in four seconds: nobody hears anything in time.
    const SLOW: &str = r#"
name = "slow"
description = "a link that is too slow, and much that has nothing to do with it"
duration = "10s"
host = [{ name = "a" }, { name = "b" }, { name = "c", count = 3 }]
link = [{ between = ["a", "b"], bandwidth = "20kbit", latency = "5ms" }]
socket = [
    { name = "push", host = "a", type = "PUSH", connect = ["tcp://b:1"], options = { sndhwm = 2 } },
    { name = "pull", host = "b", type = "PULL", bind = ["tcp://*:1"] },
    { name = "req", host = "c", type = "REQ", connect = ["tcp://b:2"] },
    { name = "rep", host = "b", type = "REP", bind = ["tcp://*:2"] },
]
workload = [
    { socket = "push", role = "send", count = 20, size = 10000, interval = "10ms" },
    { socket = "pull", role = "receive" },
    { socket = "req", role = "request", count = 9 },
    { socket = "rep", role = "reply" },
]
fault = [
    { at = "1s", for = "1s", crash = "c-1" },
    { at = "2s", for = "1s", cut = ["c", "b"] },
]
[expect]
progress_within = "1s"
must = [{ socket = "req", event = "sent", at_most = 900 }]
"#;

    const WALL: Duration = Duration::from_secs(60);

    #[test]
    fn what_has_nothing_to_do_with_the_failure_goes() {
        let slow = Scenario::parse("slow.toml", SLOW).unwrap();
        let shrunk = shrink(&slow, Backend::Warp, WALL, || true).unwrap();
        assert_eq!(shrunk.check, "liveness");
        assert!(shrunk.finished);
        let small = &shrunk.scenario;
        let hosts: Vec<_> = small.host.iter().map(|host| host.name.as_str()).collect();
        assert_eq!(hosts, ["a", "b"]);
        assert_eq!((small.socket.len(), small.workload.len(), small.fault.len()), (2, 2, 0));
        assert_eq!(small.link.len(), 1, "the way back does not matter: {:?}", small.link);
        assert!(small.link[0].bandwidth.is_some() && small.link[0].latency.is_none());
        assert_eq!(small.expect.must, []);
        // It fails as a file, too.
        let read = Scenario::parse("small.toml", &small.to_toml()).unwrap();
        assert!(checks(&made(&read, Backend::Warp, WALL, true)).any(|check| check == "liveness"));
        let again = shrink(&slow, Backend::Warp, WALL, || true).unwrap();
        assert_eq!(again.scenario, shrunk.scenario, "always the same");
    }

    #[test]
    fn without_time_the_scenario_stays_as_it_is() {
        let slow = Scenario::parse("slow.toml", SLOW).unwrap();
        let shrunk = shrink(&slow, Backend::Warp, WALL, || false).unwrap();
        assert!(!shrunk.finished);
        assert_eq!(shrunk.scenario.socket, slow.resolved(slow.seed).socket);
    }

    #[test]
    fn what_passes_or_is_too_little_is_not_shrunk() {
        let template = Scenario::parse("t.toml", &Scenario::template("t")).unwrap();
        assert_eq!(shrink(&template, Backend::Warp, WALL, || true).unwrap_err(), CannotShrink::Passes);
        let never = SLOW.replace("event = \"sent\", at_most = 900", "event = \"timeout\"");
        let never = never.replace("20kbit", "20Mbit");
        let never = Scenario::parse("never.toml", &never).unwrap();
        assert_eq!(shrink(&never, Backend::Warp, WALL, || true).unwrap_err(), CannotShrink::TooLittle);
    }

    #[test]
    fn too_much_stays_too_much() {
        let often = SLOW.replace("at_most = 900", "at_most = 3").replace("20kbit", "20Mbit");
        let shrunk =
            shrink(&Scenario::parse("often.toml", &often).unwrap(), Backend::Warp, WALL, || true).unwrap();
        assert_eq!(shrunk.check, "coverage");
        assert!(shrunk.reasons[0].contains("expected at most 3"), "{:?}", shrunk.reasons);
        assert_eq!(shrunk.scenario.expect.must.len(), 1);
        assert_eq!(shrunk.scenario.expect.must[0].at_most, Some(3), "the promise is not moved");
    }

    const LARGE: &str = r#"
name = "large"
description = "d"
duration = "60s"
host = [{ name = "a" }, { name = "b" }, { name = "c" }]
socket = [
    { name = "push", host = "a", type = "PUSH", bind = ["tcp://*:1", "tcp://*:2"], options = { sndhwm = 7 } },
    { name = "pull", host = "b", type = "PULL", connect = ["tcp://a:1"], options = { rcvhwm = 9, linger = "4s" } },
    { name = "other", host = "c", type = "PULL", connect = ["tcp://a:2"] },
]
workload = [
    { socket = "push", role = "send", count = 100, size = [100, 200, 300], interval = "8ms" },
    { socket = "pull", role = "receive" },
    { socket = "other", role = "receive" },
]
fault = [
    { at = "1s", for = "1s", crash = "c" },
    { at = "2s", for = "10s", cut = ["a", "b"] },
    { at = "3s", for = "1s", isolate = "b" },
]
"#;

    fn reduced(fails: impl FnMut(&Scenario) -> bool, more: impl FnMut() -> bool) -> (Scenario, bool) {
        let large = Scenario::parse("large.toml", LARGE).unwrap();
        let mut reduction = Reduction::new(large, Scenario::can_run, fails, more);
        let finished = reduction.reduce();
        (reduction.best, finished)
    }

    #[test]
    fn only_what_the_failure_needs_is_left() {
        // It takes the cut for at least three seconds, and more than ten messages.
        let (small, finished) = reduced(
            |scenario| {
                let cut = scenario.fault.iter().find(|fault| fault.cut.is_some());
                let lasts = cut.and_then(|cut| cut.lasts).map_or(0, |lasts| lasts.value().0.as_secs());
                let count = scenario.workload.iter().find_map(|workload| workload.count);
                lasts >= 3 && count.is_some_and(|count| count.value().0 > 10)
            },
            || true,
        );
        assert!(finished);
        let hosts: Vec<_> = small.host.iter().map(|host| host.name.as_str()).collect();
        assert_eq!(hosts, ["a", "b"], "the cut needs both");
        assert_eq!(small.fault.len(), 1);
        assert!(small.fault[0].lasts.unwrap().value().0.as_secs() < 6, "{:?}", small.fault);
        assert_eq!(small.workload[0].count.unwrap().value().0, 12, "half of it would be too few");
        assert_eq!((small.workload[0].size.clone(), small.workload[0].interval), (None, None));
        assert!(small.socket.iter().all(|socket| socket.options == Default::default()), "{:?}", small.socket);
    }

    #[test]
    fn a_scenario_that_always_fails_gets_as_small_as_a_scenario_can_be() {
        let (small, _) = reduced(|_| true, || true);
        assert_eq!((small.host.len(), small.socket.len(), small.workload.len()), (1, 1, 1));
        assert_eq!(small.fault, []);
        Scenario::parse("small.toml", &small.to_toml()).unwrap();
    }

    #[test]
    fn what_is_tried_is_a_scenario_and_never_more_than_there_is_time_for() {
        let mut left = 5;
        let mut tried = 0;
        let (_, finished) = reduced(
            |scenario| {
                tried += 1;
                Scenario::parse("candidate.toml", &scenario.to_toml()).unwrap();
                false
            },
            || {
                left -= 1;
                left >= 0
            },
        );
        assert_eq!((tried, finished), (5, false));
    }
}
