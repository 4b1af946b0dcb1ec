//! Which peers became ready, and which tasks wait for one.

use std::collections::BTreeMap;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Wake, Waker};

use seaworthy_core::Doorbell;

use crate::peer_id::PeerId;

/// Peers that became ready, and the tasks that wait for one.
///
/// A peer on another thread puts itself on the list from there, so that the next look sees it. The tasks are
/// woken on their own thread only.
#[derive(Debug, Default)]
pub(crate) struct ReadySet {
    /// Whether the list has anything, so that looking costs no lock.
    any: AtomicBool,
    peers: Mutex<Vec<PeerId>>,
    tasks: Mutex<Tasks>,
    /// By what other threads have the tasks woken. Set before a peer is on another thread.
    doorbell: OnceLock<Arc<Doorbell>>,
    /// It lies in the doorbell's mailbox.
    posted: AtomicBool,
}

#[derive(Debug, Default)]
struct Tasks {
    /// By number, hence in the order in which they began to wait.
    waiting: BTreeMap<u64, Waker>,
    /// Numbers given out so far.
    numbers: u64,
}

impl ReadySet {
    /// True when a peer became ready.
    pub(crate) fn any(&self) -> bool {
        self.any.load(Ordering::Acquire)
    }

    /// Moves the peers that became ready to `active`.
    #[inline]
    pub(crate) fn drain(&self, active: &mut impl Extend<PeerId>) {
        if self.any() {
            self.drain_some(active);
        }
    }

    #[cold]
    fn drain_some(&self, active: &mut impl Extend<PeerId>) {
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        self.any.store(false, Ordering::Relaxed);
        active.extend(peers.drain(..));
    }

    /// Forgets which peers became ready, for policies that look at each peer when they need it.
    pub(crate) fn clear(&self) {
        if self.any.swap(false, Ordering::AcqRel) {
            self.peers.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
    }

    /// A waker that puts the peer on the list.
    pub(crate) fn peer_waker(self: &Arc<Self>, id: PeerId) -> Waker {
        Waker::from(Arc::new(PeerWaker { set: Arc::clone(self), id }))
    }

    /// Tasks that wait are on the thread of this doorbell.
    pub(crate) fn set_doorbell(&self, doorbell: Arc<Doorbell>) {
        // A socket stays in its runtime, which has one.
        let _ = self.doorbell.set(doorbell);
    }

    pub(crate) fn add(self: &Arc<Self>, id: PeerId) {
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        peers.push(id);
        self.any.store(true, Ordering::Release);
        drop(peers);
        self.wake_tasks();
    }

    /// Wakes every waiting task, at once if they are on this thread.
    pub(crate) fn wake_tasks(self: &Arc<Self>) {
        match self.doorbell.get() {
            Some(doorbell) if !doorbell.is_here() => self.wake_elsewhere(doorbell),
            _ => self.wake_here(),
        }
    }

    fn wake_here(&self) {
        let waiting = mem::take(&mut self.tasks().waiting);
        waiting.into_values().for_each(Waker::wake);
    }

    #[cold]
    fn wake_elsewhere(self: &Arc<Self>, doorbell: &Doorbell) {
        // A task that comes later looks once more before it sleeps.
        if !self.tasks().waiting.is_empty() && !self.posted.swap(true, Ordering::AcqRel) {
            doorbell.post(Waker::from(Arc::clone(self)));
        }
    }

    fn tasks(&self) -> MutexGuard<'_, Tasks> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// As it lies in a mailbox.
impl Wake for ReadySet {
    fn wake(self: Arc<Self>) {
        self.posted.store(false, Ordering::Release);
        self.wake_here();
    }
}

/// Registers a task that waits. Dropping it leaves nothing of its task behind.
#[derive(Debug)]
pub(crate) struct Waiter {
    set: Arc<ReadySet>,
    /// Given when its task began to wait; none is given twice.
    number: Option<u64>,
}

impl Waiter {
    pub(crate) const fn new(set: Arc<ReadySet>) -> Self {
        Self { set, number: None }
    }

    /// Wakes the task at the next change; the last task that asked is the one. The caller must look once more
    /// before it sleeps.
    pub(crate) fn wait(&mut self, task: &Waker) {
        let mut tasks = self.set.tasks();
        if let Some(number) = self.number
            && let Some(known) = tasks.waiting.get_mut(&number)
        {
            known.clone_from(task);
            return;
        }
        tasks.numbers += 1;
        let number = tasks.numbers;
        tasks.waiting.insert(number, task.clone());
        self.number = Some(number);
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.set.tasks().waiting.remove(&number);
        }
    }
}

/// What a pipe wakes: puts its peer on a list.
#[derive(Debug)]
struct PeerWaker {
    set: Arc<ReadySet>,
    id: PeerId,
}

impl Wake for PeerWaker {
    fn wake(self: Arc<Self>) {
        self.set.add(self.id);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.set.add(self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(set: &ReadySet) -> usize {
        set.tasks().waiting.len()
    }

    #[derive(Default)]
    struct Turns(Mutex<Vec<usize>>);

    struct Task(usize, Arc<Turns>);

    impl Wake for Task {
        fn wake(self: Arc<Self>) {
            self.1.0.lock().unwrap().push(self.0);
        }
    }

    #[test]
    fn tasks_are_woken_in_the_order_in_which_they_began_to_wait() {
        let (set, turns) = (Arc::<ReadySet>::default(), Arc::<Turns>::default());
        let mut waiters: Vec<_> = (0..1000).map(|_| Waiter::new(Arc::clone(&set))).collect();
        let wait = |waiters: &mut Vec<Waiter>, number: usize| {
            waiters[number].wait(&Waker::from(Arc::new(Task(number, Arc::clone(&turns)))));
        };
        (0..1000).for_each(|number| wait(&mut waiters, number));
        // Asking again changes nothing.
        wait(&mut waiters, 3);
        set.wake_tasks();
        assert_eq!(std::mem::take(&mut *turns.0.lock().unwrap()), (0..1000).collect::<Vec<_>>());
        [7, 5, 900, 1].into_iter().for_each(|number| wait(&mut waiters, number));
        waiters.remove(5);
        set.wake_tasks();
        assert_eq!(*turns.0.lock().unwrap(), [7, 900, 1]);
    }

    #[test]
    fn a_place_that_is_gone_leaves_nothing_behind() {
        let set = Arc::<ReadySet>::default();
        let mut lasting = Waiter::new(Arc::clone(&set));
        lasting.wait(Waker::noop());
        for _ in 0..100 {
            let mut passing = Waiter::new(Arc::clone(&set));
            passing.wait(Waker::noop());
            passing.wait(Waker::noop());
            assert_eq!(waiting(&set), 2);
        }
        assert_eq!(waiting(&set), 1);
        set.wake_tasks();
        assert_eq!(waiting(&set), 0);
    }
}
