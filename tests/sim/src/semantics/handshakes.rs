//! How long an attempt to connect and a handshake may take, and how they fail.

use std::time::Duration;

use seaworthy::Options;
use seaworthy::monitor::Event;
use seaworthy_sim::Sim;

use super::fixture::{MS, SECOND, event, play, play_in, retried, sockets::*, text};
use super::raw::{Ending, GREETING, RawListener, RawPeer, hello};

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
