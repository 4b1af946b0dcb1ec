//! Asks and answers: REQ in lockstep, REP and ROUTER with the very frames they were sent.

use seaworthy::{Message, Network};

use super::receive::{next, take_down};
use super::run_state::first;
use super::send::{Sending, fill, next_probe, send};
use super::workload_context::SocketContext;
use crate::scenario::{Plan, Workload};
use seaworthy_sim::script::draw::Draw;
use seaworthy_sim::trace::{EventKind, Phase};

/// Sends a request, waits for its reply, and so on: `count` times, and then probes once everything is healed.
pub(super) async fn ask<N: Network>(socket_context: &SocketContext<N>, workload: &Workload) {
    let count = Plan::count(workload);
    while socket_context.run.phase() < Phase::Draining {
        let stamp = socket_context.run.next_stamp(&socket_context.name);
        if stamp.sequence >= count {
            socket_context.run.done(&socket_context.name, count);
            let Some(()) = next_probe(socket_context).await else { return };
        }
        let mut message = Message::default();
        let parts = fill(&mut message, workload, stamp);
        let request = socket_context.run.message_name(stamp);
        let bytes = message.byte_len() as u64;
        match socket_context.run.before(Phase::Draining, send(socket_context, message, stamp)).await {
            None => return,
            Some(Sending::Done(Ok(()))) => {}
            Some(Sending::Done(Err(error))) => {
                socket_context.failed("send", &error);
                return;
            }
            Some(Sending::Dropped) => {
                socket_context.run.skip(&socket_context.name);
                continue;
            }
            Some(Sending::TimedOut) => continue,
        }
        let what =
            EventKind::Sent { message: request.clone(), parts, bytes, topic: None, to: None, answer: false };
        socket_context.run.sent(&socket_context.name, what);
        match workload.timeout.map(Draw::value) {
            None => match next(socket_context).await {
                Some((reply, _)) => take_down(socket_context, &reply),
                None => return,
            },
            Some(timeout) => {
                let expiry = socket_context.network.sleep_until(socket_context.network.now() + timeout.0);
                match first(expiry, next(socket_context)).await {
                    Some(Some((reply, _))) => take_down(socket_context, &reply),
                    Some(None) => return,
                    None => socket_context.record(EventKind::GaveUp { message: request }),
                }
            }
        }
        if stamp.sequence < count {
            socket_context.pause(workload).await;
        }
    }
}

/// Answers every message with its own frames, envelope included.
pub(super) async fn answer<N: Network>(socket_context: &SocketContext<N>, workload: &Workload) {
    while let Some((message, stamp)) = next(socket_context).await {
        take_down(socket_context, &message);
        socket_context.pause(workload).await;
        let Some(stamp) = stamp else { continue };
        let what = EventKind::Sent {
            message: socket_context.run.message_name(stamp),
            parts: u8::try_from(message.len()).unwrap_or(u8::MAX),
            bytes: message.byte_len() as u64,
            topic: None,
            to: None,
            answer: true,
        };
        loop {
            match socket_context
                .run
                .before(Phase::Closing, send(socket_context, message.clone(), stamp))
                .await
            {
                None => return,
                Some(Sending::Done(Ok(()))) => socket_context.run.sent(&socket_context.name, what),
                Some(Sending::Done(Err(error))) => socket_context.failed("send", &error),
                // Sending a reply waits for nobody: what was dropped had not begun.
                Some(Sending::Dropped | Sending::TimedOut) => continue,
            }
            break;
        }
    }
}
