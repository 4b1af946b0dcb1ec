//! Any bytes at all: no panic, no endless loop, nothing stored that did not come, and an error is final.

use proptest::prelude::*;
use seaworthy_zmtp::{ConnectionConfig, SocketType};

use crate::scripted::{
    COMMAND, MORE, Scripted, announcing, command, counterpart, greeting, long, property, ready, short,
};

/// Feeds `bytes` in pieces of `piece` and checks what must hold whatever they are.
fn survives(mut scripted: Scripted, bytes: &[u8], piece: usize) -> Result<(), TestCaseError> {
    let mut events = 0;
    let mut failure = None;
    for piece in bytes.chunks(piece) {
        let before = scripted.input.len() + piece.len();
        match scripted.try_receives(piece) {
            Ok(some) => {
                events += some.len();
                prop_assert!(failure.is_none(), "it went on after {failure:?}");
                prop_assert!(scripted.input.len() <= before);
                prop_assert!(!some.is_empty() || scripted.connection.wanted() > 0);
            }
            Err(error) => {
                prop_assert_eq!(&failure.get_or_insert_with(|| error.clone()), &&error);
            }
        }
        scripted.passes(std::time::Duration::from_millis(1));
        let _ = scripted.connection.handle_timeout(scripted.now);
        // A message needs two bytes, so does every other event.
        prop_assert!(events <= bytes.len() / 2 + 1);
        // Greeting, READY, one ERROR, and PONGs no longer than their PINGs.
        prop_assert!(scripted.connection.transmit_len() <= 64 + 64 + 265 + bytes.len());
    }
    prop_assert!(scripted.input.capacity() <= 4 * bytes.len().max(1024));
    Ok(())
}

/// Bytes that get deep: pieces of valid traffic among noise.
fn plausible() -> impl Strategy<Value = Vec<u8>> {
    let noise = || prop::collection::vec(any::<u8>(), 0..40);
    let piece = prop_oneof![
        noise(),
        (0..8_u8, noise()).prop_map(|(flags, body)| short(flags, body)),
        (0..8_u8, noise()).prop_map(|(flags, body)| long(flags, body)),
        (0..8_u8, any::<u64>()).prop_map(|(flags, length)| announcing(flags, length)),
        (prop::sample::select(vec!["READY", "ERROR", "PING", "PONG", "SUBSCRIBE", "CANCEL", "X"]), noise())
            .prop_map(|(name, data)| command(name, data)),
        (noise(), noise()).prop_map(|(name, value)| {
            let name: String = name.iter().map(|octet| char::from(octet & 0x7f)).collect();
            command("READY", property(&name, value))
        }),
        prop::sample::select(SocketType::ALL.to_vec()).prop_map(ready),
        Just(greeting(3, 1, "NULL")),
    ];
    prop::collection::vec(piece, 0..20).prop_map(|pieces| pieces.concat())
}

/// A valid stream with some octets changed.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6);
    changes.prop_map(|changes| {
        let mut stream = [
            greeting(3, 1, "NULL"),
            command("READY", [property("Socket-Type", "SUB"), property("Identity", "id")].concat()),
            command("SUBSCRIBE", "topic"),
            short(0, "\x01topic"),
            short(MORE, "part"),
            command("PING", b"\0\x0acontext"),
            long(0, [7; 300]),
            long(COMMAND, b"\x06CANCELtopic"),
        ]
        .concat();
        for (at, octet) in changes {
            *at.get_mut(&mut stream) = octet;
        }
        stream
    })
}

proptest! {
    #[test]
    fn from_the_first_byte(bytes in prop_oneof![plausible(), mutated()], piece in 1..50_usize) {
        survives(Scripted::new(ConnectionConfig::new(SocketType::Pub)), &bytes, piece)?;
    }

    #[test]
    fn after_the_greeting(bytes in plausible(), piece in 1..50_usize) {
        survives(Scripted::greeted(SocketType::Router), &bytes, piece)?;
    }

    #[test]
    fn in_traffic(bytes in plausible(), piece in 1..50_usize, socket_type in prop::sample::select(SocketType::ALL.to_vec())) {
        survives(Scripted::in_traffic(socket_type), &bytes, piece)?;
    }

    #[test]
    fn with_every_limit_lifted(bytes in plausible(), piece in 1..50_usize) {
        let mut config = ConnectionConfig::new(SocketType::Pull);
        (config.message_bytes_max, config.message_frames_max) = (u64::MAX, usize::MAX);
        survives(Scripted::in_traffic_as(config, 1), &bytes, piece)?;
    }

    #[test]
    fn in_a_handshake_that_is_never_completed(cut in 0..200_usize, socket_type in prop::sample::select(SocketType::ALL.to_vec())) {
        let whole = [greeting(3, 1, "NULL"), ready(counterpart(socket_type))].concat();
        let mut scripted = Scripted::new(ConnectionConfig::new(socket_type));
        scripted.receives(&whole[..cut.min(whole.len() - 1)]);
        let (deadline, _) = scripted.connection.poll_timeout().unwrap();
        prop_assert!(scripted.connection.handle_timeout(deadline).is_err());
    }
}

#[test]
fn one_byte_at_a_time_a_large_frame_is_never_copied_twice() {
    // The connection neither moves nor copies the part that is there; the buffer grows as its owner lets it.
    let mut pull = Scripted::in_traffic(SocketType::Pull);
    pull.input.reserve(70_000);
    let place = pull.input.as_ptr();
    pull.receives(announcing(0, 60_000));
    for _ in 0..59_999 {
        assert_eq!(pull.receives([7]), []);
        assert_eq!(pull.input.as_ptr(), place);
    }
    assert_eq!(pull.receives([7]).len(), 1);
}
