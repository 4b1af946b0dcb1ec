//! ROUTER (RFC 28; libzmq's test_spec_router, test_probe_router).

use bytes::Bytes;
use seaworthy::{Message, Options};

use super::fixture::{SECOND, disconnection, frames, handshake, play, sockets::*, text};
use super::raw::{MORE, RawListener, dealer_named};

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
