//! Proxies: what one takes it passes on, once, unchanged and in order, and it never has more in hand than one message
//! and its queue for each direction.
//!
//! That nothing stays in hand is for [`conservation`](super::conservation) to say.

use std::collections::{BTreeMap, VecDeque};

use super::Case;
use crate::scenario::Plan;
use seaworthy_engine::Violation;
use seaworthy_sim::script::draw::Draw;
use seaworthy_sim::trace::{EventKind, MessageName, RelayStep};

/// Finds what proxies do to messages beyond passing them on.
pub fn check(case: &Case<'_>) -> Vec<Violation> {
    let plan = case.plan;
    // What is in hand, by the socket that received it.
    let mut hands: BTreeMap<usize, VecDeque<InHand>> = BTreeMap::new();
    let mut violations = Vec::new();
    for event in &case.trace.events {
        match &event.what {
            EventKind::Crashed { .. } => {
                hands.retain(|side, _| Some(&*plan.socket(*side).host) != event.host.as_deref())
            }
            EventKind::Relayed { step, message, bytes, parts, .. } => {
                let here = event.socket.as_deref().and_then(|name| plan.socket_number(name));
                let Some((here, beyond)) = here.and_then(|here| Some((here, plan.forwards_to(here)?))) else {
                    violations.push(event.violation(format!("{message} was {step}, and no proxy is here")));
                    continue;
                };
                let relayed = InHand { message: message.clone(), bytes: *bytes, parts: *parts };
                let problem = match step {
                    RelayStep::Taken => take(hands.entry(here).or_default(), relayed, queue(plan, here)),
                    RelayStep::Given | RelayStep::Refused => {
                        give(hands.entry(beyond).or_default(), &relayed, *step)
                    }
                    RelayStep::PutBack => put_back(hands.entry(here).or_default(), &relayed),
                };
                violations.extend(problem.map(|problem| event.violation(problem)));
            }
            _ => {}
        }
    }
    violations
}

/// A message that was taken and not yet passed on.
#[derive(Debug, PartialEq, Eq)]
struct InHand {
    message: MessageName,
    bytes: u64,
    parts: u8,
}

fn take(hand: &mut VecDeque<InHand>, taken: InHand, queue: u64) -> Option<String> {
    let waiting = hand.len() as u64;
    let problem = format!("{} was taken while {waiting} waited, more than {queue}", taken.message);
    hand.push_back(taken);
    (waiting > queue).then_some(problem)
}

fn give(hand: &mut VecDeque<InHand>, given: &InHand, step: RelayStep) -> Option<String> {
    let message = &given.message;
    let Some(place) = hand.iter().position(|held| held.message == *message) else {
        return Some(format!("{message} was {step}, and was not in hand"));
    };
    let held = hand.remove(place)?;
    if place > 0 {
        let before = hand.front().map(|first| first.message.to_string()).unwrap_or_default();
        return Some(format!("{message} was {step} before {before}, which had been taken before it"));
    }
    let InHand { bytes, parts, .. } = held;
    let what = |bytes, parts| format!("{parts} parts and {bytes} bytes");
    (held != *given).then(|| {
        format!(
            "{message} was taken with {} and {step} with {}",
            what(bytes, parts),
            what(given.bytes, given.parts)
        )
    })
}

fn put_back(hand: &mut VecDeque<InHand>, back: &InHand) -> Option<String> {
    match hand.iter().position(|held| held == back) {
        Some(place) => {
            hand.remove(place);
            None
        }
        None => Some(format!("{} was put back, and was not in hand", back.message)),
    }
}

/// How many messages may wait behind the one that has no room.
fn queue(plan: &Plan, side: usize) -> u64 {
    plan.proxy_of(side).and_then(|proxy| proxy.queue).map_or(0, |queue| Draw::value(queue).0)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{BROKER, found_in, message, nothing_found_in, relayed, trace};
    use super::*;

    type Line = (&'static str, &'static str, EventKind);

    fn taken(n: usize) -> Line {
        ("broker", "front", relayed(RelayStep::Taken, &format!("push#{n}")))
    }

    fn given(n: usize) -> Line {
        ("broker", "back", relayed(RelayStep::Given, &format!("push#{n}")))
    }

    fn put_back(n: usize) -> Line {
        ("broker", "front", relayed(RelayStep::PutBack, &format!("push#{n}")))
    }

    #[test]
    fn what_is_passed_on_in_order_is_fine_and_what_is_not_is_a_violation() {
        nothing_found_in(
            BROKER,
            check,
            &trace(&[taken(0), given(0), taken(1), taken(2), given(1), given(2)]),
        );
        found_in(BROKER, check, &trace(&[taken(1), taken(2), given(2)]), "push#2 was given before push#1");
        found_in(BROKER, check, &trace(&[given(0)]), "push#0 was given, and was not in hand");
        let twice = trace(&[taken(0), given(0), given(0)]);
        found_in(BROKER, check, &twice, "push#0 was given, and was not in hand");
    }

    #[test]
    fn a_message_that_changed_in_hand_is_a_violation() {
        let cut = EventKind::Relayed {
            step: RelayStep::Given,
            message: message("push#0"),
            parts: 1,
            bytes: 1,
            answer: false,
        };
        let shorter = trace(&[taken(0), ("broker", "back", cut)]);
        found_in(
            BROKER,
            check,
            &shorter,
            "taken with 1 parts and 100000 bytes and given with 1 parts and 1 bytes",
        );
    }

    #[test]
    fn one_message_and_the_queue_are_in_hand_and_no_more() {
        // The queue is one.
        nothing_found_in(BROKER, check, &trace(&[taken(0), taken(1)]));
        found_in(
            BROKER,
            check,
            &trace(&[taken(0), taken(1), taken(2)]),
            "push#2 was taken while 2 waited, more than 1",
        );
    }

    #[test]
    fn what_was_put_back_or_died_with_its_host_is_not_in_hand() {
        nothing_found_in(BROKER, check, &trace(&[taken(0), put_back(0), taken(0), given(0)]));
        found_in(BROKER, check, &trace(&[put_back(0)]), "push#0 was put back, and was not in hand");
        let crashed = ("broker", "", EventKind::Crashed { how: "process".into() });
        nothing_found_in(BROKER, check, &trace(&[taken(0), taken(1), crashed.clone(), taken(2), given(2)]));
        found_in(BROKER, check, &trace(&[taken(0), crashed, given(0)]), "was not in hand");
    }
}
