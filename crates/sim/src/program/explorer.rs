//! Many seeds of one test: the first that fails is made smaller, written down and named.

use std::error::Error;
use std::fmt;
use std::io;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use seaworthy_core::Instant;

use super::artifacts::Artifacts;
use super::failure_report::{FailureReport, REPLAY, ReplayFile, look};
use super::played::{NONDETERMINISM, Played, TestFailure, differ};
use super::silence_panics::SilencePanics;
use super::sim::{Sim, SimBuilder};
use super::sweep::Sweep;
use crate::script::fault_schedule::Hosted;
use crate::script::reduction::Reduction;
use crate::script::{BadScenario, FaultSchedule};
use crate::trace::columns;
use seaworthy_engine::budget::Budget;

/// Plays a test once.
type Body<'a> = &'a (dyn Fn(&Sim) -> Result<(), Box<dyn Error>> + Sync);

/// Says which seeds to play instead of those in the test: `0..10000`.
const SEEDS: &str = "SEAWORTHY_SEEDS";
/// Says how many threads play seeds.
const JOBS: &str = "SEAWORTHY_JOBS";
/// Says where failures leave their files.
const OUT: &str = "SEAWORTHY_OUT";

/// Plays a test with many seeds.
///
/// Each seed has a simulation of its own, which the test fills with hosts and runs. Several threads play seeds at a
/// time; which seed is reported, and what is said of it, does not depend on them. A run fails when the test gives back
/// an error or panics, or when it is [judged](Sim::judge), which happens by itself. The first seed that fails is played
/// again, to see that it fails alike; its [storm](Sim::storm) is shrunk as long as it fails alike; and what is left
/// is written down: the storm, the trace, a page for a browser, and the packets.
///
/// | Variable | |
/// |---|---|
/// | `SEAWORTHY_REPLAY` | a seed, or the `.toml` of a failure: plays that alone, and writes it down whatever comes out |
/// | `SEAWORTHY_SEEDS` | `0..10000`: plays these instead of those in the test |
/// | `SEAWORTHY_JOBS` | how many threads play seeds. Default: as many as there are processors |
/// | `SEAWORTHY_OUT` | where files go. Default: the folder `storms` beside the build's others, `target/storms` |
pub struct Explorer {
    name: String,
    seeds: Range<u64>,
    twice: u64,
    jobs: Option<NonZeroUsize>,
    shrink: Duration,
    out: Option<PathBuf>,
    also: Vec<ReplayFile>,
    build: Box<dyn Fn(SimBuilder) -> SimBuilder + Send + Sync>,
}

impl fmt::Debug for Explorer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Explorer")
            .field("name", &self.name)
            .field("seeds", &self.seeds)
            .finish_non_exhaustive()
    }
}

/// How much wall-clock time a run may take. It is looked at between polls.
const WALL: Duration = Duration::from_secs(60);

/// How much wall-clock time a failure is shrunk for.
const SHRINK: Duration = Duration::from_secs(20);

impl Explorer {
    /// An explorer of the test called `name`, best by the name of the function. Plays the seeds 0 to 99.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            seeds: 0..100,
            twice: 10,
            jobs: None,
            shrink: SHRINK,
            out: None,
            also: Vec::new(),
            build: Box::new(|builder| builder),
        }
    }

    /// Which seeds.
    #[must_use]
    pub fn seeds(mut self, seeds: Range<u64>) -> Self {
        self.seeds = seeds;
        self
    }

    /// Plays one seed in so many twice, and compares everything that happened. Default 10; 0 plays none twice. A seed
    /// that fails is always played twice.
    #[must_use]
    pub fn twice(mut self, one_in: u64) -> Self {
        self.twice = one_in;
        self
    }

    /// How many threads play seeds. Default: as many as there are processors. `SEAWORTHY_JOBS` has the last word.
    #[must_use]
    pub fn jobs(mut self, jobs: NonZeroUsize) -> Self {
        self.jobs = Some(jobs);
        self
    }

    /// How much wall-clock time shrinking a failure may take. Default 20 s.
    #[must_use]
    pub fn shrink(mut self, budget: Duration) -> Self {
        self.shrink = budget;
        self
    }

    /// The folder for what a failure leaves behind.
    #[must_use]
    pub fn out(mut self, folder: impl Into<PathBuf>) -> Self {
        self.out = Some(folder.into());
        self
    }

    /// Plays the run of a file that a failure left behind, before all seeds: its text. The name of the test in it does
    /// not matter.
    ///
    /// # Panics
    /// When the text is not of such a file.
    #[must_use]
    pub fn also(mut self, failure: &str) -> Self {
        match toml::from_str(failure) {
            Ok(kept) => self.also.push(kept),
            Err(problem) => panic!("{}: no file of a failure: {problem}", self.name),
        }
        self
    }

    /// Builds every simulation like this. What it does not say is as in [`Sim::new`], with a wall-clock limit of a minute.
    #[must_use]
    pub fn build(mut self, build: impl Fn(SimBuilder) -> SimBuilder + Send + Sync + 'static) -> Self {
        self.build = Box::new(build);
        self
    }

    /// Plays `test` with every seed.
    ///
    /// # Panics
    /// When one fails, with what it says about it and how to replay it.
    pub fn run(&self, test: impl Fn(&Sim) -> Result<(), Box<dyn Error>> + Sync) {
        if let Some(finding) = self.search(test) {
            panic!("{finding}");
        }
    }

    /// Plays `test` with one seed after the other, until one fails: the lowest that does. `None` when none does.
    ///
    /// # Panics
    /// When a variable that is explained above says what cannot be.
    pub fn search(&self, test: impl Fn(&Sim) -> Result<(), Box<dyn Error>> + Sync) -> Option<FailureReport> {
        match self.asked_for() {
            Ok(Asked::Replay { seed, storm }) => self.replay(&test, seed, storm.as_deref()),
            Ok(Asked::Nothing) => None,
            Ok(Asked::Seeds(seeds)) => {
                for (number, kept) in (1..).zip(&self.also) {
                    let played = self.play(&test, kept.seed, kept.storm.as_ref(), false);
                    if played.failure.is_some() {
                        return Some(self.found(&test, played, number));
                    }
                }
                let first = seeds.start;
                let play = |seed| {
                    let played = self.play(&test, seed, None, false);
                    let twice = self.twice > 0 && (seed - first).is_multiple_of(self.twice);
                    if played.failure.is_none() && twice {
                        return differ(&played, &self.play(&test, seed, None, false));
                    }
                    played.failure.is_some().then_some(played)
                };
                let report = |played: Played| {
                    let tried = played.evidence.seed - first + 1;
                    self.found(&test, played, tried)
                };
                Sweep { seeds, jobs: self.threads().unwrap_or_else(|problem| panic!("{problem}")) }
                    .first(play, report)
            }
            Err(problem) => panic!("{problem}"),
        }
    }

    fn asked_for(&self) -> Result<Asked, String> {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        if let Some(replay) = variable(REPLAY) {
            if let Ok(seed) = replay.parse() {
                return Ok(Asked::Replay { seed, storm: None });
            }
            let text = read(&replay).map_err(|error| format!("{REPLAY}={replay}: {error}"))?;
            let kept: ReplayFile =
                toml::from_str(&text).map_err(|error| format!("{REPLAY}={replay}: {error}"))?;
            return Ok(if kept.test == self.name {
                Asked::Replay { seed: kept.seed, storm: kept.storm.map(Box::new) }
            } else {
                Asked::Nothing
            });
        }
        let Some(seeds) = variable(SEEDS) else { return Ok(Asked::Seeds(self.seeds.clone())) };
        let range =
            seeds.split_once("..").and_then(|(first, end)| Some(first.parse().ok()?..end.parse().ok()?));
        range
            .map(Asked::Seeds)
            .ok_or_else(|| format!("{SEEDS}={seeds} is no range of seeds, such as 0..1000"))
    }

    /// How many threads play seeds.
    fn threads(&self) -> Result<NonZeroUsize, String> {
        match std::env::var(JOBS).ok().filter(|value| !value.is_empty()) {
            Some(jobs) => {
                jobs.parse().map_err(|_| format!("{JOBS}={jobs} is no number of threads, such as 4"))
            }
            None => Ok(self
                .jobs
                .or_else(|| std::thread::available_parallelism().ok())
                .unwrap_or(NonZeroUsize::MIN)),
        }
    }

    /// Plays one run, shows it and writes it down.
    fn replay(&self, test: Body<'_>, seed: u64, storm: Option<&FaultSchedule>) -> Option<FailureReport> {
        let played = self.play(test, seed, storm, true);
        let files = self.write(&played);
        println!("{}", columns::render(&played.evidence.trace, false));
        match &played.failure {
            Some(_) => Some(FailureReport { files, ..FailureReport::new(&self.name, &played, 1) }),
            None => {
                println!("{}: seed {seed} passes\n{}", self.name, look(&files));
                None
            }
        }
    }

    fn play(&self, test: Body<'_>, seed: u64, storm: Option<&FaultSchedule>, capture: bool) -> Played {
        let builder = (self.build)(Sim::builder(seed).wall_limit(WALL)).record(true);
        let sim = builder.capture(capture).replacing_storm(storm.cloned()).build();
        let outcome = catch_unwind(AssertUnwindSafe(|| test(&sim)));
        let failure = match outcome {
            Err(panic) => Some(TestFailure::of_panic(&*panic)),
            // That is no matter of seeds.
            Ok(Err(error)) if error.is::<BadScenario>() => panic!("{}: {error}", self.name),
            Ok(Err(error)) => Some(TestFailure::of_error(&*error)),
            Ok(Ok(())) => sim.judge().err().map(TestFailure::of_failure),
        };
        Played { failure, storm: sim.storm.played.take(), evidence: Artifacts::of(&sim) }
    }

    /// Makes the most of a run that failed.
    fn found(&self, test: Body<'_>, first: Played, tried: u64) -> FailureReport {
        let _hush = SilencePanics::new();
        let seed = first.evidence.seed;
        let own = first.storm.as_ref().map(|plan| plan.storm.clone());
        let again = self.play(test, seed, own.as_ref(), true);
        let faults = own.as_ref().map_or(0, |storm| storm.fault.len());
        // Whoever differs from run to run cannot be made smaller.
        let differs = if first.kind() == NONDETERMINISM { Some(first) } else { differ(&first, &again) };
        if let Some(differs) = differs {
            let files = self.write(&differs);
            return FailureReport { files, ..FailureReport::new(&self.name, &differs, tried) };
        }
        let mut last = again;
        if let Some(storm) = last.storm.clone() {
            let budget = Budget::new(Instant::ZERO);
            let fails =
                |smaller: &Hosted| self.play(test, seed, Some(&smaller.storm()), false).kind() == last.kind();
            let more = || budget.wall() < self.shrink;
            let mut reduction = Reduction::new(Hosted::new(&storm), Hosted::is_storm, fails, more);
            reduction.reduce();
            let small = reduction.best.storm();
            last = self.play(test, seed, Some(&small), true);
        }
        let files = self.write(&last);
        let finding = FailureReport::new(&self.name, &last, tried);
        FailureReport { files, faults: (finding.faults.0, faults), ..finding }
    }

    /// Writes a run down. What cannot be written is left out.
    fn write(&self, played: &Played) -> Vec<PathBuf> {
        let folder = self.folder();
        let plain = |c: char| if c.is_alphanumeric() || c == '-' || c == '_' { c } else { '-' };
        let name: String = self.name.chars().map(plain).collect();
        let seed = played.evidence.seed;
        let kept = ReplayFile {
            test: self.name.clone(),
            seed,
            storm: played.storm.as_ref().map(|plan| plan.storm.clone()),
        };
        let mut pcap = Vec::new();
        let packets = played.evidence.packets.as_deref().unwrap_or_default();
        let _ = crate::trace::pcap::write(&mut pcap, &played.evidence.hosts, packets);
        let failure = played.failure.as_ref().map(|trouble| &trouble.failure);
        let title = format!("{} with seed {seed}", self.name);
        let texts = [
            (
                "html",
                played
                    .evidence
                    .page(&title, failure.and_then(Option::as_ref), played.failure.is_some())
                    .into_bytes(),
            ),
            ("jsonl", played.evidence.trace.to_jsonl().into_bytes()),
            ("pcapng", pcap),
            ("toml", kept.to_toml(played.failure.as_ref()).into_bytes()),
        ];
        let _ = std::fs::create_dir_all(&folder);
        let write = |(ending, bytes): (&str, Vec<u8>)| {
            let file = folder.join(format!("{name}-{seed}.{ending}"));
            std::fs::write(&file, bytes).is_ok().then_some(file)
        };
        texts.into_iter().filter_map(write).collect()
    }

    fn folder(&self) -> PathBuf {
        if let Some(out) = &self.out {
            return out.clone();
        }
        if let Some(out) = std::env::var_os(OUT) {
            return out.into();
        }
        // Tests are programs in target/debug/deps.
        let program = std::env::current_exe().unwrap_or_default();
        let deps = program.ancestors().find(|folder| folder.ends_with("deps"));
        deps.and_then(|deps| deps.ancestors().nth(2)).unwrap_or(Path::new("target")).join("storms")
    }
}

/// Reads a file that is named as seen from here or from a folder above: Cargo runs tests in their package's folder, and
/// people call it from the workspace's.
fn read(file: &str) -> io::Result<String> {
    let here = std::env::current_dir()?;
    let found = here.ancestors().map(|folder| folder.join(file)).find(|path| path.is_file());
    std::fs::read_to_string(found.unwrap_or_else(|| file.into()))
}

/// Which runs to make.
enum Asked {
    Seeds(Range<u64>),
    Replay {
        seed: u64,
        storm: Option<Box<FaultSchedule>>,
    },
    /// Another test is replayed.
    Nothing,
}

impl Sim {
    /// Plays `test` with these seeds: see [`Explorer`], of which this is the short form.
    ///
    /// ```
    /// use std::time::Duration;
    /// use seaworthy::{Context, Network, PullSocket, PushSocket};
    /// use seaworthy_sim::Sim;
    ///
    /// Sim::explore("a_push_outlives_its_peer", 0..5, |sim| {
    ///     sim.host("push", |net| async move {
    ///         let push = PushSocket::new(&Context::with_network(net))?;
    ///         push.connect("tcp://pull:5555")?;
    ///         loop {
    ///             push.send("ahoy").await?;
    ///         }
    ///     });
    ///     sim.client("pull", |net| async move {
    ///         let pull = PullSocket::new(&Context::with_network(net))?;
    ///         pull.bind("tcp://*:5555")?;
    ///         for _ in 0..100 {
    ///             pull.recv().await?;
    ///         }
    ///         Ok(())
    ///     });
    ///     sim.storm("duration = '5s'\nfault = [{ at = '0s..1s', for = '1s', crash = 'pull' }]")?;
    ///     sim.run_to_end(Duration::from_secs(60))?;
    ///     Ok(())
    /// });
    /// ```
    ///
    /// # Panics
    /// When a seed fails, with what it says about it and how to replay it.
    pub fn explore(name: &str, seeds: Range<u64>, test: impl Fn(&Self) -> Result<(), Box<dyn Error>> + Sync) {
        Explorer::new(name).seeds(seeds).run(test);
    }
}
