//! RFC 37, "The Socket-Type Property".

use SocketType::{Dealer, Pair, Pub, Pull, Push, Rep, Req, Router, Sub, XPub, XSub};
use seaworthy_zmtp::{Error, PeerIncompatible, SocketType};

use crate::scripted::{Scripted, command, property, ready};

/// The legal combinations, as RFC 37 lists them.
fn legal(ours: SocketType) -> &'static [SocketType] {
    match ours {
        Req => &[Rep, Router],
        Rep => &[Req, Dealer],
        Dealer => &[Rep, Dealer, Router],
        Router => &[Req, Dealer, Router],
        Pub | XPub => &[Sub, XSub],
        Sub | XSub => &[Pub, XPub],
        Push => &[Pull],
        Pull => &[Push],
        Pair => &[Pair],
    }
}

#[test]
fn every_legal_combination_and_no_other_completes_the_handshake() {
    for ours in SocketType::ALL {
        for theirs in SocketType::ALL {
            let mut scripted = Scripted::greeted(ours);
            let outcome = scripted.try_receives(ready(theirs));
            assert_eq!(outcome.is_ok(), legal(ours).contains(&theirs), "{ours} and {theirs}: {outcome:?}");
            assert_eq!(ours.can_talk_to(theirs), theirs.can_talk_to(ours));
        }
    }
}

#[test]
fn the_peer_is_told_that_its_type_does_not_fit() {
    let mut pull = Scripted::greeted(Pull);
    let error = pull.fails_on(ready(Pub));
    let theirs = "PUB".to_owned();
    assert_eq!(error, Error::PeerIncompatible(PeerIncompatible::SocketType { ours: Pull, theirs }));
    assert!(error.is_protocol());
    assert_eq!(pull.sent(), b"\x04\x2a\x05ERROR\x23socket-type-PUB-cannot-talk-to-PULL");
}

#[test]
fn a_type_that_is_not_ours_to_know_is_refused_by_name() {
    for theirs in ["STREAM", "CLIENT", "SERVER", "push", "", "\u{1b}[2J"] {
        let error = Scripted::greeted(Pull).fails_on(command("READY", property("Socket-Type", theirs)));
        let theirs = theirs.escape_default().to_string().replace("\\u{1b}", "\\x1b");
        assert_eq!(error, Error::PeerIncompatible(PeerIncompatible::SocketType { ours: Pull, theirs }));
    }
}

#[test]
fn names_on_the_wire_lead_back_to_their_types() {
    for socket_type in SocketType::ALL {
        assert_eq!(SocketType::from_name(socket_type.to_string().as_bytes()), Some(socket_type));
    }
}
