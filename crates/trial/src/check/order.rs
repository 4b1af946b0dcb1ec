//! Order per pipe: what one socket sent to another over one connection is received in the order of sending.
//!
//! Over several connections, one after another or side by side, ZeroMQ promises no order: the tap says over which
//! one each message came.

use std::collections::BTreeMap;

use super::Case;
use seaworthy_engine::Violation;
use seaworthy_sim::trace::wire::WireFrame;
use seaworthy_sim::trace::{Direction, EventKind, MessageName, Name};

/// Finds messages that overtook another on the same connection.
pub fn check(case: &Case<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut arrived: BTreeMap<(&MessageName, &Name), u64> = BTreeMap::new();
    let mut newest: BTreeMap<(u64, &Name, &Name), (u16, u64)> = BTreeMap::new();
    for event in &case.trace.events {
        match &event.what {
            EventKind::Frame {
                stream,
                dir: Direction::In,
                frame: WireFrame::Message { of: Some(of), .. },
            } => {
                if let Some(host) = &event.host {
                    arrived.insert((of, host), *stream);
                }
            }
            EventKind::Received { message, .. } => {
                let (Some(host), Some(socket)) = (&event.host, &event.socket) else { continue };
                let Some(stream) = arrived.get(&(message, host)) else { continue };
                let position = (message.life, message.sequence);
                let last = newest.insert((*stream, socket, &message.sender), position);
                if let Some((_, sequence)) = last.filter(|last| *last > position) {
                    let problem =
                        format!("{message} was received after number {sequence} on stream s{stream}");
                    violations.push(event.violation(problem));
                }
            }
            _ => {}
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::super::tests::{found, message, nothing_found, received, trace};
    use super::*;

    fn arrival(name: &str, stream: u64) -> (&'static str, &'static str, EventKind) {
        let frame = WireFrame::Message { bytes: 64, more: false, of: Some(message(name)), text: None };
        ("worker-1", "pull-1", EventKind::Frame { stream, dir: Direction::In, frame })
    }

    fn receipt(name: &str) -> (&'static str, &'static str, EventKind) {
        ("worker-1", "pull-1", received(name))
    }

    #[test]
    fn a_message_that_overtakes_another_is_a_violation() {
        let both = [arrival("push#0", 1), arrival("push#1", 1)];
        nothing_found(check, &trace(&[both.clone(), [receipt("push#0"), receipt("push#1")]].concat()));
        let swapped = trace(&[both, [receipt("push#1"), receipt("push#0")]].concat());
        found(check, &swapped, "push#0 was received after number 1 on stream s1");
    }

    #[test]
    fn connections_promise_no_order_between_them() {
        let both = [arrival("push#0", 1), arrival("push#1", 2)];
        nothing_found(check, &trace(&[both, [receipt("push#1"), receipt("push#0")]].concat()));
    }
}
