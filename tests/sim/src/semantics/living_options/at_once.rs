//! Options of all types that take effect at once: how long operations wait, and how long closing does.

use std::time::Duration;

use seaworthy::{Error, Options};

use super::super::fixture::{MS, SECOND, play, sockets::*};
use super::super::raw::{RawPeer, encoded_message, hello};

#[test]
fn rcvtimeo_changes_for_what_begins_to_wait_from_then_on() {
    play(|stage| async move {
        let pull: Pull = stage.server.open();
        stage.server.bind(&pull);
        for timeout in [SECOND, Duration::ZERO, 3 * SECOND] {
            pull.set_rcvtimeo(timeout)?;
            let began = stage.now();
            assert!(matches!(pull.recv().await, Err(Error::WouldBlock)));
            assert_eq!(stage.now() - began, timeout);
        }
        let changing = async {
            stage.pass(SECOND).await;
            pull.set_rcvtimeo(None)
        };
        let began = stage.now();
        let (received, changed) = futures_util::join!(pull.recv(), changing);
        changed?;
        assert!(matches!(received, Err(Error::WouldBlock)));
        assert_eq!(stage.now() - began, 3 * SECOND, "what waits goes by what it began with");
        stage.never(pull.recv()).await;
        Ok(())
    });
}

#[test]
fn sndtimeo_changes_for_what_begins_to_wait_from_then_on() {
    play(|stage| async move {
        let push: Push = stage.server.open();
        for timeout in [SECOND, Duration::ZERO, 3 * SECOND] {
            push.set_sndtimeo(timeout)?;
            let began = stage.now();
            assert!(matches!(push.send("nobody").await, Err(Error::WouldBlock)));
            assert_eq!(stage.now() - began, timeout);
        }
        push.set_sndtimeo(None)?;
        stage.never(push.send("nobody")).await;
        Ok(())
    });
}

#[test]
fn linger_changes_for_what_is_given_up_from_then_on() {
    for (before, after) in
        [(None, Some(2 * SECOND)), (Some(5 * SECOND), Some(Duration::ZERO)), (Some(MS), Some(SECOND))]
    {
        play(move |stage| async move {
            let push: Push = stage.client.open_with(Options::default().linger(before));
            push.connect(stage.server.at(1))?;
            push.send("queued").await?;
            push.set_linger(after)?;
            let began = stage.now();
            push.close().await;
            assert_eq!(Some(stage.now() - began), after);
            Ok(())
        });
    }
}

#[test]
fn an_endpoint_that_was_given_up_lingers_as_it_was_told_then() {
    play(|stage| async move {
        let push: Push = stage.client.open_with(Options::default().linger(3 * SECOND));
        push.connect(stage.server.at(1))?;
        push.send("queued").await?;
        push.disconnect(stage.server.at(1))?;
        push.set_linger(Duration::ZERO)?;
        let began = stage.now();
        push.close().await;
        assert_eq!(stage.now() - began, 3 * SECOND);
        Ok(())
    });
}

#[test]
fn rcvbuf_pending_changes_for_connections_that_there_are() {
    play(|stage| async move {
        let options = Options::default()
            .rcvhwm(1)
            .rcvbuf_pending(0)
            .heartbeat_ivl(SECOND)
            .heartbeat_timeout(60 * SECOND);
        let pull: Pull = stage.server.open_with(options);
        let mut peer = RawPeer::connect_as(&stage.client, &stage.server.bind(&pull), "PUSH").await;
        peer.expect_command("PING", b"\0\0SEAW\0\0\xea\x60").await;
        // Behind two messages of which one has room, a PING is not seen as long as nothing is read ahead.
        peer.say(&encoded_message(["a message"]).repeat(2)).await;
        peer.say_command("PING", b"\0\0seen").await;
        stage.pass(SECOND / 2).await;
        pull.set_rcvbuf_pending(1_000_000)?;
        pull.recv().await?;
        peer.say(&encoded_message(["a message"]).repeat(10)).await;
        peer.say_command("PING", b"\0\0seen too").await;
        let mut seen = Vec::new();
        while seen.len() < 2 {
            let frame = peer.frame().await;
            // Others come unasked, while something is unread.
            if frame.body.starts_with(b"\x04PONG") && !frame.body.ends_with(b"SEAW") {
                seen.push(String::from_utf8_lossy(&frame.body[5..]).into_owned());
            }
        }
        assert_eq!(seen, ["seen", "seen too"]);
        Ok(())
    });
}

#[test]
fn connections_max_changes_for_the_next_connection() {
    play(|stage| async move {
        let pull: Pull = stage.server.open();
        let endpoint = stage.server.bind(&pull);
        let mut peers = Vec::new();
        for (max, admitted) in [(0, true), (1, false), (2, true), (2, false), (0, true)] {
            pull.set_connections_max(max)?;
            let before = pull.connections().len();
            let peer = RawPeer::connect(&stage.client, &endpoint).await;
            // One that is not admitted may be reset before it has said all.
            let _ = peer.try_say(&hello("PUSH", &[])).await;
            stage.pass(SECOND).await;
            assert_eq!(pull.connections().len() - before, usize::from(admitted), "{max}");
            peers.push(peer);
        }
        Ok(())
    });
}
