//! Checks: what must hold in every run, decided from its trace alone.
//!
//! Each check is a file with a function from a [`Case`] to the [`Violation`]s it finds, and a test that shows it
//! firing. None keeps state between runs, and none believes what another computed from the same events, except
//! for the [`ledger`] of who got which message.

pub mod agreement;
mod batch;
pub mod blocking;
pub mod conservation;
pub mod coverage;
pub mod deadlock;
pub mod duplicates;
pub mod envelope;
pub mod exclusive_pair;
pub mod fairness;
pub mod frames;
pub mod half_open;
pub mod high_water_mark;
pub mod hostile;
pub mod ledger;
pub mod linger;
pub mod liveness;
pub mod lockstep;
pub mod notices;
mod operations;
pub mod order;
pub mod panics;
pub mod proxy_fairness;
pub mod publisher_filter;
mod queues;
pub mod reconnect;
pub mod relay;
pub mod resources;
pub mod resubscription;
mod streams;
pub mod subscriptions;

use std::time::Duration;

use seaworthy_engine::Violation;
use seaworthy_sim::invariant::{poison, stream_prefix};
use seaworthy_sim::trace::Trace;

use crate::scenario::{CarrierName, Plan};

/// A run to judge.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// What was executed.
    pub plan: &'a Plan,
    /// What happened.
    pub trace: &'a Trace,
}

/// How late a timer may be on a real machine that has other things to do.
const LATENESS: Duration = Duration::from_secs(2);

impl Case<'_> {
    /// What a limit in time allows besides what it says: nothing in a simulation, where no machine is too busy.
    pub(crate) fn lateness(&self) -> Duration {
        if self.plan.scenario.on == Some(CarrierName::Real) { LATENESS } else { Duration::ZERO }
    }
}

/// A check by its name.
pub type Check = (&'static str, fn(&Case<'_>) -> Vec<Violation>);

/// All checks of a single run, the ones that make others worthless first.
pub const CHECKS: [Check; 29] = [
    ("task panic", panics::check),
    ("stream prefix", |case| stream_prefix::check(case.trace)),
    ("frame integrity", frames::check),
    ("poison", |case| poison::check(case.trace)),
    ("order per pipe", order::check),
    ("no duplicates", duplicates::check),
    ("conservation", conservation::check),
    ("proxy", relay::check),
    ("high-water mark", high_water_mark::check),
    ("blocking class", blocking::check),
    ("operations", operations::check),
    ("request-reply lockstep", lockstep::check),
    ("request-reply envelope", envelope::check),
    ("subscription soundness", subscriptions::soundness),
    ("subscription completeness", subscriptions::completeness),
    ("publisher filter", publisher_filter::check),
    ("resubscription", resubscription::check),
    ("notices", notices::check),
    ("exclusive pair", exclusive_pair::check),
    ("fairness", fairness::check),
    ("proxy fairness", proxy_fairness::check),
    ("reconnect spacing", reconnect::check),
    ("half-open", half_open::check),
    ("hostile peers", hostile::check),
    ("deadlock", deadlock::check),
    ("liveness", liveness::check),
    ("linger", linger::check),
    ("resources", resources::check),
    ("coverage", coverage::check),
];

/// The most violations one check reports of one run: the first few say it all.
pub const VIOLATIONS_MAX: usize = 5;

/// Applies all checks.
pub fn all(case: &Case<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (name, check) in CHECKS {
        let mut found = check(case);
        let more = found.len().saturating_sub(VIOLATIONS_MAX);
        found.truncate(VIOLATIONS_MAX);
        if more > 0
            && let Some(last) = found.last_mut()
        {
            last.problem.push_str(&format!(" (and {more} more)"));
        }
        violations.extend(found.into_iter().map(|violation| Violation { check: name, ..violation }));
    }
    violations
}

/// Applies only the check for panics: for a run that did not come to its end.
pub fn panics(case: &Case<'_>) -> Vec<Violation> {
    panics::check(case).into_iter().map(|found| Violation { check: CHECKS[0].0, ..found }).collect()
}

#[cfg(test)]
mod tests;
