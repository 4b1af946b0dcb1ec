//! A thread that does not run its tasks for a while holds nobody up.

use std::cell::Cell;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::mpsc::channel;
use std::task::{Poll, Waker};

use seaworthy::{
    Context, DealerSocket, PairSocket, Proxy, PubSocket, PullSocket, PushSocket, RepSocket, ReqSocket,
    RouterSocket, SubSocket, XPubSocket, XSubSocket,
};

use crate::side::{BUILDS, SMALL, settle, side};

/// More than any queue here holds.
const SOCKETS: usize = 200;

/// Sockets of one type on each side. Those of one thread sleep in `recv` when it blocks until the other thread has sent
/// to all of them.
macro_rules! a_busy_receiver_holds_no_sender_up {
    ($test:ident: $sender:ident -> $receiver:ident $(, $prepare:expr)?) => {
        #[test]
        fn $test() {
            for build in BUILDS {
                let context = Context::new();
                let (tell_ready, ready) = channel();
                let (tell_sent, sent) = channel();
                let there = context.clone();
                let receivers = side(build, async move || {
                    let received = Rc::new(Cell::new(0));
                    let mut sockets = Vec::new();
                    for number in 0..SOCKETS {
                        let socket = Rc::new($receiver::new(&there).unwrap());
                        $(let prepare: fn(&$receiver) = $prepare; prepare(&socket);)?
                        socket.bind(format!("inproc://{number}").as_str()).unwrap();
                        let (there, received) = (Rc::clone(&socket), Rc::clone(&received));
                        compio::runtime::spawn(async move {
                            there.recv().await.unwrap();
                            received.set(received.get() + 1);
                        })
                        .detach();
                        sockets.push(socket);
                    }
                    tell_ready.send(()).unwrap();
                    // They have met the others, and sleep; the thread blocks.
                    while sockets.iter().any(|socket| socket.peers() == 0) {
                        settle().await;
                    }
                    tell_ready.send(()).unwrap();
                    sent.recv().unwrap();
                    while received.get() < SOCKETS {
                        settle().await;
                    }
                    received.get()
                });
                let senders = side(build, async move || {
                    ready.recv().unwrap();
                    let sockets: Vec<_> = (0..SOCKETS)
                        .map(|number| {
                            let socket = $sender::new(&context).unwrap();
                            socket.connect(format!("inproc://{number}").as_str()).unwrap();
                            socket
                        })
                        .collect();
                    ready.recv().unwrap();
                    for socket in &sockets {
                        socket.try_send("x").unwrap();
                    }
                    tell_sent.send(()).unwrap();
                });
                senders.join();
                assert_eq!(receivers.join(), SOCKETS);
            }
        }
    };
}

a_busy_receiver_holds_no_sender_up!(push_to_pull: PushSocket -> PullSocket);
a_busy_receiver_holds_no_sender_up!(pair_to_pair: PairSocket -> PairSocket);
a_busy_receiver_holds_no_sender_up!(dealer_to_router: DealerSocket -> RouterSocket);
a_busy_receiver_holds_no_sender_up!(dealer_to_dealer: DealerSocket -> DealerSocket);
a_busy_receiver_holds_no_sender_up!(req_to_rep: ReqSocket -> RepSocket);
a_busy_receiver_holds_no_sender_up!(pub_to_sub: PubSocket -> SubSocket, |sub| sub.subscribe("").unwrap());
a_busy_receiver_holds_no_sender_up!(xpub_to_xsub: XPubSocket -> XSubSocket, |sub| sub.subscribe("").unwrap());

#[test]
#[expect(clippy::disallowed_methods, reason = "threads are what is tested")]
fn a_queue_that_others_have_filled_holds_no_sender_up() {
    let context = Context::new();
    let (tell_wakers, wakers) = channel::<Waker>();
    let (tell_ready, ready) = channel();
    let (tell_sent, sent) = channel();
    let there = context.clone();
    let receiver = side(SMALL, async move || {
        for _ in 0..2 {
            let tell = tell_wakers.clone();
            let task = poll_fn(move |context| {
                let _ = tell.send(context.waker().clone());
                Poll::<()>::Pending
            });
            compio::runtime::spawn(task).detach();
        }
        let pull = PullSocket::new(&there).unwrap();
        pull.bind("inproc://busy").unwrap();
        let first = compio::runtime::spawn(async move { pull.recv().await.unwrap() });
        settle().await;
        while !sent.try_recv().is_ok_and(|connected| connected) {
            settle().await;
        }
        // This thread runs no task from here on: the second waker finds the queue full, and waits.
        std::thread::spawn(move || {
            wakers.recv().unwrap().wake();
            tell_ready.send(()).unwrap();
            wakers.recv().unwrap().wake();
        });
        assert_eq!(sent.recv(), Ok(false));
        first.await.unwrap().frame(0).unwrap().to_vec()
    });
    let sender = side(SMALL, async move || {
        let push = PushSocket::new(&context).unwrap();
        push.connect("inproc://busy").unwrap();
        settle().await;
        tell_sent.send(true).unwrap();
        ready.recv().unwrap();
        push.try_send("x").unwrap();
        tell_sent.send(false).unwrap();
        push.close().await;
    });
    sender.join();
    assert_eq!(receiver.join(), b"x");
}

#[test]
fn proxies_of_a_busy_thread_are_steered_without_it() {
    const PROXIES: usize = 80;
    let context = Context::new();
    let (tell_handles, handles) = channel();
    let (tell_steered, steered) = channel();
    let proxies = side(SMALL, async move || {
        let mut ends = Vec::new();
        let mut steering = Vec::new();
        for _ in 0..PROXIES {
            let (pull, push) = (PullSocket::new(&context).unwrap(), PushSocket::new(&context).unwrap());
            let (tell_handle, handle) = channel();
            ends.push(compio::runtime::spawn(async move {
                let mut proxy = Proxy::new(&pull, &push);
                tell_handle.send(proxy.handle()).unwrap();
                proxy.run().await.unwrap();
            }));
            steering.push(handle);
        }
        settle().await;
        for handle in steering {
            tell_handles.send(handle.recv().unwrap()).unwrap();
        }
        steered.recv().unwrap();
        for end in ends {
            end.await.unwrap();
        }
    });
    let steering = side(SMALL, async move || {
        for _ in 0..PROXIES {
            handles.recv().unwrap().terminate();
        }
        tell_steered.send(()).unwrap();
    });
    steering.join();
    proxies.join();
}
