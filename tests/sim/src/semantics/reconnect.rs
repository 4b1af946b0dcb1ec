//! Connections that are lost and come back (libzmq's test_reconnect_ivl, test_reconnect_options, test_immediate).

use std::time::Duration;

use seaworthy::{Error, Event, Instant, Monitor, Options};
use seaworthy_sim::{CrashKind, Sim};

use super::raw::{Ending, GREETING, RawListener, RawPeer, encoded_message, hello};
use super::stage::{MS, SECOND, disconnection, event, handshake, play, play_in, sockets::*, text};

async fn retried(watch: &mut Monitor) -> (Duration, String) {
    match event(watch, |event| matches!(event, Event::ConnectRetried { .. })).await {
        Event::ConnectRetried { after, reason, .. } => (after, reason),
        _ => unreachable!("the filter above"),
    }
}

async fn stopped(watch: &mut Monitor) -> String {
    match event(watch, |event| matches!(event, Event::ConnectStopped { .. })).await {
        Event::ConnectStopped { reason, .. } => reason,
        _ => unreachable!("the filter above"),
    }
}

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
fn pauses_stay_at_reconnect_ivl_with_jitter() {
    play(|stage| async move {
        let push: Push =
            stage.client.open_with(Options::default().reconnect_ivl(200 * MS).linger(Duration::ZERO));
        let mut watch = push.monitor();
        push.connect(stage.server.at(1))?;
        let mut pauses = Vec::new();
        for _ in 0..20 {
            let (pause, reason) = retried(&mut watch).await;
            assert!(reason.contains("refused"), "{reason}");
            pauses.push(pause);
        }
        assert!(pauses.iter().all(|pause| (100 * MS..=200 * MS).contains(pause)), "{pauses:?}");
        pauses.dedup();
        assert!(pauses.len() > 10, "no jitter: {pauses:?}");
        Ok(())
    });
}

#[test]
fn pauses_double_up_to_reconnect_ivl_max_and_start_over_after_a_connection() {
    play(|stage| async move {
        let options = Options::default().reconnect_ivl(100 * MS).reconnect_ivl_max(SECOND);
        let push: Push = stage.client.open_with(options.linger(Duration::ZERO));
        let mut watch = push.monitor();
        push.connect(stage.server.at(1))?;
        for most in [100, 200, 400, 800, 1000, 1000] {
            let began = stage.now();
            let (pause, _) = retried(&mut watch).await;
            assert!((most / 2..=most).contains(&(pause.as_millis() as u64)), "{pause:?} of {most} ms");
            let next = stage.now() - began;
            assert!(next <= 2 * SECOND, "{next:?}");
        }
        let listener = RawListener::bind(&stage.server, 1);
        listener.accept_as("PULL").await.reset();
        disconnection(&mut watch).await;
        let (pause, _) = retried(&mut watch).await;
        assert!(pause <= 100 * MS, "{pause:?}");
        Ok(())
    });
}

#[test]
fn the_pause_passes_between_two_attempts() {
    play(|stage| async move {
        let push: Push =
            stage.client.open_with(Options::default().reconnect_ivl(10 * SECOND).linger(Duration::ZERO));
        let mut watch = push.monitor();
        push.connect(stage.server.at(1))?;
        let (pause, _) = retried(&mut watch).await;
        let first: Instant = stage.now();
        retried(&mut watch).await;
        // The attempt itself takes one round trip to be refused.
        assert_eq!((stage.now() - first).as_millis(), (pause + 2 * MS).as_millis());
        Ok(())
    });
}

#[test]
fn without_reconnect_ivl_a_lost_connection_is_not_replaced_and_the_pipe_is_gone() {
    play(|stage| async move {
        let listener = RawListener::bind(&stage.server, 1);
        let push: Push = stage.client.open_with(Options::default().reconnect_ivl(None));
        let mut watch = push.monitor();
        push.connect(stage.server.at(1))?;
        listener.accept_as("PULL").await.reset();
        stopped(&mut watch).await;
        assert_eq!(push.peers(), 0);
        stage.never(listener.accept()).await;
        stage.never(push.send("nobody")).await;
        // Connecting anew is possible.
        push.connect(stage.server.at(1))?;
        let mut peer = listener.accept_as("PULL").await;
        push.send("again").await?;
        peer.expect_message(["again"]).await;
        Ok(())
    });
}

#[test]
fn without_reconnect_ivl_a_refused_attempt_is_the_last() {
    play(|stage| async move {
        let push: Push = stage.client.open_with(Options::default().reconnect_ivl(None));
        let mut watch = push.monitor();
        push.connect(stage.server.at(1))?;
        assert!(stopped(&mut watch).await.contains("refused"));
        assert_eq!(push.peers(), 0);
        Ok(())
    });
}

#[test]
fn an_endpoint_whose_dialer_stopped_is_unknown_and_can_be_connected_again() {
    play(|stage| async move {
        // A second connect of a DEALER to an endpoint that it holds would change nothing.
        let dealer: Dealer = stage.client.open_with(Options::default().reconnect_ivl(None));
        let mut watch = dealer.monitor();
        let endpoint = stage.server.at(1);
        dealer.connect(&endpoint)?;
        stopped(&mut watch).await;
        assert!(
            matches!(dealer.disconnect(&endpoint), Err(Error::UnknownEndpoint(unknown)) if *unknown == endpoint)
        );
        let server: Dealer = stage.server.open();
        server.bind("tcp://*:1")?;
        dealer.connect(&endpoint)?;
        dealer.send("there").await?;
        assert_eq!(text(&server.recv().await?), ["there"]);
        server.send("and back").await?;
        assert_eq!(text(&dealer.recv().await?), ["and back"]);
        dealer.disconnect(&endpoint)?;
        Ok(())
    });
}

#[test]
fn an_attempt_takes_no_longer_than_connect_timeout() {
    play(|stage| async move {
        let options = Options::default().connect_timeout(700 * MS).linger(Duration::ZERO);
        let push: Push = stage.client.open_with(options);
        let mut watch = push.monitor();
        stage.control.black_hole(stage.client.id, stage.server.id);
        let began = stage.now();
        push.connect(stage.server.at(1))?;
        let (_, reason) = retried(&mut watch).await;
        assert_eq!(stage.now() - began, 700 * MS);
        assert!(reason.contains("timed out"), "{reason}");
        Ok(())
    });
}

#[test]
fn without_connect_timeout_the_operating_system_decides() {
    play_in(Sim::builder(1).connect_timeout(60 * SECOND), |stage| async move {
        let push: Push = stage.client.open_with(Options::default().linger(Duration::ZERO));
        let mut watch = push.monitor();
        stage.control.black_hole(stage.client.id, stage.server.id);
        let began = stage.now();
        push.connect(stage.server.at(1))?;
        retried(&mut watch).await;
        assert!((59..=61).contains(&(stage.now() - began).as_secs()));
        Ok(())
    });
}

#[test]
fn a_handshake_that_takes_longer_than_handshake_ivl_is_given_up_and_tried_again() {
    play(|stage| async move {
        let listener = RawListener::bind(&stage.server, 1);
        let push: Push = stage.client.open_with(Options::default().handshake_ivl(2 * SECOND));
        let mut watch = push.monitor();
        push.connect(stage.server.at(1))?;
        let mut silent = listener.accept().await;
        event(&mut watch, |event| matches!(event, Event::Connected { .. })).await;
        let began = stage.now();
        let failed = event(&mut watch, |event| matches!(event, Event::HandshakeFailed { .. })).await;
        assert!(format!("{failed:?}").contains("handshake is not complete"), "{failed:?}");
        assert!((1990..=2010).contains(&(stage.now() - began).as_millis()));
        retried(&mut watch).await;
        silent.end().await;
        listener.accept_as("PULL").await;
        Ok(())
    });
}

#[test]
fn a_peer_that_dribbles_its_handshake_has_no_more_time_than_one_that_is_silent() {
    play(|stage| async move {
        let pull: Pull = stage.server.open_with(Options::default().handshake_ivl(10 * SECOND));
        let mut watch = pull.monitor();
        let loris = RawPeer::connect(&stage.client, &stage.server.bind(&pull)).await;
        let began = stage.now();
        for byte in hello("PUSH", &[]) {
            stage.pass(SECOND).await;
            if loris.try_say(&[byte]).await.is_err() {
                break;
            }
        }
        event(&mut watch, |event| matches!(event, Event::HandshakeFailed { .. })).await;
        assert!(stage.now() - began < 13 * SECOND);
        Ok(())
    });
}

#[test]
fn a_handshake_as_slow_as_is_allowed_succeeds() {
    play(|stage| async move {
        let pull: Pull = stage.server.open_with(Options::default().handshake_ivl(10 * SECOND));
        let peer = RawPeer::connect(&stage.client, &stage.server.bind(&pull)).await;
        let hello = hello("PUSH", &[]);
        for byte in &hello {
            stage.pass(9 * SECOND / hello.len() as u32).await;
            peer.say(&[*byte]).await;
        }
        peer.say_message(["made it"]).await;
        assert_eq!(text(&pull.recv().await?), ["made it"]);
        Ok(())
    });
}

#[test]
fn protocol_errors_are_not_tried_again() {
    let mut no_zmtp = hello("PULL", &[]);
    no_zmtp[0] = b'H';
    let mut other_mechanism = hello("PULL", &[]);
    other_mechanism[12..17].copy_from_slice(b"PLAIN");
    let mut old = hello("PULL", &[]);
    old[10] = 1;
    let wrong_type = hello("PUB", &[]);
    let refused = [&hello("PULL", &[])[..GREETING], b"\x04\x0a\x05ERROR\x03no!"].concat();
    for (bytes, because) in [
        (no_zmtp, "another protocol"),
        (other_mechanism, "PLAIN"),
        (old, "older ZMTP"),
        (wrong_type, "PUB cannot talk to PUSH"),
        (refused, "no!"),
    ] {
        play(move |stage| async move {
            let listener = RawListener::bind(&stage.server, 1);
            let push: Push = stage.client.open();
            let mut watch = push.monitor();
            push.connect(stage.server.at(1))?;
            let mut peer = listener.accept().await;
            peer.say(&bytes).await;
            let reason = stopped(&mut watch).await;
            assert!(reason.contains(because), "{reason}");
            peer.end().await;
            stage.never(listener.accept()).await;
            assert_eq!(push.peers(), 0);
            Ok(())
        });
    }
}

#[test]
fn a_protocol_error_after_the_handshake_is_not_tried_again_either() {
    play(|stage| async move {
        let listener = RawListener::bind(&stage.server, 1);
        let pull: Pull = stage.client.open_with(Options::default().maxmsgsize(100));
        let mut watch = pull.monitor();
        pull.connect(stage.server.at(1))?;
        let peer = listener.accept_as("PUSH").await;
        peer.say_message([&"m".repeat(100)]).await;
        assert_eq!(pull.recv().await?.byte_len(), 100);
        peer.say_message([&"m".repeat(101)]).await;
        let reason = stopped(&mut watch).await;
        assert!(reason.contains("101") && reason.contains("100"), "{reason}");
        stage.never(listener.accept()).await;
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
fn fifty_clients_come_back_out_of_step() {
    play(|stage| async move {
        let router: Router = stage.server.open();
        let endpoint = stage.server.bind(&router);
        let mut dealers = Vec::new();
        for number in 0..50 {
            let options = Options::default().routing_id(number.to_string()).reconnect_ivl_max(5 * SECOND);
            let dealer: Dealer = stage.client.open_with(options);
            dealer.connect(&endpoint)?;
            dealer.send("hello").await?;
            dealers.push(dealer);
        }
        for _ in 0..50 {
            router.recv().await?;
        }
        let mut watches: Vec<Monitor> = dealers.iter().map(|dealer| dealer.monitor()).collect();
        router.close().await;
        let mut pauses = Vec::new();
        for watch in &mut watches {
            pauses.push(retried(watch).await.0);
        }
        pauses.sort();
        pauses.dedup();
        assert!(pauses.len() > 40, "{} different pauses", pauses.len());
        let router: Router = stage.server.open();
        let seaworthy::Endpoint::Tcp { port, .. } = endpoint else { unreachable!("bound to tcp") };
        router.bind(format!("tcp://*:{port}"))?;
        for watch in &mut watches {
            handshake(watch).await;
        }
        assert_eq!(router.peers(), 50);
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

#[test]
fn the_peer_is_told_why_it_is_refused() {
    play(|stage| async move {
        let pull: Pull = stage.server.open();
        let mut peer = RawPeer::connect(&stage.client, &stage.server.bind(&pull)).await;
        peer.say(&hello("SUB", &[])).await;
        peer.hear(GREETING).await;
        peer.frame().await;
        let error = peer.frame().await;
        assert_eq!(&error.body[..7], b"\x05ERROR\x23");
        assert_eq!(&error.body[7..], b"socket-type-SUB-cannot-talk-to-PULL");
        assert_eq!(peer.end().await, Ending::Closed);
        Ok(())
    });
}
