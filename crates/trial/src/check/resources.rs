//! Resources: once its sockets are closed, a host has no task and no stream of theirs any more.

use super::Case;
use seaworthy_engine::Violation;
use seaworthy_sim::trace::EventKind;

/// Finds hosts on which something remains.
pub fn check(case: &Case<'_>) -> Vec<Violation> {
    let remains = case.trace.events.iter().filter_map(|event| {
        let EventKind::Remains { tasks, streams } = &event.what else { return None };
        let host = event.host.as_deref()?;
        let lingers = case.plan.sockets_on(host).any(|socket| case.plan.waits_for_ever(socket));
        let problem = format!("after closing, tasks {tasks:?} and {streams} streams remain");
        (!lingers && (!tasks.is_empty() || *streams > 0)).then(|| event.violation(problem))
    });
    remains.collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{PIPELINE, found, nothing_found, nothing_found_in, trace};
    use super::*;

    #[test]
    fn a_task_or_a_stream_that_outlives_its_socket_is_a_violation() {
        let remains = |tasks: &[&str], streams| {
            let tasks = tasks.iter().map(|task| (*task).to_owned()).collect();
            trace(&[("source", "", EventKind::Remains { tasks, streams })])
        };
        nothing_found(check, &remains(&[], 0));
        found(check, &remains(&["driver"], 0), "tasks [\"driver\"] and 0 streams remain");
        found(check, &remains(&[], 2), "2 streams remain");
        let deaf = PIPELINE.replace("{ socket = \"pull\", role = \"receive\" },", "");
        nothing_found_in(&deaf, check, &remains(&["driver"], 1));
    }
}
