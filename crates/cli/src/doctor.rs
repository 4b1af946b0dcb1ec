//! Shows that the testbed finds bugs: plants them one by one, and looks whether the right check finds each.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use seaworthy_core::planted::{self, Bug};
use seaworthy_trial::doctor::{COMPILED, Detector, Entry, Hunt, without_bug};
use seaworthy_trial::run::Verdict;
use seaworthy_trial::scenario::Scenario;

use crate::arguments::DoctorOptions;
use crate::list::load;
use crate::output::show;
use crate::pool::{self, Back, Watch};
use crate::problem::Problem;

/// Real time that everything done for one bug may take.
const HUNT_MAX: Duration = Duration::from_secs(300);

/// Real time after which a run that a watchdog has to find counts as one that never comes back.
const WATCHDOG_MAX: Duration = Duration::from_secs(3);

/// Scenarios by name.
type Library = Arc<BTreeMap<String, Scenario>>;

pub(crate) fn doctor(options: &DoctorOptions) -> Result<u8, Problem> {
    if !COMPILED {
        return Err(Problem::Usage(
            "no bugs are compiled into this program, and none should be into one that is relied on.\n\
             Build another: cargo run --release --features planted-bugs -- doctor"
                .to_owned(),
        ));
    }
    let library: Library = Arc::new(
        load(&options.paths)?.into_iter().map(|(_, scenario)| (scenario.name.clone(), scenario)).collect(),
    );
    be_quiet_about_planted_panics();
    let bugs = if options.bugs.is_empty() { Bug::ALL.to_vec() } else { options.bugs.clone() };
    if options.everywhere {
        return everywhere(options, &bugs, &library);
    }
    let entries: Vec<Entry> = bugs.into_iter().map(Entry::of).collect();
    for entry in &entries {
        if !library.contains_key(entry.scenario) {
            let Entry { bug, scenario, .. } = entry;
            return Err(Problem::Usage(format!("there is no scenario {scenario:?}, which shows {bug}")));
        }
    }
    let watch = Watch::start();
    let hunts = hunt(options, &entries, &library)?;
    let clean = without_bugs(options, &entries, &hunts, &library)?;
    let missed = entries.iter().zip(&hunts).filter(|(_, hunt)| hunt.seed.is_none()).count();
    let code = match clean.worst.unwrap_or(Verdict::Passed) {
        Verdict::Passed if missed > 0 => Verdict::Failed.exit_code(),
        worst => worst.exit_code(),
    };
    show(&if options.json {
        let line = serde_json::json!({
            "line": "summary", "bugs": entries.len(), "missed": missed, "runs_without_bug": clean.runs,
            "found_without_bug": clean.reasons, "exit_code": code,
        });
        format!("{line}\n")
    } else {
        let mut text = String::from("\n");
        let _ = match missed {
            0 => writeln!(text, "{} planted bugs: each was found by the one who has to", entries.len()),
            _ => writeln!(text, "{} planted bugs: {missed} NOT FOUND", entries.len()),
        };
        let _ = match clean.reasons.len() {
            0 => writeln!(text, "{} runs with the same seeds and no bug: nothing was found", clean.runs),
            bad => writeln!(text, "{} runs with the same seeds and no bug: {bad} FAILED", clean.runs),
        };
        clean.reasons.iter().for_each(|reason| text.push_str(&format!("  {reason}\n")));
        let _ = writeln!(text, "{:.1} s", watch.elapsed().as_secs_f64());
        text
    })?;
    // The thread of a run that never came back would keep the process alive.
    std::process::exit(i32::from(code));
}

/// A panic that was planted is for the check to tell of.
fn be_quiet_about_planted_panics() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !planted::planted(Bug::TaskPanics) {
            usual(panic);
        }
    }));
}

/// Looks for every bug, and shows each as soon as it and those before it were looked for.
fn hunt(options: &DoctorOptions, entries: &[Entry], library: &Library) -> Result<Vec<Hunt>, Problem> {
    let width = entries.iter().map(|entry| entry.bug.name().len()).max().unwrap_or(0);
    if !options.json {
        show(&format!("{:<width$}  {:<26}  {:<28}  {:>10}\n", "bug", "found by", "scenario", "seeds"))?;
    }
    let mut hunts: Vec<Option<Hunt>> = vec![None; entries.len()];
    let mut shown = 0;
    let mut add = |at: usize, hunt: Hunt| -> Result<(), Problem> {
        hunts[at] = Some(hunt);
        while let Some(Some(hunt)) = hunts.get(shown) {
            show(&line(options, &entries[shown], hunt, width))?;
            shown += 1;
        }
        Ok(())
    };
    let (watched, others): (Vec<_>, Vec<_>) =
        entries.iter().copied().enumerate().partition(|(_, entry)| entry.by == Detector::Watchdog);
    // Whoever is watched loses its thread, and is waited for no longer than it takes to be sure.
    for (jobs, threads, limit) in [(watched, 1, WATCHDOG_MAX), (others, options.threads(), HUNT_MAX)] {
        let (library, seeds) = (Arc::clone(library), options.seeds);
        let make = move |(_, entry): &(usize, Entry)| {
            entry.hunt(&library[entry.scenario], seeds.unwrap_or(entry.seeds))
        };
        pool::work(jobs.into_iter(), threads, limit, make, |(at, entry), back| {
            add(at, came_back(entry, back)).map(|()| ControlFlow::Continue(()))
        })?;
    }
    Ok(hunts.into_iter().flatten().collect())
}

/// What came of a hunt that may not have come back.
fn came_back(entry: Entry, back: Back<Hunt>) -> Hunt {
    match back {
        Back::Done(hunt) => hunt,
        Back::Never => {
            let seed = (entry.by == Detector::Watchdog).then_some(0);
            let reasons = vec!["a run never came back".to_owned()];
            Hunt { seed, by: [Detector::Watchdog].into(), reasons }
        }
        Back::Panicked => Hunt { reasons: vec!["the testbed itself panicked".to_owned()], ..Hunt::default() },
    }
}

/// What came of a hunt, in one line; if nothing came, with what was found instead.
fn line(options: &DoctorOptions, entry: &Entry, hunt: &Hunt, width: usize) -> String {
    let Entry { bug, by, scenario, seeds } = entry;
    let seeds = options.seeds.unwrap_or(*seeds);
    let took = hunt.seed.map(|seed| seed + 1);
    if options.json {
        let line = serde_json::json!({
            "line": "bug",
            "bug": bug.name(),
            "broken": bug.sentence(),
            "scenario": scenario,
            "expected": by.to_string(),
            "found": took.is_some(),
            "seeds": took,
            "of": seeds,
            "by": words(&hunt.by),
            "reasons": hunt.reasons,
        });
        return format!("{line}\n");
    }
    let name = bug.name();
    match took {
        Some(took) => {
            let took = format!("{took} of {seeds}");
            format!("{name:<width$}  {:<26}  {scenario:<28}  {took:>10}\n", by.to_string())
        }
        None => {
            let mut text = format!("{name:<width$}  {:<26}  {scenario:<28}  {seeds:>10}\n", "NOT FOUND");
            let _ = writeln!(text, "  {} The {by} should have found it.", bug.sentence());
            for reason in &hunt.reasons {
                let _ = writeln!(text, "  instead: {reason}");
            }
            text
        }
    }
}

fn words(by: &BTreeSet<Detector>) -> Vec<String> {
    by.iter().map(ToString::to_string).collect()
}

/// What the same seeds show without a bug.
#[derive(Default)]
struct Clean {
    runs: usize,
    worst: Option<Verdict>,
    reasons: Vec<String>,
}

/// Runs every scenario with the seeds that its bugs took, and no bug.
fn without_bugs(
    options: &DoctorOptions,
    entries: &[Entry],
    hunts: &[Hunt],
    library: &Library,
) -> Result<Clean, Problem> {
    let mut seeds: BTreeMap<&'static str, u64> = BTreeMap::new();
    for (entry, hunt) in entries.iter().zip(hunts) {
        let most = seeds.entry(entry.scenario).or_default();
        *most = (*most).max(hunt.seed.map_or(1, |seed| seed + 1));
    }
    let jobs: Vec<(&'static str, u64)> =
        seeds.into_iter().flat_map(|(scenario, most)| (0..most).map(move |seed| (scenario, seed))).collect();
    let mut clean = Clean { runs: jobs.len(), ..Clean::default() };
    let library = Arc::clone(library);
    let make = move |(scenario, seed): &(&str, u64)| {
        let outcome = without_bug(&library[*scenario], *seed);
        (outcome.verdict(), outcome.reasons())
    };
    pool::work(jobs.into_iter(), options.threads(), HUNT_MAX, make, |(scenario, seed), back| {
        let (verdict, reasons) = match back {
            Back::Done(done) => done,
            Back::Never => (Verdict::Hung, vec!["the run never came back".to_owned()]),
            Back::Panicked => (Verdict::Broken, vec!["the testbed itself panicked".to_owned()]),
        };
        clean.worst = clean.worst.max(Some(verdict));
        clean.reasons.extend(reasons.iter().map(|reason| format!("{scenario}, seed {seed}: {reason}")));
        Ok::<_, Problem>(ControlFlow::Continue(()))
    })?;
    Ok(clean)
}

/// Looks for each bug in every scenario, by whatever finds it: for who plants one.
fn everywhere(options: &DoctorOptions, bugs: &[Bug], library: &Library) -> Result<u8, Problem> {
    for bug in bugs {
        show(&format!("{bug}: {}\n", bug.sentence()))?;
        let seeds = options.seeds.unwrap_or(EVERYWHERE_SEEDS);
        let (shared, entry) = (Arc::clone(library), Entry::of(*bug));
        let make = move |scenario: &String| entry.hunt_by_all(&shared[scenario], seeds);
        let jobs: Vec<String> = library.keys().cloned().collect();
        pool::work(jobs.into_iter(), options.threads(), HUNT_MAX, make, |scenario, back| {
            let hunt = came_back(entry, back);
            let found = match hunt.seed {
                Some(seed) => format!("seed {seed}: {}", words(&hunt.by).join(", ")),
                None => "nothing".to_owned(),
            };
            show(&format!("  {scenario:<28}  {found}\n")).map(|()| ControlFlow::Continue(()))
        })?;
    }
    std::process::exit(0);
}

/// Seeds of each scenario in which a bug is looked for everywhere, unless more are asked for.
const EVERYWHERE_SEEDS: u64 = 3;
