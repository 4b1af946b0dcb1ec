//! No operation of an application fails because of what the network does: faults end connections, never sockets.

use super::Case;
use crate::scenario::SocketKind;
use seaworthy_engine::Violation;
use seaworthy_sim::trace::{EventKind, Phase};

/// Finds operations that failed; a mandatory ROUTER may report that a peer is not there.
pub fn check(case: &Case<'_>) -> Vec<Violation> {
    let mut closing = false;
    let mut violations = Vec::new();
    for event in &case.trace.events {
        match &event.what {
            EventKind::Phase { phase } => closing = *phase == Phase::Closing,
            EventKind::Failed { operation, error } if !closing => {
                let socket = event.socket.as_deref().and_then(|name| case.plan.socket_number(name));
                let mandatory = socket.map(|number| case.plan.socket(number)).is_some_and(|socket| {
                    socket.kind == SocketKind::Router && socket.options.router_mandatory == Some(true)
                });
                if !(mandatory && operation == "send") {
                    violations.push(event.violation(format!("{operation} failed: {error}")));
                }
            }
            _ => {}
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::super::tests::{found, nothing_found, phase, trace};
    use super::*;

    #[test]
    fn a_send_that_fails_is_a_violation_until_sockets_are_closed() {
        let failed = EventKind::Failed { operation: "send".into(), error: "no".into() };
        found(check, &trace(&[("source", "push", failed.clone())]), "send failed: no");
        let closing = ("", "", phase(Phase::Closing));
        nothing_found(check, &trace(&[closing, ("source", "push", failed)]));
    }
}
