//! What the runs of a sweep amount to, in whatever order they come.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::record::{RunRecord, Text};
use crate::run::Verdict;
use crate::scenario::BackendName;

/// Most seeds that are kept of failures with one fingerprint.
const SEEDS_MAX: usize = 20;

/// Counts runs.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    scenarios: Vec<Row>,
    folds: BTreeMap<String, Fold>,
    worst: Option<Verdict>,
    runs: u64,
    bad: u64,
}

/// One scenario.
#[derive(Clone, Debug)]
struct Row {
    name: String,
    goals: Vec<String>,
    reached: BTreeMap<String, u64>,
    runs: u64,
    bad: u64,
    simulated_s: f64,
    real_s: f64,
}

/// Failures that are probably one.
#[derive(Clone, Debug)]
pub struct Fold {
    /// The check that failed.
    pub check: String,
    /// What they have in common.
    pub fingerprint: String,
    /// How many there are.
    pub count: u64,
    /// The worst verdict.
    pub verdict: Verdict,
    /// In which scenarios, and with which seeds; the first few.
    pub seeds: BTreeSet<(String, u64, BackendName)>,
    /// The one with the fewest events, which is the easiest to understand.
    pub example: RunRecord,
}

impl Tally {
    /// Nothing was run yet, of these scenarios.
    pub fn new<'a>(scenarios: impl IntoIterator<Item = &'a Text>) -> Self {
        let row = |text: &Text| Row {
            name: text.name.clone(),
            goals: text.goals.clone(),
            reached: BTreeMap::new(),
            runs: 0,
            bad: 0,
            simulated_s: 0.0,
            real_s: 0.0,
        };
        Self { scenarios: scenarios.into_iter().map(row).collect(), ..Self::default() }
    }

    /// Counts a run. One of a scenario that is not in the sweep counts nowhere.
    pub fn add(&mut self, run: &RunRecord) {
        let Some(row) = self.scenarios.iter_mut().find(|row| row.name == run.scenario) else { return };
        let bad = run.verdict != Verdict::Passed;
        row.runs += 1;
        row.bad += u64::from(bad);
        row.simulated_s += run.simulated_s;
        row.real_s += run.real_s;
        for goal in &run.reached {
            match row.reached.get_mut(goal) {
                Some(times) => *times += 1,
                None => drop(row.reached.insert(goal.clone(), 1)),
            }
        }
        self.runs += 1;
        self.bad += u64::from(bad);
        self.worst = self.worst.max(Some(run.verdict));
        if bad {
            self.fold(run);
        }
    }

    fn fold(&mut self, run: &RunRecord) {
        let fingerprint = run.fingerprint.clone().unwrap_or_default();
        let fold = self.folds.entry(fingerprint.clone()).or_insert_with(|| Fold {
            check: run.check.clone().unwrap_or_default(),
            fingerprint,
            count: 0,
            verdict: run.verdict,
            seeds: BTreeSet::new(),
            example: run.clone(),
        });
        fold.count += 1;
        fold.verdict = fold.verdict.max(run.verdict);
        fold.seeds.insert((run.scenario.clone(), run.seed, run.on));
        if fold.seeds.len() > SEEDS_MAX {
            fold.seeds.pop_last();
        }
        let rank = |run: &RunRecord| (run.events, run.scenario.clone(), run.seed, run.on);
        if rank(run) < rank(&fold.example) {
            fold.example = run.clone();
        }
    }

    /// How many runs were counted.
    pub fn runs(&self) -> u64 {
        self.runs
    }

    /// How many of them did not pass.
    pub fn bad(&self) -> u64 {
        self.bad
    }

    /// The worst verdict, of at least one run.
    pub fn worst(&self) -> Verdict {
        self.worst.unwrap_or(Verdict::Passed)
    }

    /// Failures by fingerprint, the most frequent first.
    pub fn folds(&self) -> Vec<&Fold> {
        let mut folds: Vec<_> = self.folds.values().collect();
        folds.sort_by_key(|fold| std::cmp::Reverse(fold.count));
        folds
    }

    /// How many goals were reached, and how many there are.
    pub fn coverage(&self) -> (usize, usize) {
        self.scenarios.iter().map(Row::coverage).fold((0, 0), |sum, row| (sum.0 + row.0, sum.1 + row.1))
    }

    /// Every goal that no run reached, with its scenario.
    pub fn never_reached(&self) -> Vec<(&str, &str)> {
        self.scenarios.iter().flat_map(Row::missing).collect()
    }

    /// The checks that failed in each scenario, with the folds of their failures. Every scenario is there.
    pub fn by_scenario(&self) -> Vec<(&str, BTreeMap<&str, Vec<&Fold>>)> {
        let of = |row: &Row| {
            let mut checks: BTreeMap<&str, Vec<&Fold>> = BTreeMap::new();
            for fold in
                self.folds.values().filter(|fold| fold.seeds.iter().any(|(name, ..)| *name == row.name))
            {
                checks.entry(fold.check.as_str()).or_default().push(fold);
            }
            checks
        };
        self.scenarios.iter().map(|row| (row.name.as_str(), of(row))).collect()
    }

    /// A row for each scenario, and a line that sums them up.
    pub fn table(&self) -> String {
        let names = self.scenarios.iter().map(|row| row.name.len());
        let width = names.max().unwrap_or(0).max("scenario".len());
        let mut text = format!(
            "{:<width$}  {:>8}  {:>8}  {:>8}  {:>11}  {:>8}\n",
            "scenario", "runs", "failed", "coverage", "simulated", "real"
        );
        for row in &self.scenarios {
            let (reached, goals) = row.coverage();
            let _ = writeln!(
                text,
                "{:<width$}  {:>8}  {:>8}  {:>8}  {:>9.1} s  {:>6.1} s",
                row.name,
                row.runs,
                row.bad,
                format!("{reached}/{goals}"),
                row.simulated_s,
                row.real_s
            );
        }
        let (reached, goals) = self.coverage();
        let _ = writeln!(
            text,
            "\n{} scenarios, {} runs: {}; {reached} of {goals} goals reached",
            self.scenarios.len(),
            self.runs,
            match (self.bad, self.folds.len()) {
                (0, _) => "all passed".to_owned(),
                (bad, 1) => format!("{bad} did not pass, all alike"),
                (bad, kinds) => format!("{bad} did not pass, in {kinds} ways"),
            }
        );
        text
    }
}

impl Row {
    fn coverage(&self) -> (usize, usize) {
        (self.goals.len() - self.missing().count(), self.goals.len())
    }

    fn missing(&self) -> impl Iterator<Item = (&str, &str)> {
        let missing = self.goals.iter().filter(|goal| !self.reached.contains_key(*goal));
        missing.map(|goal| (self.name.as_str(), goal.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts() -> [Text; 2] {
        let text = |name: &str, goals: &[&str]| Text {
            name: name.to_owned(),
            hash: String::new(),
            goals: goals.iter().map(|goal| (*goal).to_owned()).collect(),
        };
        [text("calm", &["progressed"]), text("storm", &["fault cut", "progressed"])]
    }

    fn run(scenario: &str, seed: u64, reached: &[&str], failure: Option<(Verdict, &str, u64)>) -> RunRecord {
        RunRecord {
            of: String::new(),
            scenario: scenario.to_owned(),
            seed,
            on: BackendName::Warp,
            off: Vec::new(),
            verdict: failure.map_or(Verdict::Passed, |(verdict, ..)| verdict),
            check: failure.map(|_| "order".to_owned()),
            fingerprint: failure.map(|(_, fingerprint, _)| fingerprint.to_owned()),
            reasons: Vec::new(),
            reached: reached.iter().map(|goal| (*goal).to_owned()).collect(),
            audit: String::new(),
            events: failure.map_or(0, |(.., events)| events),
            twice: false,
            simulated_s: 10.0,
            real_s: 0.25,
            replay: None,
        }
    }

    fn runs() -> Vec<RunRecord> {
        let order = |events| Some((Verdict::Failed, "order: push#N", events));
        vec![
            run("calm", 0, &["progressed"], None),
            run("storm", 0, &["progressed", "restarted"], order(900)),
            run("storm", 1, &[], order(300)),
            run("storm", 2, &[], Some((Verdict::Hung, "hang: N s", 0))),
        ]
    }

    fn tally(runs: &[RunRecord]) -> Tally {
        let mut tally = Tally::new(&texts());
        runs.iter().for_each(|run| tally.add(run));
        tally
    }

    #[test]
    fn goals_that_no_run_reached_are_named() {
        assert_eq!(tally(&runs()).never_reached(), [("storm", "fault cut")]);
        assert_eq!(tally(&runs()).coverage(), (2, 3));
        let more = [runs(), vec![run("storm", 3, &["fault cut"], None)]].concat();
        assert_eq!(tally(&more).never_reached(), []);
        let elsewhere = [runs(), vec![run("calm", 3, &["fault cut"], None)]].concat();
        assert_eq!(tally(&elsewhere).never_reached(), [("storm", "fault cut")]);
    }

    #[test]
    fn failures_with_one_fingerprint_are_one_and_the_shortest_is_shown() {
        let tally = tally(&runs());
        let folds = tally.folds();
        assert_eq!(folds.len(), 2);
        assert_eq!((folds[0].count, folds[0].example.seed), (2, 1));
        assert_eq!(tally.worst(), Verdict::Hung);
        assert_eq!((tally.runs(), tally.bad()), (4, 3));
    }

    #[test]
    fn the_order_of_runs_makes_no_difference() {
        let mut backwards = runs();
        backwards.reverse();
        let seeds = |tally: &Tally| {
            tally
                .folds()
                .iter()
                .map(|f| (f.fingerprint.clone(), f.seeds.clone(), f.example.clone()))
                .collect::<Vec<_>>()
        };
        assert_eq!(tally(&runs()).table(), tally(&backwards).table());
        assert_eq!(seeds(&tally(&runs())), seeds(&tally(&backwards)));
    }

    #[test]
    fn the_table_has_a_row_for_each_scenario() {
        assert_eq!(
            tally(&runs()).table(),
            concat!(
                "scenario      runs    failed  coverage    simulated      real\n",
                "calm             1         0       1/1       10.0 s     0.2 s\n",
                "storm            3         3       1/2       30.0 s     0.8 s\n",
                "\n2 scenarios, 4 runs: 3 did not pass, in 2 ways; 2 of 3 goals reached\n",
            )
        );
    }
}
