//! Sockets that meet under a name of their context (libzmq's test_inproc_connect, test_pair_inproc, test_hwm,
//! test_reqrep_inproc, test_sub_forward, and what it leaves open).

use bytes::Bytes;
use seaworthy::{Error, Event, HighWaterMarks, Options, SocketType};

use super::stage::{MS, Place, SECOND, disconnection, event, frames, handshake, play, sockets::*, text};

const NAME: &str = "inproc://name";

fn unlimited() -> Options {
    Options::default().sndhwm(0).rcvhwm(0)
}

/// Sends until that would block, and gives how many messages that were.
fn fill(push: &Push) -> usize {
    (0..).take_while(|number: &usize| push.try_send(number.to_string()).is_ok()).count()
}

#[test]
fn messages_flow_whichever_side_comes_first() {
    play(|stage| async move {
        for push_binds in [false, true] {
            for bind_first in [false, true] {
                let (push, pull): (Push, Pull) = (stage.server.open(), stage.server.open());
                let bind = || if push_binds { push.bind(NAME) } else { pull.bind(NAME) };
                let connect = || if push_binds { pull.connect(NAME) } else { push.connect(NAME) };
                if bind_first {
                    bind()?;
                }
                connect()?;
                if !bind_first {
                    stage.pass(SECOND).await;
                    bind()?;
                }
                push.send("one").await?;
                push.send(["two", "frames"]).await?;
                assert_eq!(text(&pull.recv().await?), ["one"]);
                assert_eq!(text(&pull.recv().await?), ["two", "frames"]);
            }
        }
        Ok(())
    });
}

#[test]
fn bind_gives_the_endpoint_as_it_was_named() {
    play(|stage| async move {
        let pull: Pull = stage.server.open();
        assert_eq!(pull.bind(NAME)?.to_string(), NAME);
        Ok(())
    });
}

#[test]
fn what_is_sent_before_anybody_binds_waits() {
    play(|stage| async move {
        let push: Push = stage.server.open();
        push.connect(NAME)?;
        for number in 0..100 {
            push.send(number.to_string()).await?;
        }
        stage.pass(SECOND).await;
        let pull: Pull = stage.server.open();
        pull.bind(NAME)?;
        for number in 0..100 {
            assert_eq!(text(&pull.try_recv()?), [number.to_string()], "bind takes what waits");
        }
        Ok(())
    });
}

#[test]
fn many_connect_before_one_binds() {
    play(|stage| async move {
        let pushes: Vec<Push> = (0..10).map(|_| stage.server.open()).collect();
        for (number, push) in pushes.iter().enumerate() {
            push.connect(NAME)?;
            push.send(number.to_string()).await?;
        }
        let pull: Pull = stage.server.open();
        pull.bind(NAME)?;
        for number in 0..pushes.len() {
            assert_eq!(text(&pull.recv().await?), [number.to_string()]);
        }
        assert_eq!(pull.peers(), pushes.len());
        Ok(())
    });
}

#[test]
fn a_name_means_something_in_its_context_only() {
    play(|stage| async move {
        let (here, there): (Pull, Pull) = (stage.server.open(), stage.client.open());
        here.bind(NAME)?;
        there.bind(NAME)?;
        let push: Push = stage.server.open();
        push.connect(NAME)?;
        push.send("here").await?;
        assert_eq!(text(&here.recv().await?), ["here"]);
        stage.never(there.recv()).await;
        Ok(())
    });
}

#[test]
fn a_second_bind_of_a_living_name_is_refused_and_changes_nothing() {
    play(|stage| async move {
        let (first, second): (Pull, Pull) = (stage.server.open(), stage.server.open());
        first.bind(NAME)?;
        for pull in [&second, &first] {
            let refused = pull.bind(NAME).unwrap_err();
            assert!(
                matches!(&refused, Error::Bind { source, .. } if source.kind() == std::io::ErrorKind::AddrInUse)
            );
            assert!(refused.to_string().starts_with("cannot bind inproc://name: "), "{refused}");
        }
        drop(second);
        let push: Push = stage.server.open();
        push.connect(NAME)?;
        push.send("still there").await?;
        assert_eq!(text(&first.recv().await?), ["still there"]);
        Ok(())
    });
}

#[test]
fn unbinding_closing_and_dropping_free_the_name_at_once() {
    play(|stage| async move {
        let pull: Pull = stage.server.open();
        pull.bind(NAME)?;
        pull.unbind(NAME)?;
        pull.bind(NAME)?;
        drop(pull);
        let pull: Pull = stage.server.open();
        pull.bind(NAME)?;
        pull.close().await;
        let pull: Pull = stage.server.open();
        pull.bind(NAME)?;
        Ok(())
    });
}

#[test]
fn the_receiver_sees_the_very_allocation_that_was_sent() {
    play(|stage| async move {
        let (dealer, router): (Dealer, Router) = (stage.server.open(), stage.server.open());
        router.bind(NAME)?;
        dealer.connect(NAME)?;
        for size in [1, 64, 100_000] {
            let body = Bytes::from(vec![7; size]);
            dealer.send(body.clone()).await?;
            let received = router.recv().await?;
            assert_eq!(received.frames()[1].as_ptr(), body.as_ptr());
            router.send(received).await?;
            assert_eq!(dealer.recv().await?.frames()[0].as_ptr(), body.as_ptr());
        }
        Ok(())
    });
}

#[test]
fn a_pipe_holds_what_both_sides_allow_together() {
    play(|stage| async move {
        for bind_first in [false, true] {
            let pull: Pull = stage.server.open_with(Options::default().rcvhwm(3));
            let push: Push = stage.server.open_with(Options::default().sndhwm(2));
            if bind_first {
                pull.bind(NAME)?;
                push.connect(NAME)?;
                assert_eq!(fill(&push), 5);
            } else {
                push.connect(NAME)?;
                assert_eq!(fill(&push), 2, "its own mark while there is no other");
                pull.bind(NAME)?;
                stage.pass(MS).await;
                assert_eq!(fill(&push), 3);
            }
            assert!(stage.within(SECOND, push.send("beyond")).await.is_none());
            for _ in 0..5 {
                pull.recv().await?;
            }
            push.send("room again").await?;
        }
        Ok(())
    });
}

#[test]
fn the_marks_add_up_when_the_sender_binds_too() {
    play(|stage| async move {
        let push: Push = stage.server.open_with(Options::default().sndhwm(2));
        let pull: Pull = stage.server.open_with(Options::default().rcvhwm(3));
        push.bind(NAME)?;
        pull.connect(NAME)?;
        stage.pass(MS).await;
        assert_eq!(fill(&push), 5);
        Ok(())
    });
}

#[test]
fn no_mark_on_one_side_is_no_mark_at_all() {
    play(|stage| async move {
        for (sndhwm, rcvhwm) in [(0, 1), (1, 0)] {
            let pull: Pull = stage.server.open_with(Options::default().rcvhwm(rcvhwm));
            let push: Push = stage.server.open_with(Options::default().sndhwm(sndhwm));
            pull.bind(NAME)?;
            push.connect(NAME)?;
            for number in 0..10_000 {
                push.try_send(number.to_string())?;
            }
        }
        Ok(())
    });
}

#[test]
fn marks_in_bytes_add_up_too() {
    play(|stage| async move {
        let pull: Pull = stage.server.open_with(unlimited().rcvhwm_bytes(30));
        let push: Push = stage.server.open_with(unlimited().sndhwm_bytes(20));
        pull.bind(NAME)?;
        push.connect(NAME)?;
        for _ in 0..5 {
            push.try_send([0; 10].as_slice().to_vec())?;
        }
        assert!(push.try_send("x").is_err());
        Ok(())
    });
}

#[test]
fn a_sender_that_waits_goes_on_when_somebody_binds() {
    play(|stage| async move {
        let push: Push = stage.server.open_with(Options::default().sndhwm(1));
        push.connect(NAME)?;
        push.send("0").await?;
        let pull: Pull = stage.server.open_with(Options::default().rcvhwm(1));
        let (sent, bound) = futures_util::join!(push.send("1"), async {
            stage.pass(SECOND).await;
            pull.bind(NAME)
        });
        sent?;
        bound?;
        Ok(())
    });
}

#[test]
fn a_router_knows_its_peers_by_name() {
    play(|stage| async move {
        for router_binds in [true, false] {
            let router: Router = stage.server.open();
            let dealer: Dealer = stage.server.open_with(Options::default().routing_id("me"));
            if router_binds {
                router.bind(NAME)?;
                dealer.connect(NAME)?;
            } else {
                dealer.bind(NAME)?;
                router.connect(NAME)?;
            }
            dealer.send("hello").await?;
            assert_eq!(text(&router.recv().await?), ["me", "hello"]);
            router.send(["me", "you"]).await?;
            assert_eq!(text(&dealer.recv().await?), ["you"]);
        }
        Ok(())
    });
}

#[test]
fn a_router_that_connected_first_knows_who_binds_before_it_hears_from_it() {
    play(|stage| async move {
        let router: Router = stage.server.open_with(Options::default().routing_id("router"));
        router.connect(NAME)?;
        stage.pass(SECOND).await;
        // All of this happens before the router's own task runs.
        let dealer: Dealer = stage.server.open_with(Options::default().routing_id("dealer"));
        dealer.bind(NAME)?;
        dealer.try_send("hello")?;
        drop(dealer);
        assert!(router.try_recv().is_err());
        assert_eq!(text(&router.recv().await?), ["dealer", "hello"]);
        Ok(())
    });
}

#[test]
fn a_peer_without_a_name_gets_five_bytes() {
    play(|stage| async move {
        let (router, dealer): (Router, Dealer) = (stage.server.open(), stage.server.open());
        router.bind(NAME)?;
        dealer.connect(NAME)?;
        dealer.send("hello").await?;
        let message = router.recv().await?;
        assert!(message.frame(0).is_some_and(|id| id.len() == 5 && id[0] == 0), "{message:?}");
        router.send(message).await?;
        assert_eq!(text(&dealer.recv().await?), ["hello"]);
        Ok(())
    });
}

#[test]
fn a_duplicate_is_ignored_until_the_holder_leaves() {
    play(|stage| async move {
        let router: Router = stage.server.open();
        router.bind(NAME)?;
        let named = || -> Dealer { stage.server.open_with(Options::default().routing_id("same")) };
        let (first, second) = (named(), named());
        first.connect(NAME)?;
        first.send("first").await?;
        assert_eq!(text(&router.recv().await?), ["same", "first"]);
        second.connect(NAME)?;
        second.send("second").await?;
        stage.never(router.recv()).await;
        drop(first);
        assert_eq!(text(&router.recv().await?), ["same", "second"]);
        Ok(())
    });
}

#[test]
fn one_that_is_taken_over_pauses_before_it_comes_back() {
    play(|stage| async move {
        let router: Router = stage.server.open_with(Options::default().router_handover(true));
        router.bind(NAME)?;
        let named = || -> Dealer { stage.server.open_with(Options::default().routing_id("same")) };
        let (first, second) = (named(), named());
        let mut watch = first.monitor();
        first.connect(NAME)?;
        stage.pass(MS).await;
        second.connect(NAME)?;
        let retried = event(&mut watch, |event| matches!(event, Event::ConnectRetried { .. })).await;
        assert!(matches!(retried, Event::ConnectRetried { after, .. } if after >= 50 * MS), "{retried:?}");
        Ok(())
    });
}

#[test]
fn a_probe_tells_a_router_of_its_peer() {
    play(|stage| async move {
        let router: Router = stage.server.open();
        router.bind(NAME)?;
        let probe = Options::default().probe_router(true).routing_id("me");
        let dealer: Dealer = stage.server.open_with(probe);
        dealer.connect(NAME)?;
        assert_eq!(text(&router.recv().await?), ["me", ""]);
        Ok(())
    });
}

#[test]
fn a_mandatory_router_is_told_when_a_peer_is_gone() {
    play(|stage| async move {
        let router: Router = stage.server.open_with(Options::default().router_mandatory(true));
        router.bind(NAME)?;
        let dealer: Dealer = stage.server.open_with(Options::default().routing_id("me"));
        dealer.connect(NAME)?;
        dealer.send("hello").await?;
        router.recv().await?;
        drop(dealer);
        // At once: no task has run since.
        assert!(matches!(router.try_send(["me", "x"]).unwrap_err().error, Error::Unroutable { .. }));
        stage.pass(MS).await;
        assert!(matches!(router.send(["me", "x"]).await, Err(Error::Unroutable { .. })));
        Ok(())
    });
}

#[test]
fn a_request_is_answered() {
    play(|stage| async move {
        let rep: Rep = stage.server.open();
        let reqs: Vec<Req> = (0..3).map(|_| stage.server.open()).collect();
        reqs[0].connect(NAME)?;
        rep.bind(NAME)?;
        reqs[1].connect(NAME)?;
        reqs[2].connect(NAME)?;
        for (number, req) in reqs.iter().enumerate() {
            req.send(number.to_string()).await?;
        }
        for _ in &reqs {
            let question = rep.recv().await?;
            rep.send(question).await?;
        }
        for (number, req) in reqs.iter().enumerate() {
            assert_eq!(text(&req.recv().await?), [number.to_string()]);
        }
        Ok(())
    });
}

#[test]
fn a_subscription_counts_from_the_next_publication_on() {
    play(|stage| async move {
        for pub_binds in [true, false] {
            let (publisher, sub): (Pub, Sub) = (stage.server.open(), stage.server.open());
            sub.subscribe("a")?;
            if pub_binds {
                publisher.bind(NAME)?;
                sub.connect(NAME)?;
            } else {
                sub.bind(NAME)?;
                publisher.connect(NAME)?;
            }
            stage.pass(MS).await;
            sub.subscribe("b")?;
            for topic in ["a1", "b1", "c1"] {
                publisher.try_send(topic)?;
            }
            for expected in ["a1", "b1"] {
                assert_eq!(text(&sub.recv().await?), [expected]);
            }
            sub.unsubscribe("a")?;
            for topic in ["a2", "b2"] {
                publisher.try_send(topic)?;
            }
            assert_eq!(text(&sub.recv().await?), ["b2"]);
            stage.never(sub.recv()).await;
        }
        Ok(())
    });
}

/// libzmq: test_connect_before_bind_pub_sub.
#[test]
fn a_subscriber_that_waits_for_its_publisher_hears_its_first_word() {
    play(|stage| async move {
        let (publisher, sub): (Pub, Sub) = (stage.server.open(), stage.server.open());
        sub.connect(NAME)?;
        sub.subscribe("news")?;
        stage.pass(MS).await;
        publisher.bind(NAME)?;
        publisher.try_send("news: first")?;
        assert_eq!(text(&sub.recv().await?), ["news: first"]);
        Ok(())
    });
}

#[test]
fn only_what_was_subscribed_to_reaches_the_pipe() {
    play(|stage| async move {
        let (publisher, sub): (Pub, Sub) = (stage.server.open(), stage.server.open());
        publisher.bind(NAME)?;
        sub.connect(NAME)?;
        sub.subscribe("a")?;
        stage.pass(MS).await;
        for topic in ["a", "b", "c"] {
            publisher.try_send(topic)?;
        }
        let endpoints = stage.server.context().inproc_endpoints();
        assert_eq!(endpoints[0].pipes[0].to_connected.queued, HighWaterMarks { messages: 1, bytes: 1 });
        Ok(())
    });
}

#[test]
fn a_publisher_drops_what_exceeds_the_mark_of_a_subscriber() {
    play(|stage| async move {
        let publisher: Pub = stage.server.open_with(Options::default().sndhwm(2));
        let sub: Sub = stage.server.open_with(Options::default().rcvhwm(2));
        publisher.bind(NAME)?;
        sub.connect(NAME)?;
        sub.subscribe("")?;
        stage.pass(MS).await;
        for number in 0..10 {
            publisher.try_send(number.to_string())?;
        }
        for number in 0..4 {
            assert_eq!(text(&sub.recv().await?), [number.to_string()]);
        }
        stage.never(sub.recv()).await;
        Ok(())
    });
}

#[test]
fn topics_are_asked_for_again_of_the_next_who_binds() {
    play(|stage| async move {
        let (first, sub): (Pub, Sub) = (stage.server.open(), stage.server.open());
        first.bind(NAME)?;
        sub.connect(NAME)?;
        sub.subscribe("kept")?;
        sub.subscribe("left")?;
        stage.pass(MS).await;
        drop(first);
        stage.pass(MS).await;
        sub.unsubscribe("left")?;
        let second: Pub = stage.server.open();
        second.bind(NAME)?;
        stage.pass(MS).await;
        second.try_send("left")?;
        second.try_send("kept")?;
        assert_eq!(text(&sub.recv().await?), ["kept"]);
        let endpoints = stage.server.context().inproc_endpoints();
        assert_eq!(endpoints[0].pipes[0].to_bound.queued.messages, 0);
        Ok(())
    });
}

#[test]
fn what_a_peer_said_before_it_left_is_received() {
    play(|stage| async move {
        for pull_binds in [true, false] {
            let (push, pull): (Push, Pull) = (stage.server.open(), stage.server.open());
            if pull_binds {
                pull.bind(NAME)?;
                push.connect(NAME)?;
            } else {
                push.bind(NAME)?;
                pull.connect(NAME)?;
            }
            stage.pass(MS).await;
            push.send("one").await?;
            push.send("two").await?;
            drop(push);
            stage.pass(MS).await;
            assert_eq!(text(&pull.recv().await?), ["one"]);
            assert_eq!(text(&pull.recv().await?), ["two"]);
            stage.never(pull.recv()).await;
            // Who connected waits for the next who binds.
            assert_eq!(pull.peers(), usize::from(!pull_binds));
        }
        Ok(())
    });
}

#[test]
fn what_waits_for_a_bind_is_received_though_its_sender_left() {
    play(|stage| async move {
        let push: Push = stage.server.open();
        push.connect(NAME)?;
        push.send("left behind").await?;
        drop(push);
        stage.pass(SECOND).await;
        let pull: Pull = stage.server.open();
        pull.bind(NAME)?;
        assert_eq!(text(&pull.recv().await?), ["left behind"]);
        stage.pass(MS).await;
        assert_eq!(pull.peers(), 0);
        Ok(())
    });
}

#[test]
fn closing_waits_for_a_bind_as_long_as_linger_says() {
    play(|stage| async move {
        for linger in [0, 500] {
            let push: Push = stage.server.open_with(Options::default().linger(linger * MS));
            push.connect(NAME)?;
            push.send("too early").await?;
            let began = stage.now();
            push.close().await;
            assert_eq!(stage.now() - began, linger * MS);
            assert!(stage.server.context().inproc_endpoints().is_empty());
        }
        let push: Push = stage.server.open();
        push.connect(NAME)?;
        push.send("patient").await?;
        let pull: Pull = stage.server.open();
        let ((), bound) = futures_util::join!(push.close(), async {
            stage.pass(3600 * SECOND).await;
            pull.bind(NAME)
        });
        bound?;
        assert_eq!(text(&pull.recv().await?), ["patient"]);
        Ok(())
    });
}

#[test]
fn a_connect_outlives_those_who_bind() {
    play(|stage| async move {
        let push: Push = stage.server.open();
        push.connect(NAME)?;
        let mut watch = push.monitor();
        for number in ["0", "1", "2"] {
            let pull: Pull = stage.server.open();
            pull.bind(NAME)?;
            handshake(&mut watch).await;
            push.send(number).await?;
            assert_eq!(text(&pull.recv().await?), [number]);
            if number == "1" {
                pull.unbind(NAME)?;
            }
            drop(pull);
            disconnection(&mut watch).await;
        }
        // Nobody is there now, and messages wait again.
        stage.pass(SECOND).await;
        push.send("3").await?;
        let pull: Pull = stage.server.open();
        pull.bind(NAME)?;
        assert_eq!(text(&pull.recv().await?), ["3"]);
        Ok(())
    });
}

#[test]
fn without_reconnecting_a_lost_connect_stops() {
    play(|stage| async move {
        let push: Push = stage.server.open_with(Options::default().reconnect_ivl(None));
        let mut watch = push.monitor();
        let pull: Pull = stage.server.open();
        push.connect(NAME)?;
        pull.bind(NAME)?;
        handshake(&mut watch).await;
        drop(pull);
        event(&mut watch, |event| matches!(event, Event::ConnectStopped { .. })).await;
        assert!(matches!(push.disconnect(NAME), Err(Error::UnknownEndpoint(_))));
        assert_eq!(push.peers(), 0);
        Ok(())
    });
}

#[test]
fn a_waiting_sender_is_given_another_pipe_when_its_peer_leaves() {
    play(|stage| async move {
        let pull: Pull = stage.server.open_with(Options::default().rcvhwm(1));
        let push: Push = stage.server.open_with(Options::default().sndhwm(1));
        pull.bind(NAME)?;
        push.connect(NAME)?;
        assert_eq!(fill(&push), 2);
        let (sent, ()) = futures_util::join!(push.send("next"), async {
            stage.pass(MS).await;
            drop(pull);
        });
        sent?;
        let pull: Pull = stage.server.open();
        pull.bind(NAME)?;
        assert_eq!(text(&pull.recv().await?), ["next"]);
        Ok(())
    });
}

#[test]
fn unbinding_ends_the_pipes_and_keeps_what_they_delivered() {
    play(|stage| async move {
        let (push, pull): (Push, Pull) = (stage.server.open(), stage.server.open());
        pull.bind(NAME)?;
        push.connect(NAME)?;
        push.send("delivered").await?;
        stage.pass(MS).await;
        pull.unbind(NAME)?;
        stage.pass(MS).await;
        push.send("for the next").await?;
        assert_eq!(text(&pull.recv().await?), ["delivered"]);
        stage.never(pull.recv()).await;
        assert_eq!(pull.peers(), 0);
        pull.bind(NAME)?;
        assert_eq!(text(&pull.recv().await?), ["for the next"]);
        Ok(())
    });
}

#[test]
fn disconnecting_tells_the_other_side() {
    play(|stage| async move {
        let (dealer, router): (Dealer, Router) = (stage.server.open(), stage.server.open());
        router.bind(NAME)?;
        dealer.connect(NAME)?;
        let mut watch = router.monitor();
        dealer.send("last").await?;
        stage.pass(MS).await;
        dealer.disconnect(NAME)?;
        disconnection(&mut watch).await;
        assert_eq!(text(&router.recv().await?)[1..], ["last"]);
        stage.never(router.recv()).await;
        assert_eq!((dealer.peers(), router.peers()), (0, 0));
        dealer.connect(NAME)?;
        dealer.send("again").await?;
        assert_eq!(text(&router.recv().await?)[1..], ["again"]);
        Ok(())
    });
}

#[test]
fn a_connect_that_is_given_up_leaves_no_trace() {
    play(|stage| async move {
        let push: Push = stage.server.open();
        push.connect(NAME)?;
        push.disconnect(NAME)?;
        stage.pass(MS).await;
        assert!(stage.server.context().inproc_endpoints().is_empty());
        assert!(push.try_send("nobody").is_err());
        Ok(())
    });
}

#[test]
fn immediate_sends_to_those_who_are_there() {
    play(|stage| async move {
        let push: Push = stage.server.open_with(Options::default().immediate(true));
        push.connect("inproc://nobody")?;
        push.connect(NAME)?;
        assert!(push.try_send("early").is_err());
        let pull: Pull = stage.server.open();
        pull.bind(NAME)?;
        for number in 0..4 {
            push.send(number.to_string()).await?;
            assert_eq!(text(&pull.recv().await?), [number.to_string()]);
        }
        drop(pull);
        stage.pass(MS).await;
        assert!(push.try_send("late").is_err());
        Ok(())
    });
}

#[test]
fn types_that_cannot_talk_are_told_so_as_on_the_wire() {
    play(|stage| async move {
        for bind_first in [true, false] {
            let (sub, pull): (Sub, Pull) = (stage.server.open(), stage.server.open());
            let (mut connecting, mut binding) = (sub.monitor(), pull.monitor());
            if bind_first {
                pull.bind(NAME)?;
                sub.connect(NAME)?;
            } else {
                sub.connect(NAME)?;
                pull.bind(NAME)?;
            }
            for (watch, expected) in [
                (&mut connecting, "socket type PULL cannot talk to SUB"),
                (&mut binding, "socket type SUB cannot talk to PULL"),
            ] {
                match event(watch, |event| matches!(event, Event::HandshakeFailed { .. })).await {
                    Event::HandshakeFailed { reason, .. } => assert_eq!(reason, expected),
                    _ => unreachable!("the filter above"),
                }
            }
            event(&mut connecting, |event| matches!(event, Event::ConnectStopped { .. })).await;
            stage.pass(MS).await;
            assert_eq!((sub.peers(), pull.peers()), (0, 0));
            // The name still serves others.
            let push: Push = stage.server.open();
            push.connect(NAME)?;
            push.send("fits").await?;
            assert_eq!(text(&pull.recv().await?), ["fits"]);
        }
        Ok(())
    });
}

#[test]
fn monitors_are_told_what_they_are_told_on_the_wire() {
    play(|stage| async move {
        let pull: Pull = stage.server.open();
        let push: Push = stage.server.open();
        let (mut binding, mut connecting) = (pull.monitor(), push.monitor());
        pull.bind(NAME)?;
        push.connect(NAME)?;
        stage.pass(MS).await;
        pull.unbind(NAME)?;
        stage.pass(MS).await;
        let names = |monitor: &mut seaworthy::Monitor| {
            let name = |event: Event| match event {
                Event::Listening { .. } => "listening",
                Event::Accepted { .. } => "accepted",
                Event::Connected { .. } => "connected",
                Event::HandshakeSucceeded { .. } => "handshake",
                Event::Disconnected { .. } => "disconnected",
                Event::ConnectRetried { .. } => "retried",
                Event::Closed { .. } => "closed",
                _ => "other",
            };
            std::iter::from_fn(|| monitor.try_recv()).map(name).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(names(&mut binding), "listening accepted handshake disconnected closed");
        assert_eq!(names(&mut connecting), "connected handshake disconnected retried");
        Ok(())
    });
}

#[test]
fn a_dealer_connects_once_to_a_name_and_a_push_as_often_as_it_is_told() {
    play(|stage| async move {
        let (dealer, push): (Dealer, Push) = (stage.server.open(), stage.server.open());
        for _ in 0..3 {
            dealer.connect("inproc://router")?;
            push.connect("inproc://pull")?;
        }
        assert_eq!((dealer.peers(), push.peers()), (1, 3));
        Ok(())
    });
}

#[test]
fn one_socket_serves_tcp_ipc_and_inproc_in_turn() {
    play(|stage| async move {
        let pull: Pull = stage.server.open();
        let tcp = stage.server.bind(&pull);
        let ipc = pull.bind("ipc:///tmp/pull")?;
        pull.bind(NAME)?;
        let senders = [
            (&stage.client, tcp.to_string()),
            (&stage.server, ipc.to_string()),
            (&stage.server, NAME.to_owned()),
        ];
        let mut pushes: Vec<Push> = Vec::new();
        for (place, endpoint) in &senders {
            let push: Push = Place::open(place);
            push.connect(endpoint)?;
            for _ in 0..100 {
                push.send(endpoint.split(':').next().unwrap_or_default().to_owned()).await?;
            }
            pushes.push(push);
        }
        stage.pass(SECOND).await;
        let mut rounds = Vec::new();
        for _ in 0..100 {
            let mut round =
                [pull.recv().await?, pull.recv().await?, pull.recv().await?].map(|m| text(&m).concat());
            round.sort();
            rounds.push(round);
        }
        assert!(rounds.iter().all(|round| *round == ["inproc", "ipc", "tcp"]), "{rounds:?}");
        Ok(())
    });
}

#[test]
fn one_socket_sends_by_tcp_ipc_and_inproc_in_turn() {
    play(|stage| async move {
        let push: Push = stage.server.open();
        let (far, near, inside): (Pull, Pull, Pull) =
            (stage.client.open(), stage.server.open(), stage.server.open());
        push.connect(stage.client.bind(&far))?;
        push.connect(near.bind("ipc:///tmp/near")?)?;
        push.connect(inside.bind(NAME)?)?;
        for number in 0..9 {
            push.send(number.to_string()).await?;
        }
        for (first, pull) in [&far, &near, &inside].into_iter().enumerate() {
            for round in 0..3 {
                assert_eq!(text(&pull.recv().await?), [(first + 3 * round).to_string()]);
            }
        }
        Ok(())
    });
}

#[test]
fn endpoints_are_listed_with_what_they_hold() {
    play(|stage| async move {
        let context = stage.server.context();
        assert!(context.inproc_endpoints().is_empty());
        let pull: Pull = stage.server.open_with(Options::default().rcvhwm(10).rcvhwm_bytes(100));
        let push: Push = stage.server.open_with(Options::default().sndhwm(5).sndhwm_bytes(50));
        let early: Push = stage.server.open();
        early.connect("inproc://early")?;
        pull.bind(NAME)?;
        push.connect(NAME)?;
        stage.pass(MS).await;
        push.send("12345").await?;
        push.send(["1", "2"]).await?;
        pull.recv().await?;

        let [unbound, bound] = &context.inproc_endpoints()[..] else { panic!("two endpoints") };
        assert_eq!((unbound.endpoint.to_string().as_str(), unbound.bound), ("inproc://early", None));
        assert_eq!((unbound.pipes.len(), unbound.waiting), (1, 1));
        assert_eq!((bound.endpoint.to_string().as_str(), bound.bound), (NAME, Some(SocketType::Pull)));
        assert_eq!((bound.pipes.len(), bound.waiting), (1, 0));
        let level = bound.pipes[0].to_bound;
        assert_eq!(level.queued, HighWaterMarks { messages: 1, bytes: 2 });
        assert_eq!(level.marks, HighWaterMarks { messages: 15, bytes: 150 });

        drop((push, pull, early));
        stage.pass(MS).await;
        assert!(context.inproc_endpoints().is_empty());
        Ok(())
    });
}

#[test]
fn dealers_and_routers_of_many_meet() {
    play(|stage| async move {
        let router: Router = stage.server.open();
        router.bind(NAME)?;
        let dealers: Vec<Dealer> = (0..20)
            .map(|number| stage.server.open_with(Options::default().routing_id(format!("d{number}"))))
            .collect();
        for dealer in &dealers {
            dealer.connect(NAME)?;
            dealer.send("ready").await?;
        }
        for _ in &dealers {
            let message = router.recv().await?;
            router.send(message).await?;
        }
        for dealer in &dealers {
            assert_eq!(dealer.recv().await?, frames(["ready"]));
        }
        Ok(())
    });
}

#[test]
fn an_xpub_is_told_of_subscriptions_and_hears_what_an_xsub_sends() {
    play(|stage| async move {
        for xpub_binds in [true, false] {
            let (xpub, xsub): (XPub, XSub) = (stage.server.open(), stage.server.open());
            xsub.subscribe("a")?;
            if xpub_binds {
                xsub.connect(NAME)?;
                xpub.bind(NAME)?;
            } else {
                xpub.connect(NAME)?;
                xsub.bind(NAME)?;
            }
            stage.pass(MS).await;
            xsub.send("upstream").await?;
            xsub.subscribe("b")?;
            for expected in ["\\x01a", "upstream", "\\x01b"] {
                assert_eq!(text(&xpub.recv().await?), [expected]);
            }
            xpub.send("b1").await?;
            assert_eq!(text(&xsub.recv().await?), ["b1"]);
            drop(xsub);
            let mut ended = [text(&xpub.recv().await?).concat(), text(&xpub.recv().await?).concat()];
            ended.sort();
            assert_eq!(ended, ["\\x00a", "\\x00b"]);
        }
        Ok(())
    });
}

#[test]
fn an_xpub_that_only_sends_knows_its_subscribers_and_keeps_what_they_said_in_order() {
    play(|stage| async move {
        let (xpub, xsub): (XPub, XSub) = (stage.server.open(), stage.server.open());
        xpub.bind(NAME)?;
        xsub.connect(NAME)?;
        xsub.send("before").await?;
        xsub.subscribe("a")?;
        xsub.send("after").await?;
        stage.pass(MS).await;
        xpub.try_send("a1")?;
        assert_eq!(text(&xsub.recv().await?), ["a1"]);
        for expected in ["before", "\\x01a", "after"] {
            assert_eq!(text(&xpub.recv().await?), [expected]);
        }
        Ok(())
    });
}

#[test]
fn a_pair_has_one_peer_until_that_leaves() {
    play(|stage| async move {
        let (bound, first, second): (Pair, Pair, Pair) =
            (stage.server.open(), stage.server.open(), stage.server.open());
        bound.bind(NAME)?;
        first.connect(NAME)?;
        first.send("first").await?;
        assert_eq!(text(&bound.recv().await?), ["first"]);
        bound.send("hello first").await?;
        assert_eq!(text(&first.recv().await?), ["hello first"]);
        second.connect(NAME)?;
        stage.pass(MS).await;
        assert_eq!(bound.peers(), 1);
        first.send("last words").await?;
        drop(first);
        // The second comes back after its pause, and is let in.
        let mut watch = bound.monitor();
        handshake(&mut watch).await;
        assert_eq!(text(&bound.recv().await?), ["last words"]);
        second.send("second").await?;
        assert_eq!(text(&bound.recv().await?), ["second"]);
        bound.send("hello second").await?;
        assert_eq!(text(&second.recv().await?), ["hello second"]);
        Ok(())
    });
}

#[test]
fn looking_again_takes_no_virtual_time() {
    play(|stage| async move {
        let pull: Pull = stage.server.open_with(Options::default().busy_poll(3600 * SECOND));
        let push: Push = stage.server.open();
        pull.bind(NAME)?;
        push.connect(NAME)?;
        let began = stage.now();
        let (received, sent) = futures_util::join!(pull.recv(), async {
            stage.pass(MS).await;
            push.send("in time").await
        });
        sent?;
        assert_eq!((text(&received?), stage.now() - began), (vec!["in time".to_owned()], MS));
        Ok(())
    });
}
