//! The memory budget of a context: what counts, where it ends, who goes on when memory comes back, and that all of it
//! comes back.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::join;
use seaworthy::{Endpoint, FRAME_WEIGHT, Message, Network, Options, proxy};

use seaworthy_sim::CrashKind;

use super::fixture::{MS, SECOND, play, sockets::*, text};

/// Without marks, so that only the budget counts.
fn unbounded() -> Options {
    Options::default().sndhwm(0).rcvhwm(0).linger(Duration::ZERO)
}

/// A message that weighs this much.
fn weighing(bytes: usize) -> Bytes {
    vec![0; bytes - FRAME_WEIGHT].into()
}

/// Sends messages until one is refused; returns how many were taken.
fn fill(push: &Push, message: &Bytes) -> usize {
    (0..2000).take_while(|_| push.try_send(message.clone()).is_ok()).count()
}

#[test]
fn without_a_budget_nothing_is_counted() {
    play(|stage| async move {
        assert_eq!(stage.client.context().memory_in_use(), None);
        let context = stage.client.set_memory_budget(0);
        assert_eq!((context.memory_budget(), context.memory_in_use()), (None, None));
        let push: Push = stage.client.open_with(unbounded());
        push.connect(stage.server.at(1))?;
        assert_eq!(fill(&push, &weighing(100)), 2000);
        Ok(())
    });
}

#[test]
fn pipes_together_take_the_message_that_crosses_the_budget_and_none_after_it() {
    for (weight, taken) in
        [(80, 13), (100, 10), (101, 10), (500, 2), (501, 2), (999, 2), (1000, 1), (5000, 1)]
    {
        play(move |stage| async move {
            let context = stage.client.set_memory_budget(1000);
            let push: Push = stage.client.open_with(unbounded());
            push.connect(stage.server.at(1))?;
            assert_eq!(fill(&push, &weighing(weight)), taken, "{weight}");
            assert_eq!(context.memory_in_use(), Some(weight * taken));
            Ok(())
        });
    }
    play(|stage| async move {
        let context = stage.client.set_memory_budget(1000);
        let push: Push = stage.client.open_with(unbounded());
        push.connect(stage.server.at(1))?;
        push.connect(stage.server.at(2))?;
        assert_eq!(fill(&push, &weighing(100)), 10);
        let other: Push = stage.client.open_with(unbounded());
        other.connect(stage.server.at(1))?;
        other.connect(stage.server.at(2))?;
        assert_eq!(fill(&other, &weighing(100)), 2, "a pipe that is empty takes one");
        assert_eq!(context.memory_in_use(), Some(1200));
        Ok(())
    });
}

#[test]
fn crowded_receivers_stay_under_the_budget_and_everything_arrives_later() {
    const PEERS: usize = 50;
    const MESSAGES: usize = 100;
    const BUDGET: usize = 1_000_000;
    // An eighth is read ahead, and each connection has a message and a small read beyond the edge.
    const MOST: usize = BUDGET * 5 / 4;
    play(|stage| async move {
        let context = stage.server.set_memory_budget(BUDGET);
        let pull: Pull = stage.server.open_with(unbounded());
        let endpoint = stage.server.bind(&pull);
        let mut pushes = Vec::new();
        for peer in 0..PEERS {
            let push: Push = stage.client.open_with(unbounded());
            push.connect(endpoint.clone())?;
            for number in 0..MESSAGES {
                push.send([peer.to_string(), number.to_string(), "x".repeat(2000)]).await?;
            }
            pushes.push(push);
        }
        stage.pass(10 * SECOND).await;
        let in_use = context.memory_in_use().unwrap_or_default();
        assert!((BUDGET..MOST).contains(&in_use), "{in_use}");
        let mut next = [0; PEERS];
        for _ in 0..PEERS * MESSAGES {
            let message = pull.recv().await?;
            let number = |index: usize| text(&message)[index].parse::<usize>().expect("a number");
            let peer = number(0);
            assert_eq!(next[peer], number(1));
            next[peer] += 1;
            let in_use = context.memory_in_use().unwrap_or_default();
            assert!(in_use < MOST, "{in_use}");
        }
        stage.pass(SECOND).await;
        assert_eq!(context.memory_in_use(), Some(0));
        Ok(())
    });
}

#[test]
fn a_publisher_drops_at_the_budget_and_not_before() {
    play(|stage| async move {
        let context = stage.client.set_memory_budget(1000);
        let publisher: Pub = stage.client.open_with(unbounded());
        publisher.bind("inproc://news")?;
        let mut subscribers = Vec::new();
        for _ in 0..2 {
            let subscriber: Sub = stage.client.open_with(unbounded());
            subscriber.subscribe("")?;
            subscriber.connect("inproc://news")?;
            subscribers.push(subscriber);
        }
        stage.pass(SECOND).await;
        let mut first = 0;
        for round in 0..3_u8 {
            for number in 0..20 {
                let mut body = weighing(100).to_vec();
                (body[0], body[1]) = (round, number);
                publisher.send(body).await?;
            }
            assert_eq!(context.memory_in_use(), Some(1000), "each copy counts");
            for subscriber in &subscribers {
                for number in 0..5_u8 {
                    let message = subscriber.recv().await?;
                    assert_eq!(message.frame(0).map(|body| (body[0], body[1])), Some((round, number)));
                    first += 1;
                }
                assert!(subscriber.try_recv().is_err());
            }
            assert_eq!(context.memory_in_use(), Some(0));
        }
        assert_eq!(first, 30);
        Ok(())
    });
}

#[test]
fn sends_wait_at_the_budget_and_go_on_when_memory_of_others_comes_back() {
    for name in [None, Some("inproc://full")] {
        play(move |stage| async move {
            let context = stage.client.set_memory_budget(10_000);
            let holder: Push = stage.client.open_with(unbounded());
            holder.connect(stage.server.at(1))?;
            let push: Push = stage.client.open_with(unbounded());
            match name {
                Some(name) => push.connect(name)?,
                None => push.connect(stage.server.at(2))?,
            }
            push.send("the one that an empty pipe takes").await?;
            assert_eq!(fill(&holder, &weighing(1000)), 10);
            stage.never(push.send("one more")).await;
            let elsewhere = stage.client.network();
            stage.client.network().spawn("holder", async move {
                elsewhere.sleep(SECOND).await;
                drop(holder);
            });
            push.send("later").await?;
            stage.pass(SECOND).await;
            assert!(context.memory_in_use() < Some(1000), "{context:?}");
            Ok(())
        });
    }
}

#[test]
fn reading_stops_at_the_budget_and_goes_on_when_memory_of_others_comes_back() {
    play(|stage| async move {
        let context = stage.server.set_memory_budget(100_000);
        let holder: Push = stage.server.open_with(unbounded());
        holder.connect(stage.client.at(1))?;
        fill(&holder, &weighing(1000));
        let pull: Pull = stage.server.open_with(unbounded());
        let endpoint = stage.server.bind(&pull);
        let push: Push = stage.client.open_with(unbounded());
        push.connect(endpoint)?;
        for _ in 0..1000 {
            push.send(weighing(1000)).await?;
        }
        stage.pass(10 * SECOND).await;
        let before = pull.queued().received;
        drop(holder);
        stage.pass(10 * SECOND).await;
        let after = pull.queued().received;
        assert!(after > before + 50, "{before} {after}");
        assert!(context.memory_in_use() < Some(150_000));
        Ok(())
    });
}

#[test]
fn those_who_have_waited_longest_go_on_first() {
    play(|stage| async move {
        let context = stage.client.set_memory_budget(10_000);
        let holder: Push = stage.client.open_with(unbounded());
        holder.connect("inproc://holder")?;
        let pull: Pull = stage.client.open_with(unbounded());
        pull.bind("inproc://holder")?;
        let mut waiting = Vec::new();
        for number in 0..5 {
            let push: Push = stage.client.open_with(unbounded());
            push.connect(stage.server.at(number + 1))?;
            push.send("the one that an empty pipe takes").await?;
            waiting.push(push);
        }
        fill(&holder, &weighing(1000));
        let sent = Rc::new(RefCell::new(Vec::new()));
        for (number, push) in waiting.into_iter().enumerate() {
            let sent = Rc::clone(&sent);
            stage.client.network().spawn("sender", async move {
                while push.send(weighing(1000)).await.is_ok() {
                    sent.borrow_mut().push(number);
                }
            });
        }
        stage.pass(MS).await;
        while pull.try_recv().is_ok() {
            stage.pass(MS).await;
        }
        assert_eq!(*sent.borrow(), [0, 1, 2, 3, 4, 0, 1, 2, 3, 4]);
        assert!(context.memory_in_use() <= Some(11_000));
        Ok(())
    });
}

#[test]
fn what_must_go_on_goes_on_with_a_budget_of_one_byte() {
    play(|stage| async move {
        for place in [&stage.server, &stage.client, &stage.other] {
            place.set_memory_budget(1);
        }
        let (frontend, backend): (Router, Dealer) = (stage.other.open(), stage.other.open());
        let (front, back) = (stage.other.bind(&frontend), stage.other.bind(&backend));
        let mut served = Vec::new();
        for _ in 0..3 {
            let rep: Rep = stage.server.open();
            rep.connect(back.clone())?;
            served.push(async move {
                loop {
                    let request = rep.recv().await?;
                    rep.send(request).await?;
                }
                #[expect(unreachable_code, reason = "says what the errors are")]
                Ok::<(), seaworthy::Error>(())
            });
        }
        let mut asked = Vec::new();
        for client in 0..5 {
            let req: Req = stage.client.open();
            req.connect(front.clone())?;
            asked.push(async move {
                for round in 0..50 {
                    let request = Message::from([format!("{client}"), format!("{round}"), "x".repeat(5000)]);
                    req.send(request.clone()).await?;
                    assert_eq!(req.recv().await?, request);
                }
                Ok::<(), seaworthy::Error>(())
            });
        }
        let others = async {
            let served = futures_util::future::join_all(served);
            let mut between = proxy(&frontend, &backend);
            let _ = join!(between.run(), served);
        };
        let asked = futures_util::future::try_join_all(asked);
        let (asked, others) = (std::pin::pin!(asked), std::pin::pin!(others));
        match stage.within(100 * SECOND, futures_util::future::select(asked, others)).await {
            Some(futures_util::future::Either::Left((done, _))) => drop(done?),
            _ => panic!("the rounds are not complete"),
        }
        stage.pass(5 * SECOND).await;
        for place in [&stage.server, &stage.client, &stage.other] {
            assert_eq!(place.context().memory_in_use(), Some(0));
        }
        Ok(())
    });
}

#[test]
fn heartbeats_are_answered_at_the_budget() {
    play(|stage| async move {
        stage.server.set_memory_budget(100_000);
        let holder: Push = stage.server.open_with(unbounded());
        holder.connect(stage.client.at(1))?;
        fill(&holder, &weighing(1000));
        let pull: Pull = stage.server.open_with(unbounded());
        let endpoint = stage.server.bind(&pull);
        let push: Push = stage.client.open_with(unbounded().heartbeat_ivl(SECOND));
        let mut monitor = push.monitor();
        push.connect(endpoint)?;
        for _ in 0..10 {
            push.send(weighing(1000)).await?;
        }
        stage.pass(100 * SECOND).await;
        let mut disconnected = 0;
        while let Some(Some(event)) = stage.within(MS, monitor.recv()).await {
            disconnected += usize::from(matches!(event, seaworthy::monitor::Event::Disconnected { .. }));
        }
        assert_eq!(disconnected, 0);
        Ok(())
    });
}

#[test]
fn all_memory_comes_back_however_sockets_and_peers_end() {
    let endings = ["close", "drop", "disconnect", "unbind", "crash"];
    for (ending, inproc) in endings.into_iter().flat_map(|ending| [(ending, false), (ending, true)]) {
        if inproc && ending == "crash" {
            continue;
        }
        play(move |stage| async move {
            let context = stage.server.set_memory_budget(1_000_000);
            let client = if inproc { stage.server.clone() } else { stage.client.clone() };
            if !inproc {
                client.set_memory_budget(1_000_000);
            }
            let dealer: Dealer = stage.server.open_with(unbounded());
            let bound = dealer.bind(if inproc { "inproc://there" } else { "tcp://*:*" })?;
            let endpoint = match &bound {
                Endpoint::Tcp { port, .. } => stage.server.at(*port),
                other => other.clone(),
            };
            let peer: Dealer = client.open_with(unbounded());
            peer.connect(endpoint.clone())?;
            let nobody: Push = stage.server.open_with(unbounded());
            nobody.connect(stage.other.at(9))?;
            nobody.connect("inproc://nobody")?;
            fill(&nobody, &weighing(1000));
            for _ in 0..2000 {
                if peer.try_send(weighing(1000)).is_err() {
                    break;
                }
            }
            stage.pass(SECOND).await;
            for _ in 0..2000 {
                if dealer.try_send(weighing(1000)).is_err() {
                    break;
                }
            }
            stage.pass(SECOND).await;
            assert!(context.memory_in_use() > Some(500_000), "{ending} {inproc}: {context:?}");
            match ending {
                "close" => {
                    peer.close().await;
                    dealer.close().await;
                    nobody.close().await;
                }
                "drop" => drop((dealer, peer, nobody)),
                "disconnect" => {
                    peer.disconnect(endpoint.clone())?;
                    nobody.disconnect(stage.other.at(9))?;
                    nobody.disconnect("inproc://nobody")?;
                    while stage.within(SECOND, dealer.recv()).await.is_some() {}
                    drop((dealer, nobody));
                }
                "unbind" => {
                    dealer.unbind(bound)?;
                    while stage.within(SECOND, dealer.recv()).await.is_some() {}
                    while stage.within(SECOND, peer.recv()).await.is_some() {}
                    drop((peer, nobody));
                }
                _ => {
                    stage.control.crash(client.id, CrashKind::Process);
                    while stage.within(100 * SECOND, dealer.recv()).await.is_some() {}
                    drop((dealer, nobody));
                }
            }
            stage.pass(100 * SECOND).await;
            assert_eq!(context.memory_in_use(), Some(0), "{ending} {inproc}");
            Ok(())
        });
    }
}
