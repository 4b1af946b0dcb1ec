//! PING and PONG. That a connection survived is seen by the identity that a ROUTER gave it: a second connection
//! would have got another one.

use std::time::Duration;

use futures_util::join;
use seaworthy::{DealerSocket, Message, Options, PullSocket, PushSocket, RouterSocket};

use crate::libzmq;
use crate::link::on_every_link;

const INTERVAL: Duration = Duration::from_millis(50);

/// How long either side waits for a sign of life: long enough for a busy machine.
const TIMEOUT: Duration = Duration::from_millis(500);

/// Silence that no connection survives whose PINGs are not answered.
const SILENCE: Duration = Duration::from_millis(900);

/// A duration as libzmq takes it.
fn millis(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis()).unwrap()
}

/// libzmq sends, once it has a connection.
async fn say(theirs: zmq::Socket, word: &'static str) -> zmq::Socket {
    libzmq::run(theirs, move |theirs| {
        theirs.send(word, 0).unwrap();
        theirs
    })
    .await
}

#[test]
fn we_answer_the_heartbeats_of_libzmq() {
    on_every_link(async |link, context, libzmq| {
        let router = RouterSocket::new(context).unwrap();
        let dealer = libzmq.socket(zmq::DEALER);
        dealer.set_heartbeat_ivl(millis(INTERVAL)).unwrap();
        dealer.set_heartbeat_timeout(millis(TIMEOUT)).unwrap();
        dealer.set_heartbeat_ttl(millis(TIMEOUT)).unwrap();
        link.connect(&router, &dealer);
        let dealer = say(dealer, "first").await;
        let first: Message = router.recv().await.unwrap();
        compio::time::sleep(SILENCE).await;
        let _dealer = say(dealer, "second").await;
        let second: Message = router.recv().await.unwrap();
        assert_eq!(second.frame(1), Some(&b"second"[..]));
        assert_eq!(first.frame(0), second.frame(0), "the connection did not survive the silence");
    });
}

#[test]
fn libzmq_answers_our_heartbeats() {
    on_every_link(async |link, context, libzmq| {
        let options =
            Options::default().heartbeat_ivl(INTERVAL).heartbeat_timeout(TIMEOUT).heartbeat_ttl(TIMEOUT);
        let dealer = DealerSocket::with_options(context, options).unwrap();
        let router = libzmq.socket(zmq::ROUTER);
        link.connect(&dealer, &router);
        dealer.send("first").await.unwrap();
        let (first, router) = libzmq::run(router, |router| (libzmq::recv(&router), router)).await;
        compio::time::sleep(SILENCE).await;
        dealer.send("second").await.unwrap();
        let second = libzmq::run(router, |router| libzmq::recv(&router)).await;
        assert_eq!(second[1], b"second");
        assert_eq!(first[0], second[0], "the connection did not survive the silence");
    });
}

/// More messages than both ends and their kernels hold.
const FLOOD: u32 = 20_000;

/// A message that says which it is.
fn numbered(number: u32) -> Vec<u8> {
    let mut body = vec![7; 1000];
    body[..4].copy_from_slice(&number.to_be_bytes());
    body
}

#[test]
fn libzmq_does_not_give_up_a_receiver_of_ours_that_stands_still() {
    on_every_link(async |link, context, libzmq| {
        let options = Options::default().rcvhwm(1).rcvbuf_pending(10_000);
        let pull = PullSocket::with_options(context, options).unwrap();
        let push = libzmq.socket(zmq::PUSH);
        push.set_heartbeat_ivl(millis(INTERVAL)).unwrap();
        push.set_heartbeat_timeout(millis(TIMEOUT)).unwrap();
        link.connect(&pull, &push);
        let sending = libzmq::run(push, |push| {
            for number in 0..FLOOD {
                push.send(numbered(number), 0).unwrap();
            }
            push
        });
        let receiving = async {
            compio::time::sleep(2 * SILENCE).await;
            for number in 0..FLOOD {
                assert_eq!(pull.recv().await.unwrap(), Message::from(numbered(number)));
            }
        };
        join!(sending, receiving);
    });
}

#[test]
fn we_do_not_give_up_a_receiver_of_libzmq_that_stands_still() {
    on_every_link(async |link, context, libzmq| {
        let options = Options::default().heartbeat_ivl(INTERVAL).heartbeat_timeout(TIMEOUT);
        let push = PushSocket::with_options(context, options).unwrap();
        let pull = libzmq.socket(zmq::PULL);
        pull.set_rcvhwm(1).unwrap();
        link.connect(&push, &pull);
        let sending = async {
            for number in 0..FLOOD {
                push.send(numbered(number)).await.unwrap();
            }
        };
        let receiving = libzmq::run(pull, |pull| {
            zmq::poll(&mut [], millis(2 * SILENCE).into()).unwrap();
            for number in 0..FLOOD {
                assert_eq!(libzmq::recv(&pull), [numbered(number)]);
            }
        });
        join!(sending, receiving);
    });
}

#[test]
fn a_conversation_goes_on_under_heartbeats_of_both_sides() {
    on_every_link(async |link, context, libzmq| {
        let options =
            Options::default().heartbeat_ivl(Duration::from_millis(1)).heartbeat_timeout(60 * TIMEOUT);
        let dealer = DealerSocket::with_options(context, options).unwrap();
        let router = libzmq.socket(zmq::ROUTER);
        router.set_heartbeat_ivl(1).unwrap();
        router.set_heartbeat_timeout(millis(60 * TIMEOUT)).unwrap();
        link.connect(&dealer, &router);
        crate::conversation::echo_by_libzmq(
            &dealer,
            router,
            crate::corpus::corpus(),
            crate::conversation::WINDOW,
        )
        .await;
    });
}
