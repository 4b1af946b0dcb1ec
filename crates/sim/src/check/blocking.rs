//! Blocking class (RFC 28, 29): PUB, ROUTER and REP never wait for a peer; what has no room is dropped.

use super::{Case, Violation};
use crate::trace::What;

/// Finds sends that waited on a socket that must not.
pub fn check(case: &Case<'_>) -> Vec<Violation> {
    let waited = case.trace.events.iter().filter_map(|event| {
        let (What::Blocked { message }, Some(name)) = (&event.what, &event.socket) else { return None };
        let socket = case.plan.socket(case.plan.socket_number(name)?);
        let may_wait = !socket.kind.drops_when_full()
            || socket.options.router_mandatory == Some(true)
            || socket.options.xpub_nodrop == Some(true);
        (!may_wait).then(|| Violation::at(event, format!("a {} waited to send {message}", socket.kind)))
    });
    waited.collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{TOPICS, found_in, message, nothing_found, trace};
    use super::*;

    #[test]
    fn a_pub_that_waits_is_a_violation_and_a_push_that_waits_is_not() {
        let blocked = |name: &str| What::Blocked { message: message(name) };
        found_in(TOPICS, check, &trace(&[("source", "pub", blocked("pub#1"))]), "a PUB waited to send pub#1");
        nothing_found(check, &trace(&[("source", "push", blocked("push#1"))]));
    }
}
