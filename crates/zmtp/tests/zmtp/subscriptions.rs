//! RFC 37 and 23, "The Publish-Subscribe Pattern": subscriptions as commands and as messages.

use bytes::Bytes;
use seaworthy_core::Message;
use seaworthy_zmtp::{ConnectionConfig, Error, Event, PeerMisbehaved, SocketType};

use crate::pair::Pair;
use crate::scripted::{MORE, Scripted, command, long, message, short};

fn of_minor(socket_type: SocketType, minor: u8) -> Scripted {
    Scripted::in_traffic_as(ConnectionConfig::new(socket_type), minor)
}

fn subscribed(topic: &'static str) -> Event {
    Event::Subscribe(Bytes::from_static(topic.as_bytes()))
}

fn cancelled(topic: &'static str) -> Event {
    Event::Cancel(Bytes::from_static(topic.as_bytes()))
}

#[test]
fn to_a_3_1_peer_subscriptions_are_commands() {
    for socket_type in [SocketType::Sub, SocketType::XSub] {
        let mut sub = of_minor(socket_type, 1);
        sub.connection.subscribe(b"weather");
        sub.connection.cancel(b"weather");
        assert_eq!(sub.sent(), b"\x04\x11\x09SUBSCRIBEweather\x04\x0e\x06CANCELweather");
        sub.connection.subscribe(b"");
        assert_eq!(sub.sent(), b"\x04\x0a\x09SUBSCRIBE");
    }
}

#[test]
fn to_a_3_0_peer_subscriptions_are_messages() {
    let mut sub = of_minor(SocketType::Sub, 0);
    sub.connection.subscribe(b"weather");
    sub.connection.cancel(b"weather");
    assert_eq!(sub.sent(), b"\x00\x08\x01weather\x00\x08\x00weather");
}

#[test]
fn a_topic_of_255_bytes_makes_a_long_frame_in_either_form() {
    let topic = [b't'; 255];
    let mut sub = of_minor(SocketType::Sub, 0);
    sub.connection.subscribe(&topic[..254]);
    assert_eq!(sub.sent(), short(0, [&[1], &topic[..254]].concat()));
    sub.connection.subscribe(&topic);
    assert_eq!(sub.sent(), long(0, [&[1], &topic[..]].concat()));
    let mut sub = of_minor(SocketType::Sub, 1);
    sub.connection.subscribe(&topic);
    assert_eq!(sub.sent(), command("SUBSCRIBE", topic));
}

#[test]
fn publishers_take_both_forms_from_peers_of_either_version() {
    for socket_type in [SocketType::Pub, SocketType::XPub] {
        for minor in [0, 1] {
            let mut publisher = of_minor(socket_type, minor);
            let events = publisher.receives(
                [
                    command("SUBSCRIBE", "a"),
                    short(0, "\x01b"),
                    long(0, "\x01c"),
                    command("CANCEL", "a"),
                    short(0, "\0b"),
                    command("SUBSCRIBE", ""),
                    short(0, "\x01"),
                    short(0, "\0"),
                ]
                .concat(),
            );
            let expected = [
                subscribed("a"),
                subscribed("b"),
                subscribed("c"),
                cancelled("a"),
                cancelled("b"),
                subscribed(""),
                subscribed(""),
                cancelled(""),
            ];
            assert_eq!(events, expected);
        }
    }
}

#[test]
fn other_messages_to_a_publisher_stay_messages() {
    let mut publisher = of_minor(SocketType::XPub, 1);
    assert_eq!(publisher.receives(short(0, "\x02user")), [message(&[b"\x02user"])]);
    assert_eq!(publisher.receives(short(0, "")), [message(&[b""])]);
    // RFC 23: a subscription is the only frame of its message.
    let parts = [short(MORE, "\x01a"), short(0, "\x01b")].concat();
    assert_eq!(publisher.receives(parts), [message(&[b"\x01a", b"\x01b"])]);
}

#[test]
fn to_everyone_else_a_first_byte_is_just_data_and_the_commands_mean_nothing() {
    for socket_type in SocketType::ALL {
        if [SocketType::Pub, SocketType::XPub].contains(&socket_type) {
            continue;
        }
        let mut scripted = of_minor(socket_type, 1);
        assert_eq!(scripted.receives(short(0, "\x01a")), [message(&[b"\x01a"])]);
        assert_eq!(scripted.receives(short(0, "\0a")), [message(&[b"\0a"])]);
        let commands = [command("SUBSCRIBE", "a"), command("CANCEL", "a")].concat();
        assert_eq!(scripted.receives(commands), []);
    }
}

#[test]
fn a_topic_may_have_a_mebibyte_in_either_form_and_not_a_byte_more() {
    const LIMIT: usize = 1 << 20;
    let longest = vec![b't'; LIMIT];
    let mut publisher = of_minor(SocketType::Pub, 1);
    assert_eq!(
        publisher.receives(long(0, [&[1], &longest[..]].concat())),
        [Event::Subscribe(longest.into())]
    );
    let error = publisher.fails_on(long(0, [&[1], &[b't'; LIMIT + 1][..]].concat()));
    let too_large = PeerMisbehaved::CommandTooLarge { length: LIMIT as u64 + 1, limit: LIMIT as u64 };
    assert_eq!(error, Error::PeerMisbehaved(too_large));
}

#[test]
fn a_topic_does_not_share_the_memory_of_the_input() {
    let mut publisher = of_minor(SocketType::Pub, 1);
    publisher.input.reserve(1 << 16);
    let (from, to) = (publisher.input.as_ptr(), publisher.input.as_ptr().wrapping_add(1 << 16));
    let events = publisher.receives([command("SUBSCRIBE", "topic"), short(0, "\x01topic")].concat());
    for event in &events {
        let Event::Subscribe(topic) = event else { panic!("{event:?}") };
        assert!(!(from..to).contains(&topic.as_ptr()));
    }
    assert_eq!(events.len(), 2);
}

#[test]
fn subscriptions_and_messages_arrive_in_the_order_they_were_sent() {
    let configs = [SocketType::XSub, SocketType::XPub].map(ConnectionConfig::new);
    let [xsub, xpub] = configs;
    let mut pair = Pair::ready(xsub, xpub);
    pair.a.connection.subscribe(b"a");
    pair.a.connection.send(&Message::from("user"));
    pair.a.connection.cancel(b"a");
    pair.b.connection.send(&Message::from(["a", "body"]));
    pair.drive().unwrap();
    let user = Event::Message(Message::from("user"));
    assert_eq!(pair.b.events, [subscribed("a"), user, cancelled("a")]);
    assert_eq!(pair.a.events, [Event::Message(Message::from(["a", "body"]))]);
}
