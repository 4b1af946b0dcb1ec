//! inproc on real threads, each with its own runtime: what only a race can break.
#![allow(clippy::disallowed_methods, reason = "real threads are what is tested")]

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use compio::runtime::Runtime;
use seaworthy::{
    Context, DealerSocket, Error, Options, PubSocket, PullSocket, PushSocket, RepSocket, ReqSocket,
    RouterSocket, SubSocket,
};

type Outcome<T> = Result<T, Error>;

/// Runs `work` on a thread with a runtime of its own.
fn on_a_thread<T: Send + 'static>(
    context: &Context,
    work: impl AsyncFnOnce(Context) -> Outcome<T> + Send + 'static,
) -> JoinHandle<T> {
    let context = context.clone();
    thread::spawn(move || {
        let runtime = Runtime::new().expect("a runtime");
        runtime.block_on(work(context)).expect("no operation fails")
    })
}

fn join<T>(threads: Vec<JoinHandle<T>>) -> Vec<T> {
    threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
}

/// Patience of a receiver before it looks around; nothing depends on how long it is.
fn impatient() -> Options {
    Options::default().rcvtimeo(Duration::from_millis(5))
}

fn numbers(message: &seaworthy::Message) -> (usize, usize) {
    let number = |index| {
        let frame = message.frame(index).expect("two frames");
        std::str::from_utf8(frame).expect("digits").parse().expect("a number")
    };
    (number(0), number(1))
}

/// Pushers connect, send and close while pullers race for the name, receive a little, unbind and drain. Nothing is
/// lost, nothing comes twice, and what one puller gets from one pusher is in order.
#[test]
fn racing_binds_connects_and_drops_lose_nothing() {
    const PUSHERS: usize = 3;
    const ROUNDS: usize = 20;
    const MESSAGES: usize = 50;
    static DONE: AtomicUsize = AtomicUsize::new(0);
    let context = Context::new();
    let pushers = (0..PUSHERS)
        .map(|pusher| {
            on_a_thread(&context, async move |context| {
                for round in 0..ROUNDS {
                    let push = PushSocket::with_options(&context, Options::default().sndhwm(7))?;
                    push.connect("inproc://race")?;
                    for number in 0..MESSAGES {
                        let number = round * MESSAGES + number;
                        push.send([pusher.to_string(), number.to_string()]).await?;
                    }
                    push.close().await;
                }
                DONE.fetch_add(1, Ordering::SeqCst);
                Ok(())
            })
        })
        .collect();
    let pullers = (0..2)
        .map(|_| {
            on_a_thread(&context, async |context| {
                let mut lives: Vec<Vec<(usize, usize)>> = Vec::new();
                while DONE.load(Ordering::SeqCst) < PUSHERS {
                    let pull = PullSocket::with_options(&context, impatient().rcvhwm(5))?;
                    let mut received = Vec::new();
                    if pull.bind("inproc://race").is_ok() {
                        while received.len() < 40
                            && let Ok(message) = pull.recv().await
                        {
                            received.push(numbers(&message));
                        }
                        pull.unbind("inproc://race")?;
                        while pull.peers() > 0 {
                            if let Ok(message) = pull.recv().await {
                                received.push(numbers(&message));
                            }
                        }
                    } else {
                        compio::time::sleep(Duration::from_micros(100)).await;
                    }
                    lives.push(received);
                }
                Ok(lives)
            })
        })
        .collect();
    join(pushers);
    let mut counts = BTreeMap::new();
    for received in join(pullers).into_iter().flatten() {
        for pusher in 0..PUSHERS {
            let of_one: Vec<usize> =
                received.iter().filter(|(from, _)| *from == pusher).map(|(_, number)| *number).collect();
            // A later pipe of a pusher may be read before what is left in an earlier one.
            let rounds =
                of_one.iter().map(|number| number / MESSAGES).collect::<std::collections::BTreeSet<_>>();
            for round in rounds {
                let in_round: Vec<_> = of_one.iter().filter(|number| *number / MESSAGES == round).collect();
                assert!(in_round.is_sorted() || in_round.len() < 2, "{in_round:?}");
            }
        }
        received.into_iter().for_each(|message| *counts.entry(message).or_insert(0) += 1);
    }
    assert_eq!(counts.len(), PUSHERS * ROUNDS * MESSAGES, "something was lost");
    assert!(counts.values().all(|count| *count == 1), "something came twice");
}

#[test]
fn one_thread_wins_a_name_and_the_others_are_refused() {
    static BOUND: AtomicUsize = AtomicUsize::new(0);
    let context = Context::new();
    let binders = (0..4)
        .map(|_| {
            on_a_thread(&context, async |context| {
                let mut won = 0;
                for _ in 0..500 {
                    let pull = PullSocket::new(&context)?;
                    if pull.bind("inproc://throne").is_ok() {
                        won += 1;
                        assert_eq!(BOUND.fetch_add(1, Ordering::SeqCst), 0, "two hold the name");
                        BOUND.fetch_sub(1, Ordering::SeqCst);
                    }
                }
                Ok(won)
            })
        })
        .collect();
    assert!(join(binders).into_iter().sum::<usize>() >= 500 / 4);
    assert!(context.inproc_endpoints().is_empty());
}

#[test]
fn requests_of_many_threads_are_answered_by_one() {
    const ASKERS: usize = 3;
    let context = Context::new();
    let answerer = on_a_thread(&context, async |context| {
        let rep = RepSocket::new(&context)?;
        rep.bind("inproc://oracle")?;
        for _ in 0..ASKERS * 1000 {
            let question = rep.recv().await?;
            rep.send(question).await?;
        }
        Ok(())
    });
    let askers = (0..ASKERS)
        .map(|asker| {
            on_a_thread(&context, async move |context| {
                let req = ReqSocket::with_options(
                    &context,
                    Options::default().busy_poll(Duration::from_micros(20 * asker as u64)),
                )?;
                req.connect("inproc://oracle")?;
                for number in 0..1000 {
                    let question = format!("{asker}/{number}");
                    req.send(question.clone()).await?;
                    assert_eq!(req.recv().await?, question.into());
                }
                Ok(())
            })
        })
        .collect();
    join(askers);
    join(vec![answerer]);
}

#[test]
fn a_flood_between_threads_arrives_whole_and_in_order() {
    const MESSAGES: usize = 200_000;
    let context = Context::new();
    let sender = on_a_thread(&context, async |context| {
        let dealer = DealerSocket::with_options(&context, Options::default().routing_id("flood"))?;
        dealer.connect("inproc://flood")?;
        for number in 0..MESSAGES {
            dealer.send(number.to_string()).await?;
        }
        dealer.recv().await
    });
    let receiver = on_a_thread(&context, async |context| {
        let router = RouterSocket::new(&context)?;
        router.bind("inproc://flood")?;
        for number in 0..MESSAGES {
            assert_eq!(router.recv().await?.frame(1), Some(number.to_string().as_bytes()));
        }
        router.send(["flood", "thanks"]).await
    });
    assert_eq!(join(vec![sender])[0], "thanks".into());
    join(vec![receiver]);
}

#[test]
fn every_subscriber_hears_everything_from_another_thread() {
    const MESSAGES: usize = 20_000;
    let context = Context::new();
    let subscribers: Vec<_> = (0..3)
        .map(|_| {
            on_a_thread(&context, async |context| {
                let sub = SubSocket::new(&context)?;
                sub.subscribe("")?;
                sub.connect("inproc://news")?;
                let mut next = 0;
                loop {
                    let news = sub.recv().await?;
                    match news.frame(0) {
                        Some(b"end") => return Ok(next),
                        Some(b"begin") => {}
                        Some(number) => {
                            assert_eq!(number, next.to_string().as_bytes());
                            next += 1;
                        }
                        None => unreachable!("a message has a frame"),
                    }
                }
            })
        })
        .collect();
    let publisher = on_a_thread(&context, async |context| {
        let publisher = PubSocket::with_options(&context, Options::default().xpub_nodrop(true))?;
        publisher.bind("inproc://news")?;
        while publisher.peers() < 3 {
            compio::time::sleep(Duration::from_millis(1)).await;
        }
        for number in 0..MESSAGES {
            publisher.send(number.to_string()).await?;
        }
        publisher.send("end").await
    });
    join(vec![publisher]);
    assert_eq!(join(subscribers), [MESSAGES; 3]);
}

/// What unwinds drops its sockets, which tells their peers on other threads; that must not end the process.
#[test]
fn a_thread_that_panics_takes_only_its_own_sockets_with_it() {
    let context = Context::new();
    let survivor = on_a_thread(&context, async |context| {
        let pull = PullSocket::new(&context)?;
        pull.bind("inproc://survivor")?;
        let last_words = pull.recv().await?;
        while pull.peers() > 0 {
            compio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(last_words)
    });
    let doomed = on_a_thread(&context, async |context| -> Outcome<()> {
        let push = PushSocket::new(&context)?;
        push.connect("inproc://survivor")?;
        push.send("last words").await?;
        panic!("this panic belongs to the test");
    });
    assert!(doomed.join().is_err());
    assert_eq!(join(vec![survivor])[0], "last words".into());
}

/// A send over tcp, and one over inproc, wait for memory that another thread holds, and go on when it gives it back.
#[test]
fn memory_that_another_thread_gives_back_wakes_those_who_wait_here() {
    for endpoint in ["inproc://nobody", "ipc://@seaworthy-budget-nobody"] {
        let context = Context::builder().memory_budget(100_000).build();
        let (full, is_full) = std::sync::mpsc::channel();
        let (waits, is_waiting) = std::sync::mpsc::channel::<()>();
        let options = || Options::default().linger(Duration::ZERO);
        let holder = on_a_thread(&context, async move |context| {
            let push = PushSocket::with_options(&context, options())?;
            push.connect("inproc://held")?;
            while push.try_send(vec![0; 1000]).is_ok() {}
            full.send(()).expect("somebody waits");
            is_waiting.recv().expect("somebody waits");
            push.close().await;
            Ok(())
        });
        let waiter = on_a_thread(&context, async move |context| {
            let push = PushSocket::with_options(&context, options())?;
            push.connect(endpoint)?;
            is_full.recv().expect("somebody holds the memory");
            push.try_send("the one that an empty pipe takes").expect("the pipe is empty");
            let mut send = Box::pin(push.send("waits"));
            let early =
                std::future::poll_fn(|task| std::task::Poll::Ready(send.as_mut().poll(task).is_ready()));
            assert!(!early.await);
            waits.send(()).expect("somebody holds the memory");
            send.as_mut().await?;
            drop(send);
            push.close().await;
            Ok(())
        });
        join(vec![holder, waiter]);
        assert_eq!(context.memory_in_use(), Some(0));
    }
}
