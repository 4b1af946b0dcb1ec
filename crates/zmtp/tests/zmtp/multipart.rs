//! Messages of several frames: all or nothing, and bounded.

use seaworthy_core::Message;
use seaworthy_zmtp::{ConnectionConfig, Error, Event, PeerMisbehaved, SocketType};

use crate::scripted::{MORE, Scripted, announcing, command, message, short};

fn limited(bytes: u64, frames: usize) -> Scripted {
    let mut config = ConnectionConfig::new(SocketType::Pull);
    (config.message_bytes_max, config.message_frames_max) = (bytes, frames);
    Scripted::in_traffic_as(config, 1)
}

#[test]
fn a_message_is_delivered_with_its_last_frame_and_not_before() {
    let mut pull = Scripted::in_traffic(SocketType::Pull);
    assert_eq!(pull.receives(short(MORE, "a")), []);
    assert_eq!(pull.receives(short(MORE, "")), []);
    assert_eq!(pull.receives(short(0, "c")), [message(&[b"a", b"", b"c"])]);
    assert_eq!(pull.receives(short(0, "d")), [message(&[b"d"])]);
}

#[test]
fn commands_between_the_frames_of_a_message_are_obeyed_at_once() {
    let mut pull = Scripted::in_traffic(SocketType::Pull);
    let parts = [short(MORE, "a"), command("PING", b"\0\0ctx"), short(0, "b")].concat();
    assert_eq!(pull.receives(parts), [message(&[b"a", b"b"])]);
    assert_eq!(pull.sent(), command("PONG", "ctx"));
}

#[test]
fn a_message_of_the_largest_number_of_frames_is_delivered_and_one_more_is_refused() {
    let three = [short(MORE, "a"), short(MORE, "b"), short(0, "c")].concat();
    assert_eq!(limited(100, 3).receives(three), [message(&[b"a", b"b", b"c"])]);
    let mut pull = limited(100, 3);
    assert_eq!(pull.receives([short(MORE, "a"), short(MORE, "b"), short(MORE, "c")].concat()), []);
    let error = pull.fails_on(short(0, ""));
    assert_eq!(error, Error::PeerMisbehaved(PeerMisbehaved::TooManyFrames { limit: 3 }));
}

#[test]
fn endless_more_frames_end_at_65536() {
    let mut pull = Scripted::in_traffic(SocketType::Pull);
    assert_eq!(pull.receives(short(MORE, "").repeat(65_536)), []);
    let error = pull.fails_on(short(MORE, ""));
    assert_eq!(error, Error::PeerMisbehaved(PeerMisbehaved::TooManyFrames { limit: 65_536 }));
}

#[test]
fn frames_that_are_too_large_together_are_refused_by_the_header_of_the_last_straw() {
    let parts = [short(MORE, "12345"), short(0, "67890")].concat();
    assert_eq!(limited(10, 9).receives(&parts), [message(&[b"12345", b"67890"])]);
    assert_eq!(limited(10, 9).receives(parts.repeat(2)).len(), 2);
    let mut pull = limited(10, 9);
    assert_eq!(pull.receives(short(MORE, "12345")), []);
    let error = pull.fails_on(announcing(0, 6));
    assert_eq!(error, Error::PeerMisbehaved(PeerMisbehaved::MessageTooLarge { length: 11, limit: 10 }));
}

#[test]
fn with_every_limit_lifted_the_largest_announcements_are_waited_for_and_cost_nothing() {
    let mut pull = limited(u64::MAX, usize::MAX);
    assert_eq!(pull.receives(short(MORE, "first")), []);
    let before = pull.input.capacity();
    assert_eq!(pull.receives(announcing(MORE, u64::MAX)), []);
    assert_eq!(pull.receives([7; 10]), []);
    assert!(pull.input.capacity() <= before + 64);
    // Together they overflow 64 bits; alone the second is waited for.
    let mut pull = limited(u64::MAX, usize::MAX);
    assert_eq!(pull.receives(announcing(0, 1 << 62)), []);
    assert_eq!(pull.connection.wanted(), 1 << 62);
}

#[test]
fn a_message_of_one_frame_needs_no_vector() {
    let mut pull = Scripted::in_traffic(SocketType::Pull);
    let events = pull.receives(short(0, "single"));
    let Ok([Event::Message(single)]) = <[Event; 1]>::try_from(events) else { panic!("not one message") };
    assert_eq!(single.into_single(), Ok("single".into()));
    let pair = pull.receives([short(MORE, "a"), short(0, "b")].concat());
    assert_eq!(pair, [Event::Message(Message::from(["a", "b"]))]);
}
