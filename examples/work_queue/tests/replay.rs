//! What a failure says is true: its file replays it, and variables choose the seeds.

use std::path::Path;
use std::process::{Command, Output};

/// Runs the test that finds the bug in a process of its own.
fn run_with(variable: &str, value: &str, out: &Path) -> Output {
    Command::new(std::env::current_exe().unwrap())
        .args(["storms::seeds_find_an_early_acknowledgement", "--exact", "--nocapture"])
        .env("SEAWORTHY_OUT", out)
        .env(variable, value)
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    [&output.stdout[..], &output.stderr[..]].map(String::from_utf8_lossy).concat()
}

#[test]
fn a_failure_is_replayed_by_its_file_which_can_be_edited() {
    let out = std::env::temp_dir().join(format!("work-queue-replay-{}", std::process::id()));
    std::fs::create_dir_all(&out).unwrap();
    let file = out.join("edited.toml");
    let replay = |fault: &str| {
        let text = format!(
            "test = 'seeds_find_an_early_acknowledgement'\nseed = 0\n[storm]\nduration = '1s'\nfault = [{fault}]\n"
        );
        std::fs::write(&file, text).unwrap();
        run_with("SEAWORTHY_REPLAY", file.to_str().unwrap(), &out)
    };
    let output = replay("{ at = '13ms', for = '1ms', crash = 'worker-2' }");
    let told = text(&output);
    assert!(output.status.success(), "the bug is found again: {told}");
    assert!(told.contains("worker-2#1 done | 0x2 | 2 boj"), "{told}");
    let page = out.join("seeds_find_an_early_acknowledgement-0.html");
    assert!(std::fs::read_to_string(page).unwrap().contains("nobody ever did [2]"));

    let output = replay("");
    let told = text(&output);
    assert!(!output.status.success(), "without the crash there is nothing to find: {told}");
    assert!(told.contains("seed 0 passes"), "{told}");
    std::fs::remove_dir_all(out).unwrap();
}

#[test]
fn a_variable_that_makes_no_sense_is_named() {
    let nowhere = Path::new("/nowhere");
    let told = text(&run_with("SEAWORTHY_SEEDS", "many", nowhere));
    assert!(told.contains("SEAWORTHY_SEEDS=many is no range of seeds, such as 0..1000"), "{told}");
    for jobs in ["0", "all"] {
        let told = text(&run_with("SEAWORTHY_JOBS", jobs, nowhere));
        assert!(
            told.contains(&format!("SEAWORTHY_JOBS={jobs} is no number of threads, such as 4")),
            "{told}"
        );
    }
    let told = text(&run_with("SEAWORTHY_REPLAY", "nothing.toml", nowhere));
    assert!(told.contains("SEAWORTHY_REPLAY=nothing.toml: No such file"), "{told}");
}
