//! Fingerprints: failures that are probably one.

use seaworthy_engine::Violation;
use seaworthy_sim::invariant::normal::normal;

use crate::run::{Outcome, Verdict};

/// The check that failed and a fingerprint: its name and its first finding without what differs from seed to seed.
/// `None` for a run that passed.
pub fn fingerprint(outcome: &Outcome) -> Option<(String, String)> {
    if outcome.verdict() == Verdict::Passed {
        return None;
    }
    Some(match (outcome.violations.first(), &outcome.failure) {
        (Some(violation), _) => {
            (violation.check.to_owned(), normal(&format!("{}: {}", violation.check, problem(violation))))
        }
        (None, Some(failure)) => {
            let check = if outcome.verdict() == Verdict::Hung { "hang" } else { "run" };
            (check.to_owned(), normal(&format!("{check}: {failure}")))
        }
        (None, None) => ("run".to_owned(), "run: failed".to_owned()),
    })
}

fn problem(violation: &Violation) -> String {
    let place = violation.place.as_deref().unwrap_or_default();
    let problem = match violation.check {
        // Behind this follow two events in full, of which no two seeds have the same.
        "determinism" => violation.problem.split(" from event ").next().unwrap_or_default(),
        _ => violation.problem.split(" (and ").next().unwrap_or_default(),
    };
    format!("{place} {problem}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violation(check: &'static str, place: &str, problem: &str) -> Violation {
        Violation { check, at: None, place: Some(place.into()), problem: problem.to_owned() }
    }

    #[test]
    fn what_differs_from_seed_to_seed_makes_no_difference() {
        let one =
            problem(&violation("conservation", "pull-1", "push#131 was lost after 3.002 s (and 4 more)"));
        let other = problem(&violation("conservation", "pull-12", "push#7 was lost after 41 s"));
        assert_eq!(normal(&one), "pull-N push#N was lost after N s");
        assert_eq!(normal(&one), normal(&other));
    }

    #[test]
    fn what_is_wrong_makes_a_difference() {
        assert_ne!(normal("order: push#1 overtook push#2"), normal("order: push#1 came after push#2"));
        assert_ne!(normal("a: x"), normal("b: x"));
        assert_eq!(normal("ended. 3"), "ended. N", "a full stop is none of the number");
    }

    #[test]
    fn events_that_differ_are_no_part_of_nondeterminism() {
        let text = "two runs of the same seed differ from event 41 on: {\"t\":1} against {\"t\":2}";
        assert_eq!(problem(&violation("determinism", "push", text)), "push two runs of the same seed differ");
    }
}
