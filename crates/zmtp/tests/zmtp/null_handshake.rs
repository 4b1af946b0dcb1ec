//! RFC 37, "The NULL Security Mechanism", and its worked example.

use std::time::Duration;

use bytes::Bytes;
use seaworthy_core::Instant;
use seaworthy_zmtp::{ConnectionConfig, Error, Event, PeerMisbehaved, SocketType, Timer, Version};

use crate::pair::Pair;
use crate::scripted::{
    COMMAND, Scripted, announcing, command, greeting, long, message, property, ready, short,
};

/// RFC 37, "Worked Example".
const READY_OF_A_DEALER: &[u8] = b"\x04\x29\x05READY\x0bSocket-Type\0\0\0\x06DEALER\x08Identity\0\0\0\0";
const READY_OF_A_ROUTER: &[u8] = b"\x04\x1c\x05READY\x0bSocket-Type\0\0\0\x06ROUTER";

#[track_caller]
fn announces(config: ConnectionConfig, expected: &[u8]) {
    let mut scripted = Scripted::new(config);
    scripted.sent();
    scripted.receives(greeting(3, 1, "NULL"));
    let sent = scripted.sent();
    assert_eq!(sent[53..], *expected, "{}", sent[53..].escape_ascii());
}

#[test]
fn a_dealer_announces_its_type_and_its_identity_even_when_that_is_empty() {
    announces(ConnectionConfig::new(SocketType::Dealer), READY_OF_A_DEALER);
}

#[test]
fn a_routing_id_is_announced_by_req_dealer_and_router_only() {
    for socket_type in SocketType::ALL {
        let mut config = ConnectionConfig::new(socket_type);
        config.routing_id = Bytes::from_static(b"worker-7");
        let mut properties = property("Socket-Type", socket_type.name());
        if [SocketType::Req, SocketType::Dealer, SocketType::Router].contains(&socket_type) {
            properties.extend(property("Identity", "worker-7"));
        }
        announces(config, &command("READY", properties));
    }
}

#[test]
fn the_worked_example_of_the_rfc_is_understood() {
    let mut router = Scripted::greeted(SocketType::Router);
    let events = router.receives(READY_OF_A_DEALER);
    let [Event::Ready(dealer)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(dealer.socket_type, Some(SocketType::Dealer));
    assert_eq!(dealer.routing_id, "");
    assert_eq!(dealer.version, Version::ZMTP_3_1);

    let mut dealer = Scripted::greeted(SocketType::Dealer);
    let events = dealer.receives(READY_OF_A_ROUTER);
    assert!(matches!(&events[..], [Event::Ready(peer)] if peer.socket_type == Some(SocketType::Router)));
    assert_eq!(dealer.connection.peer().unwrap().socket_type, Some(SocketType::Router));
}

#[test]
fn two_connections_complete_the_handshake_with_each_other() {
    let mut config = ConnectionConfig::new(SocketType::Req);
    config.routing_id = Bytes::from_static(b"client");
    let mut pair = Pair::new(config, ConnectionConfig::new(SocketType::Router));
    pair.drive().unwrap();
    let [Event::Ready(of_a)] = &pair.a.events[..] else { panic!("{:?}", pair.a.events) };
    let [Event::Ready(of_b)] = &pair.b.events[..] else { panic!("{:?}", pair.b.events) };
    assert_eq!((of_a.socket_type, &of_a.routing_id[..]), (Some(SocketType::Router), &b""[..]));
    assert_eq!((of_b.socket_type, &of_b.routing_id[..]), (Some(SocketType::Req), &b"client"[..]));
}

#[test]
fn a_long_frame_may_carry_a_short_ready() {
    let mut pull = Scripted::greeted(SocketType::Pull);
    let body = [b"\x05READY", &property("Socket-Type", "PUSH")[..]].concat();
    assert_eq!(pull.receives(long(COMMAND, body)).len(), 1);
}

#[test]
fn messages_right_behind_ready_are_delivered_after_it() {
    let mut pull = Scripted::greeted(SocketType::Pull);
    let events = pull.receives([ready(SocketType::Push), short(0, "first")].concat());
    assert!(matches!(events[0], Event::Ready(_)));
    assert_eq!(events[1..], [message(&[b"first"])]);
}

#[test]
fn a_message_before_ready_is_misbehaviour() {
    let mut pull = Scripted::greeted(SocketType::Pull);
    assert_eq!(
        pull.fails_on(short(0, "early")),
        Error::PeerMisbehaved(PeerMisbehaved::MessageDuringHandshake)
    );
}

#[test]
fn only_ready_and_error_are_commands_of_the_null_handshake() {
    for name in ["PING", "SUBSCRIBE", "HELLO", "ready"] {
        let mut xpub = Scripted::greeted(SocketType::XPub);
        let error = xpub.fails_on(command(name, [0, 0]));
        let name = name.to_owned();
        assert_eq!(error, Error::PeerMisbehaved(PeerMisbehaved::UnexpectedCommand { name }));
    }
}

#[test]
fn a_handshake_command_may_have_16_kib_and_not_a_byte_more() {
    const LIMIT: u64 = 16 << 10;
    let mut pull = Scripted::greeted(SocketType::Pull);
    assert_eq!(pull.receives(announcing(COMMAND, LIMIT)), []);
    assert_eq!(pull.connection.wanted(), 16 << 10);
    let mut pull = Scripted::greeted(SocketType::Pull);
    let error = pull.fails_on(announcing(COMMAND, LIMIT + 1));
    let too_large = PeerMisbehaved::CommandTooLarge { length: LIMIT + 1, limit: LIMIT };
    assert_eq!(error, Error::PeerMisbehaved(too_large));
}

#[test]
fn a_handshake_may_take_its_time_and_not_a_nanosecond_more() {
    const NANO: Duration = Duration::from_nanos(1);
    let mut config = ConnectionConfig::new(SocketType::Pull);
    config.handshake_ivl = Duration::from_secs(5);
    let mut pull = Scripted::new(config);
    let deadline = pull.now + Duration::from_secs(5);
    assert_eq!(pull.connection.poll_timeout(), Some((deadline, Timer::Handshake)));
    // A dribble does not help: the deadline is for the whole handshake.
    pull.passes(Duration::from_secs(5) - NANO);
    pull.receives(&greeting(3, 1, "NULL")[..50]);
    assert_eq!(pull.connection.poll_timeout(), Some((deadline, Timer::Handshake)));
    assert_eq!(pull.connection.handle_timeout(pull.now), Ok(()));
    pull.passes(NANO);
    let error = pull.connection.handle_timeout(pull.now).unwrap_err();
    assert_eq!(error, Error::TimedOut(Timer::Handshake));
    assert!(!error.is_protocol());
    assert_eq!(pull.connection.poll_timeout(), None);
}

#[test]
fn a_handshake_of_zero_takes_for_ever() {
    let mut config = ConnectionConfig::new(SocketType::Pull);
    config.handshake_ivl = Duration::ZERO;
    let mut pull = Scripted::new(config);
    assert_eq!(pull.connection.poll_timeout(), None);
    assert_eq!(pull.connection.handle_timeout(Instant::from_nanos(u64::MAX)), Ok(()));
}

#[test]
fn after_the_handshake_its_deadline_is_gone() {
    let mut pull = Scripted::in_traffic(SocketType::Pull);
    assert_eq!(pull.connection.poll_timeout(), None);
    pull.passes(Duration::from_secs(3600));
    assert_eq!(pull.connection.handle_timeout(pull.now), Ok(()));
}
