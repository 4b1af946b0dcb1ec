//! No task of any host panics, and no host's program fails.

use super::Case;
use seaworthy_engine::Violation;
use seaworthy_sim::trace::EventKind;

/// Finds tasks that panicked and programs that failed.
pub fn check(case: &Case<'_>) -> Vec<Violation> {
    let failed = case.trace.events.iter().filter_map(|event| match &event.what {
        EventKind::TaskFailed { task, message } => {
            Some(event.violation(format!("task {task:?} failed: {message}")))
        }
        _ => None,
    });
    failed.collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{found, nothing_found, trace};
    use super::*;

    #[test]
    fn a_task_that_panics_is_a_violation() {
        let what = EventKind::TaskFailed { task: "dialer".into(), message: "index out of bounds".into() };
        found(check, &trace(&[("worker-1", "", what)]), "\"dialer\" failed: index out of bounds");
        nothing_found(check, &trace(&[("worker-1", "", EventKind::Crashed { how: "power".into() })]));
    }
}
