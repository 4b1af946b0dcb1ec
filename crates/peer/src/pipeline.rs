//! One-way traffic: the senders and the receivers.

use seaworthy::{DealerSocket, PullSocket, PushSocket, RouterSocket};

use crate::meter::OneWay;
use crate::report::{Unsupported, ready};
use crate::{Outcome, Peer, run_until_killed};

pub(crate) async fn push(peer: &Peer) -> Outcome {
    let push = PushSocket::with_options(&peer.context, peer.options())?;
    push.connect(&peer.arguments.endpoint)?;
    push_all(&push, peer).await
}

pub(crate) async fn push_all(push: &PushSocket, peer: &Peer) -> Outcome {
    let payload = peer.arguments.payload();
    for _ in 0..peer.arguments.count {
        push.send(payload.clone()).await?;
    }
    run_until_killed().await
}

pub(crate) async fn dealer(peer: &Peer) -> Outcome {
    let dealer = DealerSocket::with_options(&peer.context, peer.options())?;
    dealer.connect(&peer.arguments.endpoint)?;
    let payload = peer.arguments.payload();
    for _ in 0..peer.arguments.count {
        dealer.send(payload.clone()).await?;
    }
    run_until_killed().await
}

pub(crate) async fn pull(peer: &Peer) -> Outcome {
    let pull = PullSocket::with_options(&peer.context, peer.options())?;
    pull.bind(&peer.arguments.endpoint)?;
    ready();
    pull_all(&pull, peer).await
}

pub(crate) async fn pull_all(pull: &PullSocket, peer: &Peer) -> Outcome {
    let mut meter = OneWay::new(&peer.arguments);
    if peer.arguments.batch <= 1 {
        while meter.count(&pull.recv().await?)? {}
        return Ok(());
    }
    let mut messages = Vec::with_capacity(peer.arguments.batch);
    loop {
        pull.recv_batch(&mut messages, peer.arguments.batch).await?;
        for message in messages.drain(..) {
            if !meter.count(&message)? {
                return Ok(());
            }
        }
    }
}

pub(crate) async fn router(peer: &Peer) -> Outcome {
    let router = RouterSocket::with_options(&peer.context, peer.options())?;
    router.bind(&peer.arguments.endpoint)?;
    ready();
    let mut meter = OneWay::new(&peer.arguments);
    while meter.count(&router.recv().await?)? {}
    Ok(())
}

/// Drains a proxy.
pub(crate) async fn dealer_sink(peer: &Peer) -> Outcome {
    let dealer = DealerSocket::with_options(&peer.context, peer.options())?;
    dealer.connect(&peer.arguments.endpoint)?;
    ready();
    let mut meter = OneWay::new(&peer.arguments);
    while meter.count(&dealer.recv().await?)? {}
    Ok(())
}

/// Holds every peer that connects, so that its memory can be measured from outside.
pub(crate) async fn idle_server(peer: &Peer) -> Outcome {
    match peer.arguments.kind.as_str() {
        "pull" => {
            let pull = PullSocket::with_options(&peer.context, peer.options())?;
            pull.bind(&peer.arguments.endpoint)?;
            ready();
            loop {
                pull.recv().await?;
            }
        }
        "router" => {
            let router = RouterSocket::with_options(&peer.context, peer.options())?;
            router.bind(&peer.arguments.endpoint)?;
            ready();
            loop {
                router.recv().await?;
            }
        }
        kind => Err(Unsupported(format!("idle_server --kind {kind}")).into()),
    }
}
