//! Either side goes away and comes back at the same endpoint; the other one finds it again by itself.
//!
//! What was on its way when the connection broke is lost, as ZeroMQ has it, so the side that stays repeats itself
//! until it is answered.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use seaworthy::{Context, DealerSocket, Message, Network, Options, PubSocket, RouterSocket, SubSocket};

use crate::conversation::publish_until;
use crate::libzmq::{self, Libzmq};
use crate::link::{last_endpoint, on_one_runtime};

/// How long the side that stays waits for an answer before it asks again.
const PATIENCE: Duration = Duration::from_millis(50);

/// How often one side restarts.
const RESTARTS: usize = 3;

fn impatient() -> Options {
    Options::default().reconnect_ivl(Duration::from_millis(10)).linger(Duration::ZERO)
}

/// Sends "`round`" until it comes back; answers to earlier rounds may come first.
async fn ask_until_answered(ours: &DealerSocket, round: usize) {
    let question = round.to_string();
    loop {
        ours.send(question.clone()).await.unwrap();
        while let Ok(answer) = compio::time::timeout(PATIENCE, ours.recv()).await {
            if answer.unwrap().frame(0) == Some(question.as_bytes()) {
                return;
            }
        }
    }
}

/// The same on libzmq's side. Gives the socket back.
async fn libzmq_asks_until_answered(theirs: zmq::Socket, round: usize) -> zmq::Socket {
    libzmq::run(theirs, move |theirs| {
        let question = round.to_string();
        loop {
            theirs.send(&question, 0).unwrap();
            while theirs.poll(zmq::POLLIN, PATIENCE.as_millis() as i64).unwrap() > 0 {
                if libzmq::recv(&theirs) == [question.as_bytes()] {
                    return theirs;
                }
            }
        }
    })
    .await
}

/// Answers everything until the asker of `round` has got its answer.
async fn echo_while<T>(ours: &RouterSocket, asker: impl Future<Output = T>) -> T {
    let mut asker = pin!(asker);
    loop {
        let question = pin!(ours.recv());
        match select(asker.as_mut(), question).await {
            Either::Left((output, _)) => return output,
            Either::Right((question, _)) => {
                let question: Message = question.unwrap();
                ours.send(question).await.unwrap();
            }
        }
    }
}

/// A router of libzmq that echoes until it is told to stop.
struct Echo {
    stop: zmq::Socket,
    thread: compio::runtime::JoinHandle<()>,
}

impl Echo {
    /// Binds to `endpoint`, or connects to it.
    fn start(libzmq: &Libzmq, endpoint: &str, binds: bool, name: &str) -> (Self, String) {
        let router = libzmq.socket(zmq::ROUTER);
        router.set_linger(0).unwrap();
        let endpoint = if binds {
            bind_when_free(&router, endpoint);
            last_endpoint(&router)
        } else {
            router.connect(endpoint).unwrap();
            endpoint.to_owned()
        };
        let stop = libzmq.socket(zmq::PAIR);
        stop.bind(&format!("inproc://{name}")).unwrap();
        let stopped = libzmq.socket(zmq::PAIR);
        stopped.connect(&format!("inproc://{name}")).unwrap();
        let thread = compio::runtime::spawn_blocking(move || {
            loop {
                let mut items = [router.as_poll_item(zmq::POLLIN), stopped.as_poll_item(zmq::POLLIN)];
                zmq::poll(&mut items, -1).unwrap();
                if items[1].is_readable() {
                    return;
                }
                libzmq::send(&router, &libzmq::recv(&router));
            }
        });
        (Self { stop, thread }, endpoint)
    }

    async fn stop(self) {
        self.stop.send("", 0).unwrap();
        self.thread.await.unwrap();
    }
}

/// libzmq frees an endpoint in its own time after the socket is closed.
fn bind_when_free(socket: &zmq::Socket, endpoint: &str) {
    let mut tries = 0;
    while let Err(error) = socket.bind(endpoint) {
        tries += 1;
        assert!(error == zmq::Error::EADDRINUSE && tries < 100_000, "{endpoint}: {error}");
        std::thread::yield_now();
    }
}

/// Runs a test over tcp and over ipc, with an endpoint that can be bound again after its socket is gone.
fn on_each_transport(test: impl AsyncFn(&str, &Context, &Libzmq)) {
    on_one_runtime(async |context, libzmq| test("tcp://127.0.0.1:*", context, libzmq).await);
    on_one_runtime(async |context, libzmq| {
        let file = std::env::temp_dir().join(format!("seaworthy-{:016x}", context.network().random()));
        test(&format!("ipc://{}", file.display()), context, libzmq).await;
    });
}

#[test]
fn our_dealer_finds_a_bound_router_of_libzmq_again() {
    on_each_transport(async |endpoint, context, libzmq| {
        let dealer = DealerSocket::with_options(context, impatient()).unwrap();
        let (mut echo, endpoint) = Echo::start(libzmq, endpoint, true, "0");
        dealer.connect(endpoint.as_str()).unwrap();
        ask_until_answered(&dealer, 0).await;
        for round in 1..=RESTARTS {
            echo.stop().await;
            (echo, _) = Echo::start(libzmq, &endpoint, true, &round.to_string());
            ask_until_answered(&dealer, round).await;
        }
        echo.stop().await;
    });
}

#[test]
fn our_bound_dealer_takes_a_router_of_libzmq_back() {
    on_each_transport(async |endpoint, context, libzmq| {
        let dealer = DealerSocket::with_options(context, impatient()).unwrap();
        let endpoint = dealer.bind(endpoint).unwrap().to_string();
        for round in 0..=RESTARTS {
            let (echo, _) = Echo::start(libzmq, &endpoint, false, &round.to_string());
            ask_until_answered(&dealer, round).await;
            echo.stop().await;
        }
    });
}

#[test]
fn a_dealer_of_libzmq_finds_our_bound_router_again() {
    on_each_transport(async |endpoint, context, libzmq| {
        let mut router = RouterSocket::with_options(context, impatient()).unwrap();
        let endpoint = router.bind(endpoint).unwrap();
        let mut dealer = libzmq.socket(zmq::DEALER);
        dealer.set_linger(0).unwrap();
        dealer.connect(&endpoint.to_string()).unwrap();
        for round in 0..=RESTARTS {
            dealer = echo_while(&router, libzmq_asks_until_answered(dealer, round)).await;
            router.close().await;
            router = RouterSocket::with_options(context, impatient()).unwrap();
            router.bind(&endpoint).unwrap();
        }
    });
}

#[test]
fn a_bound_dealer_of_libzmq_takes_our_router_back() {
    on_each_transport(async |endpoint, context, libzmq| {
        let mut dealer = libzmq.socket(zmq::DEALER);
        dealer.set_linger(0).unwrap();
        dealer.bind(endpoint).unwrap();
        let endpoint = last_endpoint(&dealer);
        for round in 0..=RESTARTS {
            let router = RouterSocket::with_options(context, impatient()).unwrap();
            router.connect(endpoint.as_str()).unwrap();
            dealer = echo_while(&router, libzmq_asks_until_answered(dealer, round)).await;
            router.close().await;
        }
    });
}

/// An endpoint that nobody holds: that of a socket which is gone.
async fn free_endpoint(endpoint: &str, context: &Context) -> String {
    let socket = RouterSocket::new(context).unwrap();
    let endpoint = socket.bind(endpoint).unwrap();
    socket.close().await;
    endpoint.to_string()
}

#[test]
fn our_messages_wait_for_libzmq_to_bind() {
    on_each_transport(async |endpoint, context, libzmq| {
        let endpoint = free_endpoint(endpoint, context).await;
        let ours = DealerSocket::with_options(context, impatient()).unwrap();
        ours.connect(&endpoint).unwrap();
        for number in 0..100u8 {
            ours.send(vec![number]).await.unwrap();
        }
        let theirs = libzmq.socket(zmq::DEALER);
        bind_when_free(&theirs, &endpoint);
        libzmq::run(theirs, |theirs| {
            for number in 0..100u8 {
                assert_eq!(libzmq::recv(&theirs), [[number]]);
            }
        })
        .await;
    });
}

#[test]
fn messages_of_libzmq_wait_for_us_to_bind() {
    on_each_transport(async |endpoint, context, libzmq| {
        let endpoint = free_endpoint(endpoint, context).await;
        let theirs = libzmq.socket(zmq::DEALER);
        theirs.connect(&endpoint).unwrap();
        for number in 0..100u8 {
            theirs.send(vec![number], 0).unwrap();
        }
        let ours = DealerSocket::new(context).unwrap();
        ours.bind(&endpoint).unwrap();
        for number in 0..100u8 {
            assert_eq!(ours.recv().await.unwrap().frame(0), Some(&[number][..]));
        }
    });
}

#[test]
fn we_subscribe_again_when_a_publisher_of_libzmq_comes_back() {
    on_each_transport(async |endpoint, context, libzmq| {
        let subscriber = SubSocket::with_options(context, impatient()).unwrap();
        subscriber.subscribe("weather").unwrap();
        subscriber.subscribe("gone").unwrap();
        let publisher = libzmq.socket(zmq::XPUB);
        publisher.bind(endpoint).unwrap();
        let endpoint = last_endpoint(&publisher);
        subscriber.connect(endpoint.as_str()).unwrap();
        libzmq::run(publisher, |publisher| {
            let mut wishes = [libzmq::recv(&publisher), libzmq::recv(&publisher)];
            wishes.sort();
            assert_eq!(wishes, [[b"\x01gone".to_vec()], [b"\x01weather".to_vec()]]);
            publisher.send("weather: fine", 0).unwrap();
        })
        .await;
        assert_eq!(subscriber.recv().await.unwrap().frame(0), Some(&b"weather: fine"[..]));
        subscriber.unsubscribe("gone").unwrap();

        let publisher = libzmq.socket(zmq::XPUB);
        bind_when_free(&publisher, &endpoint);
        libzmq::run(publisher, |publisher| {
            assert_eq!(libzmq::recv(&publisher), [b"\x01weather"]);
            publisher.send("gone: yes", 0).unwrap();
            publisher.send("weather: storm", 0).unwrap();
        })
        .await;
        assert_eq!(subscriber.recv().await.unwrap().frame(0), Some(&b"weather: storm"[..]));
    });
}

#[test]
fn we_publish_again_to_a_subscriber_of_libzmq_that_finds_us_again() {
    on_each_transport(async |endpoint, context, libzmq| {
        let mut publisher = PubSocket::with_options(context, impatient()).unwrap();
        let endpoint = publisher.bind(endpoint).unwrap();
        let mut subscriber = libzmq.socket(zmq::SUB);
        subscriber.set_subscribe(b"").unwrap();
        subscriber.connect(&endpoint.to_string()).unwrap();
        for round in 0..=RESTARTS {
            let word = round.to_string();
            let expected = word.clone();
            let heard = libzmq::run(subscriber, move |subscriber| {
                while libzmq::recv(&subscriber) != [expected.as_bytes()] {}
                subscriber
            });
            subscriber = publish_until(&publisher, &word, heard).await;
            publisher.close().await;
            publisher = PubSocket::with_options(context, impatient()).unwrap();
            publisher.bind(&endpoint).unwrap();
        }
    });
}
