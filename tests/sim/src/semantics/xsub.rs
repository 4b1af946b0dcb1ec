//! XSUB (RFC 29; libzmq's test_xsub_verbose, test_sub_forward, and what of test_xpub_manual is about user messages).

use seaworthy::{Message, Options};

use super::fixture::{SECOND, disconnection, frames, handshake, play, sockets::*, text};
use super::raw::{RawListener, RawPeer};

/// A subscription as users of XSUB send it.
fn wish(first: u8, topic: &str) -> Message {
    [&[first], topic.as_bytes()].concat().into()
}

#[test]
fn a_message_that_begins_with_one_or_zero_subscribes_or_takes_it_back() {
    for (minor, command) in [(0, false), (1, true)] {
        play(move |stage| async move {
            let listener = RawListener::bind(&stage.server, 1);
            let xsub: XSub = stage.client.open();
            xsub.connect(stage.server.at(1))?;
            let mut publisher = listener.accept().await;
            publisher.shake_hands_in(minor, "XPUB", &[]).await;
            for topic in ["", "A"] {
                for (first, name) in [(1, "SUBSCRIBE"), (0, "CANCEL")] {
                    xsub.send(wish(first, topic)).await?;
                    if command {
                        publisher.expect_command(name, topic.as_bytes()).await;
                    } else {
                        let frame = publisher.frame().await;
                        assert_eq!(frame.flags, 0);
                        assert_eq!(frame.body, [&[first], topic.as_bytes()].concat());
                    }
                }
            }
            Ok(())
        });
    }
}

#[test]
fn each_subscription_is_passed_on_and_of_the_ends_the_last() {
    play(|stage| async move {
        let listener = RawListener::bind(&stage.server, 1);
        let xsub: XSub = stage.client.open();
        xsub.connect(stage.server.at(1))?;
        let mut publisher = listener.accept_as("XPUB").await;
        publisher.barrier().await;
        xsub.send(wish(0, "A")).await?;
        // A message, and the method: it is the same subscription.
        xsub.send(wish(1, "A")).await?;
        xsub.subscribe("A")?;
        xsub.unsubscribe("A")?;
        xsub.subscribe("B")?;
        xsub.send(wish(0, "A")).await?;
        xsub.unsubscribe("A")?;
        for (name, topic) in [("SUBSCRIBE", "A"), ("SUBSCRIBE", "A"), ("SUBSCRIBE", "B"), ("CANCEL", "A")] {
            publisher.expect_command(name, topic.as_bytes()).await;
        }
        stage.never(publisher.frame()).await;
        Ok(())
    });
}

#[test]
fn verbose_unsubscribe_passes_every_end_on() {
    play(|stage| async move {
        let listener = RawListener::bind(&stage.server, 1);
        let xsub: XSub = stage.client.open_with(Options::default().xsub_verbose_unsubscribe(true));
        xsub.connect(stage.server.at(1))?;
        let mut publisher = listener.accept_as("XPUB").await;
        publisher.barrier().await;
        xsub.send(wish(0, "A")).await?;
        publisher.expect_command("CANCEL", b"A").await;
        xsub.subscribe("A")?;
        xsub.subscribe("A")?;
        for _ in 0..2 {
            publisher.expect_command("SUBSCRIBE", b"A").await;
        }
        for _ in 0..3 {
            xsub.unsubscribe("A")?;
            publisher.expect_command("CANCEL", b"A").await;
        }
        stage.never(publisher.frame()).await;
        Ok(())
    });
}

#[test]
fn other_messages_go_to_all_publishers() {
    play(|stage| async move {
        let xsub: XSub = stage.server.open();
        let endpoint = stage.server.bind(&xsub);
        let mut publishers = [
            RawPeer::connect_as(&stage.client, &endpoint, "XPUB").await,
            RawPeer::connect_as(&stage.other, &endpoint, "XPUB").await,
        ];
        for publisher in &mut publishers {
            publisher.barrier().await;
        }
        // Only a message of one frame can be a subscription.
        for message in [frames([""]), frames(["\x02A"]), frames(["\x01A", "B"]), frames(["A", "\0B"])] {
            xsub.send(message).await?;
        }
        for publisher in &mut publishers {
            publisher.expect_message([""]).await;
            publisher.expect_message(["\\x02A"]).await;
            publisher.expect_message(["\\x01A", "B"]).await;
            publisher.expect_message(["A", "\\x00B"]).await;
            stage.never(publisher.frame()).await;
        }
        Ok(())
    });
}

#[test]
fn what_is_sent_keeps_its_place_between_subscriptions() {
    play(|stage| async move {
        let listener = RawListener::bind(&stage.server, 1);
        let xsub: XSub = stage.client.open();
        xsub.connect(stage.server.at(1))?;
        let mut publisher = listener.accept_as("XPUB").await;
        publisher.barrier().await;
        xsub.send("one").await?;
        xsub.subscribe("A")?;
        xsub.send("two").await?;
        publisher.expect_message(["one"]).await;
        publisher.expect_command("SUBSCRIBE", b"A").await;
        publisher.expect_message(["two"]).await;
        Ok(())
    });
}

#[test]
fn every_connection_is_told_of_all_subscriptions_before_anything_else() {
    play(|stage| async move {
        let listener = RawListener::bind(&stage.server, 1);
        let xsub: XSub = stage.client.open();
        let mut watch = xsub.monitor();
        for message in [wish(1, "B"), wish(1, "gone"), wish(1, "A"), wish(1, "A"), wish(0, "gone")] {
            xsub.send(message).await?;
        }
        xsub.connect(stage.server.at(1))?;
        xsub.send("queued").await?;
        for round in 0..3 {
            let mut publisher = listener.accept_as("XPUB").await;
            publisher.expect_command("SUBSCRIBE", b"A").await;
            publisher.expect_command("SUBSCRIBE", b"B").await;
            publisher.expect_message(["queued"]).await;
            stage.never(publisher.frame()).await;
            publisher.reset();
            disconnection(&mut watch).await;
            if round < 2 {
                xsub.send("queued").await?;
            }
        }
        Ok(())
    });
}

#[test]
fn subscriptions_survive_a_publisher_that_restarts() {
    play(|stage| async move {
        let xsub: XSub = stage.client.open();
        xsub.subscribe("A")?;
        let publisher: XPub = stage.server.open();
        let endpoint = stage.server.bind(&publisher);
        xsub.connect(&endpoint)?;
        assert_eq!(publisher.recv().await?, wish(1, "A"));
        publisher.close().await;
        let publisher: XPub = stage.server.open();
        let seaworthy::Endpoint::Tcp { port, .. } = endpoint else { unreachable!("bound to tcp") };
        publisher.bind(format!("tcp://*:{port}"))?;
        assert_eq!(publisher.recv().await?, wish(1, "A"));
        publisher.send("A").await?;
        assert_eq!(text(&xsub.recv().await?), ["A"]);
        Ok(())
    });
}

#[test]
fn xsub_never_waits_and_drops_what_a_publisher_has_no_room_for() {
    play(|stage| async move {
        let xsub: XSub = stage.server.open_with(Options::default().sndhwm(4));
        xsub.send("for nobody").await?;
        let endpoint = stage.server.bind(&xsub);
        let mut publisher = RawPeer::connect_as(&stage.client, &endpoint, "XPUB").await;
        publisher.barrier().await;
        // Without waiting in between, nothing leaves the pipe.
        for number in 0..10 {
            xsub.try_send(number.to_string())?;
        }
        // A subscription is never dropped.
        xsub.try_send(wish(1, "A")).map_err(|refused| refused.error)?;
        for number in 0..4 {
            publisher.expect_message([&number.to_string()]).await;
        }
        publisher.expect_command("SUBSCRIBE", b"A").await;
        // Whoever waits lets the drivers run first.
        for number in 0..10 {
            xsub.send(number.to_string()).await?;
        }
        for number in 0..10 {
            publisher.expect_message([&number.to_string()]).await;
        }
        Ok(())
    });
}

#[test]
fn a_publisher_that_reads_nothing_costs_the_others_nothing() {
    play(|stage| async move {
        let xsub: XSub = stage.server.open_with(Options::default().sndhwm(10));
        let endpoint = stage.server.bind(&xsub);
        let _slow = RawPeer::connect_as(&stage.client, &endpoint, "XPUB").await;
        let mut fast = RawPeer::connect_as(&stage.other, &endpoint, "XPUB").await;
        fast.barrier().await;
        let body = "b".repeat(10_000);
        for _ in 0..500 {
            stage.within(SECOND, xsub.send(body.clone())).await.expect("an XSUB never waits")?;
            assert_eq!(fast.message().await, [body.as_str()]);
        }
        Ok(())
    });
}

#[test]
fn xsub_receives_what_publishers_send_unfiltered_and_in_turn() {
    play(|stage| async move {
        let xsub: XSub = stage.server.open();
        let endpoint = stage.server.bind(&xsub);
        let mut peers = Vec::new();
        for name in ["A", "B", "C"] {
            let mut peer = RawPeer::connect_as(&stage.client, &endpoint, "PUB").await;
            for _ in 0..10 {
                peer.say_message([name, "body"]).await;
            }
            peer.barrier().await;
            peers.push(peer);
        }
        for _ in 0..10 {
            for name in ["A", "B", "C"] {
                assert_eq!(xsub.recv().await?, frames([name, "body"]));
            }
        }
        Ok(())
    });
}

#[test]
fn a_pub_that_xsub_sends_to_goes_on_publishing() {
    play(|stage| async move {
        let (publisher, xsub): (Pub, XSub) = (stage.server.open(), stage.client.open());
        let mut watch = publisher.monitor();
        xsub.connect(stage.server.bind(&publisher))?;
        handshake(&mut watch).await;
        for _ in 0..3000 {
            xsub.send("a PUB drops this").await?;
        }
        xsub.subscribe("A")?;
        while stage.within(SECOND, xsub.recv()).await.is_none() {
            publisher.send("A").await?;
        }
        Ok(())
    });
}

#[test]
fn closing_an_xsub_waits_for_nothing() {
    play(|stage| async move {
        let xsub: XSub = stage.client.open();
        xsub.connect(stage.server.at(1))?;
        xsub.subscribe("A")?;
        xsub.send("nobody will ever take this").await?;
        let before = stage.now();
        xsub.close().await;
        assert_eq!(stage.now(), before);
        Ok(())
    });
}
