//! Which peers became ready, and which tasks wait for one.

use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

use crate::peers::PeerId;

/// Peers that became ready, and the tasks that wait for one.
#[derive(Debug, Default)]
pub(crate) struct Ready {
    /// Whether the list has anything, so that looking costs no lock.
    any: AtomicBool,
    peers: Mutex<Vec<PeerId>>,
    tasks: Mutex<Tasks>,
}

#[derive(Debug, Default)]
struct Tasks {
    /// By the number of their place.
    waiting: Vec<(u64, Waker)>,
    /// Places given out so far.
    places: u64,
}

impl Ready {
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
    pub(crate) fn notice(self: &Arc<Self>, id: PeerId) -> Waker {
        Waker::from(Arc::new(Notice { ready: Arc::clone(self), id }))
    }

    pub(crate) fn add(&self, id: PeerId) {
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        peers.push(id);
        self.any.store(true, Ordering::Release);
        drop(peers);
        self.wake();
    }

    /// Wakes every waiting task.
    pub(crate) fn wake(&self) {
        let waiting = mem::take(&mut self.tasks().waiting);
        waiting.into_iter().for_each(|(_, task)| task.wake());
    }

    fn tasks(&self) -> MutexGuard<'_, Tasks> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place among the tasks that wait. Dropping it leaves nothing of its task behind.
#[derive(Debug)]
pub(crate) struct Place {
    ready: Arc<Ready>,
    /// Given at the first wait.
    number: Option<u64>,
}

impl Place {
    pub(crate) const fn new(ready: Arc<Ready>) -> Self {
        Self { ready, number: None }
    }

    /// Wakes the task at the next change; the last task that asked is the one. The caller must look once more
    /// before it sleeps.
    pub(crate) fn wait(&mut self, task: &Waker) {
        let mut tasks = self.ready.tasks();
        let number = *self.number.get_or_insert_with(|| {
            tasks.places += 1;
            tasks.places
        });
        match tasks.waiting.iter_mut().find(|(place, _)| *place == number) {
            Some((_, known)) => known.clone_from(task),
            None => tasks.waiting.push((number, task.clone())),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.ready.tasks().waiting.retain(|(place, _)| *place != number);
        }
    }
}

/// What a pipe wakes: puts its peer on a list.
#[derive(Debug)]
struct Notice {
    ready: Arc<Ready>,
    id: PeerId,
}

impl Wake for Notice {
    fn wake(self: Arc<Self>) {
        self.ready.add(self.id);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ready.add(self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(ready: &Ready) -> usize {
        ready.tasks().waiting.len()
    }

    #[test]
    fn a_place_that_is_gone_leaves_nothing_behind() {
        let ready = Arc::<Ready>::default();
        let mut lasting = Place::new(Arc::clone(&ready));
        lasting.wait(Waker::noop());
        for _ in 0..100 {
            let mut passing = Place::new(Arc::clone(&ready));
            passing.wait(Waker::noop());
            passing.wait(Waker::noop());
            assert_eq!(waiting(&ready), 2);
        }
        assert_eq!(waiting(&ready), 1);
        ready.wake();
        assert_eq!(waiting(&ready), 0);
    }
}
