//! How other threads wake the tasks of one.
//!
//! An executor's own way to be woken from another thread may wait: compio's has a queue of bounded size, and who finds
//! it full spins until that thread has run. Two threads that wake many tasks of each other would wait for each other,
//! and a `send` would take as long as its receiver is busy. So exactly one task of a thread is woken from outside, its
//! doorbell, and by means that never wait; it wakes the others.
//!
//! ```text
//!   another thread                           this thread
//!   ──────────────                           ───────────
//!   post: into the mailbox ─────────────▶    the doorbell's task wakes up,
//!         ring, unless it has rung           empties the mailbox, wakes what was in it
//! ```

use std::fmt;
use std::mem;
use std::task::{Wake, Waker};

use crate::sync::{AtomicBool, Mutex, Ordering, ThreadNumber};

/// What gets the attention of a doorbell's task, from any thread.
pub trait Ring: Send + Sync + 'static {
    /// Sees to it that the task calls [`answer`](Doorbell::answer). Must not wait for anything.
    fn ring(&self);
}

/// The door at which other threads ring for the tasks of this one. See the module.
pub struct Doorbell {
    thread: ThreadNumber,
    mailbox: Mutex<Mailbox>,
    ring: Box<dyn Ring>,
}

#[derive(Default)]
struct Mailbox {
    /// Whom to wake. Those who post see to it that nobody is here twice.
    wakers: Vec<Waker>,
    /// The bell has rung, and was not answered yet.
    rung: bool,
    /// Nobody will answer any more.
    ended: bool,
}

impl Doorbell {
    /// The doorbell of this thread.
    pub fn new(ring: impl Ring) -> Self {
        Self { thread: ThreadNumber::here(), mailbox: Mutex::default(), ring: Box::new(ring) }
    }

    /// True on the thread whose doorbell it is.
    pub fn is_here(&self) -> bool {
        self.thread == ThreadNumber::here()
    }

    /// Has a waker of this doorbell's thread woken there. Never waits for that thread; a thread that has ended wakes
    /// nobody.
    pub fn post(&self, waker: Waker) {
        let mut mailbox = self.lock();
        if mailbox.ended {
            drop(mailbox);
            return;
        }
        mailbox.wakers.push(waker);
        let silent = !mem::replace(&mut mailbox.rung, true);
        drop(mailbox);
        if silent {
            self.ring.ring();
        }
    }

    /// Wakes a task of this doorbell's thread: at once if this is that thread.
    pub fn wake(&self, task: Waker) {
        if self.is_here() { task.wake() } else { self.post(task) }
    }

    /// Wakes everybody who was posted. For the doorbell's task, after the bell has rung.
    pub fn answer(&self) {
        let mut mailbox = self.lock();
        mailbox.rung = false;
        let wakers = mem::take(&mut mailbox.wakers);
        drop(mailbox);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Says that nobody will answer any more: the thread's tasks are gone.
    pub fn end(&self) {
        let mut mailbox = self.lock();
        mailbox.ended = true;
        let wakers = mem::take(&mut mailbox.wakers);
        drop(mailbox);
        drop(wakers);
    }

    #[cfg(not(loom))]
    fn lock(&self) -> std::sync::MutexGuard<'_, Mailbox> {
        self.mailbox.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    #[cfg(loom)]
    fn lock(&self) -> loom::sync::MutexGuard<'_, Mailbox> {
        self.mailbox.lock().unwrap()
    }
}

/// A task of one thread, as other threads wake it: by its doorbell.
struct Visitor {
    doorbell: std::sync::Arc<Doorbell>,
    task: Waker,
    posted: AtomicBool,
}

/// A waker for a task of this thread that other threads may call without waiting for it. The task's own where there
/// are no other threads.
pub fn waker_for_others(doorbell: Option<&std::sync::Arc<Doorbell>>, task: &Waker) -> Waker {
    match doorbell {
        Some(doorbell) => Waker::from(std::sync::Arc::new(Visitor {
            doorbell: std::sync::Arc::clone(doorbell),
            task: task.clone(),
            posted: AtomicBool::new(false),
        })),
        None => task.clone(),
    }
}

impl Wake for Visitor {
    fn wake(self: std::sync::Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &std::sync::Arc<Self>) {
        if self.doorbell.is_here() {
            self.posted.store(false, Ordering::Release);
            self.task.wake_by_ref();
        } else if !self.posted.swap(true, Ordering::AcqRel) {
            self.doorbell.post(Waker::from(std::sync::Arc::clone(self)));
        }
    }
}

impl fmt::Debug for Doorbell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Doorbell").field("thread", &self.thread).finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Ring for Arc<Count> {
        fn ring(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    impl Count {
        fn count(&self) -> usize {
            self.0.load(Ordering::Relaxed)
        }
    }

    /// Runs something on another thread, to its end.
    #[expect(clippy::disallowed_methods, reason = "what other threads do is what is tested")]
    fn elsewhere(act: impl FnOnce() + Send + 'static) {
        std::thread::spawn(act).join().unwrap();
    }

    #[test]
    fn who_is_busy_is_rung_for_once_and_wakes_all_when_it_answers() {
        let (rings, woken) = (Arc::<Count>::default(), Arc::<Count>::default());
        let doorbell = Arc::new(Doorbell::new(Arc::clone(&rings)));
        for _ in 0..2 {
            let (bell, waker) = (Arc::clone(&doorbell), Waker::from(Arc::clone(&woken)));
            let before = (rings.count(), woken.count());
            elsewhere(move || (0..1000).for_each(|_| bell.wake(waker.clone())));
            assert_eq!((rings.count(), woken.count()), (before.0 + 1, before.1));
            doorbell.answer();
            assert_eq!(woken.count(), before.1 + 1000);
        }
    }

    #[test]
    fn at_home_a_task_is_woken_at_once() {
        let (rings, woken) = (Arc::<Count>::default(), Arc::<Count>::default());
        let doorbell = Arc::new(Doorbell::new(Arc::clone(&rings)));
        waker_for_others(Some(&doorbell), &Waker::from(Arc::clone(&woken))).wake();
        assert_eq!((rings.count(), woken.count()), (0, 1));
    }

    #[test]
    fn a_task_that_is_woken_often_is_in_the_mailbox_once() {
        let woken = Arc::<Count>::default();
        let doorbell = Arc::new(Doorbell::new(Arc::<Count>::default()));
        let waker = waker_for_others(Some(&doorbell), &Waker::from(Arc::clone(&woken)));
        for round in 1..=2 {
            let waker = waker.clone();
            elsewhere(move || (0..1000).for_each(|_| waker.wake_by_ref()));
            doorbell.answer();
            assert_eq!(woken.count(), round);
        }
    }

    #[test]
    fn a_thread_that_ended_keeps_nothing_and_is_not_rung_for() {
        let (rings, woken) = (Arc::<Count>::default(), Arc::<Count>::default());
        let doorbell = Arc::new(Doorbell::new(Arc::clone(&rings)));
        let waker = waker_for_others(Some(&doorbell), &Waker::from(Arc::clone(&woken)));
        let early = waker.clone();
        elsewhere(move || early.wake());
        doorbell.end();
        elsewhere(move || waker.wake());
        assert_eq!((rings.count(), woken.count()), (1, 0));
        assert_eq!(Arc::strong_count(&woken), 1, "no waker is left behind");
    }
}
