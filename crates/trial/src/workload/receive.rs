//! Receives messages and takes each apart, trusting nothing.

use seaworthy::{Error, Message, Network};

use super::cancel::{cancellable, dropped, timed_out};
use super::workload_context::{SocketContext, WorkloadContext};
use crate::payload::{Stamp, read_message};
use crate::scenario::{Plan, SocketKind, Workload};
use seaworthy_sim::script::CancelOperation;
use seaworthy_sim::trace::{EventKind, Phase};

pub(super) async fn run<N: Network>(socket_context: &SocketContext<N>, workload: &Workload) {
    while let Some((message, _)) = next(socket_context).await {
        take_down(socket_context, &message);
        if let Some((topic, ended)) = notice(socket_context, &message) {
            grant(socket_context, topic, ended);
        }
        socket_context.pause(workload).await;
    }
}

/// The next message, when the application may read; `None` when the run ends. Gives its stamp, if it has one.
pub(super) async fn next<N: Network>(socket_context: &SocketContext<N>) -> Option<(Message, Option<Stamp>)> {
    let limited = socket_context.run.plan().socket(socket_context.name.number).options.rcvtimeo.is_some();
    loop {
        socket_context.run.before(Phase::Closing, socket_context.run.may_read(&socket_context.name)).await?;
        let receiving = std::pin::pin!(cancellable(
            socket_context,
            CancelOperation::Receive,
            socket_context.socket.recv()
        ));
        match socket_context.run.before(Phase::Closing, receiving).await? {
            None => dropped(socket_context, CancelOperation::Receive, None).await,
            Some(Err(Error::WouldBlock)) if limited => {
                timed_out(socket_context, CancelOperation::Receive, None).await
            }
            Some(Ok(message)) => {
                let stamp = read_message(&message).ok().map(|(_, stamp)| stamp);
                return Some((message, stamp));
            }
            Some(Err(error)) => {
                socket_context.failed("receive", &error);
                return None;
            }
        }
    }
}

/// Records a received message: whole, or what is wrong with it.
pub(super) fn take_down<N: Network>(socket_context: &WorkloadContext<N>, message: &Message) {
    let plan = socket_context.run.plan();
    let kind = plan.socket(socket_context.name.number).kind;
    let first = message.frame(0).unwrap_or_default();
    if let Some((topic, ended)) = notice(socket_context, message) {
        return socket_context.record(EventKind::Noticed { topic, ended });
    }
    let sender =
        || (kind == SocketKind::Router).then(|| socket_context.run.peer_name(&socket_context.name, first));
    let (before, stamp) = match read_message(message) {
        Ok(read) => read,
        Err(_) if is_probe(plan, socket_context.name.number, message) => {
            return socket_context.record(EventKind::Probed { from: sender() });
        }
        Err(_) if is_welcome(plan, socket_context.name.number, message) => {
            return socket_context
                .record(EventKind::Welcomed { text: String::from_utf8_lossy(first).into_owned() });
        }
        Err(torn) => return socket_context.record(EventKind::Torn { problem: torn.to_string() }),
    };
    let topic = (kind.subscribes() && before == 1).then(|| String::from_utf8_lossy(first).into_owned());
    let from = if before > 0 { sender() } else { None };
    let what = EventKind::Received {
        message: socket_context.run.message_name(stamp),
        parts: u8::try_from(message.len() - before).unwrap_or(u8::MAX),
        bytes: message.byte_len() as u64,
        topic,
        from,
    };
    socket_context.run.received(&socket_context.name, what);
}

/// The topic that an XPUB hears is subscribed to, or is no longer: then true.
fn notice<N: Network>(socket_context: &WorkloadContext<N>, message: &Message) -> Option<(String, bool)> {
    if socket_context.run.plan().socket(socket_context.name.number).kind != SocketKind::XPub
        || read_message(message).is_ok()
    {
        return None;
    }
    match (message.len(), message.frame(0)?) {
        (1, [kind @ (0 | 1), topic @ ..]) => Some((String::from_utf8_lossy(topic).into_owned(), *kind == 0)),
        _ => None,
    }
}

/// An XPUB that is to decide grants what is asked for.
fn grant<N: Network>(socket_context: &SocketContext<N>, topic: String, ended: bool) {
    if socket_context.run.plan().socket(socket_context.name.number).options.xpub_manual != Some(true) {
        return;
    }
    let done = if ended {
        socket_context.socket.unsubscribe(&topic)
    } else {
        socket_context.socket.subscribe(&topic)
    };
    match done {
        Ok(()) => socket_context.record(EventKind::Granted { topic, ended }),
        Err(error) => socket_context.failed("grant", &error),
    }
}

/// Whether this is what a publisher that the socket may be connected to sends first.
fn is_welcome(plan: &Plan, socket: usize, message: &Message) -> bool {
    let welcomes = |peer: usize| plan.socket(peer).options.xpub_welcome_msg.as_deref().map(str::as_bytes);
    message.len() == 1 && plan.peers(socket).into_iter().any(|peer| welcomes(peer) == message.frame(0))
}

/// Whether this is what a peer with `probe_router` sends when it connects: an empty message.
fn is_probe(plan: &Plan, socket: usize, message: &Message) -> bool {
    let probes = |peer: usize| plan.socket(peer).options.probe_router == Some(true);
    let envelope = usize::from(plan.socket(socket).kind == SocketKind::Router);
    plan.peers(socket).into_iter().any(probes)
        && message.len() > envelope
        && message.frames()[envelope..].iter().all(|frame| frame.is_empty())
}
