//! A seed that fails: what is said of it, and the file that replays it.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::played::{Played, TestFailure};
use crate::script::FaultSchedule;

/// Says which one run to make instead of many: a seed, or the file that a failure left.
pub(super) const REPLAY: &str = "SEAWORTHY_REPLAY";
/// A seed that fails.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FailureReport {
    /// The test.
    pub test: String,
    /// The seed.
    pub seed: u64,
    /// How many seeds were played, this one included.
    pub tried: u64,
    /// What failed: the name of a check, or the message without what differs from seed to seed.
    pub kind: String,
    /// What is said of it.
    pub message: String,
    /// The storm in which it fails, with every draw made and as small as it got.
    pub storm: Option<FaultSchedule>,
    /// How many faults that storm has, and how many the seed's own.
    pub faults: (usize, usize),
    /// What was written down.
    pub files: Vec<PathBuf>,
}

impl FailureReport {
    pub(super) fn new(test: &str, played: &Played, tried: u64) -> Self {
        let trouble = played.failure.as_ref();
        let storm = played.storm.as_ref().map(|plan| plan.storm.clone());
        let faults = storm.as_ref().map_or(0, |storm| storm.fault.len());
        Self {
            test: test.to_owned(),
            seed: played.evidence.seed,
            tried,
            kind: played.kind().to_owned(),
            message: trouble.map(|trouble| trouble.message.clone()).unwrap_or_default(),
            storm,
            faults: (faults, faults),
            files: Vec::new(),
        }
    }
}

impl fmt::Display for FailureReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let played = match self.tried {
            1 => "the first that was played".to_owned(),
            tried => format!("after {} that passed", tried - 1),
        };
        writeln!(f, "{}: seed {} fails, {played}", self.test, self.seed)?;
        for line in self.message.lines() {
            writeln!(f, "  {line}")?;
        }
        if let Some(storm) = &self.storm {
            let (left, from) = self.faults;
            match from {
                0 => writeln!(f, "  without any fault")?,
                _ => writeln!(f, "  with {left} of its {from} faults:")?,
            }
            for line in storm.lines() {
                writeln!(f, "    {line}")?;
            }
        }
        writeln!(f, "{}", look(&self.files))?;
        let kept = self.files.iter().find(|file| file.extension().is_some_and(|ending| ending == "toml"));
        let replay = kept.map_or(self.seed.to_string(), |file| file.display().to_string());
        // Cargo says in which package its tests are.
        let package = std::env::var("CARGO_PKG_NAME").map(|name| format!(" -p {name}")).unwrap_or_default();
        write!(f, "  replay: {REPLAY}={replay} cargo test{package} {}", self.test)
    }
}

/// What was written down, a line each.
pub(super) fn look(files: &[PathBuf]) -> String {
    let list: Vec<String> = files.iter().map(|file| format!("  wrote:  {}", file.display())).collect();
    list.join("\n")
}

/// The file that replays a failure.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReplayFile {
    pub(super) test: String,
    pub(super) seed: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) storm: Option<FaultSchedule>,
}

impl ReplayFile {
    pub(super) fn to_toml(&self, trouble: Option<&TestFailure>) -> String {
        let mut text = String::new();
        for line in trouble.map(|trouble| trouble.message.as_str()).unwrap_or("It passes.").lines() {
            text.push_str(&format!("# {line}\n"));
        }
        text.push_str(
            "# Every draw of the storm is made, and it can be edited: take a fault away, shorten it.\n",
        );
        text.push_str(&toml::to_string_pretty(self).expect("all of its types have a TOML form"));
        text
    }
}
