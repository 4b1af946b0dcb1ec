use bytes::Bytes;
use seaworthy::{PubSocket, SubSocket};

use crate::conversation::publish_until;
use crate::corpus::{assert_same, corpus, message};
use crate::libzmq;
use crate::link::{Link, on_every_link};

/// What libzmq's XPUB receives when a subscriber joins or leaves.
fn wish(subscribe: bool, topic: &str) -> Vec<Vec<u8>> {
    vec![[&[u8::from(subscribe)], topic.as_bytes()].concat()]
}

/// Publishes `greeting` until libzmq's subscriber has received it. Gives the subscriber back with nothing but
/// greetings before what comes next.
async fn greet(publisher: &PubSocket, subscriber: zmq::Socket, greeting: &'static str) -> zmq::Socket {
    let heard = libzmq::run(subscriber, move |subscriber| {
        assert_eq!(libzmq::recv(&subscriber), [greeting.as_bytes()]);
        subscriber
    });
    publish_until(publisher, greeting, heard).await
}

/// The next message that is no greeting.
fn recv_after_greetings(subscriber: &zmq::Socket, greeting: &str) -> Vec<Vec<u8>> {
    loop {
        let received = libzmq::recv(subscriber);
        if received != [greeting.as_bytes()] {
            return received;
        }
    }
}

#[test]
fn a_sub_of_libzmq_gets_everything_that_we_publish() {
    on_every_link(async |link: Link, context, libzmq| {
        let publisher =
            PubSocket::with_options(context, seaworthy::Options::default().xpub_nodrop(true)).unwrap();
        let subscriber = libzmq.socket(zmq::SUB);
        subscriber.set_subscribe(b"").unwrap();
        link.connect(&publisher, &subscriber);
        let subscriber = greet(&publisher, subscriber, "greeting").await;
        let receive = libzmq::run(subscriber, |subscriber| {
            for (place, want) in corpus().iter().enumerate() {
                let got = if place == 0 {
                    recv_after_greetings(&subscriber, "greeting")
                } else {
                    libzmq::recv(&subscriber)
                };
                assert_same(&got, want, place);
            }
        });
        let publish = async {
            for frames in corpus() {
                publisher.send(message(&frames)).await.unwrap();
            }
        };
        futures_util::join!(receive, publish);
    });
}

#[test]
fn we_get_everything_that_libzmq_publishes() {
    on_every_link(async |link: Link, context, libzmq| {
        let subscriber = SubSocket::new(context).unwrap();
        subscriber.subscribe("").unwrap();
        let publisher = libzmq.socket(zmq::XPUB);
        // Otherwise libzmq drops what we are too slow for.
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
        futures_util::join!(publish, receive);
    });
}

#[test]
fn we_publish_to_libzmq_what_it_subscribes_to() {
    on_every_link(async |link: Link, context, libzmq| {
        let publisher = PubSocket::new(context).unwrap();
        let subscriber = libzmq.socket(zmq::SUB);
        for topic in ["a", "ab", "z", "greeting"] {
            subscriber.set_subscribe(topic.as_bytes()).unwrap();
        }
        subscriber.set_unsubscribe(b"z").unwrap();
        link.connect(&publisher, &subscriber);
        let subscriber = greet(&publisher, subscriber, "greeting").await;
        for topic in ["b", "a", "abc", "z", "end of the alphabet", "a last one"] {
            publisher.send([topic, "body"]).await.unwrap();
        }
        // "abc" matches two subscriptions and comes once.
        let subscriber = libzmq::run(subscriber, |subscriber| {
            assert_eq!(recv_after_greetings(&subscriber, "greeting")[0], b"a");
            assert_eq!(libzmq::recv(&subscriber)[0], b"abc");
            assert_eq!(libzmq::recv(&subscriber)[0], b"a last one");
            // Of the overlapping two, the longer stays.
            subscriber.set_unsubscribe(b"a").unwrap();
            subscriber.set_subscribe(b"second greeting").unwrap();
            subscriber
        })
        .await;
        let subscriber = greet(&publisher, subscriber, "second greeting").await;
        for topic in ["a", "abc", "ab"] {
            publisher.send(topic).await.unwrap();
        }
        libzmq::run(subscriber, |subscriber| {
            assert_eq!(recv_after_greetings(&subscriber, "second greeting")[0], b"abc");
            assert_eq!(libzmq::recv(&subscriber)[0], b"ab");
        })
        .await;
    });
}

#[test]
fn libzmq_publishes_to_us_what_we_subscribe_to() {
    on_every_link(async |link: Link, context, libzmq| {
        let subscriber = SubSocket::new(context).unwrap();
        subscriber.subscribe("a").unwrap();
        let publisher = libzmq.socket(zmq::XPUB);
        link.connect(&subscriber, &publisher);
        let publisher = libzmq::run(publisher, |publisher| {
            assert_eq!(libzmq::recv(&publisher), wish(true, "a"));
            publisher
        })
        .await;
        // While connected, too, and the same topic twice is told once.
        subscriber.subscribe("ab").unwrap();
        subscriber.subscribe("ab").unwrap();
        let long = "l".repeat(300);
        subscriber.subscribe(long.clone()).unwrap();
        let told = long.clone();
        let publisher = libzmq::run(publisher, move |publisher| {
            assert_eq!(libzmq::recv(&publisher), wish(true, "ab"));
            assert_eq!(libzmq::recv(&publisher), wish(true, &told));
            for topic in ["b", "abc", "ax", told.as_str()] {
                publisher.send(topic, 0).unwrap();
            }
            publisher
        })
        .await;
        for topic in ["abc", "ax", long.as_str()] {
            assert_eq!(subscriber.recv().await.unwrap().frame(0), Some(topic.as_bytes()));
        }
        subscriber.unsubscribe("a").unwrap();
        // One of two subscriptions: nothing to tell.
        subscriber.unsubscribe("ab").unwrap();
        subscriber.subscribe("end").unwrap();
        let publisher = libzmq::run(publisher, |publisher| {
            assert_eq!(libzmq::recv(&publisher), wish(false, "a"));
            assert_eq!(libzmq::recv(&publisher), wish(true, "end"));
            for topic in ["ax", "abc", "end"] {
                publisher.send(topic, 0).unwrap();
            }
            publisher
        })
        .await;
        assert_eq!(subscriber.recv().await.unwrap().frame(0), Some(&b"abc"[..]));
        assert_eq!(subscriber.recv().await.unwrap().frame(0), Some(&b"end"[..]));
        subscriber.unsubscribe("ab").unwrap();
        libzmq::run(publisher, |publisher| assert_eq!(libzmq::recv(&publisher), wish(false, "ab"))).await;
    });
}

#[test]
fn a_binary_topic_matches_byte_by_byte() {
    on_every_link(async |link: Link, context, libzmq| {
        let subscriber = SubSocket::new(context).unwrap();
        let topic = Bytes::from_static(&[0, 255, 0]);
        subscriber.subscribe(topic.clone()).unwrap();
        let publisher = libzmq.socket(zmq::XPUB);
        link.connect(&subscriber, &publisher);
        let publisher = libzmq::run(publisher, |publisher| {
            assert_eq!(libzmq::recv(&publisher), [[1, 0, 255, 0]]);
            for body in [&[0, 255][..], &[0, 255, 1], &[0, 255, 0, 7]] {
                publisher.send(body, 0).unwrap();
            }
            publisher
        });
        let _publisher = publisher.await;
        assert_eq!(subscriber.recv().await.unwrap().frame(0), Some(&[0, 255, 0, 7][..]));
    });
}
