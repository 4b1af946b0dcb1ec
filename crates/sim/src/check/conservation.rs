//! Conservation (RFC 28, 30): what was sent is received, or got lost in one of the ways that the specifications
//! allow, as the [ledger](super::ledger) knows them. With `loss = "none"`, nothing may get lost at all.

use super::ledger::{Fate, Ledger};
use super::{Case, Violation};
use crate::scenario::LossRule;

/// Finds messages that vanished.
pub fn check(case: &Case<'_>) -> Vec<Violation> {
    let ledger = Ledger::of(case);
    let strict = case.plan.scenario.expect.loss == LossRule::None;
    let mut violations = Vec::new();
    for entry in &ledger.entries {
        let why = match &entry.fate {
            Fate::Received | Fate::Kept => continue,
            Fate::Lost(_) if !strict => continue,
            Fate::Lost(why) => format!("{why}, but the scenario allows no loss"),
            Fate::Missing => "nothing that happened allows that".to_owned(),
        };
        let what = if entry.answer { "the answer to " } else { "" };
        let event = &case.trace.events[entry.sent];
        violations.push(Violation::at(
            event,
            format!("{what}{} was sent and never received: {why}", entry.message),
        ));
    }
    violations.extend(ledger.lost_batches(case));
    violations
}

#[cfg(test)]
mod tests {
    use super::super::tests::{
        PIPELINE, REQUESTS, answered, found, found_in, message, nothing_found, nothing_found_in, received,
        sent, trace,
    };
    use super::*;
    use crate::trace::wire::WireFrame;
    use crate::trace::{Direction, Phase, What};

    const PUSH: (&str, &str) = ("source", "push");
    const PULL: (&str, &str) = ("worker-1", "pull-1");

    fn at(place: (&'static str, &'static str), what: What) -> (&'static str, &'static str, What) {
        (place.0, place.1, what)
    }

    fn left(name: &str, stream: u64) -> What {
        let frame = WireFrame::Message { bytes: 64, more: false, of: Some(message(name)) };
        What::Frame { stream, dir: Direction::Out, frame }
    }

    fn ended(stream: u64) -> What {
        What::StreamEnded { stream, how: "reset".into() }
    }

    fn disconnected() -> What {
        What::Disconnected { endpoint: "tcp://*:1".into(), reason: "reset".into(), name: None }
    }

    #[test]
    fn a_message_that_vanishes_is_a_violation() {
        nothing_found(check, &trace(&[at(PUSH, sent("push#0")), at(PULL, received("push#0"))]));
        found(check, &trace(&[at(PUSH, sent("push#0"))]), "push#0 was sent and never received: nothing");
    }

    #[test]
    fn a_loss_on_a_connection_that_broke_is_legal_and_on_another_is_not() {
        let opened = [
            at(PUSH, What::Stream { stream: 4, peer: Some(3) }),
            at(PUSH, What::Stream { stream: 6, peer: Some(5) }),
        ];
        let way = |ends: u64| {
            [&opened[..], &[at(PUSH, sent("push#0")), at(PUSH, left("push#0", 4)), at(PULL, ended(ends))]]
                .concat()
        };
        nothing_found(check, &trace(&way(4)));
        nothing_found(check, &trace(&way(3)));
        found(check, &trace(&way(5)), "nothing that happened allows that");
    }

    #[test]
    fn a_queue_may_go_with_a_connection_that_breaks_later_but_not_with_one_that_broke_before() {
        nothing_found(check, &trace(&[at(PUSH, sent("push#0")), at(PUSH, disconnected())]));
        found(check, &trace(&[at(PUSH, disconnected()), at(PUSH, sent("push#0"))]), "nothing that happened");
    }

    #[test]
    fn what_a_crashed_sender_had_not_delivered_is_lost_legally() {
        let crashed = ("source", "", What::Crashed { how: "power".into() });
        nothing_found(check, &trace(&[at(PUSH, sent("push#0")), crashed.clone()]));
        found(check, &trace(&[crashed, at(PUSH, sent("push#0"))]), "nothing that happened");
    }

    #[test]
    fn where_no_loss_is_allowed_a_legal_one_is_a_violation_too() {
        let strict = format!("{PIPELINE}\nexpect = {{ loss = \"none\" }}");
        let lost = trace(&[at(PUSH, sent("push#0")), at(PUSH, disconnected())]);
        found_in(&strict, check, &lost, "but the scenario allows no loss");
    }

    #[test]
    fn what_an_application_never_reads_is_no_loss() {
        let deaf = PIPELINE.replace("{ socket = \"pull\", role = \"receive\" },", "");
        nothing_found_in(&deaf, check, &trace(&[at(PUSH, sent("push#0"))]));
    }

    #[test]
    fn what_happens_while_sockets_close_excuses_nothing() {
        let closing = ("", "", What::Phase { phase: Phase::Closing });
        found(check, &trace(&[at(PUSH, sent("push#0")), closing, at(PUSH, disconnected())]), "nothing that");
    }

    #[test]
    fn a_connecting_socket_loses_one_batch_at_most() {
        let req = ("client", "req");
        let lose = |count: usize| {
            let mut events: Vec<_> = (0..count).map(|n| at(req, sent(&format!("req#{n}")))).collect();
            events.push(at(req, disconnected()));
            trace(&events)
        };
        // Each is 100,000 bytes; a batch of 128 KiB and one message more are excused.
        nothing_found_in(REQUESTS, check, &lose(2));
        found_in(REQUESTS, check, &lose(3), "300000 bytes that were queued got lost with 1 connections");
    }

    #[test]
    fn an_answer_that_vanishes_is_a_violation_unless_the_request_was_given_up() {
        let asked = [at(("client", "req"), sent("req#0")), at(("server", "rep"), received("req#0"))];
        let answer = [at(("server", "rep"), answered("req#0"))];
        let lost = [&asked[..], &answer].concat();
        found_in(REQUESTS, check, &trace(&lost), "the answer to req#0 was sent and never received");
        let given_up = at(("client", "req"), What::GaveUp { message: message("req#0") });
        nothing_found_in(REQUESTS, check, &trace(&[&lost[..], &[given_up]].concat()));
        let got = at(("client", "req"), received("req#0"));
        nothing_found_in(REQUESTS, check, &trace(&[&lost[..], &[got]].concat()));
    }
}
