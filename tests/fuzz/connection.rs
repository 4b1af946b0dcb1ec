//! Connections.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use seaworthy_core::{CurveSecretKey, Instant, Message};
use seaworthy_zmtp::mechanism::{
    CurveClient, CurveServer, Mechanism, Null, PlainClient, PlainServer, curve_public,
};
use seaworthy_zmtp::{Connection, ConnectionConfig, Error, Event, SocketType, Verdict};

use crate::secrets::seeded;

/// Most that may wait for transmission beside the answers to PINGs, which are no longer than these: a greeting, the
/// longest command of a handshake, and an ERROR.
const TRANSMIT_MAX: usize = 64 + 512 + 265;

fn server_key() -> CurveSecretKey {
    CurveSecretKey::from([11; 32])
}

fn connection(socket_type: SocketType, mechanism: impl Mechanism + 'static) -> Connection {
    let mut config = ConnectionConfig::new(socket_type);
    config.mechanism = Arc::new(mechanism);
    config.heartbeat_ivl = Duration::from_secs(1);
    Connection::with_random(config, seeded(1), Instant::ZERO)
}

fn curve_pair() -> [Connection; 2] {
    let client = CurveClient::new(curve_public(&server_key()), CurveSecretKey::from([12; 32]));
    let server = CurveServer::new(server_key()).authenticating();
    [connection(SocketType::Dealer, client), connection(SocketType::Router, server)]
}

/// Feeds `data` in pieces, whose size its first byte says, and looks at what must hold whatever it is. Returns how many
/// messages came of it.
fn feed(mut connection: Connection, data: &[u8]) -> usize {
    let Some((piece, stream)) = data.split_first() else { return 0 };
    let mut input = BytesMut::new();
    let mut now = Instant::ZERO;
    let mut events = 0;
    let mut failure: Option<Error> = None;
    for piece in stream.chunks(usize::from(*piece) + 1) {
        input.extend_from_slice(piece);
        connection.received(now);
        loop {
            let outcome = match connection.handle_input(now, &mut input) {
                Ok(Some(Event::Authenticate(_))) => connection.authenticate(now, Verdict::admitted()),
                Ok(None) => break,
                other => other,
            };
            match outcome {
                Ok(event) => {
                    assert!(failure.is_none(), "it went on after {failure:?}");
                    events += usize::from(event.is_some());
                }
                Err(error) => {
                    assert_eq!(*failure.get_or_insert_with(|| error.clone()), error, "an error is final");
                    break;
                }
            }
        }
        assert!(connection.transmit_len() <= TRANSMIT_MAX + stream.len());
        now += Duration::from_millis(1);
        let _ = connection.handle_timeout(now);
    }
    // Every event needs two octets, the fewest that a frame has, and READY more.
    assert!(events <= stream.len() / 2 + 1, "{events} events");
    assert!(input.capacity() <= 4 * stream.len().max(1024), "nothing is stored that did not come");
    let mut segments = Vec::new();
    connection.poll_transmit(&mut segments);
    assert!(segments.iter().all(|segment| !segment.is_empty()));
    events
}

pub(crate) fn null(data: &[u8]) {
    feed(connection(SocketType::Router, Null::default()), data);
}

pub(crate) fn plain_client(data: &[u8]) {
    if let Some(client) = PlainClient::new("ann", "secret") {
        feed(connection(SocketType::Dealer, client), data);
    }
}

pub(crate) fn plain_server(data: &[u8]) {
    feed(connection(SocketType::Router, PlainServer::default()), data);
}

pub(crate) fn curve_client(data: &[u8]) {
    let [client, _] = curve_pair();
    assert_eq!(feed(client, data), 0, "nobody else holds the server's key");
}

pub(crate) fn curve_server(data: &[u8]) {
    let [_, server] = curve_pair();
    assert_eq!(feed(server, data), 0, "no bytes that do not know its key complete a handshake");
}

pub(crate) fn established(data: &[u8]) {
    let mut publisher = connection(SocketType::XPub, Null::default());
    let mut input = BytesMut::from(&[greeting("NULL"), ready("SUB")].concat()[..]);
    let ready = publisher.handle_input(Instant::ZERO, &mut input);
    assert!(matches!(ready, Ok(Some(Event::Ready(_)))), "{ready:?}");
    publisher.poll_transmit(&mut Vec::new());
    feed(publisher, data);
}

pub(crate) fn curve_changed(data: &[u8]) {
    let mut ends = curve_pair().map(|connection| (connection, BytesMut::new()));
    let mut changes =
        data.chunks_exact(3).map(|change| (u16::from_be_bytes([change[0], change[1]]), change[2]));
    let (mut passed, mut delivered, mut changed) = (0_usize, 0, false);
    let mut next = changes.next();
    for _ in 0..12 {
        for (from, to) in [(0, 1), (1, 0)] {
            let mut segments: Vec<Bytes> = Vec::new();
            ends[from].0.poll_transmit(&mut segments);
            let mut wire = segments.concat();
            while let Some((at, by)) = next
                && usize::from(at) < passed + wire.len()
            {
                if let Some(octet) = usize::from(at).checked_sub(passed).and_then(|at| wire.get_mut(at)) {
                    *octet ^= by;
                    changed |= by != 0;
                }
                next = changes.next();
            }
            passed += wire.len();
            let (connection, input) = &mut ends[to];
            input.extend_from_slice(&wire);
            loop {
                let outcome = match connection.handle_input(Instant::ZERO, input) {
                    Ok(Some(Event::Authenticate(_))) => {
                        connection.authenticate(Instant::ZERO, Verdict::admitted())
                    }
                    Ok(None) => break,
                    other => other,
                };
                match outcome {
                    Ok(Some(Event::Ready(_))) => connection.send(&Message::from(["a", "message"])),
                    Ok(Some(Event::Message(message))) => {
                        assert_eq!(message, Message::from(["a", "message"]), "what arrives was sent");
                        delivered += 1;
                    }
                    Ok(_) => {}
                    Err(_) => break,
                }
            }
        }
    }
    assert!(delivered <= 2);
    assert!(changed || delivered == 2, "{delivered} of 2 arrived, of {passed} octets");
}

fn greeting(mechanism: &str) -> Vec<u8> {
    let mut octets = vec![0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 3, 1];
    octets.extend(mechanism.bytes());
    octets.resize(64, 0);
    octets
}

fn command(name: &str, data: &[u8]) -> Vec<u8> {
    [&[4, (1 + name.len() + data.len()) as u8, name.len() as u8], name.as_bytes(), data].concat()
}

fn property(name: &str, value: &str) -> Vec<u8> {
    [&[name.len() as u8], name.as_bytes(), &(value.len() as u32).to_be_bytes(), value.as_bytes()].concat()
}

fn ready(socket_type: &str) -> Vec<u8> {
    command("READY", &property("Socket-Type", socket_type))
}

/// Streams, each in one piece and in pieces of one octet.
fn streams(streams: impl IntoIterator<Item = Vec<u8>>) -> Vec<Vec<u8>> {
    streams.into_iter().flat_map(|stream| [0_u8, 255].map(|piece| [&[piece], &stream[..]].concat())).collect()
}

fn traffic() -> Vec<u8> {
    [
        &b"\x01\x04part\0\x04last\0\0"[..],
        &command("SUBSCRIBE", b"topic"),
        b"\0\x06\x01topic\0\x06\0topic",
        &command("PING", b"\0\x0acontext"),
        &command("PONG", b"SEAW"),
        b"\x02\0\0\0\0\0\0\0\x03abc",
        b"\x06\0\0\0\0\0\0\0\x0c\x06CANCELtopic",
        &command("ERROR", b"\x04over"),
    ]
    .concat()
}

pub(crate) fn null_seeds() -> Vec<Vec<u8>> {
    let ready = command("READY", &[property("Socket-Type", "DEALER"), property("Identity", "ann")].concat());
    streams([[greeting("NULL"), ready, traffic()].concat(), greeting("PLAIN")])
}

pub(crate) fn plain_client_seeds() -> Vec<Vec<u8>> {
    let welcome = [greeting("PLAIN"), command("WELCOME", b"")].concat();
    let refused = [greeting("PLAIN"), command("ERROR", b"\x03400")].concat();
    streams([[welcome, ready("ROUTER"), traffic()].concat(), refused])
}

pub(crate) fn plain_server_seeds() -> Vec<Vec<u8>> {
    let hello = [greeting("PLAIN"), command("HELLO", b"\x03ann\x06secret")].concat();
    let initiate = command("INITIATE", &property("Socket-Type", "DEALER"));
    streams([[hello, initiate, traffic()].concat()])
}

pub(crate) fn curve_seeds() -> Vec<Vec<u8>> {
    let zeros = |length| vec![0; length];
    let commands = [
        command("HELLO", &[&[1, 0][..], &zeros(192)].concat()),
        command("WELCOME", &zeros(160)),
        command("READY", &zeros(24)),
    ];
    streams(commands.into_iter().map(|command| [greeting("CURVE"), command].concat()))
}

pub(crate) fn established_seeds() -> Vec<Vec<u8>> {
    streams([traffic()])
}

pub(crate) fn change_seeds() -> Vec<Vec<u8>> {
    vec![vec![], vec![0, 0, 0], vec![0x01, 0x00, 1], vec![0x01, 0x80, 1, 0x02, 0x00, 0x80]]
}
