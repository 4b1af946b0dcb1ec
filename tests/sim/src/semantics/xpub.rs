//! XPUB (RFC 29; libzmq's test_xpub_manual, test_xpub_manual_last_value, test_xpub_nodrop, test_xpub_topic,
//! test_xpub_verbose, test_xpub_welcome_msg).

use std::time::Duration;

use futures_util::join;
use seaworthy::{Endpoint, Error, Options};

use super::raw::{Ending, RawListener, RawPeer, encoded_command, encoded_message};
use super::stage::{
    MS, Outcome, Place, SECOND, Stage, disconnection, frames, handshake, play, sockets::*, text,
};

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
fn xpub_that_must_not_drop_waits_for_all_that_match() {
    play(|stage| async move {
        let publisher: XPub = stage.server.open_with(Options::default().sndhwm(4).xpub_nodrop(true));
        let endpoint = stage.server.bind(&publisher);
        let mut peer = subscriber(&stage.client, &endpoint, &["A"]).await;
        expect(&publisher, &["+A"]).await?;
        for _ in 0..4 {
            publisher.try_send("A")?;
        }
        let refused = publisher.try_send("A").unwrap_err();
        assert!(matches!(refused.error, Error::WouldBlock), "{refused:?}");
        publisher.try_send("B")?;
        publisher.send("A last").await?;
        for _ in 0..4 {
            peer.expect_message(["A"]).await;
        }
        peer.expect_message(["A last"]).await;
        Ok(())
    });
}

#[test]
fn xpub_drops_what_a_subscriber_has_no_room_for() {
    play(|stage| async move {
        let publisher: XPub = stage.server.open_with(Options::default().sndhwm(4));
        let endpoint = stage.server.bind(&publisher);
        let mut peer = subscriber(&stage.client, &endpoint, &[""]).await;
        for number in 0..10 {
            publisher.try_send(number.to_string())?;
        }
        for number in 0..4 {
            peer.expect_message([&number.to_string()]).await;
        }
        publisher.send("again").await?;
        peer.expect_message(["again"]).await;
        Ok(())
    });
}

#[test]
fn the_welcome_message_comes_first_on_every_connection_of_pub_and_xpub() {
    play(|stage| async move {
        let welcoming = || Options::default().xpub_welcome_msg("W");
        let (plain, extended): (Pub, XPub) =
            (stage.server.open_with(welcoming()), stage.server.open_with(welcoming()));
        for endpoint in [stage.server.bind(&plain), stage.server.bind(&extended)] {
            for _ in 0..2 {
                let mut peer = RawPeer::connect_as(&stage.client, &endpoint, "SUB").await;
                peer.expect_message(["W"]).await;
                stage.never(peer.frame()).await;
            }
            // A SUB gets it if it has asked for it before it connects.
            let (asks, does_not): (Sub, Sub) = (stage.client.open(), stage.other.open());
            asks.subscribe("W")?;
            does_not.subscribe("X")?;
            asks.connect(&endpoint)?;
            does_not.connect(&endpoint)?;
            assert_eq!(text(&asks.recv().await?), ["W"]);
            stage.never(does_not.recv()).await;
        }
        Ok(())
    });
}

#[test]
fn a_connecting_publisher_welcomes_again_when_it_reconnects() {
    play(|stage| async move {
        let publisher: XPub = stage.server.open_with(Options::default().xpub_welcome_msg("W"));
        let listener = RawListener::bind(&stage.client, 1);
        publisher.connect(stage.client.at(1))?;
        for _ in 0..2 {
            let mut peer = listener.accept_as("SUB").await;
            peer.expect_message(["W"]).await;
            peer.reset();
        }
        Ok(())
    });
}

fn manual() -> [Options; 2] {
    [Options::default().xpub_manual(true), Options::default().xpub_manual_last_value(true)]
}

/// Plays the same script on an XPUB with `xpub_manual` and with `xpub_manual_last_value`.
#[track_caller]
fn play_manually<F>(script: impl Fn(Stage, XPub, Endpoint) -> F + Copy + 'static)
where
    F: Future<Output = Outcome> + 'static,
{
    for options in manual() {
        play(move |stage| {
            let publisher: XPub = stage.server.open_with(options);
            let endpoint = stage.server.bind(&publisher);
            script(stage, publisher, endpoint)
        });
    }
}

#[test]
fn manual_gives_a_peer_the_topics_that_the_user_decides() {
    play_manually(|stage, publisher, endpoint| async move {
        let mut peer = subscriber(&stage.client, &endpoint, &["A", "B"]).await;
        expect(&publisher, &["+A"]).await?;
        publisher.subscribe("XA")?;
        expect(&publisher, &["+B"]).await?;
        publisher.subscribe("XB")?;
        cancel(&mut peer, &["A"]).await;
        expect(&publisher, &["-A"]).await?;
        publisher.unsubscribe("XA")?;
        for topic in ["A", "B", "XA", "XB"] {
            publisher.send(topic).await?;
        }
        peer.expect_message(["XB"]).await;
        peer.reset();
        expect(&publisher, &["-B"]).await?;
        // Nobody is left to decide about.
        publisher.subscribe("XB")?;
        publisher.unsubscribe("XB")?;
        stage.never(publisher.recv()).await;
        Ok(())
    });
}

#[test]
fn manual_decides_about_the_peer_of_the_last_notice_received_and_not_of_the_last_that_came() {
    // libzmq's test_missing_subscriptions.
    play_manually(|stage, publisher, endpoint| async move {
        let mut first = subscriber(&stage.client, &endpoint, &["1"]).await;
        let mut second = subscriber(&stage.other, &endpoint, &["2"]).await;
        expect(&publisher, &["+1"]).await?;
        publisher.subscribe("1")?;
        expect(&publisher, &["+2"]).await?;
        publisher.subscribe("2")?;
        publisher.send("2").await?;
        publisher.send("1").await?;
        first.expect_message(["1"]).await;
        second.expect_message(["2"]).await;
        Ok(())
    });
}

#[test]
fn manual_tells_every_subscription_and_every_end_also_when_peers_leave() {
    play_manually(|stage, publisher, endpoint| async move {
        let mut first = subscriber(&stage.client, &endpoint, &["A", "A"]).await;
        let second = subscriber(&stage.other, &endpoint, &["A"]).await;
        expect(&publisher, &["+A", "+A", "+A"]).await?;
        publisher.subscribe("A")?;
        cancel(&mut first, &["A", "A"]).await;
        expect(&publisher, &["-A", "-A"]).await?;
        subscribe(&mut first, &["A"]).await;
        expect(&publisher, &["+A"]).await?;
        second.reset();
        first.reset();
        expect(&publisher, &["-A", "-A"]).await?;
        stage.never(publisher.recv()).await;
        Ok(())
    });
}

#[test]
fn manual_gives_nothing_to_a_peer_that_left_before_its_notice_was_received() {
    play_manually(|stage, publisher, endpoint| async move {
        let mut watch = publisher.monitor();
        subscriber(&stage.client, &endpoint, &["A"]).await.reset();
        disconnection(&mut watch).await;
        let mut next = subscriber(&stage.client, &endpoint, &["B"]).await;
        expect(&publisher, &["+A"]).await?;
        publisher.subscribe("")?;
        publisher.send("for nobody").await?;
        expect(&publisher, &["-A"]).await?;
        publisher.subscribe("")?;
        publisher.send("for nobody").await?;
        expect(&publisher, &["+B"]).await?;
        publisher.subscribe("")?;
        publisher.send("for the next").await?;
        next.expect_message(["for the next"]).await;
        Ok(())
    });
}

#[test]
fn manual_last_value_sends_the_first_message_after_a_subscription_to_that_subscriber_only() {
    for (options, again) in manual().into_iter().zip([true, false]) {
        play(move |stage| async move {
            let publisher: XPub = stage.server.open_with(options);
            let endpoint = stage.server.bind(&publisher);
            let mut first = subscriber(&stage.client, &endpoint, &["A"]).await;
            expect(&publisher, &["+A"]).await?;
            publisher.subscribe("A")?;
            publisher.send("A1").await?;
            first.expect_message(["A1"]).await;

            let mut second = subscriber(&stage.other, &endpoint, &["A"]).await;
            expect(&publisher, &["+A"]).await?;
            publisher.subscribe("A")?;
            publisher.send("A1").await?;
            publisher.send("A2").await?;
            second.expect_message(["A1"]).await;
            second.expect_message(["A2"]).await;
            if again {
                first.expect_message(["A1"]).await;
            }
            first.expect_message(["A2"]).await;

            // The end of a subscription is no reason to keep the next message from the others.
            cancel(&mut second, &["A"]).await;
            expect(&publisher, &["-A"]).await?;
            publisher.unsubscribe("A")?;
            publisher.send("A3").await?;
            first.expect_message(["A3"]).await;
            stage.never(second.frame()).await;
            Ok(())
        });
    }
}

#[test]
fn manual_last_value_does_not_wait_for_a_subscriber_that_changed_its_mind() {
    play(|stage| async move {
        let publisher: XPub = stage.server.open_with(Options::default().xpub_manual_last_value(true));
        let endpoint = stage.server.bind(&publisher);
        let mut first = subscriber(&stage.client, &endpoint, &["A"]).await;
        expect(&publisher, &["+A"]).await?;
        publisher.subscribe("A")?;
        publisher.send("A1").await?;
        first.expect_message(["A1"]).await;
        let mut second = subscriber(&stage.other, &endpoint, &["A"]).await;
        cancel(&mut second, &["A"]).await;
        expect(&publisher, &["+A"]).await?;
        publisher.subscribe("A")?;
        expect(&publisher, &["-A"]).await?;
        publisher.unsubscribe("A")?;
        publisher.send("A2").await?;
        first.expect_message(["A2"]).await;
        Ok(())
    });
}

#[test]
fn only_a_manual_xpub_lets_its_user_subscribe() {
    play(|stage| async move {
        let publisher: XPub = stage.server.open();
        for outcome in [publisher.subscribe("A"), publisher.unsubscribe("A")] {
            match outcome {
                Err(Error::InvalidState { socket: "XPUB", state: "xpub_manual is not set", .. }) => {}
                other => panic!("{other:?}"),
            }
        }
        let publisher: XPub = stage.server.open_with(Options::default().xpub_manual(true));
        publisher.subscribe("before any notice")?;
        publisher.unsubscribe("before any notice")?;
        Ok(())
    });
}

#[test]
fn subscriptions_take_effect_though_nobody_receives_notice_of_them() {
    play(|stage| async move {
        let publisher: XPub = stage.server.open_with(Options::default().rcvhwm(10));
        let endpoint = stage.server.bind(&publisher);
        // Without a PING: whoever sends one is read ahead of anyway.
        let mut peer = RawPeer::connect_as(&stage.client, &endpoint, "SUB").await;
        let topics: Vec<u8> = (0..5000u32)
            .flat_map(|number| encoded_command("SUBSCRIBE", format!("{number}.").as_bytes()))
            .collect();
        peer.say(&topics).await;
        stage.pass(10 * SECOND).await;
        publisher.send("4999.").await?;
        peer.expect_message(["4999."]).await;
        for number in 0..5000 {
            expect(&publisher, &[&format!("+{number}.")]).await?;
        }
        expect_nothing(&publisher);
        Ok(())
    });
}

#[test]
fn a_peer_that_is_told_about_without_end_is_read_no_further_and_the_others_are() {
    play(|stage| async move {
        let options = Options::default().rcvhwm(10).rcvbuf_pending(10_000);
        let publisher: XPub = stage.server.open_with(options);
        let endpoint = stage.server.bind(&publisher);
        let restless = subscriber(&stage.client, &endpoint, &[]).await;
        let turn: Vec<u8> =
            [encoded_command("SUBSCRIBE", b"A"), encoded_command("CANCEL", b"A")].concat().repeat(1000);
        let mut turns = 0;
        while stage.within(10 * SECOND, restless.say(&turn)).await.is_some() {
            turns += 1;
            assert!(turns < 1000, "it is read for ever");
        }
        let mut other = subscriber(&stage.other, &endpoint, &["B"]).await;
        publisher.send("B").await?;
        other.expect_message(["B"]).await;
        // Nothing is lost: it goes on when somebody receives.
        for _ in 0..1000 * turns {
            let mut notice = text(&publisher.recv().await?);
            if notice == ["\\x01B"] {
                notice = text(&publisher.recv().await?);
            }
            assert_eq!(notice, ["\\x01A"]);
            let mut notice = text(&publisher.recv().await?);
            if notice == ["\\x01B"] {
                notice = text(&publisher.recv().await?);
            }
            assert_eq!(notice, ["\\x00A"]);
        }
        Ok(())
    });
}

#[test]
fn a_refused_subscription_is_not_told() {
    play(|stage| async move {
        let publisher: XPub = stage.server.open();
        let endpoint = stage.server.bind(&publisher);
        let mut greedy = subscriber(&stage.client, &endpoint, &[]).await;
        let topics: Vec<u8> = (0..seaworthy::TOPICS_MAX as u32)
            .flat_map(|number| encoded_command("SUBSCRIBE", &number.to_be_bytes()))
            .collect();
        greedy.say(&topics).await;
        greedy.barrier().await;
        greedy.say_command("SUBSCRIBE", b"one more").await;
        greedy.end().await;
        let mut held = 0;
        loop {
            let notice = publisher.recv().await?;
            let frame = notice.frame(0).unwrap_or_default();
            assert_eq!(frame.len(), 5, "{notice:?}");
            held += if frame[0] == 1 { 1 } else { -1 };
            if held == 0 {
                break;
            }
        }
        stage.never(publisher.recv()).await;
        Ok(())
    });
}

#[test]
fn what_an_xsub_sends_fills_the_pipe_and_waits() {
    play(|stage| async move {
        let publisher: XPub = stage.server.open_with(Options::default().rcvhwm(10).rcvbuf_pending(10_000));
        let peer = RawPeer::connect_as(&stage.client, &stage.server.bind(&publisher), "XSUB").await;
        let message = encoded_message([&"m".repeat(1000)]);
        let mut said = 0;
        while stage.within(10 * SECOND, peer.say(&message)).await.is_some() {
            said += 1;
            assert!(said < 10_000, "there is no end to what it takes");
        }
        for _ in 0..said {
            publisher.recv().await?;
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
            peer.say(&super::raw::hello(other, &[])).await;
            assert_eq!(peer.end().await, Ending::Closed);
        }
        assert_eq!(publisher.peers(), 0);
        Ok(())
    });
}

/// Between two sockets in both directions, as a proxy does, for as long as they live.
async fn forward(front: &XSub, back: &XPub) {
    let down = async {
        while let Ok(message) = front.recv().await {
            back.send(message).await.expect("an XPUB always sends");
        }
    };
    let up = async {
        while let Ok(message) = back.recv().await {
            front.send(message).await.expect("an XSUB always sends");
        }
    };
    join!(down, up);
}

#[test]
fn a_forwarder_passes_subscriptions_up_and_messages_down_and_ends_what_nobody_wants() {
    // libzmq's test_sub_forward, with subscribers that come and go.
    play(|stage| async move {
        let (front, back): (XSub, XPub) = (stage.server.open(), stage.server.open());
        let (front_end, back_end) = (stage.server.bind(&front), stage.server.bind(&back));
        let mut watch = back.monitor();
        let publisher: XPub = stage.other.open();
        publisher.connect(front_end)?;
        let script = async {
            let subs: [Sub; 2] = [stage.client.open(), stage.client.open()];
            for sub in &subs {
                sub.subscribe("A")?;
                sub.connect(&back_end)?;
                handshake(&mut watch).await;
            }
            expect(&publisher, &["+A"]).await?;
            stage.pass(10 * MS).await;
            publisher.send("B").await?;
            publisher.send(["A", "body"]).await?;
            for sub in subs {
                assert_eq!(sub.recv().await?, frames(["A", "body"]));
                stage.never(publisher.recv()).await;
                drop(sub);
            }
            expect(&publisher, &["-A"]).await?;
            Ok(())
        };
        beside(script, forward(&front, &back)).await
    });
}

/// What `script` gives, while `other` runs beside it.
async fn beside(script: impl Future<Output = Outcome>, other: impl Future<Output = ()>) -> Outcome {
    use futures_util::future::{Either, select};
    match select(std::pin::pin!(script), std::pin::pin!(other)).await {
        Either::Left((outcome, _)) => outcome,
        Either::Right(_) => Err("the forwarder ended".into()),
    }
}

#[test]
fn a_manual_forwarder_can_pass_on_each_subscriber_by_itself() {
    // libzmq's test_xpub_proxy_unsubscribe_on_disconnect.
    play(|stage| async move {
        let front: XSub = stage.server.open();
        let back: XPub = stage.server.open_with(Options::default().xpub_manual(true));
        let (front_end, back_end) = (stage.server.bind(&front), stage.server.bind(&back));
        let publisher: XPub = stage.other.open();
        publisher.connect(front_end)?;
        let subs: [Sub; 2] = [stage.client.open(), stage.client.open()];
        for sub in &subs {
            sub.subscribe("1")?;
            sub.connect(&back_end)?;
            let notice = back.recv().await?;
            back.subscribe("1")?;
            front.send(notice).await?;
        }
        expect(&publisher, &["+1"]).await?;
        publisher.send(["1", "X"]).await?;
        back.send(front.recv().await?).await?;
        for sub in subs {
            assert_eq!(sub.recv().await?, frames(["1", "X"]));
        }
        for _ in 0..2 {
            let notice = back.recv().await?;
            back.unsubscribe("1")?;
            front.send(notice).await?;
        }
        expect(&publisher, &["-1"]).await?;
        publisher.send(["1", "X"]).await?;
        stage.never(front.recv()).await;
        Ok(())
    });
}

#[test]
fn a_dropped_recv_loses_no_notice() {
    play(|stage| async move {
        let publisher: XPub = stage.server.open();
        let endpoint = stage.server.bind(&publisher);
        let mut watch = publisher.monitor();
        assert!(stage.within(SECOND, publisher.recv()).await.is_none());
        let peer = subscriber(&stage.client, &endpoint, &["A"]).await;
        drop(publisher.recv());
        expect(&publisher, &["+A"]).await?;
        assert!(stage.within(Duration::from_millis(10), publisher.recv()).await.is_none());
        peer.reset();
        disconnection(&mut watch).await;
        drop(publisher.recv());
        expect(&publisher, &["-A"]).await?;
        Ok(())
    });
}
