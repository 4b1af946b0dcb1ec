//! RFC 37, "Connection Heartbeating", on both sides of every deadline.

use std::time::Duration;

use seaworthy_core::{Message, Reachability};
use seaworthy_zmtp::{ConnectionConfig, Error, Event, SocketType, Timer};

use crate::pair::Pair;
use crate::scripted::{LONG, MORE, Scripted, announcing, command, greeting, ready, short};

const NANO: Duration = Duration::from_nanos(1);
const IVL: Duration = Duration::from_secs(1);
const TIMEOUT: Duration = Duration::from_millis(300);

fn config(socket_type: SocketType) -> ConnectionConfig {
    let mut config = ConnectionConfig::new(socket_type);
    config.heartbeat_ivl = IVL;
    config.heartbeat_timeout = Some(TIMEOUT);
    config
}

/// A PULL with heartbeats, in traffic since `now`.
fn pull() -> Scripted {
    Scripted::in_traffic_as(config(SocketType::Pull), 1)
}

/// A PULL that has just sent a PING, which is taken off.
fn pinged() -> Scripted {
    let mut pull = pull();
    pull.passes(IVL);
    pull.connection.handle_timeout(pull.now).unwrap();
    assert_eq!(pull.sent(), command("PING", [0, 0]));
    pull
}

#[track_caller]
fn dies_in(scripted: &mut Scripted, time: Duration, of: Timer) {
    assert_eq!(scripted.connection.poll_timeout(), Some((scripted.now + time, of)));
    scripted.passes(time - NANO);
    assert_eq!(scripted.connection.handle_timeout(scripted.now), Ok(()));
    scripted.passes(NANO);
    let error = scripted.connection.handle_timeout(scripted.now).unwrap_err();
    assert_eq!(error, Error::TimedOut(of));
    assert!(!error.is_protocol(), "after a failed heartbeat a peer reconnects");
    assert_eq!(scripted.sent(), []);
}

#[test]
fn without_an_interval_nothing_is_due() {
    let pull = Scripted::in_traffic(SocketType::Pull);
    assert_eq!(pull.connection.poll_timeout(), None);
}

#[test]
fn a_ping_is_sent_when_the_interval_has_passed_and_not_a_nanosecond_earlier() {
    let mut pull = pull();
    assert_eq!(pull.connection.poll_timeout(), Some((pull.now + IVL, Timer::PingDue)));
    pull.passes(IVL - NANO);
    assert_eq!(pull.connection.handle_timeout(pull.now), Ok(()));
    assert_eq!(pull.sent(), []);
    pull.passes(NANO);
    assert_eq!(pull.connection.handle_timeout(pull.now), Ok(()));
    assert_eq!(pull.sent(), b"\x04\x07\x04PING\0\0");
}

#[test]
fn pings_go_to_3_0_peers_too() {
    let mut pull = Scripted::in_traffic_as(config(SocketType::Pull), 0);
    pull.passes(IVL);
    pull.connection.handle_timeout(pull.now).unwrap();
    assert_eq!(pull.sent(), command("PING", [0, 0]));
}

#[test]
fn a_ping_announces_the_time_to_live_in_tenths_of_a_second_rounded_up_and_capped() {
    for (ttl, octets) in [
        (Duration::ZERO, [0, 0]),
        (NANO, [0, 1]),
        (Duration::from_millis(100), [0, 1]),
        (Duration::from_millis(101), [0, 2]),
        (Duration::from_secs(66), [0x02, 0x94]),
        (Duration::from_millis(6_553_500), [0xff, 0xff]),
        (Duration::from_millis(6_553_501), [0xff, 0xff]),
        (Duration::MAX, [0xff, 0xff]),
    ] {
        let mut config = config(SocketType::Pull);
        config.heartbeat_ttl = ttl;
        let mut pull = Scripted::in_traffic_as(config, 1);
        pull.passes(IVL);
        pull.connection.handle_timeout(pull.now).unwrap();
        assert_eq!(pull.sent(), command("PING", octets), "{ttl:?}");
    }
}

#[test]
fn silence_after_a_ping_ends_the_connection_at_the_timeout() {
    dies_in(&mut pinged(), TIMEOUT, Timer::PongMissing);
}

#[test]
fn the_timeout_is_the_interval_unless_it_is_set() {
    let mut config = config(SocketType::Pull);
    config.heartbeat_timeout = None;
    let mut pull = Scripted::in_traffic_as(config, 1);
    pull.passes(IVL);
    pull.connection.handle_timeout(pull.now).unwrap();
    pull.sent();
    dies_in(&mut pull, IVL, Timer::PongMissing);
}

#[test]
fn further_pings_do_not_put_off_the_end() {
    let mut config = config(SocketType::Pull);
    config.heartbeat_timeout = Some(IVL * 2 + IVL / 2);
    let mut pull = Scripted::in_traffic_as(config, 1);
    for _ in 0..3 {
        pull.passes(IVL);
        pull.connection.handle_timeout(pull.now).unwrap();
        assert_eq!(pull.sent(), command("PING", [0, 0]));
    }
    dies_in(&mut pull, IVL / 2, Timer::PongMissing);
}

#[test]
fn a_timeout_of_zero_waits_for_ever() {
    let mut config = config(SocketType::Pull);
    config.heartbeat_timeout = Some(Duration::ZERO);
    let mut pull = Scripted::in_traffic_as(config, 1);
    for _ in 0..10 {
        pull.passes(IVL);
        assert_eq!(pull.connection.handle_timeout(pull.now), Ok(()));
        assert_eq!(pull.sent(), command("PING", [0, 0]));
    }
}

#[test]
fn any_frame_is_a_sign_of_life() {
    let frames = [
        command("PONG", ""),
        command("PING", [0, 0]),
        command("UNKNOWN", ""),
        short(0, "message"),
        short(MORE, "part"),
        [&announcing(0, 300)[..], &[7; 300]].concat(),
    ];
    for frame in frames {
        let mut pull = pinged();
        pull.passes(TIMEOUT - NANO);
        pull.receives(frame);
        pull.sent();
        assert_eq!(pull.connection.poll_timeout().unwrap().1, Timer::PingDue);
        pull.passes(NANO);
        assert_eq!(pull.connection.handle_timeout(pull.now), Ok(()));
    }
}

#[test]
fn part_of_a_long_frame_is_a_sign_of_life_too() {
    let mut config = config(SocketType::Pull);
    config.heartbeat_ivl = Duration::from_secs(3600);
    let mut pull = Scripted::in_traffic_as(config, 1);
    pull.passes(Duration::from_secs(3600));
    pull.connection.handle_timeout(pull.now).unwrap();
    pull.sent();
    pull.receives(announcing(0, 1000));
    for _ in 0..100 {
        pull.passes(TIMEOUT - NANO);
        assert_eq!(pull.connection.handle_timeout(pull.now), Ok(()));
        assert_eq!(pull.receives([7]), []);
    }
    // It answers nothing, though: when it stops, the end comes.
    dies_in(&mut pull, TIMEOUT, Timer::PongMissing);
}

#[test]
fn looking_at_the_same_part_again_is_no_sign_of_life() {
    let mut pull = pinged();
    pull.receives([LONG, 0, 0]);
    let deadline = pull.connection.poll_timeout();
    pull.passes(TIMEOUT / 2);
    pull.receives([]);
    assert_eq!(pull.connection.poll_timeout(), deadline);
}

#[test]
fn part_of_the_next_frame_counts_even_if_it_is_shorter_than_the_last_part() {
    let short_frame = [&[0, 200][..], &[7; 200]].concat();
    let long_frame = [&announcing(0, 300)[..], &[7; 300]].concat();
    for frame in [short_frame, long_frame] {
        let mut pull = pull();
        let (part, rest) = frame.split_at(150);
        pull.receives(part);
        pull.input.extend_from_slice(rest);
        // A driver may stop at the event and come back with more.
        let event = pull.connection.handle_input(pull.now, &mut pull.input).unwrap();
        assert!(matches!(event, Some(Event::Message(_))));
        pull.passes(IVL);
        pull.connection.handle_timeout(pull.now).unwrap();
        pull.passes(TIMEOUT / 2);
        pull.receives(&frame[..10]);
        assert_eq!(pull.connection.poll_timeout(), Some((pull.now + TIMEOUT, Timer::PongMissing)));
    }
}

#[test]
fn bytes_that_are_not_decoded_yet_are_a_sign_of_life_when_the_driver_says_so() {
    let mut pull = pinged();
    pull.passes(TIMEOUT - NANO);
    pull.connection.received(pull.now);
    dies_in(&mut pull, TIMEOUT, Timer::PongMissing);
}

#[test]
fn a_driver_that_says_so_does_not_prolong_the_handshake() {
    let mut pull = Scripted::new(config(SocketType::Pull));
    let deadline = pull.connection.poll_timeout();
    pull.passes(IVL);
    pull.connection.received(pull.now);
    assert_eq!(pull.connection.poll_timeout(), deadline);
}

#[test]
fn a_ping_is_answered_with_its_context_before_anything_else_is_decoded() {
    let mut pull = pull();
    pull.input.extend_from_slice(&[command("PING", b"\0\0ctx"), short(0, "message")].concat());
    let event = pull.connection.handle_input(pull.now, &mut pull.input).unwrap();
    assert!(matches!(event, Some(Event::Message(_))));
    assert_eq!(pull.sent(), b"\x04\x08\x04PONGctx");
}

#[test]
fn a_context_of_16_bytes_is_echoed_whole_and_a_longer_one_cut() {
    let context = b"0123456789abcdefX";
    for (length, echoed) in [(0, 0), (1, 1), (16, 16), (17, 16)] {
        let mut pull = pull();
        pull.receives(command("PING", [&[0, 0], &context[..length]].concat()));
        assert_eq!(pull.sent(), command("PONG", &context[..echoed]));
    }
}

#[test]
fn silence_for_the_peers_time_to_live_ends_the_connection() {
    let mut pull = Scripted::in_traffic(SocketType::Pull);
    pull.receives(command("PING", 15_u16.to_be_bytes()));
    pull.sent();
    dies_in(&mut pull, Duration::from_millis(1500), Timer::TimeToLive);
}

#[test]
fn the_shortest_and_the_longest_time_to_live_are_kept_to_the_tenth() {
    for (octets, millis) in [([0, 1], 100), ([0xff, 0xff], 6_553_500)] {
        let mut pull = Scripted::in_traffic(SocketType::Pull);
        pull.receives(command("PING", octets));
        pull.sent();
        dies_in(&mut pull, Duration::from_millis(millis), Timer::TimeToLive);
    }
}

#[test]
fn whatever_comes_within_the_time_to_live_begins_it_anew_and_a_ping_without_one_ends_it() {
    let mut pull = Scripted::in_traffic(SocketType::Pull);
    pull.receives(command("PING", [0, 10]));
    pull.passes(Duration::from_millis(900));
    pull.receives(short(0, "alive"));
    pull.sent();
    let mut dying = pull;
    dies_in(&mut dying, Duration::from_secs(1), Timer::TimeToLive);
    let mut pull = Scripted::in_traffic(SocketType::Pull);
    pull.receives(command("PING", [0, 10]));
    pull.receives(command("PING", [0, 0]));
    assert_eq!(pull.connection.poll_timeout(), None);
    pull.receives(command("PING", [0, 10]));
    pull.passes(Duration::from_millis(500));
    pull.receives(&announcing(0, 1000)[..3]);
    pull.sent();
    dies_in(&mut pull, Duration::from_secs(1), Timer::TimeToLive);
}

#[test]
fn a_connection_has_heartbeats_when_either_side_sends_pings() {
    assert!(pull().connection.has_heartbeats());
    let mut pull = Scripted::in_traffic(SocketType::Pull);
    assert!(!pull.connection.has_heartbeats());
    pull.receives(command("PONG", ""));
    assert!(!pull.connection.has_heartbeats());
    pull.receives(command("PING", [0, 0]));
    assert!(pull.connection.has_heartbeats());
}

#[test]
fn of_two_deadlines_at_once_the_one_that_ends_the_connection_wins() {
    let mut config = config(SocketType::Pull);
    config.heartbeat_timeout = Some(IVL);
    let mut pull = Scripted::in_traffic_as(config, 1);
    pull.passes(IVL);
    pull.connection.handle_timeout(pull.now).unwrap();
    pull.sent();
    dies_in(&mut pull, IVL, Timer::PongMissing);
}

#[test]
fn during_a_long_transfer_pings_go_on() {
    let mut pull = pull();
    pull.receives(announcing(0, 1 << 20));
    let mut pings = 0;
    for _ in 0..1100 * 10 {
        pull.receives([7]);
        pull.passes(IVL / 10);
        pull.connection.handle_timeout(pull.now).unwrap();
        pings += pull.sent().len() / command("PING", [0, 0]).len();
    }
    assert_eq!(pings, 1100);
}

#[test]
fn the_first_ping_goes_out_with_the_handshake_and_tells_our_patience() {
    for (timeout, millis) in [(None, 1000), (Some(TIMEOUT), 300), (Some(Duration::ZERO), 0)] {
        let mut config = config(SocketType::Pull);
        config.heartbeat_timeout = timeout;
        let mut pull = Scripted::new(config);
        pull.receives([greeting(3, 1, "NULL"), ready(SocketType::Push)].concat());
        let told = [&[0, 0][..], b"SEAW", &u32::to_be_bytes(millis)].concat();
        assert!(pull.sent().ends_with(&command("PING", told)), "{timeout:?}");
    }
}

#[test]
fn no_ping_is_queued_behind_one_that_has_not_gone_out() {
    let mut pull = pull();
    for _ in 0..5000 {
        pull.passes(IVL);
        pull.connection.examine(pull.now, || Some(ALIVE)).unwrap();
        pull.connection.handle_timeout(pull.now).unwrap();
    }
    assert_eq!(pull.connection.transmit_len(), command("PING", [0, 0]).len());
    pull.sent();
    pull.receives(command("PONG", ""));
    pull.passes(IVL);
    pull.connection.handle_timeout(pull.now).unwrap();
    assert_eq!(pull.sent(), command("PING", [0, 0]), "and then they go on");
}

#[test]
fn a_ping_is_timed_from_when_it_has_gone_out() {
    let mut pull = pull();
    pull.passes(IVL);
    pull.connection.handle_timeout(pull.now).unwrap();
    pull.connection.poll_transmit(&mut Vec::new());
    assert!(pull.connection.is_writing_ping());
    pull.passes(TIMEOUT - NANO);
    pull.connection.written(pull.now);
    assert!(!pull.connection.is_writing_ping());
    dies_in(&mut pull, TIMEOUT, Timer::PongMissing);
}

/// Everything has reached the peer, which owes nothing.
const ALIVE: Reachability = Reachability { undelivered: false, unanswered: None, last_sign: None };

/// What comes of looking closer at a peer that was silent for too long after a PING.
fn examined(mut pull: Scripted, known: Option<Reachability>) -> Result<Duration, Timer> {
    let (deadline, timer) = pull.connection.poll_timeout().unwrap();
    assert_eq!(timer, Timer::PongMissing);
    pull.now = deadline;
    pull.connection.examine(pull.now, || known)?;
    Ok(pull.connection.poll_timeout().unwrap().0 - pull.now)
}

fn queued() -> Scripted {
    let mut config = config(SocketType::Pull);
    config.heartbeat_ivl = Duration::from_secs(60);
    let mut pull = Scripted::in_traffic_as(config, 1);
    pull.passes(Duration::from_secs(60));
    pull.connection.handle_timeout(pull.now).unwrap();
    pull
}

fn gone_out() -> Scripted {
    let mut pull = queued();
    pull.sent();
    pull
}

fn not_reading() -> Scripted {
    let mut pull = gone_out();
    pull.connection.settle(pull.now, false);
    pull
}

#[test]
fn a_peer_whose_system_owes_an_answer_for_as_long_as_the_timeout_is_dead() {
    let silent_for = |silence| Reachability { undelivered: true, unanswered: Some(silence), ..ALIVE };
    for pull in [queued, gone_out] {
        assert_eq!(examined(pull(), Some(silent_for(TIMEOUT))), Err(Timer::PongMissing));
        assert_eq!(examined(pull(), Some(silent_for(TIMEOUT - NANO))), Ok(NANO));
        assert_eq!(examined(pull(), Some(Reachability { undelivered: true, ..ALIVE })), Ok(TIMEOUT));
    }
    // Its answers would not be read, but its system answers.
    let mut pull = not_reading();
    pull.passes(TIMEOUT);
    assert_eq!(pull.connection.examine(pull.now, || Some(silent_for(TIMEOUT))), Err(Timer::PongMissing));
    assert_eq!(pull.connection.examine(pull.now, || Some(ALIVE)), Ok(()));
    assert_eq!(pull.connection.handle_timeout(pull.now), Ok(()));
}

#[test]
fn a_peer_that_has_our_ping_is_dead_unless_that_came_late() {
    assert_eq!(examined(queued(), Some(ALIVE)), Ok(TIMEOUT), "it cannot have what has not gone out");
    assert_eq!(examined(gone_out(), Some(ALIVE)), Err(Timer::PongMissing));
    assert_eq!(examined(gone_out(), None), Err(Timer::PongMissing));
    let arrived = |ago| Reachability { last_sign: Some(ago), ..ALIVE };
    assert_eq!(examined(gone_out(), Some(arrived(TIMEOUT * 3 / 4))), Err(Timer::PongMissing));
    assert_eq!(examined(gone_out(), Some(arrived(TIMEOUT / 2))), Ok(TIMEOUT / 2));
    let mut pull = gone_out();
    pull.passes(TIMEOUT);
    pull.connection.examine(pull.now, || Some(arrived(NANO))).unwrap();
    pull.passes(TIMEOUT);
    let again = pull.connection.examine(pull.now, || Some(arrived(NANO)));
    assert_eq!(again, Err(Timer::PongMissing), "that counts once");
}

#[test]
fn a_peer_that_gives_signs_of_life_unasked_is_judged_by_its_silence() {
    for pull in [queued, gone_out] {
        let mut pull = pull();
        pull.receives(command("PONG", "SEAW"));
        if pull.connection.poll_timeout().unwrap().1 == Timer::PingDue {
            pull.passes(Duration::from_secs(60));
            pull.connection.handle_timeout(pull.now).unwrap();
        }
        let alive = Reachability { undelivered: true, ..ALIVE };
        assert_eq!(examined(pull, Some(alive)), Err(Timer::PongMissing));
    }
}

#[test]
fn who_does_not_read_gives_signs_of_life_unasked() {
    let mut pull = Scripted::in_traffic(SocketType::Pull);
    pull.receives(command("PING", b"\0\0SEAW\0\0\x01\x2c"));
    assert_eq!(pull.sent(), command("PONG", b"SEAW\0\0\x01\x2c"));
    for (reading, behind) in [(false, true), (true, false)] {
        pull.connection.settle(pull.now, reading);
        if behind {
            assert_eq!(pull.connection.poll_timeout(), Some((pull.now + TIMEOUT / 3, Timer::KeepaliveDue)));
            for _ in 0..10 {
                pull.passes(TIMEOUT / 3);
                pull.connection.handle_timeout(pull.now).unwrap();
                assert_eq!(pull.sent(), command("PONG", "SEAW"));
            }
        }
    }
    pull.passes(TIMEOUT / 3);
    pull.connection.handle_timeout(pull.now).unwrap();
    assert_eq!(pull.sent(), command("PONG", "SEAW"), "for what may be on its way");
    assert_eq!(pull.connection.poll_timeout(), None);
    // So does who has part of a frame, behind which a PING may come.
    pull.receives(announcing(0, 1000));
    pull.connection.settle(pull.now, true);
    assert_eq!(pull.connection.poll_timeout(), Some((pull.now + TIMEOUT / 3, Timer::KeepaliveDue)));
}

#[test]
fn of_unasked_signs_of_life_one_waits_for_transmission_at_most() {
    let mut pull = Scripted::in_traffic(SocketType::Pull);
    pull.receives(command("PING", b"\0\0SEAW\0\0\x01\x2c"));
    pull.sent();
    pull.connection.settle(pull.now, false);
    for _ in 0..100 {
        pull.passes(TIMEOUT / 3);
        pull.connection.handle_timeout(pull.now).unwrap();
    }
    assert_eq!(pull.sent(), command("PONG", "SEAW"));
}

#[test]
fn an_interval_or_a_timeout_below_a_millisecond_is_taken_for_one() {
    let mut config = config(SocketType::Pull);
    (config.heartbeat_ivl, config.heartbeat_timeout) = (NANO, Some(NANO));
    let mut pull = Scripted::in_traffic_as(config, 1);
    let millisecond = Duration::from_millis(1);
    assert_eq!(pull.connection.poll_timeout(), Some((pull.now + millisecond, Timer::PingDue)));
    pull.passes(millisecond);
    pull.connection.handle_timeout(pull.now).unwrap();
    pull.sent();
    assert_eq!(pull.connection.poll_timeout(), Some((pull.now + millisecond, Timer::PongMissing)));
}

#[test]
fn a_peer_that_does_not_read_its_pongs_gets_a_thousand_of_them() {
    let mut pull = pull();
    let pong = command("PONG", "0123456789abcdef");
    let pings = command("PING", b"\0\x000123456789abcdef").repeat(1001);
    pull.receives(&pings);
    assert_eq!(pull.connection.transmit_len(), 1000 * pong.len());
    assert_eq!(pull.sent(), pong.repeat(1000));
    pull.receives(&pings[..pings.len() / 1001]);
    assert_eq!(pull.sent(), pong);
}

#[test]
fn no_ping_is_sent_before_the_handshake_is_complete() {
    let mut pull = Scripted::new(config(SocketType::Pull));
    pull.passes(Duration::from_secs(10));
    assert_eq!(pull.connection.poll_timeout().unwrap().1, Timer::Handshake);
    pull.receives([greeting(3, 1, "NULL"), ready(SocketType::Push), command("PONG", "")].concat());
    pull.sent();
    pull.receives(command("PONG", ""));
    assert_eq!(pull.connection.poll_timeout(), Some((pull.now + IVL, Timer::PingDue)));
}

#[test]
fn two_healthy_peers_keep_each_other_alive_for_an_hour_of_silence() {
    let mut push = config(SocketType::Push);
    push.heartbeat_ttl = Duration::from_millis(1500);
    let mut pair = Pair::ready(push, config(SocketType::Pull));
    pair.passes(Duration::from_secs(3600)).unwrap();
    assert_eq!((pair.a.pings, pair.b.pings), (3600, 3600));
    assert!(pair.a.events.is_empty() && pair.b.events.is_empty());
}

#[test]
fn a_cut_is_noticed_by_the_end_that_asks_within_interval_and_timeout() {
    let mut pair = Pair::ready(config(SocketType::Push), ConnectionConfig::new(SocketType::Pull));
    pair.passes(Duration::from_millis(2500)).unwrap();
    pair.connected = false;
    pair.passes(Duration::from_millis(800) - NANO).unwrap();
    assert_eq!(pair.passes(NANO), Err(Error::TimedOut(Timer::PongMissing)));
}

#[test]
fn a_cut_is_noticed_by_the_end_that_was_given_a_time_to_live() {
    let mut push = config(SocketType::Push);
    push.heartbeat_ttl = Duration::from_millis(1500);
    push.heartbeat_timeout = Some(Duration::ZERO);
    let mut pair = Pair::ready(push, ConnectionConfig::new(SocketType::Pull));
    pair.passes(Duration::from_millis(2500)).unwrap();
    pair.connected = false;
    // The last PING came at 2 s.
    pair.passes(Duration::from_secs(1) - NANO).unwrap();
    assert_eq!(pair.passes(NANO), Err(Error::TimedOut(Timer::TimeToLive)));
}

#[test]
fn messages_flow_between_heartbeats() {
    let mut pair = Pair::ready(config(SocketType::Push), config(SocketType::Pull));
    for _ in 0..100 {
        pair.a.connection.send(&Message::from(["tick", "tock"]));
        pair.passes(IVL / 3).unwrap();
    }
    pair.drive().unwrap();
    assert_eq!(pair.b.events, vec![Event::Message(Message::from(["tick", "tock"])); 100]);
}
