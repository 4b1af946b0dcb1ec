//! Tries many seeds.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use seaworthy_sim::Dice;
use seaworthy_sim::explore::{
    Ended, Fold, Journal, Line, Mask, RunRecord, Shard, Sweep, Tally, Text, files, read,
};
use seaworthy_sim::report::replay_file;
use seaworthy_sim::run::{self, Outcome, Verdict};
use seaworthy_sim::scenario::{CarrierName, Plan, Scenario};

use crate::arguments::{ExploreOptions, ShardChoice};
use crate::gauge::Gauge;
use crate::jobs::{carrier, patience};
use crate::junit;
use crate::list::load;
use crate::pool::{self, Back, Watch};
use crate::problem::Problem;
use crate::run::{processors, program};
use crate::show;
use crate::shrink::{self, Failing, Smaller};

/// Most runs that may hang before exploring stops: each keeps a processor busy until the process ends.
const HUNG_MAX: usize = 8;

/// Most traces that are kept of failures with one fingerprint; all of them leave their resolved scenario.
const TRACES_MAX: usize = 3;

/// Real time after which a run hangs while a failure is made small: what is smaller is not slower.
const SHRINK_WALL: Duration = Duration::from_secs(10);

/// A pair of scenario and seed, on a carrier.
#[derive(Clone)]
struct Pair {
    of: Arc<Subject>,
    seed: u64,
    on: CarrierName,
}

/// A scenario to explore.
struct Subject {
    scenario: Scenario,
    /// The file it comes from.
    file: PathBuf,
    /// What its runs are runs of.
    of: String,
    swarm: bool,
    /// One in so many runs is made twice.
    twice: u64,
    wall: Duration,
}

/// A run that was made. What failed is kept whole.
struct Made {
    record: RunRecord,
    failed: Option<Box<(Plan, Outcome)>>,
}

pub(crate) fn explore(options: &ExploreOptions) -> Result<u8, Problem> {
    let found = load(&options.paths)?;
    let shard = match options.shard {
        None => Shard::WHOLE,
        Some(ShardChoice::This(shard)) => shard,
        Some(ShardChoice::Auto) => {
            Shard::assigned(|name| std::env::var(name).ok()).map_err(Problem::Shard)?
        }
    };
    let mut sweep = Sweep {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        build: build()?,
        first: options.seeds.start,
        end: options.seeds.end,
        on: options.on.carriers(),
        swarm: !options.whole,
        shard: shard.to_string(),
        runs: 0,
        scenarios: found.iter().map(|(_, scenario)| Text::of(scenario)).collect(),
    };
    let subjects: Vec<Arc<Subject>> = found
        .into_iter()
        .zip(&sweep.scenarios)
        .map(|((file, scenario), text)| {
            let (of, wall) = (sweep.of(text), Duration::from_secs(options.wall));
            Arc::new(Subject { scenario, file, of, swarm: sweep.swarm, twice: options.twice, wall })
        })
        .collect();
    sweep.runs = match shard {
        Shard::WHOLE => all(&sweep),
        shard => pairs(&subjects, &sweep, shard).count() as u64,
    };

    let mut tally = Tally::new(&sweep.scenarios);
    let mut journal = options
        .out
        .as_deref()
        .map(|folder| Journal::open(folder, shard))
        .transpose()
        .map_err(Problem::Journal)?;
    let finished = match &options.out {
        Some(folder) => earlier(folder, &sweep, shard, &mut tally)?,
        None => BTreeSet::new(),
    };
    if let Some(journal) = &mut journal {
        journal.write(&Line::Sweep(sweep.clone())).map_err(Problem::Journal)?;
    }
    let mut gauge = Gauge::new(sweep.runs, tally.runs());
    let folder = options.out.clone().unwrap_or_default();
    let mut traces: BTreeMap<String, usize> = BTreeMap::new();
    let mut hung = 0;

    let (time, watch) = (options.time, Watch::start());
    let left = pairs(&subjects, &sweep, shard)
        .filter(move |pair| !finished.contains(&(pair.of.of.clone(), pair.seed, pair.on)))
        .take_while(move |_| time.is_none_or(|time| watch.elapsed() < time));
    let threads = options.jobs.map_or_else(processors, usize::from);
    let limit = patience(Duration::from_secs(options.wall));
    let lost = pool::work(left, threads, limit, make, |pair, back| {
        let Made { mut record, failed } = match back {
            Back::Done(made) => made,
            Back::Never => {
                hung += 1;
                let reason = format!("a task did not return within {} s of real time", limit.as_secs());
                pair.unmade(Verdict::Hung, &reason, limit)
            }
            Back::Panicked => {
                let reason = "the testbed itself panicked; its message is above";
                pair.unmade(Verdict::Broken, reason, Duration::ZERO)
            }
        };
        if record.verdict != Verdict::Passed {
            let known = traces.entry(record.fingerprint.clone().unwrap_or_default()).or_default();
            *known += 1;
            let plan = match &failed {
                Some(failed) => failed.0.clone(),
                None => pair.mask().plan(&pair.of.scenario, pair.seed),
            };
            let trace = failed.as_deref().map(|(_, outcome)| outcome).filter(|_| *known <= TRACES_MAX);
            record.replay = Some(leave(&folder, &plan, &record, trace)?);
        }
        let line = Line::Run(record);
        if let Some(journal) = &mut journal {
            journal.write(&line).map_err(Problem::Journal)?;
        }
        if options.json {
            show(&format!("{}\n", json(&line)?))?;
        }
        if let Line::Run(record) = &line {
            tally.add(record);
            gauge.finished(record, &tally);
        }
        Ok::<_, Problem>(if hung < HUNG_MAX { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    gauge.end();

    let complete = tally.runs() == sweep.runs;
    if let Some(journal) = &mut journal
        && hung < HUNG_MAX
    {
        journal.write(&Line::End(Ended { complete })).map_err(Problem::Journal)?;
    }
    let smallest = match options.shrink {
        Some(budget) => shrink_each(&tally, &folder, threads, budget)?,
        None => BTreeMap::new(),
    };
    let judged =
        Judged { tally: &tally, sweep: &sweep, folder: &folder, smallest, coverage: shard == Shard::WHOLE };
    if let Some(file) = &options.junit {
        junit::write(file, &judged)?;
    }
    if options.json {
        show(&judged.summary())?;
    } else {
        let again = |fold: &Fold| again(&subjects, fold, sweep.swarm);
        show(&judged.text(again))?;
        if !complete {
            let (made, all) = (tally.runs(), sweep.runs);
            let why = if hung < HUNG_MAX { "the time was over" } else { "too many runs hang" };
            show(&format!("{made} of {all} runs made: {why}\n"))?;
        }
    }
    let code = judged.exit_code();
    if lost > 0 {
        // A thread that never returns would keep the process alive.
        std::process::exit(i32::from(code));
    }
    Ok(code)
}

/// Makes one failure of each kind small, and gives where by fingerprint. A kind of which no smaller one can be told is
/// left out.
fn shrink_each(
    tally: &Tally,
    folder: &Path,
    threads: usize,
    budget: Duration,
) -> Result<BTreeMap<String, PathBuf>, Problem> {
    let folds = tally.folds();
    // One that never came back would not come back smaller.
    let replayable = folds.iter().filter(|fold| fold.example.events > 0);
    let by_file: BTreeMap<PathBuf, &Fold> = replayable
        .filter_map(|fold| fold.example.replay.as_ref().map(|file| (folder.join(file), *fold)))
        .collect();
    let failing = by_file
        .iter()
        .map(|(file, fold)| Failing { file: file.clone(), on: Some(fold.example.on) })
        .collect();
    let mut smallest = BTreeMap::new();
    shrink::all(failing, threads, budget, SHRINK_WALL, |failing, smaller| {
        if let (Smaller::Shrunk(shrunk, on), Some(fold)) = (smaller, by_file.get(&failing.file)) {
            let file = shrink::beside(&failing.file);
            shrink::leave(&file, &shrunk, on)?;
            smallest.insert(fold.fingerprint.clone(), file);
        }
        Ok(())
    })?;
    Ok(smallest)
}

/// How many runs a whole sweep has.
pub(crate) fn all(sweep: &Sweep) -> u64 {
    (sweep.end - sweep.first) * sweep.scenarios.len() as u64 * sweep.on.len() as u64
}

/// Every pair that belongs to the shard. Seeds come in turn for all scenarios, so that a sweep that is cut short has
/// tried all of them.
fn pairs(
    subjects: &[Arc<Subject>],
    sweep: &Sweep,
    shard: Shard,
) -> impl Iterator<Item = Pair> + Send + use<> {
    let (subjects, on) = (subjects.to_vec(), sweep.on.clone());
    (sweep.first..sweep.end).flat_map(move |seed| {
        let mine = subjects.iter().filter(move |of| shard.owns(&of.scenario.name, seed));
        let pair =
            |of: &Arc<Subject>| on.iter().map(|on| Pair { of: Arc::clone(of), seed, on: *on }).collect();
        mine.flat_map(|of| -> Vec<Pair> { pair(of) }).collect::<Vec<_>>()
    })
}

/// Counts what the journals of a folder say about the pairs of this sweep, and gives which these are.
fn earlier(
    folder: &Path,
    sweep: &Sweep,
    shard: Shard,
    tally: &mut Tally,
) -> Result<BTreeSet<(String, u64, CarrierName)>, Problem> {
    let of: BTreeMap<String, &str> =
        sweep.scenarios.iter().map(|text| (sweep.of(text), text.name.as_str())).collect();
    let mut finished = BTreeSet::new();
    for file in files(folder).map_err(Problem::Journal)? {
        read(&file, |run| {
            let ours = of.get(&run.of).is_some_and(|name| *name == run.scenario)
                && (sweep.first..sweep.end).contains(&run.seed)
                && sweep.on.contains(&run.on)
                && shard.owns(&run.scenario, run.seed);
            if ours && finished.insert((run.of.clone(), run.seed, run.on)) {
                tally.add(&run);
            }
        })
        .map_err(Problem::Journal)?;
    }
    Ok(finished)
}

fn make(pair: &Pair) -> Made {
    let Subject { scenario, of, twice, wall, .. } = &*pair.of;
    let watch = Watch::start();
    let mask = pair.mask();
    let plan = Rc::new(mask.plan(scenario, pair.seed));
    let mut outcome = run::run(&plan, carrier(pair.on), *wall);
    // Which are made twice must not depend on where and in which order they are made.
    let drawn = Dice::new(pair.seed, &format!("twice {}", scenario.name)).below(*twice) == 0;
    let again = drawn || outcome.verdict() != Verdict::Passed;
    if again {
        outcome = run::confirm(&plan, carrier(pair.on), *wall, outcome);
    }
    let mut record = RunRecord::new(of, scenario, (&plan, &mask), pair.on, &outcome, watch.elapsed());
    record.twice = again && outcome.failure.is_none();
    let failed = (record.verdict != Verdict::Passed).then(|| {
        let plan = Rc::try_unwrap(plan).unwrap_or_else(|shared| (*shared).clone());
        Box::new((plan, outcome))
    });
    Made { record, failed }
}

impl Pair {
    fn mask(&self) -> Mask {
        if self.of.swarm { Mask::of(&self.of.scenario, self.seed) } else { Mask::none() }
    }

    fn unmade(&self, verdict: Verdict, reason: &str, real: Duration) -> Made {
        let pair = (&self.of.scenario, self.seed, self.on);
        let record = RunRecord::without_outcome(&self.of.of, pair, &self.mask(), verdict, reason, real);
        Made { record, failed: None }
    }
}

/// Writes the resolved scenario of a failure, and its trace, and gives the path of the former within `folder`.
fn leave(
    folder: &Path,
    plan: &Plan,
    record: &RunRecord,
    outcome: Option<&Outcome>,
) -> Result<String, Problem> {
    let RunRecord { scenario, seed, on, .. } = record;
    let within = format!("failures/{scenario}-{on}-{seed}.toml");
    let file = folder.join(&within);
    let write = |file: PathBuf, text: String| {
        let parent = file.parent().map_or(Ok(()), std::fs::create_dir_all);
        parent.and_then(|()| std::fs::write(&file, text)).map_err(|source| Problem::Write { file, source })
    };
    let mut reasons = record.reasons.clone();
    if !record.off.is_empty() {
        reasons.push(format!("Switched off: {}.", record.off.join(", ")));
    }
    if let Some(outcome) = outcome {
        write(file.with_extension("jsonl"), outcome.trace.to_jsonl())?;
    }
    write(file, replay_file(plan, *on, &reasons))?;
    Ok(within)
}

/// The command that makes a failure again from the scenario it comes from.
fn again(subjects: &[Arc<Subject>], fold: &Fold, swarm: bool) -> Option<String> {
    let RunRecord { scenario, seed, on, .. } = &fold.example;
    let subject = subjects.iter().find(|subject| subject.scenario.name == *scenario)?;
    let swarm = if swarm { " --swarm" } else { "" };
    Some(format!("{} run {} --seed {seed}{swarm} --on {on}", program(), subject.file.display()))
}

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

pub(crate) fn json(line: &Line) -> Result<String, Problem> {
    serde_json::to_string(line).map_err(|error| Problem::Machinery(error.to_string()))
}

/// A hash of this program: results of another one say nothing about it.
fn build() -> Result<String, Problem> {
    let file = std::env::current_exe().map_err(|error| Problem::Machinery(error.to_string()))?;
    let bytes = std::fs::read(&file).map_err(|source| Problem::Read { file, source })?;
    // Eight bytes at a time: it is long, and nobody wants to wait.
    let mix = |hash: u64, word: u64| (hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    let words = bytes.chunks(8).map(|chunk| chunk.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)));
    Ok(format!("{:016x}", words.fold(bytes.len() as u64, mix)))
}
