//! XPUB (RFC 29; libzmq's test_xpub_manual, test_xpub_manual_last_value, test_xpub_nodrop, test_xpub_topic,
//! test_xpub_verbose, test_xpub_welcome_msg).

mod forwarding;
mod manual;
mod messages;
mod notices;
mod room;
mod welcome;

use seaworthy::{Endpoint, Error};

use super::fixture::{Outcome, Place, sockets::*, text};
use super::raw::RawPeer;

/// A subscriber that has shaken hands and whose subscriptions the publisher has taken in.
async fn subscriber(place: &Place, endpoint: &Endpoint, topics: &[&str]) -> RawPeer {
    let mut peer = RawPeer::connect_as(place, endpoint, "XSUB").await;
    subscribe(&mut peer, topics).await;
    peer
}

async fn subscribe(peer: &mut RawPeer, topics: &[&str]) {
    for topic in topics {
        peer.say_command("SUBSCRIBE", topic.as_bytes()).await;
    }
    peer.barrier().await;
}

async fn cancel(peer: &mut RawPeer, topics: &[&str]) {
    for topic in topics {
        peer.say_command("CANCEL", topic.as_bytes()).await;
    }
    peer.barrier().await;
}

/// The next messages are these notices: `+topic` for a subscription, `-topic` for the end of one.
async fn expect(publisher: &XPub, notices: &[&str]) -> Outcome {
    for notice in notices {
        let (sign, topic) = notice.split_at(1);
        let first = if sign == "+" { "\\x01" } else { "\\x00" };
        assert_eq!(text(&publisher.recv().await?), [format!("{first}{topic}")]);
    }
    Ok(())
}

/// Nothing waits to be received.
fn expect_nothing(publisher: &XPub) {
    let outcome = publisher.try_recv();
    assert!(matches!(outcome, Err(Error::WouldBlock)), "{outcome:?}");
}

/// What `script` gives, while `other` runs beside it.
async fn beside(script: impl Future<Output = Outcome>, other: impl Future<Output = ()>) -> Outcome {
    use futures_util::future::{Either, select};
    match select(std::pin::pin!(script), std::pin::pin!(other)).await {
        Either::Left((outcome, _)) => outcome,
        Either::Right(_) => Err("the forwarder ended".into()),
    }
}
