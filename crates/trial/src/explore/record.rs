//! What a sweep writes down: one line for each run, one for each beginning and one for each end.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::goals::{goals, reached};
use super::{Mask, fingerprint};
use crate::run::{Outcome, Verdict};
use crate::scenario::{BackendName, Plan, Scenario};
use seaworthy_engine::seeded_rng::fnv1a;

/// A line of a journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "lowercase")]
pub enum Line {
    /// A process began to explore.
    Sweep(Sweep),
    /// A run was made.
    Run(RunRecord),
    /// A process ended by itself.
    End(Ended),
}

/// What is explored, and by whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sweep {
    /// The version of the program.
    pub version: String,
    /// A hash of the program.
    pub build: String,
    /// The first seed.
    pub first: u64,
    /// The seed behind the last.
    pub end: u64,
    /// On what.
    pub on: Vec<BackendName>,
    /// Whether seeds switch part of a scenario off.
    pub swarm: bool,
    /// Which part of the pairs, as `i/n`.
    pub shard: String,
    /// How many runs that is.
    pub runs: u64,
    /// The scenarios.
    pub scenarios: Vec<Text>,
}

/// A scenario of a sweep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// Its name.
    pub name: String,
    /// A hash of what it says.
    pub hash: String,
    /// What some seed has to reach.
    pub goals: Vec<String>,
}

/// A run that was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Of what: a hash of the program, of the scenario's text, and of whether masks apply. A line with another one
    /// says nothing about a run of today.
    pub of: String,
    /// The scenario's name.
    pub scenario: String,
    /// The seed.
    pub seed: u64,
    /// On what it ran.
    pub on: BackendName,
    /// What the seed switched off.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub off: Vec<String>,
    /// The verdict.
    pub verdict: Verdict,
    /// The check that failed first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<String>,
    /// What failures that are probably one have in common.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// What the verdict rests on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
    /// What it reached, goals and other coverage points.
    pub reached: Vec<String>,
    /// A hash of everything that happened.
    pub audit: String,
    /// How many events the hash covers.
    pub events: u64,
    /// Whether it was made twice and compared.
    pub twice: bool,
    /// Simulated time, in seconds.
    pub simulated_s: f64,
    /// Real time, in seconds.
    pub real_s: f64,
    /// The resolved scenario of a failure, from the folder of the journal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<String>,
}

/// Why a process stopped exploring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Whether every run was made; else the time was over.
    pub complete: bool,
}

impl Text {
    /// What a sweep notes of a scenario.
    pub fn of(scenario: &Scenario) -> Self {
        Self { name: scenario.name.clone(), hash: hash(&[&scenario.to_toml()]), goals: goals(scenario) }
    }
}

impl Sweep {
    /// What [`RunRecord::of`] is for runs of the scenario with this text.
    pub fn of(&self, text: &Text) -> String {
        hash(&[&self.version, &self.build, &text.hash, if self.swarm { "swarm" } else { "whole" }])
    }
}

impl RunRecord {
    /// The record of an outcome that took `real` time.
    pub fn new(
        of: &str,
        scenario: &Scenario,
        (plan, mask): (&Plan, &Mask),
        on: BackendName,
        outcome: &Outcome,
        real: Duration,
    ) -> Self {
        let (check, fingerprint) = fingerprint(outcome).unzip();
        Self {
            of: of.to_owned(),
            scenario: scenario.name.clone(),
            seed: plan.scenario.seed,
            on,
            off: mask.words(),
            verdict: outcome.verdict(),
            check,
            fingerprint,
            reasons: outcome.reasons(),
            reached: reached(scenario, plan, outcome),
            audit: outcome.audit.to_string(),
            events: outcome.audit.events(),
            twice: false,
            simulated_s: outcome.simulated().as_secs_f64(),
            real_s: real.as_secs_f64(),
            replay: None,
        }
    }

    /// The record of a run without an outcome: it never came back, or the testbed itself panicked.
    pub fn without_outcome(
        of: &str,
        (scenario, seed, on): (&Scenario, u64, BackendName),
        off: &Mask,
        verdict: Verdict,
        reason: &str,
        real: Duration,
    ) -> Self {
        let check = if verdict == Verdict::Hung { "hang" } else { "run" };
        Self {
            of: of.to_owned(),
            scenario: scenario.name.clone(),
            seed,
            on,
            off: off.words(),
            verdict,
            check: Some(check.to_owned()),
            fingerprint: Some(format!("{check}: {reason}")),
            reasons: vec![reason.to_owned()],
            reached: Vec::new(),
            audit: String::new(),
            events: 0,
            twice: false,
            simulated_s: 0.0,
            real_s: real.as_secs_f64(),
            replay: None,
        }
    }
}

fn hash(texts: &[&str]) -> String {
    format!("{:016x}", fnv1a(texts.join("\0").as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use seaworthy_sim::script::quantity::{Quantity, Span};

    #[test]
    fn whatever_changes_a_run_changes_what_it_is_a_run_of() {
        let sweep = Sweep {
            version: "1".into(),
            build: "a".into(),
            first: 0,
            end: 9,
            on: vec![BackendName::Warp],
            swarm: true,
            shard: "0/1".into(),
            runs: 9,
            scenarios: Vec::new(),
        };
        let scenario = Scenario::parse("t.toml", &Scenario::template("t")).unwrap();
        let text = Text::of(&scenario);
        let of = sweep.of(&text);
        let longer = Scenario { duration: Span::parse("7s").unwrap(), ..scenario };
        assert_ne!(sweep.of(&Text::of(&longer)), of);
        assert_ne!(Sweep { swarm: false, ..sweep.clone() }.of(&text), of);
        assert_ne!(Sweep { build: "b".into(), ..sweep.clone() }.of(&text), of);
        assert_ne!(Sweep { version: "2".into(), ..sweep.clone() }.of(&text), of);
        let more = Sweep { end: 99, shard: "0/2".into(), runs: 50, ..sweep };
        assert_eq!(more.of(&text), of, "a larger sweep goes on with the same runs");
        let commented = format!("# A comment.\n{}", Scenario::template("t"));
        assert_eq!(Text::of(&Scenario::parse("t.toml", &commented).unwrap()), text);
    }
}
