//! The connections of a bound endpoint: those whose handshake is not complete, and how many are.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// Connections of one endpoint whose handshake is not complete. When another one comes, the eldest of them is given
/// up: peers that never finish a handshake can neither take all memory nor keep others out, for who means well is
/// done within a round trip or two.
pub const PENDING_HANDSHAKES_MAX: usize = 256;

/// The handshakes under way, the eldest first.
#[derive(Clone, Default)]
pub(super) struct Handshakes {
    places: Rc<RefCell<VecDeque<Rc<Place>>>>,
    complete: Rc<Cell<usize>>,
}

/// Held by a connection until its handshake is complete.
pub(super) struct Handshake {
    place: Rc<Place>,
    among: Handshakes,
}

#[derive(Default)]
struct Place {
    given_up: Cell<bool>,
    task: RefCell<Option<Waker>>,
}

impl Handshakes {
    /// How many are under way.
    pub(super) fn len(&self) -> usize {
        self.places.borrow().len()
    }

    /// True when another connection may be complete, of which there may be `max` if it is not zero.
    pub(super) fn admit(&self, max: usize) -> bool {
        max == 0 || self.complete.get() < max
    }

    /// A handshake begins, and the eldest is given up if there are too many.
    pub(super) fn begin(&self) -> Handshake {
        let mut places = self.places.borrow_mut();
        if places.len() >= PENDING_HANDSHAKES_MAX
            && let Some(eldest) = places.pop_front()
        {
            eldest.given_up.set(true);
            if let Some(task) = eldest.task.take() {
                task.wake();
            }
        }
        let place = Rc::<Place>::default();
        places.push_back(Rc::clone(&place));
        Handshake { place, among: self.clone() }
    }
}

/// Counts a connection among those that are complete.
pub(super) struct Complete(Rc<Cell<usize>>);

impl Drop for Complete {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl Handshake {
    /// The handshake is complete. `None` when `max` others are, and `max` is not zero.
    pub(super) fn complete(self, max: usize) -> Option<Complete> {
        let count = &self.among.complete;
        self.among.admit(max).then(|| {
            count.set(count.get() + 1);
            Complete(Rc::clone(count))
        })
    }

    /// Ready once it must make room for another. Cancel-safe; wakes the last task that asked.
    pub(super) fn poll_given_up(&self, context: &Context<'_>) -> Poll<()> {
        if self.place.given_up.get() {
            return Poll::Ready(());
        }
        self.place.task.replace(Some(context.waker().clone()));
        Poll::Pending
    }
}

impl Drop for Handshake {
    fn drop(&mut self) {
        self.among.places.borrow_mut().retain(|place| !Rc::ptr_eq(place, &self.place));
    }
}
