//! What an XPUB is told of subscriptions, and of their ends.

use seaworthy::Options;

use super::super::fixture::{SECOND, disconnection, play, sockets::*, text};
use super::super::raw::{RawListener, RawPeer};
use super::{cancel, expect, expect_nothing, subscribe, subscriber};

#[test]
fn the_first_subscription_and_the_last_end_of_one_are_told_across_all_peers() {
    play(|stage| async move {
        let publisher: XPub = stage.server.open();
        let endpoint = stage.server.bind(&publisher);
        let mut first = subscriber(&stage.client, &endpoint, &["A", "A"]).await;
        let mut second = subscriber(&stage.other, &endpoint, &["A", "AB"]).await;
        expect(&publisher, &["+A", "+AB"]).await?;
        cancel(&mut first, &["A"]).await;
        expect_nothing(&publisher);
        cancel(&mut second, &["AB", "A"]).await;
        expect(&publisher, &["-AB", "-A"]).await?;
        subscribe(&mut first, &["A"]).await;
        expect(&publisher, &["+A"]).await?;
        expect_nothing(&publisher);
        Ok(())
    });
}

#[test]
fn a_subscription_to_everything_is_a_single_byte() {
    play(|stage| async move {
        let publisher: XPub = stage.server.open();
        let endpoint = stage.server.bind(&publisher);
        let mut peer = subscriber(&stage.client, &endpoint, &[""]).await;
        assert_eq!(publisher.recv().await?, vec![1u8].into());
        cancel(&mut peer, &[""]).await;
        assert_eq!(publisher.recv().await?, vec![0u8].into());
        Ok(())
    });
}

#[test]
fn subscriptions_as_commands_and_as_messages_of_peers_of_both_versions_are_told_alike() {
    for minor in [0, 1] {
        for command in [false, true] {
            play(move |stage| async move {
                let publisher: XPub = stage.server.open();
                let mut peer = RawPeer::connect(&stage.client, &stage.server.bind(&publisher)).await;
                peer.shake_hands_in(minor, "SUB", &[]).await;
                let topic = "t".repeat(1000);
                for (byte, name) in [(1u8, "SUBSCRIBE"), (0, "CANCEL")] {
                    if command {
                        peer.say_command(name, topic.as_bytes()).await;
                    } else {
                        peer.say_frame(0, &[&[byte], topic.as_bytes()].concat()).await;
                    }
                    assert_eq!(publisher.recv().await?, [&[byte], topic.as_bytes()].concat().into());
                }
                Ok(())
            });
        }
    }
}

#[test]
fn a_peer_that_leaves_ends_the_subscriptions_that_nobody_else_has() {
    play(|stage| async move {
        let publisher: XPub = stage.server.open();
        let endpoint = stage.server.bind(&publisher);
        let _stays = subscriber(&stage.other, &endpoint, &["A"]).await;
        let leaves = subscriber(&stage.client, &endpoint, &["C", "A", "B"]).await;
        expect(&publisher, &["+A", "+C", "+B"]).await?;
        leaves.say_message(["last words"]).await;
        leaves.shutdown().await;
        assert_eq!(text(&publisher.recv().await?), ["last words"]);
        expect(&publisher, &["-B", "-C"]).await?;
        stage.never(publisher.recv()).await;
        Ok(())
    });
}

#[test]
fn a_peer_whose_machine_dies_ends_its_subscriptions_too() {
    play(|stage| async move {
        let publisher: XPub = stage.server.open_with(Options::default().heartbeat_ivl(SECOND));
        let endpoint = stage.server.bind(&publisher);
        let sub: Sub = stage.client.open();
        sub.subscribe("A")?;
        sub.connect(endpoint)?;
        expect(&publisher, &["+A"]).await?;
        stage.control.isolate(stage.client.id);
        expect(&publisher, &["-A"]).await?;
        assert_eq!(publisher.peers(), 0);
        Ok(())
    });
}

#[test]
fn notices_of_a_peer_that_is_gone_are_received_before_the_ends_of_its_subscriptions() {
    play(|stage| async move {
        let publisher: XPub = stage.server.open();
        let endpoint = stage.server.bind(&publisher);
        let mut watch = publisher.monitor();
        subscriber(&stage.client, &endpoint, &["B", "A"]).await.reset();
        disconnection(&mut watch).await;
        expect(&publisher, &["+B", "+A", "-A", "-B"]).await?;
        expect_nothing(&publisher);
        assert_eq!(publisher.peers(), 0);
        Ok(())
    });
}

#[test]
fn an_endpoint_that_is_given_up_ends_the_subscriptions_of_its_peers() {
    play(|stage| async move {
        let publisher: XPub = stage.server.open();
        stage.server.bind(&publisher);
        let listener = RawListener::bind(&stage.client, 1);
        publisher.connect(stage.client.at(1))?;
        let mut peer = listener.accept_as("XSUB").await;
        peer.say_message(["never received"]).await;
        subscribe(&mut peer, &["A"]).await;
        publisher.disconnect(stage.client.at(1))?;
        expect(&publisher, &["+A", "-A"]).await?;
        stage.never(publisher.recv()).await;
        Ok(())
    });
}

#[test]
fn a_connecting_xpub_keeps_the_subscriptions_of_its_endpoint_while_there_is_no_connection() {
    play(|stage| async move {
        let publisher: XPub = stage.server.open();
        let mut watch = publisher.monitor();
        let listener = RawListener::bind(&stage.client, 1);
        publisher.connect(stage.client.at(1))?;
        let mut peer = listener.accept_as("SUB").await;
        subscribe(&mut peer, &["A"]).await;
        expect(&publisher, &["+A"]).await?;
        peer.reset();
        disconnection(&mut watch).await;
        publisher.send("A in between").await?;
        let mut peer = listener.accept_as("SUB").await;
        peer.expect_message(["A in between"]).await;
        // It is the same subscription.
        subscribe(&mut peer, &["A"]).await;
        expect_nothing(&publisher);
        Ok(())
    });
}

#[test]
fn verbose_tells_every_subscription_and_the_last_end_of_one() {
    play(|stage| async move {
        let publisher: XPub = stage.server.open_with(Options::default().xpub_verbose(true));
        let endpoint = stage.server.bind(&publisher);
        let mut first = subscriber(&stage.client, &endpoint, &["A", "A"]).await;
        let mut second = subscriber(&stage.other, &endpoint, &["A"]).await;
        expect(&publisher, &["+A", "+A", "+A"]).await?;
        cancel(&mut first, &["A"]).await;
        expect_nothing(&publisher);
        cancel(&mut second, &["A"]).await;
        expect(&publisher, &["-A"]).await?;
        Ok(())
    });
}

#[test]
fn verboser_tells_every_subscription_and_every_end_of_one() {
    play(|stage| async move {
        let publisher: XPub = stage.server.open_with(Options::default().xpub_verboser(true));
        let endpoint = stage.server.bind(&publisher);
        let mut first = subscriber(&stage.client, &endpoint, &["A"]).await;
        let second = subscriber(&stage.other, &endpoint, &["A"]).await;
        let _third = subscriber(&stage.other, &endpoint, &["A"]).await;
        expect(&publisher, &["+A", "+A", "+A"]).await?;
        cancel(&mut first, &["A"]).await;
        expect(&publisher, &["-A"]).await?;
        cancel(&mut first, &["A"]).await;
        expect(&publisher, &["-A"]).await?;
        second.reset();
        expect(&publisher, &["-A"]).await?;
        stage.never(publisher.recv()).await;
        Ok(())
    });
}

#[test]
fn the_end_of_what_nobody_subscribed_to_is_told_and_of_what_others_still_are_is_not() {
    play(|stage| async move {
        let publisher: XPub = stage.server.open();
        let endpoint = stage.server.bind(&publisher);
        let mut holder = subscriber(&stage.client, &endpoint, &["A"]).await;
        let mut other = subscriber(&stage.other, &endpoint, &[]).await;
        expect(&publisher, &["+A"]).await?;
        cancel(&mut other, &["A", "B"]).await;
        expect(&publisher, &["-B"]).await?;
        expect_nothing(&publisher);
        publisher.send("A").await?;
        holder.expect_message(["A"]).await;
        Ok(())
    });
}

#[test]
fn the_late_subscription_of_a_peer_that_was_parted_with_is_not_taken() {
    play(|stage| async move {
        let publisher: XPub = stage.server.open();
        let endpoint = stage.server.bind(&publisher);
        let mut peer = subscriber(&stage.client, &endpoint, &["A"]).await;
        expect(&publisher, &["+A"]).await?;
        // It is on its way while the endpoint is unbound.
        subscribe_soon(&peer, "B").await;
        publisher.unbind("tcp://*:*")?;
        expect(&publisher, &["-A"]).await?;
        stage.never(publisher.recv()).await;
        peer.end().await;
        let other = stage.server.bind(&publisher);
        let _peer = subscriber(&stage.client, &other, &["B"]).await;
        expect(&publisher, &["+B"]).await?;
        Ok(())
    });
}

#[test]
fn subscribers_that_came_and_went_are_no_peers_although_nobody_received() {
    play(|stage| async move {
        let publisher: XPub = stage.server.open();
        let endpoint = stage.server.bind(&publisher);
        for _ in 0..20 {
            let peer = subscriber(&stage.client, &endpoint, &["A"]).await;
            peer.shutdown().await;
            stage.pass(SECOND).await;
        }
        assert_eq!(publisher.peers(), 0);
        for _ in 0..20 {
            expect(&publisher, &["+A", "-A"]).await?;
        }
        expect_nothing(&publisher);
        Ok(())
    });
}

#[test]
fn a_peer_of_many_topics_that_leaves_ends_each_of_them_once() {
    play(|stage| async move {
        let publisher: XPub = stage.server.open();
        let endpoint = stage.server.bind(&publisher);
        let topics: Vec<String> = (0..5000).map(|number| format!("{number:05}")).collect();
        let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
        let stays = ["00007", "04999"];
        let _stays = subscriber(&stage.other, &endpoint, &stays).await;
        let leaves = subscriber(&stage.client, &endpoint, &topics).await;
        let notices = topics.len();
        for _ in 0..notices {
            assert_eq!(publisher.recv().await?.frame(0).unwrap()[0], 1);
        }
        leaves.shutdown().await;
        let mut ended = Vec::new();
        for _ in 0..notices - stays.len() {
            let [notice] = &text(&publisher.recv().await?)[..] else { panic!("a notice is one frame") };
            ended.push(notice.strip_prefix("\\x00").expect("an end").to_owned());
        }
        stage.never(publisher.recv()).await;
        ended.sort();
        ended.dedup();
        assert_eq!(ended.len(), notices - stays.len());
        assert!(stays.iter().all(|stays| !ended.iter().any(|ended| ended == stays)));
        Ok(())
    });
}

async fn subscribe_soon(peer: &RawPeer, topic: &str) {
    peer.say_command("SUBSCRIBE", topic.as_bytes()).await;
}
