//! What an attacker may try: each ends the connection, without an answer, and before anything is delivered.

use std::time::Duration;

use proptest::prelude::*;
use seaworthy_core::Message;
use seaworthy_zmtp::mechanism::{CurveServer, Null, PlainServer};
use seaworthy_zmtp::{Error, Event, PeerIncompatible, PeerMisbehaved, SocketType, Timer};

use super::peer::{Client, Key, Server, as_secret, data, public};
use super::secrets::seeded;
use super::{
    CLIENT, SERVER, client_config, config, established_client, established_server, our_client, our_server,
    server_config,
};
use crate::scripted::{COMMAND, Scripted, announcing, command, greeting, long, property, ready, short};

fn pull() -> Scripted {
    our_server(server_config(SocketType::Pull))
}

fn client() -> Client {
    Client::new(public(&SERVER))
}

/// A server that has welcomed `client`; S', and the cookie.
fn welcomed(client: &Client) -> (Scripted, Key, Vec<u8>) {
    let mut server = pull();
    server.receives(client.hello());
    let (transient, cookie) = client.welcomed(&server.sent());
    (server, transient, cookie)
}

/// Our client that has said HELLO to `server`; and C'.
fn greeted(server: &Server) -> (Scripted, Key) {
    let (client, hello) = our_client(client_config(SocketType::Push, public(&server.secret)));
    let transient = server.greeted(&hello);
    (client, transient)
}

/// Why `bytes` end the connection. They are not answered.
#[track_caller]
fn refuses(mut scripted: Scripted, bytes: impl AsRef<[u8]>) -> PeerMisbehaved {
    let error = scripted.fails_on(bytes);
    assert_eq!(scripted.sent(), b"", "nothing says why");
    match error {
        Error::PeerMisbehaved(why) => why,
        other => panic!("{other}"),
    }
}

fn malformed(command: &str, reason: &'static str) -> PeerMisbehaved {
    PeerMisbehaved::MalformedCommand { name: command.to_owned(), reason }
}

fn unopenable(command: &'static str) -> PeerMisbehaved {
    PeerMisbehaved::Unopenable { command }
}

#[test]
fn every_field_of_hello_is_checked() {
    let good = client().hello_data();
    let hello = |data: &[u8]| refuses(pull(), command("HELLO", data));
    let changed = |at: usize| {
        let mut data = good.clone();
        data[at] ^= 1;
        hello(&data)
    };
    for length in [0, 1, 2, 73, 105, 113, 193] {
        assert_eq!(hello(&good[..length]), malformed("HELLO", "it is too short"), "{length}");
    }
    assert_eq!(hello(&[&good[..], b"x"].concat()), malformed("HELLO", "it is too long"));
    assert_eq!(changed(0), malformed("HELLO", "its version is not 1.0"));
    assert_eq!(changed(1), malformed("HELLO", "its version is not 1.0"));
    assert_eq!(changed(2), malformed("HELLO", "its padding is not zero"));
    assert_eq!(changed(73), malformed("HELLO", "its padding is not zero"));
    for at in [74, 113, 114, 193] {
        assert_eq!(changed(at), unopenable("HELLO"), "{at}");
    }
    assert_eq!(pull().receives(command("HELLO", &good)), []);
}

#[test]
fn hello_for_another_server_does_not_open() {
    let client = Client::new(public(&[99; 32]));
    assert_eq!(refuses(pull(), client.hello()), unopenable("HELLO"));
}

#[test]
fn a_key_of_low_order_is_refused_wherever_it_stands() {
    let mut hello = client().hello_data();
    hello[74..106].fill(0);
    assert_eq!(refuses(pull(), command("HELLO", hello)), PeerMisbehaved::LowOrderKey { command: "HELLO" });
    // Boxes sealed with a C of low order open with any key, so they prove nothing about the client.
    let mut nobody = client();
    nobody.public = [0; 32];
    let (server, transient, cookie) = welcomed(&nobody);
    let initiate = nobody.initiate(&transient, &cookie, "PUSH");
    assert_eq!(refuses(server, initiate), PeerMisbehaved::LowOrderKey { command: "INITIATE" });
    let mut ours = Scripted::with_random(client_config(SocketType::Push, [0; 32]), seeded(2));
    let error = ours.fails_on(greeting(3, 1, "CURVE"));
    assert_eq!(error, Error::PeerMisbehaved(PeerMisbehaved::LowOrderKey { command: "curve_serverkey" }));
}

#[test]
fn every_field_of_initiate_is_checked() {
    let client = client();
    let initiate = |change: &dyn Fn(&mut Vec<u8>)| {
        let (server, transient, cookie) = welcomed(&client);
        let mut data = client.initiate_data(&transient, &cookie, &property("Socket-Type", "PUSH"));
        change(&mut data);
        refuses(server, command("INITIATE", data))
    };
    let changed = |at: usize| initiate(&move |data| data[at] ^= 1);
    for length in [0, 95, 96, 103] {
        assert_eq!(initiate(&|data| data.truncate(length)), malformed("INITIATE", "it is too short"));
    }
    assert_eq!(initiate(&|data| data.truncate(110)), unopenable("INITIATE"));
    assert_eq!(initiate(&|data| data.truncate(200)), unopenable("INITIATE"));
    assert_eq!(initiate(&|data| data.push(0)), unopenable("INITIATE"));
    for at in [0, 15, 16, 95] {
        assert_eq!(changed(at), unopenable("the cookie in INITIATE"), "{at}");
    }
    for at in [103, 104, 200, 260] {
        assert_eq!(changed(at), unopenable("INITIATE"), "{at}");
    }
}

#[test]
fn metadata_that_cannot_be_read_is_refused_though_its_box_opens() {
    let client = client();
    for metadata in [&b"\x0bSocket-Type\xff\xff\xff\xffPUSH"[..], b"\0\0\0\0\0", b"\x0bSocket"] {
        let (server, transient, cookie) = welcomed(&client);
        let initiate = command("INITIATE", client.initiate_data(&transient, &cookie, metadata));
        let refused = refuses(server, initiate);
        assert!(matches!(refused, PeerMisbehaved::MalformedMetadata { .. }), "{refused}");
    }
}

/// CVE-2019-13132: metadata that outgrows a buffer.
#[test]
fn initiate_may_have_16_kib_with_its_metadata_and_is_refused_for_more_when_it_is_announced() {
    const LIMIT: usize = 16 << 10;
    let client = client();
    let (mut server, transient, cookie) = welcomed(&client);
    let around = 257 + property("Socket-Type", "PUSH").len() + property("X-Much", "").len();
    let metadata = [property("Socket-Type", "PUSH"), property("X-Much", vec![7; LIMIT - around])].concat();
    let initiate = command("INITIATE", client.initiate_data(&transient, &cookie, &metadata));
    assert_eq!(initiate.len(), 9 + LIMIT);
    assert!(matches!(server.receives(initiate)[..], [Event::Ready(_)]));
    for length in [LIMIT as u64 + 1, u64::from(u32::MAX), i64::MAX as u64, u64::MAX] {
        let (server, ..) = welcomed(&client);
        let refused = refuses(server, announcing(COMMAND, length));
        assert_eq!(refused, PeerMisbehaved::CommandTooLarge { length, limit: LIMIT as u64 });
    }
}

#[test]
fn a_cookie_of_another_connection_does_not_open() {
    let client = client();
    let (_, transient, cookie) = welcomed(&client);
    // The same client, with the same keys, on a connection of the same server.
    let mut other = Scripted::with_random(server_config(SocketType::Pull), seeded(7));
    other.receives(greeting(3, 1, "CURVE"));
    other.receives(client.hello());
    other.sent();
    let replayed = client.initiate(&transient, &cookie, "PUSH");
    assert_eq!(refuses(other, replayed), unopenable("the cookie in INITIATE"));
    let (server, transient, _) = welcomed(&client);
    let forged = client.initiate(&transient, &[5; 96], "PUSH");
    assert_eq!(refuses(server, forged), unopenable("the cookie in INITIATE"));
}

#[test]
fn a_recorded_handshake_cannot_be_replayed() {
    let client = client();
    let (mut server, transient, cookie) = welcomed(&client);
    let initiate = client.initiate(&transient, &cookie, "PUSH");
    assert_eq!(server.receives(&initiate).len(), 1);
    let mut again = Scripted::with_random(server_config(SocketType::Pull), seeded(8));
    again.receives(greeting(3, 1, "CURVE"));
    assert_eq!(again.receives(client.hello()), [], "HELLO may be: it proves nothing");
    again.sent();
    assert_eq!(refuses(again, initiate), unopenable("the cookie in INITIATE"));
}

#[test]
fn the_nonce_of_initiate_is_larger_than_that_of_hello() {
    for (hello, initiate) in [(1, 1), (1, 0), (u64::MAX, u64::MAX), (u64::MAX, 0)] {
        let mut client = client();
        client.numbers = (hello, initiate);
        let (server, transient, cookie) = welcomed(&client);
        let refused = refuses(server, client.initiate(&transient, &cookie, "PUSH"));
        let expected = PeerMisbehaved::NonceNotRising { command: "INITIATE", nonce: initiate, last: hello };
        assert_eq!(refused, expected);
    }
    let mut client = client();
    client.numbers = (0, u64::MAX);
    let (mut server, transient, cookie) = welcomed(&client);
    assert_eq!(server.receives(client.initiate(&transient, &cookie, "PUSH")).len(), 1);
}

#[test]
fn a_vouch_is_for_this_connection_and_this_server_and_by_this_client() {
    let initiate = |client: &Client| {
        let (server, transient, cookie) = welcomed(client);
        refuses(server, client.initiate(&transient, &cookie, "PUSH"))
    };
    let good = client();
    let (transient, server) = (public(&good.transient), good.server);
    let mut forwarded = client();
    forwarded.vouched = Some((transient, public(&[99; 32])));
    assert_eq!(initiate(&forwarded), PeerMisbehaved::VouchForAnother("server"));
    let mut stolen = client();
    stolen.vouched = Some((public(&[98; 32]), server));
    assert_eq!(initiate(&stolen), PeerMisbehaved::VouchForAnother("connection"));
    // Somebody else's public key, without the secret one.
    let mut impostor = client();
    impostor.public = public(&CLIENT);
    assert_eq!(initiate(&impostor), unopenable("the vouch in INITIATE"));
}

#[test]
fn commands_out_of_order_end_the_handshake() {
    let client = client();
    let server = Server::new();
    let unexpected = |name: &str| PeerMisbehaved::UnexpectedCommand { name: name.to_owned() };
    let initiate = || command("INITIATE", [0; 300]);
    assert_eq!(refuses(pull(), initiate()), unexpected("INITIATE"));
    assert_eq!(refuses(pull(), ready(SocketType::Push)), unexpected("READY"));
    assert_eq!(refuses(pull(), short(0, "early")), PeerMisbehaved::MessageDuringHandshake);
    assert_eq!(refuses(welcomed(&client).0, client.hello()), unexpected("HELLO"));
    assert_eq!(refuses(greeted(&server).0, ready(SocketType::Pull)), unexpected("READY"));
    assert_eq!(refuses(greeted(&server).0, client.hello()), unexpected("HELLO"), "two clients");
    let (mut initiated, transient) = greeted(&server);
    initiated.receives(server.welcome(&transient));
    initiated.sent();
    assert_eq!(refuses(initiated, server.welcome(&transient)), unexpected("WELCOME"));
}

#[test]
fn every_field_of_welcome_is_checked() {
    let server = Server::new();
    let welcome = |change: &dyn Fn(&mut Vec<u8>)| {
        let (client, transient) = greeted(&server);
        let mut data = server.welcome_data(&transient);
        change(&mut data);
        refuses(client, command("WELCOME", data))
    };
    for length in [0, 15, 16, 159] {
        assert_eq!(welcome(&|data| data.truncate(length)), malformed("WELCOME", "it is too short"));
    }
    assert_eq!(welcome(&|data| data.push(0)), malformed("WELCOME", "it is too long"));
    for at in [0, 15, 16, 31, 32, 159] {
        assert_eq!(welcome(&|data| data[at] ^= 1), unopenable("WELCOME"), "{at}");
    }
    // From somebody who does not hold the key that the client knows.
    let (client, transient) = greeted(&server);
    let mut other = Server::new();
    other.secret = [99; 32];
    assert_eq!(refuses(client, other.welcome(&transient)), unopenable("WELCOME"));
}

#[test]
fn every_field_of_ready_is_checked() {
    let server = Server::new();
    let ready = |change: &dyn Fn(&mut Vec<u8>)| {
        let (mut client, transient) = greeted(&server);
        client.receives(server.welcome(&transient));
        client.sent();
        let ready = server.ready(&transient, 1, "PULL");
        let mut ready = data(&ready, "READY").to_vec();
        change(&mut ready);
        refuses(client, command("READY", ready))
    };
    for length in [0, 7] {
        assert_eq!(ready(&|data| data.truncate(length)), malformed("READY", "it is too short"));
    }
    for length in [8, 23, 24, 30] {
        assert_eq!(ready(&|data| data.truncate(length)), unopenable("READY"), "{length}");
    }
    for at in [0, 7, 8, 23, 24, 40] {
        assert_eq!(ready(&|data| data[at] ^= 1), unopenable("READY"), "{at}");
    }
}

#[test]
fn nonces_of_messages_rise_across_handshake_and_messages() {
    let not_rising = |nonce, last| PeerMisbehaved::NonceNotRising { command: "MESSAGE", nonce, last };
    for nonce in [0, 1, 2] {
        let (server, client, transient) = established_server(server_config(SocketType::Pull), "PUSH");
        assert_eq!(refuses(server, client.message(&transient, nonce, 0, b"x")), not_rising(nonce, 2));
    }
    let of_client = || client_config(SocketType::Push, public(&Server::new().secret));
    for nonce in [0, 1] {
        let (client, server, transient) = established_client(of_client(), "PULL");
        assert_eq!(refuses(client, server.message(&transient, nonce, 0, b"x")), not_rising(nonce, 1));
    }
    let (mut server, client, transient) = established_server(server_config(SocketType::Pull), "PUSH");
    for nonce in [3, 4, 1000, u64::MAX] {
        assert_eq!(server.receives(client.message(&transient, nonce, 0, b"x")).len(), 1);
    }
    assert_eq!(refuses(server, client.message(&transient, 0, 0, b"x")), not_rising(0, u64::MAX));
}

#[test]
fn a_message_cannot_be_replayed_reordered_or_reflected() {
    let established = || established_server(server_config(SocketType::Dealer), "DEALER");
    let (mut server, client, transient) = established();
    let message = client.message(&transient, 3, 0, b"pay");
    assert_eq!(server.receives(&message).len(), 1);
    let replayed = PeerMisbehaved::NonceNotRising { command: "MESSAGE", nonce: 3, last: 3 };
    assert_eq!(refuses(server, &message), replayed);

    let (mut server, client, transient) = established();
    server.receives(client.message(&transient, 4, 0, b"second"));
    assert!(matches!(refuses(server, &message), PeerMisbehaved::NonceNotRising { .. }));

    // What the server sends does not open as if it came from the client.
    let (mut server, ..) = established();
    for _ in 0..5 {
        server.connection.send(&Message::from("ours"));
    }
    let sent = server.sent();
    let fifth = &sent[sent.len() / 5 * 4..];
    assert_eq!(data(fifth, "MESSAGE")[..8], 6_u64.to_be_bytes());
    assert_eq!(refuses(server, fifth), unopenable("MESSAGE"));
}

#[test]
fn no_bit_of_a_message_can_be_changed() {
    let (_, client, transient) = established_server(server_config(SocketType::Pull), "PUSH");
    let message = client.message(&transient, 3, 0, b"a body");
    for at in 0..message.len() {
        for bit in 0..8 {
            let (mut server, ..) = established_server(server_config(SocketType::Pull), "PUSH");
            let mut changed = message.clone();
            changed[at] ^= 1 << bit;
            // A changed length may make the server wait for more; else it is refused.
            let outcome = server.try_receives(&changed);
            assert!(
                !matches!(&outcome, Ok(events) if !events.is_empty()),
                "octet {at}, bit {bit}: {outcome:?}"
            );
            assert!(outcome.is_err() || at < 10, "octet {at}, bit {bit}");
        }
    }
}

/// CVE-2019-6250: a length near 2^64 that overflows when something is added to it.
#[test]
fn a_length_of_64_bits_is_only_a_number() {
    for length in [u64::MAX, u64::MAX - 8, u64::MAX - 33, 1 << 63, (4 << 30) + 34] {
        let (mut server, ..) = established_server(server_config(SocketType::Pull), "PUSH");
        assert!(matches!(server.fails_on(announcing(0, length)), Error::PeerMisbehaved(_)));
        assert!(server.input.capacity() < 10_000);
    }
    for length in 0..33 {
        let (server, ..) = established_server(server_config(SocketType::Pull), "PUSH");
        let refused = refuses(server, short(0, vec![7; length]));
        assert_eq!(refused, PeerMisbehaved::Unprotected { reason: "it is too short" });
    }
}

#[test]
fn no_peer_can_choose_a_mechanism_that_asks_for_less() {
    for theirs in ["NULL", "PLAIN", "CURVEX", "curve", ""] {
        let mut server = Scripted::with_random(server_config(SocketType::Pull), seeded(1));
        let error = server.fails_on([greeting(3, 1, theirs), ready(SocketType::Push)].concat());
        let (ours, theirs) = ("CURVE".to_owned(), theirs.to_owned());
        assert_eq!(error, Error::PeerIncompatible(PeerIncompatible::Mechanism { ours, theirs }));
        assert_eq!(server.sent().len(), 64, "our greeting, and no command");
    }
    let of_others =
        [config(SocketType::Pull, Null::default()), config(SocketType::Pull, PlainServer::default())];
    for config in of_others {
        let error = Scripted::new(config).fails_on(greeting(3, 1, "CURVE"));
        assert!(matches!(error, Error::PeerIncompatible(PeerIncompatible::Mechanism { .. })), "{error}");
    }
    for older in [&greeting(2, 0, "")[..11], &greeting(1, 0, "")[..11], b"\x01\0"] {
        let mut server = Scripted::with_random(server_config(SocketType::Pull), seeded(1));
        assert!(matches!(server.fails_on(older), Error::PeerIncompatible(_)));
        assert_eq!(server.sent().len(), 11);
    }
}

/// CVE-2020-15166: peers that never authenticate.
#[test]
fn a_peer_that_is_not_known_costs_little_and_not_for_long() {
    let client = client();
    let mut of_server = server_config(SocketType::Pull);
    of_server.handshake_ivl = Duration::from_secs(5);
    // However far it gets: what waits for it, what is kept of its input, and the deadline.
    let initiate = command("INITIATE", [0; 16_000]);
    for bytes in [
        vec![],
        client.hello()[..100].to_vec(),
        client.hello(),
        [client.hello(), initiate[..16_000].to_vec()].concat(),
    ] {
        let mut server = our_server(of_server.clone());
        let deadline = server.now + Duration::from_secs(5);
        for octet in &bytes {
            assert_eq!(server.receives([*octet]), [], "no event, hence no pipe");
        }
        assert!(server.connection.transmit_len() <= 2 + 168);
        assert!(server.input.len() <= 16 << 10);
        assert_eq!(server.connection.poll_timeout(), Some((deadline, Timer::Handshake)));
        assert_eq!(server.connection.handle_timeout(deadline), Err(Error::TimedOut(Timer::Handshake)));
    }
}

#[test]
fn a_client_that_waits_for_its_verdict_costs_no_more_than_before() {
    let mechanism = CurveServer::new(as_secret(SERVER)).authenticating();
    let mut server = our_server(config(SocketType::Pull, mechanism));
    let client = client();
    server.receives(client.hello());
    let (transient, cookie) = client.welcomed(&server.sent());
    assert_eq!(server.receives(client.initiate(&transient, &cookie, "PUSH")).len(), 1);
    for number in 3..100 {
        assert_eq!(server.receives(client.message(&transient, number, 0, b"early")), []);
    }
    assert_eq!(server.connection.transmit_len(), 0);
    assert!(server.connection.awaits_verdict(), "what came lies in the input, where its owner bounds it");
}

proptest! {
    #[test]
    fn a_handshake_with_anything_changed_is_never_complete(
        of_initiate in any::<bool>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 1..=255_u8), 1..4),
    ) {
        let client = client();
        let mut server = pull();
        let mut hello = client.hello();
        if !of_initiate {
            changes.iter().for_each(|(at, by)| *at.get_mut(&mut hello[2..]) ^= by);
            if hello != client.hello() {
                prop_assert!(server.try_receives(&hello).is_err());
            }
        } else {
            server.receives(&hello);
            let (transient, cookie) = client.welcomed(&server.sent());
            let good = client.initiate(&transient, &cookie, "PUSH");
            let mut initiate = good.clone();
            changes.iter().for_each(|(at, by)| *at.get_mut(&mut initiate[9..]) ^= by);
            if initiate != good {
                prop_assert!(server.try_receives(&initiate).is_err());
            }
        }
    }

    #[test]
    fn any_bytes_at_any_stage_neither_panic_nor_complete_anything(
        stage in 0..5_u8,
        bytes in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..300),
            (prop::sample::select(vec!["HELLO", "WELCOME", "INITIATE", "READY", "ERROR", "MESSAGE"]),
                prop::collection::vec(any::<u8>(), 0..400)).prop_map(|(name, data)| command(name, data)),
            prop::collection::vec(any::<u8>(), 0..300)
                .prop_map(|body| long(0, [&b"\x07MESSAGE"[..], &body].concat())),
        ],
        piece in 1..100_usize,
    ) {
        let (client, server) = (client(), Server::new());
        let of_client = client_config(SocketType::Push, public(&server.secret));
        let mut ours = match stage {
            0 => pull(),
            1 => welcomed(&client).0,
            2 => greeted(&server).0,
            3 => established_server(server_config(SocketType::Pull), "PUSH").0,
            _ => established_client(of_client, "PULL").0,
        };
        for piece in bytes.chunks(piece) {
            if let Ok(events) = ours.try_receives(piece) {
                prop_assert_eq!(events, []);
            }
            prop_assert!(ours.connection.transmit_len() <= 300);
        }
    }
}
