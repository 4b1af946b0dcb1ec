//! RFC 37, "Framing".

use seaworthy_core::{FRAME_IN_PLACE_MAX, Message};
use seaworthy_zmtp::{ConnectionConfig, Error, PeerMisbehaved, SocketType};

use crate::scripted::{COMMAND, LONG, MORE, Scripted, announcing, long, message, short};

fn pull() -> Scripted {
    Scripted::in_traffic(SocketType::Pull)
}

fn limited(maxmsgsize: u64) -> Scripted {
    let mut config = ConnectionConfig::new(SocketType::Pull);
    config.maxmsgsize = Some(maxmsgsize);
    Scripted::in_traffic_as(config, 1)
}

#[track_caller]
fn sends(message: impl Into<Message>, expected: &[u8]) {
    let mut push = Scripted::in_traffic(SocketType::Push);
    push.connection.send(&message.into());
    assert_eq!(push.sent(), expected);
}

#[test]
fn bodies_of_up_to_255_bytes_are_sent_short_and_longer_ones_long() {
    sends("", b"\x00\x00");
    sends("hello", b"\x00\x05hello");
    sends(vec![7; 255], &[&[0, 255][..], &[7; 255]].concat());
    sends(vec![7; 256], &[&[2, 0, 0, 0, 0, 0, 0, 1, 0][..], &[7; 256]].concat());
}

#[test]
fn every_frame_but_the_last_is_marked_more() {
    sends(["a", "", "c"], b"\x01\x01a\x01\x00\x00\x01c");
    let large = "l".repeat(300);
    sends([large.clone(), large.clone()], &[long(MORE, &large), long(0, &large)].concat());
}

#[test]
fn short_and_long_frames_are_received() {
    assert_eq!(pull().receives(b"\x00\x05hello"), [message(&[b"hello"])]);
    assert_eq!(pull().receives(b"\x00\x00"), [message(&[b""])]);
    assert_eq!(pull().receives(short(0, [7; 255])), [message(&[&[7; 255]])]);
    assert_eq!(pull().receives(long(0, [7; 256])), [message(&[&[7; 256]])]);
    assert_eq!(pull().receives(long(0, [7; 100_000])), [message(&[&[7; 100_000]])]);
}

#[test]
fn a_short_body_in_a_long_frame_is_received() {
    assert_eq!(pull().receives(b"\x02\0\0\0\0\0\0\0\x05hello"), [message(&[b"hello"])]);
    assert_eq!(pull().receives(long(0, b"")), [message(&[b""])]);
}

#[test]
fn reserved_flags_are_misbehaviour() {
    for bit in 3..8 {
        let flags = 1 << bit;
        let error = pull().fails_on([flags]);
        assert_eq!(error, Error::PeerMisbehaved(PeerMisbehaved::ReservedFlags(flags)));
        assert!(error.is_protocol());
    }
}

#[test]
fn a_command_of_several_frames_is_misbehaviour() {
    for flags in [COMMAND | MORE, COMMAND | MORE | LONG] {
        let error = pull().fails_on([flags]);
        assert_eq!(error, Error::PeerMisbehaved(PeerMisbehaved::CommandWithMore(flags)));
    }
}

#[test]
fn a_frame_of_maxmsgsize_is_received_and_one_byte_more_is_refused_by_its_header() {
    for limit in [5, 255, 256, 1000] {
        let whole = vec![7; usize::try_from(limit).unwrap()];
        let larger = vec![7; whole.len() + 1];
        let framed = |body: &[u8]| if body.len() > 255 { long(0, body) } else { short(0, body) };
        assert_eq!(limited(limit).receives(framed(&whole)), [message(&[&whole])]);
        let error = limited(limit).fails_on(&framed(&larger)[..if limit < 255 { 2 } else { 9 }]);
        let too_large = Error::PeerMisbehaved(PeerMisbehaved::FrameTooLarge { length: limit + 1, limit });
        assert_eq!(error, too_large);
        assert_eq!(limited(limit).fails_on(framed(&larger)), too_large, "also when all of it is there");
    }
}

#[test]
fn maxmsgsize_is_for_each_frame_of_a_message() {
    let parts = [short(MORE, "12345"), short(MORE, "12345"), short(0, "12345")].concat();
    assert_eq!(limited(5).receives(parts), [message(&[b"12345", b"12345", b"12345"])]);
    let error = limited(5).fails_on([short(MORE, "12345"), announcing(MORE, 6)].concat());
    assert_eq!(error, Error::PeerMisbehaved(PeerMisbehaved::FrameTooLarge { length: 6, limit: 5 }));
}

#[test]
fn a_maxmsgsize_of_zero_allows_only_empty_frames() {
    assert_eq!(limited(0).receives(b"\x00\x00"), [message(&[b""])]);
    limited(0).fails_on(b"\x00\x01");
}

#[test]
fn maxmsgsize_does_not_concern_commands() {
    let mut pull = limited(0);
    assert_eq!(pull.receives(b"\x04\x07\x04PING\0\0"), []);
    assert_eq!(pull.sent(), b"\x04\x05\x04PONG");
}

#[test]
fn a_frame_announcing_more_than_any_message_may_have_is_refused_by_its_header() {
    const LIMIT: u64 = 4 << 30;
    assert_eq!(pull().receives(announcing(0, LIMIT)), []);
    for length in [LIMIT + 1, 1 << 62, u64::MAX] {
        let error = pull().fails_on(announcing(0, length));
        assert_eq!(error, Error::PeerMisbehaved(PeerMisbehaved::FrameTooLarge { length, limit: LIMIT }));
    }
}

#[test]
fn what_is_missing_of_a_frame_is_told() {
    let mut pull = pull();
    pull.receives([]);
    assert_eq!(pull.connection.wanted(), 2);
    pull.receives([LONG]);
    assert_eq!(pull.connection.wanted(), 8);
    pull.receives(1_000_u64.to_be_bytes());
    assert_eq!(pull.connection.wanted(), 1000);
    pull.receives([7; 600]);
    assert_eq!(pull.connection.wanted(), 400);
    pull.receives([7; 400]);
    assert_eq!(pull.connection.wanted(), 2);
}

#[test]
fn decoding_stops_at_every_event_and_leaves_the_rest_in_the_input() {
    let mut pull = pull();
    pull.input.extend_from_slice(b"\x00\x01a\x00\x01b\x00\x01c");
    let first = pull.connection.handle_input(pull.now, &mut pull.input).unwrap();
    assert_eq!(first, Some(message(&[b"a"])));
    assert_eq!(pull.input, &b"\x00\x01b\x00\x01c"[..]);
}

#[test]
fn a_body_shares_the_memory_of_the_input_if_it_is_long_enough() {
    for (size, more) in [1, FRAME_IN_PLACE_MAX, FRAME_IN_PLACE_MAX + 1, 300, 32_767, 32_768, 100_000]
        .into_iter()
        .flat_map(|size| [(size, false), (size, true)])
    {
        for shared_min in [None, Some(0), Some(300), Some(301), Some(usize::MAX)] {
            let mut pull = pull();
            if let Some(bytes) = shared_min {
                pull.connection.share_from(bytes);
            }
            let flags = u8::from(more);
            let framed = if size > 255 { long(flags, vec![7; size]) } else { short(flags, vec![7; size]) };
            pull.input.extend_from_slice(&framed);
            if more {
                pull.input.extend_from_slice(&short(0, vec![]));
            }
            let body_at = pull.input.as_ptr().wrapping_add(framed.len() - size);
            let events = pull.receives([]);
            let [seaworthy_zmtp::Event::Message(received)] = &events[..] else { panic!("{events:?}") };
            let shares = size > FRAME_IN_PLACE_MAX && size >= shared_min.unwrap_or(32 * 1024);
            assert_eq!(received.frames()[0].as_ptr() == body_at, shares, "{size} {more} {shared_min:?}");
        }
    }
}
