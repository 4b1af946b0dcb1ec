//! Runs in GitHub Actions: annotations, and the summary of the job.

use crate::folder::{Folder, PASSES, fails};

#[test]
fn a_failed_scenario_is_annotated_with_the_command_that_replays_it() {
    let folder = Folder::new("annotated");
    folder.write("fails.toml", &fails());
    let (out, _) = folder.exits(
        1,
        &["run", "fails.toml", "--on", "warp", "--seeds", "7..9", "--github", "--skip-unsupported"],
    );
    let annotations: Vec<&str> = out.lines().filter(|line| line.starts_with("::")).collect();
    assert_eq!(
        annotations,
        ["::error file=fails.toml,line=2,title=FAILED fails on warp%2C seed 7::\
          coverage: push disconnected happened 0 times, expected at least 1%0A\
          and 1 more seeds of it%0A\
          replay: seaworthy run fails.toml --on warp --seed 7 --skip-unsupported"],
        "{out}"
    );
}

#[test]
fn the_summary_is_a_table_of_all_scenarios_and_what_failed() {
    let folder = Folder::new("summary");
    folder.write("fails.toml", &fails());
    folder.write("passes.toml", PASSES);
    folder.write("summary.md", "of another step\n");
    let summary = folder.0.join("summary.md");
    let variables = [("GITHUB_STEP_SUMMARY", summary.to_str().unwrap())];
    folder.exits_in(1, &["run", ".", "--on", "warp", "--seeds", "0..3", "--github"], &variables);
    let text = folder.read("summary.md");
    let expected = "of another step\n\
        ## Seaworthy: 3 of 6 runs failed\n\n\
        | Scenario | Network | Runs | Failed |\n\
        |---|---|---|---|\n\
        | fails | warp | 3 | **3** |\n\
        | passes | warp | 3 | 0 |\n\n\
        ### FAILED fails on warp, seed 0\n\n\
        ```text\ncoverage: push disconnected happened 0 times, expected at least 1\n```\n\n\
        ```sh\n\
        seaworthy run ./fails.toml --on warp --seed 0\n\
        seaworthy replay failures/fails-warp-0.toml # with the files that this run left behind\n\
        ```\n\n\
        It fails with 2 more seeds: 1, 2\n";
    assert_eq!(text, expected);
}

#[test]
fn what_passes_is_not_annotated_and_is_in_the_summary() {
    let folder = Folder::new("quiet");
    folder.write("passes.toml", PASSES);
    let summary = folder.0.join("summary.md");
    let variables = [("GITHUB_STEP_SUMMARY", summary.to_str().unwrap())];
    let (out, _) = folder.exits_in(0, &["run", "passes.toml", "--on", "warp", "--github"], &variables);
    assert!(!out.contains("::error"), "{out}");
    assert!(folder.read("summary.md").contains("## Seaworthy: all 1 runs passed"));
}

#[test]
fn a_bad_scenario_is_annotated_at_the_line_that_is_wrong() {
    let folder = Folder::new("bad-annotated");
    folder.write("bad.toml", &PASSES.replace("count = 3", "cuont = 3"));
    let (out, _) = folder.exits(2, &["run", "bad.toml", "--github"]);
    assert!(
        out.contains("::error file=bad.toml,line=10,title=workload[0].cuont::unknown field `cuont`"),
        "{out}"
    );
}
