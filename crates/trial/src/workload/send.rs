//! Sends messages: `count` of them as scripted, and then, once everything is healed, probes until every pair of
//! the run has heard from each other.

use std::pin::pin;
use std::task::Waker;
use std::time::Duration;

use bytes::Bytes;
use seaworthy::{Error, Message, Network};

use super::cancel::{cancellable, dropped, timed_out};
use super::run_state::first;
use super::waiting::unless_waiting;
use super::workload_context::{SocketContext, WorkloadContext};
use crate::payload::{Stamp, stamp_message};
use crate::scenario::{Plan, Role, SocketKind, Workload};
use seaworthy_sim::script::CancelOperation;
use seaworthy_sim::script::quantity::{ByteCount, Count};
use seaworthy_sim::trace::{EventKind, Phase};

/// Bytes of a payload frame when the scenario does not say.
const SIZE_DEFAULT: u64 = 64;

/// Pause between probes.
const PROBE_INTERVAL: Duration = Duration::from_millis(100);

pub(super) async fn run<N: Network>(socket_context: &SocketContext<N>, workload: &Workload) {
    let count = Plan::count(workload);
    while socket_context.run.phase() < Phase::Draining {
        let stamp = socket_context.run.next_stamp(&socket_context.name);
        if stamp.sequence >= count {
            socket_context.run.done(&socket_context.name, count);
            let Some(()) = next_probe(socket_context).await else { return };
        }
        match send_one(socket_context, workload, stamp).await {
            None => return,
            Some(Sending::Done(Ok(()))) => {}
            Some(Sending::Done(Err(error))) => {
                socket_context.failed("send", &error);
                socket_context.network.sleep_until(socket_context.network.now() + PROBE_INTERVAL).await;
            }
            Some(Sending::Dropped) => socket_context.run.skip(&socket_context.name),
            Some(Sending::TimedOut) => continue,
        }
        if stamp.sequence < count {
            socket_context.pause(workload).await;
        }
    }
}

/// Waits until it is time for a probe; `None` when none is needed any more.
pub(super) async fn next_probe<N: Network>(socket_context: &WorkloadContext<N>) -> Option<()> {
    socket_context.run.reached(Phase::Healed).await;
    let tick = socket_context.network.sleep_until(socket_context.network.now() + PROBE_INTERVAL);
    socket_context.run.before(Phase::Draining, tick).await
}

/// Sends the message with this stamp; `None` when the time for sending was over before there was room.
async fn send_one<N: Network>(
    socket_context: &SocketContext<N>,
    workload: &Workload,
    stamp: Stamp,
) -> Option<Sending> {
    let plan = socket_context.run.plan();
    let turn = usize::try_from(stamp.sequence).unwrap_or(usize::MAX);
    let mut message = Message::default();
    let topic = (!workload.topics.is_empty()).then(|| workload.topics[turn % workload.topics.len()].clone());
    if let Some(topic) = &topic {
        message.push_back(topic.clone().into_bytes());
    }
    let to = (!workload.to.is_empty()).then(|| &workload.to[turn % workload.to.len()]);
    let to = to.and_then(|name| plan.socket_number(name));
    if let Some(to) = to {
        let identity = plan.socket(to).options.routing_id.clone().unwrap_or_default();
        message.push_back(identity.into_bytes());
    }
    let kind = plan.socket(socket_context.name.number).kind;
    if kind == SocketKind::Dealer && peers_need_delimiter(plan, socket_context.name.number) {
        message.push_back(Bytes::new());
    }
    let parts = fill(&mut message, workload, stamp);
    let what = EventKind::Sent {
        message: socket_context.run.message_name(stamp),
        parts,
        bytes: message.byte_len() as u64,
        topic,
        to: to.map(|to| plan.name(to).clone()),
        answer: false,
    };
    let sending = std::pin::pin!(send(socket_context, message, stamp));
    let sent = socket_context.run.before(Phase::Draining, sending).await?;
    if matches!(sent, Sending::Done(Ok(()))) {
        socket_context.run.sent(&socket_context.name, what);
    }
    Some(sent)
}

/// Appends the payload of the message with this stamp and gives its number of frames.
pub(super) fn fill(message: &mut Message, workload: &Workload, stamp: Stamp) -> u8 {
    let size = workload.size.as_ref().map_or(ByteCount(SIZE_DEFAULT), |size| size.turn(stamp.sequence)).0;
    let parts = workload.parts.as_ref().map_or(Count(1), |parts| parts.turn(stamp.sequence)).0;
    let parts = u8::try_from(parts).unwrap_or(u8::MAX);
    stamp_message(message, stamp, parts, usize::try_from(size).unwrap_or(usize::MAX));
    parts
}

/// How a send ended.
pub(super) enum Sending {
    /// The socket took the message, or said why not.
    Done(Result<(), Error>),
    /// There was no room within `sndtimeo`; the socket does not have the message.
    TimedOut,
    /// The application dropped it. Whether the socket has the message, it cannot know.
    Dropped,
}

/// Sends, and takes down when it has to wait: when time passes before there is room. Where time passes anyway, it waits
/// when somebody else has to wake it.
pub(super) async fn send<N: Network>(
    socket_context: &SocketContext<N>,
    message: Message,
    stamp: Stamp,
) -> Sending {
    let name = socket_context.run.message_name(stamp);
    let sending = cancellable(socket_context, CancelOperation::Send, socket_context.socket.send(message));
    let mut sending = pin!(sending);
    let taken = if socket_context.network.has_other_threads() {
        unless_waiting(sending.as_mut(), |task| after_io(socket_context, task)).await
    } else {
        let moment =
            socket_context.network.sleep_until(socket_context.network.now() + Duration::from_nanos(1));
        first(moment, sending.as_mut()).await
    };
    let sent = match taken {
        Some(sent) => sent,
        None => {
            socket_context.record(EventKind::Blocked { message: name.clone() });
            sending.await
        }
    };
    let limited = socket_context.run.plan().socket(socket_context.name.number).options.sndtimeo.is_some();
    match sent {
        None => {
            dropped(socket_context, CancelOperation::Send, Some(name)).await;
            Sending::Dropped
        }
        Some(Err(Error::WouldBlock)) if limited => {
            timed_out(socket_context, CancelOperation::Send, Some(name)).await;
            Sending::TimedOut
        }
        Some(result) => Sending::Done(result),
    }
}

/// Wakes a task when its runtime has done I/O. False if it has no doorbell that rings then.
fn after_io<N: Network>(socket_context: &SocketContext<N>, task: &Waker) -> bool {
    let doorbell = socket_context.network.doorbell().ok().flatten();
    doorbell.is_some_and(|doorbell| {
        doorbell.post(task.clone());
        true
    })
}

/// A REP expects what a REQ sends: an empty frame before the request.
fn peers_need_delimiter(plan: &Plan, socket: usize) -> bool {
    plan.peers(socket)
        .iter()
        .any(|peer| plan.socket(*peer).kind == SocketKind::Rep && plan.plays(*peer, Role::Reply))
}
