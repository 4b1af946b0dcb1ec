//! RFC 37, "Error Handling": the ERROR command, and how a connection stays failed.

use bytes::BytesMut;
use seaworthy_core::Message;
use seaworthy_zmtp::{Error, SocketType};

use crate::scripted::{COMMAND, Scripted, command, greeting, ready, short};

fn refused(reason: &str) -> Error {
    Error::PeerRefused { reason: reason.to_owned() }
}

#[test]
fn an_error_instead_of_ready_ends_the_connection_with_its_reason() {
    let mut pull = Scripted::greeted(SocketType::Pull);
    let error = pull.fails_on(b"\x04\x0a\x05ERROR\x03400");
    assert_eq!(error, refused("400"));
    assert!(error.is_protocol(), "RFC 37 forbids to reconnect");
    assert_eq!(pull.sent(), [], "an ERROR is not answered");
}

#[test]
fn an_error_ends_the_connection_after_the_handshake_too() {
    let mut pull = Scripted::in_traffic(SocketType::Pull);
    assert_eq!(pull.fails_on(b"\x04\x0a\x05ERROR\x03bye"), refused("bye"));
}

#[test]
fn a_reason_is_read_whatever_its_length_says() {
    for (data, reason) in [
        (&b""[..], ""),
        (b"\0", ""),
        (b"\x03400", "400"),
        (b"\x03400more", "400"),
        (b"\xff400", "400"),
        (b"\x05\x1b[2J\n", r"\x1b[2J\n"),
    ] {
        let error = Scripted::greeted(SocketType::Pull).fails_on(command("ERROR", data));
        assert_eq!(error, refused(reason));
    }
}

#[test]
fn during_the_handshake_the_peer_is_told_what_it_did() {
    let mut pull = Scripted::greeted(SocketType::Pull);
    let error = pull.fails_on(command("HELLO", ""));
    let reason = "unexpected-command-HELLO-during-the-handshake";
    assert_eq!(error.wire_reason().as_deref(), Some(reason));
    assert_eq!(pull.sent(), command("ERROR", [&[reason.len() as u8], reason.as_bytes()].concat()));
}

#[test]
fn a_reason_has_at_most_255_visible_characters() {
    let mut pull = Scripted::greeted(SocketType::Pull);
    let error = pull.fails_on(command(&"n".repeat(255), ""));
    let reason = error.wire_reason().unwrap();
    assert_eq!(reason.len(), 255);
    assert!(reason.bytes().all(|byte| byte.is_ascii_graphic()));
    let sent = pull.sent();
    assert_eq!(sent, command("ERROR", [&[255], reason.as_bytes()].concat()));
}

#[test]
fn before_the_greetings_agree_and_after_the_handshake_nothing_is_said() {
    let mut pull = Scripted::in_traffic(SocketType::Pull);
    pull.fails_on([0xff]);
    assert_eq!(pull.sent(), []);

    let mut pull = Scripted::in_traffic(SocketType::Pull);
    pull.connection.send(&Message::from("queued"));
    pull.fails_on([0xff]);
    assert_eq!(pull.sent(), short(0, "queued"), "what waited is not lost by the error");
}

#[test]
fn a_failed_connection_stays_failed_with_the_same_error() {
    let mut pull = Scripted::greeted(SocketType::Pull);
    let error = pull.fails_on(ready(SocketType::Sub));
    pull.sent();
    let mut input = BytesMut::from(&[greeting(3, 1, "NULL"), ready(SocketType::Push)].concat()[..]);
    let length = input.len();
    assert_eq!(pull.connection.handle_input(pull.now, &mut input), Err(error.clone()));
    assert_eq!(input.len(), length, "it takes no more bytes");
    assert_eq!(pull.connection.handle_timeout(pull.now), Err(error));
    assert_eq!(pull.connection.poll_timeout(), None);
    assert_eq!(pull.connection.peer(), None);
    assert_eq!(pull.connection.wanted(), 0);
    pull.connection.send(&Message::from("lost"));
    assert_eq!(pull.connection.transmit_len(), 0);
}

#[test]
fn an_error_says_whose_fault_it_is_and_names_the_value() {
    let text = |bytes: &[u8]| Scripted::greeted(SocketType::Pull).fails_on(bytes).to_string();
    assert_eq!(text(&[0x08]), "the peer misbehaved: frame flags 0x08 use reserved bits");
    assert_eq!(
        text(&ready(SocketType::Rep)),
        "the peer is incompatible: socket type REP cannot talk to PULL"
    );
    assert_eq!(text(&short(COMMAND, b"\x05ERROR\x04nope")), "the peer refused the connection: \"nope\"");
}
