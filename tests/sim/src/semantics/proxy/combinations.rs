//! Every pair of sockets that forwards, chains of proxies, and several transports.

use futures_util::join;
use seaworthy::{Message, Options, proxy};

use super::super::fixture::{Fixture, Outcome, frames, play, sockets::*, text};
use super::beside;

#[test]
fn router_and_dealer_carry_questions_to_workers_and_answers_back() {
    play(|stage| async move {
        let (front, back): (Router, Dealer) = (stage.server.open(), stage.server.open());
        let (clients, workers) = (stage.server.bind(&front), stage.server.bind(&back));
        let mut broker = proxy(&front, &back);
        let statistics = beside(&mut broker, async {
            let asking: [Req; 3] = std::array::from_fn(|_| stage.client.open());
            let answering: [Rep; 2] = std::array::from_fn(|_| stage.other.open());
            for worker in &answering {
                worker.connect(&workers)?;
            }
            for (number, client) in asking.iter().enumerate() {
                client.connect(&clients)?;
                client.send(number.to_string()).await?;
            }
            // Workers are asked in turn: the first and the third question go to the same one.
            let work = async |worker: &Rep, questions| {
                for _ in 0..questions {
                    let question = worker.recv().await?;
                    worker.send(format!("re {}", text(&question)[0])).await?;
                }
                Ok::<_, seaworthy::Error>(())
            };
            let (one, other) = join!(work(&answering[0], 2), work(&answering[1], 1));
            one?;
            other?;
            for (number, client) in asking.iter().enumerate() {
                assert_eq!(text(&client.recv().await?), [format!("re {number}")]);
            }
            Ok(())
        })
        .await?;
        // A routing id of five bytes, the delimiter, and the body.
        assert_eq!(statistics.counters(), [3, 18, 3, 27, 3, 27, 3, 18]);
        Ok(())
    });
}

#[test]
fn pull_and_push_carry_work_one_way() {
    play(|stage| async move {
        let (front, back): (Pull, Push) = (stage.server.open(), stage.server.open());
        let (push, pull): (Push, Pull) = (stage.client.open(), stage.other.open());
        push.connect(stage.server.bind(&front))?;
        pull.connect(stage.server.bind(&back))?;
        one_way(&mut proxy(&front, &back), &push, &pull).await
    });
}

#[test]
fn a_one_way_pair_works_with_its_ends_exchanged() {
    play(|stage| async move {
        let (front, back): (Push, Pull) = (stage.server.open(), stage.server.open());
        let (push, pull): (Push, Pull) = (stage.client.open(), stage.other.open());
        pull.connect(stage.server.bind(&front))?;
        push.connect(stage.server.bind(&back))?;
        one_way(&mut proxy(&front, &back), &push, &pull).await
    });
}

#[test]
fn sub_and_pub_carry_publications() {
    play(|stage| async move {
        let (front, back): (Sub, Pub) =
            (stage.server.open(), stage.server.open_with(Options::default().xpub_nodrop(true)));
        front.subscribe("")?;
        let (publications, subscriptions) = (stage.server.bind(&front), stage.server.bind(&back));
        let publisher: Pub = stage.client.open();
        publisher.connect(&publications)?;
        let subscriber: Sub = stage.other.open();
        subscriber.subscribe("a")?;
        subscriber.connect(&subscriptions)?;
        beside(&mut proxy(&front, &back), async {
            stage.pass(super::super::fixture::SECOND).await;
            publisher.send("b unwanted").await?;
            publisher.send(["a", "wanted"]).await?;
            assert_eq!(text(&subscriber.recv().await?), ["a", "wanted"]);
            Ok(())
        })
        .await?;
        Ok(())
    });
}

async fn one_way<F: seaworthy::proxy::Forwards, B: seaworthy::proxy::Forwards>(
    broker: &mut seaworthy::Proxy<'_, F, B, seaworthy_sim::SimNetwork>,
    push: &Push,
    pull: &Pull,
) -> Outcome {
    beside(broker, async {
        for message in [frames(["one"]), frames(["", "two", ""]), frames(["", "", "", ""])] {
            push.send(message.clone()).await?;
            assert_eq!(pull.recv().await?, message);
        }
        Ok(())
    })
    .await?;
    Ok(())
}

#[test]
fn dealer_and_dealer_carry_messages_both_ways() {
    play(|stage| async move {
        let (front, back): (Dealer, Dealer) = (stage.server.open(), stage.server.open());
        let (one, other): (Dealer, Dealer) = (stage.client.open(), stage.other.open());
        one.connect(stage.server.bind(&front))?;
        other.connect(stage.server.bind(&back))?;
        both_ways(&mut proxy(&front, &back), &one, &other).await
    });
}

#[test]
fn router_and_router_connect_namesakes() {
    play(|stage| async move {
        let (front, back): (Router, Router) = (stage.server.open(), stage.server.open());
        let named = Options::default().routing_id("a");
        let (one, other): (Dealer, Dealer) =
            (stage.client.open_with(named.clone()), stage.other.open_with(named));
        one.connect(stage.server.bind(&front))?;
        other.connect(stage.server.bind(&back))?;
        // Both must be known before either is named.
        let mut monitors = [one.monitor(), other.monitor()];
        for monitor in &mut monitors {
            super::super::fixture::handshake(monitor).await;
        }
        stage.pass(super::super::fixture::SECOND).await;
        both_ways(&mut proxy(&front, &back), &one, &other).await
    });
}

async fn both_ways<F: seaworthy::proxy::Forwards, B: seaworthy::proxy::Forwards>(
    broker: &mut seaworthy::Proxy<'_, F, B, seaworthy_sim::SimNetwork>,
    one: &Dealer,
    other: &Dealer,
) -> Outcome {
    beside(broker, async {
        for number in 0..100 {
            one.send(["there", "and", "so", "on"]).await?;
            assert_eq!(text(&other.recv().await?), ["there", "and", "so", "on"]);
            other.send(number.to_string()).await?;
            assert_eq!(text(&one.recv().await?), [number.to_string()]);
        }
        Ok(())
    })
    .await?;
    Ok(())
}

#[test]
fn one_socket_as_both_ends_gets_back_what_it_sends_out() {
    play(|stage| async move {
        let echo: Router = stage.server.open();
        let endpoint = stage.server.bind(&echo);
        let statistics = beside(&mut proxy(&echo, &echo), async {
            let req: Req = stage.client.open();
            req.connect(&endpoint)?;
            for number in 0..3 {
                req.send(number.to_string()).await?;
                assert_eq!(text(&req.recv().await?), [number.to_string()]);
            }
            Ok(())
        })
        .await?;
        // Received by the first end, and sent by the second.
        assert_eq!(statistics.counters(), [3, 18, 0, 0, 0, 0, 3, 18]);
        Ok(())
    });
}

/// A client and a worker with two proxies between them, over these endpoints.
async fn chain(stage: &Fixture, middle: &str, back: &str) -> Outcome {
    let (outer, inner): (Router, Dealer) = (stage.server.open(), stage.server.open());
    let (next, last): (Router, Dealer) = (stage.server.open(), stage.server.open());
    let clients = stage.server.bind(&outer);
    let link = next.bind(middle)?;
    let workers = last.bind(back)?;
    match link {
        seaworthy::Endpoint::Tcp { port, .. } => inner.connect(stage.server.at(port))?,
        other => inner.connect(other)?,
    }
    let (client, worker): (Req, Rep) = (stage.client.open(), stage.server.open());
    client.connect(clients)?;
    match workers {
        seaworthy::Endpoint::Tcp { port, .. } => worker.connect(stage.server.at(port))?,
        other => worker.connect(other)?,
    }
    beside(&mut proxy(&outer, &inner), async {
        beside(&mut proxy(&next, &last), async {
            for number in 0..10 {
                let question: Message = frames(["question", ""]);
                client.send(question.clone()).await?;
                assert_eq!(worker.recv().await?, question);
                worker.send(number.to_string()).await?;
                assert_eq!(text(&client.recv().await?), [number.to_string()]);
            }
            Ok(())
        })
        .await?;
        Ok(())
    })
    .await?;
    Ok(())
}

#[test]
fn proxies_can_be_chained() {
    play(|stage| async move { chain(&stage, "tcp://*:*", "tcp://*:*").await });
}

#[test]
fn the_transports_of_the_two_sides_need_not_be_the_same() {
    play(|stage| async move { chain(&stage, "ipc://middle", "ipc:///tmp/back").await });
    play(|stage| async move { chain(&stage, "inproc://middle", "inproc://back").await });
    play(|stage| async move { chain(&stage, "inproc://middle", "tcp://*:*").await });
}

#[test]
fn pair_and_pair_carry_messages_both_ways() {
    play(|stage| async move {
        let (front, back): (Pair, Pair) = (stage.server.open(), stage.server.open());
        let (one, other): (Pair, Pair) = (stage.client.open(), stage.other.open());
        one.connect(stage.server.bind(&front))?;
        other.connect(stage.server.bind(&back))?;
        beside(&mut proxy(&front, &back), async {
            for number in 0..100 {
                one.send(["there", "and", "so", "on"]).await?;
                assert_eq!(text(&other.recv().await?), ["there", "and", "so", "on"]);
                other.send(number.to_string()).await?;
                assert_eq!(text(&one.recv().await?), [number.to_string()]);
            }
            Ok(())
        })
        .await?;
        Ok(())
    });
}

#[test]
fn xsub_and_xpub_carry_publications_of_many_and_subscriptions_to_all() {
    play(|stage| async move {
        let (front, back): (XSub, XPub) = (stage.server.open(), stage.server.open());
        let (publications, subscriptions) = (stage.server.bind(&front), stage.server.bind(&back));
        let publishers: [XPub; 3] = std::array::from_fn(|_| stage.client.open());
        for publisher in &publishers {
            publisher.connect(&publications)?;
        }
        let statistics = beside(&mut proxy(&front, &back), async {
            let subscriber: Sub = stage.other.open();
            subscriber.subscribe("a")?;
            subscriber.connect(&subscriptions)?;
            for publisher in &publishers {
                assert_eq!(text(&publisher.recv().await?), ["\\x01a"]);
            }
            for (number, publisher) in publishers.iter().enumerate() {
                publisher.send("b unwanted").await?;
                publisher.send(format!("a {number}")).await?;
                assert_eq!(text(&subscriber.recv().await?), [format!("a {number}")]);
            }
            // The subscription ends everywhere when the subscriber does.
            subscriber.close().await;
            for publisher in &publishers {
                assert_eq!(text(&publisher.recv().await?), ["\\x00a"]);
            }
            Ok(())
        })
        .await?;
        assert_eq!((statistics.backend.sent, statistics.frontend.sent), (3, 2));
        Ok(())
    });
}

#[test]
fn xsub_and_xpub_wait_in_peace_while_nobody_subscribes() {
    play(|stage| async move {
        let (front, back): (XSub, XPub) = (stage.server.open(), stage.server.open());
        // Somebody subscribes to everything at the frontend itself, so that publications arrive and nobody wants them.
        front.subscribe("")?;
        let publisher: XPub = stage.client.open();
        publisher.connect(stage.server.bind(&front))?;
        let subscriptions = stage.server.bind(&back);
        let statistics = beside(&mut proxy(&front, &back), async {
            assert_eq!(text(&publisher.recv().await?), ["\\x01"]);
            for _ in 0..100 {
                publisher.send("unheard").await?;
            }
            // Time goes on, which it would not if the proxy never waited.
            stage.pass(super::super::fixture::SECOND).await;
            let subscriber: Sub = stage.other.open();
            subscriber.subscribe("heard")?;
            subscriber.connect(&subscriptions)?;
            assert_eq!(text(&publisher.recv().await?), ["\\x01heard"]);
            publisher.send("heard").await?;
            assert_eq!(text(&subscriber.recv().await?), ["heard"]);
            Ok(())
        })
        .await?;
        assert_eq!((statistics.frontend.received, statistics.backend.dropped), (101, 0));
        Ok(())
    });
}
