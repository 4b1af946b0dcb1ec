//! Back-pressure through a proxy: bounded, in order, without loss, and one direction at a time.

use futures_util::join;
use seaworthy::{Options, proxy};

use super::super::fixture::{Fixture, Place, SECOND, play, sockets::*, text};
use super::beside;

/// Sockets with marks of `hwm` each way.
fn open<S: super::super::fixture::Opens>(place: &Place, hwm: usize) -> S {
    place.open_with(Options::default().sndhwm(hwm).rcvhwm(hwm))
}

/// Sends numbers until ten seconds pass without room; gives how many were taken.
async fn fill(stage: &Fixture, push: &Push) -> usize {
    let mut sent = 0;
    while let Some(Ok(())) = stage.within(10 * SECOND, push.send(sent.to_string())).await {
        sent += 1;
    }
    sent
}

#[test]
fn a_receiver_that_does_not_read_holds_the_sender_back_and_loses_nothing() {
    play(|stage| async move {
        let (front, back): (Pull, Push) = (open(&stage.server, 3), open(&stage.server, 3));
        let (push, pull): (Push, Pull) = (open(&stage.client, 3), open(&stage.other, 3));
        push.connect(stage.server.bind(&front))?;
        let pulls = stage.server.bind(&back);
        let mut broker = proxy(&front, &back);
        let held = beside(&mut broker, async {
            // Nobody pulls yet: three in the sender's pipe, three in the proxy's, one in its hand, and what the two
            // kernels hold of messages that the driver decodes no further.
            let sent = fill(&stage, &push).await;
            pull.connect(&pulls)?;
            for number in 0..sent {
                assert_eq!(text(&pull.recv().await?), [number.to_string()]);
            }
            Ok(())
        })
        .await?;
        assert_eq!(held.frontend.received, held.backend.sent);
        Ok(())
    });
}

/// How many messages a proxy with this queue takes out of its frontend when nobody takes any from its backend.
fn taken_with_queue(queue: usize) {
    play(move |stage| async move {
        let (front, back): (Pull, Push) = (open(&stage.server, 4), open(&stage.server, 4));
        let push: Push = open(&stage.client, 0);
        push.connect(stage.server.bind(&front))?;
        let mut broker = proxy(&front, &back).queue(queue);
        let statistics = beside(&mut broker, async {
            for number in 0..100 {
                push.send(number.to_string()).await?;
            }
            stage.pass(10 * SECOND).await;
            Ok(())
        })
        .await?;
        assert_eq!((statistics.frontend.received, statistics.backend.sent), (0, 0), "killed: all put back");
        drop(broker);
        for number in 0..100 {
            assert_eq!(text(&front.recv().await?), [number.to_string()]);
        }
        Ok(())
    });
}

#[test]
fn what_was_in_hand_can_be_received_again_in_order() {
    taken_with_queue(0);
    taken_with_queue(1);
    taken_with_queue(50);
    taken_with_queue(1000);
}

#[test]
fn a_proxy_holds_one_message_and_its_queue_for_each_direction() {
    for queue in [0, 1, 7] {
        play(move |stage| async move {
            let (front, back): (Pull, Push) = (open(&stage.server, 0), open(&stage.server, 0));
            let push: Push = open(&stage.client, 0);
            push.connect(stage.server.bind(&front))?;
            for number in 0..100 {
                push.send(number.to_string()).await?;
            }
            let mut broker = proxy(&front, &back).queue(queue);
            let handle = broker.handle();
            let looking = async {
                stage.pass(10 * SECOND).await;
                let received = handle.statistics().frontend.received;
                handle.kill();
                received
            };
            let (ended, received) = join!(broker.run(), looking);
            ended?;
            assert_eq!(received, 1 + queue as u64);
            Ok(())
        });
    }
}

#[test]
fn a_direction_that_stalls_does_not_stop_the_other() {
    play(|stage| async move {
        let (front, back): (Dealer, Dealer) = (open(&stage.server, 2), open(&stage.server, 2));
        let (one, other): (Dealer, Dealer) = (open(&stage.client, 0), open(&stage.other, 2));
        one.connect(stage.server.bind(&front))?;
        other.connect(stage.server.bind(&back))?;
        beside(&mut proxy(&front, &back), async {
            // Far more than all pipes and kernels hold; `other` reads none of it.
            for _ in 0..1000 {
                one.send(vec![b'x'; 1000]).await?;
            }
            for number in 0..1000 {
                other.send(number.to_string()).await?;
                assert_eq!(text(&one.recv().await?), [number.to_string()]);
            }
            for _ in 0..1000 {
                assert_eq!(other.recv().await?.byte_len(), 1000);
            }
            Ok(())
        })
        .await?;
        Ok(())
    });
}

/// Sends `count` answers through a proxy to a client that reads none before all are sent, or a hundred seconds are
/// over. Gives how many the client gets and how many the frontend dropped.
fn answers_to_a_client_that_does_not_read(mandatory: bool, expect: fn(received: u64, dropped: u64)) {
    const ANSWERS: u64 = 1000;
    play(move |stage| async move {
        let options = Options::default().router_mandatory(mandatory).sndhwm(2);
        let (front, back): (Router, Dealer) = (stage.server.open_with(options), open(&stage.server, 2));
        let (client, worker): (Dealer, Dealer) = (open(&stage.client, 2), stage.other.open());
        client.connect(stage.server.bind(&front))?;
        worker.connect(stage.server.bind(&back))?;
        let mut broker = proxy(&front, &back);
        let handle = broker.handle();
        beside(&mut broker, async {
            client.send("who am I?").await?;
            let mut answer = worker.recv().await?;
            answer.push_back(vec![b'x'; 1000]);
            let mut received = 0;
            let working = async {
                for _ in 0..ANSWERS {
                    worker.send(answer.clone()).await?;
                }
                Ok::<_, seaworthy::Error>(())
            };
            let reading = async {
                stage.pass(100 * SECOND).await;
                while stage.within(10 * SECOND, client.recv()).await.is_some() {
                    received += 1;
                }
            };
            join!(working, reading).0?;
            let dropped = handle.statistics().frontend.dropped;
            assert_eq!(received + dropped, ANSWERS);
            expect(received, dropped);
            Ok(())
        })
        .await?;
        Ok(())
    });
}

#[test]
fn answers_that_a_router_drops_are_counted() {
    answers_to_a_client_that_does_not_read(false, |received, dropped| {
        assert!(received > 0 && dropped > 0, "{received} received, {dropped} dropped");
    });
}

#[test]
fn a_mandatory_router_waits_for_its_client_and_drops_nothing() {
    answers_to_a_client_that_does_not_read(true, |_, dropped| assert_eq!(dropped, 0));
}
