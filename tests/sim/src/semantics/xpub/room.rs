//! What is dropped, what waits, and who is read no further.

use std::time::Duration;

use seaworthy::{Error, Options};

use super::super::fixture::{SECOND, disconnection, play, sockets::*, text};
use super::super::raw::{RawPeer, encoded_command, encoded_message};
use super::{expect, expect_nothing, subscriber};

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
fn a_refused_subscription_is_not_told() {
    play(|stage| async move {
        let publisher: XPub = stage.server.open();
        let endpoint = stage.server.bind(&publisher);
        let mut greedy = subscriber(&stage.client, &endpoint, &[]).await;
        let topics: Vec<u8> = (0..seaworthy::limits::TOPICS_MAX as u32)
            .flat_map(|number| encoded_command("SUBSCRIBE", &number.to_be_bytes()))
            .collect();
        greedy.say(&topics).await;
        greedy.barrier().await;
        greedy.say_command("SUBSCRIBE", b"one more").await;
        greedy.end().await;
        // Of so many, subscriptions that have ended by now need not be told.
        let mut held = 0;
        while let Some(notice) = stage.within(SECOND, publisher.recv()).await {
            let notice = notice?;
            let frame = notice.frame(0).unwrap_or_default();
            assert_eq!(frame.len(), 5, "{notice:?}");
            held += if frame[0] == 1 { 1 } else { -1 };
        }
        assert_eq!(held, 0);
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
