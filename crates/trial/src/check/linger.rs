//! Linger: a socket that may wait so long for what is queued closes within that time.

use std::time::Duration;

use super::Case;
use seaworthy_engine::Violation;
use seaworthy_sim::trace::{EventKind, Phase};

/// What closing takes beyond `linger`: connections say farewell for a second, and clocks tick.
const SLACK: Duration = Duration::from_millis(1_100);

/// Finds sockets that took longer to close than their `linger` allows.
pub fn check(case: &Case<'_>) -> Vec<Violation> {
    let Some(closing) = case.trace.phase_start(Phase::Closing) else { return Vec::new() };
    let events = &case.trace.events[closing..];
    let began = events[0].at();
    let late = events.iter().filter_map(|event| {
        let number = case.plan.socket_number(event.socket.as_deref()?)?;
        let linger = case.plan.socket(number).options.linger?.value().0;
        let took = event.at() - began;
        (event.what == EventKind::Closed && took > linger + SLACK + case.lateness())
            .then(|| event.violation(format!("closing took {took:?} with a linger of {linger:?}")))
    });
    let never = case.plan.sockets.iter().enumerate().filter_map(|(number, name)| {
        let linger = case.plan.socket(number).options.linger?.value().0;
        let closed = events.iter().any(|event| event.is_at(name) && event.what == EventKind::Closed);
        (!closed).then(|| Violation::of(name, format!("did not close, with a linger of {linger:?}")))
    });
    late.chain(never).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{PIPELINE, found_in, nothing_found_in, phase, trace};
    use super::*;

    #[test]
    fn a_socket_that_closes_after_its_linger_is_a_violation() {
        let hasty = PIPELINE.replace("sndhwm = 2", "sndhwm = 2, linger = \"500ms\"");
        found_in(
            &hasty,
            check,
            &trace(&[("", "", phase(Phase::Closing))]),
            "did not close, with a linger of 500ms",
        );
        let close = |after: u64| {
            let mut trace = trace(&[("", "", phase(Phase::Closing)), ("source", "push", EventKind::Closed)]);
            trace.events[1].t = after * 1_000_000;
            trace
        };
        nothing_found_in(&hasty, check, &close(1_600));
        let real = format!("on = \"real\"{hasty}");
        nothing_found_in(&real, check, &close(3_600));
        found_in(&real, check, &close(3_601), "closing took 3.601s with a linger of 500ms");
        found_in(&hasty, check, &close(1_601), "closing took 1.601s with a linger of 500ms");
        nothing_found_in(PIPELINE, check, &close(60_000));
    }
}
