//! A connection whose peer is written out byte by byte.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use seaworthy_core::{Instant, Message};
use seaworthy_zmtp::mechanism::Mechanism;
use seaworthy_zmtp::{Connection, ConnectionConfig, Error, Event, SocketType};

pub(crate) const MORE: u8 = 1;
pub(crate) const LONG: u8 = 2;
pub(crate) const COMMAND: u8 = 4;

/// RFC 37, "Formal Grammar": signature, version, mechanism, as-server, filler.
pub(crate) fn greeting(major: u8, minor: u8, mechanism: &str) -> Vec<u8> {
    let mut octets = vec![0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, major, minor];
    octets.extend(mechanism.bytes());
    octets.resize(64, 0);
    octets
}

/// A frame with a length of one octet.
pub(crate) fn short(flags: u8, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    [&[flags, u8::try_from(body.len()).unwrap()], body].concat()
}

/// A frame with a length of eight octets.
pub(crate) fn long(flags: u8, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    [&[flags | LONG][..], &(body.len() as u64).to_be_bytes(), body].concat()
}

/// The header of a long frame that may never come.
pub(crate) fn announcing(flags: u8, length: u64) -> Vec<u8> {
    [&[flags | LONG][..], &length.to_be_bytes()].concat()
}

/// A command frame, short if it can be.
pub(crate) fn command(name: &str, data: impl AsRef<[u8]>) -> Vec<u8> {
    let body = [&[u8::try_from(name.len()).unwrap()], name.as_bytes(), data.as_ref()].concat();
    if body.len() > 255 { long(COMMAND, body) } else { short(COMMAND, body) }
}

pub(crate) fn property(name: &str, value: impl AsRef<[u8]>) -> Vec<u8> {
    let (name, value) = (name.as_bytes(), value.as_ref());
    [
        &[u8::try_from(name.len()).unwrap()][..],
        name,
        &u32::try_from(value.len()).unwrap().to_be_bytes(),
        value,
    ]
    .concat()
}

/// A READY that announces only a socket type.
pub(crate) fn ready(socket_type: SocketType) -> Vec<u8> {
    command("READY", property("Socket-Type", socket_type.name()))
}

/// Some type that may talk to `socket_type`.
pub(crate) fn counterpart(socket_type: SocketType) -> SocketType {
    SocketType::ALL.into_iter().find(|other| socket_type.can_talk_to(*other)).unwrap()
}

pub(crate) struct Scripted {
    pub(crate) connection: Connection,
    pub(crate) input: BytesMut,
    pub(crate) now: Instant,
}

impl Scripted {
    pub(crate) fn new(config: ConnectionConfig) -> Self {
        let now = Instant::from_nanos(1_000_000_000);
        Self { connection: Connection::new(config, now), input: BytesMut::new(), now }
    }

    #[cfg(feature = "curve")]
    pub(crate) fn with_random(config: ConnectionConfig, random: seaworthy_core::SecretRandom) -> Self {
        let now = Instant::from_nanos(1_000_000_000);
        Self { connection: Connection::with_random(config, random, now), input: BytesMut::new(), now }
    }

    /// A connection with this mechanism that has seen a greeting that names it too, and whose own is taken off.
    pub(crate) fn with_mechanism(socket_type: SocketType, mechanism: impl Mechanism + 'static) -> Self {
        let mut config = ConnectionConfig::new(socket_type);
        let theirs = greeting(3, 1, mechanism.name());
        config.mechanism = Arc::new(mechanism);
        let mut scripted = Self::new(config);
        assert_eq!(scripted.receives(theirs), []);
        scripted
    }

    /// A connection that has seen the greeting of a 3.1 peer, and whose own is taken off.
    pub(crate) fn greeted(socket_type: SocketType) -> Self {
        let mut scripted = Self::new(ConnectionConfig::new(socket_type));
        assert_eq!(scripted.receives(greeting(3, 1, "NULL")), []);
        scripted.sent();
        scripted
    }

    /// A connection in traffic with a 3.1 peer, with nothing waiting.
    pub(crate) fn in_traffic(socket_type: SocketType) -> Self {
        Self::in_traffic_as(ConnectionConfig::new(socket_type), 1)
    }

    /// A connection in traffic with a peer of version 3.`minor`, with nothing waiting, and its first PING answered.
    pub(crate) fn in_traffic_as(config: ConnectionConfig, minor: u8) -> Self {
        let peer = counterpart(config.socket_type);
        let pings = !config.heartbeat_ivl.is_zero();
        let mut scripted = Self::new(config);
        let events = scripted.receives([greeting(3, minor, "NULL"), ready(peer)].concat());
        assert!(matches!(events[..], [Event::Ready(_)]), "{events:?}");
        scripted.sent();
        if pings {
            scripted.receives(command("PONG", ""));
        }
        scripted
    }

    /// Everything that comes of these bytes.
    #[track_caller]
    pub(crate) fn receives(&mut self, bytes: impl AsRef<[u8]>) -> Vec<Event> {
        self.try_receives(bytes).unwrap()
    }

    pub(crate) fn try_receives(&mut self, bytes: impl AsRef<[u8]>) -> Result<Vec<Event>, Error> {
        if !bytes.as_ref().is_empty() {
            self.input.extend_from_slice(bytes.as_ref());
            self.connection.received(self.now);
        }
        let mut events = Vec::new();
        while let Some(event) = self.connection.handle_input(self.now, &mut self.input)? {
            events.push(event);
        }
        Ok(events)
    }

    /// The error that these bytes lead to, before or after some events.
    #[track_caller]
    pub(crate) fn fails_on(&mut self, bytes: impl AsRef<[u8]>) -> Error {
        match self.try_receives(bytes) {
            Ok(events) => panic!("no error, but {events:?}"),
            Err(error) => error,
        }
    }

    /// Everything that waits for transmission.
    pub(crate) fn sent(&mut self) -> Vec<u8> {
        let mut segments = Vec::new();
        let waiting = self.connection.transmit_len();
        self.connection.poll_transmit(&mut segments);
        assert!(segments.iter().all(|segment| !segment.is_empty()));
        let bytes = segments.concat();
        assert_eq!(bytes.len(), waiting);
        assert_eq!(self.connection.transmit_len(), 0);
        self.connection.written(self.now);
        bytes
    }

    pub(crate) fn passes(&mut self, time: Duration) {
        self.now += time;
    }
}

/// A message event.
pub(crate) fn message(frames: &[&[u8]]) -> Event {
    Event::Message(frames.iter().map(|frame| Bytes::copy_from_slice(frame)).collect::<Message>())
}
