//! Which two ends are those of one stream.
//!
//! The kernel does not say. A tcp stream is known by the address that its connecting end has; streams over ipc have none,
//! but a listener gets them in the order in which they connected.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use super::write_ledger::WriteLedger;
use seaworthy_engine::StreamId;

/// Both ends of all streams of a run.
#[derive(Debug, Default)]
pub(super) struct StreamPairing {
    /// Connecting ends that were not accepted yet, by what the accepting end will know of them.
    waiting: RefCell<BTreeMap<String, VecDeque<StreamId>>>,
    partners: RefCell<BTreeMap<StreamId, StreamId>>,
    /// What each end writes.
    ways: RefCell<BTreeMap<StreamId, Rc<WriteLedger>>>,
}

impl StreamPairing {
    /// A stream that connected: the accepting end will have `mark`, which only this stream has.
    pub(super) fn await_alone(&self, mark: String, stream: StreamId) {
        self.waiting.borrow_mut().insert(mark, VecDeque::from([stream]));
    }

    /// A stream that connected: the accepting end will have `mark`, and come after those that connected before.
    pub(super) fn await_in_turn(&self, mark: String, stream: StreamId) {
        self.waiting.borrow_mut().entry(mark).or_default().push_back(stream);
    }

    /// The connecting end of a stream that was accepted with `mark`.
    pub(super) fn partner(&self, mark: &str) -> Option<StreamId> {
        let mut waiting = self.waiting.borrow_mut();
        let queue = waiting.get_mut(mark)?;
        let first = queue.pop_front();
        if queue.is_empty() {
            waiting.remove(mark);
        }
        first
    }

    /// Forgets who waits with `mark`: whoever listened there is gone, and they with him.
    pub(super) fn clear(&self, mark: &str) {
        self.waiting.borrow_mut().remove(mark);
    }

    pub(super) fn join(&self, one: StreamId, other: StreamId) {
        self.partners.borrow_mut().extend([(one, other), (other, one)]);
    }

    /// Where what an end writes is kept count of.
    pub(super) fn way(&self, stream: StreamId) -> Rc<WriteLedger> {
        Rc::clone(self.ways.borrow_mut().entry(stream).or_default())
    }

    /// Who writes what an end reads.
    pub(super) fn writer(&self, reader: StreamId) -> Option<(StreamId, Rc<WriteLedger>)> {
        let writer = *self.partners.borrow().get(&reader)?;
        Some((writer, self.way(writer)))
    }
}
