//! The main job: runs scenarios and judges them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use seaworthy::Driver;
use seaworthy_sim::trace::columns;
use seaworthy_trial::explore::Mask;
use seaworthy_trial::report::{RunReport, Skipped, replay_file, table};
use seaworthy_trial::run::{Outcome, Verdict};
use seaworthy_trial::scenario::{BackendName, Plan, Scenario};

use crate::arguments::{RunOptions, Where};
use crate::github::{self, Sources};
use crate::invocation::program;
use crate::jobs::{Done, Job, run_all};
use crate::list::{check_real, load};
use crate::output::show;
use crate::pool::processors;
use crate::problem::Problem;
use crate::progress::{Progress, headline};
use crate::report::Report;

pub(crate) fn run(options: &RunOptions) -> Result<u8, Problem> {
    let found = match load(&options.paths) {
        Err(Problem::Scenarios(bad)) if options.github => {
            show(&github::of_bad_scenarios(&bad))?;
            return Err(Problem::Scenarios(bad));
        }
        found => found?,
    };
    let sources = options.github.then(|| Sources::new(&found));
    let names: Vec<String> = found.iter().map(|(_, scenario)| scenario.name.clone()).collect();
    let (scenarios, skipped) = possible(found, options)?;
    let backends = options.on.names();
    let jobs = jobs(&scenarios, &backends, options);
    if jobs.is_empty() {
        let why = match skipped.is_empty() {
            true => "there is nothing to run",
            false => {
                "the real network can make none of these scenarios; --skip-unsupported leaves out what it cannot make"
            }
        };
        return Err(Problem::Usage(why.to_owned()));
    }
    if options.on == Where::Real {
        name_driver()?;
    }
    let threads = options.jobs.map_or_else(|| default_jobs(options.on), usize::from).min(jobs.len());
    let wall = Duration::from_secs(options.wall);
    let mut page = match &options.html {
        Some(place) => Some(Report::new(place, jobs.len(), options.keep, wall)?),
        None => None,
    };
    let mut progress = Progress::new(jobs.len());
    let mut reports: Vec<Option<RunReport>> = vec![None; jobs.len()];
    let all_came_back = run_all(&jobs, threads, wall, |done| {
        let Done { job, mut report, evidence } = done;
        if let Some((plan, outcome)) = &evidence {
            if options.keep || report.verdict != Verdict::Passed {
                report.replay = Some(leave(&options.out, plan, outcome, report.on, &report)?);
            }
            if options.trace {
                show(&format!("{}\n{}\n", headline(&report), columns::render(&outcome.trace, options.wire)))?;
            }
        }
        if let Some(page) = &mut page {
            page.add(job, &report, evidence.as_ref())?;
        }
        progress.finished(&report);
        if options.json {
            show(&format!("{}\n", json(&report)?))?;
        }
        reports[job] = Some(report);
        Ok(())
    })?;
    progress.end();
    let page = page.map(|page| page.write(&program())).transpose()?;
    let reports: Vec<RunReport> = reports.into_iter().flatten().collect();
    if options.json {
        for skip in &skipped {
            show(&format!("{}\n", serde_json::json!(skip)))?;
        }
    } else {
        show(&failures(&reports))?;
        show(&table(&names, &backends, &reports, &skipped))?;
        if let Some(file) = page {
            show(&format!("report: {}\n", file.display()))?;
        }
    }
    if let Some(sources) = sources {
        let flags = flags(options);
        show(&sources.annotations(&reports, &flags))?;
        github::add_to_summary(&sources.summary(&reports, &skipped, &flags))?;
    }
    let worst = reports.iter().map(|report| report.verdict).max().unwrap_or(Verdict::Passed);
    if !all_came_back {
        // A thread that never returns would keep the process alive.
        std::process::exit(i32::from(worst.exit_code()));
    }
    Ok(worst.exit_code())
}

/// What a run was made with besides its network and its seed.
fn flags(options: &RunOptions) -> String {
    let flags = [(options.swarm, " --swarm"), (options.skip_unsupported, " --skip-unsupported")];
    flags.into_iter().filter_map(|(is_set, flag)| is_set.then_some(flag)).collect()
}

/// The scenarios that can run where they are to run, and those that cannot. A file that was named, not found in a
/// folder, has to.
fn possible(
    found: Vec<(PathBuf, Scenario)>,
    options: &RunOptions,
) -> Result<(Vec<Scenario>, Vec<Skipped>), Problem> {
    let (mut scenarios, mut skipped, mut refused) = (Vec::new(), Vec::new(), Vec::new());
    let all_go = options.skip_unsupported || options.on != Where::Real;
    for (file, scenario) in found {
        let obstacles = if all_go { Vec::new() } else { scenario.unsupported() };
        if obstacles.is_empty() {
            scenarios.push(scenario);
        } else if options.paths.contains(&file) {
            match check_real(&file, &scenario) {
                Err(Problem::Scenarios(bad)) => refused.extend(bad),
                other => other?,
            }
        } else {
            skipped.push(Skipped::new(&scenario, BackendName::Real, &obstacles));
        }
    }
    if refused.is_empty() { Ok((scenarios, skipped)) } else { Err(Problem::Scenarios(refused)) }
}

/// Says so if the real network is on epoll, and why. A driver that was asked for and cannot be had is an error.
fn name_driver() -> Result<(), Problem> {
    let runtime = seaworthy::runtime().map_err(|error| Problem::Machinery(error.to_string()))?;
    if Driver::from(runtime.driver_type()) == Driver::Epoll {
        match Driver::IoUring.runtime() {
            Err(reason) => eprintln!("on epoll: {reason}"),
            Ok(_) => eprintln!("on epoll"),
        }
    }
    Ok(())
}

/// A simulation keeps a processor busy; on the real network runs mostly wait.
fn default_jobs(on: Where) -> usize {
    if on == Where::Real { processors() * 4 } else { processors() }
}

/// Every scenario with every seed on every backend.
fn jobs(scenarios: &[Scenario], backends: &[BackendName], options: &RunOptions) -> Vec<Job> {
    let mut jobs = Vec::new();
    for scenario in scenarios {
        let own = options.seed.unwrap_or(scenario.seed);
        for &on in backends {
            let swarm = |seed| if options.swarm { Mask::of(scenario, seed) } else { Mask::none() };
            let mask = |seed| {
                if options.skip_unsupported {
                    swarm(seed).and_skip_unsupported(scenario)
                } else {
                    swarm(seed)
                }
            };
            let job = |seed| Job { scenario: scenario.clone(), seed, on, mask: mask(seed) };
            match &options.seeds {
                Some(seeds) => jobs.extend(seeds.clone().map(job)),
                None => jobs.push(job(own)),
            }
        }
    }
    jobs
}

/// Writes the resolved scenario and the trace of a run, and gives the path of the former.
fn leave(
    folder: &Path,
    plan: &Plan,
    outcome: &Outcome,
    on: BackendName,
    report: &RunReport,
) -> Result<String, Problem> {
    let write = |file: std::path::PathBuf, text: String| {
        std::fs::create_dir_all(folder)
            .and_then(|()| std::fs::write(&file, text))
            .map(|()| file.display().to_string())
            .map_err(|source| Problem::Write { file, source })
    };
    let stem = format!("{}-{on}-{}", report.scenario, report.seed);
    write(folder.join(format!("{stem}.jsonl")), outcome.trace.to_jsonl())?;
    write(folder.join(format!("{stem}.toml")), replay_file(plan, on, &report.reasons))
}

/// What failed and how to see it again: of each scenario on each backend the first in full, of the others the seeds.
pub(crate) fn failures(reports: &[RunReport]) -> String {
    let mut text = String::new();
    let failed: Vec<&RunReport> = reports.iter().filter(|report| report.verdict != Verdict::Passed).collect();
    for alike in failed.chunk_by(|one, next| (&one.scenario, one.on) == (&next.scenario, next.on)) {
        let (report, others) = (alike[0], &alike[1..]);
        let _ = writeln!(text, "{}", headline(report));
        for reason in &report.reasons {
            let _ = writeln!(text, "  {reason}");
        }
        if let Some(file) = &report.replay {
            let _ = writeln!(text, "  replay: {} replay {file}", program());
        }
        if !others.is_empty() {
            let seeds: Vec<_> = others.iter().take(SEEDS_SHOWN).map(|other| other.seed.to_string()).collect();
            let more = if others.len() > SEEDS_SHOWN { ", …" } else { "" };
            let _ = writeln!(text, "  and {} more: seeds {}{more}", others.len(), seeds.join(", "));
        }
        text.push('\n');
    }
    text
}

pub(crate) fn json(report: &RunReport) -> Result<String, Problem> {
    serde_json::to_string(report).map_err(|error| Problem::Machinery(error.to_string()))
}

/// Most seeds that are listed of one scenario's failures.
const SEEDS_SHOWN: usize = 20;
