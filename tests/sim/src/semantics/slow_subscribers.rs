//! A PUB whose subscribers have no room (RFC 29; libzmq's test_hwm_pubsub, test_xpub_nodrop).

use futures_util::join;
use seaworthy::Options;

use super::fixture::{SECOND, play, sockets::*, text};
use super::raw::subscriber;

#[test]
fn pub_drops_exactly_what_a_subscriber_has_no_room_for() {
    play(|stage| async move {
        let publisher: Pub = stage.server.open_with(Options::default().sndhwm(4));
        let endpoint = stage.server.bind(&publisher);
        let mut peer = subscriber(&stage.client, &endpoint, &[""]).await;
        // Without waiting in between, nothing leaves the pipe.
        for number in 0..10 {
            publisher.try_send(number.to_string())?;
        }
        for number in 0..4 {
            peer.expect_message([&number.to_string()]).await;
        }
        publisher.send("again").await?;
        peer.expect_message(["again"]).await;
        Ok(())
    });
}

#[test]
fn pub_at_one_below_its_mark_drops_nothing() {
    play(|stage| async move {
        let publisher: Pub = stage.server.open_with(Options::default().sndhwm(4));
        let endpoint = stage.server.bind(&publisher);
        let mut peer = subscriber(&stage.client, &endpoint, &[""]).await;
        for round in 0..3 {
            for number in 0..4 {
                publisher.try_send(format!("{round}.{number}"))?;
            }
            for number in 0..4 {
                assert_eq!(peer.message().await, [format!("{round}.{number}")]);
            }
        }
        Ok(())
    });
}

#[test]
fn a_slow_subscriber_costs_the_others_nothing() {
    play(|stage| async move {
        let publisher: Pub = stage.server.open_with(Options::default().sndhwm(10));
        let endpoint = stage.server.bind(&publisher);
        let mut slow = subscriber(&stage.client, &endpoint, &[""]).await;
        let mut fast = subscriber(&stage.other, &endpoint, &[""]).await;
        let body = "b".repeat(10_000);
        for number in 0..500 {
            let sent = stage.within(SECOND, publisher.send([number.to_string(), body.clone()])).await;
            sent.expect("a PUB never waits")?;
            assert_eq!(fast.message().await, [number.to_string(), body.clone()]);
        }
        let mut numbers = Vec::new();
        while let Some(message) = stage.within(SECOND, slow.message()).await {
            numbers.push(message[0].parse::<u32>()?);
            assert_eq!(message[1], body);
        }
        assert!(numbers.len() < 500, "nothing was dropped");
        assert!(numbers.is_sorted(), "{numbers:?}");
        publisher.send("and on").await?;
        slow.expect_message(["and on"]).await;
        Ok(())
    });
}

#[test]
fn pub_that_must_not_drop_waits_for_all_that_match_and_for_no_other() {
    play(|stage| async move {
        let options = Options::default().sndhwm(1).xpub_nodrop(true);
        let publisher: Pub = stage.server.open_with(options);
        let endpoint = stage.server.bind(&publisher);
        let mut a = subscriber(&stage.client, &endpoint, &["A"]).await;
        let mut all = subscriber(&stage.other, &endpoint, &[""]).await;
        let body = "A".repeat(500_000);
        // What A does not read fills the way to it.
        let mut sent = 0;
        while publisher.try_send(body.clone()).is_ok() {
            sent += 1;
            assert!(sent < 100, "A reads nothing");
            assert_eq!(all.message().await, [body.as_str()]);
        }
        let refused = publisher.try_send(body.clone()).unwrap_err();
        assert_eq!(text(&refused.message), [body.as_str()]);
        stage.never(publisher.send(body.clone())).await;
        publisher.send("B").await?;
        // All or nothing: the one that had room has not got the message either.
        all.expect_message(["B"]).await;
        for _ in 0..sent {
            assert_eq!(a.message().await, [body.as_str()]);
        }
        publisher.send("A again").await?;
        a.expect_message(["A again"]).await;
        all.expect_message(["A again"]).await;
        Ok(())
    });
}

#[test]
fn pub_that_waits_for_a_subscriber_goes_on_when_its_endpoint_is_unbound() {
    play(|stage| async move {
        let publisher: Pub = stage.server.open_with(Options::default().sndhwm(1).xpub_nodrop(true));
        let _stalled = subscriber(&stage.client, &stage.server.bind(&publisher), &[""]).await;
        let body = "b".repeat(500_000);
        while publisher.try_send(body.clone()).is_ok() {
            stage.pass(SECOND).await;
        }
        stage.never(publisher.send(body.clone())).await;
        let (sent, unbound) = join!(publisher.send(body), async { publisher.unbind("tcp://*:*") });
        unbound?;
        sent?;
        Ok(())
    });
}
