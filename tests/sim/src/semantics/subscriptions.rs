//! What a SUB asks for and a PUB knows (RFC 29; libzmq's test_sub_forward, test_mock_pub_sub).

use seaworthy::Options;
use seaworthy::limits::{TOPIC_BYTES_MAX, TOPICS_MAX};

use super::fixture::{SECOND, disconnection, heard, play, sockets::*, text};
use super::raw::{MORE, RawListener, RawPeer, encoded_command, encoded_message, subscriber};

#[test]
fn one_cancel_of_a_peer_undoes_its_two_subscriptions() {
    // RFC 37 wants two; libzmq's publishers hold a set of peers for each topic.
    play(|stage| async move {
        let publisher: Pub = stage.server.open();
        let endpoint = stage.server.bind(&publisher);
        let mut peer = subscriber(&stage.client, &endpoint, &["A", "A", "end"]).await;
        peer.say_command("CANCEL", b"A").await;
        peer.barrier().await;
        publisher.send("A").await?;
        publisher.send("end").await?;
        peer.expect_message(["end"]).await;
        Ok(())
    });
}

#[test]
fn a_cancel_of_what_was_never_subscribed_to_changes_nothing() {
    play(|stage| async move {
        let publisher: Pub = stage.server.open();
        let endpoint = stage.server.bind(&publisher);
        let mut peer = subscriber(&stage.client, &endpoint, &["AB"]).await;
        peer.say_command("CANCEL", b"A").await;
        peer.say_command("CANCEL", b"ABC").await;
        peer.barrier().await;
        publisher.send("ABC").await?;
        peer.expect_message(["ABC"]).await;
        Ok(())
    });
}

#[test]
fn subscribing_twice_takes_two_cancels_and_tells_the_publisher_of_the_last_only() {
    play(|stage| async move {
        let listener = RawListener::bind(&stage.server, 1);
        let sub: Sub = stage.client.open();
        sub.connect(stage.server.at(1))?;
        let mut publisher = listener.accept_as("PUB").await;
        sub.subscribe("A")?;
        sub.subscribe("A")?;
        publisher.expect_command("SUBSCRIBE", b"A").await;
        publisher.expect_command("SUBSCRIBE", b"A").await;
        sub.unsubscribe("A")?;
        publisher.say_message(["A1"]).await;
        assert_eq!(text(&sub.recv().await?), ["A1"]);
        sub.unsubscribe("A")?;
        publisher.expect_command("CANCEL", b"A").await;
        publisher.say_message(["A2"]).await;
        sub.unsubscribe("A")?;
        sub.subscribe("B")?;
        publisher.expect_command("SUBSCRIBE", b"B").await;
        publisher.say_message(["B"]).await;
        assert_eq!(text(&sub.recv().await?), ["B"]);
        Ok(())
    });
}

#[test]
fn subscriptions_are_sent_once_each_to_every_new_connection() {
    play(|stage| async move {
        let listener = RawListener::bind(&stage.server, 1);
        let sub: Sub = stage.client.open();
        for topic in ["B", "A", "gone", "A"] {
            sub.subscribe(topic)?;
        }
        sub.unsubscribe("gone")?;
        sub.connect(stage.server.at(1))?;
        for _ in 0..3 {
            let mut publisher = listener.accept_as("PUB").await;
            publisher.expect_command("SUBSCRIBE", b"A").await;
            publisher.expect_command("SUBSCRIBE", b"B").await;
            stage.never(publisher.frame()).await;
            publisher.reset();
        }
        Ok(())
    });
}

#[test]
fn a_subscription_made_while_there_is_no_connection_is_sent_with_the_next() {
    play(|stage| async move {
        let listener = RawListener::bind(&stage.server, 1);
        let sub: Sub = stage.client.open();
        let mut watch = sub.monitor();
        sub.subscribe("A")?;
        sub.connect(stage.server.at(1))?;
        let mut publisher = listener.accept_as("PUB").await;
        publisher.expect_command("SUBSCRIBE", b"A").await;
        publisher.reset();
        disconnection(&mut watch).await;
        sub.subscribe("B")?;
        sub.unsubscribe("A")?;
        let mut publisher = listener.accept_as("PUB").await;
        publisher.expect_command("SUBSCRIBE", b"B").await;
        stage.never(publisher.frame()).await;
        Ok(())
    });
}

#[test]
fn a_subscription_that_waited_for_the_lost_connection_is_sent_once_with_the_next() {
    play(|stage| async move {
        let listener = RawListener::bind(&stage.server, 1);
        let sub: Sub = stage.client.open();
        sub.connect(stage.server.at(1))?;
        let publisher = listener.accept_as("PUB").await;
        // The publisher reads nothing: the first topics fill the way to it, the last one waits behind them.
        let topics: Vec<String> = ["A", "B", "C"].map(|letter| letter.repeat(500_000)).into();
        for topic in &topics {
            sub.subscribe(topic.clone())?;
            stage.pass(SECOND).await;
        }
        sub.subscribe("last")?;
        stage.pass(SECOND).await;
        publisher.reset();
        let mut publisher = listener.accept_as("PUB").await;
        for topic in &topics {
            publisher.expect_command("SUBSCRIBE", topic.as_bytes()).await;
        }
        publisher.expect_command("SUBSCRIBE", b"last").await;
        stage.never(publisher.frame()).await;
        Ok(())
    });
}

#[test]
fn subscriptions_survive_a_publisher_that_restarts() {
    play(|stage| async move {
        let sub: Sub = stage.client.open();
        sub.subscribe("A")?;
        let publisher: Pub = stage.server.open();
        let endpoint = stage.server.bind(&publisher);
        sub.connect(&endpoint)?;
        heard(&stage, &publisher, &sub, "A").await;
        publisher.close().await;
        let publisher: Pub = stage.server.open();
        let seaworthy::Endpoint::Tcp { port, .. } = endpoint else { unreachable!("bound to tcp") };
        publisher.bind(format!("tcp://*:{port}"))?;
        heard(&stage, &publisher, &sub, "A").await;
        Ok(())
    });
}

#[test]
fn subscriptions_end_with_their_peer() {
    play(|stage| async move {
        let publisher: Pub = stage.server.open_with(Options::default().sndhwm(1));
        let endpoint = stage.server.bind(&publisher);
        let mut watch = publisher.monitor();
        drop(subscriber(&stage.client, &endpoint, &["A"]).await);
        disconnection(&mut watch).await;
        assert_eq!(publisher.peers(), 0);
        // The place of the former peer is taken by one that wants something else.
        let mut next = subscriber(&stage.client, &endpoint, &["B"]).await;
        publisher.send("A").await?;
        publisher.send("B").await?;
        next.expect_message(["B"]).await;
        Ok(())
    });
}

/// Half of what a command may have, in bytes.
const LARGE: usize = 512 << 10;

/// A topic of [`LARGE`] bytes of this letter.
fn large_topic(letter: u8) -> Vec<u8> {
    vec![letter; LARGE]
}

#[test]
fn a_subscriber_holds_as_many_bytes_of_topics_as_it_may_and_not_one_more() {
    play(|stage| async move {
        let publisher: Pub = stage.server.open();
        let endpoint = stage.server.bind(&publisher);
        let mut watch = publisher.monitor();
        let mut modest = subscriber(&stage.other, &endpoint, &["a"]).await;
        let mut greedy = subscriber(&stage.client, &endpoint, &[]).await;
        let letters = b'a'..b'a' + (TOPIC_BYTES_MAX / LARGE) as u8;
        for letter in letters.clone() {
            greedy.say_command("SUBSCRIBE", &large_topic(letter)).await;
        }
        // What it holds already costs nothing, and what it gives back is free.
        greedy.say_command("SUBSCRIBE", &large_topic(b'a')).await;
        greedy.say_command("CANCEL", &large_topic(b'b')).await;
        greedy.say_command("SUBSCRIBE", &large_topic(b'b')).await;
        greedy.barrier().await;
        for letter in letters {
            publisher.send(large_topic(letter)).await?;
            assert_eq!(greedy.frame().await.body, large_topic(letter));
        }
        assert_eq!(modest.frame().await.body, large_topic(b'a'));

        greedy.say_command("SUBSCRIBE", b"z").await;
        assert!(
            disconnection(&mut watch).await.starts_with("the peer subscribes to more than 100000 topics")
        );
        greedy.end().await;
        assert_eq!(publisher.peers(), 1);
        publisher.send("and on").await?;
        modest.expect_message(["and on"]).await;
        Ok(())
    });
}

#[test]
fn a_subscriber_holds_as_many_topics_as_it_may_and_not_one_more() {
    play(|stage| async move {
        let publisher: Pub = stage.server.open();
        let endpoint = stage.server.bind(&publisher);
        let mut watch = publisher.monitor();
        let mut modest = subscriber(&stage.other, &endpoint, &["and"]).await;
        let mut greedy = subscriber(&stage.client, &endpoint, &[]).await;
        let topics: Vec<u8> = (0..TOPICS_MAX as u32)
            .flat_map(|number| encoded_command("SUBSCRIBE", &number.to_be_bytes()))
            .collect();
        greedy.say(&topics).await;
        greedy.barrier().await;
        greedy.say_command("SUBSCRIBE", b"one more").await;
        assert!(
            disconnection(&mut watch).await.starts_with("the peer subscribes to more than 100000 topics")
        );
        publisher.send("and on").await?;
        modest.expect_message(["and on"]).await;
        Ok(())
    });
}

#[test]
fn what_a_subscriber_sends_besides_subscriptions_is_dropped_and_does_not_stop_it() {
    play(|stage| async move {
        let publisher: Pub = stage.server.open_with(Options::default().rcvhwm(10));
        let endpoint = stage.server.bind(&publisher);
        let mut peer = RawPeer::connect_as(&stage.client, &endpoint, "XSUB").await;
        for _ in 0..1000 {
            peer.say(&encoded_message(["for an XPUB"])).await;
        }
        peer.say_command("SUBSCRIBE", b"A").await;
        peer.barrier().await;
        publisher.send("A").await?;
        peer.expect_message(["A"]).await;
        Ok(())
    });
}

/// libzmq's test_mock_pub_sub: a publisher understands both forms of a subscription from peers of both versions.
#[test]
fn pub_understands_subscriptions_as_commands_and_as_messages_of_peers_of_both_versions() {
    for minor in [0, 1] {
        for command in [false, true] {
            play(move |stage| async move {
                let publisher: Pub = stage.server.open();
                let mut peer = RawPeer::connect(&stage.client, &stage.server.bind(&publisher)).await;
                peer.shake_hands_in(minor, "SUB", &[]).await;
                if command {
                    peer.say_command("SUBSCRIBE", b"A").await;
                } else {
                    peer.say_frame(0, b"\x01A").await;
                }
                peer.barrier().await;
                publisher.send("B").await?;
                publisher.send("ALOL").await?;
                peer.expect_message(["ALOL"]).await;
                if command {
                    peer.say_command("CANCEL", b"A").await;
                } else {
                    peer.say_frame(0, b"\x00A").await;
                }
                peer.barrier().await;
                publisher.send("ALOL").await?;
                stage.never(peer.frame()).await;
                Ok(())
            });
        }
    }
}

/// libzmq's test_mock_pub_sub, the other way: a subscriber chooses the form that the peer's version understands.
#[test]
fn sub_subscribes_with_commands_to_a_peer_of_3_1_and_with_messages_to_one_of_3_0() {
    for minor in [0, 1] {
        play(move |stage| async move {
            let sub: Sub = stage.server.open();
            let mut peer = RawPeer::connect(&stage.client, &stage.server.bind(&sub)).await;
            peer.shake_hands_in(minor, "PUB", &[]).await;
            sub.subscribe("A")?;
            if minor == 0 {
                peer.expect_message(["\\x01A"]).await;
            } else {
                peer.expect_command("SUBSCRIBE", b"A").await;
            }
            peer.say_message(["ALOL"]).await;
            assert_eq!(text(&sub.recv().await?), ["ALOL"]);
            sub.unsubscribe("A")?;
            if minor == 0 {
                peer.expect_message(["\\x00A"]).await;
            } else {
                peer.expect_command("CANCEL", b"A").await;
            }
            Ok(())
        });
    }
}

#[test]
fn a_message_of_several_frames_is_no_subscription() {
    play(|stage| async move {
        let publisher: Pub = stage.server.open();
        let mut peer = RawPeer::connect_as(&stage.client, &stage.server.bind(&publisher), "SUB").await;
        peer.say_frame(MORE, b"\x01A").await;
        peer.say_frame(0, b"").await;
        peer.say_frame(0, b"\x02A").await;
        peer.say_frame(0, b"").await;
        peer.barrier().await;
        publisher.send("A").await?;
        stage.never(peer.frame()).await;
        Ok(())
    });
}

#[test]
fn a_publisher_that_connects_keeps_the_subscriptions_of_its_peer_across_a_reconnect() {
    // As in libzmq: the pipe survives, and what matches queues in it meanwhile.
    play(|stage| async move {
        let listener = RawListener::bind(&stage.server, 1);
        let publisher: Pub = stage.client.open();
        let mut watch = publisher.monitor();
        publisher.connect(stage.server.at(1))?;
        publisher.send("before").await?;
        let mut peer = listener.accept_as("SUB").await;
        peer.say_command("SUBSCRIBE", b"A").await;
        peer.barrier().await;
        publisher.send("A1").await?;
        peer.expect_message(["A1"]).await;
        peer.reset();
        disconnection(&mut watch).await;
        publisher.send("A2").await?;
        publisher.send("B").await?;
        let mut peer = listener.accept_as("SUB").await;
        peer.expect_message(["A2"]).await;
        Ok(())
    });
}
