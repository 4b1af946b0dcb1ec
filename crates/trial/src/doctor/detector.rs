//! What finds bugs.

use std::fmt;

/// What finds a bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detector {
    /// A [check](crate::check), by its name.
    Check(&'static str),
    /// The comparison of two runs of one seed.
    Determinism,
    /// The limit of polls while time stands still.
    Livelock,
    /// The limit of real time for a run.
    WallClock,
    /// Whoever waits for a run that does not come back at all: the program, on another thread.
    Watchdog,
}

impl fmt::Display for Detector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Check(name) => name,
            Self::Determinism => "determinism",
            Self::Livelock => "livelock",
            Self::WallClock => "wall clock",
            Self::Watchdog => "watchdog",
        })
    }
}
