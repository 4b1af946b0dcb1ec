//! PLAIN, RFC 24: byte vectors of each command, and what each end refuses.

use std::sync::Arc;

use bytes::Bytes;
use seaworthy_zmtp::mechanism::{PlainClient, PlainServer};
use seaworthy_zmtp::{
    ConnectionConfig, Error, Event, Metadata, PeerMisbehaved, Refusal, SocketType, Verdict,
};

use crate::pair::Pair;
use crate::scripted::{COMMAND, Scripted, command, message, property, short};

const HELLO_OF_ADMIN: &[u8] = b"\x04\x13\x05HELLO\x05admin\x06secret";
const WELCOME: &[u8] = b"\x04\x08\x07WELCOME";
const INITIATE_OF_A_PUSH: &[u8] = b"\x04\x1d\x08INITIATE\x0bSocket-Type\0\0\0\x04PUSH";
const READY_OF_A_PULL: &[u8] = b"\x04\x1a\x05READY\x0bSocket-Type\0\0\0\x04PULL";

fn admin() -> PlainClient {
    PlainClient::new("admin", "secret").unwrap()
}

fn client() -> Scripted {
    Scripted::with_mechanism(SocketType::Push, admin())
}

/// A server whose greeting is taken off.
fn server() -> Scripted {
    let mut server = Scripted::with_mechanism(SocketType::Pull, PlainServer::default());
    server.sent();
    server
}

/// A server that waits for a verdict on `admin`.
fn asking() -> Scripted {
    let mut server = server();
    let events = server.try_receives(HELLO_OF_ADMIN).unwrap();
    assert!(matches!(events[..], [Event::Authenticate(_)]), "{events:?}");
    server
}

#[track_caller]
fn misbehaves(error: Error, command: &str, reason: &'static str) {
    let name = command.to_owned();
    assert_eq!(error, Error::PeerMisbehaved(PeerMisbehaved::MalformedCommand { name, reason }));
}

#[track_caller]
fn unexpected(error: Error, command: &str) {
    let name = command.to_owned();
    assert_eq!(error, Error::PeerMisbehaved(PeerMisbehaved::UnexpectedCommand { name }));
}

#[test]
fn a_client_says_hello_initiates_and_is_ready() {
    let mut client = client();
    let sent = client.sent();
    assert_eq!(sent[12..17], *b"PLAIN");
    assert_eq!(sent[32], 0, "it is no server");
    assert_eq!(sent[64..], *HELLO_OF_ADMIN);
    assert_eq!(client.receives(WELCOME), []);
    assert_eq!(client.sent(), INITIATE_OF_A_PUSH);
    let events = client.receives(READY_OF_A_PULL);
    assert!(matches!(&events[..], [Event::Ready(peer)] if peer.socket_type == Some(SocketType::Pull)));
    assert_eq!(client.sent(), b"");
}

#[test]
fn a_server_asks_for_a_verdict_and_welcomes_whoever_is_admitted() {
    let mut server = Scripted::with_mechanism(SocketType::Pull, PlainServer::default());
    let greeting = server.sent();
    assert_eq!((greeting.len(), greeting[32]), (64, 1), "it is the server, and waits");
    let events = server.receives(HELLO_OF_ADMIN);
    let [Event::Authenticate(credentials)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(credentials.plain(), Some((&b"admin"[..], &b"secret"[..])));
    assert_eq!(server.sent(), b"");

    let mut metadata = Metadata::default();
    metadata.insert("X-Team", "sails").unwrap();
    let verdict = Verdict::Admitted { user_id: Bytes::from("ann"), metadata };
    assert_eq!(server.connection.authenticate(server.now, verdict), Ok(None));
    assert_eq!(server.sent(), WELCOME);
    let events = server.receives([INITIATE_OF_A_PUSH, &short(0, "first")].concat());
    let [Event::Ready(peer), first] = &events[..] else { panic!("{events:?}") };
    assert_eq!((peer.socket_type, &peer.user_id[..]), (Some(SocketType::Push), &b"ann"[..]));
    assert_eq!(peer.user_metadata.get("x-team").unwrap(), "sails");
    assert_eq!(*first, message(&[b"first"]));
    assert_eq!(server.sent(), READY_OF_A_PULL);
}

#[test]
fn two_connections_complete_the_handshake_with_each_other() {
    let mut of_client = ConnectionConfig::new(SocketType::Push);
    of_client.mechanism = Arc::new(admin());
    let mut of_server = ConnectionConfig::new(SocketType::Pull);
    of_server.mechanism = Arc::new(PlainServer::default());
    let mut pair = Pair::new(of_client, of_server);
    pair.drive().unwrap();
    for end in [&pair.a, &pair.b] {
        assert!(matches!(end.events[..], [Event::Ready(_)]), "{:?}", end.events);
    }
    assert_eq!(pair.b.credentials.unwrap().plain(), Some((&b"admin"[..], &b"secret"[..])));
}

#[test]
fn nothing_is_taken_from_a_client_while_the_verdict_on_it_is_awaited() {
    let mut server = server();
    let events = server.receives([HELLO_OF_ADMIN, INITIATE_OF_A_PUSH].concat());
    assert!(matches!(events[..], [Event::Authenticate(_)]), "{events:?}");
    assert!(server.connection.awaits_verdict());
    assert_eq!(server.receives(short(0, "early")), []);
    assert_eq!(server.connection.authenticate(server.now, Verdict::admitted()), Ok(None));
    let events = server.receives("");
    assert!(matches!(events[..], [Event::Ready(_), Event::Message(_)]), "{events:?}");
}

#[test]
fn a_client_that_is_refused_is_told_the_status_unless_it_is_temporary() {
    for (refusal, told) in [
        (Refusal::Denied, &b"\x04\x0a\x05ERROR\x03400"[..]),
        (Refusal::Internal, b"\x04\x0a\x05ERROR\x03500"),
        (Refusal::Temporary, b""),
    ] {
        let mut server = asking();
        let error = server.connection.authenticate(server.now, Verdict::Refused(refusal)).unwrap_err();
        assert_eq!(error, Error::Unauthenticated(refusal));
        assert!(error.is_authentication());
        assert_eq!(server.sent(), told);
        assert_eq!(server.fails_on(INITIATE_OF_A_PUSH), error, "it stays refused");
        assert_eq!(server.connection.authenticate(server.now, Verdict::admitted()), Err(error));
    }
}

#[test]
fn a_client_learns_that_it_was_refused() {
    let mut client = client();
    let error = client.fails_on(command("ERROR", "\x03400"));
    assert_eq!(error, Error::PeerRefused { reason: "400".to_owned() });
    assert!(error.is_authentication() && error.is_protocol());
    // By libzmq 4.3.5.
    let error = self::client().fails_on(short(COMMAND, "^RROR\x03400"));
    assert_eq!(error, Error::PeerRefused { reason: "400".to_owned() });
    let mut client = self::client();
    assert!(!client.fails_on(command("ERROR", "\x04busy")).is_authentication());
}

#[test]
fn a_verdict_that_comes_after_the_deadline_admits_nobody() {
    let mut server = asking();
    let (deadline, _) = server.connection.poll_timeout().unwrap();
    let late = server.connection.handle_timeout(deadline).unwrap_err();
    assert_eq!(server.connection.authenticate(deadline, Verdict::admitted()), Err(late));
    assert_eq!(server.sent(), b"");
}

#[test]
fn hello_ends_exactly_behind_the_password() {
    for (data, reason) in [
        (&b""[..], "the username is cut short"),
        (b"\x05admi", "the username is cut short"),
        (b"\x05admin", "the password is cut short"),
        (b"\x05admin\x06secre", "the password is cut short"),
        (b"\x05admin\x06secretx", "something follows the password"),
    ] {
        misbehaves(server().fails_on(command("HELLO", data)), "HELLO", reason);
    }
    let mut server = self::server();
    let events = server.receives(command("HELLO", "\0\0"));
    let [Event::Authenticate(credentials)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(credentials.plain(), Some((&b""[..], &b""[..])), "whether that will do is not for us to say");
}

#[test]
fn a_name_or_password_that_hello_cannot_carry_makes_no_client() {
    let most = "x".repeat(255);
    assert!(PlainClient::new(most.clone(), &most[..]).is_some());
    assert!(PlainClient::new(most.clone(), &format!("{most}x")[..]).is_none());
    assert!(PlainClient::new(format!("{most}x"), &most[..]).is_none());
}

#[test]
fn commands_out_of_order_end_the_handshake() {
    unexpected(client().fails_on(READY_OF_A_PULL), "READY");
    unexpected(client().fails_on(HELLO_OF_ADMIN), "HELLO");
    misbehaves(client().fails_on(command("WELCOME", "x")), "WELCOME", "it has data");
    let mut initiated = client();
    initiated.receives(WELCOME);
    unexpected(initiated.fails_on(WELCOME), "WELCOME");
    unexpected(server().fails_on(INITIATE_OF_A_PUSH), "INITIATE");
    unexpected(server().fails_on(READY_OF_A_PULL), "READY");
    let mut welcomed = asking();
    welcomed.connection.authenticate(welcomed.now, Verdict::admitted()).unwrap();
    unexpected(welcomed.fails_on(HELLO_OF_ADMIN), "HELLO");
    let misbehaviour = Error::PeerMisbehaved(PeerMisbehaved::MessageDuringHandshake);
    assert_eq!(server().fails_on(short(0, "early")), misbehaviour);
}

#[test]
fn only_the_server_sends_errors() {
    let mut client = client();
    client.sent();
    client.fails_on(READY_OF_A_PULL);
    assert_eq!(client.sent(), b"");
    let mut server = server();
    server.fails_on(READY_OF_A_PULL);
    assert_eq!(server.sent(), command("ERROR", "\x2dunexpected-command-READY-during-the-handshake"));
}

#[test]
fn a_socket_type_that_does_not_fit_is_refused_by_either_end() {
    let mut client = client();
    client.receives(WELCOME);
    let error = client.fails_on(command("READY", property("Socket-Type", "PUSH")));
    assert!(matches!(error, Error::PeerIncompatible(_)), "{error}");
    let mut server = asking();
    server.connection.authenticate(server.now, Verdict::admitted()).unwrap();
    let error = server.fails_on(command("INITIATE", property("Socket-Type", "PULL")));
    assert!(matches!(error, Error::PeerIncompatible(_)), "{error}");
}

#[test]
fn no_password_is_ever_printed() {
    let mut client = client();
    let mut server = server();
    server.input.extend_from_slice(&client.sent()[64..]);
    let asked = server.receives("");
    for shown in
        [format!("{:?}", client.connection), format!("{:?}", server.connection), format!("{asked:?}")]
    {
        assert!(!shown.contains("secret"), "{shown}");
    }
}
