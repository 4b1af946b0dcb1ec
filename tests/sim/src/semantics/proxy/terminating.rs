//! TERMINATE ends a proxy in every state, and what was in its hands can be received again.

use futures_util::join;
use seaworthy::proxy::{Forwards, Mode, Side, Statistics};
use seaworthy::{Options, Proxy, proxy};
use seaworthy_sim::SimNetwork;

use super::super::fixture::{Fixture, MS, Outcome, Place, SECOND, play, sockets::*, text};

/// Sockets with marks of two messages each way.
fn tight<S: super::super::fixture::Opens>(place: &Place) -> S {
    place.open_with(Options::default().sndhwm(2).rcvhwm(2))
}

/// Lets a proxy run until everything stands still, tells it to end, and shows that it ends in the same millisecond.
async fn ends<F: Forwards, B: Forwards>(
    stage: &Fixture,
    broker: &mut Proxy<'_, F, B, SimNetwork>,
    in_hand: u64,
) -> Result<Statistics, Box<dyn std::error::Error>> {
    let handle = broker.handle();
    let telling = async {
        stage.pass(60 * SECOND).await;
        let before = handle.statistics();
        handle.terminate();
        // It cannot be taken back.
        handle.resume();
        handle.pause();
        (before, stage.now())
    };
    let running = async { (broker.run().await, stage.now()) };
    let Some(((ended, at), (before, told))) =
        stage.within(120 * SECOND, async { join!(running, telling) }).await
    else {
        return Err("it goes on after TERMINATE".into());
    };
    assert!(at <= told + MS, "it took {:?}", at - told);
    let ended = ended?;
    let received = |statistics: &Statistics| statistics.frontend.received + statistics.backend.received;
    assert_eq!(received(&before) - received(&ended), in_hand, "put back");
    Ok(ended)
}

/// Receives numbers in order, from `from` on.
macro_rules! expect_numbers {
    ($socket:expr, $numbers:expr) => {
        for number in $numbers {
            assert_eq!(text(&$socket.recv().await?), [number.to_string()]);
        }
    };
}

#[test]
fn it_ends_when_its_backend_has_no_peer() {
    for queue in [0, 1, 5] {
        play(move |stage| async move {
            let (front, back): (Pull, Push) = (stage.server.open(), stage.server.open());
            let push: Push = stage.client.open();
            push.connect(stage.server.bind(&front))?;
            for number in 0..10 {
                push.send(number.to_string()).await?;
            }
            ends(&stage, &mut proxy(&front, &back).queue(queue), 1 + queue as u64).await?;
            expect_numbers!(front, 0..10);
            Ok(())
        });
    }
}

#[test]
fn it_ends_when_its_backend_is_full_whoever_comes_first() {
    for mode in [Mode::Fair, Mode::Biased(Side::Frontend), Mode::Biased(Side::Backend)] {
        play(move |stage| async move {
            let (front, back): (Dealer, Dealer) = (tight(&stage.server), tight(&stage.server));
            let (one, other): (Dealer, Dealer) = (stage.client.open(), tight(&stage.other));
            one.connect(stage.server.bind(&front))?;
            other.connect(stage.server.bind(&back))?;
            // `other` receives nothing.
            for number in 0..1000 {
                one.send([number.to_string().into_bytes(), vec![b'x'; 1000]]).await?;
            }
            let mut broker = proxy(&front, &back).mode(mode);
            ends(&stage, &mut broker, 1).await?;
            drop(broker);
            // The way back was open, and nothing of either is lost.
            let mut again = proxy(&front, &back).mode(mode);
            super::beside(&mut again, async {
                for number in 0..1000 {
                    assert_eq!(other.recv().await?.frame(0), Some(number.to_string().as_bytes()));
                }
                Ok(())
            })
            .await?;
            Ok(())
        });
    }
}

#[test]
fn it_ends_when_both_directions_are_full() {
    play(|stage| async move {
        let (front, back): (Pair, Pair) = (tight(&stage.server), tight(&stage.server));
        let (one, other): (Pair, Pair) = (tight(&stage.client), tight(&stage.other));
        one.connect(stage.server.bind(&front))?;
        other.connect(stage.server.bind(&back))?;
        let mut broker = proxy(&front, &back);
        let flood = async |pair: &Pair| {
            while let Some(sent) = stage.within(SECOND, pair.send(vec![b'x'; 100_000])).await {
                sent?;
            }
            Ok::<_, seaworthy::Error>(())
        };
        let (ended, one, other) = join!(ends(&stage, &mut broker, 2), flood(&one), flood(&other));
        one?;
        other?;
        ended?;
        Ok(())
    });
}

#[test]
fn it_ends_when_a_mandatory_router_waits_for_its_client() {
    play(|stage| async move {
        let options = Options::default().router_mandatory(true).sndhwm(2);
        let (front, back): (Router, Dealer) = (stage.server.open_with(options), tight(&stage.server));
        let (client, worker): (Dealer, Dealer) = (tight(&stage.client), stage.other.open());
        client.connect(stage.server.bind(&front))?;
        worker.connect(stage.server.bind(&back))?;
        let mut broker = proxy(&front, &back);
        let working = async {
            client.send("who am I?").await?;
            let mut answer = worker.recv().await?;
            answer.push_back(vec![b'x'; 10_000]);
            for _ in 0..500 {
                worker.send(answer.clone()).await?;
            }
            Ok::<_, seaworthy::Error>(())
        };
        let (ended, worked) = join!(ends(&stage, &mut broker, 1), working);
        worked?;
        assert_eq!(ended?.frontend.dropped, 0);
        Ok(())
    });
}

#[test]
fn it_ends_when_a_publisher_waits_for_its_subscriber() {
    play(|stage| async move {
        let (front, back): (XSub, XPub) = (
            stage.server.open_with(Options::default().rcvhwm(2)),
            stage.server.open_with(Options::default().sndhwm(2).xpub_nodrop(true)),
        );
        let (publisher, subscriber): (Pub, Sub) =
            (stage.client.open_with(Options::default().xpub_nodrop(true)), tight(&stage.other));
        subscriber.subscribe("")?;
        publisher.connect(stage.server.bind(&front))?;
        subscriber.connect(stage.server.bind(&back))?;
        let mut broker = proxy(&front, &back);
        let publishing = async {
            stage.pass(SECOND).await;
            while let Some(sent) = stage.within(SECOND, publisher.send(vec![b'x'; 10_000])).await {
                sent?;
            }
            Ok::<_, seaworthy::Error>(())
        };
        let (ended, published) = join!(ends(&stage, &mut broker, 1), publishing);
        published?;
        ended?;
        Ok(())
    });
}

#[test]
fn it_ends_when_its_capture_is_full_or_has_no_peer() {
    for has_peer in [true, false] {
        play(move |stage| async move {
            let (front, back): (Pull, Push) = (stage.server.open(), stage.server.open());
            let (push, pull): (Push, Pull) = (stage.client.open(), stage.other.open());
            let (copies, idle): (Push, Pull) = (tight(&stage.server), tight(&stage.other));
            push.connect(stage.server.bind(&front))?;
            let capture = stage.server.bind(&copies);
            if has_peer {
                idle.connect(capture)?;
            }
            let pulls = stage.server.bind(&back);
            let mut broker = proxy(&front, &back).capture(&copies);
            // The capture overflows first, then the last message finds nobody.
            let working = async {
                pull.connect(&pulls)?;
                for number in 0..100 {
                    push.send([number.to_string().into_bytes(), vec![b'x'; 10_000]]).await?;
                    pull.recv().await?;
                }
                pull.disconnect(&pulls)?;
                stage.pass(SECOND).await;
                push.send("last").await
            };
            let (ended, worked) = join!(ends(&stage, &mut broker, 1), working);
            worked?;
            let ended = ended?;
            assert_eq!((ended.captured + ended.capture_missed, ended.capture_missed > 0), (100, true));
            assert_eq!(text(&front.recv().await?), ["last"]);
            Ok(())
        });
    }
}

#[test]
fn it_ends_while_it_is_paused() {
    for in_hand in [0, 1] {
        play(move |stage| async move {
            let (front, back): (Pull, Push) = (stage.server.open(), stage.server.open());
            let push: Push = stage.client.open();
            push.connect(stage.server.bind(&front))?;
            let mut broker = proxy(&front, &back);
            let handle = broker.handle();
            if in_hand == 0 {
                handle.pause();
            }
            let working = async {
                push.send("m").await?;
                stage.pass(SECOND).await;
                handle.pause();
                Ok::<_, seaworthy::Error>(())
            };
            let (ended, worked) = join!(ends(&stage, &mut broker, in_hand), working);
            worked?;
            ended?;
            assert_eq!(text(&front.recv().await?), ["m"]);
            Ok(())
        });
    }
}

#[test]
fn one_socket_that_is_both_ends_gets_back_what_was_in_hand() {
    play(|stage| async move {
        let (socket, peer): (Dealer, Dealer) = (tight(&stage.server), tight(&stage.client));
        peer.connect(stage.server.bind(&socket))?;
        let mut broker = proxy(&socket, &socket);
        let flood = async {
            while let Some(sent) = stage.within(SECOND, peer.send(vec![b'x'; 100_000])).await {
                sent?;
            }
            Ok::<_, seaworthy::Error>(())
        };
        let (ended, flooded) = join!(ends(&stage, &mut broker, 1), flood);
        flooded?;
        ended?;
        Ok(())
    });
}

/// Says TERMINATE by a control socket, amid other commands or alone, while a message waits for a peer.
fn by_a_control_socket(
    flood: usize,
) -> impl Fn(Fixture) -> futures_util::future::LocalBoxFuture<'static, Outcome> {
    move |stage| {
        Box::pin(async move {
            let (front, back, steer): (Pull, Push, Pair) =
                (stage.server.open(), stage.server.open(), stage.server.open());
            let (push, control): (Push, Pair) = (stage.client.open(), stage.other.open());
            push.connect(stage.server.bind(&front))?;
            control.connect(stage.server.bind(&steer))?;
            push.send("for nobody").await?;
            let mut broker = proxy(&front, &back).control(&steer);
            let telling = async {
                stage.pass(SECOND).await;
                control.send("TERMINATE").await?;
                for _ in 0..flood {
                    control.send("PAUSE").await?;
                }
                Ok::<_, seaworthy::Error>(())
            };
            let both = async { join!(broker.run(), telling) };
            let (ended, told) = stage.within(60 * SECOND, both).await.ok_or("it goes on after TERMINATE")?;
            told?;
            assert_eq!(ended?, Statistics::default());
            assert_eq!(text(&front.recv().await?), ["for nobody"]);
            Ok(())
        })
    }
}

#[test]
fn a_control_socket_ends_it_too_and_a_flood_of_commands_does_not_delay_it() {
    play(by_a_control_socket(0));
    play(by_a_control_socket(500));
}
