//! How long `send` and `recv` wait (libzmq's test_timeo), and what the calls that never wait do.

use std::time::Duration;

use seaworthy::{Error, Options};

use super::fixture::{Fixture, MS, SECOND, frames, play, sockets::*, text};
use super::raw::RawPeer;

/// What an operation gives and how long it takes.
async fn timed<T>(stage: &Fixture, operation: impl Future<Output = T>) -> (T, Duration) {
    let began = stage.now();
    let output = operation.await;
    (output, stage.now() - began)
}

#[test]
fn recv_waits_as_long_as_rcvtimeo_says() {
    for timeout in [Duration::ZERO, MS, 250 * MS, 3600 * SECOND] {
        play(move |stage| async move {
            let pull: Pull = stage.server.open_with(Options::default().rcvtimeo(timeout));
            stage.server.bind(&pull);
            let (received, took) = timed(&stage, pull.recv()).await;
            assert!(matches!(received, Err(Error::WouldBlock)));
            assert_eq!(took, timeout);
            let (received, took) = timed(&stage, pull.recv_batch(&mut Vec::new(), 10)).await;
            assert!(matches!(received, Err(Error::WouldBlock)));
            assert_eq!(took, timeout);
            Ok(())
        });
    }
}

#[test]
fn send_waits_as_long_as_sndtimeo_says() {
    for timeout in [Duration::ZERO, MS, 250 * MS, 3600 * SECOND] {
        play(move |stage| async move {
            let push: Push = stage.server.open_with(Options::default().sndtimeo(timeout));
            stage.server.bind(&push);
            let (sent, took) = timed(&stage, push.send("nobody")).await;
            assert!(matches!(sent, Err(Error::WouldBlock)));
            assert_eq!(took, timeout);
            Ok(())
        });
    }
}

#[test]
fn what_is_possible_at_once_succeeds_with_a_timeout_of_zero() {
    play(|stage| async move {
        let zero = Options::default().sndtimeo(Duration::ZERO).rcvtimeo(Duration::ZERO);
        let dealer: Dealer = stage.server.open_with(zero);
        let mut peer = RawPeer::connect_as(&stage.client, &stage.server.bind(&dealer), "DEALER").await;
        peer.say_message(["there"]).await;
        peer.barrier().await;
        assert_eq!(text(&dealer.recv().await?), ["there"]);
        dealer.send("back").await?;
        peer.expect_message(["back"]).await;
        Ok(())
    });
}

#[test]
fn a_message_that_comes_in_time_ends_the_wait() {
    play(|stage| async move {
        let pull: Pull = stage.server.open_with(Options::default().rcvtimeo(SECOND));
        let peer = RawPeer::connect_as(&stage.client, &stage.server.bind(&pull), "PUSH").await;
        let saying = async {
            stage.pass(900 * MS).await;
            peer.say_message(["in time"]).await;
        };
        let ((received, took), ()) = futures_util::join!(timed(&stage, pull.recv()), saying);
        assert_eq!(text(&received?), ["in time"]);
        assert_eq!(took, 901 * MS);
        Ok(())
    });
}

#[test]
fn a_send_that_timed_out_has_sent_nothing() {
    play(|stage| async move {
        let push: Push = stage.client.open_with(Options::default().sndtimeo(SECOND).sndhwm(1));
        push.connect(stage.server.at(1))?;
        push.send("first").await?;
        assert!(matches!(push.send("given up").await, Err(Error::WouldBlock)));
        let pull: Pull = stage.server.open();
        pull.bind("tcp://*:1")?;
        assert_eq!(text(&pull.recv().await?), ["first"]);
        push.send("second").await?;
        assert_eq!(text(&pull.recv().await?), ["second"]);
        Ok(())
    });
}

#[test]
fn try_send_gives_the_message_back_and_says_why() {
    play(|stage| async move {
        let push: Push = stage.server.open();
        let refused = push.try_send(["a", "b"]).unwrap_err();
        assert_eq!(refused.message, frames(["a", "b"]));
        assert_eq!(refused.to_string(), "the operation would block");
        let req: Req = stage.server.open_with(Options::default().req_correlate(true));
        assert_eq!(req.try_send(["a", "b"]).unwrap_err().message, frames(["a", "b"]), "without an envelope");
        let rep: Rep = stage.server.open();
        let refused = rep.try_send("a").unwrap_err();
        assert!(matches!(refused.error, Error::InvalidState { .. }) && refused.message == frames(["a"]));
        Ok(())
    });
}

#[test]
fn try_recv_never_waits() {
    play(|stage| async move {
        let pull: Pull = stage.server.open();
        let mut peer = RawPeer::connect_as(&stage.client, &stage.server.bind(&pull), "PUSH").await;
        assert!(matches!(pull.try_recv(), Err(Error::WouldBlock)));
        peer.say_message(["there"]).await;
        peer.barrier().await;
        assert_eq!(text(&pull.try_recv()?), ["there"]);
        assert!(matches!(pull.try_recv(), Err(Error::WouldBlock)));
        Ok(())
    });
}
