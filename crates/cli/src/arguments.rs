//! The command line.

use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use seaworthy_trial::doctor::Bug;
use seaworthy_trial::explore::{BadShard, Shard};
use seaworthy_trial::scenario::BackendName;
use seaworthy_trial::scenario::quantity::{Quantity, Span};

use crate::pool::processors;
use crate::proxy::ProxyOptions;

/// ZeroMQ sockets in simulated storms: run scenarios, replay failures, read traces.
#[derive(Debug, Parser)]
#[command(name = "seaworthy", version, about, after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 all passed, 1 a check failed, 2 bad usage or a bad scenario, \
                          3 the machinery failed, 4 nondeterminism, 5 a hang.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run scenarios, each twice per seed, and judge them; or, once, on the real network.
    Run(RunOptions),
    /// Try many seeds of scenarios, each with another part of its faults, and see what is reached.
    Explore(ExploreOptions),
    /// Put what shards explored together into one verdict.
    Merge(MergeOptions),
    /// Make a failing scenario as small as it gets, so that it still fails the same check.
    Shrink(ShrinkOptions),
    /// Run a resolved scenario that a failure left behind.
    Replay(ReplayOptions),
    /// List scenarios and what they prove.
    List(ListOptions),
    /// Write a commented scenario to start from.
    New(NewOptions),
    /// Print the JSON Schema of scenario files.
    Schema,
    /// Show a run: as text columns, as a page for a browser, or as packets for Wireshark.
    Trace(TraceOptions),
    /// Show where two traces part. Exits with 1 if they do.
    Diff(DiffOptions),
    /// Show that the testbed finds bugs: plant each of a list, and look whether the right check finds it.
    Doctor(DoctorOptions),
    /// Run a broker on the real network, until SIGINT, SIGTERM or a command ends it.
    Proxy(Box<ProxyOptions>),
    /// Print a script that completes command lines in a shell.
    Completions(CompletionsOptions),
}

#[derive(Debug, Args)]
pub(crate) struct RunOptions {
    /// Scenario files, or folders of them and of further folders.
    #[arg(default_value = "scenarios")]
    pub(crate) paths: Vec<PathBuf>,
    /// Run with this seed instead of the scenario's own.
    #[arg(long, conflicts_with = "seeds")]
    pub(crate) seed: Option<u64>,
    /// Run with every seed from A up to, not including, B.
    #[arg(long, value_name = "A..B", value_parser = seeds)]
    pub(crate) seeds: Option<Range<u64>>,
    /// Switch part of each scenario off, as `explore` does for this seed.
    #[arg(long)]
    pub(crate) swarm: bool,
    /// What carries the packets, or the real network, on which a run is made once.
    #[arg(long, value_enum, default_value_t = Where::Both)]
    pub(crate) on: Where,
    /// Leave out of each scenario what the real network cannot make, wherever it runs.
    #[arg(long)]
    pub(crate) skip_unsupported: bool,
    /// Scenarios to run side by side. Default: one for each processor, and on the real network four.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) jobs: Option<u16>,
    /// Give a run up as hung after this many seconds of real time.
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) wall: u64,
    /// Print the trace of each run as text columns.
    #[arg(long)]
    pub(crate) trace: bool,
    /// With --trace: frames and streams, too.
    #[arg(long, requires = "trace")]
    pub(crate) wire: bool,
    /// Where failures leave their resolved scenario and their trace.
    #[arg(long, value_name = "DIR", default_value = "failures")]
    pub(crate) out: PathBuf,
    /// Leave them for every run, not for failures only.
    #[arg(long)]
    pub(crate) keep: bool,
    /// Write a report page there, and beside it the page of each failed run's trace (with --keep, of every run's).
    #[arg(long, value_name = "FILE.html|DIR")]
    pub(crate) html: Option<PathBuf>,
    /// Report as JSON lines on standard output.
    #[arg(long, conflicts_with = "trace")]
    pub(crate) json: bool,
    /// In GitHub Actions: annotate each scenario that failed, and write a table to the job's summary.
    #[arg(long, conflicts_with = "json")]
    pub(crate) github: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ExploreOptions {
    /// Scenario files, or folders of them and of further folders.
    #[arg(default_value = "scenarios")]
    pub(crate) paths: Vec<PathBuf>,
    /// Every seed from A up to, not including, B.
    #[arg(long, value_name = "A..B", value_parser = seeds, default_value = "0..1000")]
    pub(crate) seeds: Range<u64>,
    /// What carries the packets.
    #[arg(long, value_enum, default_value_t = On::Warp)]
    pub(crate) on: On,
    /// Runs to make side by side. Default: one for each processor.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) jobs: Option<u16>,
    /// Begin no run after this much real time, such as 90s, 10m or 2h.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) time: Option<Duration>,
    /// Make one part of N of the runs, counted from 0; auto: the part that Kubernetes, Slurm, AWS Batch, GitLab or
    /// Buildkite assigned.
    #[arg(long, value_name = "I/N|auto", value_parser = shard)]
    pub(crate) shard: Option<ShardChoice>,
    /// Keep results and failures here; the same command again goes on where it stopped.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Write a JUnit report.
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
    /// Report each run, and at last what they amount to, as JSON lines on standard output.
    #[arg(long)]
    pub(crate) json: bool,
    /// Run every scenario as it is written, for every seed.
    #[arg(long)]
    pub(crate) whole: bool,
    /// Make one in N runs twice and compare (1: all). Failures are always made twice.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) twice: u64,
    /// At last, make one failure of each kind small, for at most this much real time each.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) shrink: Option<Duration>,
    /// Give a run up as hung after this many seconds of real time.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) wall: u64,
}

#[derive(Debug, Args)]
pub(crate) struct MergeOptions {
    /// Folders that `explore --out` wrote.
    #[arg(required = true)]
    pub(crate) folders: Vec<PathBuf>,
    /// Write a JUnit report.
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
    /// Report what they amount to as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ShrinkOptions {
    /// The resolved scenario that a failure left behind.
    pub(crate) file: PathBuf,
    /// Give back the smallest found after this much real time.
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "60s")]
    pub(crate) budget: Duration,
    /// Where to write it. Default: beside the file, as NAME.min.toml.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Run on this backend instead of the one the file names.
    #[arg(long, value_enum)]
    pub(crate) on: Option<OneOf>,
    /// A run that takes longer than this many seconds of real time hangs.
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) wall: u64,
}

/// One backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OneOf {
    /// turmoil's simulated hosts.
    Turmoil,
    /// The executor that jumps from event to event.
    Warp,
}

impl OneOf {
    pub(crate) fn name(self) -> BackendName {
        match self {
            Self::Turmoil => BackendName::Turmoil,
            Self::Warp => BackendName::Warp,
        }
    }
}

/// Which part of a sweep to make.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ShardChoice {
    This(Shard),
    /// The one that the platform assigned.
    Auto,
}

#[derive(Debug, Args)]
pub(crate) struct ReplayOptions {
    /// The resolved scenario.
    pub(crate) file: PathBuf,
    /// Run there instead of where the file says.
    #[arg(long, value_enum)]
    pub(crate) on: Option<Where>,
    /// Print the trace as text columns.
    #[arg(long)]
    pub(crate) trace: bool,
    /// With --trace: frames and streams, too.
    #[arg(long, requires = "trace")]
    pub(crate) wire: bool,
    /// Give the run up as hung after this many seconds of real time.
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) wall: u64,
    /// Report as JSON lines on standard output.
    #[arg(long, conflicts_with = "trace")]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ListOptions {
    /// Scenario files, or folders of them and of further folders.
    #[arg(default_value = "scenarios")]
    pub(crate) paths: Vec<PathBuf>,
    /// As JSON lines.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct NewOptions {
    /// Name of the scenario; the file is NAME.toml, in the folder scenarios if there is one.
    pub(crate) name: String,
}

#[derive(Debug, Args)]
pub(crate) struct TraceOptions {
    /// A trace (JSON lines), or a scenario (.toml), which is run.
    pub(crate) file: PathBuf,
    /// Write a page for a browser: one file, with everything in it.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Write the packets, as pcapng. A trace has none: FILE must be a scenario.
    #[arg(long, value_name = "FILE")]
    pub(crate) pcap: Option<PathBuf>,
    /// Of a scenario: run with this seed instead of its own.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Of a scenario: run there instead of where it says. Default: warp.
    #[arg(long, value_enum)]
    pub(crate) on: Option<OneOfAll>,
    /// Of a scenario: give the run up as hung after this many seconds of real time.
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) wall: u64,
    /// Frames and streams, too.
    #[arg(long, conflicts_with = "lanes")]
    pub(crate) wire: bool,
    /// What it means, without when: one lane for each socket and stream.
    #[arg(long)]
    pub(crate) lanes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DiffOptions {
    /// A trace, as JSON lines.
    pub(crate) one: PathBuf,
    /// Another.
    pub(crate) other: PathBuf,
    /// How many events to show before the difference, and after it of each.
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub(crate) context: usize,
}

#[derive(Debug, Args)]
#[command(after_help = DOCTOR_EXIT_CODES)]
pub(crate) struct DoctorOptions {
    /// Scenario files, or folders of them.
    #[arg(default_value = "scenarios")]
    pub(crate) paths: Vec<PathBuf>,
    /// Look for this bug only. Can be given several times.
    #[arg(long = "bug", value_name = "NAME")]
    pub(crate) bugs: Vec<Bug>,
    /// Look for each bug with so many seeds, instead of as many as it may take.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) seeds: Option<u64>,
    /// Look for each bug in every scenario, and show who finds it where.
    #[arg(long, conflicts_with = "json")]
    pub(crate) everywhere: bool,
    /// Bugs to look for side by side. Default: one for each processor.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
    /// Report as JSON lines on standard output.
    #[arg(long)]
    pub(crate) json: bool,
}

const DOCTOR_EXIT_CODES: &str = "Exit codes: 0 each bug was found by the one who has to, and nothing was found without a \
                                 bug; 1 a bug was not found, or a check fired without one; 2 bad usage, or a build \
                                 without bugs; 3 the machinery failed; 4 nondeterminism, 5 a hang without a bug.";

impl DoctorOptions {
    pub(crate) fn threads(&self) -> usize {
        self.jobs.map_or_else(processors, usize::from)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum On {
    /// turmoil's simulated hosts.
    Turmoil,
    /// The executor that jumps from event to event.
    Warp,
    /// One after the other.
    Both,
}

impl On {
    pub(crate) fn backends(self) -> Vec<BackendName> {
        match self {
            Self::Turmoil => vec![BackendName::Turmoil],
            Self::Warp => vec![BackendName::Warp],
            Self::Both => vec![BackendName::Turmoil, BackendName::Warp],
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsOptions {
    /// The shell.
    pub(crate) shell: Shell,
}

/// Where a scenario can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Where {
    /// turmoil's simulated hosts.
    Turmoil,
    /// The executor that jumps from event to event.
    Warp,
    /// Both simulations, one after the other.
    Both,
    /// This machine's kernel, in real time.
    Real,
}

impl Where {
    pub(crate) fn names(self) -> Vec<BackendName> {
        match self {
            Self::Turmoil => vec![BackendName::Turmoil],
            Self::Warp => vec![BackendName::Warp],
            Self::Both => vec![BackendName::Turmoil, BackendName::Warp],
            Self::Real => vec![BackendName::Real],
        }
    }
}

/// One place where a scenario can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OneOfAll {
    /// turmoil's simulated hosts.
    Turmoil,
    /// The executor that jumps from event to event.
    Warp,
    /// This machine's kernel, in real time.
    Real,
}

impl OneOfAll {
    pub(crate) const fn name(self) -> BackendName {
        match self {
            Self::Turmoil => BackendName::Turmoil,
            Self::Warp => BackendName::Warp,
            Self::Real => BackendName::Real,
        }
    }
}

/// Reads `A..B`.
fn seeds(text: &str) -> Result<Range<u64>, String> {
    let (from, to) = text.split_once("..").ok_or("expected A..B, such as 0..100")?;
    let number = |text: &str| text.trim().parse::<u64>().map_err(|_| format!("{text:?} is not a seed"));
    let (from, to) = (number(from)?, number(to)?);
    if from < to { Ok(from..to) } else { Err(format!("{from}..{to} contains no seed")) }
}

/// Reads a length of real time.
fn time(text: &str) -> Result<Duration, String> {
    let Span(time) = Span::parse(text)?;
    if time.is_zero() { Err("no time at all".to_owned()) } else { Ok(time) }
}

/// Reads `i/n` or `auto`.
fn shard(text: &str) -> Result<ShardChoice, BadShard> {
    if text == "auto" { Ok(ShardChoice::Auto) } else { text.parse().map(ShardChoice::This) }
}
