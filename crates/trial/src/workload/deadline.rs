//! When an operation is dropped before it is complete.

use std::time::Duration;

use seaworthy_engine::SeededRng;
use seaworthy_sim::script::draw::Series;
use seaworthy_sim::script::quantity::{Count, Span};
use seaworthy_sim::script::{Cancel, CancelOperation};

/// When an operation is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deadline {
    /// Once it was polled so often.
    Polls(u64),
    /// Once it took so long.
    Time(Duration),
}

/// The cancellations of one kind of operation on one socket.
#[derive(Debug)]
pub(super) struct Cancelling {
    rng: SeededRng,
    /// How many operations were concerned.
    concerned: u64,
}

impl Cancelling {
    pub(super) fn new(seed: u64, socket: &str, operation: CancelOperation) -> Self {
        Self { rng: SeededRng::new(seed, &format!("cancel {operation} {socket}")), concerned: 0 }
    }

    /// When the next operation is dropped, if these faults concern it.
    pub(super) fn draw(&mut self, faults: &[Cancel], operation: CancelOperation) -> Option<Deadline> {
        // One draw for each operation, whatever the faults are: one does not move the draws of another.
        let fraction = self.rng.fraction();
        let concerned = |cancel: &&Cancel| {
            cancel.operation.is_none_or(|only| only == operation)
                && fraction < cancel.chance.map_or(1.0, |chance| chance.value().0)
        };
        let cancel = faults.iter().find(concerned)?;
        let turn = self.concerned;
        self.concerned += 1;
        let polls = cancel.polls.as_ref().map(|polls: &Series<Count>| Deadline::Polls(polls.turn(turn).0));
        polls.or_else(|| cancel.after.as_ref().map(|after: &Series<Span>| Deadline::Time(after.turn(turn).0)))
    }
}
