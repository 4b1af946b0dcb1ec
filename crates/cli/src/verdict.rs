//! What a sweep amounts to: failures by kind, goals that were missed, a table and an exit code.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use seaworthy_trial::explore::{Fold, RunRecord, Sweep, Tally};
use seaworthy_trial::run::Verdict;

use crate::invocation::program;

/// What a sweep amounts to.
pub(crate) struct Judged<'a> {
    pub(crate) tally: &'a Tally,
    pub(crate) sweep: &'a Sweep,
    /// Where the paths of records begin.
    pub(crate) folder: &'a Path,
    /// The smallest form of failures, by fingerprint.
    pub(crate) smallest: BTreeMap<String, PathBuf>,
    /// Whether every goal had to be reached: not by a part of a sweep.
    pub(crate) coverage: bool,
}

impl Judged<'_> {
    /// Every goal that should have been reached and was not, with its scenario.
    pub(crate) fn missed(&self) -> Vec<(&str, &str)> {
        if self.coverage { self.tally.never_reached() } else { Vec::new() }
    }

    pub(crate) fn exit_code(&self) -> u8 {
        match self.tally.worst() {
            Verdict::Passed if !self.missed().is_empty() => Verdict::Failed.exit_code(),
            worst => worst.exit_code(),
        }
    }

    /// Failures by fingerprint, what was not reached, and the table. `again` gives a command that makes a failure
    /// again without its resolved scenario.
    pub(crate) fn text(&self, again: impl Fn(&Fold) -> Option<String>) -> String {
        let mut text = String::new();
        for fold in self.tally.folds() {
            let _ = writeln!(text, "{}", headline(fold));
            let example = &fold.example;
            for reason in &example.reasons {
                let _ = writeln!(text, "  {reason}");
            }
            if !example.off.is_empty() {
                let _ = writeln!(text, "  switched off: {}", example.off.join(", "));
            }
            if let Some(file) = &example.replay {
                let file = self.folder.join(file);
                let _ = writeln!(text, "  replay: {} replay {}", program(), file.display());
            }
            if let Some(file) = self.smallest.get(&fold.fingerprint) {
                let _ = writeln!(text, "  smallest: {} replay {}", program(), file.display());
            }
            if let Some(again) = again(fold) {
                let _ = writeln!(text, "  or: {again}");
            }
            let alike = fold.seeds.iter().filter(|(name, seed, on)| {
                (name, *seed, *on) != (&example.scenario, example.seed, example.on)
            });
            let alike: Vec<_> = alike.map(|(name, seed, on)| format!("{name} {seed} on {on}")).collect();
            if !alike.is_empty() {
                let more = if fold.count > alike.len() as u64 + 1 { ", …" } else { "" };
                let _ = writeln!(text, "  and {} more: {}{more}", fold.count - 1, alike.join(", "));
            }
            text.push('\n');
        }
        let missed = self.missed();
        for (scenario, goal) in &missed {
            let _ = writeln!(text, "NEVER REACHED {scenario}: {goal}");
        }
        if !missed.is_empty() {
            text.push('\n');
        }
        text.push_str(&self.tally.table());
        if !self.coverage {
            text.push_str("goals are judged when the shards are merged\n");
        }
        text
    }

    /// All of it as one line of JSON.
    pub(crate) fn summary(&self) -> String {
        let (reached, goals) = self.tally.coverage();
        let fold = |fold: &&Fold| {
            serde_json::json!({
                "check": fold.check,
                "fingerprint": fold.fingerprint,
                "count": fold.count,
                "verdict": fold.verdict,
                "scenario": fold.example.scenario,
                "seed": fold.example.seed,
                "on": fold.example.on,
                "reasons": fold.example.reasons,
                "smallest": self.smallest.get(&fold.fingerprint),
                "replay": fold.example.replay.as_ref().map(|file| self.folder.join(file)),
            })
        };
        let missed =
            |(scenario, goal): &(&str, &str)| serde_json::json!({ "scenario": scenario, "goal": goal });
        let line = serde_json::json!({
            "line": "summary",
            "runs": self.tally.runs(),
            "of": self.sweep.runs,
            "failed": self.tally.bad(),
            "failures": self.tally.folds().iter().map(fold).collect::<Vec<_>>(),
            "goals": goals,
            "reached": reached,
            "never_reached": self.missed().iter().map(missed).collect::<Vec<_>>(),
            "exit_code": self.exit_code(),
        });
        format!("{line}\n")
    }
}

/// Failures that are probably one, in one line.
pub(crate) fn headline(fold: &Fold) -> String {
    let RunRecord { scenario, seed, on, .. } = &fold.example;
    let times = if fold.count == 1 { String::new() } else { format!("{} × ", fold.count) };
    format!("{} {times}{}: {scenario} on {on}, seed {seed}", fold.verdict, fold.check)
}
