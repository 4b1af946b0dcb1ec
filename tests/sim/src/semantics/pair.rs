//! PAIR (RFC 31; libzmq's test_pair_tcp, test_pair_ipc, test_issue_566).

use std::time::Duration;

use futures_util::join;
use seaworthy::monitor::Event;
use seaworthy::{Error, Options};

use super::fixture::{SECOND, disconnection, event, frames, handshake, play, sockets::*, text};
use super::raw::{Ending, RawListener, RawPeer, encoded_message};

#[test]
fn two_pairs_talk_both_ways_over_tcp_and_ipc() {
    for wildcard in ["tcp://127.0.0.1:*", "ipc://*"] {
        play(move |stage| async move {
            let (bound, connected): (Pair, Pair) = (stage.server.open(), stage.server.open());
            connected.connect(bound.bind(wildcard)?)?;
            for round in 0..100 {
                connected.send(format!("question {round}")).await?;
                assert_eq!(text(&bound.recv().await?), [format!("question {round}")]);
                bound.send(["answer".to_owned(), round.to_string()]).await?;
                assert_eq!(text(&connected.recv().await?), ["answer".to_owned(), round.to_string()]);
            }
            Ok(())
        });
    }
}

#[test]
fn a_second_peer_is_kept_out_as_long_as_the_first_is_there() {
    play(|stage| async move {
        let pair: Pair = stage.server.open();
        let endpoint = stage.server.bind(&pair);
        let mut watch = pair.monitor();
        let mut first = RawPeer::connect_as(&stage.client, &endpoint, "PAIR").await;
        handshake(&mut watch).await;
        for _ in 0..3 {
            let mut second = RawPeer::connect(&stage.other, &endpoint).await;
            let refused = event(&mut watch, |event| matches!(event, Event::HandshakeFailed { .. })).await;
            assert!(
                matches!(&refused, Event::HandshakeFailed { reason, .. }
                    if reason == "the socket takes no more peers"),
                "{refused:?}"
            );
            assert_eq!(second.rest().await, (bytes::Bytes::new(), Ending::Closed));
        }
        assert_eq!(pair.peers(), 1);
        pair.send("to the first").await?;
        first.expect_message(["to the first"]).await;
        first.say_message(["from the first"]).await;
        assert_eq!(text(&pair.recv().await?), ["from the first"]);
        Ok(())
    });
}

#[test]
fn while_one_shakes_hands_nobody_else_is_let_in() {
    play(|stage| async move {
        let pair: Pair = stage.server.open();
        let endpoint = stage.server.bind(&pair);
        let mut watch = pair.monitor();
        let mut first = RawPeer::connect(&stage.client, &endpoint).await;
        first.say(&super::raw::greeting(1)).await;
        first.hear(super::raw::GREETING).await;
        // After a handshake it would send what nobody receives.
        let mut second = RawPeer::connect(&stage.other, &endpoint).await;
        assert_eq!(second.rest().await, (bytes::Bytes::new(), Ending::Closed));
        first.say(&super::raw::hello("PAIR", &[])[super::raw::GREETING..]).await;
        handshake(&mut watch).await;
        first.say_message(["first"]).await;
        assert_eq!(text(&pair.recv().await?), ["first"]);
        Ok(())
    });
}

#[test]
fn one_that_never_finishes_its_handshake_does_not_keep_the_next_one_out_for_ever() {
    play(|stage| async move {
        let pair: Pair = stage.server.open_with(Options::default().handshake_ivl(SECOND));
        let endpoint = stage.server.bind(&pair);
        let mut half = RawPeer::connect(&stage.other, &endpoint).await;
        half.say(&super::raw::greeting(1)).await;
        half.hear(super::raw::GREETING).await;
        let next: Pair = stage.client.open();
        next.connect(&endpoint)?;
        next.send("next").await?;
        assert_eq!(text(&pair.recv().await?), ["next"]);
        Ok(())
    });
}

#[test]
fn two_that_knock_at_the_same_time_lose_nothing() {
    play(|stage| async move {
        let pair: Pair = stage.server.open();
        let endpoint = stage.server.bind(&pair);
        let mut knocking: Vec<Pair> = vec![stage.client.open(), stage.other.open()];
        for (number, socket) in knocking.iter().enumerate() {
            socket.connect(&endpoint)?;
            socket.send(number.to_string()).await?;
        }
        let first: usize = text(&pair.recv().await?)[0].parse()?;
        knocking.remove(first).close().await;
        assert_eq!(text(&pair.recv().await?), [(1 - first).to_string()]);
        Ok(())
    });
}

#[test]
fn the_next_has_its_turn_when_the_first_is_gone_and_what_it_queued_is_not_lost() {
    play(|stage| async move {
        let pair: Pair = stage.server.open();
        let endpoint = stage.server.bind(&pair);
        let (first, next): (Pair, Pair) = (stage.client.open(), stage.other.open());
        first.connect(&endpoint)?;
        first.send("first").await?;
        assert_eq!(text(&pair.recv().await?), ["first"]);
        next.connect(&endpoint)?;
        for number in 0..3 {
            next.send(number.to_string()).await?;
        }
        stage.never(pair.recv()).await;
        first.close().await;
        for number in 0..3 {
            assert_eq!(text(&pair.recv().await?), [number.to_string()]);
        }
        pair.send("to the next").await?;
        assert_eq!(text(&next.recv().await?), ["to the next"]);
        Ok(())
    });
}

#[test]
fn what_the_former_peer_left_behind_is_received_before_what_the_next_one_sends() {
    play(|stage| async move {
        let pair: Pair = stage.server.open();
        let endpoint = stage.server.bind(&pair);
        let mut watch = pair.monitor();
        for name in ["former", "next"] {
            let mut peer = RawPeer::connect_as(&stage.client, &endpoint, "PAIR").await;
            for number in 0..3 {
                peer.say_message([name, &number.to_string()]).await;
            }
            peer.barrier().await;
            peer.reset();
            disconnection(&mut watch).await;
        }
        let mut last = RawPeer::connect_as(&stage.client, &endpoint, "PAIR").await;
        // It can be answered before the others' words are read.
        pair.send("to the last").await?;
        last.expect_message(["to the last"]).await;
        for name in ["former", "next"] {
            for number in 0..3 {
                assert_eq!(pair.recv().await?, frames([name, &number.to_string()]));
            }
        }
        last.say_message(["last"]).await;
        assert_eq!(text(&pair.recv().await?), ["last"]);
        assert_eq!(pair.peers(), 1);
        Ok(())
    });
}

#[test]
fn pair_waits_while_it_has_no_peer() {
    play(|stage| async move {
        let pair: Pair = stage.server.open();
        let endpoint = stage.server.bind(&pair);
        assert!(matches!(pair.try_send("early").unwrap_err().error, Error::WouldBlock));
        stage.never(pair.send("early")).await;
        let (sent, mut peer) = join!(pair.send("in time"), async {
            stage.pass(SECOND).await;
            RawPeer::connect_as(&stage.client, &endpoint, "PAIR").await
        });
        sent?;
        peer.expect_message(["in time"]).await;
        let mut watch = pair.monitor();
        peer.reset();
        disconnection(&mut watch).await;
        stage.never(pair.send("late")).await;
        Ok(())
    });
}

#[test]
fn pair_waits_at_its_high_water_mark_and_drops_nothing() {
    play(|stage| async move {
        let pair: Pair = stage.server.open_with(Options::default().sndhwm(4));
        let endpoint = stage.server.bind(&pair);
        let mut watch = pair.monitor();
        let mut peer = RawPeer::connect_as(&stage.client, &endpoint, "PAIR").await;
        handshake(&mut watch).await;
        for number in 0..4 {
            pair.try_send(number.to_string())?;
        }
        assert!(matches!(pair.try_send("4").unwrap_err().error, Error::WouldBlock));
        pair.send("4").await?;
        for number in 0..5 {
            peer.expect_message([&number.to_string()]).await;
        }
        // A peer that does not read stops the sender for good, and loses nothing.
        let body = "b".repeat(100_000);
        let mut sent = 0;
        while stage.within(10 * SECOND, pair.send(body.clone())).await.is_some() {
            sent += 1;
            assert!(sent < 1000, "nobody reads");
        }
        for _ in 0..sent {
            peer.expect_message([&body]).await;
        }
        Ok(())
    });
}

#[test]
fn a_sender_that_waits_goes_on_with_the_next_peer() {
    play(|stage| async move {
        let pair: Pair = stage.server.open_with(Options::default().sndhwm(1));
        let endpoint = stage.server.bind(&pair);
        let first = RawPeer::connect_as(&stage.client, &endpoint, "PAIR").await;
        let body = "b".repeat(1_000_000);
        while stage.within(10 * SECOND, pair.send(body.clone())).await.is_some() {}
        let (sent, mut next) = join!(pair.send("for whoever comes"), async {
            first.reset();
            let mut next = RawPeer::connect(&stage.other, &endpoint).await;
            next.shake_hands("PAIR").await;
            next
        });
        sent?;
        next.expect_message(["for whoever comes"]).await;
        Ok(())
    });
}

#[test]
fn a_full_pair_is_sent_no_more_than_it_holds() {
    play(|stage| async move {
        let pair: Pair = stage.server.open_with(Options::default().rcvhwm(10));
        let peer = RawPeer::connect_as(&stage.client, &stage.server.bind(&pair), "PAIR").await;
        let message = encoded_message([&"m".repeat(1000)]);
        let mut said = 0;
        while stage.within(10 * SECOND, peer.say(&message)).await.is_some() {
            said += 1;
            assert!(said < 10_000, "there is no end to what it takes");
        }
        for _ in 0..said {
            pair.recv().await?;
        }
        Ok(())
    });
}

#[test]
fn a_connected_pair_keeps_its_messages_for_the_peer_that_comes_back() {
    play(|stage| async move {
        let listener = RawListener::bind(&stage.server, 1);
        let pair: Pair = stage.client.open();
        let mut watch = pair.monitor();
        pair.connect(stage.server.at(1))?;
        pair.send("before there is anybody").await?;
        let mut peer = listener.accept_as("PAIR").await;
        peer.expect_message(["before there is anybody"]).await;
        peer.reset();
        disconnection(&mut watch).await;
        pair.send("in between").await?;
        let mut peer = listener.accept_as("PAIR").await;
        peer.expect_message(["in between"]).await;
        Ok(())
    });
}

#[test]
fn a_pair_that_has_a_peer_connects_to_nobody_else() {
    play(|stage| async move {
        let listener = RawListener::bind(&stage.server, 1);
        let pair: Pair = stage.client.open();
        let own = stage.client.bind(&pair);
        let mut watch = pair.monitor();
        pair.connect(stage.server.at(1))?;
        pair.connect(stage.other.at(1))?;
        let stopped = event(&mut watch, |event| matches!(event, Event::ConnectStopped { .. })).await;
        assert!(
            matches!(&stopped, Event::ConnectStopped { endpoint, reason }
                if *endpoint == stage.other.at(1) && reason == "the socket takes no more peers"),
            "{stopped:?}"
        );
        assert!(matches!(pair.disconnect(stage.other.at(1)), Err(Error::UnknownEndpoint(_))));
        // Nor does it let anybody in, also while there is no connection.
        assert_eq!(RawPeer::connect(&stage.other, &own).await.end().await, Ending::Closed);
        let mut peer = listener.accept_as("PAIR").await;
        pair.send("to the only one").await?;
        peer.expect_message(["to the only one"]).await;
        // Once the endpoint is given up there is room.
        pair.disconnect(stage.server.at(1))?;
        let mut next = RawPeer::connect_as(&stage.other, &own, "PAIR").await;
        pair.send("to the next").await?;
        next.expect_message(["to the next"]).await;
        Ok(())
    });
}

#[test]
fn a_pair_that_connects_with_immediate_waits_for_its_turn_too() {
    play(|stage| async move {
        let listener = RawListener::bind(&stage.server, 1);
        let pair: Pair = stage.client.open_with(Options::default().immediate(true).linger(Duration::ZERO));
        let own = stage.client.bind(&pair);
        let mut watch = pair.monitor();
        let first = RawPeer::connect_as(&stage.other, &own, "PAIR").await;
        handshake(&mut watch).await;
        pair.connect(stage.server.at(1))?;
        let mut refused = listener.accept_as("PAIR").await;
        refused.end().await;
        drop(first);
        loop {
            let mut next = listener.accept_as("PAIR").await;
            let (sent, said) =
                join!(stage.within(SECOND, pair.send("hello")), stage.within(SECOND, next.read()));
            if sent.is_some() {
                assert!(matches!(said, Some(Ok(1..))), "{said:?}");
                return Ok(());
            }
        }
    });
}

#[test]
fn unbinding_lets_the_peer_go_and_makes_room() {
    play(|stage| async move {
        let pair: Pair = stage.server.open();
        let endpoint = stage.server.bind(&pair);
        let mut watch = pair.monitor();
        let mut peer = RawPeer::connect_as(&stage.client, &endpoint, "PAIR").await;
        peer.say_message(["left behind"]).await;
        peer.barrier().await;
        pair.unbind("tcp://*:*")?;
        peer.end().await;
        let second = stage.server.bind(&pair);
        let next = RawPeer::connect_as(&stage.client, &second, "PAIR").await;
        handshake(&mut watch).await;
        next.say_message(["from the next"]).await;
        assert_eq!(text(&pair.recv().await?), ["left behind"]);
        assert_eq!(text(&pair.recv().await?), ["from the next"]);
        Ok(())
    });
}

#[test]
fn a_former_peer_that_takes_nothing_does_not_keep_the_next_one_from_being_heard() {
    play(|stage| async move {
        let pair: Pair = stage.server.open();
        let endpoint = stage.server.bind(&pair);
        let _stalled = RawPeer::connect_as(&stage.client, &endpoint, "PAIR").await;
        let body = "b".repeat(1_000_000);
        for _ in 0..10 {
            pair.send(body.clone()).await?;
        }
        // What is queued lingers for ever.
        pair.unbind("tcp://*:*")?;
        let second = stage.server.bind(&pair);
        let next = RawPeer::connect_as(&stage.other, &second, "PAIR").await;
        next.say_message(["heard"]).await;
        assert_eq!(text(&pair.recv().await?), ["heard"]);
        Ok(())
    });
}

#[test]
fn pair_talks_to_pair_only() {
    play(|stage| async move {
        let pair: Pair = stage.server.open();
        let endpoint = stage.server.bind(&pair);
        for other in ["PULL", "XPUB", "DEALER"] {
            let mut peer = RawPeer::connect(&stage.client, &endpoint).await;
            peer.say(&super::raw::hello(other, &[])).await;
            peer.end().await;
        }
        // Who was refused holds no place.
        let mut peer = RawPeer::connect_as(&stage.client, &endpoint, "PAIR").await;
        pair.send("hello").await?;
        peer.expect_message(["hello"]).await;
        Ok(())
    });
}
