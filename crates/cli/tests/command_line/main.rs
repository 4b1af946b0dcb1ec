//! The program `seaworthy`, from the outside: what it prints, writes and returns.

mod action;
mod doctor;
mod explore;
mod folder;
mod github;
mod real;
mod see;

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
fn scenarios_are_found_in_folders_of_folders() {
    let folder = Folder::new("folders");
    for path in ["s", "s/.hidden", "s/pipeline", "s/pipeline/slow"] {
        std::fs::create_dir(folder.0.join(path)).unwrap();
    }
    folder.write("s/.hidden/passes.toml", PASSES);
    folder.write("s/pipeline/passes.toml", PASSES);
    folder.write("s/pipeline/slow/other.toml", &PASSES.replace("name = \"passes\"", "name = \"other\""));
    folder.write("s/first.toml", &PASSES.replace("name = \"passes\"", "name = \"first\""));
    let (out, _) = folder.exits(0, &["list", "s"]);
    let lines = [
        "first                PUSH to PULL",
        "pipeline/passes      PUSH to PULL",
        "pipeline/slow/other  PUSH to PULL",
        "",
    ];
    assert_eq!(out, lines.join("\n"));
    let (out, _) = folder.exits(0, &["list", "s/pipeline", "--json"]);
    assert!(out.contains("\"folder\":\"\"") && out.contains("\"folder\":\"slow\""), "{out}");
    let (out, _) = folder.exits(0, &["run", "s", "--on", "warp"]);
    assert!(out.contains("3 scenarios, 3 runs, each twice: all passed"), "{out}");
    let (out, _) = folder.exits(0, &["explore", "s", "--seeds", "0..4"]);
    assert!(out.contains("3 scenarios, 12 runs: all passed"), "{out}");
    folder.write("s/first.toml", PASSES);
    let (_, err) = folder.exits(2, &["run", "s"]);
    assert!(err.contains("s/pipeline/passes.toml and s/first.toml have the same name"), "{err}");
}

#[test]
fn the_schema_is_json_and_closed() {
    let folder = Folder::new("schema");
    let (out, _) = folder.exits(0, &["schema"]);
    let schema: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(schema["additionalProperties"], false);
}
