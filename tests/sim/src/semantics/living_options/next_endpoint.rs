//! Options that take effect for endpoints bound or connected from then on; others keep what they began with.

use seaworthy::monitor::Event;
use seaworthy::{Options, StreamOptions};

use super::super::fixture::{MS, SECOND, disconnection, event, play, retried, sockets::*, text};
use super::super::raw::{RawListener, RawPeer, encoded_frame};

#[test]
fn reconnect_ivl_and_its_maximum_change_for_the_next_endpoint() {
    play(|stage| async move {
        let push: Push = stage.client.open();
        let mut watch = push.monitor();
        push.connect(stage.server.at(1))?;
        assert!(retried(&mut watch).await.0 <= 100 * MS);
        push.set_reconnect_ivl(10 * SECOND)?;
        push.set_reconnect_ivl_max(20 * SECOND)?;
        for _ in 0..5 {
            assert!(retried(&mut watch).await.0 <= 100 * MS, "the first keeps its own");
        }
        push.connect(stage.server.at(2))?;
        let second = stage.server.at(2);
        let mut pauses = Vec::new();
        while pauses.len() < 3 {
            let told = event(
                &mut watch,
                |event| matches!(event, Event::ConnectRetried { endpoint, .. } if *endpoint == second),
            );
            let Event::ConnectRetried { after, .. } = told.await else { unreachable!("the filter above") };
            pauses.push(after);
        }
        assert!(pauses[0] >= 5 * SECOND && pauses[0] <= 10 * SECOND, "{pauses:?}");
        assert!(pauses[2] >= 10 * SECOND && pauses[2] <= 20 * SECOND, "{pauses:?}");
        push.set_reconnect_ivl(None)?;
        push.connect(stage.server.at(3))?;
        event(&mut watch, |event| matches!(event, Event::ConnectStopped { .. })).await;
        Ok(())
    });
}

#[test]
fn connect_timeout_changes_for_the_next_endpoint() {
    play(|stage| async move {
        let push: Push = stage.client.open();
        let mut watch = push.monitor();
        stage.control.cut_both(stage.client.id, stage.server.id);
        push.set_connect_timeout(SECOND)?;
        push.connect(stage.server.at(1))?;
        let began = stage.now();
        let (_, reason) = retried(&mut watch).await;
        assert_eq!(stage.now() - began, SECOND, "{reason}");
        Ok(())
    });
}

#[test]
fn handshake_ivl_and_maxmsgsize_change_for_the_next_endpoint() {
    play(|stage| async move {
        let pull: Pull = stage.server.open();
        let mut watch = pull.monitor();
        let first = stage.server.bind(&pull);
        pull.set_handshake_ivl(SECOND)?;
        pull.set_maxmsgsize(10)?;
        let second = stage.server.bind(&pull);

        let mut silent = RawPeer::connect(&stage.client, &second).await;
        let began = stage.now();
        silent.end().await;
        assert!(stage.now() - began <= SECOND + 5 * MS);
        let mut silent = RawPeer::connect(&stage.client, &first).await;
        assert!(stage.within(20 * SECOND, silent.end()).await.is_none());

        for (endpoint, taken) in [(&first, true), (&second, false)] {
            let peer = RawPeer::connect_as(&stage.client, endpoint, "PUSH").await;
            peer.say_message(["0123456789"]).await;
            assert_eq!(text(&pull.recv().await?), ["0123456789"]);
            peer.say_message(["0123456789a"]).await;
            if taken {
                pull.recv().await?;
            } else {
                while !disconnection(&mut watch).await.contains("exceeds the limit of 10") {}
            }
        }
        Ok(())
    });
}

#[test]
fn heartbeats_change_for_the_next_endpoint_also_after_a_reconnect() {
    play(|stage| async move {
        let dealer: Dealer = stage.client.open();
        let (first, second) = (RawListener::bind(&stage.server, 1), RawListener::bind(&stage.server, 2));
        dealer.connect(stage.server.at(1))?;
        let peer = first.accept_as("DEALER").await;
        dealer.set_heartbeat_ivl(SECOND)?;
        dealer.set_heartbeat_timeout(2 * SECOND)?;
        dealer.set_heartbeat_ttl(3 * SECOND)?;
        peer.reset();
        let mut again = first.accept_as("DEALER").await;
        assert!(stage.within(60 * SECOND, again.frame()).await.is_none(), "it began without heartbeats");

        let mut watch = dealer.monitor();
        dealer.connect(stage.server.at(2))?;
        let mut peer = second.accept_as("DEALER").await;
        let began = stage.now();
        peer.expect_command("PING", b"\0\x1eSEAW\0\0\x07\xd0").await;
        peer.say_command("PONG", b"").await;
        peer.expect_command("PING", &[0, 30]).await;
        assert!((stage.now() - began).abs_diff(SECOND) <= 5 * MS);
        // It does not answer.
        assert!(disconnection(&mut watch).await.contains("PING"));
        assert!((stage.now() - began).abs_diff(3 * SECOND) <= 5 * MS);
        Ok(())
    });
}

#[test]
fn immediate_changes_for_the_next_endpoint() {
    play(|stage| async move {
        let push: Push = stage.client.open_with(Options::default().sndhwm(1).linger(MS));
        push.connect(stage.server.at(1))?;
        push.set_immediate(true)?;
        push.connect(stage.server.at(2))?;
        push.try_send("queued for the first")?;
        assert!(push.try_send("nothing is queued for the second").is_err());
        let mut peer = RawListener::bind(&stage.server, 2).accept_as("PULL").await;
        push.send("connected").await?;
        peer.expect_message(["connected"]).await;
        Ok(())
    });
}

#[test]
fn the_routing_id_changes_for_the_next_endpoint() {
    play(|stage| async move {
        let dealer: Dealer = stage.client.open_with(Options::default().routing_id("first"));
        let routers: [Router; 2] = [stage.server.open(), stage.server.open()];
        for (router, name) in routers.iter().zip(["first", "second"]) {
            dealer.set_routing_id(name)?;
            dealer.connect(stage.server.bind(router))?;
        }
        dealer.send("a").await?;
        dealer.send("b").await?;
        for (router, name) in routers.iter().zip(["first", "second"]) {
            assert_eq!(text(&router.recv().await?)[0], name);
        }
        Ok(())
    });
}

#[test]
fn stream_options_change_for_the_next_endpoint() {
    play(|stage| async move {
        // The peer does not take a byte until its stalled kernel is full: how much that is, its buffer decides.
        let pull: Pull = stage.server.open_with(Options::default().rcvhwm(1));
        let wide = stage.server.bind(&pull);
        pull.set_stream(StreamOptions::default().rcvbuf(4096))?;
        assert_eq!(pull.options().stream.rcvbuf, Some(4096));
        let narrow = stage.server.bind(&pull);
        let mut taken = Vec::new();
        for endpoint in [wide, narrow] {
            let peer = RawPeer::connect_as(&stage.client, &endpoint, "PUSH").await;
            stage.control.pause(stage.server.id);
            let mut bytes = 0;
            while stage.within(SECOND, peer.try_say(&encoded_frame(0, &[0; 100]))).await.is_some() {
                bytes += 102;
            }
            taken.push(bytes);
            stage.control.resume(stage.server.id);
        }
        assert!(taken[0] >= taken[1] + 4096, "{taken:?}");
        Ok(())
    });
}
