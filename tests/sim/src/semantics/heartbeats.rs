//! Heartbeats (RFC 37; libzmq's test_heartbeats), on both sides of each deadline.

use std::time::Duration;

use seaworthy::Options;

use super::fixture::{Fixture, MS, SECOND, disconnection, handshake, play, sockets::*, text};
use super::raw::RawPeer;

/// PINGs each second, gives up three seconds after one.
fn beating() -> Options {
    Options::default().heartbeat_ivl(SECOND).heartbeat_timeout(3 * SECOND)
}

#[test]
fn a_ping_goes_out_each_interval_and_asks_for_the_ttl() {
    play(|stage| async move {
        let dealer: Dealer = stage.server.open_with(beating().heartbeat_ttl(2500 * MS));
        let mut peer = RawPeer::connect_as(&stage.client, &stage.server.bind(&dealer), "DEALER").await;
        peer.expect_command("PING", b"\0\x19SEAW\0\0\x0b\xb8").await;
        peer.say_command("PONG", b"").await;
        let mut last = stage.now();
        for _ in 0..10 {
            peer.expect_command("PING", &[0, 25]).await;
            peer.say_command("PONG", b"").await;
            let passed = stage.now() - last;
            assert!((995..=1005).contains(&passed.as_millis()), "{passed:?}");
            last = stage.now();
        }
        Ok(())
    });
}

#[test]
fn without_an_interval_there_is_no_ping() {
    play(|stage| async move {
        let dealer: Dealer = stage.server.open();
        let mut peer = RawPeer::connect_as(&stage.client, &stage.server.bind(&dealer), "DEALER").await;
        assert!(stage.within(3600 * SECOND, peer.frame()).await.is_none());
        Ok(())
    });
}

#[test]
fn a_pong_carries_the_context_of_its_ping_up_to_16_bytes() {
    play(|stage| async move {
        let dealer: Dealer = stage.server.open();
        let mut peer = RawPeer::connect_as(&stage.client, &stage.server.bind(&dealer), "DEALER").await;
        for length in [0, 1, 15, 16] {
            let context = vec![b'c'; length];
            peer.say_command("PING", &[&[0, 0], &context[..]].concat()).await;
            peer.expect_command("PONG", &context).await;
        }
        peer.say_command("PING", &[&[0, 0], &[b'c'; 17][..]].concat()).await;
        peer.expect_command("PONG", &[b'c'; 16]).await;
        Ok(())
    });
}

#[test]
fn a_peer_that_says_nothing_after_a_ping_is_given_up_when_the_timeout_is_over() {
    play(|stage| async move {
        let dealer: Dealer = stage.server.open_with(beating());
        let mut watch = dealer.monitor();
        let _silent = RawPeer::connect_as(&stage.client, &stage.server.bind(&dealer), "DEALER").await;
        handshake(&mut watch).await;
        let connected = stage.now();
        assert!(disconnection(&mut watch).await.contains("PING"));
        let passed = stage.now() - connected;
        assert!((2990..=3010).contains(&passed.as_millis()), "{passed:?}");
        Ok(())
    });
}

#[test]
fn the_timeout_is_the_interval_unless_it_is_set() {
    play(|stage| async move {
        let dealer: Dealer = stage.server.open_with(Options::default().heartbeat_ivl(SECOND));
        let mut watch = dealer.monitor();
        let _silent = RawPeer::connect_as(&stage.client, &stage.server.bind(&dealer), "DEALER").await;
        handshake(&mut watch).await;
        let connected = stage.now();
        disconnection(&mut watch).await;
        let passed = stage.now() - connected;
        assert!((990..=1010).contains(&passed.as_millis()), "{passed:?}");
        Ok(())
    });
}

#[test]
fn a_pong_in_time_keeps_the_connection_and_one_too_late_does_not() {
    for (delay, survives) in [(2900 * MS, true), (3100 * MS, false)] {
        play(move |stage| async move {
            let dealer: Dealer = stage.server.open_with(beating());
            let mut watch = dealer.monitor();
            let mut peer = RawPeer::connect_as(&stage.client, &stage.server.bind(&dealer), "DEALER").await;
            handshake(&mut watch).await;
            peer.expect_command("PING", b"\0\0SEAW\0\0\x0b\xb8").await;
            stage.pass(delay).await;
            let _ = peer.try_say(&super::raw::encoded_command("PONG", b"")).await;
            let ended = stage.within(900 * MS, disconnection(&mut watch)).await;
            assert_eq!(ended.is_none(), survives, "{ended:?}");
            Ok(())
        });
    }
}

#[test]
fn any_message_is_a_sign_of_life() {
    play(|stage| async move {
        let dealer: Dealer = stage.server.open_with(beating());
        let mut watch = dealer.monitor();
        let peer = RawPeer::connect_as(&stage.client, &stage.server.bind(&dealer), "DEALER").await;
        handshake(&mut watch).await;
        for _ in 0..10 {
            stage.pass(2 * SECOND).await;
            peer.say_message(["alive"]).await;
            assert_eq!(text(&dealer.recv().await?), ["alive"]);
        }
        assert_eq!(watch.try_recv(), None);
        Ok(())
    });
}

#[test]
fn a_transfer_that_takes_longer_than_the_timeout_is_a_sign_of_life() {
    // libzmq gives up in the middle of it: libzmq#2709.
    play(|stage| async move {
        let dealer: Dealer = stage.server.open_with(beating());
        let mut watch = dealer.monitor();
        let peer = RawPeer::connect_as(&stage.client, &stage.server.bind(&dealer), "DEALER").await;
        handshake(&mut watch).await;
        peer.say(&[0, 20]).await;
        for _ in 0..20 {
            stage.pass(2 * SECOND).await;
            peer.say(b"x").await;
        }
        assert_eq!(text(&dealer.recv().await?), ["x".repeat(20)]);
        assert_eq!(watch.try_recv(), None);
        Ok(())
    });
}

#[test]
fn silence_within_the_ttl_of_the_peers_ping_is_allowed_and_beyond_it_is_not() {
    for (silence, survives) in [(1900 * MS, true), (2100 * MS, false)] {
        play(move |stage| async move {
            let dealer: Dealer = stage.server.open();
            let mut watch = dealer.monitor();
            let mut peer = RawPeer::connect_as(&stage.client, &stage.server.bind(&dealer), "DEALER").await;
            handshake(&mut watch).await;
            peer.say_command("PING", &[0, 20]).await;
            peer.expect_command("PONG", b"").await;
            stage.pass(silence).await;
            let _ = peer.try_say(&super::raw::encoded_message(["alive"])).await;
            let ended = stage.within(500 * MS, disconnection(&mut watch)).await;
            assert_eq!(ended.is_none(), survives, "{ended:?}");
            Ok(())
        });
    }
}

#[test]
fn a_ttl_of_zero_asks_nothing() {
    play(|stage| async move {
        let dealer: Dealer = stage.server.open();
        let mut watch = dealer.monitor();
        let mut peer = RawPeer::connect_as(&stage.client, &stage.server.bind(&dealer), "DEALER").await;
        handshake(&mut watch).await;
        peer.barrier().await;
        assert!(stage.within(24 * 60 * SECOND, disconnection(&mut watch)).await.is_none());
        Ok(())
    });
}

#[test]
fn the_longest_ttl_that_the_wire_can_carry_is_sent() {
    play(|stage| async move {
        let dealer: Dealer = stage
            .server
            .open_with(Options::default().heartbeat_ivl(SECOND).heartbeat_ttl(65_535 * SECOND / 10));
        let mut peer = RawPeer::connect_as(&stage.client, &stage.server.bind(&dealer), "DEALER").await;
        peer.expect_command("PING", b"\xff\xffSEAW\0\0\x03\xe8").await;
        Ok(())
    });
}

/// A socket of each type, idle for an hour behind heartbeats, is still connected.
fn stays_connected<A: super::fixture::Opens + 'static, B: super::fixture::Opens + 'static>(
    connect: fn(&A, seaworthy::Endpoint) -> Result<(), seaworthy::Error>,
    monitor: fn(&A) -> seaworthy::Monitor,
) {
    play(move |stage: Fixture| async move {
        let a: A = stage.client.open_with(beating());
        let b: B = stage.server.open_with(beating());
        let mut watch = monitor(&a);
        connect(&a, stage.server.bind(&b))?;
        handshake(&mut watch).await;
        stage.pass(600 * SECOND).await;
        assert_eq!(watch.try_recv(), None);
        Ok(())
    });
}

#[test]
fn idle_sockets_of_every_type_keep_their_connections() {
    stays_connected::<Push, Pull>(|s, e| s.connect(e), |s| s.monitor());
    stays_connected::<Dealer, Router>(|s, e| s.connect(e), |s| s.monitor());
    stays_connected::<Req, Rep>(|s, e| s.connect(e), |s| s.monitor());
    stays_connected::<Sub, Pub>(|s, e| s.connect(e), |s| s.monitor());
    stays_connected::<Pull, Push>(|s, e| s.connect(e), |s| s.monitor());
}

#[test]
fn a_cut_link_is_noticed_by_the_side_that_beats_and_mended_after_it() {
    play(|stage| async move {
        let dealer: Dealer = stage.client.open_with(beating());
        let router: Router = stage.server.open();
        let mut watch = dealer.monitor();
        dealer.connect(stage.server.bind(&router))?;
        handshake(&mut watch).await;
        stage.control.cut_both(stage.client.id, stage.server.id);
        let cut = stage.now();
        disconnection(&mut watch).await;
        let passed = stage.now() - cut;
        assert!(passed <= 4 * SECOND + 100 * MS, "{passed:?}");
        stage.control.heal_both(stage.client.id, stage.server.id);
        handshake(&mut watch).await;
        dealer.send("again").await?;
        assert_eq!(text(&router.recv().await?)[1], "again");
        Ok(())
    });
}

#[test]
fn a_cut_shorter_than_the_timeout_goes_unnoticed() {
    play(|stage| async move {
        // The kernels have to notice, too, and send again.
        let patient = beating().heartbeat_timeout(10 * SECOND);
        let (dealer, router): (Dealer, Router) =
            (stage.client.open_with(patient.clone()), stage.server.open_with(patient));
        let mut watch = dealer.monitor();
        dealer.connect(stage.server.bind(&router))?;
        handshake(&mut watch).await;
        for _ in 0..5 {
            stage.pass(20 * SECOND).await;
            stage.control.cut_both(stage.client.id, stage.server.id);
            stage.pass(1500 * MS).await;
            stage.control.heal_both(stage.client.id, stage.server.id);
        }
        stage.pass(20 * SECOND).await;
        assert_eq!(watch.try_recv(), None);
        Ok(())
    });
}

#[test]
fn a_socket_gives_up_a_client_that_lost_power_by_the_ttl_that_it_asked_for() {
    play(|stage| async move {
        let router: Router = stage.server.open();
        let mut watch = router.monitor();
        let dealer: Dealer =
            stage.client.open_with(Options::default().heartbeat_ivl(SECOND).heartbeat_ttl(5 * SECOND));
        dealer.connect(stage.server.bind(&router))?;
        handshake(&mut watch).await;
        stage.pass(10 * SECOND).await;
        stage.control.crash(stage.client.id, seaworthy_sim::CrashKind::Power);
        let crashed = stage.now();
        assert!(disconnection(&mut watch).await.contains("time to live"));
        assert!((4 * SECOND..=5 * SECOND).contains(&(stage.now() - crashed)));
        Ok(())
    });
}

#[test]
fn a_stalled_receiver_does_not_give_up_a_peer_whose_pongs_it_does_not_read() {
    play(|stage| async move {
        let pull: Pull = stage.server.open_with(beating().rcvhwm(1).rcvbuf_pending(1));
        let mut watch = pull.monitor();
        let peer = RawPeer::connect_as(&stage.client, &stage.server.bind(&pull), "PUSH").await;
        handshake(&mut watch).await;
        for _ in 0..10 {
            peer.say_message(["m"]).await;
        }
        stage.pass(Duration::from_secs(60)).await;
        assert_eq!(watch.try_recv(), None);
        for _ in 0..10 {
            pull.recv().await?;
        }
        Ok(())
    });
}
