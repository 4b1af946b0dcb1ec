//! A proxy of ours with libzmq's sockets at both outer ends.

use futures_util::join;
use seaworthy::proxy::{Forwards, Statistics};
use seaworthy::{
    Context, DealerSocket, Options, PairSocket, Proxy, PullSocket, PushSocket, RepSocket, RouterSocket,
    Socket, XPubSocket, XSubSocket, proxy,
};

use crate::corpus::{assert_same, corpus, excerpt};
use crate::libzmq::{self, Libzmq};
use crate::link::on_one_runtime;

/// The transports of the two sides.
const TRANSPORTS: [[&str; 2]; 3] =
    [["tcp://127.0.0.1:*", "tcp://127.0.0.1:*"], ["ipc://*", "ipc://*"], ["tcp://127.0.0.1:*", "ipc://*"]];

/// Binds both sockets, connects both of libzmq's, and lets the proxy run until both scripts are done.
async fn between<F: Forwards, B: Forwards>(
    broker: &mut Proxy<'_, F, B, seaworthy::CompioNetwork>,
    [front, back]: [zmq::Socket; 2],
    in_front: impl FnOnce(&zmq::Socket) + Send + 'static,
    behind: impl FnOnce(&zmq::Socket) + Send + 'static,
) -> Statistics {
    let handle = broker.handle();
    let scripts = async {
        // The sockets live until both are done.
        let sockets = join!(
            libzmq::run(front, move |socket| {
                in_front(&socket);
                socket
            }),
            libzmq::run(back, move |socket| {
                behind(&socket);
                socket
            })
        );
        handle.kill();
        sockets
    };
    let (ended, _sockets) = join!(broker.run(), scripts);
    ended.unwrap()
}

fn outer<F: Forwards, B: Forwards>(
    libzmq: &Libzmq,
    kinds: [zmq::SocketType; 2],
    transports: [&str; 2],
    front: &Socket<F>,
    back: &Socket<B>,
) -> [zmq::Socket; 2] {
    let [one, other] = kinds.map(|kind| libzmq.socket(kind));
    one.connect(&front.bind(transports[0]).unwrap().to_string()).unwrap();
    other.connect(&back.bind(transports[1]).unwrap().to_string()).unwrap();
    [one, other]
}

/// Runs a test once for each pair of transports.
fn on_all_transports(test: impl AsyncFn([&'static str; 2], &Context, &Libzmq)) {
    for transports in TRANSPORTS {
        eprintln!("{transports:?}");
        on_one_runtime(async |context, libzmq| test(transports, context, libzmq).await);
    }
}

fn send_all(socket: &zmq::Socket, messages: &[Vec<Vec<u8>>]) {
    messages.iter().for_each(|frames| libzmq::send(socket, frames));
}

fn expect_all(socket: &zmq::Socket, messages: &[Vec<Vec<u8>>]) {
    for (place, want) in messages.iter().enumerate() {
        assert_same(&libzmq::recv(socket), want, place);
    }
}

/// Asks one by one, and expects each back.
fn ask_all(socket: &zmq::Socket, messages: &[Vec<Vec<u8>>]) {
    for (place, frames) in messages.iter().enumerate() {
        libzmq::send(socket, frames);
        assert_same(&libzmq::recv(socket), frames, place);
    }
}

fn echo(socket: &zmq::Socket, count: usize) {
    for _ in 0..count {
        libzmq::send(socket, &libzmq::recv(socket));
    }
}

#[test]
fn req_clients_and_rep_workers_of_libzmq_talk_through_router_and_dealer() {
    on_all_transports(async |transports, context, libzmq| {
        let (front, back) = (RouterSocket::new(context).unwrap(), DealerSocket::new(context).unwrap());
        let ends = outer(libzmq, [zmq::REQ, zmq::REP], transports, &front, &back);
        let count = excerpt().len();
        let statistics = between(
            &mut proxy(&front, &back),
            ends,
            |req| ask_all(req, &excerpt()),
            move |rep| echo(rep, count),
        )
        .await;
        assert_eq!((statistics.frontend.sent, statistics.backend.sent), (count as u64, count as u64));
    });
}

#[test]
fn pushes_and_pulls_of_libzmq_are_connected_by_pull_and_push() {
    on_all_transports(async |transports, context, libzmq| {
        let (front, back) = (PullSocket::new(context).unwrap(), PushSocket::new(context).unwrap());
        let ends = outer(libzmq, [zmq::PUSH, zmq::PULL], transports, &front, &back);
        between(
            &mut proxy(&front, &back),
            ends,
            |push| send_all(push, &corpus()),
            |pull| expect_all(pull, &corpus()),
        )
        .await;
    });
}

#[test]
fn dealers_of_libzmq_are_connected_by_dealers() {
    on_all_transports(async |transports, context, libzmq| {
        let (front, back) = (DealerSocket::new(context).unwrap(), DealerSocket::new(context).unwrap());
        let ends = outer(libzmq, [zmq::DEALER, zmq::DEALER], transports, &front, &back);
        let count = excerpt().len();
        between(
            &mut proxy(&front, &back),
            ends,
            |one| ask_all(one, &excerpt()),
            move |other| echo(other, count),
        )
        .await;
    });
}

#[test]
fn pairs_of_libzmq_are_connected_by_pairs() {
    on_all_transports(async |transports, context, libzmq| {
        let (front, back) = (PairSocket::new(context).unwrap(), PairSocket::new(context).unwrap());
        let ends = outer(libzmq, [zmq::PAIR, zmq::PAIR], transports, &front, &back);
        let count = excerpt().len();
        between(
            &mut proxy(&front, &back),
            ends,
            |one| ask_all(one, &excerpt()),
            move |other| echo(other, count),
        )
        .await;
    });
}

#[test]
fn namesakes_of_libzmq_are_connected_by_routers() {
    on_all_transports(async |transports, context, libzmq| {
        let mandatory = || Options::default().router_mandatory(true);
        let front = RouterSocket::with_options(context, mandatory()).unwrap();
        let back = RouterSocket::with_options(context, mandatory()).unwrap();
        let [one, other] = [zmq::DEALER, zmq::DEALER].map(|kind| libzmq.socket(kind));
        one.set_identity(b"name").unwrap();
        other.set_identity(b"name").unwrap();
        one.connect(&front.bind(transports[0]).unwrap().to_string()).unwrap();
        other.connect(&back.bind(transports[1]).unwrap().to_string()).unwrap();
        // Both are known once each has said something.
        one.send("here", 0).unwrap();
        other.send("here", 0).unwrap();
        front.recv().await.unwrap();
        back.recv().await.unwrap();
        let count = excerpt().len();
        between(
            &mut proxy(&front, &back),
            [one, other],
            |one| ask_all(one, &excerpt()),
            move |other| echo(other, count),
        )
        .await;
    });
}

#[test]
fn publishers_and_subscribers_of_libzmq_are_connected_by_xsub_and_xpub() {
    on_all_transports(async |transports, context, libzmq| {
        let front = XSubSocket::new(context).unwrap();
        let back = XPubSocket::with_options(context, Options::default().xpub_nodrop(true)).unwrap();
        let [publisher, subscriber] = outer(libzmq, [zmq::XPUB, zmq::SUB], transports, &front, &back);
        subscriber.set_subscribe(b"a").unwrap();
        between(
            &mut proxy(&front, &back),
            [publisher, subscriber],
            |publisher| {
                // The subscription has come all the way.
                assert_eq!(libzmq::recv(publisher), [b"\x01a".to_vec()]);
                for frames in excerpt() {
                    libzmq::send(publisher, &[vec![b"b".to_vec()], frames.clone()].concat());
                    libzmq::send(publisher, &[vec![b"a".to_vec()], frames].concat());
                }
            },
            |subscriber| {
                for (place, frames) in excerpt().into_iter().enumerate() {
                    let want = [vec![b"a".to_vec()], frames].concat();
                    assert_same(&libzmq::recv(subscriber), &want, place);
                }
            },
        )
        .await;
    });
}

#[test]
fn many_publishers_of_libzmq_are_asked_for_nothing_until_a_subscriber_comes() {
    on_one_runtime(async |context, libzmq| {
        let front = XSubSocket::new(context).unwrap();
        let back = XPubSocket::with_options(context, Options::default().xpub_nodrop(true)).unwrap();
        let in_front = front.bind("tcp://127.0.0.1:*").unwrap().to_string();
        let behind = back.bind("ipc://*").unwrap().to_string();
        let publishers: Vec<zmq::Socket> = (0..3).map(|_| libzmq.socket(zmq::XPUB)).collect();
        publishers.iter().for_each(|publisher| publisher.connect(&in_front).unwrap());
        let subscriber = libzmq.socket(zmq::SUB);
        let mut broker = proxy(&front, &back);
        let handle = broker.handle();
        let script = async {
            let _sockets = libzmq::run(subscriber, move |subscriber| {
                publishers.iter().for_each(|publisher| publisher.send("a for nobody", 0).unwrap());
                subscriber.set_subscribe(b"a").unwrap();
                subscriber.connect(&behind).unwrap();
                for publisher in &publishers {
                    assert_eq!(libzmq::recv(publisher), [b"\x01a".to_vec()]);
                    (0..100).for_each(|_| publisher.send("a", 0).unwrap());
                }
                (0..300).for_each(|_| assert_eq!(libzmq::recv(&subscriber), [b"a".to_vec()]));
                (subscriber, publishers)
            })
            .await;
            handle.kill();
        };
        let (ended, ()) = join!(broker.run(), script);
        assert_eq!(ended.unwrap().counters()[..2], [300, 300]);
    });
}

#[test]
fn pushes_and_pulls_of_libzmq_are_connected_by_a_chain_of_proxies() {
    on_one_runtime(async |context, libzmq| {
        let (front, middle) = (PullSocket::new(context).unwrap(), PushSocket::new(context).unwrap());
        let (next, back) = (PullSocket::new(context).unwrap(), PushSocket::new(context).unwrap());
        next.connect(middle.bind("inproc://middle").unwrap()).unwrap();
        let ends = outer(libzmq, [zmq::PUSH, zmq::PULL], TRANSPORTS[2], &front, &back);
        let mut first = proxy(&front, &middle);
        let handle = first.handle();
        let chain = async {
            let (ended, ()) = join!(first.run(), async {
                let mut second = proxy(&next, &back);
                let push_all = |push: &zmq::Socket| send_all(push, &corpus());
                between(&mut second, ends, push_all, |pull| expect_all(pull, &corpus())).await;
                handle.kill();
            });
            ended.unwrap()
        };
        assert_eq!(chain.await.counters()[0] as usize, corpus().len());
    });
}

#[test]
fn one_router_as_both_ends_answers_a_req_of_libzmq_with_its_own_words() {
    on_one_runtime(async |context, libzmq| {
        let router = RouterSocket::new(context).unwrap();
        let req = libzmq.socket(zmq::REQ);
        req.connect(&router.bind("tcp://127.0.0.1:*").unwrap().to_string()).unwrap();
        let mut broker = proxy(&router, &router);
        let handle = broker.handle();
        let asking = async {
            let req = libzmq::run(req, |req| {
                ask_all(&req, &excerpt());
                req
            });
            let _req = req.await;
            handle.kill();
        };
        let (ended, ()) = join!(broker.run(), asking);
        ended.unwrap();
    });
}

#[test]
fn a_req_of_libzmq_steers_a_proxy_and_reads_its_statistics() {
    on_one_runtime(async |context, libzmq| {
        let (front, back) = (PullSocket::new(context).unwrap(), PushSocket::new(context).unwrap());
        let steer = RepSocket::new(context).unwrap();
        let [push, pull] = outer(libzmq, [zmq::PUSH, zmq::PULL], TRANSPORTS[0], &front, &back);
        let control = libzmq.socket(zmq::REQ);
        control.connect(&steer.bind("tcp://127.0.0.1:*").unwrap().to_string()).unwrap();
        let mut broker = proxy(&front, &back).control(&steer);
        let script = libzmq::run(control, move |control| {
            let ask = |command: &str| {
                control.send(command, 0).unwrap();
                libzmq::recv(&control)
            };
            push.send("hello", 0).unwrap();
            assert_eq!(libzmq::recv(&pull), [b"hello".to_vec()]);
            assert_eq!(ask("PAUSE"), [b"".to_vec()]);
            push.send("paused", 0).unwrap();
            let counters: Vec<u64> = ask("STATISTICS")
                .into_iter()
                .map(|frame| u64::from_ne_bytes(frame.try_into().expect("eight bytes")))
                .collect();
            assert_eq!(counters, [1, 5, 0, 0, 0, 0, 1, 5]);
            assert_eq!(ask("RESUME"), [b"".to_vec()]);
            assert_eq!(libzmq::recv(&pull), [b"paused".to_vec()]);
            assert_eq!(ask("TERMINATE"), [b"".to_vec()]);
        });
        let (ended, ()) = join!(broker.run(), script);
        assert_eq!(ended.unwrap().counters(), [2, 11, 0, 0, 0, 0, 2, 11]);
    });
}

#[test]
fn a_handle_steers_from_another_thread() {
    on_one_runtime(async |context, libzmq| {
        let (front, back) = (PullSocket::new(context).unwrap(), PushSocket::new(context).unwrap());
        let (push, pull) = (libzmq.socket(zmq::PUSH), libzmq.socket(zmq::PULL));
        push.connect(&front.bind("tcp://127.0.0.1:*").unwrap().to_string()).unwrap();
        pull.connect(&back.bind("tcp://127.0.0.1:*").unwrap().to_string()).unwrap();
        let mut broker = proxy(&front, &back);
        let handle = broker.handle();
        let elsewhere = libzmq::run(pull, move |pull| {
            push.send("hello", 0).unwrap();
            assert_eq!(libzmq::recv(&pull), [b"hello".to_vec()]);
            handle.pause();
            push.send("paused", 0).unwrap();
            handle.resume();
            assert_eq!(libzmq::recv(&pull), [b"paused".to_vec()]);
            handle.terminate();
        });
        let (ended, ()) = join!(broker.run(), elsewhere);
        assert_eq!(ended.unwrap().counters(), [2, 11, 0, 0, 0, 0, 2, 11]);
    });
}
