//! The program `seaworthy`, from the outside: what it prints, writes and returns.

mod explore;
mod folder;

use crate::folder::{Folder, PASSES, fails};

#[test]
fn a_scenario_that_passes_exits_with_0_and_a_table() {
    let folder = Folder::new("passes");
    folder.write("passes.toml", PASSES);
    let (out, _) = folder.exits(0, &["run", "passes.toml"]);
    assert!(out.contains("scenario  turmoil             warp"), "{out}");
    assert!(out.contains("1 scenario, 2 runs, each twice: all passed"), "{out}");
    assert!(!folder.0.join("failures").exists(), "nothing is left behind");
}

#[test]
fn a_failure_exits_with_1_and_leaves_what_replays_it() {
    let folder = Folder::new("fails");
    folder.write("fails.toml", &fails());
    let (out, _) = folder.exits(1, &["run", "fails.toml", "--on", "warp", "--seed", "7"]);
    assert!(out.contains("FAILED fails on warp, seed 7"), "{out}");
    assert!(out.contains("coverage: push disconnected happened 0 times, expected at least 1"), "{out}");
    assert!(out.contains("seaworthy replay failures/fails-warp-7.toml"), "{out}");
    let (again, _) = folder.exits(1, &["replay", "failures/fails-warp-7.toml"]);
    assert!(again.contains("FAILED fails on warp, seed 7"), "{again}");
    let (columns, _) = folder.exits(0, &["trace", "failures/fails-warp-7.jsonl", "--wire"]);
    assert!(columns.starts_with("     time/s host socket event"), "{columns}");
    assert!(columns.contains("greeting 3.1 NULL"), "{columns}");
}

#[test]
fn reports_for_machines_are_one_json_object_a_line() {
    let folder = Folder::new("json");
    folder.write("passes.toml", PASSES);
    let (out, _) = folder.exits(0, &["run", "passes.toml", "--seeds", "0..3", "--on", "warp", "--json"]);
    let mut seeds: Vec<u64> = out
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .inspect(|report| assert_eq!(report["verdict"], "passed"))
        .map(|report| report["seed"].as_u64().unwrap())
        .collect();
    seeds.sort_unstable();
    assert_eq!(seeds, [0, 1, 2]);
}

#[test]
fn the_same_seed_gives_the_same_run_in_two_processes() {
    let folder = Folder::new("processes");
    folder.write("passes.toml", PASSES);
    let audit = || {
        let (out, _) = folder.exits(0, &["run", "passes.toml", "--json", "--on", "turmoil", "--keep"]);
        let report: serde_json::Value = serde_json::from_str(&out).unwrap();
        (report["audit"].as_str().unwrap().to_owned(), folder.read("failures/passes-turmoil-1.jsonl"))
    };
    assert_eq!(audit(), audit());
}

#[test]
fn a_bad_scenario_exits_with_2_and_names_file_line_and_key() {
    let folder = Folder::new("bad");
    folder.write("bad.toml", &PASSES.replace("count = 3", "cuont = 3"));
    let (_, err) = folder.exits(2, &["run", "bad.toml"]);
    assert!(err.contains("bad.toml:10:47: workload[0].cuont: unknown field `cuont`"), "{err}");
    folder.write("worse.toml", &PASSES.replace("tcp://b:1", "tcp://c:1"));
    let (_, err) = folder.exits(2, &["list", "."]);
    assert!(err.contains("bad.toml:10:") && err.contains("worse.toml:7:"), "both are named: {err}");
    folder.exits(2, &["run", "missing.toml"]);
}

#[test]
fn a_scenario_is_run_to_be_shown_and_its_packets_can_be_written() {
    let folder = Folder::new("pcap");
    folder.write("passes.toml", PASSES);
    let (columns, _) = folder.exits(0, &["trace", "passes.toml", "--seed", "3", "--on", "turmoil"]);
    assert!(columns.contains(" received ") && columns.contains("push#0 "), "{columns}");
    let (nothing, _) = folder.exits(0, &["trace", "passes.toml", "--pcap", "passes.pcapng"]);
    assert_eq!(nothing, "", "it was asked for packets");
    let packets = std::fs::read(folder.0.join("passes.pcapng")).unwrap();
    assert_eq!(packets[..4], [0x0a, 0x0d, 0x0d, 0x0a]);
    assert!(packets.windows(4).any(|bytes| bytes == b"NULL"), "a greeting passes");
    folder.exits(3, &["trace", "passes.toml", "--pcap", "no/such/folder.pcapng"]);
}

#[test]
fn a_trace_has_no_packets_and_takes_no_seed() {
    let folder = Folder::new("packets");
    folder.write("trace.jsonl", "{\"t\":1,\"event\":\"closed\"}\n");
    let (_, err) = folder.exits(2, &["trace", "trace.jsonl", "--pcap", "out.pcapng"]);
    assert!(err.contains("trace.jsonl holds no packets: give a scenario"), "{err}");
    let (_, err) = folder.exits(2, &["trace", "trace.jsonl", "--seed", "1"]);
    assert!(err.contains("--seed and --on are for scenarios"), "{err}");
    folder.exits(2, &["trace", "trace.jsonl", "--on", "water"]);
}

#[test]
fn traces_that_are_equal_exit_with_0_and_others_with_1_and_the_place() {
    let folder = Folder::new("diff");
    let line = |t, event: &str| format!("{{\"t\":{t},\"host\":\"a\",\"event\":\"{event}\"}}\n");
    folder.write("one.jsonl", &(line(1000, "closed") + &line(2000, "closed")));
    folder.write("other.jsonl", &(line(1000, "closed") + &line(3000, "unheard-of")));
    assert_eq!(folder.exits(0, &["diff", "one.jsonl", "one.jsonl"]).0, "");
    let (text, _) = folder.exits(1, &["diff", "one.jsonl", "other.jsonl"]);
    assert_eq!(
        text,
        concat!(
            "equal up to line 1; they part at 0.000002000 s\n",
            "  1  0.000001 a closed\n",
            "one.jsonl\n",
            "  2  0.000002 a closed\n",
            "other.jsonl\n",
            "  2  0.000003 a unheard-of\n",
        )
    );
    folder.write("bad.jsonl", &(line(1000, "closed") + "not json\n"));
    let (_, err) = folder.exits(2, &["diff", "one.jsonl", "bad.jsonl"]);
    assert!(err.contains("bad.jsonl: line 2 is not an event of a trace"), "{err}");
    folder.exits(2, &["diff", "one.jsonl", "missing.jsonl"]);
    folder.exits(2, &["diff", "one.jsonl"]);
}

#[test]
fn bad_usage_exits_with_2() {
    let folder = Folder::new("usage");
    folder.write("passes.toml", PASSES);
    folder.exits(2, &["run", "passes.toml", "--seeds", "5..5"]);
    folder.exits(2, &["run", "passes.toml", "--seed", "1", "--seeds", "0..2"]);
    folder.exits(2, &["run", "passes.toml", "--on", "sea"]);
    folder.exits(2, &["trace", "passes.txt"]);
    folder.exits(2, &["sail"]);
    folder.exits(2, &["run"]);
}

#[test]
fn a_run_that_takes_too_long_exits_with_5() {
    let folder = Folder::new("hang");
    folder.write("long.toml", &PASSES.replace("duration = \"1s\"", "duration = \"1000h\""));
    let (out, _) = folder.exits(5, &["run", "long.toml", "--on", "turmoil", "--wall", "1"]);
    assert!(out.contains("HUNG passes on turmoil, seed 1"), "{out}");
}

#[test]
fn a_new_scenario_passes_and_is_not_overwritten() {
    let folder = Folder::new("new");
    let (out, _) = folder.exits(0, &["new", "mine"]);
    assert_eq!(out, "mine.toml\n");
    assert!(folder.read("mine.toml").starts_with("# Proves: "));
    folder.exits(0, &["run", "mine.toml", "--on", "warp"]);
    let (_, err) = folder.exits(2, &["new", "mine"]);
    assert!(err.contains("mine.toml exists already"), "{err}");
    folder.exits(2, &["new", "no name"]);
}

#[test]
fn scenarios_are_listed_with_what_they_prove() {
    let folder = Folder::new("list");
    folder.write("passes.toml", PASSES);
    let (out, _) = folder.exits(0, &["list", "passes.toml"]);
    assert_eq!(out, "passes  PUSH to PULL\n");
}

#[test]
fn the_schema_is_json_and_closed() {
    let folder = Folder::new("schema");
    let (out, _) = folder.exits(0, &["schema"]);
    let schema: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(schema["additionalProperties"], false);
}
