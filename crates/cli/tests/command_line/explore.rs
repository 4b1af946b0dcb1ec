//! `explore` and `merge`: whatever is split, killed or taken up again comes to the same.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::Value;

use crate::folder::{Folder, PASSES, fails};

/// A crash and a cut that seeds switch off, and ranges.
const STORM: &str = r#"
name = "storm"
description = "PUSH to PULL in a storm"
duration = "1s"
network = { latency = "1ms..3ms" }
host = [{ name = "a" }, { name = "b" }]
socket = [
    { name = "push", host = "a", type = "PUSH", connect = ["tcp://b:1"] },
    { name = "pull", host = "b", type = "PULL", bind = ["tcp://*:1"] },
]
workload = [
    { socket = "push", role = "send", count = "3..9", interval = "50ms" },
    { socket = "pull", role = "receive" },
]
fault = [
    { at = "100ms..200ms", for = "100ms", cut = ["a", "b"] },
    { at = "400ms..500ms", for = "100ms", crash = "b" },
]
expect = { sometimes = ["reconnected"] }
"#;

/// Every run in the journals of a folder, by scenario and seed, without real time.
fn results(folder: &Folder, out: &str) -> BTreeMap<(String, u64), Value> {
    let mut results = BTreeMap::new();
    for entry in std::fs::read_dir(folder.0.join(out)).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "jsonl") {
            continue;
        }
        for line in std::fs::read_to_string(&path).unwrap().lines() {
            let mut line: Value = serde_json::from_str(line).unwrap();
            if line["line"] == "run" {
                line.as_object_mut().unwrap().remove("real_s");
                let key = (line["scenario"].as_str().unwrap().to_owned(), line["seed"].as_u64().unwrap());
                assert_eq!(results.insert(key.clone(), line), None, "{key:?} was made twice");
            }
        }
    }
    results
}

fn storms(test: &str) -> Folder {
    let folder = Folder::new(test);
    std::fs::create_dir(folder.0.join("s")).unwrap();
    folder.write("s/storm.toml", STORM);
    folder.write("s/passes.toml", PASSES);
    folder
}

#[test]
fn a_sweep_without_failures_exits_with_0_a_table_and_its_coverage() {
    let folder = storms("explore-clean");
    let (out, err) = folder.exits(0, &["explore", "s", "--seeds", "0..20", "--jobs", "2"]);
    assert!(out.contains("2 scenarios, 40 runs: all passed; 5 of 5 goals reached"), "{out}");
    assert!(err.contains("40 of 40 runs made") && err.contains("seeds/s"), "{err}");
    assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 1, "nothing is left behind");
}

#[test]
fn a_goal_that_no_seed_reaches_fails_the_sweep_and_is_named() {
    let folder = storms("explore-goal");
    folder.write("s/storm.toml", &STORM.replace("[\"reconnected\"]", "[\"reconnected\", \"heartbeat\"]"));
    let (out, _) = folder.exits(1, &["explore", "s", "--seeds", "0..20", "--junit", "j.xml"]);
    assert!(out.contains("NEVER REACHED storm: heartbeat\n"), "{out}");
    assert!(!out.contains("NEVER REACHED storm: reconnected"), "{out}");
    assert!(folder.read("j.xml").contains("never reached: heartbeat"));
}

#[test]
fn the_union_of_shards_is_the_whole() {
    let folder = storms("explore-shards");
    let explore = ["explore", "s", "--seeds", "0..30"];
    folder.exits(0, &[&explore[..], &["--out", "whole"]].concat());
    for shard in ["0/3", "1/3", "2/3"] {
        let (out, _) = folder.exits(0, &[&explore[..], &["--out", "parts", "--shard", shard]].concat());
        assert!(out.contains("goals are judged when the shards are merged"), "{out}");
    }
    let whole = results(&folder, "whole");
    assert_eq!(whole.len(), 60);
    assert_eq!(results(&folder, "parts"), whole);
    let (out, _) = folder.exits(0, &["merge", "parts"]);
    assert!(out.contains("60 runs: all passed; 5 of 5 goals reached"), "{out}");
}

#[test]
fn a_shard_is_assigned_by_the_platform() {
    let folder = storms("explore-auto");
    let explore = ["explore", "s", "--seeds", "0..30", "--shard", "auto", "--out", "out"];
    let (_, err) = folder.exits(2, &explore);
    assert!(err.contains("nothing in the environment says which shard this is"), "{err}");
    folder.exits_in(0, &explore, &[("CI_NODE_INDEX", "1"), ("CI_NODE_TOTAL", "2")]);
    folder.exits_in(0, &explore, &[("JOB_COMPLETION_INDEX", "1"), ("SEAWORTHY_SHARDS", "2")]);
    assert_eq!(results(&folder, "out").len(), 60);
    folder.exits(0, &["merge", "out"]);
}

#[test]
fn a_missing_shard_is_named_and_exits_with_3() {
    let folder = storms("explore-missing");
    folder.exits(0, &["explore", "s", "--seeds", "0..30", "--shard", "1/3", "--out", "one"]);
    let (_, err) = folder.exits(3, &["merge", "one"]);
    assert!(err.contains("of 60 runs made: shard 0/3 is missing, shard 2/3 is missing"), "{err}");
}

#[test]
fn a_killed_process_is_taken_up_again_and_comes_to_the_same() {
    let folder = storms("explore-kill");
    let explore = ["explore", "s", "--seeds", "0..200", "--jobs", "1"];
    folder.exits(0, &[&explore[..], &["--out", "whole"]].concat());
    let arguments = [&explore[..], &["--out", "killed"]].concat();
    let mut command = folder.command(&[&arguments[..], &["--json"]].concat());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    // It is killed in the middle: it has told of some runs, and a pipe that nobody reads holds fewer than all.
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let told = lines.by_ref().take(7).count();
    child.kill().unwrap();
    child.wait().unwrap();
    let before = results(&folder, "killed");
    assert!(before.len() >= told && before.len() < 400, "{}", before.len());
    let (_, err) = folder.exits(3, &["merge", "killed"]);
    assert!(err.contains("results.jsonl was cut off"), "{err}");
    let (out, err) = folder.exits(0, &arguments);
    assert!(err.contains(&format!("{} of 400 runs were made before", before.len())), "{err}");
    assert!(out.contains("400 runs: all passed"), "{out}");
    assert_eq!(results(&folder, "killed"), results(&folder, "whole"));
}

#[test]
fn half_a_line_is_no_run_and_a_finished_sweep_makes_none() {
    let folder = storms("explore-half");
    let explore = ["explore", "s", "--seeds", "0..10", "--out", "out"];
    folder.exits(0, &explore);
    let whole = results(&folder, "out");
    let (_, err) = folder.exits(0, &explore);
    assert!(err.contains("20 of 20 runs were made before"), "{err}");
    let text = folder.read("out/results.jsonl");
    let cut: String = text.lines().take(9).map(|line| format!("{line}\n")).collect();
    folder.write("out/results.jsonl", &cut[..cut.len() - 40]);
    let (_, err) = folder.exits(0, &explore);
    assert!(err.contains("7 of 20 runs were made before"), "{err}");
    assert_eq!(results(&folder, "out"), whole);
}

#[test]
fn results_of_another_text_count_for_nothing() {
    let folder = storms("explore-text");
    let explore = ["explore", "s", "--seeds", "0..8", "--out", "out"];
    folder.exits(0, &explore);
    folder.write("s/storm.toml", &format!("# A comment.\n{STORM}"));
    let (_, err) = folder.exits(0, &explore);
    assert!(err.contains("16 of 16 runs were made before"), "a comment changes no run: {err}");
    folder.write("s/storm.toml", &STORM.replace("count = \"3..9\"", "count = 5"));
    let (_, err) = folder.exits(0, &explore);
    assert!(err.contains("8 of 16 runs were made before"), "{err}");
    let (_, err) = folder.exits(0, &[&explore[..], &["--whole"]].concat());
    assert!(!err.contains("were made before"), "{err}");
}

#[test]
fn a_failure_is_folded_and_leaves_what_replays_it() {
    let folder = Folder::new("explore-fails");
    folder.write("fails.toml", &fails());
    let explore = ["explore", "fails.toml", "--seeds", "0..9", "--out", "out", "--junit", "out/j.xml"];
    let (out, err) = folder.exits(1, &explore);
    assert!(out.contains("FAILED 9 × coverage: fails on warp, seed 0"), "{out}");
    assert!(out.contains("  coverage: push disconnected happened 0 times, expected at least 1"), "{out}");
    assert!(out.contains("seaworthy replay out/failures/fails-warp-0.toml"), "{out}");
    assert!(out.contains("seaworthy run fails.toml --seed 0 --swarm --on warp"), "{out}");
    assert!(out.contains("  and 8 more: fails 1 on warp, fails 2 on warp"), "{out}");
    assert!(out.contains("9 runs: 9 did not pass, all alike"), "{out}");
    assert_eq!(err.matches("FAILED").count(), 1, "the first of a kind is told at once: {err}");
    for seed in 0..9 {
        let (again, _) = folder.exits(1, &["replay", &format!("out/failures/fails-warp-{seed}.toml")]);
        assert!(again.contains(&format!("FAILED fails on warp, seed {seed}")), "{again}");
    }
    let (merged, _) = folder.exits(1, &["merge", "out"]);
    assert!(merged.contains("FAILED 9 × coverage: fails on warp, seed 0"), "{merged}");
    let junit = folder.read("out/j.xml");
    assert!(junit.contains(r#"<testsuite name="fails""#), "{junit}");
    assert!(junit.contains(r#"message="coverage: push disconnected happened N times"#), "{junit}");
    // Of the resumed sweep the outcome is the same.
    folder.exits(1, &explore);
}

#[test]
fn a_seed_is_the_same_run_in_a_sweep_alone_and_from_its_resolved_scenario() {
    let folder = Folder::new("explore-same");
    // Fails for every seed: nobody can answer within a nanosecond.
    let hasty = "expect = { progress_within = \"1ns\" }";
    folder.write("storm.toml", &STORM.replace("expect = { sometimes = [\"reconnected\"] }", hasty));
    folder.exits(1, &["explore", "storm.toml", "--seeds", "0..8", "--out", "out"]);
    let swept = results(&folder, "out");
    let masked = swept.values().filter(|run| run.get("off").is_some()).count();
    assert!(masked >= 4, "{masked} of 8 seeds are masked");
    for ((_, seed), run) in &swept {
        let audit = |arguments: &[&str]| {
            let (out, _) = folder.exits(1, arguments);
            serde_json::from_str::<Value>(&out).unwrap()["audit"].clone()
        };
        let number = seed.to_string();
        let alone = ["run", "storm.toml", "--swarm", "--seed", &number, "--on", "warp", "--json"];
        assert_eq!(audit(&alone), run["audit"], "seed {seed} alone");
        let file = format!("out/failures/storm-warp-{seed}.toml");
        assert_eq!(audit(&["replay", &file, "--json"]), run["audit"], "seed {seed} replayed");
    }
}

#[test]
fn a_run_that_takes_too_long_exits_with_5_and_its_seed() {
    let folder = Folder::new("explore-hang");
    folder.write("long.toml", &PASSES.replace("duration = \"1s\"", "duration = \"1000h\""));
    let explore =
        ["explore", "long.toml", "--on", "turmoil", "--seeds", "3..4", "--wall", "1", "--out", "out"];
    let (out, _) = folder.exits(5, &explore);
    assert!(out.contains("HUNG hang: passes on turmoil, seed 3"), "{out}");
    assert!(out.contains("replay out/failures/passes-turmoil-3.toml"), "{out}");
}

#[test]
fn a_time_that_is_over_ends_a_sweep_that_goes_on_later() {
    let folder = storms("explore-time");
    // One run is made however slow the machine is, and all of them are not however fast.
    let sweep = ["explore", "s/passes.toml", "--seeds", "0..10000000", "--out", "out", "--time", "500ms"];
    let (out, _) = folder.exits(0, &sweep);
    assert!(out.contains("of 10000000 runs made: the time was over"), "{out}");
    let first = results(&folder, "out").len();
    let (_, err) = folder.exits(0, &sweep);
    assert!(err.contains(&format!("{first} of 10000000 runs were made before")), "{err}");
    assert!(results(&folder, "out").len() > first);
    let (out, _) = folder.exits(0, &["merge", "out"]);
    assert!(out.contains("of 10000000 runs made: the time was over"), "{out}");
}

#[test]
fn what_does_not_belong_together_is_not_merged() {
    let folder = storms("explore-apart");
    folder.exits(0, &["explore", "s", "--seeds", "0..8", "--out", "a"]);
    folder.exits(0, &["explore", "s", "--seeds", "0..12", "--out", "b"]);
    folder.exits(0, &["explore", "s", "--seeds", "0..8", "--whole", "--out", "c"]);
    folder.write("s/storm.toml", &STORM.replace("50ms", "60ms"));
    folder.exits(0, &["explore", "s", "--seeds", "0..8", "--out", "d"]);
    let (_, err) = folder.exits(2, &["merge", "a", "b"]);
    assert!(err.contains("not of one sweep: the seeds are 0..8 there and 0..12 here"), "{err}");
    let (_, err) = folder.exits(2, &["merge", "a", "c"]);
    assert!(err.contains("scenarios run in part on warp there and whole on warp here"), "{err}");
    let (_, err) = folder.exits(2, &["merge", "a", "d"]);
    assert!(err.contains("storm"), "{err}");
    let (_, err) = folder.exits(2, &["merge", "nowhere"]);
    assert!(err.contains("there are no results in nowhere"), "{err}");
}

#[test]
fn two_processes_that_made_different_runs_of_one_seed_are_found_by_merge() {
    let folder = storms("explore-differ");
    let explore = ["explore", "s", "--seeds", "0..8"];
    folder.exits(0, &[&explore[..], &["--out", "a"]].concat());
    folder.exits(0, &[&explore[..], &["--out", "b"]].concat());
    folder.exits(0, &["merge", "a", "b"]);
    let results = folder.read("b/results.jsonl");
    let audit = "\"audit\":\"";
    let at = results.find(audit).unwrap() + audit.len();
    folder.write("b/results.jsonl", &format!("{}0000{}", &results[..at], &results[at + 4..]));
    let (out, _) = folder.exits(4, &["merge", "a", "b"]);
    assert!(out.contains("two processes made two different runs of one seed"), "{out}");
}

#[test]
fn bad_usage_of_explore_exits_with_2() {
    let folder = storms("explore-usage");
    folder.exits(2, &["explore", "s", "--seeds", "5..5"]);
    folder.exits(2, &["explore", "s", "--shard", "2/2"]);
    folder.exits(2, &["explore", "s", "--time", "0s"]);
    folder.exits(2, &["explore", "s", "--time", "10"]);
    folder.exits(2, &["merge"]);
    folder.write("s/storm.toml", &STORM.replace("reconnected", "reconected"));
    let (_, err) = folder.exits(2, &["explore", "s"]);
    assert!(err.contains("expect.sometimes[0]") && err.contains("reconected"), "{err}");
}

#[test]
fn one_failure_of_each_kind_is_made_small_and_still_fails() {
    let folder = Folder::new("explore-shrink");
    // The cut outlasts what is expected of progress: with or without the crash it fails.
    let hasty = "expect = { progress_within = \"1ns\" }";
    folder.write("storm.toml", &STORM.replace("expect = { sometimes = [\"reconnected\"] }", hasty));
    let explore = ["explore", "storm.toml", "--seeds", "0..4", "--out", "out", "--shrink", "120s"];
    let (out, _) = folder.exits(1, &explore);
    let line = out.lines().find(|line| line.contains("smallest: ")).unwrap_or_else(|| panic!("{out}"));
    let file = line.rsplit(' ').next().unwrap();
    let small = folder.read(file);
    assert!(!small.contains("[[fault]]"), "{small}");
    let (again, _) = folder.exits(1, &["replay", file]);
    assert!(again.contains("liveness: push"), "{again}");
}

#[test]
fn a_failing_scenario_is_made_small_beside_itself_or_elsewhere() {
    let folder = Folder::new("shrink");
    let hasty = "expect = { progress_within = \"1ns\" }";
    folder.write("storm.toml", &STORM.replace("expect = { sometimes = [\"reconnected\"] }", hasty));
    let (out, _) = folder.exits(0, &["shrink", "storm.toml", "--budget", "120s"]);
    assert!(
        out.contains("storm still fails the check liveness with 2 hosts, 2 sockets, 2 workloads, 0 faults")
    );
    assert!(folder.read("storm.min.toml").starts_with("# storm with seed 1 on warp"));
    folder.exits(0, &["shrink", "storm.toml", "--out", "small.toml"]);
    assert_eq!(folder.read("small.toml"), folder.read("storm.min.toml"));
    folder.write("passes.toml", PASSES);
    let (_, err) = folder.exits(2, &["shrink", "passes.toml"]);
    assert!(err.contains("passes.toml cannot be shrunk: it passes"), "{err}");
    folder.write("fails.toml", &fails());
    let (_, err) = folder.exits(2, &["shrink", "fails.toml"]);
    assert!(err.contains("something did not happen often enough"), "{err}");
}

/// The line of an example for many machines that explores, as arguments, with few seeds.
fn example(file: &str) -> Vec<String> {
    let path = format!("{}/../../docs/scale-out/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap();
    let line = text.lines().find(|line| line.contains("explore") && line.contains("--seeds")).unwrap();
    let words =
        line.split(|c: char| c.is_whitespace() || "[],\"".contains(c)).filter(|word| !word.is_empty());
    let words = words.skip_while(|word| *word != "explore");
    words.map(|word| if word.starts_with("0..") { "0..16" } else { word }.to_owned()).collect()
}

#[test]
fn the_examples_for_many_machines_make_parts_of_one_sweep() {
    let index = |first: u64, variables: [&'static str; 2]| {
        (0..8_u64)
            .map(|shard| vec![(variables[0], (shard + first).to_string()), (variables[1], "8".to_owned())])
            .collect::<Vec<_>>()
    };
    for (file, shards) in [
        ("kubernetes.yaml", index(0, ["JOB_COMPLETION_INDEX", "SEAWORTHY_SHARDS"])),
        ("slurm.sh", index(0, ["SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT"])),
        ("gitlab.yml", index(1, ["CI_NODE_INDEX", "CI_NODE_TOTAL"])),
    ] {
        let folder = Folder::new(&format!("scale-out-{file}"));
        std::fs::create_dir(folder.0.join("scenarios")).unwrap();
        folder.write("scenarios/passes.toml", PASSES);
        let arguments = example(file);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        for variables in shards {
            let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
            folder.exits_in(0, &arguments, &variables);
        }
        assert_eq!(results(&folder, "results").len(), 16, "{file}");
        folder.exits(0, &["merge", "results"]);
    }
    let arguments = example("github.yml");
    assert!(arguments.windows(2).any(|pair| pair == ["--shard", "${{"]), "{arguments:?}");
}
