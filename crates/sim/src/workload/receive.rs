//! Receives messages and takes each apart, trusting nothing.

use seaworthy::{Message, Network};

use super::host::Actor;
use super::payload::{Stamp, read_message};
use crate::scenario::{SocketKind, Workload};
use crate::trace::{Phase, What};

pub(super) async fn run<N: Network>(actor: &Actor<N>, workload: &Workload) {
    while let Some((message, _)) = next(actor).await {
        take_down(actor, &message);
        actor.pause(workload).await;
    }
}

/// The next message, when the application may read; `None` when the run ends. Gives its stamp, if it has one.
pub(super) async fn next<N: Network>(actor: &Actor<N>) -> Option<(Message, Option<Stamp>)> {
    actor.stage.before(Phase::Closing, actor.stage.may_read(&actor.name)).await?;
    match actor.stage.before(Phase::Closing, actor.socket.recv()).await? {
        Ok(message) => {
            let stamp = read_message(&message).ok().map(|(_, stamp)| stamp);
            Some((message, stamp))
        }
        Err(error) => {
            actor.failed("receive", &error);
            None
        }
    }
}

/// Records a received message: whole, or what is wrong with it.
pub(super) fn take_down<N: Network>(actor: &Actor<N>, message: &Message) {
    let (before, stamp) = match read_message(message) {
        Ok(read) => read,
        Err(torn) => return actor.record(What::Torn { problem: torn.to_string() }),
    };
    let kind = actor.stage.plan().socket(actor.name.number).kind;
    let first = message.frame(0).unwrap_or_default();
    let topic = (kind == SocketKind::Sub && before == 1).then(|| String::from_utf8_lossy(first).into_owned());
    let from = (kind == SocketKind::Router && before >= 1).then(|| actor.stage.peer_name(&actor.name, first));
    let what = What::Received {
        message: actor.stage.message_name(stamp),
        parts: u8::try_from(message.len() - before).unwrap_or(u8::MAX),
        bytes: message.byte_len() as u64,
        topic,
        from,
    };
    actor.stage.received(actor.network.now(), &actor.name, what);
}
