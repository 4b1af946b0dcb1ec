//! What two sockets say to each other: one of them everything (a flood), or in turns (an echo).

use std::collections::VecDeque;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use seaworthy::PubSocket;

use crate::corpus::{assert_same, message};
use crate::libzmq;
use crate::link::{Receiver, Sender};

/// Messages under way in an echo: below every high-water mark, so that no ROUTER has a reason to drop.
pub(crate) const WINDOW: usize = 50;

/// We send all `messages`; libzmq must receive them as they are, in order.
pub(crate) async fn flood_to_libzmq(ours: &impl Sender, theirs: zmq::Socket, messages: Vec<Vec<Vec<u8>>>) {
    let expected = messages.clone();
    let receive = libzmq::run(theirs, move |theirs| {
        for (place, want) in expected.iter().enumerate() {
            assert_same(&libzmq::recv(&theirs), want, place);
        }
    });
    let send = async {
        for frames in &messages {
            ours.give(message(frames)).await;
        }
    };
    futures_util::join!(send, receive);
}

/// libzmq sends all `messages`; we must receive them as they are, in order.
pub(crate) async fn flood_from_libzmq(
    ours: &impl Receiver,
    theirs: zmq::Socket,
    messages: Vec<Vec<Vec<u8>>>,
) {
    let sent = messages.clone();
    let send = libzmq::run(theirs, move |theirs| {
        for frames in &sent {
            libzmq::send(&theirs, frames);
        }
    });
    let receive = async {
        for (place, want) in messages.iter().enumerate() {
            assert_same(ours.take().await.frames(), want, place);
        }
    };
    futures_util::join!(receive, send);
}

/// We send `messages`, at most `window` of them ahead, and libzmq sends them back.
pub(crate) async fn echo_by_libzmq(
    ours: &(impl Sender + Receiver),
    theirs: zmq::Socket,
    messages: Vec<Vec<Vec<u8>>>,
    window: usize,
) {
    let count = messages.len();
    let echo = libzmq::run(theirs, move |theirs| {
        for _ in 0..count {
            libzmq::send(&theirs, &libzmq::recv(&theirs));
        }
    });
    let converse = async {
        let mut awaited = VecDeque::new();
        for (place, frames) in messages.iter().enumerate() {
            ours.give(message(frames)).await;
            awaited.push_back((place, frames));
            if awaited.len() == window {
                expect_next(ours, &mut awaited).await;
            }
        }
        while !awaited.is_empty() {
            expect_next(ours, &mut awaited).await;
        }
    };
    futures_util::join!(converse, echo);
}

async fn expect_next(ours: &impl Receiver, awaited: &mut VecDeque<(usize, &Vec<Vec<u8>>)>) {
    if let Some((place, want)) = awaited.pop_front() {
        assert_same(ours.take().await.frames(), want, place);
    }
}

/// libzmq sends `messages`, at most `window` of them ahead, and we send them back.
pub(crate) async fn echo_by_us(
    ours: &(impl Sender + Receiver),
    theirs: zmq::Socket,
    messages: Vec<Vec<Vec<u8>>>,
    window: usize,
) {
    let count = messages.len();
    let converse = libzmq::run(theirs, move |theirs| {
        let mut awaited = VecDeque::new();
        let expect_next = |awaited: &mut VecDeque<(usize, &Vec<Vec<u8>>)>| {
            if let Some((place, want)) = awaited.pop_front() {
                assert_same(&libzmq::recv(&theirs), want, place);
            }
        };
        for (place, frames) in messages.iter().enumerate() {
            libzmq::send(&theirs, frames);
            awaited.push_back((place, frames));
            if awaited.len() == window {
                expect_next(&mut awaited);
            }
        }
        while !awaited.is_empty() {
            expect_next(&mut awaited);
        }
    });
    let echo = async {
        for _ in 0..count {
            ours.give(ours.take().await).await;
        }
    };
    futures_util::join!(echo, converse);
}

/// Publishes `word` until `heard` completes: before that nobody can know whether a subscription has arrived.
pub(crate) async fn publish_until<T>(publisher: &PubSocket, word: &str, heard: impl Future<Output = T>) -> T {
    let publish = async {
        loop {
            publisher.send(word.to_owned()).await.unwrap();
            compio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    match select(pin!(heard), pin!(publish)).await {
        Either::Left((output, _)) => output,
        Either::Right((never, _)) => never,
    }
}
