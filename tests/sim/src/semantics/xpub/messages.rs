//! What XPUB sends, and what XSUB peers send to it.

use super::super::fixture::{frames, play, sockets::*, text};
use super::super::raw::{Ending, RawPeer};
use super::{cancel, expect, expect_nothing, subscribe, subscriber};

#[test]
fn xpub_sends_as_pub_does() {
    play(|stage| async move {
        let publisher: XPub = stage.server.open();
        let endpoint = stage.server.bind(&publisher);
        let mut a = subscriber(&stage.client, &endpoint, &["A", "AB"]).await;
        let mut all = subscriber(&stage.other, &endpoint, &[""]).await;
        for topic in ["AB", "B"] {
            publisher.send([topic, "body"]).await?;
        }
        a.expect_message(["AB", "body"]).await;
        all.expect_message(["AB", "body"]).await;
        all.expect_message(["B", "body"]).await;
        stage.never(a.frame()).await;
        Ok(())
    });
}

#[test]
fn what_xsub_peers_send_is_received_in_its_place_between_their_subscriptions() {
    play(|stage| async move {
        let publisher: XPub = stage.server.open();
        let endpoint = stage.server.bind(&publisher);
        let mut peer = RawPeer::connect_as(&stage.client, &endpoint, "XSUB").await;
        peer.say_message(["one"]).await;
        peer.say_command("SUBSCRIBE", b"A").await;
        // Only a message of one frame can be a subscription.
        peer.say_message(["\x01B", "two"]).await;
        peer.say_message(["two", "\0A"]).await;
        peer.say_command("CANCEL", b"A").await;
        peer.say_message([""]).await;
        peer.barrier().await;
        assert_eq!(text(&publisher.recv().await?), ["one"]);
        expect(&publisher, &["+A"]).await?;
        assert_eq!(publisher.recv().await?, frames(["\x01B", "two"]));
        assert_eq!(publisher.recv().await?, frames(["two", "\0A"]));
        expect(&publisher, &["-A"]).await?;
        assert_eq!(publisher.recv().await?, frames([""]));
        expect_nothing(&publisher);
        Ok(())
    });
}

#[test]
fn notices_keep_the_order_in_which_subscriptions_took_effect_whoever_has_much_to_say() {
    play(|stage| async move {
        let publisher: XPub = stage.server.open();
        let endpoint = stage.server.bind(&publisher);
        let mut loud = RawPeer::connect_as(&stage.client, &endpoint, "XSUB").await;
        let mut quiet = RawPeer::connect_as(&stage.other, &endpoint, "XSUB").await;
        for _ in 0..10 {
            loud.say_message(["much"]).await;
        }
        subscribe(&mut loud, &["A"]).await;
        subscribe(&mut quiet, &["A"]).await;
        cancel(&mut loud, &["A"]).await;
        cancel(&mut quiet, &["A"]).await;
        let mut received = Vec::new();
        for _ in 0..12 {
            received.extend(text(&publisher.recv().await?));
        }
        received.retain(|word| word != "much");
        assert_eq!(received, ["\\x01A", "\\x00A"]);
        expect_nothing(&publisher);
        Ok(())
    });
}

#[test]
fn peers_that_send_are_received_in_turn() {
    play(|stage| async move {
        let publisher: XPub = stage.server.open();
        let endpoint = stage.server.bind(&publisher);
        let mut peers = Vec::new();
        for name in ["A", "B", "C"] {
            let mut peer = RawPeer::connect_as(&stage.client, &endpoint, "XSUB").await;
            for _ in 0..10 {
                peer.say_message([name]).await;
            }
            peer.barrier().await;
            peers.push(peer);
        }
        for _ in 0..10 {
            let mut round = String::new();
            for _ in 0..3 {
                round += &text(&publisher.recv().await?).concat();
            }
            assert_eq!(round, "ABC");
        }
        Ok(())
    });
}

#[test]
fn xpub_and_xsub_talk_over_tcp_and_ipc_whoever_binds() {
    for wildcard in ["tcp://127.0.0.1:*", "ipc://*"] {
        for xpub_binds in [false, true] {
            play(move |stage| async move {
                let (publisher, subscriber): (XPub, XSub) = (stage.server.open(), stage.server.open());
                if xpub_binds {
                    subscriber.connect(publisher.bind(wildcard)?)?;
                } else {
                    publisher.connect(subscriber.bind(wildcard)?)?;
                }
                subscriber.send("\x01A").await?;
                expect(&publisher, &["+A"]).await?;
                subscriber.send("upstream").await?;
                assert_eq!(text(&publisher.recv().await?), ["upstream"]);
                publisher.send("B").await?;
                publisher.send(["A", "body"]).await?;
                assert_eq!(subscriber.recv().await?, frames(["A", "body"]));
                Ok(())
            });
        }
    }
}

#[test]
fn xpub_talks_to_sub_and_xsub_only() {
    play(|stage| async move {
        let publisher: XPub = stage.server.open();
        let endpoint = stage.server.bind(&publisher);
        for other in ["PULL", "XPUB", "PAIR", "DEALER"] {
            let mut peer = RawPeer::connect(&stage.client, &endpoint).await;
            peer.say(&super::super::raw::hello(other, &[])).await;
            assert_eq!(peer.end().await, Ending::Closed);
        }
        assert_eq!(publisher.peers(), 0);
        Ok(())
    });
}
