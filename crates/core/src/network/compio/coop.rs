//! A cooperative budget: how many operations that never wait a task may do before it yields.

use std::cell::Cell;
use std::future::poll_fn;
use std::task::Poll;

use super::Driver;

/// Operations of one stream after which its task yields.
const COOP_BUDGET: u32 = 16;

/// Lets other tasks run between operations.
///
/// On epoll an operation that need not wait completes at once, so a task would never yield while its peer is faster
/// than it. On io_uring every operation waits for its completion.
pub(super) struct CoopBudget {
    epoll: bool,
    left: Cell<u32>,
}

impl CoopBudget {
    /// For a stream of the current runtime.
    pub(super) fn new() -> Self {
        Self { epoll: Driver::current() == Some(Driver::Epoll), left: Cell::new(COOP_BUDGET) }
    }

    /// Counts an operation that is about to start, and lets others run first if the budget is spent.
    pub(super) async fn spend(&self) {
        if !self.epoll {
            return;
        }
        if let Some(left) = self.left.get().checked_sub(1) {
            self.left.set(left);
            return;
        }
        self.left.set(COOP_BUDGET);
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
