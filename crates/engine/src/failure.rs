//! Why a run ended before its time.

use std::time::Duration;

use seaworthy_core::Instant;

use crate::violation::Violation;

/// Why a run ended before its time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// A host's program returned an error.
    #[error("host {host:?}: its program failed: {error}")]
    Program {
        /// The host's name.
        host: String,
        /// The error.
        error: String,
    },
    /// A task panicked.
    #[error("host {host:?}: task {task:?} panicked: {message}")]
    Panic {
        /// The host's name.
        host: String,
        /// The task's name; `main` is the host's program.
        task: String,
        /// The panic's message.
        message: String,
    },
    /// Tasks kept each other busy and time stood still.
    #[error(
        "host {host:?}: task {task:?} is busy without end: {polls} polls at {at:?}, and time stands still"
    )]
    Livelock {
        /// The host of the task that was polled last.
        host: String,
        /// The task that was polled last.
        task: String,
        /// How many polls.
        polls: u64,
        /// When.
        at: Instant,
    },
    /// The run took more wall-clock time than it was given.
    #[error("the run took more than {wall:?} of wall-clock time and was at {at:?}")]
    Slow {
        /// What it was given.
        wall: Duration,
        /// How far it came.
        at: Instant,
    },
    /// Promises were broken.
    #[error("{}", list(.0))]
    Violations(Vec<Violation>),
    /// Programs did not come to their end.
    #[error(
        "after {limit:?} these have not finished: {}{}",
        waiting.join(", "),
        if *for_ever { "; and nothing will ever happen again" } else { "" }
    )]
    Unfinished {
        /// The hosts' names.
        waiting: Vec<String>,
        /// How long they had.
        limit: Duration,
        /// Whether nothing was ever going to happen again.
        for_ever: bool,
    },
    /// turmoil gave up.
    #[error("turmoil: {0}")]
    Turmoil(String),
    /// This machine has no place for a run on the real network.
    #[error("a run on the real network cannot begin: {0}")]
    NoPlace(String),
}

fn list(violations: &[Violation]) -> String {
    violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
