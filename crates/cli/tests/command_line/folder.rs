//! A folder to run the program in, and scenarios to run.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A fresh folder to work in, gone afterwards.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new(test: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    pub(crate) fn write(&self, file: &str, text: &str) {
        std::fs::write(self.0.join(file), text).unwrap();
    }

    pub(crate) fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.0.join(file)).unwrap()
    }

    /// The program with these arguments, in this folder, and nothing in its environment that names a shard or a summary.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_seaworthy"));
        command.args(arguments).current_dir(&self.0);
        for variable in [
            "SEAWORTHY_SHARD",
            "SEAWORTHY_SHARDS",
            "JOB_COMPLETION_INDEX",
            "SLURM_ARRAY_TASK_ID",
            "AWS_BATCH_JOB_ARRAY_INDEX",
            "GITHUB_STEP_SUMMARY",
            "CI_NODE_INDEX",
            "CI_NODE_TOTAL",
            "BUILDKITE_PARALLEL_JOB",
        ] {
            command.env_remove(variable);
        }
        command
    }

    /// Runs, checks the exit code, and gives standard output and standard error.
    #[track_caller]
    pub(crate) fn exits(&self, code: i32, arguments: &[&str]) -> (String, String) {
        self.exits_in(code, arguments, &[])
    }

    /// The same with variables in the environment.
    #[track_caller]
    pub(crate) fn exits_in(
        &self,
        code: i32,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> (String, String) {
        let output: Output = self.command(arguments).envs(variables.iter().copied()).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{out}\n{err}");
        (out, err)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) const PASSES: &str = r#"
name = "passes"
description = "PUSH to PULL"
duration = "1s"
host = [{ name = "a" }, { name = "b" }]
socket = [
    { name = "push", host = "a", type = "PUSH", connect = ["tcp://b:1"] },
    { name = "pull", host = "b", type = "PULL", bind = ["tcp://*:1"] },
]
workload = [{ socket = "push", role = "send", count = 3 }, { socket = "pull", role = "receive" }]
"#;

/// Passes all checks, but what it expects does not happen.
pub(crate) fn fails() -> String {
    let name = PASSES.replace("\"passes\"", "\"fails\"");
    format!("{name}\nexpect = {{ must = [{{ socket = \"push\", event = \"disconnected\" }}] }}\n")
}
