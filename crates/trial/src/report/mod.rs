//! What a session of runs amounts to: one [`RunReport`] each, and a table of verdicts.

mod page;
mod table;

use std::time::Duration;

use serde::Serialize;

pub use self::page::{Page, Run};
pub use self::table::table;
use crate::run::{Outcome, Verdict};
use crate::scenario::{BackendName, Plan, Scenario, Unsupported};

/// One run of a scenario with a seed on a backend, as it is reported.
#[derive(Clone, Debug, Serialize)]
pub struct RunReport {
    /// The scenario's name.
    pub scenario: String,
    /// The seed.
    pub seed: u64,
    /// On what it ran.
    pub on: BackendName,
    /// The verdict.
    pub verdict: Verdict,
    /// What the verdict rests on; empty when passed.
    pub reasons: Vec<String>,
    /// A hash of everything that happened.
    pub audit: String,
    /// How many events the hash covers, packets included.
    pub events: u64,
    /// Simulated time, in seconds.
    pub simulated_s: f64,
    /// Real time, in seconds, for both runs together.
    pub real_s: f64,
    /// The file that replays it, if one was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replay: Option<String>,
}

impl RunReport {
    /// The report of an outcome that took `real` time.
    pub fn new(plan: &Plan, on: BackendName, outcome: &Outcome, real: Duration) -> Self {
        Self {
            scenario: plan.scenario.name.clone(),
            seed: plan.scenario.seed,
            on,
            verdict: outcome.verdict(),
            reasons: outcome.reasons(),
            audit: outcome.audit.to_string(),
            events: outcome.audit.events(),
            simulated_s: outcome.simulated().as_secs_f64(),
            real_s: real.as_secs_f64(),
            replay: None,
        }
    }

    /// The report of a run that never came back.
    pub fn hung(scenario: &Scenario, seed: u64, on: BackendName, real: Duration) -> Self {
        Self {
            scenario: scenario.name.clone(),
            seed,
            on,
            verdict: Verdict::Hung,
            reasons: vec![format!("hang: a task did not return within {} s of real time", real.as_secs())],
            audit: String::new(),
            events: 0,
            simulated_s: 0.0,
            real_s: real.as_secs_f64(),
            replay: None,
        }
    }
}

/// A scenario that was not run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// The scenario's name.
    pub scenario: String,
    /// On what it cannot run.
    pub on: BackendName,
    /// What cannot be made there, each once.
    pub skipped: Vec<&'static str>,
}

impl Skipped {
    /// A scenario with these obstacles.
    pub fn new(scenario: &Scenario, on: BackendName, obstacles: &[Unsupported]) -> Self {
        let mut skipped = Vec::new();
        for obstacle in obstacles {
            if !skipped.contains(&obstacle.key) {
                skipped.push(obstacle.key);
            }
        }
        Self { scenario: scenario.name.clone(), on, skipped }
    }
}

/// The resolved scenario as a file that replays a run, with a comment that says so.
pub fn replay_file(plan: &Plan, on: BackendName, reasons: &[String]) -> String {
    let mut text = format!(
        "# {} with seed {} on {on}, every draw made explicit.\n",
        plan.scenario.name, plan.scenario.seed
    );
    for reason in reasons {
        text.push_str(&format!("# {}\n", reason.replace(['\n', '\r'], " ")));
    }
    text.push('\n');
    text.push_str(&Scenario { on: Some(on), ..plan.scenario.clone() }.to_toml());
    text
}
