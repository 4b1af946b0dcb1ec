//! What waits for transmission: in order, copied when small, shared when large.

use bytes::Bytes;
use seaworthy_core::Message;
use seaworthy_zmtp::SocketType;

use crate::scripted::{LONG, Scripted, long, short};

fn push() -> Scripted {
    Scripted::in_traffic(SocketType::Push)
}

fn segments(push: &mut Scripted) -> Vec<Bytes> {
    let mut segments = Vec::new();
    push.connection.poll_transmit(&mut segments);
    assert_eq!(push.connection.transmit_len(), 0);
    segments
}

#[test]
fn small_messages_share_one_segment() {
    let mut push = push();
    for _ in 0..500 {
        push.connection.send(&Message::from("a small message"));
    }
    let segments = segments(&mut push);
    assert_eq!(segments.len(), 1);
    assert_eq!(segments[0], short(0, "a small message").repeat(500));
}

#[test]
fn segments_do_not_grow_beyond_64_kib() {
    let mut push = push();
    let mut expected = Vec::new();
    for size in (0..8000).step_by(7) {
        let body = vec![7; size];
        expected.extend(if size > 255 { long(0, &body) } else { short(0, &body) });
        push.connection.send(&Message::from(body));
    }
    let segments = segments(&mut push);
    assert!(segments.len() > 50);
    assert!(segments.iter().all(|segment| segment.len() <= 64 << 10));
    assert_eq!(segments.concat(), expected);
}

#[test]
fn a_body_of_8_kib_is_shared_and_one_byte_less_is_copied() {
    const SHARED: usize = 8 << 10;
    for (size, shared) in [(SHARED - 1, false), (SHARED, true)] {
        let mut push = push();
        let body = Bytes::from(vec![7; size]);
        push.connection.send(&Message::from(body.clone()));
        let segments = segments(&mut push);
        assert_eq!(segments.iter().any(|segment| segment.as_ptr() == body.as_ptr()), shared);
        assert_eq!(segments.concat(), long(0, &body));
    }
}

#[test]
fn large_and_small_frames_keep_their_order() {
    let mut push = push();
    let large = Bytes::from(vec![7; 20_000]);
    push.connection.send(&Message::from("before"));
    push.connection.send(&Message::from([Bytes::from("head"), large.clone(), Bytes::from("tail")]));
    push.connection.send(&Message::from("after"));
    let expected =
        [short(0, "before"), short(1, "head"), long(1, &large), short(0, "tail"), short(0, "after")].concat();
    assert_eq!(push.connection.transmit_len(), expected.len());
    assert_eq!(push.connection.transmit_copied_len(), expected.len() - large.len());
    assert_eq!(segments(&mut push).concat(), expected);
    assert_eq!((push.connection.transmit_len(), push.connection.transmit_copied_len()), (0, 0));
}

#[test]
fn what_is_taken_is_appended_to_what_the_driver_has() {
    let mut push = push();
    let mut segments = vec![Bytes::from("unwritten")];
    push.connection.send(&Message::from("next"));
    push.connection.poll_transmit(&mut segments);
    assert_eq!(segments, [&b"unwritten"[..], b"\x00\x04next"]);
    push.connection.poll_transmit(&mut segments);
    assert_eq!(segments.len(), 2);
}

#[test]
fn buffers_are_used_again_once_they_are_written() {
    let mut push = push();
    let mut written = Vec::new();
    let mut places = Vec::new();
    for _ in 0..1000 {
        for _ in 0..300 {
            push.connection.send(&Message::from(&[7; 200]));
        }
        let next = segments(&mut push);
        written.clear(); // the last write is over before the next begins
        places.extend(next.iter().map(|segment| segment.as_ptr()));
        written = next;
    }
    drop(written);
    let warm = &mut places[100..];
    warm.sort_unstable();
    let fresh = warm.chunk_by(|a, b| a == b).count();
    assert!(fresh <= 4, "{fresh} different places in 900 transmissions");
}

#[test]
fn bytes_taken_are_never_written_over() {
    let mut push = push();
    let mut all = Vec::new();
    let mut expected = Vec::new();
    for i in 0..2000_u32 {
        let body = vec![i as u8; (i % 700) as usize];
        expected.extend(if body.len() > 255 { long(0, &body) } else { short(0, &body) });
        push.connection.send(&Message::from(body));
        if i % 13 == 0 {
            push.connection.poll_transmit(&mut all);
        }
        if i % 400 == 0 {
            // Some are dropped early, as writes complete.
            let taken: usize = all.iter().map(Bytes::len).sum();
            assert_eq!(all.concat(), expected[..taken]);
            expected.drain(..taken);
            all.clear();
        }
    }
    push.connection.poll_transmit(&mut all);
    assert_eq!(all.concat(), expected);
}

#[test]
fn a_long_flag_is_only_on_long_frames() {
    let mut push = push();
    push.connection.send(&Message::from(vec![0; 255]));
    push.connection.send(&Message::from(vec![0; 256]));
    let sent = push.sent();
    assert_eq!((sent[0], sent[257]), (0, LONG));
}
