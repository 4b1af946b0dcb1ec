//! Runs of scenarios, made side by side.

use std::ops::ControlFlow;
use std::rc::Rc;
use std::time::Duration;

use seaworthy_trial::explore::Mask;
use seaworthy_trial::report::RunReport;
use seaworthy_trial::run::{Outcome, Verdict, judge};
use seaworthy_trial::scenario::{BackendName, Plan, Scenario};

use crate::pool::{self, Back, Watch};

/// A run to be made.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) scenario: Scenario,
    pub(crate) seed: u64,
    pub(crate) on: BackendName,
    /// What is switched off.
    pub(crate) mask: Mask,
}

/// A run that was made.
pub(crate) struct Done {
    /// Position of its job.
    pub(crate) job: usize,
    pub(crate) report: RunReport,
    /// The resolved scenario, and what came out, unless the run never came back.
    pub(crate) evidence: Option<(Plan, Outcome)>,
}

/// Makes all runs with `threads` threads, and hands each to `finished` on this thread.
///
/// Gives false when one never came back: its thread is still busy, so the process should end.
///
/// # Errors
/// The first that `finished` returns; the others are not waited for.
pub(crate) fn run_all<E>(
    jobs: &[Job],
    threads: usize,
    wall: Duration,
    mut finished: impl FnMut(Done) -> Result<(), E>,
) -> Result<bool, E> {
    let limit = patience(wall);
    let jobs: Vec<(usize, Job)> = jobs.iter().cloned().enumerate().collect();
    let make = move |(job, work): &(usize, Job)| make(*job, work, wall);
    let lost = pool::work(jobs.into_iter(), threads, limit, make, |(job, work), back| {
        let (done, flow) = match back {
            Back::Done(done) => (done, ControlFlow::Continue(())),
            Back::Panicked => (broken(job, &work), ControlFlow::Continue(())),
            Back::Never => {
                let report = RunReport::hung(&work.scenario, work.seed, work.on, limit);
                (Done { job, report, evidence: None }, ControlFlow::Break(()))
            }
        };
        finished(done).map(|()| flow)
    })?;
    Ok(lost == 0)
}

/// How long to wait for a run. It gives up by itself at its limit, twice; only a task that never returns goes beyond.
pub(crate) fn patience(wall: Duration) -> Duration {
    wall * 2 + Duration::from_secs(10)
}

/// Makes one run, twice where it can be repeated, and judges it.
pub(crate) fn make(job: usize, Job { scenario, seed, on, mask }: &Job, wall: Duration) -> Done {
    let plan = Rc::new(mask.plan(scenario, *seed));
    let watch = Watch::start();
    let outcome = judge(&plan, *on, wall);
    let report = RunReport::new(&plan, *on, &outcome, watch.elapsed());
    let plan = Rc::try_unwrap(plan).unwrap_or_else(|shared| (*shared).clone());
    Done { job, report, evidence: Some((plan, outcome)) }
}

/// A run in which the testbed itself failed.
fn broken(job: usize, Job { scenario, seed, on, .. }: &Job) -> Done {
    let mut report = RunReport::hung(scenario, *seed, *on, Duration::ZERO);
    report.verdict = Verdict::Broken;
    report.reasons = vec!["the testbed itself panicked; its message is above".to_owned()];
    Done { job, report, evidence: None }
}
