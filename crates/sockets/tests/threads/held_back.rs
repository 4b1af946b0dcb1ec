//! What `send` took is received by another thread, whatever the sender does next.

use std::sync::mpsc::channel;

use seaworthy::{
    Context, DealerSocket, PairSocket, PubSocket, PullSocket, PushSocket, ReqSocket, RouterSocket, SubSocket,
    XPubSocket, XSubSocket,
};

use crate::side::{BUILDS, SMALL, settle, side};

/// Messages that a thread sends before it blocks, each time.
const BURSTS: [usize; 8] = [1, 1, 2, 3, 5, 1, 200, 1];

/// A thread sends, and blocks until the other one has received what it sent, and told so by other means.
macro_rules! what_was_sent_arrives_though_the_sender_blocks {
    ($test:ident: $sender:ident -> $receiver:ident $(, $prepare:expr)?) => {
        #[test]
        fn $test() {
            for build in BUILDS {
                let context = Context::new();
                let (tell_ready, ready) = channel();
                let (tell_received, received) = channel();
                let there = context.clone();
                let receiver = side(build, async move || {
                    let socket = $receiver::new(&there).unwrap();
                    $(let prepare: fn(&$receiver) = $prepare; prepare(&socket);)?
                    socket.bind("inproc://name").unwrap();
                    tell_ready.send(()).unwrap();
                    while socket.peers() == 0 {
                        settle().await;
                    }
                    tell_ready.send(()).unwrap();
                    for _ in 0..BURSTS.iter().sum() {
                        let message = socket.recv().await.unwrap();
                        tell_received.send(message.last().unwrap().to_vec()).unwrap();
                    }
                });
                let sender = side(build, async move || {
                    ready.recv().unwrap();
                    let socket = $sender::new(&context).unwrap();
                    socket.connect("inproc://name").unwrap();
                    ready.recv().unwrap();
                    let mut number = 0_usize;
                    for burst in BURSTS {
                        let sent = number..number + burst;
                        number += burst;
                        for number in sent.clone() {
                            socket.send(number.to_string()).await.unwrap();
                        }
                        for number in sent {
                            assert_eq!(received.recv(), Ok(number.to_string().into_bytes()));
                        }
                    }
                });
                sender.join();
                receiver.join();
            }
        }
    };
}

what_was_sent_arrives_though_the_sender_blocks!(push_to_pull: PushSocket -> PullSocket);
what_was_sent_arrives_though_the_sender_blocks!(pair_to_pair: PairSocket -> PairSocket);
what_was_sent_arrives_though_the_sender_blocks!(dealer_to_router: DealerSocket -> RouterSocket);
what_was_sent_arrives_though_the_sender_blocks!(pub_to_sub: PubSocket -> SubSocket, |sub| sub.subscribe("").unwrap());
what_was_sent_arrives_though_the_sender_blocks!(xpub_to_xsub: XPubSocket -> XSubSocket, |sub| sub.subscribe("").unwrap());

#[test]
fn a_receiver_that_only_tries_finds_what_a_blocked_sender_sent() {
    let context = Context::new();
    let (tell_ready, ready) = channel();
    let (tell_received, received) = channel();
    let there = context.clone();
    let receiver = side(SMALL, async move || {
        let pull = PullSocket::new(&there).unwrap();
        pull.bind("inproc://name").unwrap();
        tell_ready.send(()).unwrap();
        for _ in 0..300 {
            while pull.try_recv().is_err() {
                settle().await;
            }
            tell_received.send(()).unwrap();
        }
    });
    let sender = side(SMALL, async move || {
        ready.recv().unwrap();
        let push = PushSocket::new(&context).unwrap();
        push.connect("inproc://name").unwrap();
        for burst in [1, 2, 100, 1, 2, 194] {
            (0..burst).for_each(|_| push.try_send("x").unwrap());
            (0..burst).for_each(|_| received.recv().unwrap());
        }
    });
    sender.join();
    receiver.join();
}

#[test]
fn a_thread_that_answers_and_then_computes_does_not_keep_the_answer() {
    let context = Context::new();
    let (tell_ready, ready) = channel();
    let (tell_answered, answered) = channel::<()>();
    let there = context.clone();
    let server = side(SMALL, async move || {
        let router = RouterSocket::new(&there).unwrap();
        router.bind("inproc://name").unwrap();
        tell_ready.send(()).unwrap();
        for _ in 0..10 {
            for _ in 0..3 {
                router.send(router.recv().await.unwrap()).await.unwrap();
            }
            answered.recv().unwrap();
        }
    });
    let client = side(SMALL, async move || {
        ready.recv().unwrap();
        let dealer = ReqSocket::new(&context).unwrap();
        dealer.connect("inproc://name").unwrap();
        for _ in 0..10 {
            for _ in 0..3 {
                dealer.send("x").await.unwrap();
                dealer.recv().await.unwrap();
            }
            tell_answered.send(()).unwrap();
        }
    });
    client.join();
    server.join();
}
