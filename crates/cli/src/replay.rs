//! Runs a resolved scenario again.

use std::time::Duration;

use seaworthy_sim::trace::columns;
use seaworthy_trial::explore::Mask;
use seaworthy_trial::report::table;
use seaworthy_trial::run::Verdict;
use seaworthy_trial::scenario::{BackendName, Scenario};

use crate::arguments::ReplayOptions;
use crate::jobs::{Job, run_all};
use crate::list::check_real;
use crate::output::show;
use crate::problem::Problem;
use crate::run::{failures, json};

pub(crate) fn replay(options: &ReplayOptions) -> Result<u8, Problem> {
    let scenario = Scenario::load(&options.file).map_err(|bad| Problem::Scenarios(vec![bad]))?;
    let backends = match options.on {
        Some(on) => on.names(),
        None => vec![scenario.on.unwrap_or(BackendName::Warp)],
    };
    if backends.contains(&BackendName::Real) {
        check_real(&options.file, &scenario)?;
    }
    let job = |on: &BackendName| {
        let mask = Mask::none();
        Job { scenario: scenario.clone(), seed: scenario.seed, on: *on, mask }
    };
    let jobs: Vec<Job> = backends.iter().map(job).collect();
    let mut reports = Vec::new();
    let all_came_back = run_all(&jobs, 1, Duration::from_secs(options.wall), |mut done| {
        if options.trace
            && let Some((_, outcome)) = &done.evidence
        {
            show(&columns::render(&outcome.trace, options.wire))?;
        }
        done.report.replay = Some(options.file.display().to_string());
        if options.json {
            show(&format!("{}\n", json(&done.report)?))?;
        }
        reports.push(done.report);
        Ok(())
    })?;
    if !options.json {
        show(&failures(&reports))?;
        show(&table(&[scenario.name], &backends, &reports, &[]))?;
    }
    let worst = reports.iter().map(|report| report.verdict).max().unwrap_or(Verdict::Passed);
    if !all_came_back {
        std::process::exit(i32::from(worst.exit_code()));
    }
    Ok(worst.exit_code())
}
