//! Says how far exploring has come: a bar on a terminal, else a line now and then.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use seaworthy_trial::explore::{RunRecord, Tally};
use seaworthy_trial::run::Verdict;

use crate::pool::Watch;
use crate::verdict::headline;

/// Most kinds of failures shown below the bar.
const FOLDS_SHOWN: usize = 5;

/// Real time between two lines, or two looks at the bar.
const LINE_EVERY: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(200);

pub(crate) struct Gauge {
    bar: Option<ProgressBar>,
    total: u64,
    /// Made by an earlier process.
    before: u64,
    started: Watch,
    shown: Watch,
    /// Fingerprints that were told already.
    told: BTreeSet<String>,
}

impl Gauge {
    pub(crate) fn new(total: u64, before: u64) -> Self {
        let bar = io::stderr().is_terminal().then(|| ProgressBar::new(total).with_position(before));
        let template = "{bar:32} {pos}/{len} runs, {eta} left\n{msg}";
        if let (Some(bar), Ok(style)) = (&bar, ProgressStyle::with_template(template)) {
            bar.set_style(style);
            bar.reset_eta();
        }
        if before > 0 {
            let _ = writeln!(io::stderr(), "{before} of {total} runs were made before");
        }
        Self { bar, total, before, started: Watch::start(), shown: Watch::start(), told: BTreeSet::new() }
    }

    pub(crate) fn finished(&mut self, run: &RunRecord, tally: &Tally) {
        let made = tally.runs();
        let fresh =
            run.verdict != Verdict::Passed && self.told.insert(run.fingerprint.clone().unwrap_or_default());
        let last = made == self.total;
        if let Some(bar) = &self.bar {
            if fresh || last || self.shown.elapsed() >= LOOK_EVERY {
                self.shown = Watch::start();
                bar.set_position(made);
                bar.set_message(self.state(tally));
            }
            return;
        }
        if fresh {
            let fingerprint = run.fingerprint.as_deref().unwrap_or_default();
            let (verdict, scenario, on, seed) = (run.verdict, &run.scenario, run.on, run.seed);
            let _ = writeln!(io::stderr(), "{verdict} {scenario} on {on}, seed {seed}: {fingerprint}");
        }
        let tenth = |made: u64| made * 10 / self.total.max(1);
        if tenth(made) != tenth(made.saturating_sub(1)) || self.shown.elapsed() >= LINE_EVERY {
            self.shown = Watch::start();
            let _ = writeln!(io::stderr(), "{made} of {} runs made, {}", self.total, self.rate(tally));
        }
    }

    pub(crate) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn rate(&self, tally: &Tally) -> String {
        let seconds = self.started.elapsed().as_secs_f64().max(0.001);
        let rate = tally.runs().saturating_sub(self.before) as f64 / seconds;
        let (reached, goals) = tally.coverage();
        format!("{rate:.0} seeds/s, {reached} of {goals} goals reached, {} did not pass", tally.bad())
    }

    fn state(&self, tally: &Tally) -> String {
        let mut text = self.rate(tally);
        let folds = tally.folds();
        for fold in folds.iter().take(FOLDS_SHOWN) {
            let _ = write!(text, "\n  {}", headline(fold));
        }
        if folds.len() > FOLDS_SHOWN {
            let _ = write!(text, "\n  and {} other kinds of failure", folds.len() - FOLDS_SHOWN);
        }
        text
    }
}
