//! Looking for a planted bug.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use seaworthy_core::planted::plant;
use seaworthy_engine::{Backend, Failure};

use super::catalogue::Entry;
use super::detector::Detector;
use crate::run::{Outcome, Verdict, prove, run};
use crate::scenario::{Plan, Scenario};

/// Real time that a run may take before it counts as hung.
const WALL: Duration = Duration::from_secs(30);

/// The same where the wall clock is what has to find the bug: a multiple of what the run takes without it.
const WALL_TO_BE_FOUND: Duration = Duration::from_secs(2);

/// What came of looking for a bug.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hunt {
    /// The seed that showed it to whom it should.
    pub seed: Option<u64>,
    /// Whoever found anything: with that seed, or if there is none, with any.
    pub by: BTreeSet<Detector>,
    /// What they said of it.
    pub reasons: Vec<String>,
}

impl Entry {
    /// Looks for the bug with one seed after another, from 0, as long as there are less than `seeds`.
    ///
    /// Where the [watchdog](Detector::Watchdog) has to find it, this does not return.
    pub fn hunt(&self, scenario: &Scenario, seeds: u64) -> Hunt {
        let mut hunt = Hunt::default();
        for seed in 0..seeds {
            let outcome = self.run(scenario, seed);
            let by = detectors(&outcome);
            if by.contains(&self.by) {
                return Hunt { seed: Some(seed), by, reasons: outcome.reasons() };
            }
            if hunt.reasons.is_empty() {
                hunt.reasons = outcome.reasons();
            }
            hunt.by.extend(by);
        }
        hunt
    }

    /// Looks for the bug with one seed after another until anything finds it.
    pub fn hunt_by_all(&self, scenario: &Scenario, seeds: u64) -> Hunt {
        for seed in 0..seeds {
            let outcome = self.run(scenario, seed);
            if outcome.verdict() != Verdict::Passed {
                return Hunt { seed: Some(seed), by: detectors(&outcome), reasons: outcome.reasons() };
            }
        }
        Hunt::default()
    }

    fn run(&self, scenario: &Scenario, seed: u64) -> Outcome {
        let plan = Rc::new(Plan::new(scenario, seed));
        let _planted = plant(self.bug);
        match self.by {
            Detector::Determinism => prove(&plan, Backend::Warp, WALL),
            Detector::WallClock => run(&plan, Backend::Warp, WALL_TO_BE_FOUND),
            _ => run(&plan, Backend::Warp, WALL),
        }
    }
}

/// Runs a scenario as it is, twice.
pub fn without_bug(scenario: &Scenario, seed: u64) -> Outcome {
    prove(&Rc::new(Plan::new(scenario, seed)), Backend::Warp, WALL)
}

/// Everything that found fault with a run.
fn detectors(outcome: &Outcome) -> BTreeSet<Detector> {
    let of = |check| if check == "determinism" { Detector::Determinism } else { Detector::Check(check) };
    let ended_by = match outcome.failure {
        Some(Failure::Livelock { .. }) => Some(Detector::Livelock),
        Some(Failure::Slow { .. }) => Some(Detector::WallClock),
        _ => None,
    };
    outcome.violations.iter().map(|violation| of(violation.check)).chain(ended_by).collect()
}
