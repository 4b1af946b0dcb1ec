//! The scenarios that ship with Seaworthy, as tests use them.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use seaworthy_sim::Backend;
use seaworthy_trial::run::{Outcome, prove, run};
use seaworthy_trial::scenario::draw::Draw;
use seaworthy_trial::scenario::quantity::Count;
use seaworthy_trial::scenario::{Plan, Scenario};

/// Real time a run may take before it counts as hung.
const WALL: Duration = Duration::from_secs(300);

/// The folder of scenarios.
pub(crate) fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../scenarios"))
}

/// The files of all shipped scenarios, by name. No two have the same.
pub(crate) fn files() -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    find(folder(), &mut found);
    found.sort();
    found
}

fn find(folder: &Path, found: &mut Vec<(String, PathBuf)>) {
    for file in std::fs::read_dir(folder).unwrap() {
        let file = file.unwrap().path();
        if file.is_dir() {
            find(&file, found);
            continue;
        }
        assert_eq!(file.extension().unwrap(), "toml", "{}", file.display());
        found.push((file.file_stem().unwrap().to_string_lossy().into_owned(), file));
    }
}

/// The shipped scenario of this name.
#[track_caller]
pub(crate) fn scenario(name: &str) -> Scenario {
    let (_, file) = files().into_iter().find(|(known, _)| known == name).unwrap();
    Scenario::load(&file).unwrap_or_else(|bad| panic!("{bad}"))
}

/// The scenario with no more than `messages` messages from each workload, and without what it expects of more.
pub(crate) fn shortened(mut scenario: Scenario, messages: u64) -> Scenario {
    for workload in &mut scenario.workload {
        workload.count = workload.count.map(|_| Draw::Fixed(Count(messages)));
    }
    scenario.expect.must.clear();
    scenario
}

/// One run.
pub(crate) fn run_once(scenario: &Scenario, seed: u64, backend: Backend) -> Outcome {
    run(&Rc::new(Plan::new(scenario, seed)), backend, WALL)
}

/// Two runs, compared.
pub(crate) fn run_twice(scenario: &Scenario, seed: u64, backend: Backend) -> Outcome {
    prove(&Rc::new(Plan::new(scenario, seed)), backend, WALL)
}
