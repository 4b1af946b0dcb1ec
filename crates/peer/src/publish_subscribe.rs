//! Fan-out.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::try_join_all;
use seaworthy::{CompioNetwork, PubSocket, SubSocket};

use crate::arguments::END_MARKER;
use crate::meter::Tally;
use crate::report::ready;
use crate::{Outcome, Peer};

/// Which side of a connection a publisher is.
pub(crate) enum Side {
    Binds,
    Connects,
}

/// Publishes once a line arrives on the standard input, then the end marker until killed.
pub(crate) async fn publish(peer: &Peer, side: Side) -> Outcome {
    let options = peer.options().xpub_nodrop(peer.arguments.no_drop);
    let publisher = PubSocket::with_options(&peer.context, options)?;
    match side {
        Side::Binds => publisher.bind(&peer.arguments.endpoint).map(drop)?,
        Side::Connects => publisher.connect(&peer.arguments.endpoint)?,
    }
    ready();
    // Subscribers are served meanwhile, so this thread must not wait for the line.
    let line = compio::runtime::spawn_blocking(|| std::io::stdin().read_line(&mut String::new()));
    line.await.map_err(|_| "the thread that reads the standard input panicked")??;
    let payload = peer.arguments.payload();
    for _ in 0..peer.arguments.count {
        publisher.send(payload.clone()).await?;
    }
    compio::time::sleep(Duration::from_millis(300)).await;
    loop {
        publisher.send(Bytes::from_static(END_MARKER)).await?;
        compio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub(crate) async fn subscribe(peer: &Peer) -> Outcome {
    let mut subscribers = Vec::with_capacity(peer.arguments.subscribers);
    for _ in 0..peer.arguments.subscribers {
        let subscriber = SubSocket::with_options(&peer.context, peer.options())?;
        subscriber.connect(&peer.arguments.endpoint)?;
        subscriber.subscribe("")?;
        subscribers.push(subscriber);
    }
    ready();
    let tallies = try_join_all(subscribers.iter().map(count)).await?;
    Tally::finish(&tallies, &peer.arguments);
    Ok(())
}

/// Counts until the end marker comes.
async fn count(subscriber: &SubSocket) -> Result<Tally, seaworthy::Error> {
    let clock = CompioNetwork::new();
    let mut tally = Tally::default();
    while tally.count(&subscriber.recv().await?, &clock) {}
    Ok(tally)
}
