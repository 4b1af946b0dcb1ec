//! What wakes the task of a proxy.

use std::sync::Arc;
use std::task::Waker;

use super::direction::TurnEnd;
use super::handle::Shared;
use crate::ready_set::Waiter;

/// Where the task of one `run` waits. Dropping it leaves nothing of the task behind.
pub(super) struct Wakeups {
    /// By side, as the places to send.
    pub(super) readable: [Waiter; 2],
    pub(super) writable: [Waiter; 2],
    pub(super) control: Option<Waiter>,
    pub(super) shared: Arc<Shared>,
}

impl Wakeups {
    /// Wakes the task when a direction may go on, or a command comes.
    pub(super) fn wait(&mut self, turn_ends: [TurnEnd; 2], fills: [bool; 2], task: &Waker) {
        for (way, end) in turn_ends.into_iter().enumerate() {
            let full = end == TurnEnd::Full;
            if full {
                self.writable[1 - way].wait(task);
            }
            if !full || fills[way] {
                self.readable[way].wait(task);
            }
        }
        if let Some(control) = &mut self.control {
            control.wait(task);
        }
    }
}

impl Drop for Wakeups {
    fn drop(&mut self) {
        self.shared.forget_task();
    }
}
