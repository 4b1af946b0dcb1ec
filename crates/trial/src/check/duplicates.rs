//! No message is received twice: by nobody when one receiver was meant, by no subscriber when all were.

use std::collections::BTreeMap;

use super::Case;
use crate::scenario::SocketKind;
use seaworthy_engine::Violation;
use seaworthy_sim::trace::{EventKind, MessageName, Name};

/// Finds messages that were received more often than they were sent.
pub fn check(case: &Case<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut receivers: BTreeMap<&MessageName, Vec<&Name>> = BTreeMap::new();
    for event in &case.trace.events {
        let (EventKind::Received { message, .. }, Some(socket)) = (&event.what, &event.socket) else {
            continue;
        };
        let before = receivers.entry(message).or_default();
        let to_all = case.plan.kind(&message.sender).is_some_and(SocketKind::distributes);
        // A reply carries its request's name back to its sender: that is another message.
        let reply = *socket == message.sender;
        let earlier = before.iter().find(|other| {
            (to_all && **other == socket) || (!to_all && (**other == &message.sender) == reply)
        });
        if let Some(other) = earlier {
            let problem = if **other == *socket {
                format!("{message} was received twice")
            } else {
                format!("{message} was received here and by {other}")
            };
            violations.push(event.violation(problem));
        }
        before.push(socket);
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::super::tests::{
        REQUESTS, TOPICS, found, found_in, got, nothing_found, nothing_found_in, received, trace,
    };
    use super::*;

    #[test]
    fn a_message_received_twice_is_a_violation() {
        let one = ("worker-1", "pull-1", received("push#0"));
        let other = ("worker-2", "pull-2", received("push#0"));
        nothing_found(check, &trace(std::slice::from_ref(&one)));
        found(check, &trace(&[one.clone(), one.clone()]), "push#0 was received twice");
        found(check, &trace(&[one, other]), "here and by pull-1");
    }

    #[test]
    fn a_request_and_its_reply_are_two_messages() {
        let request = ("server", "rep", received("req#0"));
        let reply = ("client", "req", received("req#0"));
        nothing_found_in(REQUESTS, check, &trace(&[request.clone(), reply.clone()]));
        found_in(REQUESTS, check, &trace(&[request.clone(), reply.clone(), reply]), "received twice");
        found_in(REQUESTS, check, &trace(&[request.clone(), request]), "received twice");
    }

    #[test]
    fn every_subscriber_may_receive_a_message_once() {
        let one = ("reader", "sub", got("pub#0", "a"));
        let other = ("reader", "sub-2", got("pub#0", "a"));
        nothing_found_in(TOPICS, check, &trace(&[one.clone(), other]));
        found_in(TOPICS, check, &trace(&[one.clone(), one]), "received twice");
    }
}
