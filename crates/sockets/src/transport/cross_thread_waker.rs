//! A task's waker, as other threads may use it.

use std::sync::Arc;
use std::task::Waker;

use seaworthy_core::{Doorbell, waker_for_others};

/// Makes wakers that ring at the doorbell of the task's thread, where memory is shared with other threads. Keeps the last
/// one, since making it allocates.
#[derive(Default)]
pub(super) struct CrossThreadWaker {
    doorbell: Option<Arc<Doorbell>>,
    /// The task's own waker, and the one made of it.
    made: Option<(Waker, Waker)>,
}

impl CrossThreadWaker {
    /// The task runs where this doorbell is. `None`: only its own thread wakes it.
    pub(super) fn set_doorbell(&mut self, doorbell: Option<Arc<Doorbell>>) {
        self.doorbell = doorbell;
        self.made = None;
    }

    /// The waker to hand out for `task`.
    pub(super) fn get<'w>(&'w mut self, task: &'w Waker) -> &'w Waker {
        let Some(doorbell) = &self.doorbell else { return task };
        if self.made.as_ref().is_none_or(|(known, _)| !known.will_wake(task)) {
            self.made = Some((task.clone(), waker_for_others(Some(doorbell), task)));
        }
        self.made.as_ref().map_or(task, |(_, made)| made)
    }
}
