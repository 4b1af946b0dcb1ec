//! Why the program could not do what it was asked.

use std::io;
use std::path::PathBuf;

use seaworthy_sim::trace::BadTrace;
use seaworthy_trial::explore::{BadJournal, BadShard};
use seaworthy_trial::scenario::BadScenario;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Scenarios(Vec<BadScenario>),
    #[error("{0}")]
    Usage(String),
    #[error("{}: {source}", file.display())]
    Trace { file: PathBuf, source: BadTrace },
    #[error("cannot read {}: {source}", file.display())]
    Read { file: PathBuf, source: io::Error },
    #[error("cannot write {}: {source}", file.display())]
    Write { file: PathBuf, source: io::Error },
    #[error("cannot write to standard output: {0}")]
    Output(io::Error),
    #[error("{0}")]
    Journal(BadJournal),
    #[error("--shard auto: {0}")]
    Shard(BadShard),
    #[error("{0}")]
    Machinery(String),
}

impl Problem {
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Shard(_)
            | Self::Journal(BadJournal::Busy(_) | BadJournal::Line { .. })
            | Self::Scenarios(_)
            | Self::Usage(_)
            | Self::Trace { .. }
            | Self::Read { .. } => 2,
            Self::Journal(BadJournal::Io { .. })
            | Self::Write { .. }
            | Self::Output(_)
            | Self::Machinery(_) => 3,
        }
    }

    /// A socket's refusal: the caller's fault, or that of what the program runs on.
    pub(crate) fn of_socket(error: seaworthy::Error) -> Self {
        use seaworthy::Error;
        match error {
            Error::Endpoint(_) | Error::Unsupported { .. } | Error::InvalidOption { .. } => {
                Self::Usage(error.to_string())
            }
            error => Self::Machinery(error.to_string()),
        }
    }
}
