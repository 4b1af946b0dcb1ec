//! Checks of a program's own, which look at the finished trace.

use std::cell::RefCell;
use std::fmt;

use crate::trace::Trace;

/// Looks at a finished trace.
pub(super) type Check = Box<dyn FnOnce(&Trace) -> Result<(), String>>;

/// Checks that wait for the end of the run.
#[derive(Default)]
pub(super) struct Invariants(pub(super) RefCell<Vec<(&'static str, Check)>>);

impl fmt::Debug for Invariants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.0.borrow().iter().map(|(name, _)| *name).collect();
        f.debug_tuple("Invariants").field(&names).finish()
    }
}
