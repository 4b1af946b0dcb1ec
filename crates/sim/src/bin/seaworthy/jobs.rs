//! Runs many scenarios side by side: a thread for each processor, and a watchdog on the wall clock.
//!
//! Every run has its own simulation, so that neither the number of threads nor their order changes any of them.

use std::rc::Rc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use seaworthy_sim::Carrier;
use seaworthy_sim::report::RunReport;
use seaworthy_sim::run::{Outcome, Verdict, prove};
use seaworthy_sim::scenario::{CarrierName, Plan, Scenario};

/// A run to be made.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) scenario: Scenario,
    pub(crate) seed: u64,
    pub(crate) on: CarrierName,
}

/// A run that was made.
pub(crate) struct Done {
    /// Position of its job.
    pub(crate) job: usize,
    pub(crate) report: RunReport,
    /// The resolved scenario, and what came out, unless the run never came back.
    pub(crate) evidence: Option<(Plan, Outcome)>,
}

/// The job that a thread is busy with, and since when.
type Running = Mutex<Option<(usize, Watch)>>;

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
    let jobs: std::sync::Arc<[Job]> = jobs.into();
    let next = std::sync::Arc::new(AtomicUsize::new(0));
    let running: std::sync::Arc<Vec<Running>> =
        std::sync::Arc::new((0..threads).map(|_| Mutex::new(None)).collect());
    let (sender, receiver) = channel();
    for thread in 0..threads {
        let (jobs, next, running, sender) = (jobs.clone(), next.clone(), running.clone(), sender.clone());
        let work = move || {
            loop {
                let job = next.fetch_add(1, Ordering::Relaxed);
                let Some(work) = jobs.get(job) else { return };
                note(&running[thread], Some((job, Watch::start())));
                let done =
                    std::panic::catch_unwind(|| make(job, work, wall)).unwrap_or_else(|_| broken(job, work));
                note(&running[thread], None);
                if sender.send(done).is_err() {
                    return;
                }
            }
        };
        #[allow(
            clippy::disallowed_methods,
            reason = "simulations are independent; nothing inside one sees threads"
        )]
        std::thread::spawn(work);
    }
    drop(sender);
    // A run gives up by itself at its limit, twice; only a task that never returns goes beyond.
    let limit = wall * 2 + Duration::from_secs(10);
    let mut waiting = jobs.len();
    while waiting > 0 {
        match receiver.recv_timeout(Duration::from_secs(1)) {
            Ok(done) => {
                waiting -= 1;
                finished(done)?;
            }
            Err(RecvTimeoutError::Timeout) => {
                if let Some(job) = overdue(&running, limit) {
                    let Job { scenario, seed, on } = &jobs[job];
                    let report = RunReport::hung(scenario, *seed, *on, limit);
                    finished(Done { job, report, evidence: None })?;
                    return Ok(false);
                }
            }
            Err(RecvTimeoutError::Disconnected) => return Ok(true),
        }
    }
    Ok(true)
}

/// Makes one run, twice, and judges it.
pub(crate) fn make(job: usize, Job { scenario, seed, on }: &Job, wall: Duration) -> Done {
    let plan = Rc::new(Plan::new(scenario, *seed));
    let carrier = match on {
        CarrierName::Turmoil => Carrier::Turmoil,
        CarrierName::Warp => Carrier::Warp,
    };
    let watch = Watch::start();
    let outcome = prove(&plan, carrier, wall);
    let report = RunReport::new(&plan, *on, &outcome, watch.elapsed());
    let plan = Rc::try_unwrap(plan).unwrap_or_else(|shared| (*shared).clone());
    Done { job, report, evidence: Some((plan, outcome)) }
}

/// A run in which the testbed itself failed.
fn broken(job: usize, Job { scenario, seed, on }: &Job) -> Done {
    let mut report = RunReport::hung(scenario, *seed, *on, Duration::ZERO);
    report.verdict = Verdict::Broken;
    report.reasons = vec!["the testbed itself panicked; its message is above".to_owned()];
    Done { job, report, evidence: None }
}

fn note(running: &Running, what: Option<(usize, Watch)>) {
    *running.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = what;
}

/// A job that has been running for longer than `limit`.
fn overdue(running: &[Running], limit: Duration) -> Option<usize> {
    running.iter().find_map(|running| {
        let running = running.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        running.as_ref().filter(|(_, watch)| watch.elapsed() >= limit).map(|(job, _)| *job)
    })
}

/// Real time: for people who wait, never for a simulation.
#[allow(clippy::disallowed_types, reason = "what people wait for is measured in real time")]
pub(crate) struct Watch(std::time::Instant);

impl Watch {
    #[allow(
        clippy::disallowed_types,
        clippy::disallowed_methods,
        reason = "what people wait for is real time"
    )]
    pub(crate) fn start() -> Self {
        Self(std::time::Instant::now())
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
