//! Pairs: what runs on the real network also runs simulated, and both deliver the same.

use std::rc::Rc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use seaworthy_sim::Backend;
use seaworthy_trial::check::agreement::{self, Agreement};
use seaworthy_trial::explore::Mask;
use seaworthy_trial::run::{real, run};
use seaworthy_trial::scenario::{LinkModel, Plan, Scenario};

use crate::shipped::files;

/// Real time a run may take before it counts as hung.
const WALL: Duration = Duration::from_secs(300);

/// Runs on the real network mostly wait, so more of them go side by side than there are processors.
const SIDE_BY_SIDE: usize = 8;

/// Scenarios that mean nothing without faults which the real network cannot make: here it is one of them that says which
/// of two peers comes first.
const NOTHING_WITHOUT_FAULTS: &[&str] = &["identity-clash", "handover-lets-go"];

/// What came of a scenario that was carried out in both places.
struct Pair {
    scenario: String,
    /// What the checks found on the real network.
    reasons: Vec<String>,
    agreement: Agreement,
}

impl Pair {
    fn of(plan: Plan) -> Self {
        let plan = Rc::new(plan);
        let scenario = plan.scenario.name.clone();
        let simulated = run(&plan, Backend::Warp, WALL);
        assert_eq!(simulated.reasons(), [""; 0], "{scenario}, simulated");
        let real = real(&plan, WALL);
        let agreement = agreement::compare(&plan, &simulated.trace, &real.trace);
        Self { scenario, reasons: real.reasons(), agreement }
    }
}

/// Carries every shipped scenario out, as `plan` wants it, several at a time.
fn pairs(plan: impl Fn(Scenario) -> Plan + Sync) -> Vec<Pair> {
    let mut files = files();
    files.retain(|(name, _)| !NOTHING_WITHOUT_FAULTS.contains(&name.as_str()));
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE {
            scope.spawn(|| {
                while let Some((_, file)) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let pair = Pair::of(plan(Scenario::load(file).unwrap_or_else(|bad| panic!("{bad}"))));
                    done.lock().unwrap().push(pair);
                }
            });
        }
    });
    let done = done.into_inner().unwrap();
    assert!(!done.is_empty() && done.len() == files.len());
    done
}

#[test]
fn with_the_faults_that_can_be_made_every_scenario_passes_for_real_and_delivers_what_it_does_simulated() {
    for pair in pairs(|scenario| Mask::none().and_skip_unsupported(&scenario).plan(&scenario, scenario.seed))
    {
        assert_eq!(pair.reasons, [""; 0], "{}", pair.scenario);
        assert_eq!(pair.agreement.differences, [], "{}", pair.scenario);
    }
}

#[test]
fn without_faults_every_scenario_delivers_the_same_simulated_and_for_real() {
    let pairs = pairs(|scenario| Plan::new(&undisturbed(scenario.clone()), scenario.seed));
    for pair in &pairs {
        assert_eq!(pair.reasons, [""; 0], "{}", pair.scenario);
        assert_eq!(pair.agreement.differences, [], "{}", pair.scenario);
    }
    // Where nobody reads, or what a slow reader gets is a matter of time, there is nothing to compare.
    let compared = pairs.iter().filter(|pair| pair.agreement.compared > 0).count();
    assert!(compared * 10 >= pairs.len() * 9, "{compared} of {} were compared", pairs.len());
}

/// The scenario with nothing that could make two runs deliver other messages: no faults, links like loopback's, nobody
/// who gives up on a reply.
fn undisturbed(mut scenario: Scenario) -> Scenario {
    scenario.fault.clear();
    scenario.link.clear();
    scenario.network = LinkModel::default();
    scenario.expect.must.clear();
    for workload in &mut scenario.workload {
        workload.timeout = None;
    }
    scenario
}
