//! The user decides what each peer is subscribed to (`xpub_manual`).

use seaworthy::{Endpoint, Error, Options};

use super::super::fixture::{Fixture, Outcome, disconnection, play, sockets::*};
use super::{cancel, expect, subscribe, subscriber};

fn manual() -> [Options; 2] {
    [Options::default().xpub_manual(true), Options::default().xpub_manual_last_value(true)]
}

/// Plays the same script on an XPUB with `xpub_manual` and with `xpub_manual_last_value`.
#[track_caller]
fn play_manually<F>(script: impl Fn(Fixture, XPub, Endpoint) -> F + Copy + 'static)
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
