//! The record of a simulation of somebody's programs: its trace, and what they write into it.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

use seaworthy_core::Instant;
use seaworthy_engine::Note;

use super::event::EventKind;
use super::name::Name;
use super::recorder::Recorder;

/// The names of hosts in the order in which they were added. Cloning it gives the same list.
pub(crate) type HostNames = Rc<RefCell<Vec<Name>>>;

/// What a simulation writes down. Cloning it gives the same log.
#[derive(Clone, Default)]
pub(crate) struct Log {
    pub(crate) recorder: Recorder,
    pub(crate) hosts: HostNames,
    /// While a storm acts, which tells of its faults itself.
    pub(crate) in_storm: Rc<Cell<bool>>,
}

impl Log {
    pub(crate) fn name(&self, host: usize) -> Option<Name> {
        self.hosts.borrow().get(host).cloned()
    }

    pub(crate) fn note(&self, now: Instant, host: Option<usize>, note: Note) {
        let host = host.and_then(|host| self.name(host));
        self.recorder.push(now, host.as_ref(), None, EventKind::Note(note));
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").field("recorder", &self.recorder).finish_non_exhaustive()
    }
}
