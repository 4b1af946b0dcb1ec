//! When and how often an endpoint is connected again (libzmq's test_reconnect_ivl, test_reconnect_options).

use std::time::Duration;

use seaworthy::{Error, Instant, Monitor, Options};

use super::fixture::{MS, SECOND, disconnection, handshake, play, retried, sockets::*, stopped, text};
use super::raw::{COMMAND, GREETING, RawListener, hello};

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
fn pauses_double_up_to_reconnect_ivl_max_and_start_over_after_a_connection_of_use() {
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
        // A peer that leaves at once is no reason to come back soon.
        listener.accept_as("PULL").await.reset();
        disconnection(&mut watch).await;
        let (pause, _) = retried(&mut watch).await;
        assert!(pause >= 500 * MS, "{pause:?}");
        let lasting = listener.accept_as("PULL").await;
        stage.pass(2 * SECOND).await;
        lasting.reset();
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
fn after_a_protocol_error_behind_the_handshake_the_peer_is_told_and_connected_again() {
    play(|stage| async move {
        let listener = RawListener::bind(&stage.server, 1);
        let pull: Pull = stage.client.open_with(Options::default().maxmsgsize(100));
        let mut watch = pull.monitor();
        pull.connect(stage.server.at(1))?;
        let mut peer = listener.accept_as("PUSH").await;
        peer.say_message([&"m".repeat(100)]).await;
        assert_eq!(pull.recv().await?.byte_len(), 100);
        peer.say_message([&"m".repeat(101)]).await;
        let told = peer.frame().await;
        assert_eq!(told.flags, COMMAND);
        assert!(told.body.ends_with(b"a-frame-of-101-bytes-exceeds-the-limit-of-100"), "{told:?}");
        let reason = disconnection(&mut watch).await;
        assert!(reason.contains("101") && reason.contains("100"), "{reason}");
        let again = listener.accept_as("PUSH").await;
        again.say_message(["small"]).await;
        assert_eq!(text(&pull.recv().await?), ["small"]);
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
