//! A task that computes between its operations, and never waits: its connections go on all the same.

use std::rc::Rc;
use std::sync::mpsc::channel;
use std::time::Duration;

use seaworthy::{Context, DealerSocket, PullSocket, PushSocket, RouterSocket};

use crate::side::{BUILDS, side};

/// Longer than a turn.
const STEP: Duration = Duration::from_millis(3);

/// Messages that may wait for the next steps.
const BEHIND: usize = 4;

#[expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "computing takes time")]
fn compute() {
    let began = std::time::Instant::now();
    while began.elapsed() < STEP {
        std::hint::spin_loop();
    }
}

/// What a sender that computes sent, all but the last messages, has arrived while it computes.
fn what_was_sent_leaves(endpoint: &'static str, in_a_task: bool) {
    for build in BUILDS {
        let context = Context::new();
        let (tell_endpoint, bound) = channel();
        let (tell_received, received) = channel();
        let there = context.clone();
        let receiver = side(build, async move || {
            let pull = PullSocket::new(&there).unwrap();
            tell_endpoint.send(pull.bind(endpoint).unwrap()).unwrap();
            // Ends with the process, if the sender did not wait for all.
            while tell_received.send(pull.recv().await.unwrap()).is_ok() {}
        });
        let sender = side(build, async move || {
            let push = PushSocket::new(&context).unwrap();
            push.connect(bound.recv().unwrap()).unwrap();
            // There is a connection, which the sender does not wait for later.
            push.send("first").await.unwrap();
            compio::time::sleep(Duration::from_millis(1)).await;
            let work = async move {
                for number in 0..30_usize {
                    push.send(number.to_string()).await.unwrap();
                    compute();
                }
                // The thread blocks.
                (0..=30 - BEHIND).for_each(|_| drop(received.recv().unwrap()));
            };
            if in_a_task { compio::runtime::spawn(work).await.unwrap() } else { work.await }
        });
        sender.join();
        drop(receiver);
    }
}

#[test]
fn messages_leave_over_tcp() {
    what_was_sent_leaves("tcp://127.0.0.1:*", false);
}

#[test]
fn messages_leave_over_tcp_from_a_task_among_others() {
    what_was_sent_leaves("tcp://127.0.0.1:*", true);
}

#[test]
fn messages_leave_over_ipc() {
    what_was_sent_leaves("ipc://*", false);
}

/// A server that finds a request whenever it looks, and computes for each.
#[test]
fn answers_leave_while_requests_wait() {
    for build in BUILDS {
        let context = Context::new();
        let (tell_endpoint, bound) = channel();
        let (tell_answered, answered) = channel();
        let there = context.clone();
        let server = side(build, async move || {
            let router = Rc::new(RouterSocket::new(&there).unwrap());
            tell_endpoint.send(router.bind("tcp://127.0.0.1:*").unwrap()).unwrap();
            let mut request = router.recv().await.unwrap();
            for _ in 0..30 {
                router.send(request).await.unwrap();
                compute();
                request = router.recv().await.unwrap();
            }
            (0..30 - BEHIND).for_each(|_| answered.recv().unwrap());
        });
        let client = side(build, async move || {
            let dealer = DealerSocket::new(&context).unwrap();
            dealer.connect(bound.recv().unwrap()).unwrap();
            for number in 0..40_usize {
                dealer.send(number.to_string()).await.unwrap();
            }
            while let Ok(answer) = dealer.recv().await {
                drop(answer);
                if tell_answered.send(()).is_err() {
                    break;
                }
            }
        });
        server.join();
        drop(client);
    }
}
