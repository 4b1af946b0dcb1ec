//! ROUTER (RFC 28; libzmq's test_spec_router, test_router_mandatory, test_router_mandatory_hwm,
//! test_router_handover, test_probe_router).

use bytes::Bytes;
use seaworthy::{Error, Event, Message, Options};

use super::raw::{MORE, RawListener, RawPeer};
use super::stage::{Place, SECOND, Stage, disconnection, event, frames, handshake, play, sockets::*, text};

/// A DEALER with this routing id that has shaken hands.
async fn dealer_named(place: &Place, endpoint: &seaworthy::Endpoint, routing_id: &str) -> RawPeer {
    let mut peer = RawPeer::connect(place, endpoint).await;
    peer.shake_hands_in(1, "DEALER", &[("Identity", routing_id.as_bytes())]).await;
    peer
}

#[test]
fn router_puts_the_routing_id_of_the_sender_first_and_sends_to_whom_it_names() {
    play(|stage| async move {
        let router: Router = stage.server.open();
        let endpoint = stage.server.bind(&router);
        let mut a = dealer_named(&stage.client, &endpoint, "A").await;
        let mut b = dealer_named(&stage.client, &endpoint, "B").await;
        a.say_message(["from a"]).await;
        assert_eq!(router.recv().await?, frames(["A", "from a"]));
        b.say_message(["from b", ""]).await;
        assert_eq!(router.recv().await?, frames(["B", "from b", ""]));
        router.send(["B", "to b"]).await?;
        router.send(["A", "to a"]).await?;
        a.expect_message(["to a"]).await;
        b.expect_message(["to b"]).await;
        Ok(())
    });
}

#[test]
fn router_takes_messages_of_its_peers_in_turn() {
    play(|stage| async move {
        let router: Router = stage.server.open();
        let endpoint = stage.server.bind(&router);
        let mut peers = Vec::new();
        for name in ["A", "B", "C"] {
            let mut peer = dealer_named(&stage.client, &endpoint, name).await;
            for _ in 0..10 {
                peer.say_message([""]).await;
            }
            peer.barrier().await;
            peers.push(peer);
        }
        for _ in 0..10 {
            for name in ["A", "B", "C"] {
                assert_eq!(router.recv().await?, frames([name, ""]));
            }
        }
        Ok(())
    });
}

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
            router.send([id, Bytes::from("back")]).await?;
            peer.expect_message(["back"]).await;
        }
        assert_eq!(numbers, [numbers[0], numbers[0].wrapping_add(1), numbers[0].wrapping_add(2)]);
        Ok(())
    });
}

#[test]
fn router_drops_what_is_for_nobody() {
    play(|stage| async move {
        let router: Router = stage.server.open();
        let mut peer = dealer_named(&stage.client, &stage.server.bind(&router), "A").await;
        peer.barrier().await;
        router.send(["X", "to nobody"]).await?;
        router.send(["A", "to a"]).await?;
        peer.expect_message(["to a"]).await;
        Ok(())
    });
}

#[test]
fn router_ignores_a_routing_id_with_nothing_behind_it() {
    play(|stage| async move {
        let router: Router = stage.server.open();
        let mut peer = dealer_named(&stage.client, &stage.server.bind(&router), "A").await;
        peer.barrier().await;
        router.send("A").await?;
        router.send("X").await?;
        router.send(["A", ""]).await?;
        peer.expect_message([""]).await;
        Ok(())
    });
}

#[test]
fn router_drops_what_its_peer_has_no_room_for_and_never_waits() {
    play(|stage| async move {
        let router: Router = stage.server.open_with(Options::default().sndhwm(2));
        let mut peer = dealer_named(&stage.client, &stage.server.bind(&router), "A").await;
        peer.barrier().await;
        let big = Bytes::from(vec![0; 300_000]);
        for _ in 0..20 {
            let sent = stage.within(SECOND, router.send([Bytes::from("A"), big.clone()])).await;
            sent.expect("a ROUTER never waits")?;
        }
        Ok(())
    });
}

#[test]
fn mandatory_router_names_whom_it_cannot_reach_and_gives_the_message_back() {
    play(|stage| async move {
        let router: Router = stage.server.open_with(Options::default().router_mandatory(true));
        let endpoint = stage.server.bind(&router);
        match router.send(["X", "to nobody"]).await {
            Err(Error::Unroutable { routing_id }) => assert_eq!(routing_id, "X"),
            other => panic!("{other:?}"),
        }
        let refused = router.try_send(["X", "to nobody"]).unwrap_err();
        assert_eq!(refused.message, frames(["X", "to nobody"]));
        assert!(refused.to_string().contains("\"X\""), "{refused}");
        let mut peer = dealer_named(&stage.client, &endpoint, "X").await;
        peer.barrier().await;
        router.send(["X", "to x"]).await?;
        peer.expect_message(["to x"]).await;
        let mut watch = router.monitor();
        drop(peer);
        disconnection(&mut watch).await;
        assert!(matches!(router.send(["X", "gone"]).await, Err(Error::Unroutable { .. })));
        Ok(())
    });
}

#[test]
fn mandatory_router_waits_for_room() {
    play(|stage| async move {
        let options = Options::default().router_mandatory(true).sndhwm(1);
        let router: Router = stage.server.open_with(options);
        let mut peer = dealer_named(&stage.client, &stage.server.bind(&router), "A").await;
        peer.barrier().await;
        let big = Bytes::from(vec![0; 300_000]);
        let message = || -> Message { [Bytes::from("A"), big.clone()].into_iter().collect() };
        let mut sent = 0;
        while router.try_send(message()).is_ok() {
            sent += 1;
            assert!(sent < 100, "the peer reads nothing");
            stage.pass(SECOND).await;
        }
        let refused = router.try_send(message()).unwrap_err();
        assert!(matches!(refused.error, Error::WouldBlock) && refused.message == message());
        stage.never(router.send(message())).await;
        let reading = async {
            loop {
                peer.frame().await;
            }
        };
        let sending = router.send(message());
        match futures_util::future::select(Box::pin(sending), Box::pin(reading)).await {
            futures_util::future::Either::Left((result, _)) => Ok(result?),
            futures_util::future::Either::Right((never, _)) => never,
        }
    });
}

#[test]
fn mandatory_router_that_waits_for_room_learns_that_the_peer_left() {
    play(|stage| async move {
        let options = Options::default().router_mandatory(true).sndhwm(1);
        let router: Router = stage.server.open_with(options);
        let mut peer = dealer_named(&stage.client, &stage.server.bind(&router), "A").await;
        peer.barrier().await;
        let message =
            || -> Message { [Bytes::from("A"), Bytes::from(vec![0; 300_000])].into_iter().collect() };
        while router.try_send(message()).is_ok() {
            stage.pass(SECOND).await;
        }
        let (result, ()) = futures_util::join!(router.send(message()), async { peer.reset() });
        assert!(matches!(result, Err(Error::Unroutable { .. })), "{result:?}");
        Ok(())
    });
}

#[test]
fn mandatory_router_that_waits_for_room_learns_that_the_endpoint_of_the_peer_was_unbound() {
    play(|stage| async move {
        let options = Options::default().router_mandatory(true).sndhwm(1);
        let router: Router = stage.server.open_with(options);
        let mut peer = dealer_named(&stage.client, &stage.server.bind(&router), "A").await;
        peer.barrier().await;
        let message =
            || -> Message { [Bytes::from("A"), Bytes::from(vec![0; 300_000])].into_iter().collect() };
        while router.try_send(message()).is_ok() {
            stage.pass(SECOND).await;
        }
        stage.never(router.send(message())).await;
        let (result, unbound) =
            futures_util::join!(router.send(message()), async { router.unbind("tcp://*:*") });
        unbound?;
        assert!(matches!(result, Err(Error::Unroutable { .. })), "{result:?}");
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
        router.send([id.clone(), Bytes::from("back")]).await?;
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
async fn router_with_namesakes(stage: &Stage) -> (Router, [RawListener; 2], [RawPeer; 2]) {
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
fn router_talks_to_router() {
    play(|stage| async move {
        let a: Router = stage.client.open_with(Options::default().routing_id("a"));
        let b: Router = stage.server.open_with(Options::default().routing_id("b").router_mandatory(true));
        let endpoint = stage.server.bind(&b);
        let mut watch = a.monitor();
        a.connect(&endpoint)?;
        handshake(&mut watch).await;
        a.send(["b", "hello"]).await?;
        assert_eq!(b.recv().await?, frames(["a", "hello"]));
        b.send(["a", "back"]).await?;
        assert_eq!(a.recv().await?, frames(["b", "back"]));
        Ok(())
    });
}

#[test]
fn a_probe_makes_a_dealer_known_to_a_router_that_has_not_heard_of_it() {
    play(|stage| async move {
        let router: Router = stage.server.open();
        let dealer: Dealer = stage.client.open_with(Options::default().routing_id("A").probe_router(true));
        dealer.connect(stage.server.bind(&router))?;
        assert_eq!(router.recv().await?, frames(["A", ""]));
        router.send(["A", "found"]).await?;
        assert_eq!(text(&dealer.recv().await?), ["found"]);
        Ok(())
    });
}

#[test]
fn a_probe_of_a_router_reaches_a_router_and_one_of_a_req_too() {
    play(|stage| async move {
        let server: Router = stage.server.open();
        let endpoint = stage.server.bind(&server);
        let probing = Options::default().probe_router(true);
        let router: Router = stage.client.open_with(probing.clone().routing_id("router"));
        router.connect(&endpoint)?;
        assert_eq!(server.recv().await?, frames(["router", ""]));
        let req: Req = stage.client.open_with(probing.routing_id("req"));
        req.connect(&endpoint)?;
        assert_eq!(server.recv().await?, frames(["req", ""]));
        Ok(())
    });
}

#[test]
fn without_the_option_nobody_probes() {
    play(|stage| async move {
        let listener = RawListener::bind(&stage.server, 1);
        let dealer: Dealer = stage.client.open();
        dealer.connect(stage.server.at(1))?;
        let mut peer = listener.accept_as("ROUTER").await;
        stage.never(peer.frame()).await;
        Ok(())
    });
}

#[test]
fn router_refuses_a_peer_whose_name_begins_with_a_zero_byte() {
    play(|stage| async move {
        let router: Router = stage.server.open();
        let mut watch = router.monitor();
        let mut peer = RawPeer::connect(&stage.client, &stage.server.bind(&router)).await;
        peer.say(&super::raw::hello("DEALER", &[("Identity", b"\0abcd")])).await;
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

#[test]
fn a_message_of_a_router_needs_a_routing_id() {
    play(|stage| async move {
        let router: Router = stage.server.open();
        let refused = router.send(Message::default()).await.unwrap_err();
        assert_eq!(refused.to_string(), "the message cannot be sent: it has no frames");
        Ok(())
    });
}

#[test]
fn a_message_torn_by_its_sender_is_not_received() {
    play(|stage| async move {
        let router: Router = stage.server.open();
        let endpoint = stage.server.bind(&router);
        let mut watch = router.monitor();
        let mut peer = dealer_named(&stage.client, &endpoint, "A").await;
        peer.say_frame(MORE, b"half").await;
        peer.barrier().await;
        drop(peer);
        disconnection(&mut watch).await;
        let peer = dealer_named(&stage.client, &endpoint, "A").await;
        peer.say_message(["whole"]).await;
        assert_eq!(router.recv().await?, frames(["A", "whole"]));
        Ok(())
    });
}
