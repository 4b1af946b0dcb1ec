//! High-water marks of pipes that there are: on both sides of each edge.

use std::time::Duration;

use seaworthy::{Error, Message, Options};

use super::super::fixture::{Fixture, MS, SECOND, play, sockets::*, text};
use super::super::raw::{RawListener, RawPeer, encoded_message};

/// Sends until that would block, and gives how many messages that were.
fn fill(push: &Push) -> usize {
    (0..).take_while(|_| push.try_send("0123456789").is_ok()).count()
}

/// Receives what is in the socket's pipes, while no driver can fill them again, and gives how many messages that were.
fn drain(pull: &Pull) -> usize {
    (0..).take_while(|_| pull.try_recv().is_ok()).count()
}

fn marks(sndhwm: usize, rcvhwm: usize) -> Options {
    Options::default().sndhwm(sndhwm).rcvhwm(rcvhwm).linger(Duration::ZERO)
}

#[test]
fn sndhwm_changes_for_pipes_that_there_are() {
    play(|stage| async move {
        let push: Push = stage.client.open_with(marks(3, 0));
        push.connect(stage.server.at(1))?;
        assert_eq!(fill(&push), 3);
        push.set_sndhwm(5)?;
        assert_eq!(fill(&push), 2);
        push.set_sndhwm(4)?;
        assert_eq!(fill(&push), 0, "a lower mark drops nothing");
        // And for those to come.
        push.connect(stage.server.at(2))?;
        assert_eq!(fill(&push), 4);
        push.set_sndhwm(0)?;
        for _ in 0..10_000 {
            push.try_send("unlimited")?;
        }
        Ok(())
    });
}

#[test]
fn a_send_that_waits_for_room_goes_on_when_the_mark_is_raised() {
    play(|stage| async move {
        let push: Push = stage.client.open_with(marks(1, 0));
        push.connect(stage.server.at(1))?;
        push.send("first").await?;
        let raising = async {
            stage.pass(SECOND).await;
            push.set_sndhwm(2)
        };
        let began = stage.now();
        let (sent, raised) = futures_util::join!(push.send("second"), raising);
        assert_eq!(stage.now() - began, SECOND);
        sent?;
        raised?;
        assert!(push.try_send("third").is_err());
        let mut peer = RawListener::bind(&stage.server, 1).accept_as("PULL").await;
        peer.expect_message(["first"]).await;
        peer.expect_message(["second"]).await;
        Ok(())
    });
}

#[test]
fn sndhwm_bytes_changes_for_pipes_that_there_are() {
    play(|stage| async move {
        let push: Push = stage.client.open_with(marks(0, 0).sndhwm_bytes(1000));
        push.connect(stage.server.at(1))?;
        let before = fill(&push);
        assert!(before > 0);
        assert_eq!(fill(&push), 0);
        push.set_sndhwm_bytes(2000)?;
        let more = fill(&push);
        assert!(more == before || more + 1 == before, "{before} and {more}: one crosses each mark");
        push.set_sndhwm_bytes(500)?;
        assert_eq!(fill(&push), 0);
        Ok(())
    });
}

/// A PULL, and a peer that has sent it more than it takes.
async fn flooded(stage: &Fixture, options: Options) -> (Pull, RawPeer) {
    let pull: Pull = stage.server.open_with(options);
    let peer = RawPeer::connect_as(&stage.client, &stage.server.bind(&pull), "PUSH").await;
    peer.say(&encoded_message(["0123456789"]).repeat(500)).await;
    stage.pass(SECOND).await;
    (pull, peer)
}

#[test]
fn rcvhwm_changes_for_pipes_that_there_are() {
    play(|stage| async move {
        let (pull, _peer) = flooded(&stage, marks(0, 3)).await;
        // The first look takes what came before the change; each later one what the new mark let in.
        for (mark, was) in [(5, 3), (2, 5), (7, 2), (0, 7)] {
            assert_eq!(drain(&pull), was);
            pull.set_rcvhwm(mark)?;
            stage.pass(SECOND).await;
        }
        assert_eq!(drain(&pull), 500 - 3 - 5 - 2 - 7);
        Ok(())
    });
}

#[test]
fn a_raised_rcvhwm_lets_in_what_waits() {
    play(|stage| async move {
        let (pull, _peer) = flooded(&stage, marks(0, 3)).await;
        pull.set_rcvhwm(10)?;
        stage.pass(SECOND).await;
        assert_eq!(drain(&pull), 10, "without anything being received in between");
        Ok(())
    });
}

#[test]
fn rcvhwm_bytes_changes_for_pipes_that_there_are() {
    play(|stage| async move {
        let (pull, _peer) = flooded(&stage, marks(0, 0).rcvhwm_bytes(1000)).await;
        let before = drain(&pull);
        pull.set_rcvhwm_bytes(2000)?;
        stage.pass(SECOND).await;
        let after = drain(&pull);
        assert!(
            after == 2 * before || after + 1 == 2 * before,
            "{before} and {after}: one crosses each mark"
        );
        pull.set_rcvhwm_bytes(0)?;
        stage.pass(SECOND).await;
        assert_eq!(drain(&pull), 500 - before - after);
        Ok(())
    });
}

#[test]
fn every_type_that_waits_for_room_goes_by_the_new_mark() {
    play(|stage| async move {
        let dealer: Dealer = stage.client.open_with(marks(1, 0));
        dealer.connect(stage.server.at(1))?;
        let pair: Pair = stage.client.open_with(marks(1, 0));
        pair.connect(stage.server.at(2))?;
        for _ in 0..2 {
            let sent = [dealer.try_send("x").is_ok(), pair.try_send("x").is_ok()];
            assert_eq!(sent, [true; 2]);
            assert!(dealer.try_send("x").is_err() && pair.try_send("x").is_err());
            dealer.set_sndhwm(2)?;
            pair.set_sndhwm(2)?;
        }
        let router: Router = stage.server.open_with(marks(2, 0).router_mandatory(true));
        let endpoint = stage.server.bind(&router);
        let client: Dealer = stage.client.open_with(marks(0, 1).routing_id("ada"));
        client.connect(endpoint)?;
        stage.pass(SECOND).await;
        stage.control.pause(stage.client.id);
        stage.pass(SECOND).await;
        let large = || Message::from(("ada", vec![0; 200_000]));
        let full = loop {
            match router.send_timeout(large(), SECOND).await {
                Ok(()) => {}
                Err(unsent) => break unsent.error,
            }
        };
        assert!(matches!(full, Error::WouldBlock));
        router.set_sndhwm(3)?;
        router.try_send(large())?;
        assert!(router.try_send(large()).is_err());
        stage.control.resume(stage.client.id);
        Ok(())
    });
}

#[test]
fn a_publisher_drops_by_the_new_mark() {
    play(|stage| async move {
        let publisher: Pub = stage.server.open_with(marks(2, 0));
        publisher.bind("inproc://news")?;
        let sub: Sub = stage.server.open_with(marks(0, 3));
        sub.subscribe("")?;
        sub.connect("inproc://news")?;
        stage.pass(MS).await;
        for (mark, held) in [(2, 5), (4, 7), (1, 4)] {
            publisher.set_sndhwm(mark)?;
            for number in 0..20 {
                publisher.send(number.to_string()).await?;
            }
            let received: Vec<_> =
                std::iter::from_fn(|| sub.try_recv().ok()).map(|message| text(&message)).collect();
            assert_eq!(received.len(), held);
        }
        Ok(())
    });
}

#[test]
fn a_raised_mark_makes_room_for_peers_that_messages_were_dropped_for() {
    play(|stage| async move {
        let publisher: Pub = stage.server.open_with(marks(2, 0));
        publisher.bind("inproc://news")?;
        let subs: [Sub; 2] = std::array::from_fn(|_| stage.server.open_with(marks(0, 3)));
        for sub in &subs {
            sub.subscribe("")?;
            sub.connect("inproc://news")?;
        }
        let xsub: XSub = stage.server.open_with(marks(2, 0));
        xsub.bind("inproc://upstream")?;
        let xpubs: [XPub; 2] = std::array::from_fn(|_| stage.server.open_with(marks(0, 3)));
        for xpub in &xpubs {
            xpub.connect("inproc://upstream")?;
        }
        stage.pass(MS).await;
        let ([stalled_sub, sub], [stalled_xpub, xpub]) = (subs, xpubs);
        // The stalled ones receive nothing, so no credit comes. The first messages for a full pipe earn its reader a
        // turn; after 5000 there are none left, and it is passed over.
        for (mark, messages) in [(2, 5000), (4, 20)] {
            publisher.set_sndhwm(mark)?;
            xsub.set_sndhwm(mark)?;
            for number in 0..messages {
                publisher.send(number.to_string()).await?;
                sub.recv().await?;
                xsub.send(number.to_string()).await?;
                xpub.recv().await?;
            }
        }
        assert_eq!((0..).take_while(|_| stalled_sub.try_recv().is_ok()).count(), 7);
        assert_eq!((0..).take_while(|_| stalled_xpub.try_recv().is_ok()).count(), 7);
        Ok(())
    });
}

#[test]
fn over_inproc_each_side_changes_its_part_of_the_sum() {
    for (push_binds, bind_first) in [(false, true), (false, false), (true, true), (true, false)] {
        play(move |stage| async move {
            let (push, pull): (Push, Pull) =
                (stage.server.open_with(marks(2, 0)), stage.server.open_with(marks(0, 3)));
            let bind = || if push_binds { push.bind("inproc://x") } else { pull.bind("inproc://x") };
            let connect = || if push_binds { pull.connect("inproc://x") } else { push.connect("inproc://x") };
            if bind_first {
                bind()?;
                connect()?;
            } else {
                connect()?;
                bind()?;
            }
            stage.pass(MS).await;
            assert_eq!(fill(&push), 5);
            push.set_sndhwm(4)?;
            assert_eq!(fill(&push), 2);
            pull.set_rcvhwm(5)?;
            assert_eq!(fill(&push), 2);
            push.set_sndhwm(1)?;
            assert_eq!(fill(&push), 0);
            assert_eq!(drain(&pull), 9);
            assert_eq!(fill(&push), 6);
            pull.set_rcvhwm(0)?;
            for _ in 0..1000 {
                push.try_send("unlimited on one side")?;
            }
            Ok(())
        });
    }
}

#[test]
fn an_inproc_mark_that_was_changed_before_the_peer_came_counts() {
    play(|stage| async move {
        let pull: Pull = stage.server.open_with(marks(0, 3));
        pull.bind("inproc://x")?;
        pull.set_rcvhwm(10)?;
        let push: Push = stage.server.open_with(marks(2, 0));
        push.connect("inproc://x")?;
        stage.pass(MS).await;
        assert_eq!(fill(&push), 12);
        Ok(())
    });
}
