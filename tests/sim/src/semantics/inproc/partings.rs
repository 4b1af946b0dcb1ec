//! What becomes of messages and connects when one side leaves.

use seaworthy::monitor::Event;
use seaworthy::{Error, Options};

use super::super::fixture::{MS, SECOND, disconnection, event, handshake, play, sockets::*, text};
use super::{NAME, fill};

#[test]
fn what_a_peer_said_before_it_left_is_received() {
    play(|stage| async move {
        for pull_binds in [true, false] {
            let (push, pull): (Push, Pull) = (stage.server.open(), stage.server.open());
            if pull_binds {
                pull.bind(NAME)?;
                push.connect(NAME)?;
            } else {
                push.bind(NAME)?;
                pull.connect(NAME)?;
            }
            stage.pass(MS).await;
            push.send("one").await?;
            push.send("two").await?;
            drop(push);
            stage.pass(MS).await;
            assert_eq!(text(&pull.recv().await?), ["one"]);
            assert_eq!(text(&pull.recv().await?), ["two"]);
            stage.never(pull.recv()).await;
            // Who connected waits for the next who binds.
            assert_eq!(pull.peers(), usize::from(!pull_binds));
        }
        Ok(())
    });
}

#[test]
fn what_waits_for_a_bind_is_received_though_its_sender_left() {
    play(|stage| async move {
        let push: Push = stage.server.open();
        push.connect(NAME)?;
        push.send("left behind").await?;
        drop(push);
        stage.pass(SECOND).await;
        let pull: Pull = stage.server.open();
        pull.bind(NAME)?;
        assert_eq!(text(&pull.recv().await?), ["left behind"]);
        stage.pass(MS).await;
        assert_eq!(pull.peers(), 0);
        Ok(())
    });
}

#[test]
fn closing_waits_for_a_bind_as_long_as_linger_says() {
    play(|stage| async move {
        for linger in [0, 500] {
            let push: Push = stage.server.open_with(Options::default().linger(linger * MS));
            push.connect(NAME)?;
            push.send("too early").await?;
            let began = stage.now();
            push.close().await;
            assert_eq!(stage.now() - began, linger * MS);
            assert!(stage.server.context().inproc_endpoints().is_empty());
        }
        let push: Push = stage.server.open();
        push.connect(NAME)?;
        push.send("patient").await?;
        let pull: Pull = stage.server.open();
        let ((), bound) = futures_util::join!(push.close(), async {
            stage.pass(3600 * SECOND).await;
            pull.bind(NAME)
        });
        bound?;
        assert_eq!(text(&pull.recv().await?), ["patient"]);
        Ok(())
    });
}

#[test]
fn a_connect_outlives_those_who_bind() {
    play(|stage| async move {
        let push: Push = stage.server.open();
        push.connect(NAME)?;
        let mut watch = push.monitor();
        for number in ["0", "1", "2"] {
            let pull: Pull = stage.server.open();
            pull.bind(NAME)?;
            handshake(&mut watch).await;
            push.send(number).await?;
            assert_eq!(text(&pull.recv().await?), [number]);
            if number == "1" {
                pull.unbind(NAME)?;
            }
            drop(pull);
            disconnection(&mut watch).await;
        }
        // Nobody is there now, and messages wait again.
        stage.pass(SECOND).await;
        push.send("3").await?;
        let pull: Pull = stage.server.open();
        pull.bind(NAME)?;
        assert_eq!(text(&pull.recv().await?), ["3"]);
        Ok(())
    });
}

#[test]
fn without_reconnecting_a_lost_connect_stops() {
    play(|stage| async move {
        let push: Push = stage.server.open_with(Options::default().reconnect_ivl(None));
        let mut watch = push.monitor();
        let pull: Pull = stage.server.open();
        push.connect(NAME)?;
        pull.bind(NAME)?;
        handshake(&mut watch).await;
        drop(pull);
        event(&mut watch, |event| matches!(event, Event::ConnectStopped { .. })).await;
        assert!(matches!(push.disconnect(NAME), Err(Error::UnknownEndpoint(_))));
        assert_eq!(push.peers(), 0);
        Ok(())
    });
}

#[test]
fn a_waiting_sender_is_given_another_pipe_when_its_peer_leaves() {
    play(|stage| async move {
        let pull: Pull = stage.server.open_with(Options::default().rcvhwm(1));
        let push: Push = stage.server.open_with(Options::default().sndhwm(1));
        pull.bind(NAME)?;
        push.connect(NAME)?;
        assert_eq!(fill(&push), 2);
        let (sent, ()) = futures_util::join!(push.send("next"), async {
            stage.pass(MS).await;
            drop(pull);
        });
        sent?;
        let pull: Pull = stage.server.open();
        pull.bind(NAME)?;
        assert_eq!(text(&pull.recv().await?), ["next"]);
        Ok(())
    });
}

#[test]
fn unbinding_ends_the_pipes_and_keeps_what_they_delivered() {
    play(|stage| async move {
        let (push, pull): (Push, Pull) = (stage.server.open(), stage.server.open());
        pull.bind(NAME)?;
        push.connect(NAME)?;
        push.send("delivered").await?;
        stage.pass(MS).await;
        pull.unbind(NAME)?;
        stage.pass(MS).await;
        push.send("for the next").await?;
        assert_eq!(text(&pull.recv().await?), ["delivered"]);
        stage.never(pull.recv()).await;
        assert_eq!(pull.peers(), 0);
        pull.bind(NAME)?;
        assert_eq!(text(&pull.recv().await?), ["for the next"]);
        Ok(())
    });
}

#[test]
fn disconnecting_tells_the_other_side() {
    play(|stage| async move {
        let (dealer, router): (Dealer, Router) = (stage.server.open(), stage.server.open());
        router.bind(NAME)?;
        dealer.connect(NAME)?;
        let mut watch = router.monitor();
        dealer.send("last").await?;
        stage.pass(MS).await;
        dealer.disconnect(NAME)?;
        disconnection(&mut watch).await;
        assert_eq!(text(&router.recv().await?)[1..], ["last"]);
        stage.never(router.recv()).await;
        assert_eq!((dealer.peers(), router.peers()), (0, 0));
        dealer.connect(NAME)?;
        dealer.send("again").await?;
        assert_eq!(text(&router.recv().await?)[1..], ["again"]);
        Ok(())
    });
}

#[test]
fn a_connect_that_is_given_up_leaves_no_trace() {
    play(|stage| async move {
        let push: Push = stage.server.open();
        push.connect(NAME)?;
        push.disconnect(NAME)?;
        stage.pass(MS).await;
        assert!(stage.server.context().inproc_endpoints().is_empty());
        assert!(push.try_send("nobody").is_err());
        Ok(())
    });
}

#[test]
fn a_pair_has_one_peer_until_that_leaves() {
    play(|stage| async move {
        let (bound, first, second): (Pair, Pair, Pair) =
            (stage.server.open(), stage.server.open(), stage.server.open());
        bound.bind(NAME)?;
        first.connect(NAME)?;
        first.send("first").await?;
        assert_eq!(text(&bound.recv().await?), ["first"]);
        bound.send("hello first").await?;
        assert_eq!(text(&first.recv().await?), ["hello first"]);
        second.connect(NAME)?;
        stage.pass(MS).await;
        assert_eq!(bound.peers(), 1);
        first.send("last words").await?;
        drop(first);
        // The second comes back after its pause, and is let in.
        let mut watch = bound.monitor();
        handshake(&mut watch).await;
        assert_eq!(text(&bound.recv().await?), ["last words"]);
        second.send("second").await?;
        assert_eq!(text(&bound.recv().await?), ["second"]);
        bound.send("hello second").await?;
        assert_eq!(text(&second.recv().await?), ["hello second"]);
        Ok(())
    });
}
