//! Tries many seeds.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use seaworthy_sim::SeededRng;
use seaworthy_trial::explore::{
    Ended, Fold, Journal, Line, Mask, RunRecord, Shard, Sweep, Tally, Text, files, read,
};
use seaworthy_trial::report::replay_file;
use seaworthy_trial::run::{self, Outcome, Verdict};
use seaworthy_trial::scenario::{BackendName, Plan, Scenario};

use crate::arguments::{ExploreOptions, ShardChoice};
use crate::gauge::Gauge;
use crate::invocation::program;
use crate::jobs::patience;
use crate::junit;
use crate::list::load;
use crate::output::show;
use crate::pool::{self, Back, Watch, processors};
use crate::problem::Problem;
use crate::shrink::{self, Failing, Smaller};
use crate::verdict::Judged;

/// Most runs that may hang before exploring stops: each keeps a processor busy until the process ends.
const HUNG_MAX: usize = 8;

/// Most traces that are kept of failures with one fingerprint; all of them leave their resolved scenario.
const TRACES_MAX: usize = 3;

/// Real time after which a run hangs while a failure is made small: what is smaller is not slower.
const SHRINK_WALL: Duration = Duration::from_secs(10);

/// A pair of scenario and seed, on a backend.
#[derive(Clone)]
struct Pair {
    of: Arc<Subject>,
    seed: u64,
    on: BackendName,
}

/// A scenario to explore.
struct Subject {
    /// Its position in the sweep.
    number: usize,
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
        on: options.on.backends(),
        swarm: !options.whole,
        shard: shard.to_string(),
        runs: 0,
        scenarios: found.iter().map(|(_, scenario)| Text::of(scenario)).collect(),
    };
    let subjects: Vec<Arc<Subject>> = found
        .into_iter()
        .zip(&sweep.scenarios)
        .enumerate()
        .map(|(number, ((file, scenario), text))| {
            let (of, wall) = (sweep.of(text), Duration::from_secs(options.wall));
            Arc::new(Subject { number, scenario, file, of, swarm: sweep.swarm, twice: options.twice, wall })
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
        .filter(move |pair| !finished.contains(&(pair.of.number, pair.seed, pair.on)))
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

/// Counts what the journals of a folder say about the pairs of this sweep, and gives which these are, scenarios by
/// number.
fn earlier(
    folder: &Path,
    sweep: &Sweep,
    shard: Shard,
    tally: &mut Tally,
) -> Result<BTreeSet<(usize, u64, BackendName)>, Problem> {
    let mut finished = BTreeSet::new();
    let ours = Ours::of(sweep);
    for file in files(folder).map_err(Problem::Journal)? {
        read(&file, |run| {
            if let Some(key) = ours.key(&run)
                && shard.owns(&run.scenario, run.seed)
                && finished.insert(key)
            {
                tally.add(&run);
            }
        })
        .map_err(Problem::Journal)?;
    }
    Ok(finished)
}

/// Tells the runs of a sweep from others.
pub(crate) struct Ours<'a> {
    sweep: &'a Sweep,
    /// The number of each scenario, by what its runs are runs of.
    numbers: BTreeMap<String, usize>,
}

impl<'a> Ours<'a> {
    pub(crate) fn of(sweep: &'a Sweep) -> Self {
        let numbers = sweep.scenarios.iter().enumerate().map(|(number, text)| (sweep.of(text), number));
        Self { sweep, numbers: numbers.collect() }
    }

    /// Which run of the sweep this is, if one: the number of its scenario, its seed and its backend.
    pub(crate) fn key(&self, run: &RunRecord) -> Option<(usize, u64, BackendName)> {
        let sweep = self.sweep;
        let number = *self.numbers.get(&run.of)?;
        let ours = sweep.scenarios.get(number).is_some_and(|text| text.name == run.scenario)
            && (sweep.first..sweep.end).contains(&run.seed)
            && sweep.on.contains(&run.on);
        ours.then_some((number, run.seed, run.on))
    }
}

fn make(pair: &Pair) -> Made {
    let Subject { scenario, of, twice, wall, .. } = &*pair.of;
    let watch = Watch::start();
    let mask = pair.mask();
    let plan = Rc::new(mask.plan(scenario, pair.seed));
    let mut outcome = run::once(&plan, pair.on, *wall);
    // Which are made twice must not depend on where and in which order they are made.
    let drawn = SeededRng::new(pair.seed, &format!("twice {}", scenario.name)).below(*twice) == 0;
    let again = drawn || outcome.verdict() != Verdict::Passed;
    if let Some(backend) = pair.on.simulated().filter(|_| again) {
        outcome = run::confirm(&plan, backend, *wall, outcome);
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

fn json(line: &Line) -> Result<String, Problem> {
    serde_json::to_string(line).map_err(|error| Problem::Machinery(error.to_string()))
}

/// A hash of this program: results of another one say nothing about it.
fn build() -> Result<String, Problem> {
    let file = std::env::current_exe().map_err(|error| Problem::Machinery(error.to_string()))?;
    let bytes = std::fs::read(&file).map_err(|source| Problem::Read { file, source })?;
    // Eight bytes at a time: it is long, and nobody wants to wait.
    let (words, rest) = bytes.as_chunks::<8>();
    let mut hash = fold(bytes.len() as u64, rest.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)));
    for word in words {
        hash = fold(hash, u64::from_le_bytes(*word));
    }
    Ok(format!("{hash:016x}"))
}

fn fold(hash: u64, word: u64) -> u64 {
    (hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
}
