//! What a ROUTER calls its peers, and peers of the same name (libzmq's test_router_handover).

use seaworthy::Options;
use seaworthy::monitor::Event;

use super::fixture::{Fixture, disconnection, event, frames, handshake, play, sockets::*, text};
use super::raw::{RawListener, RawPeer, dealer_named, hello};

#[test]
fn router_names_anonymous_peers_by_a_zero_byte_and_a_number_that_counts_up() {
    play(|stage| async move {
        let router: Router = stage.server.open();
        let endpoint = stage.server.bind(&router);
        let mut numbers = Vec::new();
        for _ in 0..3 {
            let mut peer = RawPeer::connect_as(&stage.client, &endpoint, "DEALER").await;
            peer.say_message(["hello"]).await;
            let id = router.recv().await?.frames()[0].clone();
            assert_eq!((id.len(), id[0]), (5, 0));
            numbers.push(u32::from_be_bytes(id[1..].try_into()?));
            router.send([id, "back".into()]).await?;
            peer.expect_message(["back"]).await;
        }
        assert_eq!(numbers, [numbers[0], numbers[0].wrapping_add(1), numbers[0].wrapping_add(2)]);
        Ok(())
    });
}

#[test]
fn router_ignores_a_second_peer_of_the_same_name_until_the_first_departs() {
    play(|stage| async move {
        let router: Router = stage.server.open();
        let endpoint = stage.server.bind(&router);
        let mut watch = router.monitor();
        let mut first = dealer_named(&stage.client, &endpoint, "A").await;
        first.barrier().await;
        let mut second = dealer_named(&stage.client, &endpoint, "A").await;
        second.say_message(["second"]).await;
        second.barrier().await;
        first.say_message(["first"]).await;
        assert_eq!(router.recv().await?, frames(["A", "first"]));
        stage.never(router.recv()).await;
        router.send(["A", "for the first"]).await?;
        first.expect_message(["for the first"]).await;
        drop(first);
        disconnection(&mut watch).await;
        assert_eq!(router.recv().await?, frames(["A", "second"]));
        router.send(["A", "for the second"]).await?;
        second.expect_message(["for the second"]).await;
        Ok(())
    });
}

#[test]
fn a_third_peer_of_the_same_name_waits_behind_the_second() {
    play(|stage| async move {
        let router: Router = stage.server.open();
        let endpoint = stage.server.bind(&router);
        let mut peers = Vec::new();
        for number in ["1", "2", "3"] {
            let mut peer = dealer_named(&stage.client, &endpoint, "A").await;
            peer.say_message([number]).await;
            peer.barrier().await;
            peers.push(peer);
        }
        for number in ["1", "2", "3"] {
            assert_eq!(router.recv().await?, frames(["A", number]));
            stage.never(router.recv()).await;
            drop(peers.remove(0));
        }
        Ok(())
    });
}

#[test]
fn router_with_handover_cuts_the_first_peer_of_a_name_off() {
    play(|stage| async move {
        let router: Router = stage.server.open_with(Options::default().router_handover(true));
        let endpoint = stage.server.bind(&router);
        let mut first = dealer_named(&stage.client, &endpoint, "A").await;
        first.say_message(["first"]).await;
        assert_eq!(router.recv().await?, frames(["A", "first"]));
        let mut second = dealer_named(&stage.client, &endpoint, "A").await;
        second.barrier().await;
        router.send(["A", "for the second"]).await?;
        second.expect_message(["for the second"]).await;
        first.end().await;
        second.say_message(["second"]).await;
        assert_eq!(router.recv().await?, frames(["A", "second"]));
        assert_eq!(router.peers(), 1);
        Ok(())
    });
}

#[test]
fn a_late_end_of_the_former_peer_does_not_touch_the_one_that_took_over() {
    play(|stage| async move {
        let options = Options::default().router_handover(true).router_mandatory(true);
        let router: Router = stage.server.open_with(options);
        let endpoint = stage.server.bind(&router);
        let mut watch = router.monitor();
        let mut first = dealer_named(&stage.client, &endpoint, "A").await;
        first.barrier().await;
        stage.control.cut_both(stage.server.id, stage.client.id);
        let mut second = dealer_named(&stage.other, &endpoint, "A").await;
        second.barrier().await;
        stage.control.heal_both(stage.server.id, stage.client.id);
        first.reset();
        disconnection(&mut watch).await;
        router.send(["A", "still there"]).await?;
        second.expect_message(["still there"]).await;
        Ok(())
    });
}

#[test]
fn a_peer_that_comes_back_under_its_name_is_served_again() {
    play(|stage| async move {
        let router: Router = stage.server.open();
        let endpoint = stage.server.bind(&router);
        let mut watch = router.monitor();
        for _ in 0..3 {
            let mut peer = dealer_named(&stage.client, &endpoint, "A").await;
            peer.say_message(["hello"]).await;
            assert_eq!(router.recv().await?, frames(["A", "hello"]));
            router.send(["A", "back"]).await?;
            peer.expect_message(["back"]).await;
            drop(peer);
            disconnection(&mut watch).await;
        }
        Ok(())
    });
}

#[test]
fn router_keeps_the_name_of_a_connected_peer_across_a_reconnect() {
    play(|stage| async move {
        let listener = RawListener::bind(&stage.server, 1);
        let router: Router = stage.client.open();
        router.connect(stage.server.at(1))?;
        let peer = listener.accept_as("DEALER").await;
        peer.say_message(["hello"]).await;
        let id = router.recv().await?.frames()[0].clone();
        peer.reset();
        let mut watch = router.monitor();
        let mut peer = listener.accept_as("DEALER").await;
        handshake(&mut watch).await;
        router.send([id.clone(), "back".into()]).await?;
        peer.expect_message(["back"]).await;
        peer.say_message(["again"]).await;
        assert_eq!(router.recv().await?.frames()[0], id);
        Ok(())
    });
}

/// Accepts a connection of a ROUTER, as a DEALER with this routing id that is known to it when this returns.
async fn accept_named(listener: &RawListener, routing_id: &str) -> RawPeer {
    let mut peer = listener.accept().await;
    peer.shake_hands_in(1, "DEALER", &[("Identity", routing_id.as_bytes())]).await;
    peer.barrier().await;
    peer
}

/// A ROUTER that connected to two peers, of which the second has the name of the first.
async fn router_with_namesakes(stage: &Fixture) -> (Router, [RawListener; 2], [RawPeer; 2]) {
    let listeners = [RawListener::bind(&stage.server, 1), RawListener::bind(&stage.server, 2)];
    let router: Router = stage.client.open();
    router.connect(stage.server.at(1)).expect("an endpoint");
    let first = accept_named(&listeners[0], "A").await;
    router.connect(stage.server.at(2)).expect("an endpoint");
    let second = accept_named(&listeners[1], "A").await;
    (router, listeners, [first, second])
}

#[test]
fn an_ignored_peer_that_comes_back_under_another_name_is_heard() {
    play(|stage| async move {
        let (router, listeners, [mut first, second]) = router_with_namesakes(&stage).await;
        second.reset();
        let mut second = accept_named(&listeners[1], "B").await;
        second.say_message(["from B"]).await;
        assert_eq!(router.recv().await?, frames(["B", "from B"]));
        router.send(["B", "to B"]).await?;
        second.expect_message(["to B"]).await;
        router.send(["A", "to A"]).await?;
        first.expect_message(["to A"]).await;
        Ok(())
    });
}

#[test]
fn the_former_name_of_a_peer_that_comes_back_under_another_goes_to_whoever_waits_for_it() {
    play(|stage| async move {
        let (router, listeners, [first, mut second]) = router_with_namesakes(&stage).await;
        second.say_message(["from the second"]).await;
        stage.never(router.recv()).await;
        first.reset();
        let mut first = accept_named(&listeners[0], "B").await;
        assert_eq!(router.recv().await?, frames(["A", "from the second"]));
        router.send(["A", "to the second"]).await?;
        second.expect_message(["to the second"]).await;
        first.say_message(["from the first"]).await;
        assert_eq!(router.recv().await?, frames(["B", "from the first"]));
        router.send(["B", "to the first"]).await?;
        first.expect_message(["to the first"]).await;
        Ok(())
    });
}

#[test]
fn a_peer_that_lost_its_name_to_nobody_gets_it_back() {
    play(|stage| async move {
        let (router, listeners, [_first, second]) = router_with_namesakes(&stage).await;
        second.reset();
        for name in ["B", "A", "B"] {
            let mut second = accept_named(&listeners[1], name).await;
            if name == "B" {
                second.say_message(["from B"]).await;
                assert_eq!(router.recv().await?, frames(["B", "from B"]));
                router.send(["B", "to B"]).await?;
                second.expect_message(["to B"]).await;
            }
            second.reset();
        }
        Ok(())
    });
}

#[test]
fn a_peer_whose_former_name_was_taken_meanwhile_is_ignored_under_it() {
    play(|stage| async move {
        let (router, listeners, [_first, second]) = router_with_namesakes(&stage).await;
        second.reset();
        accept_named(&listeners[1], "B").await.reset();
        accept_named(&listeners[1], "A").await.reset();
        let taker = dealer_named(&stage.other, &stage.client.bind(&router), "B").await;
        taker.say_message(["mine now"]).await;
        assert_eq!(router.recv().await?, frames(["B", "mine now"]));
        let second = accept_named(&listeners[1], "B").await;
        second.say_message(["not heard"]).await;
        stage.never(router.recv()).await;
        Ok(())
    });
}

#[test]
fn router_refuses_a_peer_whose_name_begins_with_a_zero_byte() {
    play(|stage| async move {
        let router: Router = stage.server.open();
        let mut watch = router.monitor();
        let mut peer = RawPeer::connect(&stage.client, &stage.server.bind(&router)).await;
        peer.say(&hello("DEALER", &[("Identity", b"\0abcd")])).await;
        let failed = event(&mut watch, |event| matches!(event, Event::HandshakeFailed { .. })).await;
        assert!(format!("{failed:?}").contains("Identity"), "{failed:?}");
        peer.end().await;
        assert_eq!(router.peers(), 0);
        Ok(())
    });
}

#[test]
fn a_name_of_255_bytes_is_served() {
    play(|stage| async move {
        let router: Router = stage.server.open();
        let name = "n".repeat(255);
        let peer = dealer_named(&stage.client, &stage.server.bind(&router), &name).await;
        peer.say_message(["hello"]).await;
        assert_eq!(text(&router.recv().await?), [name, "hello".to_owned()]);
        Ok(())
    });
}
