//! A receiver that does not receive stops the sender at its high-water mark; nothing is lost, and it goes on
//! when the receiver does.

use std::time::Duration;

use seaworthy::{DealerSocket, Options, PullSocket, PushSocket, StreamOptions};

use crate::corpus::assert_same;
use crate::libzmq;
use crate::link::{Link, on_every_link};

/// High-water mark of each side, in messages.
const MARK: usize = 10;

/// Large enough that the kernel's buffers take few of them.
const BYTES: usize = 64 * 1024;

/// A sender that cannot send for so long is blocked.
const BLOCKED: Duration = Duration::from_millis(500);

/// What both pipes, both kernel buffers and both sides' read buffers can hold of such messages, with a wide margin.
const HELD_AT_MOST: usize = 1000;

/// Messages that follow once the receiver receives.
const AFTERWARDS: usize = 100;

fn numbered(number: usize) -> Vec<u8> {
    let mut message = vec![0; BYTES];
    message[..8].copy_from_slice(&(number as u64).to_be_bytes());
    message
}

fn small_buffers() -> Options {
    let mut stream = StreamOptions::default();
    stream.sndbuf = Some(BYTES);
    stream.rcvbuf = Some(BYTES);
    Options::default().sndhwm(MARK).rcvhwm(MARK).rcvbuf_pending(BYTES).stream(stream)
}

fn limit(theirs: &zmq::Socket) {
    theirs.set_sndhwm(MARK as i32).unwrap();
    theirs.set_rcvhwm(MARK as i32).unwrap();
    theirs.set_sndbuf(BYTES as i32).unwrap();
    theirs.set_rcvbuf(BYTES as i32).unwrap();
}

#[test]
fn a_silent_pull_of_libzmq_stops_our_push() {
    on_every_link(async |link: Link, context, libzmq| {
        let push = PushSocket::with_options(context, small_buffers()).unwrap();
        let pull = libzmq.socket(zmq::PULL);
        limit(&pull);
        link.connect(&push, &pull);
        let mut sent = 0;
        // A send that is given up has sent nothing, so its number is used again.
        while compio::time::timeout(BLOCKED, push.send(numbered(sent))).await.is_ok_and(|sent| sent.is_ok()) {
            sent += 1;
            assert!(sent < HELD_AT_MOST, "nothing stops the sender");
        }
        assert!(sent >= 2 * MARK, "only {sent} messages fit into two pipes of {MARK}");
        let receive = libzmq::run(pull, move |pull| {
            for number in 0..sent + AFTERWARDS {
                assert_same(&libzmq::recv(&pull), &[numbered(number)], number);
            }
        });
        let send = async {
            for number in sent..sent + AFTERWARDS {
                push.send(numbered(number)).await.unwrap();
            }
        };
        futures_util::join!(receive, send);
    });
}

#[test]
fn our_silent_pull_stops_a_push_of_libzmq() {
    on_every_link(async |link: Link, context, libzmq| {
        let pull = PullSocket::with_options(context, small_buffers()).unwrap();
        let push = libzmq.socket(zmq::PUSH);
        limit(&push);
        link.connect(&pull, &push);
        let (sent, push) = libzmq::run(push, |push| {
            let deadline = push.get_sndtimeo().unwrap();
            push.set_sndtimeo(BLOCKED.as_millis() as i32).unwrap();
            let mut sent = 0;
            loop {
                match push.send(numbered(sent), 0) {
                    Ok(()) => sent += 1,
                    Err(zmq::Error::EAGAIN) => break,
                    Err(error) => panic!("{error}"),
                }
                assert!(sent < HELD_AT_MOST, "nothing stops the sender");
            }
            push.set_sndtimeo(deadline).unwrap();
            (sent, push)
        })
        .await;
        assert!(sent >= 2 * MARK, "only {sent} messages fit into two pipes of {MARK}");
        let send = libzmq::run(push, move |push| {
            for number in sent..sent + AFTERWARDS {
                push.send(numbered(number), 0).unwrap();
            }
        });
        let receive = async {
            for number in 0..sent + AFTERWARDS {
                assert_same(pull.recv().await.unwrap().frames(), &[numbered(number)], number);
            }
        };
        futures_util::join!(receive, send);
    });
}

#[test]
fn a_full_dealer_says_that_it_would_block() {
    on_every_link(async |link: Link, context, libzmq| {
        let options = small_buffers().sndtimeo(BLOCKED);
        let dealer = DealerSocket::with_options(context, options).unwrap();
        let theirs = libzmq.socket(zmq::DEALER);
        limit(&theirs);
        link.connect(&dealer, &theirs);
        let mut sent = 0;
        loop {
            match dealer.send(numbered(sent)).await {
                Ok(()) => sent += 1,
                Err(seaworthy::Error::WouldBlock) => break,
                Err(error) => panic!("{error}"),
            }
            assert!(sent < HELD_AT_MOST, "nothing stops the sender");
        }
        let refused = dealer.try_send(numbered(sent)).unwrap_err();
        assert_same(refused.message.frames(), &[numbered(sent)], sent);
        assert!(matches!(refused.error, seaworthy::Error::WouldBlock));
        libzmq::run(theirs, move |theirs| {
            for number in 0..sent {
                assert_same(&libzmq::recv(&theirs), &[numbered(number)], number);
            }
        })
        .await;
    });
}
