use seaworthy::{PullSocket, PushSocket};

use crate::conversation::{flood_from_libzmq, flood_to_libzmq};
use crate::corpus::{assert_same, corpus, message};
use crate::libzmq;
use crate::link::{on_every_link, on_one_runtime};

#[test]
fn a_pull_of_libzmq_gets_all_that_we_push() {
    on_every_link(async |link, context, libzmq| {
        let push = PushSocket::new(context).unwrap();
        let pull = libzmq.socket(zmq::PULL);
        link.connect(&push, &pull);
        flood_to_libzmq(&push, pull, corpus()).await;
    });
}

#[test]
fn we_pull_all_that_libzmq_pushes() {
    on_every_link(async |link, context, libzmq| {
        let pull = PullSocket::new(context).unwrap();
        let push = libzmq.socket(zmq::PUSH);
        link.connect(&pull, &push);
        flood_from_libzmq(&pull, push, corpus()).await;
    });
}

#[test]
fn pushes_go_to_our_and_to_libzmqs_pulls_in_turn() {
    on_one_runtime(async |context, libzmq| {
        let push = PushSocket::new(context).unwrap();
        let ours = PullSocket::new(context).unwrap();
        let theirs = libzmq.socket(zmq::PULL);
        let our_endpoint = ours.bind("tcp://127.0.0.1:*").unwrap();
        theirs.bind("tcp://127.0.0.1:*").unwrap();
        push.connect(&our_endpoint).unwrap();
        push.connect(crate::link::last_endpoint(&theirs)).unwrap();
        for number in 0..10u8 {
            push.send(vec![number]).await.unwrap();
        }
        let odd = libzmq::run(theirs, |theirs| {
            for number in [1u8, 3, 5, 7, 9] {
                assert_same(&libzmq::recv(&theirs), &[vec![number]], number.into());
            }
        });
        let even = async {
            for number in [0u8, 2, 4, 6, 8] {
                assert_eq!(ours.recv().await.unwrap(), message(&[vec![number]]));
            }
        };
        futures_util::join!(even, odd);
    });
}
