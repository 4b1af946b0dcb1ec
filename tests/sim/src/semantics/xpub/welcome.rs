//! The first message on every connection (`xpub_welcome_msg`).

use seaworthy::Options;

use super::super::fixture::{play, sockets::*, text};
use super::super::raw::{RawListener, RawPeer};

#[test]
fn the_welcome_message_comes_first_on_every_connection_of_pub_and_xpub() {
    play(|stage| async move {
        let welcoming = || Options::default().xpub_welcome_msg("W");
        let (plain, extended): (Pub, XPub) =
            (stage.server.open_with(welcoming()), stage.server.open_with(welcoming()));
        for endpoint in [stage.server.bind(&plain), stage.server.bind(&extended)] {
            for _ in 0..2 {
                let mut peer = RawPeer::connect_as(&stage.client, &endpoint, "SUB").await;
                peer.expect_message(["W"]).await;
                stage.never(peer.frame()).await;
            }
            // A SUB gets it if it has asked for it before it connects.
            let (asks, does_not): (Sub, Sub) = (stage.client.open(), stage.other.open());
            asks.subscribe("W")?;
            does_not.subscribe("X")?;
            asks.connect(&endpoint)?;
            does_not.connect(&endpoint)?;
            assert_eq!(text(&asks.recv().await?), ["W"]);
            stage.never(does_not.recv()).await;
        }
        Ok(())
    });
}

#[test]
fn a_connecting_publisher_welcomes_again_when_it_reconnects() {
    play(|stage| async move {
        let publisher: XPub = stage.server.open_with(Options::default().xpub_welcome_msg("W"));
        let listener = RawListener::bind(&stage.client, 1);
        publisher.connect(stage.client.at(1))?;
        for _ in 0..2 {
            let mut peer = listener.accept_as("SUB").await;
            peer.expect_message(["W"]).await;
            peer.reset();
        }
        Ok(())
    });
}
