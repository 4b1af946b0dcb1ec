//! Both ends of the handshake, octet by octet.

use std::sync::Arc;

use bytes::Bytes;
use seaworthy_core::CurveSecretKey;
use seaworthy_zmtp::mechanism::{CurveClient, CurveServer, curve_keypair, curve_public};
use seaworthy_zmtp::{ApiMisuse, ConnectionConfig, Error, Event, Refusal, SocketType, Verdict};

use super::peer::{Client, Server, as_public, as_secret, data, nonce, opened, public};
use super::secrets::{exhausted, seeded};
use super::{CLIENT, SERVER, client_config, config, our_client, our_server, server_config};
use crate::pair::Pair;
use crate::scripted::{Scripted, command, greeting, property};

#[test]
fn our_client_says_everything_that_a_server_of_the_rfc_checks() {
    let server = Server::new();
    let (mut client, hello) = our_client(client_config(SocketType::Dealer, public(&server.secret)));
    let transient = server.greeted(&hello);
    assert_eq!(client.receives(server.welcome(&transient)), []);
    let (permanent, metadata) = server.initiated(&client.sent(), &transient);
    assert_eq!(permanent, public(&CLIENT));
    assert_eq!(metadata, [property("Socket-Type", "DEALER"), property("Identity", "")].concat());
    let events = client.receives(server.ready(&transient, 1, "ROUTER"));
    assert!(matches!(&events[..], [Event::Ready(peer)] if peer.socket_type == Some(SocketType::Router)));
    assert_eq!(client.sent(), b"");
}

#[test]
fn our_server_says_everything_that_a_client_of_the_rfc_checks() {
    let client = Client::new(public(&SERVER));
    let mut server = our_server(server_config(SocketType::Router));
    assert_eq!(client.hello().len(), 2 + 200);
    assert_eq!(server.receives(client.hello()), []);
    let (transient, cookie) = client.welcomed(&server.sent());
    let events = server.receives(client.initiate(&transient, &cookie, "REQ"));
    assert!(matches!(&events[..], [Event::Ready(peer)] if peer.socket_type == Some(SocketType::Req)));
    let ready = server.sent();
    let ready = data(&ready, "READY");
    assert_eq!(ready[..8], 1_u64.to_be_bytes());
    let metadata =
        opened(&ready[8..], &nonce("CurveZMQREADY---", &ready[..8]), &transient, &client.transient);
    assert_eq!(metadata, [property("Socket-Type", "ROUTER"), property("Identity", "")].concat());
}

#[test]
fn without_metadata_initiate_has_257_octets_and_ready_30() {
    let client = Client::new(public(&SERVER));
    let mut server = our_server(server_config(SocketType::Pull));
    server.receives(client.hello());
    let (transient, cookie) = client.welcomed(&server.sent());
    let initiate = client.initiate_data(&transient, &cookie, b"");
    assert_eq!(initiate.len() + 9, 257);
    assert!(matches!(server.receives(command("INITIATE", initiate))[..], [Event::Ready(_)]));

    let peer = Server::new();
    let (mut client, hello) = our_client(client_config(SocketType::Push, public(&peer.secret)));
    let transient = peer.greeted(&hello);
    client.receives(peer.welcome(&transient));
    let number = 1_u64.to_be_bytes();
    let sealed = super::peer::sealed(b"", &nonce("CurveZMQREADY---", &number), &transient, &peer.transient);
    let ready = [&number[..], &sealed].concat();
    assert_eq!(ready.len() + 6, 30);
    assert!(matches!(client.receives(command("READY", ready))[..], [Event::Ready(_)]));
}

fn pair(of_server: ConnectionConfig) -> Pair {
    let of_client = client_config(SocketType::Push, public(&SERVER));
    Pair::with_random(of_client, of_server, [seeded(1), seeded(2)])
}

#[test]
fn two_connections_complete_the_handshake_with_each_other() {
    let mut pair = pair(server_config(SocketType::Pull));
    pair.drive().unwrap();
    for end in [&pair.a, &pair.b] {
        assert!(matches!(end.events[..], [Event::Ready(_)]), "{:?}", end.events);
    }
    assert_eq!(pair.b.credentials, None, "nobody is asked about clients");
}

#[test]
fn an_authenticating_server_asks_for_a_verdict_on_the_clients_key() {
    let mechanism = CurveServer::new(as_secret(SERVER)).authenticating();
    let mut pair = pair(config(SocketType::Pull, mechanism));
    pair.b.verdict =
        Verdict::Admitted { user_id: Bytes::from("ann"), metadata: seaworthy_zmtp::Metadata::default() };
    pair.drive().unwrap();
    let key = pair.b.credentials.as_ref().unwrap().curve();
    assert_eq!(key, Some(as_public(public(&CLIENT))));
    let [Event::Ready(peer)] = &pair.b.events[..] else { panic!("{:?}", pair.b.events) };
    assert_eq!(peer.user_id, "ann");
    assert!(matches!(pair.a.events[..], [Event::Ready(_)]));
}

#[test]
fn a_client_that_is_refused_gets_no_ready() {
    for (refusal, told) in [
        (Refusal::Denied, command("ERROR", "\x03400")),
        (Refusal::Internal, command("ERROR", "\x03500")),
        (Refusal::Temporary, vec![]),
    ] {
        let mechanism = CurveServer::new(as_secret(SERVER)).authenticating();
        let mut server = our_server(config(SocketType::Pull, mechanism));
        let client = Client::new(public(&SERVER));
        server.receives(client.hello());
        let (transient, cookie) = client.welcomed(&server.sent());
        let events = server.receives(client.initiate(&transient, &cookie, "PUSH"));
        assert!(matches!(events[..], [Event::Authenticate(_)]), "{events:?}");
        assert_eq!(server.sent(), b"", "it is told nothing before the verdict");
        let error = server.connection.authenticate(server.now, Verdict::Refused(refusal)).unwrap_err();
        assert_eq!(server.sent(), told);
        let early = client.message(&transient, 3, 0, b"early");
        assert_eq!(server.fails_on(early), error);
    }
}

#[test]
fn a_server_with_another_key_than_the_client_knows_gets_nowhere() {
    let of_client = client_config(SocketType::Push, public(&[99; 32]));
    let mut pair = Pair::with_random(of_client, server_config(SocketType::Pull), [seeded(1), seeded(2)]);
    let error = pair.drive().unwrap_err();
    assert!(error.to_string().contains("the box of HELLO does not open"), "{error}");
    assert!(pair.a.events.is_empty() && pair.b.events.is_empty());
    assert_eq!(pair.b.connection.transmit_len(), 0, "nothing says why");
}

#[test]
fn keys_and_nonces_are_new_for_each_connection() {
    let server = Server::new();
    let of_client = || client_config(SocketType::Push, public(&server.secret));
    let hello = |seed| {
        let mut client = Scripted::with_random(of_client(), seeded(seed));
        client.receives(greeting(3, 1, "CURVE"));
        server.greeted(&client.sent()[64..])
    };
    assert_ne!(hello(1), hello(2));
    let random = seeded(1);
    let mut welcomes = Vec::new();
    for _ in 0..2 {
        let mut ours = Scripted::with_random(server_config(SocketType::Pull), random.clone());
        ours.receives(greeting(3, 1, "CURVE"));
        ours.sent();
        let client = Client::new(public(&SERVER));
        ours.receives(client.hello());
        welcomes.push(client.welcomed(&ours.sent()));
    }
    assert_ne!(welcomes[0].0, welcomes[1].0, "S' is new");
    assert_ne!(welcomes[0].1[..16], welcomes[1].1[..16], "so is the nonce of the cookie");
}

#[test]
fn a_connection_without_random_bytes_fails_before_it_sends_a_command() {
    for config in [server_config(SocketType::Pull), client_config(SocketType::Push, public(&SERVER))] {
        let mut without = Scripted::new(config.clone());
        let error = without.fails_on(greeting(3, 1, "CURVE"));
        assert_eq!(error, Error::ApiMisuse(ApiMisuse::NoSecretRandom { mechanism: "CURVE" }));
        assert_eq!(without.sent().len(), 64);
        let mut without = Scripted::with_random(config, exhausted());
        let error = without.fails_on(greeting(3, 1, "CURVE"));
        assert_eq!(error, Error::NoRandomness(std::io::ErrorKind::Unsupported));
        assert_eq!(without.sent().len(), 64);
    }
    assert!(curve_keypair(&exhausted()).is_err());
}

#[test]
fn a_key_pair_belongs_together_and_is_new_each_time() {
    let random = seeded(3);
    let (public_key, secret) = curve_keypair(&random).unwrap();
    assert_eq!(public_key, curve_public(&secret));
    assert_eq!(*public_key.as_bytes(), public(secret.expose()));
    assert_ne!(public_key, curve_keypair(&random).unwrap().0);
}

#[test]
fn no_secret_is_ever_printed() {
    let secret: CurveSecretKey = "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6".parse().unwrap();
    let server = CurveServer::new(secret.clone()).authenticating();
    let client = CurveClient::new(curve_public(&secret), secret.clone());
    let mut pair = Pair::with_random(
        config(SocketType::Push, client.clone()),
        config(SocketType::Pull, server.clone()),
        [seeded(1), seeded(2)],
    );
    let mut shown = format!("{client:?} {server:?} {:?} {:?}", Arc::new(client.clone()), pair.a.connection);
    for _ in 0..6 {
        pair.step().unwrap();
        shown += &format!("{:?} {:?}", pair.a.connection, pair.b.connection);
    }
    assert!(matches!(pair.b.events[..], [Event::Ready(_)]), "{:?}", pair.b.events);
    // Neither as text, nor as a list of numbers.
    assert!(!shown.contains(&secret.expose_z85()));
    let numbers = format!("{:?}", &secret.expose()[..8]);
    assert!(!shown.contains(numbers.trim_matches(['[', ']'])), "{shown}");
    assert!(shown.contains("CurveSecretKey(..)") && shown.contains("BoxKey(..)"));
}
