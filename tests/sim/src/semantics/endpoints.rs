//! Binding, connecting and giving up endpoints (libzmq's test_unbind_wildcard, test_last_endpoint,
//! test_term_endpoint, test_bind_after_connect_tcp, test_connect_resolve, test_many_sockets).

use std::time::Duration;

use seaworthy::monitor::Event;
use seaworthy::{Endpoint, Error, Options};

use super::fixture::{MS, SECOND, disconnection, event, handshake, play, sockets::*, text};
use super::raw::{RawListener, RawPeer};

#[test]
fn bind_gives_the_endpoint_with_its_port() {
    play(|stage| async move {
        let pull: Pull = stage.server.open();
        assert_eq!(pull.bind("tcp://*:1234")?.to_string(), "tcp://0.0.0.0:1234");
        let (a, b) = (pull.bind("tcp://*:*")?, pull.bind("tcp://*:0")?);
        assert!(a != b && !a.to_string().ends_with('*'), "{a} {b}");
        Ok(())
    });
}

#[test]
fn a_socket_may_bind_and_connect_many_endpoints() {
    play(|stage| async move {
        let pull: Pull = stage.server.open();
        let pushes: Vec<Push> = (0..4).map(|_| stage.client.open()).collect();
        for (number, push) in pushes.iter().enumerate() {
            if number % 2 == 0 {
                push.connect(stage.server.bind(&pull))?;
            } else {
                pull.connect(stage.client.bind(push))?;
            }
            push.send(number.to_string()).await?;
            assert_eq!(text(&pull.recv().await?), [number.to_string()]);
        }
        assert_eq!(pull.peers(), 4);
        Ok(())
    });
}

#[test]
fn an_endpoint_in_use_cannot_be_bound_until_it_is_free() {
    play(|stage| async move {
        let (a, b): (Pull, Pull) = (stage.server.open(), stage.server.open());
        a.bind("tcp://*:1")?;
        let refused = b.bind("tcp://*:1").unwrap_err();
        assert!(
            matches!(&refused, Error::Bind { source, .. } if source.kind() == std::io::ErrorKind::AddrInUse)
        );
        assert!(refused.to_string().starts_with("cannot bind tcp://0.0.0.0:1: "), "{refused}");
        let mut watch = a.monitor();
        a.unbind("tcp://*:1")?;
        event(&mut watch, |event| matches!(event, Event::Closed { .. })).await;
        b.bind("tcp://*:1")?;
        b.close().await;
        a.bind("tcp://*:1")?;
        Ok(())
    });
}

#[test]
fn an_address_of_another_host_cannot_be_bound() {
    play(|stage| async move {
        let pull: Pull = stage.server.open();
        let refused = pull.bind("tcp://client:1").unwrap_err();
        assert!(refused.to_string().contains("tcp://client:1"), "{refused}");
        Ok(())
    });
}

#[test]
fn a_wildcard_is_unbound_by_either_of_its_names_and_once() {
    play(|stage| async move {
        let pull: Pull = stage.server.open();
        let resolved = pull.bind("tcp://*:*")?;
        pull.unbind(&resolved)?;
        assert!(
            matches!(pull.unbind(&resolved), Err(Error::UnknownEndpoint(endpoint)) if *endpoint == resolved)
        );
        pull.bind("tcp://*:*")?;
        pull.unbind("tcp://*:*")?;
        let unknown = pull.unbind("tcp://*:*").unwrap_err();
        assert_eq!(unknown.to_string(), "this socket holds no endpoint tcp://0.0.0.0:*");
        Ok(())
    });
}

#[test]
fn what_was_bound_is_not_disconnected_nor_the_other_way_round() {
    play(|stage| async move {
        let dealer: Dealer = stage.server.open();
        let bound = dealer.bind("tcp://*:1")?;
        dealer.connect("tcp://client:2")?;
        assert!(matches!(dealer.disconnect(&bound), Err(Error::UnknownEndpoint(_))));
        assert!(matches!(dealer.unbind("tcp://client:2"), Err(Error::UnknownEndpoint(_))));
        dealer.disconnect("tcp://client:2")?;
        dealer.unbind(bound)?;
        Ok(())
    });
}

#[test]
fn after_disconnect_the_endpoint_can_be_connected_again() {
    play(|stage| async move {
        let (dealer, router): (Dealer, Router) = (stage.client.open(), stage.server.open());
        let endpoint = stage.server.bind(&router);
        for round in 0..3 {
            let mut watch = dealer.monitor();
            dealer.connect(&endpoint)?;
            handshake(&mut watch).await;
            dealer.send(round.to_string()).await?;
            assert_eq!(text(&router.recv().await?)[1], round.to_string());
            dealer.disconnect(&endpoint)?;
            assert!(dealer.try_send("nobody").is_err());
        }
        Ok(())
    });
}

#[test]
fn disconnect_ends_every_pipe_to_the_endpoint() {
    play(|stage| async move {
        let push: Push = stage.client.open();
        push.connect("tcp://server:1")?;
        push.connect("tcp://server:1")?;
        push.disconnect("tcp://server:1")?;
        assert_eq!(push.peers(), 0);
        Ok(())
    });
}

#[test]
fn disconnect_of_an_immediate_endpoint_takes_its_peer_out_of_the_turn() {
    play(|stage| async move {
        let listener = RawListener::bind(&stage.server, 1);
        let push: Push = stage.client.open_with(Options::default().immediate(true));
        let mut watch = push.monitor();
        push.connect("tcp://server:1")?;
        let mut peer = listener.accept_as("PULL").await;
        handshake(&mut watch).await;
        push.send("x".repeat(1_000_000)).await?;
        push.disconnect("tcp://server:1")?;
        assert!(push.try_send("it would be lost").is_err());
        assert_eq!(peer.message().await[0].len(), 1_000_000);
        peer.end().await;
        stage.never(listener.accept()).await;
        Ok(())
    });
}

#[test]
fn what_is_no_endpoint_is_refused_by_its_name() {
    play(|stage| async move {
        let push: Push = stage.client.open();
        for wrong in [
            "",
            "localhost",
            "tcp://",
            "tcp://server",
            "tcp://server:http",
            "tcp://server:65536",
            "foo://x",
            "tcp://:1",
        ] {
            let refused = push.connect(wrong).unwrap_err();
            assert!(
                matches!(refused, Error::Endpoint(_)) && refused.to_string().contains(&format!("{wrong:?}")),
                "{refused}"
            );
            assert!(matches!(push.bind(wrong), Err(Error::Endpoint(_))), "{wrong:?}");
        }
        for nowhere in ["tcp://*:5555", "tcp://server:0", "tcp://server:*", "tcp://[::]:1", "ipc://*"] {
            let refused = push.connect(nowhere).unwrap_err();
            assert!(matches!(refused, Error::Unsupported { operation: "connect", .. }), "{refused}");
            assert!(refused.to_string().starts_with("cannot connect "), "{refused}");
        }
        assert_eq!(push.peers(), 0);
        Ok(())
    });
}

#[test]
fn a_name_that_does_not_resolve_yet_is_asked_for_again() {
    play(|stage| async move {
        let push: Push = stage.client.open_with(Options::default().linger(Duration::ZERO));
        let mut watch = push.monitor();
        push.connect("tcp://nowhere:1")?;
        for _ in 0..3 {
            event(&mut watch, |event| matches!(event, Event::ConnectRetried { .. })).await;
        }
        Ok(())
    });
}

#[test]
fn ipc_carries_messages_within_a_host() {
    play(|stage| async move {
        let (push, pull): (Push, Pull) = (stage.client.open(), stage.client.open());
        let endpoint = pull.bind("ipc://*")?;
        assert!(matches!(endpoint, Endpoint::Ipc(_)));
        push.connect(&endpoint)?;
        push.send(["over", "ipc"]).await?;
        assert_eq!(text(&pull.recv().await?), ["over", "ipc"]);
        pull.unbind(&endpoint)?;
        Ok(())
    });
}

#[test]
fn connect_before_bind_over_ipc_too() {
    play(|stage| async move {
        let (push, pull): (Push, Pull) = (stage.client.open(), stage.client.open());
        push.connect("ipc:///tmp/later")?;
        push.send("early").await?;
        stage.pass(SECOND).await;
        pull.bind("ipc:///tmp/later")?;
        assert_eq!(text(&pull.recv().await?), ["early"]);
        Ok(())
    });
}

#[test]
fn a_thousand_sockets_live_side_by_side() {
    play(|stage| async move {
        let router: Router = stage.server.open();
        let endpoint = stage.server.bind(&router);
        let mut dealers = Vec::new();
        for number in 0..1000 {
            let dealer: Dealer = stage.client.open_with(Options::default().routing_id(number.to_string()));
            dealer.connect(&endpoint)?;
            dealer.send("hello").await?;
            dealers.push(dealer);
        }
        for _ in 0..1000 {
            let mut message = router.recv().await?;
            message.push_back("back");
            router.send(message).await?;
        }
        for dealer in &dealers {
            assert_eq!(text(&dealer.recv().await?), ["hello", "back"]);
        }
        assert_eq!(router.peers(), 1000);
        drop(dealers);
        let mut watch = router.monitor();
        while router.peers() > 0 {
            watch.recv().await;
        }
        Ok(())
    });
}

#[test]
fn connections_that_come_and_go_leave_nothing_behind() {
    play(|stage| async move {
        let router: Router = stage.server.open();
        let endpoint = stage.server.bind(&router);
        let mut watch = router.monitor();
        stage.pass(SECOND).await;
        let before = stage.control.tasks(stage.server.id);
        for number in 0..300 {
            let mut peer = RawPeer::connect_as(&stage.client, &endpoint, "DEALER").await;
            peer.barrier().await;
            assert_eq!(router.peers(), 1);
            if number % 2 == 0 {
                peer.reset()
            } else {
                drop(peer)
            }
            disconnection(&mut watch).await;
            assert_eq!(router.peers(), 0);
        }
        // A stream is given a second to end in an orderly way.
        stage.pass(2 * SECOND).await;
        assert_eq!(stage.control.tasks(stage.server.id), before);
        assert!(stage.control.connections(stage.server.id).is_empty());
        router.close().await;
        stage.pass(2 * SECOND).await;
        assert_eq!(stage.control.tasks(stage.server.id), [""; 0]);
        Ok(())
    });
}

#[test]
fn a_listener_tells_what_happens_to_it() {
    play(|stage| async move {
        let pull: Pull = stage.server.open();
        let mut watch = pull.monitor();
        let endpoint = pull.bind("tcp://*:1")?;
        let push: Push = stage.client.open();
        push.connect("tcp://server:1")?;
        assert_eq!(watch.recv().await, Some(Event::Listening { endpoint: endpoint.clone() }));
        match watch.recv().await {
            Some(Event::Accepted { endpoint: at, peer, .. }) => {
                assert!(at == endpoint && peer.starts_with("10."))
            }
            other => panic!("{other:?}"),
        }
        match watch.recv().await {
            Some(Event::HandshakeSucceeded { endpoint: at, routing_id, socket_type, .. }) => {
                assert!(at == endpoint && routing_id.is_empty() && socket_type == "PUSH");
            }
            other => panic!("{other:?}"),
        }
        push.close().await;
        assert!(
            matches!(watch.recv().await, Some(Event::Disconnected { reason, .. }) if reason == "closed by the peer")
        );
        pull.unbind("tcp://*:1")?;
        assert_eq!(watch.recv().await, Some(Event::Closed { endpoint }));
        Ok(())
    });
}

#[test]
fn a_dialer_tells_what_happens_to_it() {
    play(|stage| async move {
        let dealer: Dealer = stage.client.open();
        let mut watch = dealer.monitor();
        dealer.connect("tcp://server:1")?;
        assert!(matches!(watch.recv().await, Some(Event::ConnectRetried { .. })));
        let router: Router = stage.server.open_with(Options::default().routing_id("the router"));
        router.bind("tcp://*:1")?;
        let connected = event(&mut watch, |event| !matches!(event, Event::ConnectRetried { .. })).await;
        assert!(matches!(connected, Event::Connected { peer, .. } if peer.ends_with(":1")));
        match watch.recv().await {
            Some(Event::HandshakeSucceeded { routing_id, socket_type, .. }) => {
                assert_eq!((&routing_id[..], socket_type), (&b"the router"[..], "ROUTER"));
            }
            other => panic!("{other:?}"),
        }
        router.close().await;
        assert!(
            matches!(watch.recv().await, Some(Event::Disconnected { routing_id, .. }) if routing_id == "the router")
        );
        assert!(matches!(watch.recv().await, Some(Event::ConnectRetried { after, .. }) if after <= 100 * MS));
        Ok(())
    });
}

#[test]
fn a_watcher_that_does_not_look_loses_events_and_is_told_how_many() {
    play(|stage| async move {
        let push: Push = stage.client.open_with(Options::default().reconnect_ivl(MS).linger(Duration::ZERO));
        let watch = push.monitor();
        push.connect("tcp://server:1")?;
        stage.pass(60 * SECOND).await;
        assert!(watch.dropped() > 0);
        Ok(())
    });
}
