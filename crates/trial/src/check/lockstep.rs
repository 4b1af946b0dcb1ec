//! REQ and REP take turns (RFC 28): a REQ gets the reply to its own request before it asks again, a REP answers the
//! request it received before it takes the next.

use std::collections::BTreeMap;

use super::Case;
use crate::scenario::SocketKind;
use seaworthy_engine::Violation;
use seaworthy_sim::trace::{EventKind, MessageName, Name};

/// Finds requests and replies out of turn.
pub fn check(case: &Case<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut pending: BTreeMap<&Name, &MessageName> = BTreeMap::new();
    for event in &case.trace.events {
        let Some(socket) = &event.socket else { continue };
        let kind = case.plan.kind(socket);
        match (&event.what, kind) {
            // A socket that was opened again after a crash begins anew.
            (EventKind::Opened { .. } | EventKind::GaveUp { .. }, _) => {
                pending.remove(socket);
            }
            (EventKind::Sent { message, .. }, Some(SocketKind::Req)) => {
                if let Some(open) = pending.insert(socket, message) {
                    violations.push(event.violation(format!("{message} was sent while {open} had no reply")));
                }
            }
            (EventKind::Received { message, .. }, Some(SocketKind::Req)) => match pending.remove(socket) {
                Some(open) if open == message => {}
                Some(open) => {
                    violations.push(event.violation(format!("the reply to {message} answered {open}")));
                }
                None => violations.push(event.violation(format!("a reply to {message} came unasked"))),
            },
            (EventKind::Received { message, .. }, Some(SocketKind::Rep)) => {
                if let Some(open) = pending.insert(socket, message) {
                    let problem = format!("{message} was received while {open} had no answer");
                    violations.push(event.violation(problem));
                }
            }
            (EventKind::Sent { message, answer: true, .. }, Some(SocketKind::Rep))
                if pending.remove(socket) != Some(message) =>
            {
                violations.push(event.violation(format!("{message} was answered out of turn")));
            }
            _ => {}
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::super::tests::{
        REQUESTS, answered, found_in, message, nothing_found_in, received, sent, trace,
    };
    use super::*;

    fn req(what: EventKind) -> (&'static str, &'static str, EventKind) {
        ("client", "req", what)
    }

    fn rep(what: EventKind) -> (&'static str, &'static str, EventKind) {
        ("server", "rep", what)
    }

    #[test]
    fn a_req_that_gets_each_reply_in_turn_is_fine() {
        let turns = [req(sent("req#0")), req(received("req#0")), req(sent("req#1")), req(received("req#1"))];
        nothing_found_in(REQUESTS, check, &trace(&turns));
        let again =
            [req(sent("req#0")), req(EventKind::GaveUp { message: message("req#0") }), req(sent("req#1"))];
        nothing_found_in(REQUESTS, check, &trace(&again));
    }

    #[test]
    fn a_req_out_of_turn_is_a_violation() {
        found_in(
            REQUESTS,
            check,
            &trace(&[req(sent("req#0")), req(sent("req#1"))]),
            "while req#0 had no reply",
        );
        found_in(REQUESTS, check, &trace(&[req(sent("req#1")), req(received("req#0"))]), "answered req#1");
        found_in(REQUESTS, check, &trace(&[req(received("req#0"))]), "unasked");
    }

    #[test]
    fn a_rep_out_of_turn_is_a_violation() {
        nothing_found_in(REQUESTS, check, &trace(&[rep(received("req#0")), rep(answered("req#0"))]));
        found_in(REQUESTS, check, &trace(&[rep(received("req#0")), rep(received("req#1"))]), "had no answer");
        found_in(REQUESTS, check, &trace(&[rep(received("req#0")), rep(answered("req#1"))]), "out of turn");
    }
}
