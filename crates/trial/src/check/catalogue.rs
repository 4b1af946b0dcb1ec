//! The checks by their names, and what applies them.

use seaworthy_engine::Violation;
use seaworthy_sim::invariant::{poison, stream_prefix};

use super::case::Case;
use super::{
    blocking, conservation, coverage, deadlock, duplicates, envelope, exclusive_pair, fairness, frames,
    half_open, high_water_mark, hostile, linger, liveness, lockstep, notices, operations, order,
    proxy_fairness, publisher_filter, reconnect, relay, resources, resubscription, subscriptions,
};

/// A check by its name.
pub type Check = (&'static str, fn(&Case<'_>) -> Vec<Violation>);

/// All checks of a single run, the ones that make others worthless first.
pub const CHECKS: [Check; 29] = [
    ("task panic", super::panics::check),
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
    super::panics::check(case).into_iter().map(|found| Violation { check: CHECKS[0].0, ..found }).collect()
}
