//! DEALER (RFC 28; libzmq's test_spec_dealer).

use super::fixture::{frames, play, sockets::*, text};
use super::raw::{RawListener, RawPeer};
use seaworthy::Options;

#[test]
fn dealer_gives_messages_to_its_peers_in_turn() {
    play(|stage| async move {
        let dealer: Dealer = stage.client.open();
        let reps: Vec<Rep> = (0..5).map(|_| stage.server.open()).collect();
        for rep in &reps {
            dealer.connect(stage.server.bind(rep))?;
        }
        for _ in 0..reps.len() {
            dealer.send(["", "ABC", "DEF"]).await?;
        }
        for rep in &reps {
            assert_eq!(text(&rep.recv().await?), ["ABC", "DEF"]);
        }
        Ok(())
    });
}

#[test]
fn dealer_takes_messages_of_its_peers_in_turn() {
    play(|stage| async move {
        let dealer: Dealer = stage.server.open();
        let endpoint = stage.server.bind(&dealer);
        for (name, count) in [("A", 3), ("B", 1), ("C", 2)] {
            let mut peer = RawPeer::connect_as(&stage.client, &endpoint, "DEALER").await;
            for _ in 0..count {
                peer.say_message([name]).await;
            }
            peer.barrier().await;
        }
        let mut order = String::new();
        for _ in 0..6 {
            order += &text(&dealer.recv().await?).concat();
        }
        assert_eq!(order, "ABCACA");
        Ok(())
    });
}

#[test]
fn dealer_adds_no_envelope_and_takes_none_off() {
    play(|stage| async move {
        let dealer: Dealer = stage.server.open();
        let mut peer = RawPeer::connect_as(&stage.client, &stage.server.bind(&dealer), "DEALER").await;
        dealer.send(["a", "b"]).await?;
        peer.expect_message(["a", "b"]).await;
        peer.say_message(["", "c"]).await;
        assert_eq!(dealer.recv().await?, frames(["", "c"]));
        Ok(())
    });
}

#[test]
fn dealer_waits_without_a_peer_and_sends_when_one_comes() {
    play(|stage| async move {
        let dealer: Dealer = stage.server.open();
        let endpoint = stage.server.bind(&dealer);
        stage.never(dealer.send("too early")).await;
        let (sent, mut peer) =
            futures_util::join!(dealer.send("in time"), RawPeer::connect_as(&stage.client, &endpoint, "REP"));
        sent?;
        peer.expect_message(["in time"]).await;
        Ok(())
    });
}

#[test]
fn dealer_skips_a_peer_without_room() {
    play(|stage| async move {
        let dealer: Dealer = stage.client.open_with(Options::default().sndhwm(1));
        dealer.connect(stage.server.at(1))?;
        dealer.connect(stage.server.at(2))?;
        let listener = RawListener::bind(&stage.server, 2);
        let mut peer = listener.accept_as("DEALER").await;
        // One of these waits for the peer that is not there; all others go to the one that is.
        for number in 0..4 {
            dealer.send(number.to_string()).await?;
        }
        let mut delivered = Vec::new();
        for _ in 0..3 {
            delivered.extend(peer.message().await);
        }
        assert_eq!(delivered, ["1", "2", "3"]);
        Ok(())
    });
}

#[test]
fn dealer_connected_twice_to_one_endpoint_has_one_pipe() {
    play(|stage| async move {
        let dealer: Dealer = stage.client.open();
        dealer.connect(stage.server.at(1))?;
        dealer.connect(stage.server.at(1))?;
        assert_eq!(dealer.peers(), 1);
        Ok(())
    });
}
