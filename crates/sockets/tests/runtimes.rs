//! Sockets outside of a runtime, and in another one than theirs: an error says what is wrong; nothing panics or hangs.

use std::future::Future;
use std::pin::pin;
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::Duration;

use compio::runtime::Runtime;
use seaworthy::monitor::Event;
use seaworthy::proxy::Side;
use seaworthy::{
    Context, Error, Options, PairSocket, PullSocket, PushSocket, RepSocket, ReqSocket, SubSocket, proxy,
};

/// What a future comes to outside of any runtime.
fn outside<T>(future: impl Future<Output = T>) -> Poll<T> {
    pin!(future).poll(&mut TaskContext::from_waker(Waker::noop()))
}

fn is_about_runtimes<T: std::fmt::Debug>(outcome: Result<T, Error>, operation: &str) {
    match outcome {
        Err(error @ Error::Runtime { .. }) => {
            let text = error.to_string();
            assert!(text.starts_with(&format!("cannot {operation}: ")), "{text}");
        }
        other => panic!("{other:?}"),
    }
}

const ENDPOINTS: [&str; 3] = ["tcp://127.0.0.1:*", "ipc://*", "inproc://name"];
const CONNECTABLE: [&str; 3] = ["tcp://127.0.0.1:1", "ipc://@nobody", "inproc://name"];

#[test]
fn outside_of_a_runtime_nothing_is_bound_or_connected_and_the_error_says_what_to_do() {
    let context = Context::new();
    for endpoint in ENDPOINTS {
        let pull = PullSocket::new(&context).unwrap();
        is_about_runtimes(pull.bind(endpoint), "bind");
    }
    for endpoint in CONNECTABLE {
        let push = PushSocket::new(&context).unwrap();
        let error = push.connect(endpoint).unwrap_err().to_string();
        assert!(error.contains("block_on") && error.contains("with_network"), "{error}");
        is_about_runtimes(push.connect(endpoint), "connect");
        assert_eq!(push.peers(), 0);
        assert!(outside(push.close()).is_ready());
    }
    assert!(context.inproc_endpoints().is_empty());
}

#[test]
fn a_socket_that_failed_outside_of_a_runtime_works_in_one() {
    let context = Context::new();
    let (push, pull) = (PushSocket::new(&context).unwrap(), PullSocket::new(&context).unwrap());
    assert!(pull.bind("inproc://name").is_err() && push.connect("inproc://name").is_err());
    Runtime::new().unwrap().block_on(async {
        pull.bind("inproc://name").unwrap();
        push.connect("inproc://name").unwrap();
        push.send("x").await.unwrap();
        assert_eq!(pull.recv().await.unwrap(), "x".into());
    });
}

#[test]
fn a_limited_wait_outside_of_a_runtime_is_an_error() {
    let context = Context::new();
    let limit = Some(Duration::from_secs(1));
    let pull = PullSocket::with_options(&context, Options::default().rcvtimeo(limit)).unwrap();
    let Poll::Ready(outcome) = outside(pull.recv()) else { panic!("it waits") };
    is_about_runtimes(outcome, "wait for a limited time");
    let push = PushSocket::with_options(&context, Options::default().sndtimeo(limit)).unwrap();
    let Poll::Ready(outcome) = outside(push.send("x")) else { panic!("it waits") };
    is_about_runtimes(outcome, "wait for a limited time");
    assert!(outside(push.close_timeout(Duration::from_secs(1))).is_ready());
}

/// Sockets that were bound and connected in one runtime, which has ended if it is `dropped`, and a second runtime.
fn moved<B, C>(
    dropped: bool,
    endpoint: &str,
    bound: B,
    connected: C,
    bind: impl Fn(&B, &str) -> String,
    connect: impl Fn(&C, &str),
) -> (Option<Runtime>, Runtime, B, C) {
    let first = Runtime::new().unwrap();
    first.block_on(async {
        let endpoint = bind(&bound, endpoint);
        connect(&connected, &endpoint);
    });
    let kept = (!dropped).then_some(first);
    (kept, Runtime::new().unwrap(), bound, connected)
}

#[test]
fn in_another_runtime_than_its_own_a_socket_gives_errors_where_it_would_wait_forever() {
    for dropped in [true, false] {
        for endpoint in ENDPOINTS {
            let context = Context::new();
            let (_first, second, rep, req) = moved(
                dropped,
                endpoint,
                RepSocket::new(&context).unwrap(),
                ReqSocket::new(&context).unwrap(),
                |rep, endpoint| rep.bind(endpoint).unwrap().to_string(),
                |req, endpoint| req.connect(endpoint).unwrap(),
            );
            second.block_on(async {
                is_about_runtimes(rep.recv().await, "receive");
                is_about_runtimes(rep.bind("inproc://other"), "bind");
                is_about_runtimes(req.connect("inproc://other"), "connect");
                if !dropped && !endpoint.starts_with("inproc") {
                    req.send("x").await.unwrap();
                    is_about_runtimes(req.recv().await, "receive");
                }
                req.close().await;
                let _ = rep.close_timeout(Duration::from_secs(1)).await;
            });
        }
    }
}

#[test]
fn a_full_pipe_in_another_runtime_is_an_error() {
    let context = Context::new();
    let options = Options::default().sndhwm(1).rcvhwm(1);
    let (_first, second, _pull, push) = moved(
        false,
        "tcp://127.0.0.1:*",
        PullSocket::new(&context).unwrap(),
        PushSocket::with_options(&context, options).unwrap(),
        |pull, endpoint| pull.bind(endpoint).unwrap().to_string(),
        |push, endpoint| push.connect(endpoint).unwrap(),
    );
    second.block_on(async {
        push.send("x").await.unwrap();
        is_about_runtimes(push.send("y").await, "send");
    });
}

#[test]
fn a_proxy_in_another_runtime_than_its_sockets_is_an_error() {
    let context = Context::new();
    let (_first, second, pull, push) = moved(
        false,
        "inproc://name",
        PullSocket::new(&context).unwrap(),
        PushSocket::new(&context).unwrap(),
        |pull, endpoint| pull.bind(endpoint).unwrap().to_string(),
        |push, _| push.connect("inproc://other").unwrap(),
    );
    let error = second.block_on(proxy(&pull, &push).run()).unwrap_err();
    assert!(matches!((error.side, &error.source), (Side::Frontend, Error::Runtime { .. })), "{error}");
}

#[test]
fn a_socket_that_comes_home_goes_on() {
    let context = Context::new();
    let (first, second, pull, push) = moved(
        false,
        "tcp://127.0.0.1:*",
        PullSocket::new(&context).unwrap(),
        PushSocket::new(&context).unwrap(),
        |pull, endpoint| pull.bind(endpoint).unwrap().to_string(),
        |push, endpoint| push.connect(endpoint).unwrap(),
    );
    second.block_on(async {
        push.send("x").await.unwrap();
        is_about_runtimes(pull.recv().await, "receive");
    });
    assert_eq!(first.unwrap().block_on(pull.recv()).unwrap(), "x".into());
}

#[test]
fn one_runtime_may_be_entered_many_times() {
    let (context, runtime) = (Context::new(), Runtime::new().unwrap());
    let (push, pull) = (PushSocket::new(&context).unwrap(), PullSocket::new(&context).unwrap());
    runtime.block_on(async { pull.bind("inproc://name").unwrap() });
    runtime.block_on(async { push.connect("inproc://name").unwrap() });
    for number in 0..10 {
        runtime.block_on(push.send(number.to_string())).unwrap();
        assert_eq!(runtime.block_on(pull.recv()).unwrap(), number.to_string().into());
    }
    runtime.block_on(async { push.close().await });
}

#[test]
fn runtimes_that_follow_each_other_on_a_thread_are_told_apart() {
    let context = Context::new();
    for _ in 0..20 {
        let (push, pull) = (PushSocket::new(&context).unwrap(), PullSocket::new(&context).unwrap());
        Runtime::new().unwrap().block_on(async {
            pull.bind("inproc://name").unwrap();
            push.connect("inproc://name").unwrap();
            push.send("x").await.unwrap();
            pull.recv().await.unwrap();
        });
        Runtime::new().unwrap().block_on(async { is_about_runtimes(pull.recv().await, "receive") });
    }
}

/// The other thread, which would have to take the offer to learn of the refusal, does not run.
#[test]
fn a_socket_that_was_refused_closes_without_the_thread_that_refused_it() {
    let context = Context::new();
    let binder = Runtime::new().unwrap();
    let sub = SubSocket::new(&context).unwrap();
    binder.block_on(async { sub.bind("inproc://name").unwrap() });
    for linger in [Some(Duration::ZERO), Some(Duration::from_secs(3600)), None] {
        Runtime::new().unwrap().block_on(async {
            let pair = PairSocket::with_options(&context, Options::default().linger(linger)).unwrap();
            let mut monitor = pair.monitor();
            pair.connect("inproc://name").unwrap();
            while !matches!(monitor.recv().await, Some(Event::ConnectStopped { .. })) {}
            pair.close().await;
        });
    }
}
