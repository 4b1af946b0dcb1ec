//! PUSH and PULL (RFC 30; libzmq's test_spec_pushpull).

use futures_util::join;
use seaworthy::Options;

use super::fixture::{disconnection, frames, play, sockets::*, text};
use super::raw::{MORE, RawListener, RawPeer};

#[test]
fn push_gives_messages_to_its_peers_in_turn() {
    play(|stage| async move {
        let push: Push = stage.client.open();
        let pulls: Vec<Pull> = (0..5).map(|_| stage.server.open()).collect();
        for pull in &pulls {
            push.connect(stage.server.bind(pull))?;
        }
        for number in 0..2 * pulls.len() {
            push.send(number.to_string()).await?;
        }
        for (number, pull) in pulls.iter().enumerate() {
            assert_eq!(text(&pull.recv().await?), [number.to_string()]);
            assert_eq!(text(&pull.recv().await?), [(number + pulls.len()).to_string()]);
        }
        Ok(())
    });
}

#[test]
fn pull_takes_messages_of_its_peers_in_turn() {
    play(|stage| async move {
        let pull: Pull = stage.server.open();
        let endpoint = stage.server.bind(&pull);
        let mut peers = Vec::new();
        for name in ["A", "B", "C"] {
            let mut peer = RawPeer::connect_as(&stage.client, &endpoint, "PUSH").await;
            for _ in 0..100 {
                peer.say_message([name]).await;
            }
            peer.barrier().await;
            peers.push(peer);
        }
        for _ in 0..100 {
            let mut round = String::new();
            for _ in 0..3 {
                round += &text(&pull.recv().await?).concat();
            }
            assert_eq!(round, "ABC");
        }
        Ok(())
    });
}

#[test]
fn pull_serves_a_peer_that_says_little_between_two_messages_of_one_that_says_much() {
    play(|stage| async move {
        let pull: Pull = stage.server.open();
        let endpoint = stage.server.bind(&pull);
        let mut loud = RawPeer::connect_as(&stage.client, &endpoint, "PUSH").await;
        let mut quiet = RawPeer::connect_as(&stage.client, &endpoint, "PUSH").await;
        for _ in 0..500 {
            loud.say_message(["loud"]).await;
        }
        loud.barrier().await;
        for _ in 0..100 {
            pull.recv().await?;
        }
        quiet.say_message(["quiet"]).await;
        quiet.barrier().await;
        let next = [text(&pull.recv().await?), text(&pull.recv().await?)].concat();
        assert!(next.contains(&"quiet".to_owned()), "{next:?}");
        Ok(())
    });
}

#[test]
fn push_waits_while_there_is_no_peer() {
    play(|stage| async move {
        let push: Push = stage.server.open();
        let endpoint = stage.server.bind(&push);
        stage.never(push.send("early")).await;
        let (sent, mut peer) =
            join!(push.send("in time"), RawPeer::connect_as(&stage.client, &endpoint, "PULL"));
        sent?;
        peer.expect_message(["in time"]).await;
        Ok(())
    });
}

#[test]
fn push_waits_while_no_peer_has_room() {
    play(|stage| async move {
        let push: Push = stage.client.open_with(Options::default().sndhwm(2));
        push.connect(stage.server.at(1))?;
        push.connect(stage.server.at(2))?;
        for number in 0..4 {
            push.send(number.to_string()).await?;
        }
        stage.never(push.send("4")).await;
        let listener = RawListener::bind(&stage.server, 2);
        let (sent, mut peer) = join!(push.send("5"), listener.accept_as("PULL"));
        sent?;
        peer.expect_message(["1"]).await;
        peer.expect_message(["3"]).await;
        peer.expect_message(["5"]).await;
        Ok(())
    });
}

#[test]
fn push_connected_twice_to_one_endpoint_has_two_pipes() {
    play(|stage| async move {
        let (push, pull): (Push, Pull) = (stage.client.open(), stage.server.open());
        let endpoint = stage.server.bind(&pull);
        let mut watch = pull.monitor();
        push.connect(&endpoint)?;
        push.connect(&endpoint)?;
        super::fixture::handshake(&mut watch).await;
        super::fixture::handshake(&mut watch).await;
        assert_eq!((push.peers(), pull.peers()), (2, 2));
        Ok(())
    });
}

#[test]
fn pull_still_receives_what_a_peer_said_before_it_left() {
    play(|stage| async move {
        let pull: Pull = stage.server.open();
        let mut watch = pull.monitor();
        let peer = RawPeer::connect_as(&stage.client, &stage.server.bind(&pull), "PUSH").await;
        peer.say_message(["one"]).await;
        peer.say_message(["two", "parts"]).await;
        drop(peer);
        assert_eq!(disconnection(&mut watch).await, "closed by the peer");
        assert_eq!(text(&pull.recv().await?), ["one"]);
        assert_eq!(text(&pull.recv().await?), ["two", "parts"]);
        stage.never(pull.recv()).await;
        assert_eq!(pull.peers(), 0);
        Ok(())
    });
}

#[test]
fn a_message_whose_last_frame_never_comes_is_not_received() {
    play(|stage| async move {
        let pull: Pull = stage.server.open();
        let endpoint = stage.server.bind(&pull);
        let mut watch = pull.monitor();
        let mut peer = RawPeer::connect_as(&stage.client, &endpoint, "PUSH").await;
        peer.say_frame(MORE, b"half").await;
        peer.barrier().await;
        let mut other = RawPeer::connect_as(&stage.other, &endpoint, "PUSH").await;
        other.say_message(["whole"]).await;
        other.barrier().await;
        drop(peer);
        disconnection(&mut watch).await;
        assert_eq!(text(&pull.recv().await?), ["whole"]);
        stage.never(pull.recv()).await;
        Ok(())
    });
}

#[test]
fn frames_of_two_peers_never_mix_within_a_message() {
    play(|stage| async move {
        let pull: Pull = stage.server.open();
        let endpoint = stage.server.bind(&pull);
        let mut a = RawPeer::connect_as(&stage.client, &endpoint, "PUSH").await;
        let mut b = RawPeer::connect_as(&stage.other, &endpoint, "PUSH").await;
        a.say_frame(MORE, b"a1").await;
        a.barrier().await;
        b.say_frame(MORE, b"b1").await;
        b.barrier().await;
        a.say_frame(0, b"a2").await;
        a.barrier().await;
        b.say_frame(0, b"b2").await;
        assert_eq!(pull.recv().await?, frames(["a1", "a2"]));
        assert_eq!(pull.recv().await?, frames(["b1", "b2"]));
        Ok(())
    });
}

#[test]
fn all_frames_of_a_message_go_to_the_same_peer() {
    play(|stage| async move {
        let push: Push = stage.server.open();
        let endpoint = stage.server.bind(&push);
        let mut peers = Vec::new();
        for _ in 0..3 {
            peers.push(RawPeer::connect_as(&stage.client, &endpoint, "PULL").await);
        }
        for peer in &mut peers {
            peer.barrier().await;
        }
        for number in ["0", "1", "2"] {
            push.send([number, "of", "three"]).await?;
        }
        for (number, peer) in peers.iter_mut().enumerate() {
            assert_eq!(peer.message().await, [&number.to_string(), "of", "three"]);
        }
        Ok(())
    });
}

#[test]
fn push_goes_on_with_the_other_peers_when_one_leaves() {
    play(|stage| async move {
        let push: Push = stage.server.open();
        let endpoint = stage.server.bind(&push);
        let mut watch = push.monitor();
        let leaving = RawPeer::connect_as(&stage.client, &endpoint, "PULL").await;
        let mut staying = RawPeer::connect_as(&stage.client, &endpoint, "PULL").await;
        staying.barrier().await;
        drop(leaving);
        disconnection(&mut watch).await;
        for number in 0..4 {
            push.send(number.to_string()).await?;
            assert_eq!(staying.message().await, [number.to_string()]);
        }
        drop(staying);
        disconnection(&mut watch).await;
        stage.never(push.send("nobody is left")).await;
        Ok(())
    });
}
