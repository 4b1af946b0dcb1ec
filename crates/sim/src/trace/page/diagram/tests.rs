use super::*;
use seaworthy_engine::DropReason;

fn diagram(lines: &[serde_json::Value]) -> serde_json::Value {
    diagram_with(lines, None)
}

fn diagram_with(lines: &[serde_json::Value], packets: Option<&[Packet]>) -> serde_json::Value {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let lines = Line::read_all(&text).unwrap();
    serde_json::to_value(Diagram::new(&["a".into(), "b".into()], &lines, packets)).unwrap()
}

/// A table's columns, without the texts.
fn columns(level: &serde_json::Value, names: &[&str]) -> Vec<serde_json::Value> {
    names.iter().map(|name| level[*name].clone()).collect()
}

macro_rules! lines {
    ($($line:tt),* $(,)?) => { [$(serde_json::json!($line)),*] };
}

#[test]
fn a_message_goes_from_where_it_was_sent_to_everybody_who_received_it() {
    let made = diagram(&lines![
        {"t": 10, "host": "a", "socket": "pub", "event": "sent", "message": "pub#0", "parts": 1, "bytes": 9},
        {"t": 15, "host": "b", "socket": "sub-1", "event": "received", "message": "pub#0", "parts": 1, "bytes": 9},
        {"t": 17, "host": "c", "socket": "sub-2", "event": "received", "message": "pub#0", "parts": 1, "bytes": 9},
        {"t": 20, "host": "a", "socket": "pub", "event": "sent", "message": "pub#1", "parts": 1, "bytes": 9},
    ]);
    let arrows = &made["levels"][0]["arrows"];
    let expected = lines![[10, 0, 10], [5, 7, 0], [0, 0, 0], [1, 2, -1], [0, 0, 2]];
    assert_eq!(columns(arrows, &["at", "lasts", "from", "to", "end"]), expected);
    let names: Vec<_> = made["lanes"].as_array().unwrap().iter().map(|lane| &lane["name"]).collect();
    assert_eq!(names, ["a", "b", "c"], "a host that only the trace names has a lane, too");
}

#[test]
fn a_message_received_twice_at_a_host_says_so() {
    let receipt = |t| serde_json::json!({"t": t, "host": "b", "socket": "pull", "event": "received", "message": "p#0", "parts": 1, "bytes": 9});
    let sent = serde_json::json!({"t": 1, "host": "a", "socket": "p", "event": "sent", "message": "p#0", "parts": 1, "bytes": 9});
    let made = diagram(&[sent, receipt(2), receipt(3)]);
    assert_eq!(made["levels"][0]["arrows"]["end"], serde_json::json!([0, 3]));
}

#[test]
fn frames_pair_in_order_on_each_direction_of_a_stream() {
    let frame = |t, host: &str, stream, dir: &str, bytes| serde_json::json!({"t": t, "host": host, "event": "frame", "stream": stream, "dir": dir, "frame": "message", "bytes": bytes, "more": false});
    let made = diagram(&[
        frame(1, "a", 0, "out", 100),
        frame(2, "a", 0, "out", 200),
        frame(3, "b", 1, "out", 300),
        serde_json::json!({"t": 4, "host": "b", "event": "stream", "stream": 1, "peer": 0}),
        frame(5, "b", 1, "in", 100),
        frame(9, "a", 0, "in", 300),
    ]);
    let arrows = &made["levels"][1]["arrows"];
    let expected = lines![[1, 1, 1], [4, 0, 6], [0, 0, 1], [1, 1, 0], [0, 2, 0]];
    assert_eq!(columns(arrows, &["at", "lasts", "from", "to", "end"]), expected);
}

#[test]
fn a_fault_is_a_band_at_the_hosts_it_names_until_it_is_over_or_all_is_healed() {
    let made = diagram(&lines![
        {"t": 5, "host": "c", "event": "started", "life": 1},
        {"t": 10, "event": "fault", "fault": 0, "what": "cut a <> c"},
        {"t": 20, "event": "fault", "fault": 1, "what": "slow reader b"},
        {"t": 30, "event": "fault-over", "fault": 0, "what": "cut a <> c"},
        {"t": 25, "event": "fault", "fault": 2, "what": "swizzle a b: 3"},
        {"t": 26, "event": "fault-over", "fault": 2, "what": "swizzle a b: 3"},
        {"t": 40, "event": "phase", "phase": "healed"},
        {"t": 50, "event": "phase", "phase": "closing"},
    ]);
    let expected = lines![
        {"kind": "cut", "label": "cut a <> c", "from": 10, "to": 30, "lanes": [0, 2]},
        {"kind": "slow reader", "label": "slow reader b", "from": 20, "to": 40, "lanes": [1]},
        {"kind": "swizzle", "label": "swizzle a b: 3", "from": 25, "to": 26, "lanes": [0, 1]},
    ];
    assert_eq!(made["bands"].as_array().unwrap(), &expected);
}

#[test]
fn a_host_is_down_from_its_crash_to_its_restart() {
    let made = diagram(&lines![
        {"t": 10, "host": "b", "event": "crashed", "how": "power"},
        {"t": 30, "host": "b", "event": "started", "life": 2},
        {"t": 50, "host": "b", "event": "crashed", "how": "process"},
        {"t": 60, "host": "a", "event": "started", "life": 1},
    ]);
    let bands = made["bands"].as_array().unwrap();
    assert_eq!((&bands[0]["label"], &bands[0]["to"]), (&"down: power".into(), &30.into()));
    assert_eq!((&bands[1]["from"], &bands[1]["to"]), (&50.into(), &60.into()), "until the end");
}

#[test]
fn events_nobody_knows_are_marks_or_bands_if_they_have_an_end() {
    let made = diagram(&lines![
        {"t": 10, "host": "b", "event": "elected", "term": 3},
        {"t": 20, "host": "a", "event": "compacting", "start": 12, "end": 20},
        {"t": 30, "event": "meteor", "what": "meteor hits b", "for": 5},
    ]);
    assert_eq!(made["kinds"], serde_json::json!(["elected"]));
    assert_eq!(made["levels"][0]["marks"]["from"], serde_json::json!([1]));
    let bands = made["bands"].as_array().unwrap();
    assert_eq!(columns(&bands[0], &["kind", "from", "to", "lanes"]), lines!["compacting", 12, 20, [0]]);
    assert_eq!(columns(&bands[1], &["kind", "from", "to", "lanes"]), lines!["meteor", 30, 35, [1]]);
}

#[test]
fn a_reset_after_a_dropped_write_is_marked_as_poisoned_and_another_reset_is_not() {
    let end = |stream| serde_json::json!({"t": 20, "host": "a", "event": "stream-ended", "stream": stream, "how": "reset"});
    let made = diagram(&[
        serde_json::json!({"t": 10, "host": "a", "event": "dropped", "stream": 4, "operation": "write", "bytes": 3}),
        serde_json::json!({"t": 10, "host": "a", "event": "dropped", "stream": 5, "operation": "read", "bytes": 3}),
        end(4),
        end(5),
    ]);
    let poisoned = made["kinds"].as_array().unwrap().iter().position(|kind| kind == "poisoned").unwrap();
    let marked = made["levels"][1]["marks"]["kind"].as_array().unwrap();
    assert_eq!(marked.iter().filter(|kind| **kind == poisoned).count(), 1);
}

#[test]
fn a_send_that_waited_is_a_span() {
    let made = diagram(&lines![
        {"t": 10, "host": "a", "socket": "p", "event": "blocked", "message": "p#0"},
        {"t": 25, "host": "a", "socket": "p", "event": "sent", "message": "p#0", "parts": 1, "bytes": 9},
    ]);
    assert_eq!(columns(&made["levels"][0]["spans"], &["at", "lasts", "from"]), lines![[10], [15], [0]]);
}

#[test]
fn a_wait_that_was_in_vain_ends_when_it_was_given_up() {
    let blocked = |t, message: &str| serde_json::json!({"t": t, "host": "a", "socket": "p", "event": "blocked", "message": message});
    let ended = |t, event: &str, message: &str| serde_json::json!({"t": t, "host": "a", "socket": "p", "event": event, "operation": "send", "message": message});
    let made = diagram(&[
        blocked(10, "p#0"),
        ended(15, "cancelled", "p#0"),
        blocked(20, "p#1"),
        ended(26, "timed-out", "p#1"),
        blocked(30, "p#1"),
        serde_json::json!({"t": 37, "host": "a", "event": "crashed", "how": "process"}),
        blocked(40, "p.2#1"),
        serde_json::json!({"t": 41, "host": "b", "socket": "r", "event": "blocked", "message": "p#0"}),
        serde_json::json!({"t": 48, "event": "phase", "phase": "draining"}),
        serde_json::json!({"t": 50, "event": "phase", "phase": "closing"}),
    ]);
    let spans = &made["levels"][0]["spans"];
    assert_eq!(columns(spans, &["at", "lasts"]), lines![[10, 10, 10, 10, 1], [5, 6, 7, 8, 9]]);
    assert_eq!(spans["from"], serde_json::json!([0, 0, 0, 0, 1]));
}

#[test]
fn packets_arrive_get_lost_arrive_again_or_stay_under_way() {
    let packet = |number, fates| Packet { number, from: 0, to: Some(1), sent: 100, bytes: vec![], fates };
    let packets = [
        packet(0, vec![Fate::Delivered(110)]),
        packet(1, vec![Fate::Dropped(100, DropReason::Cut)]),
        packet(2, vec![Fate::Duplicated, Fate::Delivered(120), Fate::Delivered(130)]),
        packet(3, vec![Fate::Corrupted(7), Fate::Delivered(140)]),
        packet(4, vec![]),
    ];
    let made = diagram_with(&[], Some(&packets));
    let arrows = &made["levels"][2]["arrows"];
    assert_eq!(arrows["end"], serde_json::json!([0, 1, 0, 3, 4, 2]));
    assert_eq!(arrows["lasts"], serde_json::json!([10, 0, 20, 30, 40, 0]));
    assert_eq!(made["end"], 140);
}
