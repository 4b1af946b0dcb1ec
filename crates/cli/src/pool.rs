//! Threads that work through a list of jobs, and a watchdog on the wall clock.
//!
//! Every job is a simulation of its own, so that neither the number of threads nor their order changes any of them.
//! A thread whose job never comes back cannot be stopped: it is left alone and another takes its place.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How many threads this machine runs at a time.
pub(crate) fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// How a job came back.
pub(crate) enum Back<R> {
    /// With a result.
    Done(R),
    /// Not at all, within the limit.
    Never,
    /// With a panic of the testbed itself.
    Panicked,
}

/// What the threads share.
struct Shared<J, M> {
    jobs: Mutex<Box<dyn Iterator<Item = J> + Send>>,
    make: M,
    /// The job of each thread that has one, and since when.
    running: Mutex<BTreeMap<u64, (J, Watch)>>,
    /// Nothing more is begun.
    stopped: AtomicBool,
}

enum News<J, R> {
    Back(J, Back<R>),
    /// A thread has ended.
    Ended,
}

/// Makes every job with `threads` threads, and hands each back on this thread. After a `Break` nothing more is begun,
/// and what is under way is waited for.
///
/// A job that takes longer than `limit` is handed back as one that never came. Gives how many these were: their
/// threads are still busy, so the process should end by `exit`.
///
/// # Errors
/// The first that `back` returns; the others are not waited for.
pub(crate) fn work<J, R, E>(
    jobs: impl Iterator<Item = J> + Send + 'static,
    threads: usize,
    limit: Duration,
    make: impl Fn(&J) -> R + Send + Sync + 'static,
    mut back: impl FnMut(J, Back<R>) -> Result<ControlFlow<()>, E>,
) -> Result<usize, E>
where
    J: Clone + Send + 'static,
    R: Send + 'static,
{
    let shared = Arc::new(Shared {
        jobs: Mutex::new(Box::new(jobs)),
        make,
        running: Mutex::default(),
        stopped: AtomicBool::new(false),
    });
    let (sender, receiver) = channel();
    let (mut thread, mut alive, mut lost) = (0, 0, 0);
    let mut hire = |alive: &mut usize| {
        thread += 1;
        *alive += 1;
        spawn(thread, Arc::clone(&shared), sender.clone());
    };
    for _ in 0..threads {
        hire(&mut alive);
    }
    while alive > 0 {
        let news = match receiver.recv_timeout(Duration::from_millis(250)) {
            Ok(News::Ended) => {
                alive -= 1;
                continue;
            }
            Ok(News::Back(job, how)) => Some((job, how)),
            Err(RecvTimeoutError::Timeout) => {
                let job = overdue(&shared.running, limit);
                if job.is_some() {
                    lost += 1;
                    alive -= 1;
                    if !shared.stopped.load(Ordering::Relaxed) {
                        hire(&mut alive);
                    }
                }
                job.map(|job| (job, Back::Never))
            }
            Err(RecvTimeoutError::Disconnected) => break,
        };
        if let Some((job, how)) = news
            && back(job, how)?.is_break()
        {
            shared.stopped.store(true, Ordering::Relaxed);
        }
    }
    Ok(lost)
}

fn spawn<J, R, M>(thread: u64, shared: Arc<Shared<J, M>>, sender: Sender<News<J, R>>)
where
    J: Clone + Send + 'static,
    R: Send + 'static,
    M: Fn(&J) -> R + Send + Sync + 'static,
{
    let labour = move || {
        while !shared.stopped.load(Ordering::Relaxed) {
            let Some(job) = lock(&shared.jobs).next() else { break };
            lock(&shared.running).insert(thread, (job.clone(), Watch::start()));
            let made = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| (shared.make)(&job)));
            if lock(&shared.running).remove(&thread).is_none() {
                // Given up long ago, and replaced.
                return;
            }
            let how = made.map_or(Back::Panicked, Back::Done);
            if sender.send(News::Back(job, how)).is_err() {
                return;
            }
        }
        let _ = sender.send(News::Ended);
    };
    #[allow(
        clippy::disallowed_methods,
        reason = "simulations are independent; nothing inside one sees threads"
    )]
    std::thread::spawn(labour);
}

/// Takes out a job that has been running for longer than `limit`.
fn overdue<J>(running: &Mutex<BTreeMap<u64, (J, Watch)>>, limit: Duration) -> Option<J> {
    let mut running = lock(running);
    let thread =
        running.iter().find(|(_, (_, watch))| watch.elapsed() >= limit).map(|(thread, _)| *thread)?;
    running.remove(&thread).map(|(job, _)| job)
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Real time: for people who wait, never for a simulation.
#[derive(Clone, Copy)]
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

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    /// For what comes back in any case, however busy the machine is.
    const PATIENT: Duration = Duration::from_secs(600);

    /// Works through `jobs` and gives what came back, in the order of the jobs, and how many never did.
    fn through(
        jobs: Vec<u32>,
        limit: Duration,
        make: fn(&u32) -> u32,
        stop_at: u32,
    ) -> (Vec<(u32, Option<u32>)>, usize) {
        let mut came = Vec::new();
        let lost = work(jobs.into_iter(), 2, limit, make, |job, how| {
            came.push((job, if let Back::Done(result) = how { Some(result) } else { None }));
            let flow = if job == stop_at { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
            Ok::<_, Infallible>(flow)
        });
        came.sort_unstable();
        (came, lost.unwrap_or_default())
    }

    #[test]
    fn every_job_comes_back_once() {
        let (came, lost) = through((0..100).collect(), PATIENT, |job| job * 2, u32::MAX);
        assert_eq!(came, (0..100).map(|job| (job, Some(job * 2))).collect::<Vec<_>>());
        assert_eq!(lost, 0);
    }

    #[test]
    fn a_job_that_never_comes_back_is_given_up_and_the_others_go_on() {
        let endless = |job: &u32| {
            while job.is_multiple_of(5) {
                std::thread::park();
            }
            *job
        };
        // Three of them: more than there are threads.
        let (came, lost) = through((0..15).collect(), Duration::from_secs(2), endless, u32::MAX);
        assert_eq!(came, (0..15).map(|job| (job, (job % 5 != 0).then_some(job))).collect::<Vec<_>>());
        assert_eq!(lost, 3);
    }

    #[test]
    fn a_panic_is_handed_back_and_the_others_go_on() {
        let (came, lost) = through((0..9).collect(), PATIENT, |job| 12 / (*job % 3), u32::MAX);
        let expected = |job: u32| (job, 12_u32.checked_div(job % 3));
        assert_eq!(came, (0..9).map(expected).collect::<Vec<_>>());
        assert_eq!(lost, 0);
    }

    #[test]
    fn after_a_stop_nothing_more_is_begun() {
        let (came, _) = through((0..100_000).collect(), PATIENT, |job| *job, 10);
        assert!(came.len() < 100_000, "{}", came.len());
    }
}
