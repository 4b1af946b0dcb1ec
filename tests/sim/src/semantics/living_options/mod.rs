//! Options that change while a socket lives (libzmq's test_sockopt_hwm, test_reconnect_options by meaning): which take
//! effect at once, and which with the next endpoint.

mod at_once;
mod marks;
mod next_endpoint;
mod patterns;

use std::time::Duration;

use seaworthy::{Error, StreamOptions};

use super::fixture::{play, sockets::*};

#[test]
fn a_value_that_cannot_be_used_is_refused_and_the_former_one_stays() {
    play(|stage| async move {
        let dealer: Dealer = stage.server.open();
        dealer.set_routing_id("x".repeat(255))?;
        dealer.set_heartbeat_ttl(Duration::from_millis(6_553_500))?;
        for (refused, name) in [
            (dealer.set_routing_id("x".repeat(256)), "routing_id"),
            (dealer.set_routing_id(&b"\0abcd"[..]), "routing_id"),
            (dealer.set_heartbeat_ttl(Duration::from_millis(6_553_501)), "heartbeat_ttl"),
            (dealer.set_stream(StreamOptions::default().rcvbuf(0)), "rcvbuf"),
        ] {
            assert!(
                matches!(refused, Err(Error::InvalidOption { option, .. }) if option == name),
                "{refused:?}"
            );
        }
        let options = dealer.options();
        assert_eq!(options.routing_id.len(), 255);
        assert_eq!(options.heartbeat_ttl, Duration::from_millis(6_553_500));
        assert_eq!(options.stream, StreamOptions::default());
        Ok(())
    });
}
