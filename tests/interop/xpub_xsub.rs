use seaworthy::{Context, Message, Options, SubSocket, XPubSocket, XSubSocket};

use crate::corpus::{assert_same, corpus, excerpt, message};
use crate::libzmq::{self, Libzmq};
use crate::link::{Attach as _, Link, last_endpoint, on_every_link, on_one_runtime};

/// A subscription, or the end of one, as users of XPUB and XSUB see it.
fn wish(subscribe: bool, topic: &str) -> Vec<Vec<u8>> {
    vec![[&[u8::from(subscribe)], topic.as_bytes()].concat()]
}

async fn expect(publisher: &XPubSocket, subscribe: bool, topic: &str) {
    assert_eq!(publisher.recv().await.unwrap(), message(&wish(subscribe, topic)));
}

/// What an XSUB sends besides subscriptions: nothing that begins with 0 or 1.
fn upstream(messages: Vec<Vec<Vec<u8>>>) -> Vec<Vec<Vec<u8>>> {
    messages
        .into_iter()
        .filter(|frames| frames.iter().all(|frame| !matches!(frame.first(), Some(0 | 1))))
        .collect()
}

#[test]
fn our_xpub_hears_of_the_subscriptions_of_a_sub_of_libzmq_and_publishes_to_it() {
    on_every_link(async |link: Link, context, libzmq| {
        let publisher = XPubSocket::with_options(context, Options::default().xpub_nodrop(true)).unwrap();
        let subscriber = libzmq.socket(zmq::SUB);
        subscriber.set_subscribe(b"").unwrap();
        link.connect(&publisher, &subscriber);
        let receive = libzmq::run(subscriber, |subscriber| {
            for (place, want) in corpus().iter().enumerate() {
                assert_same(&libzmq::recv(&subscriber), want, place);
            }
            subscriber.set_subscribe(b"a").unwrap();
            subscriber.set_unsubscribe(b"").unwrap();
            subscriber
        });
        let publish = async {
            expect(&publisher, true, "").await;
            for frames in corpus() {
                publisher.send(message(&frames)).await.unwrap();
            }
        };
        let (subscriber, ()) = futures_util::join!(receive, publish);
        expect(&publisher, true, "a").await;
        expect(&publisher, false, "").await;
        publisher.send("b").await.unwrap();
        publisher.send("ab").await.unwrap();
        let subscriber = libzmq::run(subscriber, |subscriber| {
            assert_eq!(libzmq::recv(&subscriber), [b"ab"]);
            subscriber
        })
        .await;
        if link.we_bind {
            // Nobody tells us: it just goes.
            drop(subscriber);
            expect(&publisher, false, "a").await;
        }
    });
}

#[test]
fn our_xpub_gets_what_an_xsub_of_libzmq_sends() {
    on_every_link(async |link: Link, context, libzmq| {
        let publisher = XPubSocket::new(context).unwrap();
        let subscriber = libzmq.socket(zmq::XSUB);
        link.connect(&publisher, &subscriber);
        let talk = libzmq::run(subscriber, |subscriber| {
            // The answer shows that we are connected: before that a message may go nowhere.
            libzmq::send(&subscriber, &wish(true, "topic"));
            assert_eq!(libzmq::recv(&subscriber), [b"topic: go on"]);
            for (place, frames) in upstream(excerpt()).iter().enumerate() {
                libzmq::send(&subscriber, frames);
                // In turns, so that no XSUB has a reason to drop.
                assert_eq!(libzmq::recv(&subscriber)[0], format!("topic {place}").as_bytes());
            }
            libzmq::send(&subscriber, &wish(false, "topic"));
            subscriber
        });
        let answer = async {
            expect(&publisher, true, "topic").await;
            publisher.send("topic: go on").await.unwrap();
            for (place, want) in upstream(excerpt()).iter().enumerate() {
                assert_same(publisher.recv().await.unwrap().frames(), want, place);
                publisher.send(format!("topic {place}")).await.unwrap();
            }
        };
        let (_subscriber, ()) = futures_util::join!(talk, answer);
        expect(&publisher, false, "topic").await;
    });
}

#[test]
fn an_xpub_of_libzmq_hears_of_the_subscriptions_of_our_xsub_and_publishes_to_it() {
    on_every_link(async |link: Link, context, libzmq| {
        let subscriber = XSubSocket::new(context).unwrap();
        subscriber.send(message(&wish(true, ""))).await.unwrap();
        let publisher = libzmq.socket(zmq::XPUB);
        publisher.set_xpub_verbose(true).unwrap();
        publisher.set_sndhwm(0).unwrap();
        link.connect(&subscriber, &publisher);
        let publish = libzmq::run(publisher, |publisher| {
            assert_eq!(libzmq::recv(&publisher), wish(true, ""));
            for frames in corpus() {
                libzmq::send(&publisher, &frames);
            }
            publisher
        });
        let receive = async {
            for (place, want) in corpus().iter().enumerate() {
                assert_same(subscriber.recv().await.unwrap().frames(), want, place);
            }
        };
        let (publisher, ()) = futures_util::join!(publish, receive);
        // While connected, too; each subscription is passed on, and of the ends the last.
        subscriber.subscribe("A").unwrap();
        subscriber.send(message(&wish(true, "A"))).await.unwrap();
        subscriber.send(message(&wish(false, "A"))).await.unwrap();
        subscriber.unsubscribe("").unwrap();
        subscriber.unsubscribe("A").unwrap();
        libzmq::run(publisher, |publisher| {
            for (subscribe, topic) in [(true, "A"), (true, "A"), (false, ""), (false, "A")] {
                assert_eq!(libzmq::recv(&publisher), wish(subscribe, topic));
            }
        })
        .await;
    });
}

#[test]
fn an_xpub_of_libzmq_gets_what_our_xsub_sends() {
    on_every_link(async |link: Link, context, libzmq| {
        let subscriber = XSubSocket::new(context).unwrap();
        subscriber.subscribe("topic").unwrap();
        let publisher = libzmq.socket(zmq::XPUB);
        link.connect(&subscriber, &publisher);
        let answer = libzmq::run(publisher, |publisher| {
            assert_eq!(libzmq::recv(&publisher), wish(true, "topic"));
            publisher.send("topic: go on", 0).unwrap();
            for (place, want) in upstream(excerpt()).iter().enumerate() {
                assert_same(&libzmq::recv(&publisher), want, place);
                publisher.send(&format!("topic {place}"), 0).unwrap();
            }
        });
        let talk = async {
            assert_eq!(subscriber.recv().await.unwrap(), Message::from("topic: go on"));
            for (place, frames) in upstream(excerpt()).iter().enumerate() {
                subscriber.send(message(frames)).await.unwrap();
                assert_eq!(subscriber.recv().await.unwrap(), Message::from(format!("topic {place}")));
            }
        };
        futures_util::join!(talk, answer);
    });
}

#[test]
fn welcome_messages_are_understood_both_ways() {
    on_every_link(async |link: Link, context, libzmq| {
        let publisher = XPubSocket::with_options(context, Options::default().xpub_welcome_msg("W")).unwrap();
        let subscriber = libzmq.socket(zmq::SUB);
        subscriber.set_subscribe(b"W").unwrap();
        link.connect(&publisher, &subscriber);
        libzmq::run(subscriber, |subscriber| assert_eq!(libzmq::recv(&subscriber), [b"W"])).await;

        let publisher = libzmq.socket(zmq::XPUB);
        publisher.set_xpub_welcome_msg(Some("W")).unwrap();
        let subscriber = SubSocket::new(context).unwrap();
        subscriber.subscribe("W").unwrap();
        link.connect(&subscriber, &publisher);
        let told = libzmq::run(publisher, |publisher| {
            assert_eq!(libzmq::recv(&publisher), wish(true, "W"));
            publisher
        });
        let (_publisher, welcome) = futures_util::join!(told, subscriber.recv());
        assert_eq!(welcome.unwrap(), Message::from("W"));
    });
}

#[test]
fn a_manual_xpub_gives_a_sub_of_libzmq_other_topics_than_it_asked_for() {
    on_every_link(async |link: Link, context, libzmq| {
        let publisher = XPubSocket::with_options(context, Options::default().xpub_manual(true)).unwrap();
        // A SUB would filter what it has not asked for.
        let subscriber = libzmq.socket(zmq::XSUB);
        link.connect(&publisher, &subscriber);
        let subscribe = libzmq::run(subscriber, |subscriber| {
            libzmq::send(&subscriber, &wish(true, "A"));
            assert_eq!(libzmq::recv(&subscriber), [b"B"]);
        });
        let publish = async {
            expect(&publisher, true, "A").await;
            publisher.subscribe("B").unwrap();
            publisher.send("A").await.unwrap();
            publisher.send("B").await.unwrap();
        };
        futures_util::join!(subscribe, publish);
    });
}

/// Passes on what comes in either direction, for ever.
async fn forward(front: &XSubSocket, back: &XPubSocket) {
    let down = async {
        loop {
            back.send(front.recv().await.unwrap()).await.unwrap();
        }
    };
    let up = async {
        loop {
            front.send(back.recv().await.unwrap()).await.unwrap();
        }
    };
    futures_util::join!(down, up);
}

#[test]
fn between_publishers_and_subscribers_of_libzmq_our_sockets_pass_everything_on() {
    on_one_runtime(async |context: &Context, libzmq: &Libzmq| {
        let (front, back) = (XSubSocket::new(context).unwrap(), XPubSocket::new(context).unwrap());
        let (front_end, back_end) = (front.bind_to("tcp://127.0.0.1:*"), back.bind_to("ipc://*"));
        let publishers = [(); 2].map(|()| libzmq.socket(zmq::XPUB));
        for publisher in &publishers {
            publisher.connect(&front_end).unwrap();
        }
        let subscribers = [(); 2].map(|()| libzmq.socket(zmq::SUB));
        for subscriber in &subscribers {
            subscriber.connect(&back_end).unwrap();
            subscriber.set_subscribe(b"A").unwrap();
        }
        let [first, second] = publishers;
        let script = libzmq::run(first, move |first| {
            for publisher in [&first, &second] {
                assert_eq!(libzmq::recv(publisher), wish(true, "A"));
            }
            // Both subscribers must have subscribed before anything is published, and only one is told.
            for (subscriber, greeting) in subscribers.iter().zip(["A 0", "A 1"]) {
                while subscriber.poll(zmq::POLLIN, 10).unwrap() == 0 {
                    first.send(greeting, 0).unwrap();
                }
            }
            second.send("B", 0).unwrap();
            second.send("A end", 0).unwrap();
            for subscriber in subscribers {
                while libzmq::recv(&subscriber) != [b"A end"] {}
                drop(subscriber);
            }
            // The last one has gone, and nobody but the connection said so.
            for publisher in [&first, &second] {
                assert_eq!(libzmq::recv(publisher), wish(false, "A"));
            }
        });
        let forwarding = std::pin::pin!(forward(&front, &back));
        futures_util::future::select(std::pin::pin!(script), forwarding).await;
    });
}

#[test]
fn subscriptions_are_told_again_to_an_xpub_of_libzmq_that_restarts() {
    on_one_runtime(async |context, libzmq| {
        let subscriber = XSubSocket::with_options(
            context,
            Options::default().reconnect_ivl(std::time::Duration::from_millis(10)),
        )
        .unwrap();
        subscriber.subscribe("A").unwrap();
        let publisher = libzmq.socket(zmq::XPUB);
        publisher.bind("tcp://127.0.0.1:*").unwrap();
        let endpoint = last_endpoint(&publisher);
        subscriber.connect_to(&endpoint);
        let mut publisher = Some(publisher);
        for _ in 0..3 {
            let socket = publisher.take().unwrap_or_else(|| {
                let socket = libzmq.socket(zmq::XPUB);
                // The former one is still letting go of the port.
                while socket.bind(&endpoint).is_err() {
                    std::thread::yield_now();
                }
                socket
            });
            libzmq::run(socket, |socket| assert_eq!(libzmq::recv(&socket), wish(true, "A"))).await;
        }
    });
}
