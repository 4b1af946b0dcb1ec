//! Counts the transport tasks of a socket, so that closing it can wait for them.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// The tasks of one socket.
#[derive(Clone, Default)]
pub(crate) struct Tasks(Rc<State>);

#[derive(Default)]
struct State {
    running: Cell<usize>,
    left: Cell<usize>,
    interrupted: Cell<bool>,
    waiting: RefCell<Vec<Waker>>,
}

/// Held by a task for as long as it runs.
pub(crate) struct TaskToken(Rc<State>);

impl Tasks {
    pub(crate) fn token(&self) -> TaskToken {
        self.0.running.set(self.0.running.get() + 1);
        TaskToken(Rc::clone(&self.0))
    }

    pub(crate) fn count(&self) -> usize {
        self.0.running.get()
    }

    /// Messages that were not sent though the socket waited for it, and whether one was being sent.
    pub(crate) fn left(&self) -> (usize, bool) {
        (self.0.left.get(), self.0.interrupted.get())
    }

    /// Ready once fewer than `limit` tasks run. Cancel-safe.
    pub(crate) fn poll_below(&self, limit: usize, context: &Context<'_>) -> Poll<()> {
        if self.count() < limit {
            return Poll::Ready(());
        }
        let mut waiting = self.0.waiting.borrow_mut();
        if !waiting.iter().any(|task| task.will_wake(context.waker())) {
            waiting.push(context.waker().clone());
        }
        Poll::Pending
    }
}

impl TaskToken {
    /// Reports this many `messages` as not sent, and whether a write was `interrupted`.
    pub(crate) fn leave(&self, messages: usize, interrupted: bool) {
        self.0.left.set(self.0.left.get() + messages);
        self.0.interrupted.set(self.0.interrupted.get() || interrupted);
    }
}

impl Drop for TaskToken {
    fn drop(&mut self) {
        self.0.running.set(self.0.running.get() - 1);
        self.0.waiting.take().into_iter().for_each(Waker::wake);
    }
}
