//! CURVE, RFC 26, against peers that are written from it byte by byte.

mod attacks;
mod handshake;
mod messages;
pub(crate) mod peer;
pub(crate) mod secrets;

use std::sync::Arc;

use seaworthy_zmtp::mechanism::{CurveClient, CurveServer, Mechanism};
use seaworthy_zmtp::{ConnectionConfig, Event, SocketType};

use crate::scripted::{Scripted, greeting};
use peer::{Client, Key, Server, as_public, as_secret, public};
use secrets::seeded;

/// s of our servers.
pub(crate) const SERVER: Key = [11; 32];
/// c of our clients.
pub(crate) const CLIENT: Key = [12; 32];

pub(crate) fn config(socket_type: SocketType, mechanism: impl Mechanism + 'static) -> ConnectionConfig {
    let mut config = ConnectionConfig::new(socket_type);
    config.mechanism = Arc::new(mechanism);
    config
}

fn server_config(socket_type: SocketType) -> ConnectionConfig {
    config(socket_type, CurveServer::new(as_secret(SERVER)))
}

fn client_config(socket_type: SocketType, server: Key) -> ConnectionConfig {
    config(socket_type, CurveClient::new(as_public(server), as_secret(CLIENT)))
}

/// Our server, which has seen the greeting of a client, and whose own is taken off.
fn our_server(config: ConnectionConfig) -> Scripted {
    let mut server = Scripted::with_random(config, seeded(1));
    assert_eq!(server.receives(greeting(3, 1, "CURVE")), []);
    let sent = server.sent();
    assert_eq!((sent.len(), sent[32]), (64, 1), "a server waits for HELLO");
    server
}

/// Our client, which has seen the greeting of a server; and its HELLO.
fn our_client(config: ConnectionConfig) -> (Scripted, Vec<u8>) {
    let mut client = Scripted::with_random(config, seeded(2));
    let mut theirs = greeting(3, 1, "CURVE");
    theirs[32] = 1;
    assert_eq!(client.receives(theirs), []);
    let sent = client.sent();
    assert_eq!(sent[32], 0);
    (client, sent[64..].to_vec())
}

/// A client of the tests that is established with our server, and S'.
fn established_server(config: ConnectionConfig, peer: &str) -> (Scripted, Client, Key) {
    let mut server = our_server(config);
    let client = Client::new(public(&SERVER));
    assert_eq!(server.receives(client.hello()), []);
    let (transient, cookie) = client.welcomed(&server.sent());
    let events = server.receives(client.initiate(&transient, &cookie, peer));
    assert!(matches!(events[..], [Event::Ready(_)]), "{events:?}");
    server.sent();
    (server, client, transient)
}

/// A server of the tests that our client is established with, and C'.
fn established_client(config: ConnectionConfig, peer: &str) -> (Scripted, Server, Key) {
    let server = Server::new();
    let (mut client, hello) = our_client(config);
    let transient = server.greeted(&hello);
    assert_eq!(client.receives(server.welcome(&transient)), []);
    client.sent();
    let events = client.receives(server.ready(&transient, 1, peer));
    assert!(matches!(events[..], [Event::Ready(_)]), "{events:?}");
    (client, server, transient)
}
