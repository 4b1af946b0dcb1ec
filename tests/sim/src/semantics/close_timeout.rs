//! Closing within a limit: it waits no longer, whatever `linger` says, and tells what is left.

use std::time::Duration;

use seaworthy::{LeftUnsent, Options};

use super::fixture::{Fixture, MS, SECOND, play, sockets::*, text};
use super::raw::{RawListener, RawPeer};

/// What closing gives, and how long it takes.
async fn closing(
    stage: &Fixture,
    close: impl Future<Output = Result<(), LeftUnsent>>,
) -> (Result<(), usize>, Duration) {
    let began = stage.now();
    let closed = close.await;
    (closed.map_err(|left| left.messages), stage.now() - began)
}

#[test]
fn it_waits_as_long_as_the_limit_says_whatever_linger_does() {
    for linger in [None, Some(Duration::ZERO), Some(MS), Some(3600 * SECOND)] {
        for limit in [Duration::ZERO, MS, 2 * SECOND] {
            play(move |stage| async move {
                let push: Push = stage.client.open_with(Options::default().linger(linger));
                push.connect(stage.server.at(1))?;
                push.send("one").await?;
                push.send(["two", "parts"]).await?;
                assert_eq!(closing(&stage, push.close_timeout(limit)).await, (Err(2), limit));
                stage.pass(1100 * MS).await;
                assert_eq!(stage.control.tasks(stage.client.id), [""; 0]);
                Ok(())
            });
        }
    }
}

#[test]
fn what_goes_out_in_time_ends_the_wait() {
    for (delay, left) in [(1900 * MS, Ok(())), (2100 * MS, Err(1))] {
        play(move |stage| async move {
            let push: Push = stage.client.open_with(Options::default().reconnect_ivl(10 * MS));
            push.connect(stage.server.at(1))?;
            push.send("queued").await?;
            let pull: Pull = stage.server.open();
            let late = async {
                stage.pass(delay).await;
                pull.bind("tcp://*:1").map(drop)
            };
            let (closed, bound) = futures_util::join!(closing(&stage, push.close_timeout(2 * SECOND)), late);
            bound?;
            assert_eq!(closed.0, left);
            if left.is_ok() {
                assert!(closed.1 < 2 * SECOND);
                assert_eq!(text(&pull.recv().await?), ["queued"]);
            } else {
                stage.never(pull.recv()).await;
            }
            Ok(())
        });
    }
}

#[test]
fn a_socket_with_nothing_queued_closes_at_once() {
    play(|stage| async move {
        let (push, pull): (Push, Pull) = (stage.client.open(), stage.server.open());
        push.connect(stage.server.bind(&pull))?;
        push.connect(stage.server.at(1))?;
        push.send("taken").await?;
        pull.recv().await?;
        assert_eq!(closing(&stage, pull.close_timeout(SECOND)).await, (Ok(()), Duration::ZERO));
        assert_eq!(closing(&stage, push.close_timeout(SECOND)).await.0, Ok(()));
        Ok(())
    });
}

#[test]
fn a_peer_that_does_not_read_is_not_waited_for() {
    play(|stage| async move {
        let push: Push = stage.client.open();
        push.connect(stage.server.at(1))?;
        let _peer = RawListener::bind(&stage.server, 1).accept_as("PULL").await;
        for _ in 0..100 {
            push.send(vec![0; 100_000]).await?;
        }
        stage.pass(SECOND).await;
        let (left, took) = closing(&stage, push.close_timeout(2 * SECOND)).await;
        assert_eq!(took, 2 * SECOND);
        assert!(
            matches!(left, Err(1..100)),
            "{left:?}: some were taken by the kernels, and some were being written"
        );
        Ok(())
    });
}

#[test]
fn what_was_being_written_is_left_too() {
    play(|stage| async move {
        let dealer: Dealer = stage.client.open();
        let endpoint = stage.client.bind(&dealer);
        let _peer = RawPeer::connect_as(&stage.server, &endpoint, "DEALER").await;
        // One message that the kernels cannot take, of which the first part is on its way.
        dealer.send(vec![0; 10_000_000]).await?;
        stage.pass(SECOND).await;
        assert_eq!(closing(&stage, dealer.close_timeout(SECOND)).await, (Err(0), SECOND));
        Ok(())
    });
}

#[test]
fn over_inproc_what_nobody_took_is_left() {
    play(|stage| async move {
        let push: Push = stage.server.open();
        push.connect("inproc://nobody")?;
        push.send("one").await?;
        push.send("two").await?;
        assert_eq!(closing(&stage, push.close_timeout(SECOND)).await, (Err(2), SECOND));

        let (push, pull): (Push, Pull) = (stage.server.open(), stage.server.open());
        pull.bind("inproc://somebody")?;
        push.connect("inproc://somebody")?;
        push.send("it is in the other's hands").await?;
        assert_eq!(closing(&stage, push.close_timeout(SECOND)).await.0, Ok(()));
        pull.recv().await?;
        Ok(())
    });
}

#[test]
fn a_subscriber_leaves_nothing() {
    play(|stage| async move {
        let sub: Sub = stage.client.open();
        sub.subscribe("news")?;
        sub.connect(stage.server.at(1))?;
        assert_eq!(closing(&stage, sub.close_timeout(SECOND)).await, (Ok(()), Duration::ZERO));
        Ok(())
    });
}

#[test]
fn an_endpoint_that_was_given_up_before_is_not_waited_for_longer() {
    play(|stage| async move {
        let push: Push = stage.client.open_with(Options::default().linger(3600 * SECOND));
        push.connect(stage.server.at(1))?;
        push.send("queued").await?;
        push.disconnect(stage.server.at(1))?;
        let (left, took) = closing(&stage, push.close_timeout(SECOND)).await;
        assert!(left.is_err());
        assert!(took - SECOND < MS, "{took:?}");
        let pull: Pull = stage.server.open();
        pull.bind("tcp://*:1")?;
        assert_eq!(text(&pull.recv().await?), ["queued"], "it goes on in the background");
        Ok(())
    });
}

#[test]
fn a_close_that_is_dropped_goes_on_in_the_background_until_its_limit() {
    for (limit, delivered) in [(5 * SECOND, true), (SECOND, false)] {
        play(move |stage| async move {
            let push: Push = stage.client.open_with(Options::default().reconnect_ivl(10 * MS));
            push.connect(stage.server.at(1))?;
            push.send("queued").await?;
            assert!(stage.within(MS, push.close_timeout(limit)).await.is_none());
            stage.pass(3 * SECOND).await;
            let pull: Pull = stage.server.open();
            pull.bind("tcp://*:1")?;
            let received = stage.within(SECOND, pull.recv()).await;
            assert_eq!(received.is_some(), delivered);
            Ok(())
        });
    }
}
