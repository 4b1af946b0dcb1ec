//! JUnit reports: a suite for each scenario, a case for each check.

use std::path::Path;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use seaworthy_trial::check::CHECKS;
use seaworthy_trial::explore::Fold;
use seaworthy_trial::run::Verdict;

use crate::problem::Problem;
use crate::verdict::Judged;

/// The case for the goals of a scenario.
const GOALS: &str = "goals";

/// Checks that judge more than one run, or no run.
const OTHERS: [&str; 3] = ["determinism", "hang", "run"];

pub(crate) fn write(file: &Path, judged: &Judged<'_>) -> Result<(), Problem> {
    let text = report(judged).to_string().map_err(|error| Problem::Machinery(error.to_string()))?;
    let parent = file.parent().map_or(Ok(()), std::fs::create_dir_all);
    let failed = |source| Problem::Write { file: file.to_owned(), source };
    parent.and_then(|()| std::fs::write(file, text)).map_err(failed)
}

fn report(judged: &Judged<'_>) -> Report {
    let mut report = Report::new("seaworthy explore");
    for (scenario, failed) in judged.tally.by_scenario() {
        let mut suite = TestSuite::new(scenario);
        let known: Vec<&str> = CHECKS.iter().map(|(name, _)| *name).chain(OTHERS).collect();
        let unknown = failed.keys().filter(|check| !known.contains(check)).copied();
        for check in known.iter().copied().chain(unknown) {
            let status =
                failed.get(check).map_or_else(TestCaseStatus::success, |folds| bad(scenario, folds, judged));
            suite.add_test_case(case(scenario, check, status));
        }
        if judged.coverage {
            suite.add_test_case(case(scenario, GOALS, goals(scenario, judged)));
        }
        report.add_test_suite(suite);
    }
    report
}

fn case(scenario: &str, name: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(name, status);
    case.set_classname(scenario);
    case
}

fn bad(scenario: &str, folds: &[&Fold], judged: &Judged<'_>) -> TestCaseStatus {
    let broken = folds.iter().any(|fold| fold.verdict == Verdict::Broken);
    let kind = if broken { NonSuccessKind::Error } else { NonSuccessKind::Failure };
    let mut status = TestCaseStatus::non_success(kind);
    let mut description = String::new();
    for fold in folds {
        let seeds = fold.seeds.iter().filter(|(name, ..)| name == scenario);
        let seeds: Vec<_> = seeds.map(|(_, seed, on)| format!("{seed} on {on}")).collect();
        description.push_str(&format!("{}\nseeds: {}\n", fold.fingerprint, seeds.join(", ")));
        if fold.example.scenario == scenario {
            for reason in &fold.example.reasons {
                description.push_str(&format!("{reason}\n"));
            }
            if let Some(file) = &fold.example.replay {
                let file = judged.folder.join(file);
                description.push_str(&format!("seaworthy replay {}\n", file.display()));
            }
        }
    }
    let first = folds.first().map(|fold| fold.fingerprint.clone()).unwrap_or_default();
    status.set_message(first).set_description(description);
    status
}

fn goals(scenario: &str, judged: &Judged<'_>) -> TestCaseStatus {
    let missed: Vec<_> = judged.missed().into_iter().filter(|(name, _)| *name == scenario).collect();
    if missed.is_empty() {
        return TestCaseStatus::success();
    }
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    let goals: Vec<_> = missed.into_iter().map(|(_, goal)| goal).collect();
    status.set_message(format!("never reached: {}", goals.join(", ")));
    status
}
