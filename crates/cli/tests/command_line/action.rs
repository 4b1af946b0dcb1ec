//! The GitHub Action in `action.yml`: its shell steps, run here as GitHub runs them. The steps that use other actions,
//! for the cache and the artifact, are left out.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::folder::{Folder, PASSES, fails};

#[test]
fn a_failure_keeps_its_exit_code_its_annotation_its_summary_and_its_files() {
    let action = Action::new("action-fails");
    action.folder.write("fails.toml", &fails());
    action.folder.write("passes.toml", PASSES);
    let run = action.run(&[("paths", "fails.toml\npasses.toml"), ("seeds", "3..5"), ("jobs", "1")]);
    assert_eq!(run.code, 1, "{}", run.out);
    assert_eq!(run.outputs["exit-code"], "1");
    assert!(
        run.out.contains("::error file=fails.toml,line=2,title=FAILED fails on warp%2C seed 3::"),
        "{}",
        run.out
    );
    let summary = action.folder.read("summary.md");
    assert!(summary.contains("## Seaworthy: 2 of 4 runs failed"), "{summary}");
    let kept = action.folder.0.join("temp/seaworthy-out");
    for file in ["fails-warp-3.toml", "fails-warp-3.jsonl", "index.html", "fails-warp-3.html"] {
        assert!(kept.join(file).exists(), "{file} is kept for the artifact");
    }
}

#[test]
fn scenarios_that_pass_end_the_step_with_0() {
    let action = Action::new("action-passes");
    action.folder.write("passes.toml", PASSES);
    let run = action.run(&[("paths", "passes.toml"), ("arguments", "--wall 60")]);
    assert_eq!(run.code, 0, "{}", run.out);
    assert_eq!(run.outputs["exit-code"], "0");
    assert!(!run.out.contains("::error"), "{}", run.out);
}

#[test]
fn what_a_failure_left_behind_is_replayed() {
    let action = Action::new("action-replays");
    action.folder.write("fails.toml", &fails());
    action.folder.exits(1, &["run", "fails.toml", "--on", "warp", "--seed", "7"]);
    let run = action.run(&[("paths", "failures/fails-warp-7.toml")]);
    assert_eq!(run.code, 1, "{}", run.out);
    assert!(run.out.contains("::error file=failures/fails-warp-7.toml,"), "{}", run.out);
    assert!(run.out.contains("FAILED fails on warp, seed 7"), "{}", run.out);
}

#[test]
fn inputs_are_arguments_and_never_commands() {
    let action = Action::new("action-inputs");
    let run = action.run(&[("paths", "$(touch injected) `touch injected` ; touch injected")]);
    assert_eq!(run.code, 2, "{}", run.out);
    assert!(!action.folder.0.join("injected").exists());
}

#[test]
fn the_key_of_the_cache_changes_with_the_sources_only() {
    let action = Action::new("action-key");
    let source = action.folder.0.join("source");
    fs::create_dir_all(source.join("crates/core")).unwrap();
    for file in ["Cargo.toml", "Cargo.lock", "crates/core/lib.rs", "README.md"] {
        fs::write(source.join(file), file).unwrap();
    }
    let key = || {
        let run = action.steps(&[], &source, &["Source"]);
        assert_eq!(run.code, 0, "{}", run.out);
        run.outputs["key"].clone()
    };
    let first = key();
    fs::write(source.join("README.md"), "changed").unwrap();
    assert_eq!(key(), first, "what is not built");
    fs::write(source.join("crates/core/lib.rs"), "changed").unwrap();
    assert_ne!(key(), first, "what is built");
}

/// A machine of GitHub's, in a folder.
struct Action {
    folder: Folder,
    action: Value,
}

/// What steps came to.
struct Steps {
    /// Of the last step, which is the first that failed.
    code: i32,
    out: String,
    outputs: BTreeMap<String, String>,
}

impl Action {
    fn new(test: &str) -> Self {
        let folder = Folder::new(test);
        let text = fs::read_to_string(root().join("action.yml")).unwrap();
        let action = Self { folder, action: serde_yaml_ng::from_str(&text).unwrap() };
        // rustup and cargo, as far as the action needs them: to build is to copy the program that is tested.
        let tools = action.folder.0.join("tools");
        fs::create_dir_all(&tools).unwrap();
        let cargo = format!(
            "#!/bin/sh\n[ \"$1 $2 $3\" = 'build --locked --release' ] || exit 9\nmkdir -p \"$CARGO_TARGET_DIR/release\"\n\
             cp '{}' \"$CARGO_TARGET_DIR/release/seaworthy\"\n",
            env!("CARGO_BIN_EXE_seaworthy")
        );
        for (name, text) in [("cargo", &*cargo), ("rustup", "#!/bin/sh\n[ \"$3\" = '1.95' ]\n")] {
            let file = tools.join(name);
            fs::write(&file, text).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        }
        action
    }

    /// Runs the whole action.
    fn run(&self, inputs: &[(&str, &str)]) -> Steps {
        self.steps(inputs, root(), &["Source", "Build", "Run"])
    }

    /// Runs the steps of these names, until one fails.
    fn steps(&self, inputs: &[(&str, &str)], action_path: &Path, names: &[&str]) -> Steps {
        let temp = self.folder.0.join("temp");
        fs::create_dir_all(&temp).unwrap();
        let output = self.folder.0.join("output");
        fs::write(&output, "").unwrap();
        let mut steps = Steps { code: 0, out: String::new(), outputs: BTreeMap::new() };
        for name in names {
            let all = self.action["runs"]["steps"].as_array().unwrap();
            let step =
                all.iter().find(|step| step["name"] == *name).unwrap_or_else(|| panic!("no step {name}"));
            let mut command = Command::new("bash");
            command.args([
                "--noprofile",
                "--norc",
                "-e",
                "-o",
                "pipefail",
                "-c",
                step["run"].as_str().unwrap(),
            ]);
            for (variable, value) in step["env"].as_object().unwrap() {
                let value = self.value(value.as_str().unwrap(), inputs, action_path, &steps.outputs);
                command.env(variable, value);
            }
            let path =
                format!("{}:{}", self.folder.0.join("tools").display(), std::env::var("PATH").unwrap());
            let done = command
                .current_dir(&self.folder.0)
                .env("PATH", path)
                .env("RUNNER_TEMP", &temp)
                .env("GITHUB_OUTPUT", &output)
                .env("GITHUB_STEP_SUMMARY", self.folder.0.join("summary.md"))
                .output()
                .unwrap();
            steps.code = done.status.code().unwrap();
            steps.out.push_str(&String::from_utf8_lossy(&done.stdout));
            steps.out.push_str(&String::from_utf8_lossy(&done.stderr));
            let text = fs::read_to_string(&output).unwrap();
            steps.outputs = text
                .lines()
                .filter_map(|line| line.split_once('='))
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect();
            if steps.code != 0 {
                break;
            }
        }
        steps
    }

    /// What stands in an `env`: always one whole expression.
    fn value(
        &self,
        expression: &str,
        inputs: &[(&str, &str)],
        action_path: &Path,
        outputs: &BTreeMap<String, String>,
    ) -> String {
        let name = expression.strip_prefix("${{ ").and_then(|rest| rest.strip_suffix(" }}")).unwrap();
        if let Some(input) = name.strip_prefix("inputs.") {
            let given = inputs.iter().find(|(name, _)| *name == input).map(|(_, value)| *value);
            return given.or_else(|| self.action["inputs"][input]["default"].as_str()).unwrap().to_owned();
        }
        match name {
            "github.action_path" => action_path.display().to_string(),
            "steps.source.outputs.folder" => outputs["folder"].clone(),
            other => panic!("the test does not know {other}"),
        }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap()
}
