//! Fairness of a proxy between its two directions (docs/PROXY.md): one that has something to move, and room to move it,
//! is passed over for at most one turn of the other; and while both have, they get equal shares of every
//! `WINDOW` messages, by Jain's index of at least `JAIN_MIN`.
//!
//! A direction has something to move when a message has arrived over the wire that the proxy takes later, and it has no
//! room while a message is in hand. What comes over inproc is not seen before it is taken, and a biased proxy promises
//! nothing. Fairness among the peers of a side is for [`fairness`](super::fairness) to say.

use std::collections::BTreeMap;

use super::Case;
use super::fairness::jain;
use super::streams::Streams;
use crate::scenario::ProxyMode;
use seaworthy_engine::Violation;
use seaworthy_sim::trace::wire::WireFrame;
use seaworthy_sim::trace::{Direction, Event, EventKind, MessageName, RelayStep};

/// Shares are compared over so many messages.
const WINDOW: u64 = 1000;
/// The least of Jain's index.
const JAIN_MIN: f64 = 0.95;
/// Messages that a direction moves in one turn, when the scenario does not say.
const BATCH_DEFAULT: u64 = 64;
/// With longer turns shares of a window may differ by more than the index allows.
const BATCH_MAX: u64 = 229;

/// Finds directions of proxies that were passed over.
pub fn check(case: &Case<'_>) -> Vec<Violation> {
    let events = case.trace.before_closing();
    let streams = Streams::of(case.plan, events);
    let mut violations = Vec::new();
    for front in 0..case.plan.sockets.len() {
        let Some(proxy) = case.plan.workloads(front).find_map(|workload| workload.proxy.as_ref()) else {
            continue;
        };
        let Some(back) = case.plan.forwards_to(front).filter(|back| *back != front) else { continue };
        if !matches!(proxy.mode, None | Some(ProxyMode::Fair)) {
            continue;
        }
        let batch = proxy.batch.map_or(BATCH_DEFAULT, |batch| batch.value().0);
        let problem = judge(case, events, &streams, [front, back], batch);
        violations.extend(problem.map(|problem| Violation::of(case.plan.name(front), problem)));
    }
    violations
}

/// What one direction has, by the side that received it.
#[derive(Debug, Default)]
struct Way<'a> {
    /// When each message is taken for the last time.
    taken: BTreeMap<&'a MessageName, usize>,
    /// Messages that have arrived and will be taken.
    waiting: u64,
    /// Messages in hand.
    in_hand: u64,
    /// How often the other direction was served since this one could have been.
    gap: u64,
    /// Messages moved since both directions had something to move.
    share: u64,
}

impl Way<'_> {
    fn can_move(&self) -> bool {
        self.waiting > 0 && self.in_hand == 0
    }
}

fn judge(
    case: &Case<'_>,
    events: &[Event],
    streams: &Streams,
    sides: [usize; 2],
    batch: u64,
) -> Option<String> {
    let side_of = |event: &Event| sides.iter().position(|side| event.is_at(case.plan.name(*side)));
    let mut ways: [Way<'_>; 2] = Default::default();
    for (position, event) in events.iter().enumerate() {
        if let EventKind::Relayed { step: RelayStep::Taken, message, .. } = &event.what
            && let Some(side) = side_of(event)
        {
            ways[side].taken.insert(message, position);
        }
    }
    for (position, event) in events.iter().enumerate() {
        match &event.what {
            EventKind::Frame {
                stream,
                dir: Direction::In,
                frame: WireFrame::Message { of: Some(of), more: false, .. },
            } => {
                let owner = streams.end(*stream).and_then(|end| end.socket);
                if let Some(side) = sides.iter().position(|side| Some(*side) == owner)
                    && ways[side].taken.get(of).is_some_and(|taken| *taken > position)
                {
                    ways[side].waiting += 1;
                }
            }
            EventKind::Crashed { .. } if event.host.as_deref() == Some(&*case.plan.socket(sides[0]).host) => {
                for way in &mut ways {
                    (way.waiting, way.in_hand, way.gap, way.share) = (0, 0, 0, 0);
                }
            }
            EventKind::Relayed { step, message, .. } => {
                let Some(at) = side_of(event) else { continue };
                let side = if matches!(step, RelayStep::Taken | RelayStep::PutBack) { at } else { 1 - at };
                match step {
                    RelayStep::Taken => {
                        // One that was put back is taken again, and did not wait on the wire.
                        let last = ways[side].taken.get(message) == Some(&position);
                        ways[side].waiting = ways[side].waiting.saturating_sub(u64::from(last));
                        ways[side].in_hand += 1;
                    }
                    RelayStep::PutBack => ways[side].in_hand = ways[side].in_hand.saturating_sub(1),
                    RelayStep::Given | RelayStep::Refused => {
                        ways[side].in_hand = ways[side].in_hand.saturating_sub(1);
                        if let Some(problem) = served(&mut ways, side, batch) {
                            return Some(problem);
                        }
                    }
                }
            }
            _ => {}
        }
    }
    None
}

/// One direction moved a message.
fn served(ways: &mut [Way<'_>; 2], side: usize, batch: u64) -> Option<String> {
    let other = 1 - side;
    ways[side].gap = 0;
    if !ways[other].can_move() {
        ways[other].gap = 0;
        ways.iter_mut().for_each(|way| way.share = 0);
        return None;
    }
    ways[other].gap += 1;
    let (gap, direction) = (ways[other].gap, ["frontend", "backend"][other]);
    if gap > batch {
        return Some(format!(
            "what the {direction} received was passed over {gap} times in turns of {batch}"
        ));
    }
    ways[side].share += 1;
    let shares = [ways[0].share, ways[1].share];
    if shares[0] + shares[1] < WINDOW {
        return None;
    }
    ways.iter_mut().for_each(|way| way.share = 0);
    let index = jain(shares.into_iter());
    (index < JAIN_MIN && batch <= BATCH_MAX).then(|| {
        format!("Jain's index is {index:.3} for shares of {shares:?} messages of the two directions")
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{BROKER, found_in, message, nothing_found_in, relayed, trace};
    use super::*;

    type Line = (&'static str, &'static str, EventKind);

    /// DEALERs all the way, with turns of four.
    fn both_ways() -> String {
        BROKER.replace("PUSH", "DEALER").replace("PULL", "DEALER").replace("queue = 1", "batch = 4").replace(
            "role = \"receive\" }",
            "role = \"receive\" },\n    { socket = \"pull\", role = \"send\", count = 9 }",
        )
    }

    const SIDES: [(&str, &str); 2] = [("front", "push"), ("back", "pull")];

    fn arrived(side: usize, n: usize) -> Line {
        let (at, sender) = SIDES[side];
        let of = Some(message(&format!("{sender}#{n}")));
        let frame = WireFrame::Message { bytes: 64, more: false, of, text: None };
        ("broker", at, EventKind::Frame { stream: 2 + 2 * side as u64, dir: Direction::In, frame })
    }

    fn moved(side: usize, n: usize) -> Vec<Line> {
        let name = format!("{}#{n}", SIDES[side].1);
        vec![
            ("broker", SIDES[side].0, relayed(RelayStep::Taken, &name)),
            ("broker", SIDES[1 - side].0, relayed(RelayStep::Given, &name)),
        ]
    }

    /// So many messages have arrived at both sides, and are moved in this order of sides.
    fn run(count: usize, order: impl Iterator<Item = usize>) -> seaworthy_sim::trace::Trace {
        let streams = [0, 1].map(|side| {
            ("broker", SIDES[side].0, EventKind::Stream { stream: 2 + 2 * side as u64, peer: Some(90) })
        });
        let arrivals = (0..2).flat_map(|side| (0..count).map(move |n| arrived(side, n)));
        let mut next = [0, 0];
        let moves = order.flat_map(|side| {
            next[side] += 1;
            moved(side, next[side] - 1)
        });
        trace(&streams.into_iter().chain(arrivals).chain(moves).collect::<Vec<_>>())
    }

    #[test]
    fn a_direction_that_waits_longer_than_a_turn_of_the_other_is_a_violation() {
        let fair = [0, 0, 0, 0, 1, 1, 1, 1, 0, 1, 1, 0, 1, 0, 0, 1];
        nothing_found_in(&both_ways(), check, &run(8, fair.into_iter()));
        let unfair = [0, 0, 0, 0, 0, 1, 1, 1];
        found_in(
            &both_ways(),
            check,
            &run(8, unfair.into_iter()),
            "what the backend received was passed over 5 times in turns of 4",
        );
        let biased = both_ways().replace("batch = 4", "batch = 4, mode = \"biased-frontend\"");
        nothing_found_in(&biased, check, &run(8, unfair.into_iter()));
    }

    #[test]
    fn a_direction_that_has_nothing_or_no_room_is_not_passed_over() {
        nothing_found_in(&both_ways(), check, &run(8, std::iter::repeat_n(1, 8).take(4)));
        let mut full = run(8, [1].into_iter());
        // The other direction has a message in hand that it cannot give.
        full.events.truncate(full.events.len() - 1);
        full.events.extend(run(8, std::iter::repeat_n(0, 8)).events.split_off(18));
        nothing_found_in(&both_ways(), check, &full);
    }

    #[test]
    fn shares_that_differ_over_a_thousand_messages_are_a_violation() {
        let even = (0..1200).map(|n| n % 2);
        nothing_found_in(&both_ways(), check, &run(1000, even));
        let uneven = (0..1200).map(|n| usize::from(n % 4 == 3));
        found_in(&both_ways(), check, &run(1000, uneven), "Jain's index is 0.800 for shares of [750, 250]");
    }
}
