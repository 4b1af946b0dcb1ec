//! What a subscriber asks for, of publishers that do not listen.

use std::collections::BTreeSet;

use seaworthy::Options;

use super::fixture::{MS, SECOND, play, sockets::*};
use super::raw::{RawListener, RawPeer};

/// Subscriptions and cancellations that came, and what is subscribed to by now.
async fn heard(stage: &super::fixture::Fixture, peer: &mut RawPeer) -> (usize, BTreeSet<String>) {
    let (mut count, mut topics) = (0, BTreeSet::new());
    while let Some(frame) = stage.within(10 * SECOND, peer.frame()).await {
        count += 1;
        if let Some(topic) = frame.body.strip_prefix(b"\x09SUBSCRIBE") {
            topics.insert(topic.escape_ascii().to_string());
        } else if let Some(topic) = frame.body.strip_prefix(b"\x06CANCEL") {
            topics.remove(&topic.escape_ascii().to_string());
        }
    }
    (count, topics)
}

/// More than the kernels on the way hold.
const CHURN: usize = 200_000;

#[test]
fn a_publisher_that_does_not_read_is_owed_no_more_than_the_difference() {
    play(|stage| async move {
        let listener = RawListener::bind(&stage.server, 5555);
        let sub: Sub = stage.client.open();
        sub.subscribe("stays")?;
        sub.connect(stage.server.at(5555))?;
        let mut peer = listener.accept_as("XPUB").await;
        stage.pass(SECOND).await;
        for number in 0..CHURN {
            let topic = format!("{:04}", number % 1000);
            sub.subscribe(topic.clone())?;
            sub.unsubscribe(topic)?;
            if number % 100 == 0 {
                stage.pass(MS).await;
            }
        }
        sub.subscribe("at last")?;
        sub.unsubscribe("stays")?;
        let (count, topics) = heard(&stage, &mut peer).await;
        assert!(count < CHURN / 2, "{count} of {}", 2 * CHURN);
        assert_eq!(topics, BTreeSet::from(["at last".to_owned()]));
        Ok(())
    });
}

#[test]
fn a_publisher_of_this_process_that_does_not_listen_is_owed_no_more_either() {
    play(|stage| async move {
        let (publisher, xsub): (XPub, XSub) = (stage.server.open(), stage.server.open());
        publisher.bind("inproc://churn")?;
        xsub.connect("inproc://churn")?;
        stage.pass(MS).await;
        let topics: Vec<String> = (0..2000).map(|number| number.to_string()).collect();
        let subscribe = |topic: &String| xsub.send("\x01".to_owned() + topic);
        let cancel = |topic: &String| xsub.send("\0".to_owned() + topic);
        for topic in &topics {
            subscribe(topic).await?;
        }
        for topic in topics.iter().cycle().take(10_000) {
            cancel(topic).await?;
            subscribe(topic).await?;
        }
        for topic in &topics[1..] {
            cancel(topic).await?;
        }
        let waiting = stage.server.context().inproc_endpoints()[0].pipes[0].to_bound.queued.messages;
        assert!(waiting <= 1000, "{waiting} wait");
        let mut topics = BTreeSet::new();
        let mut notices = 0;
        while let Some(notice) = stage.within(SECOND, publisher.recv()).await {
            let notice = notice?;
            let (first, topic) = notice.frame(0).unwrap().split_first().expect("a notice is not empty");
            notices += 1;
            match first {
                1 => topics.insert(topic.to_owned()),
                _ => topics.remove(topic),
            };
        }
        assert!(notices <= 1000 + 2000, "{notices} notices");
        assert_eq!(topics, BTreeSet::from([b"0".to_vec()]));
        Ok(())
    });
}

#[test]
fn what_an_xsub_queues_keeps_to_its_mark_however_often_the_connection_breaks() {
    play(|stage| async move {
        let listener = RawListener::bind(&stage.server, 5555);
        let xsub: XSub = stage.client.open_with(Options::default().sndhwm(100));
        xsub.subscribe("topic")?;
        xsub.connect(stage.server.at(5555))?;
        for _ in 0..10 {
            let peer = listener.accept_as("XPUB").await;
            peer.reset();
            stage.pass(20 * MS).await;
            for number in 0..500 {
                xsub.try_send(format!("message {number}"))?;
            }
        }
        let mut peer = listener.accept_as("XPUB").await;
        peer.expect_command("SUBSCRIBE", b"topic").await;
        let mut messages = 0;
        while stage.within(SECOND, peer.message()).await.is_some() {
            messages += 1;
        }
        assert!((1..=100).contains(&messages), "{messages} messages waited");
        Ok(())
    });
}
