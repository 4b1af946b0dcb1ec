//! Conservation (RFC 28, 30): what was sent is received, or got lost in one of the ways that the specifications
//! allow, as the [ledger](super::ledger) knows them, on the very connection it was for. With `loss = "none"`, nothing may get lost at all.

use super::Case;
use super::entry::Fate;
use super::ledger::Ledger;
use crate::scenario::LossRule;
use seaworthy_engine::Violation;

/// Finds messages that vanished.
pub fn check(case: &Case<'_>) -> Vec<Violation> {
    let ledger = Ledger::of(case);
    let strict = case.plan.scenario.expect.loss == LossRule::None;
    let mut violations = Vec::new();
    for entry in &ledger.entries {
        let why = match &entry.fate {
            Fate::Received | Fate::Kept | Fate::NotSent => continue,
            Fate::Lost(_) if !strict => continue,
            Fate::Lost(why) => format!("{why}, but the scenario allows no loss"),
            Fate::Missing(why) => (*why).to_owned(),
        };
        let what = if entry.answer { "the answer to " } else { "" };
        let sent = if entry.relayed { "passed on" } else { "sent" };
        let event = &case.trace.events[entry.sent];
        violations
            .push(event.violation(format!("{what}{} was {sent} and never received: {why}", entry.message)));
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::super::tests::{
        BROKER, PIPELINE, REQUESTS, answered, found, found_in, message, nothing_found, nothing_found_in,
        received, relayed, sent, trace,
    };
    use super::*;
    use seaworthy_sim::trace::wire::WireFrame;
    use seaworthy_sim::trace::{Direction, EventKind, Phase, RelayStep};

    type Line = (&'static str, &'static str, EventKind);

    const PUSH: (&str, &str) = ("source", "push");
    const PULL: (&str, &str) = ("worker-1", "pull-1");
    const OTHER: (&str, &str) = ("worker-2", "pull-2");
    const REQ: (&str, &str) = ("client", "req");
    const REP: (&str, &str) = ("server", "rep");

    fn at(place: (&'static str, &'static str), what: EventKind) -> Line {
        (place.0, place.1, what)
    }

    fn passes(name: &str, stream: u64, dir: Direction) -> EventKind {
        let frame = WireFrame::Message { bytes: 64, more: false, of: Some(message(name)), text: None };
        EventKind::Frame { stream, dir, frame }
    }

    fn left(name: &str, stream: u64) -> EventKind {
        passes(name, stream, Direction::Out)
    }

    fn arrived(name: &str, stream: u64) -> EventKind {
        passes(name, stream, Direction::In)
    }

    fn closed(stream: u64) -> EventKind {
        EventKind::StreamEnded { stream, how: "closed".into() }
    }

    /// A stream from its connecting end, odd, to its accepting end, the next number: both have seen the other's READY.
    fn connection(
        from: (&'static str, &'static str),
        to: (&'static str, &'static str),
        stream: u64,
    ) -> Vec<Line> {
        let ready = WireFrame::Command { name: "READY".into(), bytes: 0, topic: None };
        let shaken = |stream| EventKind::Frame { stream, dir: Direction::In, frame: ready.clone() };
        vec![
            at(from, EventKind::Stream { stream, peer: None }),
            at(to, EventKind::Stream { stream: stream + 1, peer: Some(stream) }),
            at(from, shaken(stream)),
            at(to, shaken(stream + 1)),
        ]
    }

    /// PUSH connected to both PULLs, by its streams 4 and 6.
    fn pipeline() -> Vec<Line> {
        [connection(PULL, PUSH, 3), connection(OTHER, PUSH, 5)].concat()
    }

    fn pushes(numbers: std::ops::Range<usize>) -> Vec<Line> {
        numbers.map(|n| at(PUSH, sent(&format!("push#{n}")))).collect()
    }

    const NEVER_LEFT: &str = "it never left, and no connection that broke can have had it queued";

    #[test]
    fn a_message_that_vanishes_is_a_violation() {
        nothing_found(check, &trace(&[at(PUSH, sent("push#0")), at(PULL, received("push#0"))]));
        found(
            check,
            &trace(&[at(PUSH, sent("push#0"))]),
            "push#0 was sent and never received: it never left",
        );
    }

    #[test]
    fn a_loss_on_a_connection_that_broke_is_legal_and_on_another_is_not() {
        let way = |ends: u64| {
            let sending = [at(PUSH, sent("push#0")), at(PUSH, left("push#0", 4)), at(PULL, closed(ends))];
            [pipeline(), sending.to_vec()].concat()
        };
        nothing_found(check, &trace(&way(4)));
        nothing_found(check, &trace(&way(3)));
        found(check, &trace(&way(5)), "the connection it left on never broke");
    }

    #[test]
    fn what_had_arrived_before_its_connection_broke_is_not_lost_with_it() {
        let then = |lines: &[Line]| {
            let sending = [pushes(0..2), vec![at(PUSH, left("push#0", 4)), at(PUSH, left("push#1", 4))]];
            let arriving = [at(PULL, arrived("push#0", 3)), at(PULL, arrived("push#1", 3))];
            trace(&[pipeline(), sending.concat(), arriving.to_vec(), lines.to_vec()].concat())
        };
        let taken = at(PULL, received("push#1"));
        let broken = at(PULL, closed(3));
        found(
            check,
            &then(&[taken.clone(), broken.clone()]),
            "push#0 was sent and never received: it had arrived",
        );
        // The last that was read off a connection may not have been decoded when it broke.
        nothing_found(check, &then(&[at(PULL, received("push#0")), broken.clone()]));
        let crashed = ("worker-1", "", EventKind::Crashed { how: "process".into() });
        nothing_found(check, &then(&[broken, crashed]));
    }

    #[test]
    fn a_queue_goes_with_the_connection_it_was_for_and_with_no_other() {
        let queued = at(PUSH, sent("push#0"));
        let lose = |before: &[Line], after: &[Line]| {
            trace(&[pipeline(), before.to_vec(), vec![queued.clone()], after.to_vec()].concat())
        };
        nothing_found(check, &lose(&[], &[at(PUSH, closed(4))]));
        found(check, &lose(&[at(PUSH, closed(4))], &[]), NEVER_LEFT);
        // What left later on the same connection shows that the message was not queued there.
        let later = [at(PUSH, sent("push#1")), at(PUSH, left("push#1", 4)), at(PULL, received("push#1"))];
        found(check, &lose(&[], &[&later[..], &[at(PUSH, closed(4))]].concat()), NEVER_LEFT);
        nothing_found(check, &lose(&[], &[&later[..], &[at(PUSH, closed(6))]].concat()));
        // A connection that came after it was sent cannot have had it.
        let newcomer = [connection(PULL, PUSH, 7), vec![at(PUSH, closed(8))]].concat();
        found(check, &lose(&[], &newcomer), NEVER_LEFT);
    }

    #[test]
    fn a_broken_connection_takes_along_its_pipe_and_a_batch_and_no_more() {
        // The pipe holds two messages; a batch is full with the eleventh of 100,000 bytes.
        let lose = |count, closing: &[u64]| {
            let ends = closing.iter().map(|stream| at(PUSH, closed(*stream))).collect();
            trace(&[pipeline(), pushes(0..count), ends].concat())
        };
        nothing_found(check, &lose(13, &[4]));
        found(check, &lose(14, &[4]), NEVER_LEFT);
        nothing_found(check, &lose(26, &[4, 6]));
        found(check, &lose(27, &[4, 6]), NEVER_LEFT);
    }

    #[test]
    fn a_connecting_socket_loses_one_batch_at_most() {
        let lose = |count: usize| {
            let sending = (0..count).map(|n| at(REQ, sent(&format!("req#{n}")))).collect();
            trace(&[connection(REQ, REP, 1), sending, vec![at(REQ, closed(1))]].concat())
        };
        nothing_found_in(REQUESTS, check, &lose(11));
        found_in(REQUESTS, check, &lose(12), NEVER_LEFT);
    }

    #[test]
    fn what_a_crashed_sender_had_not_delivered_is_lost_legally() {
        let crashed = ("source", "", EventKind::Crashed { how: "power".into() });
        nothing_found(check, &trace(&[at(PUSH, sent("push#0")), crashed.clone()]));
        found(check, &trace(&[crashed, at(PUSH, sent("push#0"))]), NEVER_LEFT);
    }

    #[test]
    fn where_no_loss_is_allowed_a_legal_one_is_a_violation_too() {
        let strict = format!("{PIPELINE}\nexpect = {{ loss = \"none\" }}");
        let lost = trace(&[pipeline(), pushes(0..1), vec![at(PUSH, closed(4))]].concat());
        found_in(&strict, check, &lost, "but the scenario allows no loss");
    }

    #[test]
    fn what_an_application_never_reads_is_no_loss() {
        let deaf = PIPELINE.replace("{ socket = \"pull\", role = \"receive\" },", "");
        nothing_found_in(&deaf, check, &trace(&[at(PUSH, sent("push#0"))]));
    }

    #[test]
    fn a_message_whose_send_was_dropped_need_not_arrive_unless_it_left() {
        let dropped =
            at(PUSH, EventKind::Cancelled { operation: "send".into(), message: Some(message("push#0")) });
        nothing_found(check, &trace(std::slice::from_ref(&dropped)));
        let left = [pipeline(), vec![dropped, at(PUSH, left("push#0", 4))]].concat();
        found(check, &trace(&left), "the connection it left on never broke");
    }

    #[test]
    fn what_happens_while_sockets_close_excuses_nothing() {
        let closing = ("", "", EventKind::Phase { phase: Phase::Closing });
        let lost = [pipeline(), pushes(0..1), vec![closing, at(PUSH, closed(4))]].concat();
        found(check, &trace(&lost), NEVER_LEFT);
    }

    #[test]
    fn an_answer_that_vanishes_is_a_violation_unless_the_request_was_given_up() {
        let asked = [
            connection(REQ, REP, 1),
            vec![
                at(REQ, sent("req#0")),
                at(REQ, left("req#0", 1)),
                at(REP, arrived("req#0", 2)),
                at(REP, received("req#0")),
            ],
        ]
        .concat();
        let answer = at(REP, answered("req#0"));
        let lost = [&asked[..], std::slice::from_ref(&answer)].concat();
        found_in(REQUESTS, check, &trace(&lost), "the answer to req#0 was sent and never received");
        let given_up = at(REQ, EventKind::GaveUp { message: message("req#0") });
        nothing_found_in(REQUESTS, check, &trace(&[&lost[..], &[given_up]].concat()));
        let got = at(REQ, received("req#0"));
        nothing_found_in(REQUESTS, check, &trace(&[&lost[..], &[got]].concat()));
        // Nobody was there any more when the answer came.
        let too_late = [&asked[..], &[at(REP, closed(2)), answer]].concat();
        nothing_found_in(REQUESTS, check, &trace(&too_late));
    }

    #[test]
    fn a_message_that_a_full_pipe_refuses_is_lost_legally_only_while_the_pipe_is_full() {
        let routed = REQUESTS
            .replace(
                "\"REP\", bind = [\"tcp://*:1\"]",
                "\"ROUTER\", bind = [\"tcp://*:1\"], options = { sndhwm = 2 }",
            )
            .replace("\"REQ\",", "\"DEALER\", options = { routing_id = \"req\" },")
            .replace(
                "socket = \"req\", role = \"request\", count = 9",
                "socket = \"req\", role = \"receive\"",
            )
            .replace("role = \"reply\"", "role = \"send\", count = 9, to = [\"req\"]");
        let send = |n: usize| {
            let message = message(&format!("rep#{n}"));
            let what = EventKind::Sent {
                message,
                parts: 1,
                bytes: 64,
                topic: None,
                to: Some("req".into()),
                answer: false,
            };
            at(REP, what)
        };
        let get = |n: usize| {
            let name = format!("rep#{n}");
            vec![at(REP, left(&name, 2)), at(REQ, arrived(&name, 1)), at(REQ, received(&name))]
        };
        let full = [connection(REQ, REP, 1), vec![send(0), send(1), send(2)], get(0), get(1)].concat();
        nothing_found_in(&routed, check, &trace(&full));
        // What was dropped takes no room.
        let later = [full, vec![send(3), send(4)], get(4)].concat();
        found_in(&routed, check, &trace(&later), "rep#3 was sent and never received");
    }

    const FRONT: (&str, &str) = ("broker", "front");
    const BACK: (&str, &str) = ("broker", "back");
    const LAST: (&str, &str) = ("worker", "pull");

    fn taken(n: usize) -> Line {
        at(FRONT, relayed(RelayStep::Taken, &format!("push#{n}")))
    }

    fn given(n: usize) -> Line {
        at(BACK, relayed(RelayStep::Given, &format!("push#{n}")))
    }

    #[test]
    fn each_leg_through_a_proxy_is_accounted_for() {
        let whole = [at(PUSH, sent("push#0")), taken(0), given(0), at(LAST, received("push#0"))];
        nothing_found_in(BROKER, check, &trace(&whole));
        found_in(BROKER, check, &trace(&whole[..1]), "push#0 was sent and never received");
        found_in(BROKER, check, &trace(&whole[..2]), "a proxy took it and did not pass it on");
        found_in(BROKER, check, &trace(&whole[..3]), "push#0 was passed on and never received");
        let back = at(FRONT, relayed(RelayStep::PutBack, "push#0"));
        found_in(
            BROKER,
            check,
            &trace(&[&whole[..2], &[back]].concat()),
            "push#0 was sent and never received",
        );
    }

    #[test]
    fn a_connection_excuses_what_was_on_it_and_not_what_was_before_or_beyond_it() {
        let up = [connection(PUSH, FRONT, 1), connection(LAST, BACK, 3)].concat();
        let on_first = [at(PUSH, sent("push#0")), at(PUSH, left("push#0", 1))];
        let on_second = [at(FRONT, arrived("push#0", 2)), taken(0), given(0), at(BACK, left("push#0", 4))];
        let way = |events: &[Line]| trace(&[&up[..], events].concat());
        nothing_found_in(BROKER, check, &way(&[&on_first[..], &[at(PUSH, closed(1))]].concat()));
        found_in(
            BROKER,
            check,
            &way(&[&on_first[..], &[at(LAST, closed(3))]].concat()),
            "the connection it left on never broke",
        );
        let both = [&on_first[..], &on_second[..]].concat();
        nothing_found_in(BROKER, check, &way(&[&both[..], &[at(LAST, closed(3))]].concat()));
        found_in(
            BROKER,
            check,
            &way(&[&both[..], &[at(PUSH, closed(1))]].concat()),
            "push#0 was passed on and never received: the connection it left on never broke",
        );
    }

    #[test]
    fn what_a_proxy_had_in_hand_dies_with_its_host_only() {
        let crashed = |host| (host, "", EventKind::Crashed { how: "process".into() });
        let in_hand = [at(PUSH, sent("push#0")), taken(0)];
        let then = |last: Line| trace(&[&in_hand[..], &[last]].concat());
        nothing_found_in(BROKER, check, &then(crashed("broker")));
        found_in(BROKER, check, &then(crashed("worker")), "a proxy took it and did not pass it on");
        nothing_found_in(BROKER, check, &then(at(BACK, relayed(RelayStep::Refused, "push#0"))));
    }
}
