//! Seeds played by several threads.

use std::any::Any;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use tracing::dispatcher::{self, Dispatch};

/// Seeds, and how many threads play them.
pub(super) struct Sweep {
    pub(super) seeds: Range<u64>,
    pub(super) jobs: NonZeroUsize,
}

impl Sweep {
    /// Plays one seed after the other until one is a `Hit`, and returns what `report` makes of the lowest that is:
    /// the same one however many threads there are. A hit is reported in the thread that found it.
    ///
    /// # Panics
    /// When `play` or `report` does.
    pub(super) fn first<Hit, Report: Send>(
        self,
        play: impl Fn(u64) -> Option<Hit> + Sync,
        report: impl Fn(Hit) -> Report + Sync,
    ) -> Option<Report> {
        let Self { mut seeds, jobs } = self;
        let jobs =
            jobs.get().min(usize::try_from(seeds.end.saturating_sub(seeds.start)).unwrap_or(usize::MAX));
        if jobs <= 1 {
            return seeds.find_map(play).map(report);
        }
        let next = AtomicU64::new(seeds.start);
        let lowest = AtomicU64::new(u64::MAX);
        let all_looked = Barrier::new(jobs);
        let subscriber = dispatcher::get_default(Dispatch::clone);
        let look = || {
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= seeds.end || seed > lowest.load(Ordering::Relaxed) {
                    return None;
                }
                if let Some(hit) = play(seed) {
                    lowest.fetch_min(seed, Ordering::Relaxed);
                    return Some((seed, hit));
                }
            }
        };
        let work = || {
            let looked = catch_unwind(AssertUnwindSafe(look));
            if looked.is_err() {
                lowest.store(0, Ordering::Relaxed);
            }
            // Only then is it known which hit is the lowest.
            all_looked.wait();
            match looked {
                Ok(Some((seed, hit))) if seed == lowest.load(Ordering::Relaxed) => Some(report(hit)),
                Ok(_) => None,
                Err(panic) => resume_unwind(panic),
            }
        };
        let in_a_thread = || dispatcher::with_default(&subscriber, work);
        let outcomes: Vec<Result<_, Box<dyn Any + Send>>> = thread::scope(|scope| {
            let threads: Vec<_> = (0..jobs).map(|_| scope.spawn(in_a_thread)).collect();
            threads.into_iter().map(thread::ScopedJoinHandle::join).collect()
        });
        let mut found = None;
        for outcome in outcomes {
            match outcome {
                Ok(report) => found = found.or(report),
                Err(panic) => resume_unwind(panic),
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(seeds: Range<u64>, jobs: usize, is_hit: impl Fn(u64) -> bool + Sync) -> Option<u64> {
        let jobs = NonZeroUsize::new(jobs).unwrap();
        Sweep { seeds, jobs }.first(|seed| is_hit(seed).then_some(seed), |seed| seed)
    }

    #[test]
    fn the_lowest_hit_is_reported_however_many_threads_look_and_whichever_is_first() {
        for jobs in [1, 2, 3, 8] {
            assert_eq!(first(0..100, jobs, |_| false), None);
            assert_eq!(first(0..100, jobs, |seed| seed == 99), Some(99));
            assert_eq!(first(5..5, jobs, |_| true), None);
        }
        // The lower hit is the later one: it waits for the higher.
        let higher = Barrier::new(2);
        let found = first(0..2, 2, |_| {
            higher.wait();
            true
        });
        assert_eq!(found, Some(0));
    }

    #[test]
    fn several_threads_play_at_a_time() {
        let both = Barrier::new(2);
        let neither = |_| {
            both.wait();
            false
        };
        assert_eq!(first(0..2, 2, neither), None);
    }

    #[test]
    fn a_panic_of_a_thread_is_the_callers() {
        let panic =
            catch_unwind(|| first(0..100, 4, |seed| if seed == 7 { panic!("as planned") } else { false }));
        assert_eq!(panic.unwrap_err().downcast_ref::<&str>(), Some(&"as planned"));
    }
}
