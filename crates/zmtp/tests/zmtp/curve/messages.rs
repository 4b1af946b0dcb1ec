//! MESSAGE: what is in it, in both directions.

use std::time::Duration;

use seaworthy_core::Message;
use seaworthy_zmtp::{Error, Event, PeerMisbehaved, SocketType};

use super::peer::{Server, data, nonce, opened, public};
use super::secrets::seeded;
use super::{SERVER, client_config, established_client, established_server, server_config};
use crate::pair::Pair;
use crate::scripted::{command, greeting, long, message, short};

fn dealer() -> (crate::scripted::Scripted, Server, super::peer::Key) {
    established_client(client_config(SocketType::Dealer, public(&Server::new().secret)), "ROUTER")
}

#[test]
fn a_message_is_a_data_frame_with_its_flags_inside_of_the_box() {
    let (mut client, server, transient) = dealer();
    client.connection.send(&Message::from(["part", "last"]));
    let expected = [
        message_of_client(&server, &transient, 3, 1, b"part"),
        message_of_client(&server, &transient, 4, 0, b"last"),
    ];
    // The test holds s', so it can seal as the client does.
    assert_eq!(client.sent(), expected.concat());
    client.connection.send(&Message::from(""));
    assert_eq!(client.sent().len(), 2 + 33, "RFC 26: at least 33 octets");
}

/// What our client has to send: boxes are the same from either end.
fn message_of_client(
    server: &Server,
    client: &super::peer::Key,
    number: u64,
    flags: u8,
    body: &[u8],
) -> Vec<u8> {
    super::peer::message_frame("CurveZMQMESSAGEC", number, flags, body, client, &server.transient)
}

#[test]
fn the_servers_first_message_follows_its_ready() {
    let (mut server, client, transient) = established_server(server_config(SocketType::Router), "DEALER");
    server.connection.send(&Message::from("hello"));
    let sent = server.sent();
    assert_eq!(sent[0], 0, "no COMMAND, no MORE");
    let sent = data(&sent, "MESSAGE");
    assert_eq!(sent[..8], 2_u64.to_be_bytes());
    let plain = opened(&sent[8..], &nonce("CurveZMQMESSAGES", &sent[..8]), &transient, &client.transient);
    assert_eq!(plain, b"\0hello");
}

#[test]
fn subscriptions_and_heartbeats_travel_in_messages() {
    let server = Server::new();
    let (mut sub, server, transient) =
        established_client(client_config(SocketType::Sub, public(&server.secret)), "PUB");
    sub.connection.subscribe(b"topic");
    sub.connection.cancel(b"topic");
    let expected = [
        message_of_client(&server, &transient, 3, 2, b"\x09SUBSCRIBEtopic"),
        message_of_client(&server, &transient, 4, 2, b"\x06CANCELtopic"),
    ];
    assert_eq!(sub.sent(), expected.concat());
    assert_eq!(sub.receives(server.message(&transient, 2, 2, b"\x04PING\0\0context")), []);
    assert_eq!(sub.sent(), message_of_client(&server, &transient, 5, 2, b"\x04PONGcontext"));
}

#[test]
fn to_a_3_0_peer_subscriptions_are_messages_in_messages() {
    let server = Server::new();
    let config = client_config(SocketType::Sub, public(&server.secret));
    let mut sub = crate::scripted::Scripted::with_random(config, seeded(2));
    sub.receives(greeting(3, 0, "CURVE"));
    let transient = server.greeted(&sub.sent()[64..]);
    sub.receives(server.welcome(&transient));
    sub.receives(server.ready(&transient, 1, "PUB"));
    sub.sent();
    sub.connection.subscribe(b"topic");
    assert_eq!(sub.sent(), message_of_client(&server, &transient, 3, 0, b"\x01topic"));
}

#[test]
fn a_publisher_takes_subscriptions_in_either_form() {
    let (mut publisher, client, server) = established_server(server_config(SocketType::XPub), "XSUB");
    let events = publisher.receives(
        [
            client.message(&server, 3, 2, b"\x09SUBSCRIBEa"),
            client.message(&server, 4, 0, b"\x01b"),
            client.message(&server, 5, 2, b"\x06CANCELa"),
            client.message(&server, 6, 0, b"plain"),
        ]
        .concat(),
    );
    let topic = |topic: &'static str| bytes::Bytes::from(topic);
    let expected = [
        Event::Subscribe(topic("a")),
        Event::Subscribe(topic("b")),
        Event::Cancel(topic("a")),
        message(&[b"plain"]),
    ];
    assert_eq!(events, expected);
}

#[test]
fn messages_of_every_size_arrive_whole_and_in_order() {
    let of_client = client_config(SocketType::Dealer, public(&SERVER));
    let mut pair = Pair::with_random(of_client, server_config(SocketType::Router), [seeded(1), seeded(2)]);
    pair.drive().unwrap();
    pair.a.events.clear();
    pair.b.events.clear();
    let sizes = [0, 1, 63, 64, 65, 221, 222, 223, 255, 256, 8191, 8192, 40_000, 70_000, 300_000];
    let messages: Vec<Message> =
        sizes.iter().map(|size| Message::from([vec![7; *size], vec![8; *size / 2], vec![9]])).collect();
    for message in &messages {
        pair.a.connection.send(message);
        pair.b.connection.send(message);
    }
    pair.drive().unwrap();
    let expected: Vec<Event> = messages.into_iter().map(Event::Message).collect();
    assert_eq!(pair.a.events, expected);
    assert_eq!(pair.b.events, expected);
}

#[test]
fn nothing_of_a_payload_is_readable_on_the_wire() {
    let (mut client, ..) = dealer();
    for payload in ["a secret payload", &"a secret payload".repeat(1000)] {
        client.connection.send(&Message::from(payload));
        let sent = client.sent();
        assert!(!sent.windows(6).any(|window| window == b"secret"));
    }
}

#[test]
fn a_frame_in_clear_text_ends_the_connection_in_either_direction() {
    let unprotected = |reason| Error::PeerMisbehaved(PeerMisbehaved::Unprotected { reason });
    for (frame, reason) in [
        (short(0, "clear text"), "it is too short"),
        (long(0, [7; 100]), "it is no MESSAGE"),
        (short(0, [&b"\x07message"[..], &[7; 40]].concat()), "it is no MESSAGE"),
        (command("ERROR", [7; 40]), "its kind is in clear text"),
        (command("SUBSCRIBE", [7; 40]), "its kind is in clear text"),
        (command("MESSAGE", [7; 40]), "its kind is in clear text"),
        (short(1, [&b"\x07MESSAGE"[..], &[7; 40]].concat()), "its kind is in clear text"),
    ] {
        let (mut client, ..) = dealer();
        assert_eq!(client.fails_on(&frame), unprotected(reason));
        let (mut server, ..) = established_server(server_config(SocketType::Router), "DEALER");
        assert_eq!(server.fails_on(&frame), unprotected(reason));
        assert_eq!(server.sent(), b"", "RFC 26: no ERROR in response to an invalid MESSAGE");
    }
}

#[test]
fn flags_inside_of_the_box_are_more_or_command_or_nothing() {
    for flags in [3, 4, 0x80, 0xff] {
        let (mut client, server, transient) = dealer();
        let error = client.fails_on(server.message(&transient, 2, flags, b"body"));
        assert_eq!(error, Error::PeerMisbehaved(PeerMisbehaved::ReservedFlags(flags)));
    }
}

#[test]
fn silence_ends_an_encrypted_connection_as_any_other() {
    let mut of_client = client_config(SocketType::Dealer, public(&SERVER));
    of_client.heartbeat_ivl = Duration::from_millis(100);
    let mut pair = Pair::with_random(of_client, server_config(SocketType::Router), [seeded(1), seeded(2)]);
    pair.drive().unwrap();
    pair.passes(Duration::from_secs(1)).unwrap();
    pair.connected = false;
    assert!(matches!(pair.passes(Duration::from_secs(1)), Err(Error::TimedOut(_))));
}

#[test]
fn limits_are_those_of_other_mechanisms() {
    let limited = || {
        let mut config = client_config(SocketType::Dealer, public(&Server::new().secret));
        config.maxmsgsize = Some(1000);
        established_client(config, "ROUTER")
    };
    let (mut client, server, transient) = limited();
    assert_eq!(client.receives(server.message(&transient, 2, 0, &[7; 1000])).len(), 1);
    let (mut client, server, transient) = limited();
    let error = client.fails_on(server.message(&transient, 2, 0, &[7; 1001]));
    let too_large = PeerMisbehaved::FrameTooLarge { length: 1001, limit: 1000 };
    assert_eq!(error, Error::PeerMisbehaved(too_large));
}
