//! Who is it: every event of a connection carries its id, its peer's address and, where known, the routing id.

use std::collections::BTreeMap;

use seaworthy::monitor::{ConnectionId, Event};
use seaworthy::{Bytes, Monitor, Options};

use super::fixture::{SECOND, event, frames, play, sockets::*};
use super::raw::RawPeer;

/// What all events of a connection have in common: its id, and where its peer is.
fn origin(event: &Event) -> Option<(ConnectionId, &str)> {
    match event {
        Event::Accepted { connection, peer, .. }
        | Event::Connected { connection, peer, .. }
        | Event::HandshakeSucceeded { connection, peer, .. }
        | Event::HandshakeFailed { connection, peer, .. }
        | Event::Disconnected { connection, peer, .. } => Some((*connection, peer)),
        _ => None,
    }
}

/// Everything that is told about connections until one ends.
async fn until_one_ends(watch: &mut Monitor) -> Vec<Event> {
    let mut events = Vec::new();
    loop {
        let next = event(watch, |event| origin(event).is_some()).await;
        let over = matches!(next, Event::Disconnected { .. } | Event::HandshakeFailed { .. });
        events.push(next);
        if over {
            return events;
        }
    }
}

#[test]
fn both_ends_name_a_connection_from_its_beginning_to_its_end() {
    for endpoint in ["tcp://*:1", "ipc:///run/here"] {
        play(move |stage| async move {
            let (pull, push): (Pull, Push) = (stage.server.open(), stage.server.open());
            let (mut accepting, mut connecting) = (pull.monitor(), push.monitor());
            pull.bind(endpoint)?;
            for round in 1..=2 {
                push.connect(endpoint.replace('*', "server"))?;
                event(&mut accepting, |event| matches!(event, Event::Accepted { .. })).await;
                push.send("hello").await?;
                pull.recv().await?;
                push.disconnect(endpoint.replace('*', "server"))?;
                for (watch, first) in [(&mut accepting, false), (&mut connecting, true)] {
                    let events = until_one_ends(watch).await;
                    assert_eq!(events.len(), if first { 3 } else { 2 }, "{events:?}");
                    let origins: Vec<_> = events.iter().filter_map(origin).collect();
                    assert!(origins.iter().all(|of| *of == origins[0]), "{events:?}");
                    assert_eq!(origins[0].0.to_string(), round.to_string(), "no id is used twice");
                    assert!(!origins[0].1.is_empty());
                }
            }
            Ok(())
        });
    }
}

#[test]
fn inproc_names_its_connections_too() {
    play(|stage| async move {
        let (pull, push): (Pull, Push) = (stage.server.open(), stage.server.open());
        let (mut accepting, mut connecting) = (pull.monitor(), push.monitor());
        pull.bind("inproc://here")?;
        push.connect("inproc://here")?;
        push.send("hello").await?;
        pull.recv().await?;
        push.disconnect("inproc://here")?;
        for watch in [&mut accepting, &mut connecting] {
            let events = until_one_ends(watch).await;
            assert_eq!(events.len(), 3, "{events:?}");
            let origins: Vec<_> = events.iter().filter_map(origin).collect();
            assert!(origins.iter().all(|of| *of == origins[0] && of.1 == "inproc"), "{events:?}");
        }
        Ok(())
    });
}

#[test]
fn whoever_fails_its_handshake_is_told_by_its_address() {
    play(|stage| async move {
        let pull: Pull = stage.server.open();
        let mut watch = pull.monitor();
        let endpoint = stage.server.bind(&pull);
        let peer = RawPeer::connect(&stage.client, &endpoint).await;
        peer.say(b"GET / HTTP/1.1\r\n").await;
        let events = until_one_ends(&mut watch).await;
        let [Event::Accepted { peer: at, .. }, Event::HandshakeFailed { peer: failed, reason, .. }] =
            &events[..]
        else {
            panic!("{events:?}")
        };
        assert_eq!(at, failed);
        assert!(at.starts_with("10.") && reason.contains("another protocol"), "{events:?}");
        Ok(())
    });
}

#[test]
fn a_routing_id_leads_to_an_address_whoever_chose_it() {
    for name in ["", "ada"] {
        play(move |stage| async move {
            let router: Router = stage.server.open();
            let mut watch = router.monitor();
            let dealer: Dealer = stage.client.open_with(Options::default().routing_id(name));
            dealer.connect(stage.server.bind(&router))?;
            let inside: Dealer = stage.server.open();
            router.bind("inproc://inside")?;
            inside.connect("inproc://inside")?;
            dealer.send("from outside").await?;
            inside.send("from inside").await?;
            stage.pass(SECOND).await;

            let mut addresses: BTreeMap<Bytes, String> = BTreeMap::new();
            while let Some(told) = watch.try_recv() {
                if let Event::HandshakeSucceeded { routing_id, peer, .. } = told {
                    addresses.insert(routing_id, peer);
                }
            }
            for _ in 0..2 {
                let Ok([sender, body]) = router.recv().await?.into_array() else { panic!("two frames") };
                let address = addresses.get(&sender[..]).ok_or("the sender is known")?;
                assert_eq!(address == "inproc", body == "from inside", "{address} {body:?}");
                let listed = router.connections();
                let listed = listed.iter().find(|connection| connection.routing_id == sender[..]);
                assert_eq!(listed.map(|connection| &connection.peer), Some(address));
                if body == "from outside" && !name.is_empty() {
                    assert_eq!(sender, name);
                }
            }
            drop(dealer);
            let told = event(&mut watch, |event| matches!(event, Event::Disconnected { .. })).await;
            let Event::Disconnected { routing_id, peer, .. } = told else { unreachable!("the filter above") };
            assert_eq!(addresses.get(&routing_id), Some(&peer));
            assert_eq!(router.connections().len(), 1);
            Ok(())
        });
    }
}

#[test]
fn only_complete_handshakes_are_listed_and_only_while_they_last() {
    play(|stage| async move {
        let dealer: Dealer = stage.server.open();
        let endpoint = stage.server.bind(&dealer);
        let silent = RawPeer::connect(&stage.client, &endpoint).await;
        stage.pass(SECOND).await;
        assert_eq!(dealer.connections(), []);
        let mut peer = RawPeer::connect_as(&stage.client, &endpoint, "REP").await;
        dealer.send(frames(["", "question"])).await?;
        peer.expect_message(["", "question"]).await;
        let [connection] = &dealer.connections()[..] else { panic!("one") };
        assert_eq!((connection.socket_type, connection.id.to_string().as_str()), ("REP", "2"));
        assert_eq!(connection.routing_id, "");
        drop(peer);
        stage.pass(SECOND).await;
        assert_eq!(dealer.connections(), []);
        drop(silent);
        Ok(())
    });
}
