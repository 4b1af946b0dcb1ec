//! RFC 37, "Connection Metadata".

use bytes::Bytes;
use seaworthy_zmtp::{Error, Event, Peer, PeerIncompatible, PeerMisbehaved, SocketType};

use crate::scripted::{Scripted, command, property};

#[track_caller]
fn peer_of(socket_type: SocketType, properties: &[Vec<u8>]) -> Box<Peer> {
    let mut scripted = Scripted::greeted(socket_type);
    let mut events = scripted.receives(command("READY", properties.concat()));
    let (Some(Event::Ready(peer)), None) = (events.pop(), events.pop()) else { panic!("not one peer") };
    peer
}

#[track_caller]
fn malformed(properties: impl AsRef<[u8]>, property: &str, reason: &str) {
    let error = Scripted::greeted(SocketType::Router).fails_on(command("READY", properties));
    let Error::PeerMisbehaved(PeerMisbehaved::MalformedMetadata { property: named, reason: given }) = error
    else {
        panic!("{error}")
    };
    assert_eq!(named, property);
    assert!(given.contains(reason), "{given:?} does not say {reason:?}");
}

#[test]
fn the_case_of_names_does_not_count_and_the_case_of_values_does() {
    let peer = peer_of(
        SocketType::Router,
        &[property("SOCKET-TYPE", "DEALER"), property("identity", "Worker"), property("X-Mixed", "Value")],
    );
    assert_eq!(peer.socket_type, Some(SocketType::Dealer));
    assert_eq!(peer.routing_id, "Worker");
    assert_eq!(peer.metadata.get("x-mixed"), Some(&Bytes::from_static(b"Value")));

    let error =
        Scripted::greeted(SocketType::Router).fails_on(command("READY", property("Socket-Type", "dealer")));
    let theirs = "dealer".to_owned();
    let ours = SocketType::Router;
    assert_eq!(error, Error::PeerIncompatible(PeerIncompatible::SocketType { ours, theirs }));
}

#[test]
fn unknown_properties_are_kept_in_their_order() {
    let peer = peer_of(
        SocketType::Pull,
        &[property("Resource", "a/b"), property("Socket-Type", "PUSH"), property("X-empty", "")],
    );
    let names: Vec<&str> = peer.metadata.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["Resource", "Socket-Type", "X-empty"]);
    assert_eq!(peer.metadata.get("x-empty"), Some(&Bytes::new()));
    assert_eq!(peer.metadata.get("x-absent"), None);
}

#[test]
fn a_peer_without_a_socket_type_is_accepted() {
    let peer = peer_of(SocketType::Pull, &[]);
    assert_eq!(peer.socket_type, None);
    assert_eq!(peer.routing_id, "");
}

#[test]
fn a_router_accepts_an_identity_of_255_bytes_and_none_of_256() {
    let longest = vec![b'i'; 255];
    assert_eq!(peer_of(SocketType::Router, &[property("Identity", &longest)]).routing_id, longest);
    malformed(property("Identity", [b'i'; 256]), "Identity", "longer than 255");
}

#[test]
fn a_router_refuses_an_identity_that_begins_with_zero() {
    assert_eq!(peer_of(SocketType::Router, &[property("Identity", "a\0")]).routing_id, "a\0");
    malformed(property("Identity", "\0a"), "Identity", "zero");
}

#[test]
fn others_ignore_an_identity_that_they_could_not_use() {
    assert_eq!(peer_of(SocketType::Dealer, &[property("Identity", "\0a")]).routing_id, "");
    assert_eq!(peer_of(SocketType::Dealer, &[property("Identity", [b'i'; 256])]).routing_id, "");
    assert_eq!(peer_of(SocketType::Dealer, &[property("Identity", "id")]).routing_id, "id");
}

#[test]
fn names_follow_the_grammar() {
    let longest = "n".repeat(255);
    let peer = peer_of(SocketType::Pull, &[property("X-_.+9", ""), property(&longest, "")]);
    assert_eq!(peer.metadata.iter().count(), 2);
    malformed(property("", "value"), "", "empty");
    malformed(property("X y", "value"), "X y", "character");
    malformed(property("X\u{e9}", "value"), r"X\xc3\xa9", "character");
    malformed(property("X\0", "value"), r"X\x00", "character");
}

#[test]
fn a_property_that_is_cut_short_is_malformed_wherever_it_is_cut() {
    let whole = property("X-name", "value");
    for end in 1..whole.len() {
        let error = Scripted::greeted(SocketType::Pull).fails_on(command("READY", &whole[..end]));
        assert!(
            matches!(error, Error::PeerMisbehaved(PeerMisbehaved::MalformedMetadata { .. })),
            "cut at {end}: {error}"
        );
    }
}

#[test]
fn bytes_behind_the_last_property_are_malformed() {
    malformed([property("X-name", "value"), vec![7]].concat(), "", "cut short");
}

#[test]
fn a_value_cannot_announce_more_than_is_there() {
    malformed(b"\x01X\x7f\xff\xff\xff", "X", "cut short");
    malformed(b"\x01X\x80\x00\x00\x00", "X", "longer than 2147483647");
}

#[test]
fn a_property_that_is_there_twice_is_malformed() {
    malformed([property("X-a", "1"), property("x-A", "2")].concat(), "x-A", "twice");
}

#[test]
fn a_peer_may_have_128_properties_and_not_one_more() {
    let some: Vec<Vec<u8>> = (0..128).map(|i| property(&format!("X-{i}"), "")).collect();
    assert_eq!(peer_of(SocketType::Pull, &some).metadata.iter().count(), 128);
    malformed([some.concat(), property("X-128", "")].concat(), "X-128", "128");
}
