//! Steering: PAUSE, RESUME, TERMINATE, KILL and STATISTICS, by a handle and by a socket.

use futures_util::join;
use seaworthy::proxy::Statistics;
use seaworthy::{Message, Options, proxy};

use super::super::fixture::{SECOND, dropped_after, play, sockets::*, text};
use super::beside;

/// The counters in an answer to STATISTICS.
fn counters(answer: &Message) -> Vec<u64> {
    let counter = |frame: &seaworthy::Frame| u64::from_ne_bytes(frame[..].try_into().expect("eight bytes"));
    answer.into_iter().map(counter).collect()
}

#[test]
fn a_paused_proxy_forwards_nothing_and_loses_nothing() {
    play(|stage| async move {
        let (front, back): (Pull, Push) = (stage.server.open(), stage.server.open());
        let (push, pull): (Push, Pull) = (stage.client.open(), stage.other.open());
        push.connect(stage.server.bind(&front))?;
        pull.connect(stage.server.bind(&back))?;
        let mut broker = proxy(&front, &back);
        let handle = broker.handle();
        beside(&mut broker, async {
            push.send("before").await?;
            assert_eq!(text(&pull.recv().await?), ["before"]);
            handle.pause();
            for number in 0..500 {
                push.send(number.to_string()).await?;
            }
            stage.never(pull.recv()).await;
            assert_eq!(handle.statistics().frontend.received, 1);
            handle.resume();
            for number in 0..500 {
                assert_eq!(text(&pull.recv().await?), [number.to_string()]);
            }
            Ok(())
        })
        .await?;
        Ok(())
    });
}

#[test]
fn a_paused_proxy_holds_its_senders_back() {
    play(|stage| async move {
        let tight = Options::default().sndhwm(5).rcvhwm(5);
        let (front, back): (Pull, Push) = (stage.server.open_with(tight.clone()), stage.server.open());
        let (push, pull): (Push, Pull) = (stage.client.open_with(tight), stage.other.open());
        push.connect(stage.server.bind(&front))?;
        pull.connect(stage.server.bind(&back))?;
        let mut broker = proxy(&front, &back);
        let handle = broker.handle();
        handle.pause();
        beside(&mut broker, async {
            let mut sent = 0_u32;
            while let Some(Ok(())) = stage.within(10 * SECOND, push.send(vec![b'x'; 10_000])).await {
                sent += 1;
                assert!(sent < 1000, "nothing holds the sender back");
            }
            handle.resume();
            for _ in 0..sent {
                pull.recv().await?;
            }
            Ok(())
        })
        .await?;
        Ok(())
    });
}

#[test]
fn terminate_receives_nothing_more_and_puts_back_what_has_no_taker() {
    play(|stage| async move {
        let (front, back): (Pull, Push) = (stage.server.open(), stage.server.open());
        let (push, pull): (Push, Pull) = (stage.client.open(), stage.other.open());
        push.connect(stage.server.bind(&front))?;
        let pulls = stage.server.bind(&back);
        for number in 0..3 {
            push.send(number.to_string()).await?;
        }
        let mut broker = proxy(&front, &back);
        let handle = broker.handle();
        let telling = async {
            stage.pass(SECOND).await;
            assert_eq!(handle.statistics().frontend.received, 1, "in hand: nobody pulls");
            handle.terminate();
            pull.connect(&pulls)?;
            stage.never(pull.recv()).await;
            Ok::<_, seaworthy::Error>(())
        };
        let (ended, told) = join!(broker.run(), telling);
        told?;
        assert_eq!(ended?, Statistics::default());
        drop(broker);
        for number in 0..3 {
            assert_eq!(text(&front.recv().await?), [number.to_string()]);
        }
        Ok(())
    });
}

#[test]
fn kill_ends_at_once_and_puts_back_what_is_in_hand() {
    play(|stage| async move {
        let (front, back): (Pull, Push) = (stage.server.open(), stage.server.open());
        let push: Push = stage.client.open();
        push.connect(stage.server.bind(&front))?;
        push.send("m").await?;
        let mut broker = proxy(&front, &back);
        let handle = broker.handle();
        let (ended, ()) = join!(broker.run(), async {
            stage.pass(SECOND).await;
            assert_eq!(handle.statistics().frontend.received, 1);
            handle.kill();
        });
        assert_eq!(ended?, Statistics::default());
        assert_eq!(text(&front.recv().await?), ["m"]);
        Ok(())
    });
}

#[test]
fn a_proxy_that_ended_can_be_run_again() {
    play(|stage| async move {
        let (front, back): (Pull, Push) = (stage.server.open(), stage.server.open());
        let (push, pull): (Push, Pull) = (stage.client.open(), stage.other.open());
        push.connect(stage.server.bind(&front))?;
        pull.connect(stage.server.bind(&back))?;
        let mut broker = proxy(&front, &back);
        for round in 0..3_u64 {
            let statistics = beside(&mut broker, async {
                push.send("m").await?;
                pull.recv().await?;
                Ok(())
            })
            .await?;
            assert_eq!(statistics.backend.sent, round + 1);
        }
        broker.handle().terminate();
        broker.run().await?;
        Ok(())
    });
}

#[test]
fn a_control_socket_in_lockstep_answers_every_command() {
    play(|stage| async move {
        let (front, back, steer): (Pull, Push, Rep) =
            (stage.server.open(), stage.server.open(), stage.server.open());
        let (push, pull, control): (Push, Pull, Req) =
            (stage.client.open(), stage.other.open(), stage.other.open());
        push.connect(stage.server.bind(&front))?;
        pull.connect(stage.server.bind(&back))?;
        control.connect(stage.server.bind(&steer))?;
        let mut broker = proxy(&front, &back).control(&steer);
        let ask = async |command: &'static str| {
            control.send(command).await?;
            control.recv().await
        };
        let telling = async {
            assert_eq!(counters(&ask("STATISTICS").await?), [0; 8]);
            push.send(["four", "and", "more"]).await?;
            pull.recv().await?;
            assert_eq!(counters(&ask("STATISTICS").await?), [1, 11, 0, 0, 0, 0, 1, 11]);
            assert_eq!(text(&ask("PAUSE").await?), [""]);
            push.send("later").await?;
            stage.never(pull.recv()).await;
            assert_eq!(counters(&ask("STATISTICS").await?), [1, 11, 0, 0, 0, 0, 1, 11]);
            assert_eq!(text(&ask("RESUME").await?), [""]);
            assert_eq!(text(&pull.recv().await?), ["later"]);
            for nonsense in ["", "pause", "PAUSE ", "STATISTICSS"] {
                assert_eq!(text(&ask(nonsense).await?), ["unknown command"]);
            }
            push.send("still there").await?;
            assert_eq!(text(&pull.recv().await?), ["still there"]);
            assert_eq!(text(&ask("TERMINATE").await?), [""]);
            Ok::<_, seaworthy::Error>(())
        };
        let (ended, told) = join!(broker.run(), telling);
        told?;
        assert_eq!(ended?.backend.sent, 3);
        Ok(())
    });
}

#[test]
fn a_control_socket_can_be_reached_from_within_the_program() {
    play(|stage| async move {
        let (front, back, steer): (Pull, Push, Rep) =
            (stage.server.open(), stage.server.open(), stage.server.open());
        let control: Req = stage.server.open();
        steer.bind("inproc://steer")?;
        control.connect("inproc://steer")?;
        let mut broker = proxy(&front, &back).control(&steer);
        let telling = async {
            control.send("STATISTICS").await?;
            assert_eq!(counters(&control.recv().await?), [0; 8]);
            control.send("TERMINATE").await?;
            control.recv().await
        };
        let (ended, told) = join!(broker.run(), telling);
        assert_eq!(text(&told?), [""]);
        ended?;
        Ok(())
    });
}

#[test]
fn kill_by_a_control_socket_ends_a_proxy_whose_message_has_no_taker() {
    play(|stage| async move {
        let (front, back, steer): (Pull, Push, Pair) =
            (stage.server.open(), stage.server.open(), stage.server.open());
        let (push, control): (Push, Pair) = (stage.client.open(), stage.other.open());
        push.connect(stage.server.bind(&front))?;
        control.connect(stage.server.bind(&steer))?;
        push.send("for nobody").await?;
        let mut broker = proxy(&front, &back).control(&steer);
        let telling = async {
            stage.pass(SECOND).await;
            // Only STATISTICS is answered here.
            control.send("PAUSE").await?;
            control.send("STATISTICS").await?;
            assert_eq!(counters(&control.recv().await?), [1, 10, 0, 0, 0, 0, 0, 0]);
            control.send("KILL").await
        };
        let (ended, told) = join!(broker.run(), telling);
        told?;
        ended?;
        assert_eq!(text(&front.recv().await?), ["for nobody"]);
        Ok(())
    });
}

#[test]
fn a_flood_of_commands_does_not_stop_the_forwarding() {
    play(|stage| async move {
        let (front, back, steer): (Pull, Push, Pull) =
            (stage.server.open(), stage.server.open(), stage.server.open());
        let (push, pull, control): (Push, Pull, Push) =
            (stage.client.open(), stage.other.open(), stage.other.open());
        push.connect(stage.server.bind(&front))?;
        pull.connect(stage.server.bind(&back))?;
        control.connect(stage.server.bind(&steer))?;
        let flood = async {
            loop {
                control.send("STATISTICS").await?;
            }
            #[expect(unreachable_code, reason = "names the type of the error")]
            Ok::<(), seaworthy::Error>(())
        };
        let working = async {
            for number in 0..100 {
                push.send(number.to_string()).await?;
                assert_eq!(text(&pull.recv().await?), [number.to_string()]);
            }
            Ok(())
        };
        let mut broker = proxy(&front, &back).control(&steer);
        beside(&mut broker, async {
            let mut flood = std::pin::pin!(flood);
            let mut working = std::pin::pin!(working);
            std::future::poll_fn(|context| {
                assert!(flood.as_mut().poll(context).is_pending(), "the flood never ends");
                working.as_mut().poll(context)
            })
            .await
        })
        .await?;
        Ok(())
    });
}

#[test]
fn a_dropped_run_leaves_its_orders_in_force() {
    play(|stage| async move {
        let (front, back): (Pull, Push) = (stage.server.open(), stage.server.open());
        let (push, pull): (Push, Pull) = (stage.client.open(), stage.other.open());
        push.connect(stage.server.bind(&front))?;
        pull.connect(stage.server.bind(&back))?;
        let mut broker = proxy(&front, &back);
        let handle = broker.handle();
        handle.pause();
        assert!(dropped_after(3, broker.run()).await.is_none());
        push.send("m").await?;
        assert!(stage.within(SECOND, broker.run()).await.is_none());
        handle.resume();
        let (ended, received) = join!(broker.run(), async {
            let received = pull.recv().await;
            handle.terminate();
            received
        });
        ended?;
        assert_eq!(text(&received?), ["m"]);
        Ok(())
    });
}
