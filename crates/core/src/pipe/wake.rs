//! A wake-up that cannot be lost.

use std::task::Waker;

use crate::sync::{AtomicBool, Mutex, Ordering, RelaxedCounter, fence};

/// Where one task waits for the other side of a pipe.
///
/// The sleeper announces itself, *then* looks once more at what it waits for; the other side changes that, *then*
/// looks for a sleeper. The two fences make sure that at least one of them sees the other.
///
/// A waker of a task of another thread has to be one that does not wait for that thread: see
/// [`Doorbell`](crate::Doorbell).
#[derive(Debug)]
pub(crate) struct Wake {
    sleeping: AtomicBool,
    waker: Mutex<Option<Waker>>,
    /// Not zero: both sides are on one thread, which sees its own writes in order, so that no fence is needed.
    local: RelaxedCounter,
}

impl Wake {
    pub(crate) fn new(local: bool) -> Self {
        Self {
            sleeping: AtomicBool::new(false),
            waker: Mutex::new(None),
            local: RelaxedCounter::new(local.into()),
        }
    }

    #[inline(always)]
    pub(crate) fn is_local(&self) -> bool {
        self.local.get() != 0
    }

    /// Both sides are on this thread, and will be.
    pub(crate) fn stay_local(&self) {
        self.local.set(1);
    }

    #[inline(always)]
    fn fence(&self) {
        if !self.is_local() {
            fence(Ordering::SeqCst);
        }
    }

    /// Announces a sleeper. The caller must look again at what it waits for before it sleeps.
    pub(crate) fn sleep(&self, waker: &Waker) {
        {
            let mut place = self.lock();
            match &*place {
                Some(known) if known.will_wake(waker) => {}
                _ => *place = Some(waker.clone()),
            }
        }
        self.set_sleeping(true);
        self.fence();
    }

    /// By exchanges only where both threads change it, which keeps the changes in one order.
    #[inline]
    fn set_sleeping(&self, sleeping: bool) {
        if self.is_local() {
            self.sleeping.store(sleeping, Ordering::Relaxed);
        } else {
            self.sleeping.swap(sleeping, Ordering::AcqRel);
        }
    }

    /// Says that there is no sleeper, after [`sleep`](Self::sleep) and a look that showed what it would have waited for.
    pub(crate) fn rise(&self) {
        self.set_sleeping(false);
    }

    /// Whether there is a sleeper, as far as this thread sees.
    #[inline(always)]
    pub(crate) fn is_asleep(&self) -> bool {
        self.sleeping.load(Ordering::Relaxed)
    }

    /// Wakes the sleeper if there is one. Call it after the change that it waits for.
    #[inline]
    pub(crate) fn wake(&self) {
        self.fence();
        if self.sleeping.load(Ordering::Relaxed) {
            self.wake_sleeper();
        }
    }

    #[cold]
    fn wake_sleeper(&self) {
        if self.sleeping.swap(false, Ordering::AcqRel) {
            let waker = self.lock().clone();
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }

    #[cfg(not(loom))]
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Waker>> {
        self.waker.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    #[cfg(loom)]
    fn lock(&self) -> loom::sync::MutexGuard<'_, Option<Waker>> {
        self.waker.lock().unwrap()
    }
}
