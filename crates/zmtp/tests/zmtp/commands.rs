//! RFC 37, "Commands", once traffic flows.

use seaworthy_zmtp::{Error, PeerMisbehaved, SocketType};

use crate::scripted::{COMMAND, Scripted, announcing, command, message, property, short};

fn pull() -> Scripted {
    Scripted::in_traffic(SocketType::Pull)
}

#[test]
fn unknown_commands_are_ignored() {
    let mut pull = pull();
    for name in ["JOIN", "LEAVE", "ping", "HELLO", "X", &"n".repeat(255)] {
        assert_eq!(pull.receives(command(name, "data")), []);
    }
    assert_eq!(pull.receives(command("READY", property("Socket-Type", "PUB"))), []);
    assert_eq!(pull.receives(command("PONG", "")), []);
    assert_eq!(pull.receives(short(0, "still here")), [message(&[b"still here"])]);
    assert_eq!(pull.sent(), []);
}

#[track_caller]
fn malformed(body: &[u8], name: &str, reason: &str) {
    let error = pull().fails_on(short(COMMAND, body));
    let Error::PeerMisbehaved(PeerMisbehaved::MalformedCommand { name: named, reason: given }) = error else {
        panic!("{error}")
    };
    assert_eq!(named, name);
    assert!(given.contains(reason), "{given:?} does not say {reason:?}");
}

#[test]
fn a_command_without_a_whole_name_is_misbehaviour() {
    malformed(b"", "", "cut short");
    malformed(b"\0", "", "empty");
    malformed(b"\0data", "", "empty");
    malformed(b"\x05PING", r"\x05PING", "cut short");
}

#[test]
fn a_ping_without_a_whole_time_to_live_is_misbehaviour() {
    malformed(b"\x04PING", "PING", "time to live");
    malformed(b"\x04PING\0", "PING", "time to live");
    assert_eq!(pull().receives(short(COMMAND, b"\x04PING\0\0")), []);
}

#[test]
fn a_command_may_have_a_mebibyte_and_not_a_byte_more() {
    const LIMIT: u64 = 1 << 20;
    assert_eq!(pull().receives(announcing(COMMAND, LIMIT)), []);
    let error = pull().fails_on(announcing(COMMAND, LIMIT + 1));
    let too_large = PeerMisbehaved::CommandTooLarge { length: LIMIT + 1, limit: LIMIT };
    assert_eq!(error, Error::PeerMisbehaved(too_large));
}
