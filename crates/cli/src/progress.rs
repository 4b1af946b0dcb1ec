//! Says how far a sweep has come: a bar on a terminal, else a line for each tenth.

use std::io::{self, IsTerminal, Write};

use indicatif::{ProgressBar, ProgressStyle};
use seaworthy_trial::report::RunReport;
use seaworthy_trial::run::Verdict;

pub(crate) enum Progress {
    Bar(ProgressBar),
    Lines { total: usize, done: usize, bad: usize },
}

impl Progress {
    pub(crate) fn new(total: usize) -> Self {
        if !io::stderr().is_terminal() {
            return Self::Lines { total, done: 0, bad: 0 };
        }
        let bar = ProgressBar::new(total as u64);
        if let Ok(style) = ProgressStyle::with_template("{bar:32} {pos}/{len} runs, {eta} left  {wide_msg}") {
            bar.set_style(style);
        }
        Self::Bar(bar)
    }

    pub(crate) fn finished(&mut self, report: &RunReport) {
        match self {
            Self::Bar(bar) => {
                bar.set_message(format!("{} on {}", report.scenario, report.on));
                bar.inc(1);
                if report.verdict != Verdict::Passed {
                    bar.println(headline(report));
                }
            }
            Self::Lines { total, done, bad } => {
                *done += 1;
                if report.verdict != Verdict::Passed {
                    *bad += 1;
                    let _ = writeln!(io::stderr(), "{}", headline(report));
                }
                let tenth = |done: usize| done * 10 / (*total).max(1);
                if tenth(*done) != tenth(*done - 1) {
                    let _ = writeln!(io::stderr(), "{done} of {total} runs made, {bad} did not pass");
                }
            }
        }
    }

    pub(crate) fn end(&self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

/// A verdict in one line.
pub(crate) fn headline(report: &RunReport) -> String {
    format!("{} {} on {}, seed {}", report.verdict, report.scenario, report.on, report.seed)
}
