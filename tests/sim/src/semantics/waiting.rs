//! Waiting with a limit of one's own, and for several things at once: sockets beside sockets and timers.

use std::time::Duration;

use futures_util::stream::{self, FusedStream};
use futures_util::{FutureExt, StreamExt, select_biased};
use seaworthy::{Error, Options};

use super::fixture::{Fixture, MS, SECOND, dropped_after, play, sockets::*, text};
use super::raw::RawPeer;

/// What an operation gives and how long it takes.
async fn timed<T>(stage: &Fixture, operation: impl Future<Output = T>) -> (T, Duration) {
    let began = stage.now();
    let output = operation.await;
    (output, stage.now() - began)
}

#[test]
fn recv_timeout_waits_as_long_as_its_limit_says_whatever_the_option_does() {
    for option in [None, Some(Duration::ZERO), Some(MS), Some(3600 * SECOND)] {
        for limit in [Duration::ZERO, MS, 250 * MS, 60 * SECOND] {
            play(move |stage| async move {
                let pull: Pull = stage.server.open_with(Options::default().rcvtimeo(option));
                stage.server.bind(&pull);
                let (received, took) = timed(&stage, pull.recv_timeout(limit)).await;
                assert!(matches!(received, Err(Error::WouldBlock)));
                assert_eq!(took, limit);
                Ok(())
            });
        }
    }
}

#[test]
fn send_timeout_waits_as_long_as_its_limit_says_and_gives_the_message_back() {
    for option in [None, Some(Duration::ZERO), Some(MS), Some(3600 * SECOND)] {
        for limit in [Duration::ZERO, MS, 250 * MS, 60 * SECOND] {
            play(move |stage| async move {
                let push: Push = stage.server.open_with(Options::default().sndtimeo(option));
                stage.server.bind(&push);
                let (sent, took) = timed(&stage, push.send_timeout(("for", "nobody"), limit)).await;
                let unsent = sent.unwrap_err();
                assert!(matches!(unsent.error, Error::WouldBlock));
                assert_eq!(text(&unsent.message), ["for", "nobody"]);
                assert_eq!(took, limit);
                Ok(())
            });
        }
    }
}

#[test]
fn a_message_that_comes_within_the_limit_is_received_and_one_that_comes_later_is_not_lost() {
    for (limit, in_time) in [(901 * MS + MS, true), (901 * MS - MS, false)] {
        play(move |stage| async move {
            let pull: Pull = stage.server.open_with(Options::default().rcvtimeo(Duration::ZERO));
            let peer = RawPeer::connect_as(&stage.client, &stage.server.bind(&pull), "PUSH").await;
            let saying = async {
                stage.pass(900 * MS).await;
                peer.say_message(["a message"]).await;
            };
            let (received, ()) = futures_util::join!(pull.recv_timeout(limit), saying);
            assert_eq!(received.is_ok(), in_time);
            let message = match received {
                Ok(message) => message,
                Err(_) => pull.recv_timeout(SECOND).await?,
            };
            assert_eq!(text(&message), ["a message"]);
            Ok(())
        });
    }
}

#[test]
fn room_that_comes_within_the_limit_is_used() {
    for (limit, in_time) in [(1100 * MS, true), (900 * MS, false)] {
        play(move |stage| async move {
            let push: Push = stage.client.open_with(Options::default().sndhwm(1));
            push.connect(stage.server.at(1))?;
            push.send_timeout("first", Duration::ZERO).await?;
            let pull: Pull = stage.server.open();
            let late = async {
                stage.pass(950 * MS).await;
                pull.bind("tcp://*:1").map(drop)
            };
            let (sent, bound) = futures_util::join!(push.send_timeout("second", limit), late);
            bound?;
            assert_eq!(sent.is_ok(), in_time);
            assert_eq!(text(&pull.recv().await?), ["first"]);
            if in_time {
                assert_eq!(text(&pull.recv().await?), ["second"]);
            } else {
                stage.never(pull.recv()).await;
            }
            Ok(())
        });
    }
}

#[test]
fn an_error_of_the_socket_comes_at_once_and_with_the_message() {
    play(|stage| async move {
        let rep: Rep = stage.server.open();
        let (sent, took) = timed(&stage, rep.send_timeout("unasked", SECOND)).await;
        let unsent = sent.unwrap_err();
        assert!(matches!(unsent.error, Error::InvalidState { .. }) && unsent.message == "unasked".into());
        let req: Req = stage.server.open();
        assert!(matches!(req.recv_timeout(SECOND).await, Err(Error::InvalidState { .. })));
        assert_eq!(took, Duration::ZERO);
        Ok(())
    });
}

#[test]
fn the_longest_limit_is_as_good_as_none() {
    play(|stage| async move {
        let (push, pull): (Push, Pull) = (stage.client.open(), stage.server.open());
        stage.never(pull.recv_timeout(Duration::MAX)).await;
        stage.never(push.send_timeout("nobody", Duration::MAX)).await;
        Ok(())
    });
}

#[test]
fn operations_with_a_limit_can_be_dropped_at_any_poll() {
    for polls in 0..4 {
        play(move |stage| async move {
            let push: Push = stage.client.open_with(Options::default().sndhwm(1));
            push.connect(stage.server.at(1))?;
            let first = dropped_after(polls, push.send_timeout("first", SECOND)).await;
            let sent_first = first.is_some();
            assert_eq!(sent_first, polls > 0);
            if sent_first {
                let never = dropped_after(polls, push.send_timeout("never", SECOND)).await;
                assert!(matches!(never, None | Some(Err(_))));
            }
            let pull: Pull = stage.server.open();
            assert!(matches!(dropped_after(polls, pull.recv_timeout(SECOND)).await, None | Some(Err(_))));
            pull.bind("tcp://*:1")?;
            if sent_first {
                assert_eq!(text(&pull.recv().await?), ["first"]);
            }
            push.send("last").await?;
            assert_eq!(text(&pull.recv().await?), ["last"]);
            Ok(())
        });
    }
}

#[test]
fn two_sockets_and_a_timer_are_waited_for_in_one_place() {
    play(|stage| async move {
        let context = stage.server.context();
        let (router, pull): (Router, Pull) = (stage.server.open(), stage.server.open());
        let dealer: Dealer = stage.client.open_with(Options::default().routing_id("ada"));
        let push: Push = stage.client.open();
        dealer.connect(stage.server.bind(&router))?;
        push.connect(stage.server.bind(&pull))?;
        dealer.send("question").await?;
        stage.pass(SECOND).await;

        let sending = async {
            stage.pass(2500 * MS).await;
            push.send("work").await
        };
        let serving = async {
            let mut interval = context.interval(SECOND);
            let mut deadline = context.sleep(4 * SECOND + MS);
            let mut seen = Vec::new();
            loop {
                select_biased! {
                    question = router.recv() => {
                        let mut question = question?;
                        let sender = question.pop_front().ok_or("a ROUTER puts it there")?;
                        router.send((sender, "answer")).await?;
                        seen.extend(text(&question));
                    }
                    work = pull.recv() => seen.extend(text(&work?)),
                    _ = interval.tick() => seen.push("tick".to_owned()),
                    () = deadline => return Ok::<_, Box<dyn std::error::Error>>(seen),
                }
            }
        };
        let (seen, sent) = futures_util::join!(serving, sending);
        sent?;
        assert_eq!(seen?, ["question", "tick", "tick", "work", "tick", "tick"]);
        assert_eq!(text(&dealer.recv().await?), ["answer"]);
        Ok(())
    });
}

#[test]
fn a_merged_router_can_still_answer() {
    play(|stage| async move {
        let (front, back): (Router, Router) = (stage.server.open(), stage.server.open());
        let endpoints = [stage.server.bind(&front), stage.server.bind(&back)];
        let dealers = endpoints.map(|endpoint| {
            let dealer: Dealer = stage.client.open();
            dealer.connect(endpoint).expect("an endpoint");
            dealer
        });
        for (dealer, question) in dealers.iter().zip(["a", "b"]) {
            dealer.send(question).await?;
        }
        let mut merged =
            stream::select_all([&front, &back].map(|router| router.stream().map(move |m| (router, m))));
        for _ in 0..2 {
            let (router, question) = merged.next().await.ok_or("it never ends")?;
            let Ok([sender, question]) = question?.into_array() else { panic!("two frames") };
            router.send((sender, [&question[..], b"!"].concat())).await?;
        }
        assert_eq!(text(&dealers[0].recv().await?), ["a!"]);
        assert_eq!(text(&dealers[1].recv().await?), ["b!"]);
        assert!(!front.stream().is_terminated());
        Ok(())
    });
}

#[test]
fn a_stream_waits_without_a_limit_and_loses_nothing_when_it_is_dropped() {
    play(|stage| async move {
        let pull: Pull = stage.server.open_with(Options::default().rcvtimeo(MS));
        let peer = RawPeer::connect_as(&stage.client, &stage.server.bind(&pull), "PUSH").await;
        let mut messages = pull.stream();
        stage.never(messages.next()).await;
        peer.say_message(["one"]).await;
        peer.say_message(["two"]).await;
        stage.pass(SECOND).await;
        assert!(dropped_after(0, messages.next()).await.is_none());
        drop(messages);
        let (mut first, mut second) = (pull.stream(), pull.stream());
        assert_eq!(text(&first.next().await.ok_or("a message")??), ["one"]);
        assert_eq!(text(&second.next().await.ok_or("a message")??), ["two"]);
        assert!(first.next().now_or_never().is_none());
        Ok(())
    });
}

#[test]
fn an_interval_keeps_its_pace_and_leaves_out_what_nobody_waited_for() {
    play(|stage| async move {
        let mut interval = stage.server.context().interval(SECOND);
        let began = stage.now();
        assert!(dropped_after(1, interval.tick()).await.is_none());
        assert_eq!(interval.tick().await - began, SECOND);
        stage.pass(2500 * MS).await;
        // The second is late, the third nobody waited for, the fourth comes in time.
        let (tick, took) = timed(&stage, interval.tick()).await;
        assert_eq!((tick - began, took), (2 * SECOND, Duration::ZERO));
        let (tick, took) = timed(&stage, interval.next()).await;
        assert_eq!((tick.map(|tick| tick - began), took), (Some(4 * SECOND), 500 * MS));
        let mut shortest = stage.server.context().interval(Duration::ZERO);
        let (_, took) = timed(&stage, shortest.tick()).await;
        assert_eq!(took, MS);
        Ok(())
    });
}
