//! PLAIN with libzmq at the other end, as client and as server. (The libzmq of the crate `zmq` has no CURVE.)

use futures_util::join;
use seaworthy::authentication::{Refusal, Verdict, ZAP_ENDPOINT};
use seaworthy::monitor::{Event, HandshakeFailure};
use seaworthy::{Context, Options, PullSocket, PushSocket};

use crate::conversation::{flood_from_libzmq, flood_to_libzmq};
use crate::corpus::corpus;
use crate::libzmq::{self, Libzmq};
use crate::link::{on_every_link, within_deadline};

const USER: &str = "ann";
const PASSWORD: &str = "secret";

/// Admits `USER` with `PASSWORD`.
fn context_that_judges() -> Context {
    Context::builder()
        .authenticator(|request| match request.credentials.plain() {
            Some((user, password)) if (user, password) == (USER.as_bytes(), PASSWORD.as_bytes()) => {
                Verdict::Admitted { user_id: "ann of the sails".into(), metadata: Default::default() }
            }
            _ => Verdict::Refused(Refusal::Denied),
        })
        .build()
}

fn as_client(socket: &zmq::Socket, password: &str) {
    socket.set_plain_username(Some(USER)).unwrap();
    socket.set_plain_password(Some(password)).unwrap();
}

/// A ZAP handler in libzmq's context.
fn handler(libzmq: &Libzmq) -> zmq::Socket {
    let handler = libzmq.socket(zmq::REP);
    handler.bind(ZAP_ENDPOINT).unwrap();
    handler
}

/// Answers a request with this status, and returns it.
fn judge(handler: &zmq::Socket, status: &str) -> Vec<Vec<u8>> {
    let request = libzmq::recv(handler);
    let reply = [b"1.0".to_vec(), request[1].clone(), status.into(), vec![], USER.into(), vec![]];
    libzmq::send(handler, &reply);
    request
}

#[test]
fn we_pull_from_a_client_of_libzmq_that_knows_the_password() {
    on_every_link(async |link, _, libzmq| {
        let context = context_that_judges();
        let pull = PullSocket::with_options(&context, Options::default().plain_server(true)).unwrap();
        let mut watch = pull.monitor();
        let push = libzmq.socket(zmq::PUSH);
        as_client(&push, PASSWORD);
        link.connect(&pull, &push);
        flood_from_libzmq(&pull, push, corpus()).await;
        let user = within_deadline(async {
            loop {
                if let Some(Event::HandshakeSucceeded { user_id, .. }) = watch.recv().await {
                    break user_id;
                }
            }
        })
        .await;
        assert_eq!(user, "ann of the sails");
    });
}

#[test]
fn a_client_of_libzmq_that_guesses_gets_nowhere() {
    on_every_link(async |link, _, libzmq| {
        let context = context_that_judges();
        let pull = PullSocket::with_options(&context, Options::default().plain_server(true)).unwrap();
        let mut watch = pull.monitor();
        let push = libzmq.socket(zmq::PUSH);
        push.set_linger(0).unwrap();
        as_client(&push, "guess");
        link.connect(&pull, &push);
        let failure = within_deadline(async {
            loop {
                if let Some(Event::HandshakeFailed { failure, .. }) = watch.recv().await {
                    break failure;
                }
            }
        });
        assert_eq!(failure.await, HandshakeFailure::Authentication);
        assert_eq!(pull.connections(), []);
    });
}

#[test]
fn a_server_of_libzmq_takes_our_password_to_its_handler() {
    on_every_link(async |link, context, libzmq| {
        let handler = handler(libzmq);
        let pull = libzmq.socket(zmq::PULL);
        pull.set_plain_server(true).unwrap();
        let options = Options::default().plain_username(USER).plain_password(PASSWORD);
        let push = PushSocket::with_options(context, options).unwrap();
        link.connect(&push, &pull);
        let judged = libzmq::run(handler, |handler| judge(&handler, "200"));
        let (request, ()) = join!(judged, flood_to_libzmq(&push, pull, corpus()));
        assert_eq!(request[5..], [b"PLAIN".to_vec(), USER.into(), PASSWORD.into()]);
    });
}

#[test]
fn we_learn_that_a_server_of_libzmq_refuses_us() {
    on_every_link(async |link, context, libzmq| {
        let handler = handler(libzmq);
        let pull = libzmq.socket(zmq::PULL);
        pull.set_plain_server(true).unwrap();
        let options =
            Options::default().plain_username(USER).plain_password("guess").linger(std::time::Duration::ZERO);
        let push = PushSocket::with_options(context, options).unwrap();
        let mut watch = push.monitor();
        link.connect(&push, &pull);
        let failure = within_deadline(async {
            loop {
                if let Some(Event::HandshakeFailed { failure, reason, .. }) = watch.recv().await {
                    break (failure, reason);
                }
            }
        });
        let judged = libzmq::run(handler, |handler| judge(&handler, "400"));
        let (_, (failure, reason)) = join!(judged, failure);
        assert_eq!(failure, HandshakeFailure::Authentication);
        assert!(reason.contains("400"), "{reason}");
        drop(pull);
    });
}
