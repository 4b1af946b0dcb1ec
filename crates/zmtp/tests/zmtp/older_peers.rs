//! RFC 37, "Backwards Interoperability": peers before 3.0 are recognised and refused, 3.0 peers are served.

use seaworthy_zmtp::{ConnectionConfig, Error, Event, PeerIncompatible, SocketType, Version};

use crate::scripted::{Scripted, greeting, message, ready, short};

fn dealer() -> Scripted {
    Scripted::new(ConnectionConfig::new(SocketType::Dealer))
}

#[track_caller]
fn refused(bytes: &[u8], why: PeerIncompatible) {
    let mut dealer = dealer();
    let (last, before) = bytes.split_last().unwrap();
    assert_eq!(dealer.receives(before), [], "refused before there is a reason");
    let error = dealer.fails_on([*last]);
    assert_eq!(error, Error::PeerIncompatible(why));
    assert!(error.is_protocol());
    // It has no frames that could carry an ERROR.
    assert!(dealer.sent().len() <= 64);
}

#[test]
fn a_1_0_peer_is_refused_by_the_length_of_its_identity() {
    // RFC 13, 15: an anonymous peer sends a frame of length 1, flags 0.
    refused(&[0x01], PeerIncompatible::NotZmtp { index: 0, octet: 1 });
    refused(&[0x06], PeerIncompatible::NotZmtp { index: 0, octet: 6 });
    // A long length: FF, eight octets, and flags whose last bit is zero.
    refused(&[0xff, 0, 0, 0, 0, 0, 0, 1, 1, 0], PeerIncompatible::NotZmtp { index: 9, octet: 0 });
}

#[test]
fn a_2_0_peer_is_refused_by_its_revision() {
    for revision in [0, 1, 2] {
        let greeting = [0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, revision];
        refused(&greeting, PeerIncompatible::Version { major: revision });
    }
}

#[test]
fn another_protocol_is_refused_by_its_first_octet() {
    refused(b"G", PeerIncompatible::NotZmtp { index: 0, octet: b'G' });
}

#[test]
fn a_3_0_peer_is_served() {
    let mut dealer = dealer();
    dealer.receives(greeting(3, 0, "NULL"));
    let events = dealer.receives([ready(SocketType::Router), short(0, "hello")].concat());
    assert!(matches!(&events[0], Event::Ready(peer) if peer.version == Version::ZMTP_3_0));
    assert_eq!(events[1..], [message(&[b"hello"])]);
}
