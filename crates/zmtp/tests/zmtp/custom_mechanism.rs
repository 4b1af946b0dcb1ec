//! A mechanism that is not ours: what the seam promises it, and what it must not be able to break.

use std::sync::Arc;
use std::time::Duration;

use seaworthy_core::{Message, SecretRandom};
use seaworthy_zmtp::mechanism::{
    Command, Commands, Complete, FrameKind, Handshake, Mechanism, Opener, Protection, Sealer, Status,
};
use seaworthy_zmtp::{ApiMisuse, ConnectionConfig, Error, Event, Metadata, PeerMisbehaved, SocketType};

use crate::pair::Pair;
use crate::scripted::{COMMAND, MORE, Scripted, announcing, command, greeting, message, property, short};

/// Both ends announce their metadata; afterwards every octet of a frame is turned around, and its kind stands before it.
#[derive(Debug)]
struct Mirror(&'static str);

impl Mechanism for Mirror {
    fn name(&self) -> &str {
        self.0
    }

    fn start(&self, ours: Metadata, _: Option<&SecretRandom>) -> Result<Box<dyn Handshake>, Error> {
        Ok(Box::new(Mirroring(ours)))
    }
}

#[derive(Debug)]
struct Mirroring(Metadata);

impl Handshake for Mirroring {
    fn begin(&mut self, commands: &mut Commands<'_>) -> Result<Status, Error> {
        commands.send("LOOK", &[&self.0.to_bytes()]);
        Ok(Status::AwaitCommand)
    }

    fn handle_command(&mut self, command: Command<'_>, _: &mut Commands<'_>) -> Result<Status, Error> {
        assert_eq!(command.name, b"LOOK");
        let protection = Protection { sealer: Box::new(Turned), opener: Box::new(Turned) };
        let metadata = Metadata::decode(command.data)?;
        Ok(Status::Complete(Complete { metadata, protection: Some(protection) }))
    }
}

#[derive(Debug)]
struct Turned;

const KINDS: [FrameKind; 3] = [FrameKind::Last, FrameKind::More, FrameKind::Command];

impl Sealer for Turned {
    fn overhead(&self) -> usize {
        2
    }

    fn seal(&mut self, kind: FrameKind, body: &mut [u8]) {
        assert_eq!(body[..2], [0, 0]);
        body[0] = b'!';
        body[1] = KINDS.iter().position(|known| *known == kind).unwrap() as u8;
        body[2..].iter_mut().for_each(|octet| *octet = !*octet);
    }
}

impl Opener for Turned {
    fn overhead(&self) -> usize {
        2
    }

    fn open(&mut self, body: &mut [u8]) -> Result<FrameKind, PeerMisbehaved> {
        let kind = KINDS.get(usize::from(body[1])).filter(|_| body[0] == b'!');
        body[2..].iter_mut().for_each(|octet| *octet = !*octet);
        kind.copied().ok_or(PeerMisbehaved::Unopenable { command: "MIRROR" })
    }
}

fn config(socket_type: SocketType) -> ConnectionConfig {
    let mut config = ConnectionConfig::new(socket_type);
    config.mechanism = Arc::new(Mirror("MIRROR"));
    config
}

fn turned(text: &[u8]) -> Vec<u8> {
    text.iter().map(|octet| !octet).collect()
}

/// An established connection of `socket_type` with a peer written out by the test.
fn established(config: ConnectionConfig, peer: &str) -> Scripted {
    let mut scripted = Scripted::new(config);
    let look = command("LOOK", property("Socket-Type", peer));
    let events = scripted.receives([greeting(3, 1, "MIRROR"), look].concat());
    assert!(matches!(events[..], [Event::Ready(_)]), "{events:?}");
    scripted.sent();
    scripted
}

#[test]
fn every_frame_goes_out_sealed_commands_and_subscriptions_too() {
    let mut sub = established(config(SocketType::Sub), "PUB");
    sub.connection.subscribe(b"topic");
    assert_eq!(sub.sent(), short(0, [&b"!\x02"[..], &turned(b"\x09SUBSCRIBEtopic")].concat()));
    let mut push = established(config(SocketType::Push), "PULL");
    push.connection.send(&Message::from(["part", "last"]));
    push.connection.send(&Message::from(vec![7; 300]));
    let frames = [
        short(0, [&b"!\x01"[..], &turned(b"part")].concat()),
        short(0, [&b"!\0"[..], &turned(b"last")].concat()),
    ];
    let sent = push.sent();
    assert_eq!(sent[..16], frames.concat());
    assert_eq!(sent[16..25], announcing(0, 302));
    assert_eq!(sent[27..], turned(&[7; 300]));
}

#[test]
fn frames_of_every_kind_come_out_of_their_seals() {
    let mut puller = established(config(SocketType::Pull), "PUSH");
    let sealed = |kind: u8, body: &[u8]| short(0, [&[b'!', kind][..], &turned(body)].concat());
    let events = puller.receives(
        [sealed(1, b"part"), sealed(2, b"\x04PING\0\0x"), sealed(0, b"last"), sealed(0, b"")].concat(),
    );
    assert_eq!(events, [message(&[b"part", b"last"]), message(&[b""])]);
    assert_eq!(puller.sent(), sealed(2, b"\x04PONGx"));
    assert!(puller.connection.small_messages(&mut sealed(0, b"small")[..].into()).is_none());
}

#[test]
fn a_frame_that_is_not_sealed_ends_the_connection() {
    let sealed = |body: &[u8]| [&b"!\0"[..], body].concat();
    for (frame, reason) in [
        (short(0, ""), "it is too short"),
        (short(0, "!"), "it is too short"),
        (short(COMMAND, sealed(b"\x05ERROR")), "its kind is in clear text"),
        (short(MORE, sealed(b"part")), "its kind is in clear text"),
    ] {
        let mut pull = established(config(SocketType::Pull), "PUSH");
        let error = pull.fails_on(frame);
        assert_eq!(error, Error::PeerMisbehaved(PeerMisbehaved::Unprotected { reason }));
        assert_eq!(pull.sent(), b"");
    }
    let mut pull = established(config(SocketType::Pull), "PUSH");
    let error = pull.fails_on(short(0, "plain"));
    assert_eq!(error, Error::PeerMisbehaved(PeerMisbehaved::Unopenable { command: "MIRROR" }));
}

#[test]
fn limits_count_what_is_inside_of_the_seal() {
    let limited = |limit| {
        let mut config = config(SocketType::Pull);
        config.maxmsgsize = Some(limit);
        established(config, "PUSH")
    };
    let sealed = |length: usize| {
        [announcing(0, length as u64 + 2), b"!\0".to_vec(), turned(&vec![7; length])].concat()
    };
    assert_eq!(limited(1000).receives(sealed(1000)).len(), 1);
    let too_large = |length, limit| Error::PeerMisbehaved(PeerMisbehaved::FrameTooLarge { length, limit });
    assert_eq!(limited(1000).fails_on(sealed(1001)), too_large(1001, 1000));
    // Beyond the largest command it is refused for what it announces.
    let mebibyte = 1 << 20;
    assert_eq!(limited(1000).receives(announcing(0, mebibyte + 2)), []);
    assert_eq!(limited(1000).fails_on(announcing(0, mebibyte + 3)), too_large(mebibyte + 1, 1000));
    assert!(matches!(limited(1000).fails_on(announcing(0, u64::MAX)), Error::PeerMisbehaved(_)));
}

#[test]
fn heartbeats_pass_inside_of_seals() {
    let mut beating = config(SocketType::Dealer);
    beating.heartbeat_ivl = Duration::from_millis(100);
    let mut pair = Pair::ready(beating, config(SocketType::Router));
    pair.passes(Duration::from_secs(1)).unwrap();
    assert!(pair.a.pings >= 9, "{}", pair.a.pings);
    pair.connected = false;
    assert!(pair.passes(Duration::from_secs(1)).is_err());
}

#[test]
fn freed_buffers_do_not_forget_the_seal() {
    let mut push = established(config(SocketType::Push), "PULL");
    push.connection.free_buffers();
    for _ in 0..40 {
        push.connection.send(&Message::from("secret"));
        assert!(!push.sent().windows(6).any(|window| window == b"secret"));
    }
}

#[test]
fn a_name_that_the_greeting_cannot_carry_is_misuse() {
    for name in ["", "mirror", "MIRROR\0", "A NAME OF 21 LETTERS", "ABCDEFGHIJKLMNOPQRSTU"] {
        let mut config = config(SocketType::Pull);
        config.mechanism = Arc::new(Mirror(name));
        let error = Scripted::new(config).fails_on("");
        assert_eq!(error, Error::ApiMisuse(ApiMisuse::MechanismName { name: name.to_owned() }));
    }
    let mut config = config(SocketType::Pull);
    config.mechanism = Arc::new(Mirror("ABCDEFGHIJKLMNOPQRST"));
    assert_eq!(Scripted::new(config).receives(""), []);
}
