//! Small messages are taken in runs; nothing else is, and nothing is taken twice.

use seaworthy_core::FRAME_IN_PLACE_MAX;
use seaworthy_zmtp::{ConnectionConfig, Event, PeerMisbehaved, SocketType};

use crate::scripted::{COMMAND, MORE, Scripted, announcing, command, long, message, short};

fn pull() -> Scripted {
    Scripted::in_traffic(SocketType::Pull)
}

/// Lengths of the small messages that are taken off the input, after these bytes came.
fn taken(scripted: &mut Scripted, bytes: impl AsRef<[u8]>) -> Vec<usize> {
    scripted.input.extend_from_slice(bytes.as_ref());
    let mut lengths = Vec::new();
    if let Some(mut messages) = scripted.connection.small_messages(&mut scripted.input) {
        while let Some(body) = messages.next() {
            lengths.push(body.len());
        }
    }
    lengths
}

#[test]
fn a_run_ends_before_the_first_that_is_too_long() {
    let mut pull = pull();
    let (longest, too_long) = (vec![1; FRAME_IN_PLACE_MAX], vec![2; FRAME_IN_PLACE_MAX + 1]);
    let bytes = [short(0, b""), short(0, &longest), short(0, &too_long), short(0, b"behind")].concat();
    assert_eq!(taken(&mut pull, bytes), [0, FRAME_IN_PLACE_MAX]);
    assert_eq!(pull.receives([]), [message(&[&too_long]), message(&[b"behind"])]);
}

#[test]
fn what_was_not_asked_for_stays() {
    let mut pull = pull();
    pull.input.extend_from_slice(b"\x00\x01a\x00\x01b\x00\x01c");
    let mut messages = pull.connection.small_messages(&mut pull.input).unwrap();
    assert_eq!(messages.next(), Some(&b"a"[..]));
    drop(messages);
    assert_eq!(pull.input, &b"\x00\x01b\x00\x01c"[..]);
    drop(pull.connection.small_messages(&mut pull.input));
    assert_eq!(pull.input, &b"\x00\x01b\x00\x01c"[..]);
}

#[test]
fn an_incomplete_one_waits_at_every_byte() {
    let whole = [short(0, b"first"), short(0, b"second")].concat();
    for cut in 0..=whole.len() {
        let mut pull = pull();
        let mut lengths = taken(&mut pull, &whole[..cut]);
        assert_eq!(lengths.len(), usize::from(cut >= 7) + usize::from(cut == whole.len()));
        lengths.extend(taken(&mut pull, &whole[cut..]));
        assert_eq!(lengths, [5, 6]);
    }
}

#[test]
fn frames_of_longer_messages_and_commands_are_none() {
    for (bytes, expected) in [
        ([short(MORE, b"a"), short(0, b"b")].concat(), vec![message(&[b"a", b"b"])]),
        (long(0, b"long header"), vec![message(&[b"long header"])]),
        (command("PING", b"\0\0"), vec![]),
        (short(COMMAND, b"\x01x"), vec![]),
    ] {
        let mut pull = pull();
        assert_eq!(taken(&mut pull, bytes), []);
        assert_eq!(pull.receives([]), expected);
    }
}

#[test]
fn the_end_of_a_message_is_none_even_if_it_is_empty() {
    for end in [&b""[..], b"end"] {
        let mut pull = pull();
        assert_eq!(pull.receives(short(MORE, b"begin")), []);
        assert_eq!(taken(&mut pull, short(0, end)), []);
        assert_eq!(pull.receives([]), [message(&[b"begin", end])]);
    }
}

#[test]
fn a_publisher_takes_none_since_they_may_be_subscriptions() {
    let mut publisher = Scripted::in_traffic(SocketType::XPub);
    assert_eq!(taken(&mut publisher, short(0, b"\x01topic")), []);
    assert_eq!(publisher.receives([]), [Event::Subscribe("topic".into())]);
}

#[test]
fn maxmsgsize_is_kept() {
    let mut config = ConnectionConfig::new(SocketType::Pull);
    config.maxmsgsize = Some(3);
    let mut pull = Scripted::in_traffic_as(config, 1);
    assert_eq!(taken(&mut pull, [short(0, b"123"), short(0, b"1234")].concat()), [3]);
    let error = pull.fails_on([]);
    assert_eq!(error, PeerMisbehaved::FrameTooLarge { length: 4, limit: 3 }.into());
}

#[test]
fn there_are_none_before_and_after_the_traffic() {
    let mut greeted = Scripted::greeted(SocketType::Pull);
    assert_eq!(taken(&mut greeted, short(0, b"early")), []);
    let mut failed = pull();
    failed.fails_on(announcing(0, u64::MAX));
    failed.input.clear();
    assert_eq!(taken(&mut failed, short(0, b"late")), []);
}

#[test]
fn they_are_signs_of_life() {
    let mut config = ConnectionConfig::new(SocketType::Pull);
    config.heartbeat_ivl = std::time::Duration::from_secs(1);
    let mut pull = Scripted::in_traffic_as(config, 1);
    let (due, _) = pull.connection.poll_timeout().unwrap();
    pull.connection.handle_timeout(due).unwrap();
    pull.sent();
    let (given_up, _) = pull.connection.poll_timeout().unwrap();
    assert_eq!(taken(&mut pull, short(0, b"alive")), [5]);
    pull.connection.handle_timeout(given_up).unwrap();
}
