//! `seaworthy doctor`, from the outside.

use crate::folder::Folder;

/// The scenarios that ship with Seaworthy.
const SCENARIOS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scenarios");

#[cfg(not(feature = "planted-bugs"))]
#[test]
fn a_program_without_bugs_says_how_to_build_one_with_them() {
    let folder = Folder::new("doctor");
    let (_, err) = folder.exits(2, &["doctor", SCENARIOS]);
    assert!(err.contains("cargo run --release --features planted-bugs -- doctor"), "{err}");
}

#[cfg(feature = "planted-bugs")]
#[test]
fn a_bug_that_is_found_exits_with_0_and_says_who_found_it() {
    let folder = Folder::new("doctor");
    let (out, _) = folder.exits(0, &["doctor", SCENARIOS, "--bug", "multipart-torn", "--json"]);
    let lines: Vec<serde_json::Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2, "{out}");
    assert_eq!(lines[0]["bug"], "multipart-torn");
    assert_eq!((&lines[0]["found"], &lines[0]["expected"]), (&true.into(), &"frame integrity".into()));
    assert!(lines[0]["by"].as_array().unwrap().contains(&"frame integrity".into()), "{out}");
    assert_eq!((&lines[1]["missed"], &lines[1]["exit_code"]), (&0.into(), &0.into()));
}

#[cfg(feature = "planted-bugs")]
#[test]
fn a_bug_that_is_not_found_in_time_exits_with_1() {
    let folder = Folder::new("doctor");
    let (out, _) = folder.exits(1, &["doctor", SCENARIOS, "--bug", "second-peer-admitted", "--seeds", "1"]);
    assert!(out.contains("NOT FOUND") && out.contains("The exclusive pair should have found it"), "{out}");
}

#[test]
fn what_the_doctor_does_not_know_is_bad_usage() {
    let folder = Folder::new("doctor");
    let (_, err) = folder.exits(2, &["doctor", SCENARIOS, "--bug", "no-such-bug"]);
    assert!(err.contains("no-such-bug"), "{err}");
    folder.exits(2, &["doctor", SCENARIOS, "--seeds", "0"]);
}
