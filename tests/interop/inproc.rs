//! The same program over libzmq's inproc and over ours comes to the same result.

use seaworthy::monitor::Event;
use seaworthy::{Context, DealerSocket, Options, PullSocket, PushSocket, RouterSocket};

use crate::libzmq::{self, Libzmq};
use crate::link::on_one_runtime;

const NAME: &str = "inproc://name";

/// More than any mark here.
const MANY: usize = 100;

/// The marks of a PUSH and of a PULL, and which of them comes first.
#[derive(Clone, Copy, Debug)]
struct Marks {
    sndhwm: usize,
    rcvhwm: usize,
    bind_first: bool,
}

#[test]
fn a_pipe_holds_as_much_as_libzmqs() {
    on_one_runtime(async |_, _| {
        for (sndhwm, rcvhwm) in [(2, 3), (1, 1), (0, 3), (2, 0), (0, 0)] {
            for bind_first in [true, false] {
                let marks = Marks { sndhwm, rcvhwm, bind_first };
                assert_eq!(ours(marks).await, theirs(marks), "{marks:?}");
            }
        }
    });
}

/// Messages that the pipe takes.
async fn ours(marks: Marks) -> usize {
    let context = Context::new();
    let push = PushSocket::with_options(&context, Options::default().sndhwm(marks.sndhwm)).unwrap();
    let pull = PullSocket::with_options(&context, Options::default().rcvhwm(marks.rcvhwm)).unwrap();
    let fill = || (0..MANY).take_while(|_| push.try_send("x").is_ok()).count();
    let mut watch = push.monitor();
    if marks.bind_first {
        pull.bind(NAME).unwrap();
    }
    push.connect(NAME).unwrap();
    if !marks.bind_first {
        pull.bind(NAME).unwrap();
    }
    while !matches!(watch.recv().await, Some(Event::HandshakeSucceeded { .. })) {}
    fill()
}

fn theirs(marks: Marks) -> usize {
    let libzmq = Libzmq::new();
    let (push, pull) = (libzmq.socket(zmq::PUSH), libzmq.socket(zmq::PULL));
    push.set_sndhwm(i32::try_from(marks.sndhwm).unwrap()).unwrap();
    pull.set_rcvhwm(i32::try_from(marks.rcvhwm).unwrap()).unwrap();
    push.set_linger(0).unwrap();
    let fill = || (0..MANY).take_while(|_| push.send("x", zmq::DONTWAIT).is_ok()).count();
    if marks.bind_first {
        pull.bind(NAME).unwrap();
    }
    push.connect(NAME).unwrap();
    if !marks.bind_first {
        pull.bind(NAME).unwrap();
    }
    fill()
}

#[test]
fn names_are_taken_and_freed_as_libzmqs_are() {
    on_one_runtime(async |context, libzmq| {
        let ours = {
            let (first, second) = (PullSocket::new(context).unwrap(), PullSocket::new(context).unwrap());
            [
                first.bind(NAME).is_ok(),
                second.bind(NAME).is_ok(),
                first.bind(NAME).is_ok(),
                second.unbind(NAME).is_ok(),
                first.unbind(NAME).is_ok(),
                second.bind(NAME).is_ok(),
                second.bind("inproc://other").is_ok(),
                first.connect("inproc://nobody").is_ok(),
                first.disconnect("inproc://nobody").is_ok(),
            ]
        };
        let theirs = {
            let (first, second) = (libzmq.socket(zmq::PULL), libzmq.socket(zmq::PULL));
            [
                first.bind(NAME).is_ok(),
                second.bind(NAME).is_ok(),
                first.bind(NAME).is_ok(),
                second.unbind(NAME).is_ok(),
                first.unbind(NAME).is_ok(),
                second.bind(NAME).is_ok(),
                second.bind("inproc://other").is_ok(),
                first.connect("inproc://nobody").is_ok(),
                first.disconnect("inproc://nobody").is_ok(),
            ]
        };
        assert_eq!(ours, theirs);
    });
}

#[test]
fn what_was_sent_before_the_bind_arrives_as_with_libzmq_and_a_router_knows_from_whom() {
    on_one_runtime(async |context, libzmq| {
        let ours = {
            let dealer = DealerSocket::with_options(context, Options::default().routing_id("me")).unwrap();
            dealer.connect(NAME).unwrap();
            dealer.send(["early", "bird"]).await.unwrap();
            let router = RouterSocket::new(context).unwrap();
            router.bind(NAME).unwrap();
            dealer.send("late").await.unwrap();
            let mut received = Vec::new();
            for _ in 0..2 {
                received.push(router.recv().await.unwrap().into_frames());
            }
            let plain = |frames: Vec<seaworthy::Frame>| frames.iter().map(|frame| frame.to_vec()).collect();
            received.into_iter().map(plain).collect::<Vec<Vec<Vec<u8>>>>()
        };
        let theirs = {
            let dealer = libzmq.socket(zmq::DEALER);
            dealer.set_identity(b"me").unwrap();
            dealer.connect(NAME).unwrap();
            libzmq::send(&dealer, &[b"early".to_vec(), b"bird".to_vec()]);
            let router = libzmq.socket(zmq::ROUTER);
            router.bind(NAME).unwrap();
            libzmq::send(&dealer, &[b"late".to_vec()]);
            vec![libzmq::recv(&router), libzmq::recv(&router)]
        };
        assert_eq!(ours, theirs);
    });
}
