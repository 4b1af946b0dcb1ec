//! RFC 37, "Version Negotiation".

use seaworthy_zmtp::{ConnectionConfig, Error, PeerIncompatible, SocketType};

use crate::scripted::{Scripted, greeting, ready};

/// The whole of ours, octet by octet.
const OURS: [u8; 64] = [
    0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, // signature
    3, 1, // version
    b'N', b'U', b'L', b'L', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // mechanism
    0, // as-server
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, // filler
];

fn pull() -> Scripted {
    Scripted::new(ConnectionConfig::new(SocketType::Pull))
}

#[test]
fn the_first_eleven_octets_go_out_at_once_and_the_rest_when_the_peers_eleven_have_come() {
    let mut pull = pull();
    assert_eq!(pull.sent(), OURS[..11]);
    let theirs = greeting(3, 1, "NULL");
    assert_eq!(pull.receives(&theirs[..10]), []);
    assert_eq!(pull.sent(), []);
    assert_eq!(pull.receives(&theirs[10..11]), []);
    assert_eq!(pull.sent(), OURS[11..]);
}

#[test]
fn ready_goes_out_when_the_peers_greeting_is_complete_and_not_an_octet_earlier() {
    let mut pull = pull();
    let theirs = greeting(3, 1, "NULL");
    assert_eq!(pull.receives(&theirs[..63]), []);
    assert_eq!(pull.sent(), OURS);
    assert_eq!(pull.receives(&theirs[63..]), []);
    assert_eq!(pull.sent(), ready(SocketType::Pull));
}

#[test]
fn padding_as_server_and_filler_have_no_significance() {
    let mut theirs = greeting(3, 1, "NULL");
    theirs[1..9].copy_from_slice(b"whatever");
    theirs[32..64].fill(0xaa);
    let mut pull = pull();
    assert_eq!(pull.receives(theirs), []);
    assert_eq!(pull.receives(ready(SocketType::Push)).len(), 1);
}

#[test]
fn higher_versions_are_accepted() {
    for (major, minor) in [(3, 1), (3, 2), (3, 255), (4, 0), (255, 255)] {
        let mut pull = pull();
        assert_eq!(pull.receives(greeting(major, minor, "NULL")), []);
        assert_eq!(pull.receives(ready(SocketType::Push)).len(), 1, "{major}.{minor}");
        let version = pull.connection.peer().unwrap().version;
        assert_eq!((version.major, version.minor), (major, minor));
    }
}

#[track_caller]
fn other_mechanism(announced: &str, shown: &str) {
    let mut pull = pull();
    let error = pull.fails_on(greeting(3, 1, announced));
    let theirs = shown.to_owned();
    assert_eq!(
        error,
        Error::PeerIncompatible(PeerIncompatible::Mechanism { ours: "NULL".to_owned(), theirs })
    );
    assert!(error.is_protocol());
    // "A peer that reads a full greeting, including mechanism, MUST also send a full greeting"; then it closes.
    assert_eq!(pull.sent(), OURS);
}

#[test]
fn a_mechanism_that_differs_in_any_of_its_twenty_octets_is_refused() {
    other_mechanism("PLAIN", "PLAIN");
    other_mechanism("CURVE", "CURVE");
    other_mechanism("null", "null");
    other_mechanism("", "");
    other_mechanism("NULLX", "NULLX");
    other_mechanism(
        "NULL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0X",
        r"NULL\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00X",
    );
}

#[test]
fn what_is_missing_of_the_greeting_is_told() {
    let mut pull = pull();
    assert_eq!(pull.connection.wanted(), 0);
    pull.receives([]);
    assert_eq!(pull.connection.wanted(), 11);
    pull.receives(&OURS[..4]);
    assert_eq!(pull.connection.wanted(), 7);
    pull.receives(&OURS[4..11]);
    assert_eq!(pull.connection.wanted(), 53);
    pull.receives(&OURS[11..63]);
    assert_eq!(pull.connection.wanted(), 1);
}
