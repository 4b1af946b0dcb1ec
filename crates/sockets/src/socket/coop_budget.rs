//! How long a task may go on with operations that succeed at once.

use std::cell::Cell;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use seaworthy_core::{Doorbell, Instant, Network};

/// Operations that may succeed one after the other before the task lets others run. Without a limit a task that
/// always finds room, or a message, would starve the drivers on its own thread.
const COOP_BUDGET: u32 = 2048;

/// Time after which a turn is over, however few its operations were, if somebody is held up: a task that computes between
/// them holds up what it sent, and heartbeats.
const COOP_TIME: Duration = Duration::from_millis(1);

/// Operations between two looks at the clock at most. A look costs as much as a short operation.
const OPERATIONS_PER_CLOCK_CHECK: u32 = 64;

/// The turn of the tasks that use one socket. It begins with the first operation after an operation waited, or a driver of
/// the socket ran: a task that pauses between its operations is not late.
pub(super) struct CoopBudget {
    operations: Cell<u32>,
    /// The operation at which to look at the clock.
    check_at: Cell<u32>,
    began: Cell<Instant>,
    /// It took its time.
    late: Cell<bool>,
    clock: Box<dyn Fn() -> Instant>,
    doorbell: Box<dyn Fn() -> Option<Arc<Doorbell>>>,
}

impl CoopBudget {
    pub(super) fn new(network: &impl Network) -> Self {
        let (clock, doorbell) = (network.clone(), network.clone());
        Self {
            operations: Cell::new(0),
            check_at: Cell::new(1),
            began: Cell::new(Instant::ZERO),
            late: Cell::new(false),
            clock: Box::new(move || clock.now()),
            doorbell: Box::new(move || doorbell.doorbell().ok().flatten()),
        }
    }

    /// Counts an operation. True when the task must let others run before it goes on: see [`yield_now`](Self::yield_now).
    /// `holds_up` says whether anybody waits for that; it is asked once a turn has taken its time.
    #[inline(always)]
    pub(super) fn is_spent(&self, holds_up: impl FnOnce() -> bool) -> bool {
        let operations = self.operations.get() + 1;
        self.operations.set(operations);
        operations >= self.check_at.get() && self.check_clock(operations, holds_up)
    }

    #[cold]
    #[inline(never)]
    fn check_clock(&self, operations: u32, holds_up: impl FnOnce() -> bool) -> bool {
        if operations > COOP_BUDGET {
            self.restart();
            return true;
        }
        let now = (self.clock)();
        if operations == 1 {
            self.began.set(now);
        } else if now - self.began.get() >= COOP_TIME {
            self.restart();
            let late = holds_up();
            self.late.set(late);
            return late;
        }
        self.check_at.set((operations * 2).min(operations + OPERATIONS_PER_CLOCK_CHECK).min(COOP_BUDGET + 1));
        false
    }

    /// The task lets others run.
    #[inline]
    pub(super) fn restart(&self) {
        self.operations.set(0);
        self.check_at.set(1);
    }

    /// Lets the others of the thread run before this task, whose turn is over, goes on. True when that was late, so that
    /// it should [be done once more](Self::yield_to_transport): the first time shows the drivers that their writes
    /// are done, the second time starts the next ones.
    pub(super) fn yield_now(&self, task: &Waker) -> bool {
        let late = self.late.take();
        if late {
            self.yield_to_transport(task);
        } else {
            task.wake_by_ref();
        }
        late
    }

    /// Wakes the task again once its runtime has done I/O. Executors run many tasks, and one that wakes itself many
    /// times, before they do any.
    pub(super) fn yield_to_transport(&self, task: &Waker) {
        match (self.doorbell)() {
            Some(doorbell) => doorbell.post(task.clone()),
            None => task.wake_by_ref(),
        }
    }
}
