//! Who gets what of a PUB (RFC 29).

use super::fixture::{frames, handshake, heard, play, sockets::*, text};
use super::raw::{RawListener, RawPeer, subscriber};

#[test]
fn every_subscriber_gets_every_message_of_its_topics_and_no_other() {
    play(|stage| async move {
        let publisher: Pub = stage.server.open();
        let endpoint = stage.server.bind(&publisher);
        let mut all = subscriber(&stage.client, &endpoint, &[""]).await;
        let mut a = subscriber(&stage.client, &endpoint, &["A"]).await;
        let mut both = subscriber(&stage.other, &endpoint, &["AB", "B"]).await;
        let mut none = subscriber(&stage.other, &endpoint, &[]).await;
        for topic in ["", "A", "AB", "B", "C"] {
            publisher.send([topic, "body"]).await?;
        }
        for topic in ["", "A", "AB", "B", "C"] {
            all.expect_message([topic, "body"]).await;
        }
        for topic in ["A", "AB"] {
            a.expect_message([topic, "body"]).await;
        }
        for topic in ["AB", "B"] {
            both.expect_message([topic, "body"]).await;
        }
        for peer in [&mut all, &mut a, &mut both, &mut none] {
            stage.never(peer.frame()).await;
        }
        Ok(())
    });
}

#[test]
fn overlapping_subscriptions_deliver_a_message_once() {
    play(|stage| async move {
        let publisher: Pub = stage.server.open();
        let endpoint = stage.server.bind(&publisher);
        let mut peer = subscriber(&stage.client, &endpoint, &["A", "AB", "ABC", ""]).await;
        publisher.send("ABC").await?;
        publisher.send("end").await?;
        peer.expect_message(["ABC"]).await;
        peer.expect_message(["end"]).await;
        Ok(())
    });
}

#[test]
fn a_topic_is_compared_with_the_first_frame_only_and_byte_by_byte() {
    play(|stage| async move {
        let publisher: Pub = stage.server.open();
        let endpoint = stage.server.bind(&publisher);
        let mut peer = RawPeer::connect_as(&stage.client, &endpoint, "SUB").await;
        peer.say_command("SUBSCRIBE", b"\0\xff").await;
        peer.barrier().await;
        publisher.send(["x", "\0"]).await?;
        publisher.send(vec![0u8, 0xfe]).await?;
        publisher.send(vec![0u8, 0xff, 7]).await?;
        assert_eq!(peer.message().await, ["\\x00\\xff\\x07"]);
        Ok(())
    });
}

#[test]
fn a_topic_of_a_thousand_bytes_is_a_topic() {
    play(|stage| async move {
        let (publisher, sub): (Pub, Sub) = (stage.server.open(), stage.client.open());
        let topic = "t".repeat(1000);
        sub.subscribe(topic.clone())?;
        sub.connect(stage.server.bind(&publisher))?;
        heard(&stage, &publisher, &sub, &topic).await;
        publisher.send(topic[1..].to_owned()).await?;
        publisher.send(topic.clone() + "!").await?;
        assert_eq!(text(&sub.recv().await?), [topic + "!"]);
        Ok(())
    });
}

#[test]
fn what_is_published_before_a_subscription_is_lost_for_that_subscriber() {
    play(|stage| async move {
        let publisher: Pub = stage.server.open();
        let endpoint = stage.server.bind(&publisher);
        publisher.send("before anybody came").await?;
        let mut peer = RawPeer::connect_as(&stage.client, &endpoint, "SUB").await;
        publisher.send("before the subscription").await?;
        peer.say_command("SUBSCRIBE", b"").await;
        peer.barrier().await;
        publisher.send("after").await?;
        peer.expect_message(["after"]).await;
        Ok(())
    });
}

#[test]
fn sub_receives_nothing_without_a_subscription_and_filters_what_it_gets() {
    play(|stage| async move {
        let listener = RawListener::bind(&stage.server, 1);
        let sub: Sub = stage.client.open();
        sub.connect(stage.server.at(1))?;
        let mut publisher = listener.accept_as("PUB").await;
        publisher.say_message(["A", "unasked"]).await;
        stage.never(sub.recv()).await;
        sub.subscribe("A")?;
        publisher.expect_command("SUBSCRIBE", b"A").await;
        publisher.say_message(["B", "unasked"]).await;
        publisher.say_message(["AB", "asked"]).await;
        assert_eq!(sub.recv().await?, frames(["AB", "asked"]));
        Ok(())
    });
}

#[test]
fn sub_takes_messages_of_its_publishers_in_turn() {
    play(|stage| async move {
        let sub: Sub = stage.server.open();
        sub.subscribe("")?;
        let endpoint = stage.server.bind(&sub);
        let mut peers = Vec::new();
        for name in ["A", "B", "C"] {
            let mut peer = RawPeer::connect(&stage.client, &endpoint).await;
            peer.shake_hands("PUB").await;
            peer.expect_command("SUBSCRIBE", b"").await;
            for _ in 0..10 {
                peer.say_message([name]).await;
            }
            peer.barrier().await;
            peers.push(peer);
        }
        for _ in 0..10 {
            let mut round = String::new();
            for _ in 0..3 {
                round += &text(&sub.recv().await?).concat();
            }
            assert_eq!(round, "ABC");
        }
        Ok(())
    });
}

#[test]
fn a_publisher_may_connect_and_a_subscriber_may_bind() {
    play(|stage| async move {
        let (publisher, sub): (Pub, Sub) = (stage.client.open(), stage.server.open());
        sub.subscribe("A")?;
        let mut watch = publisher.monitor();
        publisher.connect(stage.server.bind(&sub))?;
        handshake(&mut watch).await;
        heard(&stage, &publisher, &sub, "A").await;
        Ok(())
    });
}
