//! Closing: what is queued goes out for as long as `linger` says, and then nothing is left (libzmq's test_linger by
//! meaning, test_ctx_destroy).

use std::time::Duration;

use seaworthy::{Error, Options};
use seaworthy_sim::Sim;

use super::fixture::{Fixture, MS, Opens, SECOND, disconnection, handshake, play, play_in, sockets::*, text};
use super::raw::{Ending, RawListener, RawPeer, dealer_named};

/// Time that closing takes.
async fn closing<F: Future<Output = ()>>(stage: &Fixture, close: F) -> Duration {
    let began = stage.now();
    close.await;
    stage.now() - began
}

/// Shows that no task of a closed socket is left on the client.
async fn nothing_is_left(stage: &Fixture) {
    // A stream is given a second to end in an orderly way.
    stage.pass(1100 * MS).await;
    assert_eq!(stage.control.tasks(stage.client.id), [""; 0]);
}

#[test]
fn closing_waits_for_an_endpoint_that_was_never_connected() {
    play(|stage| async move {
        let push: Push = stage.client.open();
        push.connect(stage.server.at(1))?;
        push.send(["queued", "parts"]).await?;
        let mut close = Box::pin(push.close());
        assert!(stage.within(3600 * SECOND, &mut close).await.is_none());
        let pull: Pull = stage.server.open();
        pull.bind("tcp://*:1")?;
        close.await;
        assert_eq!(text(&pull.recv().await?), ["queued", "parts"]);
        nothing_is_left(&stage).await;
        Ok(())
    });
}

#[test]
fn closing_with_zero_linger_drops_what_is_queued_at_once() {
    play(|stage| async move {
        let push: Push = stage.client.open_with(Options::default().linger(Duration::ZERO));
        push.connect(stage.server.at(1))?;
        push.send("queued").await?;
        assert_eq!(closing(&stage, push.close()).await, Duration::ZERO);
        let pull: Pull = stage.server.open();
        pull.bind("tcp://*:1")?;
        stage.never(pull.recv()).await;
        nothing_is_left(&stage).await;
        Ok(())
    });
}

#[test]
fn closing_waits_as_long_as_linger_says() {
    for (delay, delivered) in [(4900 * MS, true), (5100 * MS, false)] {
        play(move |stage| async move {
            let options = Options::default().linger(5 * SECOND).reconnect_ivl(10 * MS);
            let push: Push = stage.client.open_with(options);
            push.connect(stage.server.at(1))?;
            push.send("queued").await?;
            let pull: Pull = stage.server.open();
            let late = async {
                stage.pass(delay).await;
                pull.bind("tcp://*:1").map(drop)
            };
            let (took, bound) = futures_util::join!(closing(&stage, push.close()), late);
            bound?;
            if delivered {
                assert!(took < 5 * SECOND, "{took:?}");
                assert_eq!(text(&pull.recv().await?), ["queued"]);
            } else {
                assert_eq!(took, 5 * SECOND);
                stage.never(pull.recv()).await;
            }
            nothing_is_left(&stage).await;
            Ok(())
        });
    }
}

#[test]
fn closing_with_nothing_queued_is_immediate_even_without_a_peer() {
    play(|stage| async move {
        let push: Push = stage.client.open();
        push.connect(stage.server.at(1))?;
        push.bind("tcp://*:2")?;
        assert_eq!(closing(&stage, push.close()).await, Duration::ZERO);
        let sub: Sub = stage.client.open();
        sub.subscribe("")?;
        sub.connect(stage.server.at(1))?;
        assert_eq!(closing(&stage, sub.close()).await, Duration::ZERO);
        nothing_is_left(&stage).await;
        Ok(())
    });
}

#[test]
fn everything_that_was_sent_arrives_when_the_sender_closes_at_once() {
    for count in [1, 10, 1000] {
        play(move |stage| async move {
            let (push, pull): (Push, Pull) = (stage.client.open(), stage.server.open());
            push.connect(stage.server.bind(&pull))?;
            for number in 0..count {
                push.send([number.to_string(), "x".repeat(1000)]).await?;
            }
            let receiving = async {
                for number in 0..count {
                    assert_eq!(text(&pull.recv().await?)[0], number.to_string());
                }
                Ok::<_, Error>(())
            };
            let ((), received) = futures_util::join!(push.close(), receiving);
            received?;
            nothing_is_left(&stage).await;
            Ok(())
        });
    }
}

#[test]
fn dropping_a_socket_lingers_in_the_background() {
    play(|stage| async move {
        let push: Push = stage.client.open();
        push.connect(stage.server.at(1))?;
        push.send("queued").await?;
        drop(push);
        stage.pass(60 * SECOND).await;
        assert_eq!(stage.control.tasks(stage.client.id), ["dialer"]);
        let pull: Pull = stage.server.open();
        pull.bind("tcp://*:1")?;
        assert_eq!(text(&pull.recv().await?), ["queued"]);
        nothing_is_left(&stage).await;
        Ok(())
    });
}

#[test]
fn a_close_that_is_given_up_goes_on_in_the_background() {
    play(|stage| async move {
        let push: Push = stage.client.open();
        push.connect(stage.server.at(1))?;
        push.send("queued").await?;
        assert!(stage.within(SECOND, push.close()).await.is_none());
        let pull: Pull = stage.server.open();
        pull.bind("tcp://*:1")?;
        assert_eq!(text(&pull.recv().await?), ["queued"]);
        nothing_is_left(&stage).await;
        Ok(())
    });
}

#[test]
fn a_peer_that_reads_nothing_is_waited_for_as_long_as_linger_says_and_then_cut_off() {
    play_in(Sim::builder(1).buffers(4096, 4096), |stage| async move {
        let listener = RawListener::bind(&stage.server, 1);
        let push: Push = stage.client.open_with(Options::default().linger(7 * SECOND));
        push.connect(stage.server.at(1))?;
        let mut peer = listener.accept_as("PULL").await;
        peer.barrier().await;
        push.send("x".repeat(100_000)).await?;
        assert_eq!(closing(&stage, push.close()).await, 7 * SECOND);
        // The message was torn, so the stream must not end as if it were whole.
        assert!(matches!(peer.end().await, Ending::Broken(_)));
        nothing_is_left(&stage).await;
        Ok(())
    });
}

#[test]
fn a_slow_peer_gets_everything_within_linger() {
    play_in(Sim::builder(1).buffers(4096, 4096), |stage| async move {
        let listener = RawListener::bind(&stage.server, 1);
        let push: Push = stage.client.open_with(Options::default().linger(60 * SECOND));
        push.connect(stage.server.at(1))?;
        let mut peer = listener.accept_as("PULL").await;
        for number in 0..30 {
            push.send([number.to_string(), "x".repeat(3000)]).await?;
        }
        let reading = async {
            for number in 0..30 {
                stage.pass(SECOND).await;
                assert_eq!(peer.message().await[0], number.to_string());
            }
            assert_eq!(peer.end().await, Ending::Closed);
        };
        futures_util::join!(push.close(), reading);
        nothing_is_left(&stage).await;
        Ok(())
    });
}

#[test]
fn a_peer_that_talks_without_end_does_not_keep_a_closed_socket_alive() {
    play(|stage| async move {
        let listener = RawListener::bind(&stage.server, 1);
        let dealer: Dealer = stage.client.open();
        dealer.connect(stage.server.at(1))?;
        let peer = listener.accept_as("DEALER").await;
        dealer.send("last").await?;
        let talking = async {
            while peer.try_say(&super::raw::encoded_message(["blah"])).await.is_ok() {
                stage.pass(10 * MS).await;
            }
        };
        let (took, ()) = futures_util::join!(closing(&stage, dealer.close()), talking);
        assert!(took < SECOND, "{took:?}");
        nothing_is_left(&stage).await;
        Ok(())
    });
}

#[test]
fn disconnect_sends_what_is_queued_for_the_endpoint_within_linger() {
    for (linger, delivered) in [(None, true), (Some(Duration::ZERO), false)] {
        play(move |stage| async move {
            let push: Push = stage.client.open_with(Options::default().linger(linger));
            push.connect(stage.server.at(1))?;
            push.send("queued").await?;
            push.disconnect(stage.server.at(1))?;
            assert_eq!(push.peers(), 0);
            assert!(push.try_send("nobody").is_err());
            let pull: Pull = stage.server.open();
            pull.bind("tcp://*:1")?;
            match stage.within(10 * SECOND, pull.recv()).await {
                Some(message) => assert!(delivered && text(&message?) == ["queued"]),
                None => assert!(!delivered),
            }
            stage.never(pull.recv()).await;
            nothing_is_left(&stage).await;
            Ok(())
        });
    }
}

#[test]
fn disconnect_leaves_other_endpoints_alone() {
    play(|stage| async move {
        let push: Push = stage.client.open();
        let (a, b): (Pull, Pull) = (stage.server.open(), stage.server.open());
        let (at_a, at_b) = (stage.server.bind(&a), stage.server.bind(&b));
        let mut watch = a.monitor();
        push.connect(&at_a)?;
        push.connect(&at_b)?;
        handshake(&mut watch).await;
        push.disconnect(&at_a)?;
        disconnection(&mut watch).await;
        for number in 0..10 {
            push.send(number.to_string()).await?;
            assert_eq!(text(&b.recv().await?), [number.to_string()]);
        }
        stage.never(a.recv()).await;
        Ok(())
    });
}

#[test]
fn unbind_sends_what_is_queued_for_its_peers_within_linger_and_ends_their_connections() {
    for (linger, delivered) in [(None, 20), (Some(Duration::ZERO), 0)] {
        play_in(Sim::builder(1).buffers(4096, 4096), move |stage| async move {
            let push: Push = stage.client.open_with(Options::default().linger(linger));
            let endpoint = stage.client.bind(&push);
            let mut peer = RawPeer::connect_as(&stage.server, &endpoint, "PULL").await;
            peer.barrier().await;
            for number in 0..20 {
                push.try_send([number.to_string(), "x".repeat(3000)])?;
            }
            push.unbind("tcp://*:*")?;
            for number in 0..delivered {
                assert_eq!(peer.message().await[0], number.to_string());
            }
            peer.end().await;
            nothing_is_left(&stage).await;
            Ok(())
        });
    }
}

#[test]
fn after_unbind_its_peers_get_nothing_more_not_even_while_they_are_being_served() {
    // libzmq's test_term_endpoint: sending would block, for there is no peer.
    play_in(Sim::builder(1).buffers(4096, 4096), |stage| async move {
        let push: Push = stage.client.open();
        let endpoint = stage.client.bind(&push);
        let mut peer = RawPeer::connect_as(&stage.server, &endpoint, "PULL").await;
        peer.barrier().await;
        push.send("x".repeat(100_000)).await?;
        push.unbind(format!("tcp://*:{}", port(&endpoint)))?;
        assert!(push.try_send("too late").is_err(), "it would be lost");
        assert_eq!(push.peers(), 0);
        assert_eq!(peer.message().await[0].len(), 100_000);
        assert_eq!(peer.rest().await, (bytes::Bytes::new(), Ending::Closed));
        Ok(())
    });
}

#[test]
fn after_unbind_nobody_is_accepted() {
    play(|stage| async move {
        let pull: Pull = stage.server.open();
        let endpoint = stage.server.bind(&pull);
        pull.unbind(format!("tcp://*:{}", port(&endpoint)))?;
        stage.pass(MS).await;
        let push: Push = stage.client.open_with(Options::default().linger(Duration::ZERO));
        let mut watch = push.monitor();
        push.connect(endpoint)?;
        stage.never(handshake(&mut watch)).await;
        Ok(())
    });
}

fn port(endpoint: &seaworthy::Endpoint) -> u16 {
    match endpoint {
        seaworthy::Endpoint::Tcp { port, .. } => *port,
        other => panic!("{other} is not tcp"),
    }
}

#[test]
fn a_pull_closes_at_once_whatever_it_has_not_received() {
    play(|stage| async move {
        let (pull, push): (Pull, Push) = (stage.client.open(), stage.server.open());
        push.connect(stage.client.bind(&pull))?;
        for _ in 0..100 {
            push.send("unread").await?;
        }
        pull.recv().await?;
        assert_eq!(closing(&stage, pull.close()).await, Duration::ZERO);
        nothing_is_left(&stage).await;
        Ok(())
    });
}

#[test]
fn a_sub_closes_at_once_whatever_subscriptions_its_publisher_has_not_read() {
    play_in(Sim::builder(1).buffers(4096, 4096), |stage| async move {
        let listener = RawListener::bind(&stage.server, 1);
        let sub: Sub = stage.client.open();
        let mut watch = sub.monitor();
        sub.connect(stage.server.at(1))?;
        let _reads_nothing = listener.accept_as("PUB").await;
        handshake(&mut watch).await;
        for number in 0..1000 {
            sub.subscribe(format!("{number:0>1000}"))?;
        }
        stage.pass(SECOND).await;
        assert_eq!(sub.options().linger, None);
        assert_eq!(closing(&stage, sub.close()).await, Duration::ZERO);
        nothing_is_left(&stage).await;
        Ok(())
    });
}

#[test]
fn a_socket_that_closes_in_the_middle_of_a_handshake_leaves_nothing() {
    play(|stage| async move {
        let listener = RawListener::bind(&stage.server, 1);
        let (dialing, listening): (Dealer, Dealer) = (stage.client.open(), stage.client.open());
        dialing.connect(stage.server.at(1))?;
        let _never_greets = listener.accept().await;
        let _never_greets_either = RawPeer::connect(&stage.server, &stage.client.bind(&listening)).await;
        assert_eq!(closing(&stage, dialing.close()).await, Duration::ZERO);
        assert_eq!(closing(&stage, listening.close()).await, Duration::ZERO);
        nothing_is_left(&stage).await;
        Ok(())
    });
}

#[test]
fn monitors_end_with_their_socket() {
    play(|stage| async move {
        let pull: Pull = stage.server.open();
        let mut watch = pull.monitor();
        pull.close().await;
        assert_eq!(watch.recv().await, None);
        Ok(())
    });
}

/// Connects `count` pairs, closes them all, and looks at what is left on both hosts.
fn leaves_nothing<A: Opens + 'static, B: Opens + 'static>(
    connect: fn(&A, seaworthy::Endpoint) -> Result<(), Error>,
) {
    play(move |stage| async move {
        for round in 0..3 {
            let servers: Vec<A> = (0..3).map(|_| stage.server.open()).collect();
            let clients: Vec<B> = (0..3).map(|_| stage.client.open()).collect();
            for server in &servers {
                for client in &clients {
                    connect(server, stage.client.bind(client))?;
                }
            }
            stage.pass(round * MS).await;
            drop((servers, clients));
            nothing_is_left(&stage).await;
            assert_eq!(stage.control.tasks(stage.server.id), [""; 0]);
        }
        Ok(())
    });
}

#[test]
fn sockets_of_every_type_leave_nothing_behind_whenever_they_are_dropped() {
    leaves_nothing::<Push, Pull>(|socket, endpoint| socket.connect(endpoint));
    leaves_nothing::<Dealer, Router>(|socket, endpoint| socket.connect(endpoint));
    leaves_nothing::<Req, Rep>(|socket, endpoint| socket.connect(endpoint));
    leaves_nothing::<Sub, Pub>(|socket, endpoint| socket.connect(endpoint));
    leaves_nothing::<Pub, Sub>(|socket, endpoint| socket.connect(endpoint));
    leaves_nothing::<Router, Dealer>(|socket, endpoint| socket.connect(endpoint));
}

#[test]
fn a_peer_that_was_taken_over_is_let_go_of_within_linger_although_a_write_to_it_is_stuck() {
    play(|stage| async move {
        let options = Options::default().router_handover(true).linger(5 * SECOND).sndhwm(0);
        let router: Router = stage.server.open_with(options);
        let mut watch = router.monitor();
        let endpoint = stage.server.bind(&router);
        let ghost = dealer_named(&stage.client, &endpoint, "c").await;
        handshake(&mut watch).await;
        for _ in 0..1000 {
            router.send([&b"c"[..], &[1; 1000]]).await?;
        }
        stage.pass(SECOND).await;
        let mut heir = dealer_named(&stage.client, &endpoint, "c").await;
        let taken_over = stage.now();
        disconnection(&mut watch).await;
        let passed = stage.now() - taken_over;
        assert!((4900 * MS..=5100 * MS).contains(&passed), "{passed:?}");
        router.send(["c", "to the heir"]).await?;
        heir.expect_message(["to the heir"]).await;
        drop(ghost);
        Ok(())
    });
}
