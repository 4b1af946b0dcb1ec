//! Connections that are lost and come back, and what becomes of messages (libzmq's test_immediate).

use std::time::Duration;

use seaworthy::Options;
use seaworthy_sim::CrashKind;

use super::fixture::{MS, SECOND, disconnection, handshake, play, sockets::*, text};
use super::raw::{RawListener, RawPeer, encoded_message, hello};

#[test]
fn messages_sent_before_the_peer_is_there_arrive_when_it_is() {
    play(|stage| async move {
        let push: Push = stage.client.open();
        push.connect(stage.server.at(1))?;
        for number in 0..10 {
            push.send(number.to_string()).await?;
        }
        stage.pass(10 * SECOND).await;
        let pull: Pull = stage.server.open();
        pull.bind("tcp://*:1")?;
        for number in 0..10 {
            assert_eq!(text(&pull.recv().await?), [number.to_string()]);
        }
        Ok(())
    });
}

#[test]
fn messages_queue_while_the_connection_is_lost_and_arrive_in_order_after_it() {
    play(|stage| async move {
        let listener = RawListener::bind(&stage.server, 1);
        let push: Push = stage.client.open();
        let mut watch = push.monitor();
        push.connect(stage.server.at(1))?;
        listener.accept_as("PULL").await.reset();
        disconnection(&mut watch).await;
        for number in 0..10 {
            push.send(number.to_string()).await?;
        }
        let mut peer = listener.accept_as("PULL").await;
        for number in 0..10 {
            assert_eq!(peer.message().await, [number.to_string()]);
        }
        Ok(())
    });
}

#[test]
fn a_server_that_restarts_is_found_again() {
    for kind in [CrashKind::Process, CrashKind::Power] {
        play(move |stage| async move {
            let heartbeats = Options::default().heartbeat_ivl(SECOND);
            let dealer: Dealer = stage.client.open_with(heartbeats.connect_timeout(SECOND));
            let mut watch = dealer.monitor();
            dealer.connect(stage.server.at(1))?;
            let router: Router = stage.server.open();
            router.bind("tcp://*:1")?;
            handshake(&mut watch).await;
            stage.control.crash(stage.server.id, kind);
            disconnection(&mut watch).await;
            drop(router);
            stage.control.restart(stage.server.id);
            stage.pass(MS).await;
            let router: Router = stage.server.open();
            router.bind("tcp://*:1")?;
            handshake(&mut watch).await;
            dealer.send("again").await?;
            assert_eq!(text(&router.recv().await?)[1], "again");
            Ok(())
        });
    }
}

/// Cuts a connection off after exactly `bytes` bytes that the peer said, in its handshake or its messages.
fn cut_off_after(bytes: usize) -> bool {
    let reached = std::rc::Rc::new(std::cell::Cell::new(false));
    let flag = std::rc::Rc::clone(&reached);
    play(move |stage| async move {
        let listener = RawListener::bind(&stage.server, 1);
        let dealer: Dealer = stage.client.open();
        dealer.connect(stage.server.at(1))?;
        let speech =
            [hello("DEALER", &[]), encoded_message(["first", "message"]), encoded_message(["second"])]
                .concat();
        let peer = listener.accept().await;
        peer.say(&speech[..bytes.min(speech.len())]).await;
        let whole = speech.len() - encoded_message(["second"]).len();
        if bytes >= whole {
            assert_eq!(text(&dealer.recv().await?), ["first", "message"]);
        }
        if bytes >= speech.len() {
            assert_eq!(text(&dealer.recv().await?), ["second"]);
            flag.set(true);
        }
        // Only what was delivered is known to be read: an orderly end loses nothing that was said.
        peer.shutdown().await;
        let mut peer = listener.accept_as("DEALER").await;
        peer.say_message(["after", "it"]).await;
        assert_eq!(text(&dealer.recv().await?), ["after", "it"]);
        dealer.send(["and", "back"]).await?;
        peer.expect_message(["and", "back"]).await;
        Ok(())
    });
    reached.get()
}

#[test]
fn after_a_connection_that_broke_at_any_byte_the_first_message_is_whole() {
    let mut bytes = 0;
    while !cut_off_after(bytes) {
        bytes += 1;
    }
    assert!(bytes > 100, "{bytes}");
}

/// As above in the other direction: the peer goes away after it read so many bytes of what the socket says.
fn left_after_reading(bytes: usize) -> usize {
    let total = std::rc::Rc::new(std::cell::Cell::new(0));
    let said = std::rc::Rc::clone(&total);
    play(move |stage| async move {
        let listener = RawListener::bind(&stage.server, 1);
        let push: Push = stage.client.open_with(Options::default().linger(Duration::ZERO));
        push.connect(stage.server.at(1))?;
        push.send(["first", "message"]).await?;
        push.send("second").await?;
        let mut peer = listener.accept().await;
        peer.say(&hello("PULL", &[])).await;
        let speech =
            [hello("PUSH", &[]), encoded_message(["first", "message"]), encoded_message(["second"])].concat();
        said.set(speech.len());
        assert_eq!(peer.hear(bytes).await, speech[..bytes]);
        peer.reset();
        let mut peer = listener.accept_as("PULL").await;
        push.send(["after", "it"]).await?;
        // Messages may be lost with the connection, but none is torn, repeated or overtaken.
        let mut expected: Vec<Vec<&str>> =
            vec![vec!["first", "message"], vec!["second"], vec!["after", "it"]];
        loop {
            let message = peer.message().await;
            let position = expected.iter().position(|sent| message == *sent);
            let position = position.unwrap_or_else(|| panic!("{message:?} was not sent, or is late"));
            expected.drain(..=position);
            if expected.is_empty() {
                return Ok(());
            }
        }
    });
    total.get()
}

#[test]
fn a_peer_that_leaves_at_any_byte_is_sent_whole_messages_after_it() {
    let total = left_after_reading(0);
    assert!(total > 100, "{total}");
    for bytes in 1..=total {
        left_after_reading(bytes);
    }
}

#[test]
fn a_flapping_link_tears_nothing() {
    play(|stage| async move {
        let options = Options::default().heartbeat_ivl(SECOND).connect_timeout(SECOND);
        let (push, pull): (Push, Pull) =
            (stage.client.open_with(options.clone()), stage.server.open_with(options));
        push.connect(stage.server.bind(&pull))?;
        let sending = async {
            for number in 0..300u32 {
                push.send([number.to_string(), "x".repeat(5000), number.to_string()]).await?;
                stage.pass(100 * MS).await;
            }
            push.send("end").await
        };
        let flapping = async {
            for round in 0..5 {
                stage.pass((4 + round) * SECOND).await;
                stage.control.cut_both(stage.client.id, stage.server.id);
                stage.pass(3 * SECOND).await;
                stage.control.heal_both(stage.client.id, stage.server.id);
            }
        };
        let receiving = async {
            let mut last = None;
            loop {
                let message = text(&pull.recv().await.expect("a PULL receives"));
                if message == ["end"] {
                    return;
                }
                let number: u32 = message[0].parse().expect("a number");
                assert!(message.len() == 3 && message[0] == message[2] && message[1].len() == 5000);
                assert!(last < Some(number), "{number} after {last:?}");
                last = Some(number);
            }
        };
        let (sent, (), ()) = futures_util::join!(sending, flapping, receiving);
        sent?;
        Ok(())
    });
}

#[test]
fn a_pipe_to_an_endpoint_without_a_peer_takes_its_turn_unless_immediate() {
    // libzmq's test_immediate: half of the messages wait for a peer that is not there.
    for (immediate, delivered) in [(false, 5), (true, 10)] {
        play(move |stage| async move {
            let listener = RawListener::bind(&stage.server, 2);
            let options = Options::default().immediate(immediate).linger(Duration::ZERO);
            let push: Push = stage.client.open_with(options);
            let mut watch = push.monitor();
            push.connect(stage.server.at(1))?;
            push.connect(stage.server.at(2))?;
            let mut peer = listener.accept_as("PULL").await;
            handshake(&mut watch).await;
            for _ in 0..10 {
                push.send("m").await?;
            }
            let mut count = 0;
            while stage.within(SECOND, peer.message()).await.is_some() {
                count += 1;
            }
            assert_eq!(count, delivered);
            Ok(())
        });
    }
}

#[test]
fn immediate_waits_for_a_connection_and_again_when_it_is_lost() {
    play(|stage| async move {
        let push: Push = stage.client.open_with(Options::default().immediate(true));
        let mut watch = push.monitor();
        push.connect(stage.server.at(1))?;
        assert_eq!(push.peers(), 0);
        stage.never(push.send("early")).await;
        let listener = RawListener::bind(&stage.server, 1);
        let (sent, mut peer) = futures_util::join!(push.send("in time"), listener.accept_as("PULL"));
        sent?;
        peer.expect_message(["in time"]).await;
        peer.reset();
        disconnection(&mut watch).await;
        assert_eq!(push.peers(), 0);
        assert!(push.try_send("no peer").is_err());
        let (sent, mut peer) = futures_util::join!(push.send("again"), listener.accept_as("PULL"));
        sent?;
        peer.expect_message(["again"]).await;
        Ok(())
    });
}

#[test]
fn a_bound_socket_drops_what_it_queued_for_a_peer_that_left() {
    play(|stage| async move {
        let push: Push = stage.server.open();
        let endpoint = stage.server.bind(&push);
        let mut watch = push.monitor();
        let mut peer = RawPeer::connect_as(&stage.client, &endpoint, "PULL").await;
        peer.barrier().await;
        let body = "b".repeat(200_000);
        for _ in 0..10 {
            push.send(body.clone()).await?;
        }
        peer.reset();
        disconnection(&mut watch).await;
        let mut next = RawPeer::connect_as(&stage.client, &endpoint, "PULL").await;
        next.barrier().await;
        push.send("fresh").await?;
        next.expect_message(["fresh"]).await;
        Ok(())
    });
}
