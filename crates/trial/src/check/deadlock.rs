//! Deadlock: while work is left to do, something is always going to happen.

use super::Case;
use seaworthy_engine::Violation;
use seaworthy_sim::trace::EventKind;

/// Finds moments at which everybody waited for somebody else.
pub fn check(case: &Case<'_>) -> Vec<Violation> {
    let stuck = case.trace.events.iter().filter_map(|event| match &event.what {
        EventKind::Deadlock { waiting } => {
            let problem = format!("nothing will ever happen again, and these wait: {}", waiting.join(", "));
            Some(event.violation(problem))
        }
        _ => None,
    });
    stuck.collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{found, nothing_found, phase, trace};
    use super::*;
    use seaworthy_sim::trace::Phase;

    #[test]
    fn work_that_waits_while_nothing_is_going_to_happen_is_a_violation() {
        let stuck = ("", "", EventKind::Deadlock { waiting: vec!["push -> pull-1".into()] });
        found(check, &trace(&[stuck]), "these wait: push -> pull-1");
        nothing_found(check, &trace(&[("", "", phase(Phase::Healed))]));
    }
}
