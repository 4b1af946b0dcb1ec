//! A peer that has stalled costs the others nothing: it is given some turns in vain, and then no more.

use seaworthy::{Error, Message, Options};

use super::fixture::{SECOND, play, sockets::*};
use super::raw::{RawListener, RawPeer, subscriber};
use super::turns::polls;

/// More messages than turns that a peer is worth, by far.
const MANY: usize = 5000;

/// Turns that stalled peers may cost together: what each is worth, and some while they fill.
const TURNS: usize = 1100;

fn body(number: usize) -> String {
    format!("{number} {}", "b".repeat(1000))
}

/// Counts the turns that sends wait for, beyond their first poll.
async fn turns_of(send: impl Future<Output = Result<(), Error>>) -> Result<usize, Error> {
    Ok(polls(send).await? - 1)
}

#[test]
fn stalled_subscribers_cost_a_publisher_no_turns_in_the_end() {
    play(|stage| async move {
        let publisher: Pub = stage.server.open_with(Options::default().sndhwm(10));
        let endpoint = stage.server.bind(&publisher);
        let mut stalled = subscriber(&stage.client, &endpoint, &["", "1"]).await;
        let _stalled_too = subscriber(&stage.client, &endpoint, &[""]).await;
        let mut fast = subscriber(&stage.other, &endpoint, &[""]).await;
        let mut turns = 0;
        for number in 0..MANY {
            turns += turns_of(publisher.send(body(number))).await?;
            fast.expect_message([&body(number)]).await;
        }
        assert!((1..TURNS).contains(&turns), "{turns} turns for {MANY} messages");
        // Whoever reads again gets what is sent then.
        while stage.within(SECOND, stalled.message()).await.is_some() {}
        publisher.send("again").await?;
        stalled.expect_message(["again"]).await;
        fast.expect_message(["again"]).await;
        Ok(())
    });
}

#[test]
fn a_stalled_subscriber_costs_an_xpub_no_turns_in_the_end() {
    play(|stage| async move {
        let publisher: XPub = stage.server.open_with(Options::default().sndhwm(10));
        let endpoint = stage.server.bind(&publisher);
        let _stalled = subscriber(&stage.client, &endpoint, &[""]).await;
        let mut fast = subscriber(&stage.other, &endpoint, &[""]).await;
        let mut turns = 0;
        for number in 0..MANY {
            turns += turns_of(publisher.send(body(number))).await?;
            fast.expect_message([&body(number)]).await;
        }
        assert!((1..TURNS).contains(&turns), "{turns} turns for {MANY} messages");
        Ok(())
    });
}

#[test]
fn a_stalled_publisher_costs_an_xsub_no_turns_in_the_end() {
    play(|stage| async move {
        let [stalled, fast] = [&stage.client, &stage.other].map(|place| RawListener::bind(place, 5555));
        let sender: XSub = stage.server.open_with(Options::default().sndhwm(10));
        sender.connect(stage.client.at(5555))?;
        sender.connect(stage.other.at(5555))?;
        let _stalled = stalled.accept_as("XPUB").await;
        let mut fast = fast.accept_as("XPUB").await;
        let mut turns = 0;
        for number in 0..MANY {
            turns += turns_of(sender.send(body(number))).await?;
            fast.expect_message([&body(number)]).await;
        }
        assert!((1..TURNS).contains(&turns), "{turns} turns for {MANY} messages");
        Ok(())
    });
}

#[test]
fn a_stalled_dealer_costs_a_router_no_turns_in_the_end() {
    play(|stage| async move {
        let router: Router = stage.server.open_with(Options::default().sndhwm(10));
        let endpoint = stage.server.bind(&router);
        let mut stalled = RawPeer::connect(&stage.client, &endpoint).await;
        stalled.shake_hands_in(1, "DEALER", &[("Identity", b"stalled")]).await;
        let mut fast = RawPeer::connect(&stage.other, &endpoint).await;
        fast.shake_hands_in(1, "DEALER", &[("Identity", b"fast")]).await;
        for peer in [&mut stalled, &mut fast] {
            peer.barrier().await;
        }
        let to = |name: &str, number| Message::from([name.to_owned(), body(number)]);
        let mut turns = 0;
        for number in 0..MANY {
            turns += turns_of(router.send(to("stalled", number))).await?;
            turns += turns_of(router.send(to("fast", number))).await?;
            fast.expect_message([&body(number)]).await;
        }
        // A turn comes after 2048 operations anyway.
        assert!((1..TURNS + 2 * MANY / 2048).contains(&turns), "{turns} turns for {MANY} messages each");
        Ok(())
    });
}

/// As long as nobody else has room, nobody else is delayed.
#[test]
fn an_only_subscriber_is_worth_a_turn_for_each_message() {
    play(|stage| async move {
        let publisher: Pub = stage.server.open_with(Options::default().sndhwm(10));
        let endpoint = stage.server.bind(&publisher);
        let _stalled = subscriber(&stage.client, &endpoint, &[""]).await;
        for number in 0..MANY {
            publisher.send(body(number)).await?;
        }
        for number in 0..100 {
            assert_eq!(turns_of(publisher.send(body(number))).await?, 1);
        }
        Ok(())
    });
}
