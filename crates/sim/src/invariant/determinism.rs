//! One seed, one run: everything that happens follows from the scenario and the seed.

use seaworthy_engine::Violation;

use crate::trace::{Audit, Trace};

/// Compares two runs of one seed and says where they part.
pub fn compare(first: (&Trace, Audit), second: (&Trace, Audit)) -> Option<Violation> {
    if first.1 == second.1 && first.0 == second.0 {
        return None;
    }
    let problem = match first.0.first_difference(second.0) {
        Some((event, one, other)) => {
            let line = |line: Option<String>| line.unwrap_or_else(|| "the run was over".to_owned());
            format!(
                "two runs of the same seed differ from event {event} on: {} against {}",
                line(one),
                line(other)
            )
        }
        None => format!(
            "two runs of the same seed have the same trace, but their packets differ: audit {} of {} events against {} of {}",
            first.1,
            first.1.events(),
            second.1,
            second.1.events()
        ),
    };
    let at = first.0.first_difference(second.0).and_then(|(event, ..)| first.0.events.get(event));
    let place = at.and_then(|event| event.socket.as_ref().or(event.host.as_ref()).cloned());
    Some(Violation { check: "determinism", at: at.map(|event| event.at()), place, problem })
}

#[cfg(test)]
mod tests {
    use super::super::tests::trace;
    use super::*;
    use crate::trace::EventKind;

    fn received(message: &str) -> EventKind {
        EventKind::Torn { problem: message.to_owned() }
    }

    fn audit(text: &str) -> Audit {
        let mut audit = Audit::default();
        audit.add(text.as_bytes());
        audit
    }

    #[test]
    fn the_first_difference_is_named() {
        let one = trace(&[("a", "pull-1", received("push#0")), ("a", "pull-1", received("push#1"))]);
        let other = trace(&[("a", "pull-1", received("push#0")), ("a", "pull-1", received("push#2"))]);
        assert_eq!(compare((&one, audit("x")), (&one, audit("x"))), None);
        let problem = compare((&one, audit("x")), (&other, audit("y"))).unwrap().problem;
        assert!(problem.contains("from event 1 on") && problem.contains("push#2"), "{problem}");
    }

    #[test]
    fn packets_that_differ_below_the_trace_are_found() {
        let one = trace(&[("a", "pull-1", received("push#0"))]);
        let problem = compare((&one, audit("x")), (&one, audit("y"))).unwrap().problem;
        assert!(problem.contains("packets differ"), "{problem}");
    }
}
