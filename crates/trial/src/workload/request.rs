//! Asks and answers: REQ in lockstep, REP and ROUTER with the very frames they were sent.

use seaworthy::{Message, Network};

use super::player::SocketContext;
use super::receive::{next, take_down};
use super::run_state::first;
use super::send::{Sending, fill, next_probe, send};
use crate::scenario::{Plan, Workload};
use seaworthy_sim::script::draw::Draw;
use seaworthy_sim::trace::{EventKind, Phase};

/// Sends a request, waits for its reply, and so on: `count` times, and then probes once everything is healed.
pub(super) async fn ask<N: Network>(actor: &SocketContext<N>, workload: &Workload) {
    let count = Plan::count(workload);
    while actor.run.phase() < Phase::Draining {
        let stamp = actor.run.next_stamp(&actor.name);
        if stamp.sequence >= count {
            actor.run.done(&actor.name, count);
            let Some(()) = next_probe(actor).await else { return };
        }
        let mut message = Message::default();
        let parts = fill(&mut message, workload, stamp);
        let request = actor.run.message_name(stamp);
        let bytes = message.byte_len() as u64;
        match actor.run.before(Phase::Draining, send(actor, message, stamp)).await {
            None => return,
            Some(Sending::Done(Ok(()))) => {}
            Some(Sending::Done(Err(error))) => {
                actor.failed("send", &error);
                return;
            }
            Some(Sending::Dropped) => {
                actor.run.skip(&actor.name);
                continue;
            }
            Some(Sending::TimedOut) => continue,
        }
        let what =
            EventKind::Sent { message: request.clone(), parts, bytes, topic: None, to: None, answer: false };
        actor.run.sent(&actor.name, what);
        match workload.timeout.map(Draw::value) {
            None => match next(actor).await {
                Some((reply, _)) => take_down(actor, &reply),
                None => return,
            },
            Some(timeout) => {
                let expiry = actor.network.sleep_until(actor.network.now() + timeout.0);
                match first(expiry, next(actor)).await {
                    Some(Some((reply, _))) => take_down(actor, &reply),
                    Some(None) => return,
                    None => actor.record(EventKind::GaveUp { message: request }),
                }
            }
        }
        if stamp.sequence < count {
            actor.pause(workload).await;
        }
    }
}

/// Answers every message with its own frames, envelope included.
pub(super) async fn answer<N: Network>(actor: &SocketContext<N>, workload: &Workload) {
    while let Some((message, stamp)) = next(actor).await {
        take_down(actor, &message);
        actor.pause(workload).await;
        let Some(stamp) = stamp else { continue };
        let what = EventKind::Sent {
            message: actor.run.message_name(stamp),
            parts: u8::try_from(message.len()).unwrap_or(u8::MAX),
            bytes: message.byte_len() as u64,
            topic: None,
            to: None,
            answer: true,
        };
        loop {
            match actor.run.before(Phase::Closing, send(actor, message.clone(), stamp)).await {
                None => return,
                Some(Sending::Done(Ok(()))) => actor.run.sent(&actor.name, what),
                Some(Sending::Done(Err(error))) => actor.failed("send", &error),
                // Sending a reply waits for nobody: what was dropped had not begun.
                Some(Sending::Dropped | Sending::TimedOut) => continue,
            }
            break;
        }
    }
}
