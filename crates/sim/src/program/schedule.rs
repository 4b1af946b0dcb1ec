//! What is to happen at certain times of a simulation.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;

use seaworthy_core::Instant;

use seaworthy_engine::Control;

/// Something to do to a simulation.
pub(super) type Act = Box<dyn FnOnce(&Control)>;

/// Acts by their times; those of the same time happen in the order in which they were added.
#[derive(Default)]
pub(super) struct Schedule {
    acts: RefCell<BTreeMap<(Instant, u64), Act>>,
    added: Cell<u64>,
}

impl Schedule {
    pub(super) fn add(&self, at: Instant, act: Act) {
        let number = self.added.replace(self.added.get() + 1);
        self.acts.borrow_mut().insert((at, number), act);
    }

    /// The time of the next act.
    pub(super) fn next(&self) -> Option<Instant> {
        self.acts.borrow().keys().next().map(|(at, _)| *at)
    }

    /// The next act, if its time has come.
    pub(super) fn due(&self, now: Instant) -> Option<Act> {
        let mut acts = self.acts.borrow_mut();
        let first = acts.first_entry().filter(|entry| entry.key().0 <= now)?;
        Some(first.remove())
    }
}

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schedule").field("acts", &self.acts.borrow().len()).finish()
    }
}
