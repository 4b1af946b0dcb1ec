//! What came out of a run.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use crate::coverage_point::CoveragePoint;
use crate::scenario::BackendName;
use seaworthy_engine::Failure;
use seaworthy_engine::Violation;
use seaworthy_sim::trace::{Audit, Trace};

/// A finished run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// On what it ran.
    pub on: BackendName,
    /// What happened.
    pub trace: Trace,
    /// A hash of all of it, packets included.
    pub audit: Audit,
    /// What the checks found.
    pub violations: Vec<Violation>,
    /// The states that it came across.
    pub coverage: BTreeSet<CoveragePoint>,
    /// Why it ended early, if it did.
    pub failure: Option<Failure>,
}

/// What an outcome means, from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Every check passed.
    Passed,
    /// A check found something.
    Failed,
    /// Two runs of one seed differed.
    Nondeterministic,
    /// The run did not come to its end: time stood still, or the wall clock ran out.
    Hung,
    /// The machinery below failed.
    Broken,
}

impl Outcome {
    /// What it means.
    pub fn verdict(&self) -> Verdict {
        match &self.failure {
            Some(Failure::Livelock { .. } | Failure::Slow { .. }) => Verdict::Hung,
            Some(Failure::Turmoil(_) | Failure::NoPlace(_)) => Verdict::Broken,
            _ if self.violations.iter().any(|found| found.check == "determinism") => {
                Verdict::Nondeterministic
            }
            // A panic and a failed program are violations, too.
            _ if self.violations.is_empty() && self.failure.is_none() => Verdict::Passed,
            _ => Verdict::Failed,
        }
    }

    /// What the verdict rests on, one line each; empty when all passed.
    pub fn reasons(&self) -> Vec<String> {
        let stopped = self.failure.iter().filter(|_| self.violations.is_empty());
        stopped.map(ToString::to_string).chain(self.violations.iter().map(ToString::to_string)).collect()
    }

    /// Simulated time it took; none on the real network.
    pub fn simulated(&self) -> Duration {
        if self.on == BackendName::Real {
            return Duration::ZERO;
        }
        self.trace.events.last().map(|event| event.at()).unwrap_or_default()
    }
}

impl Verdict {
    /// The exit code of a process whose worst verdict this is.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::Failed => 1,
            Self::Broken => 3,
            Self::Nondeterministic => 4,
            Self::Hung => 5,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Passed => "passed",
            Self::Failed => "FAILED",
            Self::Nondeterministic => "NONDETERMINISTIC",
            Self::Hung => "HUNG",
            Self::Broken => "BROKEN",
        })
    }
}
