//! How long a task may go on with operations that never wait.

use std::cell::Cell;
use std::future::poll_fn;
use std::task::Poll;

use super::Driver;

/// Operations of one stream after which its task lets others run.
const OPERATIONS_PER_TURN: u32 = 16;

/// Lets other tasks run between operations.
///
/// On epoll an operation that need not wait completes at once, so a task would never end its turn while its peer is
/// faster than it. On io_uring every operation waits for its completion.
pub(super) struct Turn {
    epoll: bool,
    left: Cell<u32>,
}

impl Turn {
    /// For a stream of the current runtime.
    pub(super) fn new() -> Self {
        Self { epoll: Driver::current() == Some(Driver::Epoll), left: Cell::new(OPERATIONS_PER_TURN) }
    }

    /// Counts an operation that is about to start, and lets others run first if it was the last of the turn.
    pub(super) async fn count(&self) {
        if !self.epoll {
            return;
        }
        if let Some(left) = self.left.get().checked_sub(1) {
            self.left.set(left);
            return;
        }
        self.left.set(OPERATIONS_PER_TURN);
        let mut yielded = false;
        poll_fn(|context| {
            if yielded {
                return Poll::Ready(());
            }
            yielded = true;
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}
