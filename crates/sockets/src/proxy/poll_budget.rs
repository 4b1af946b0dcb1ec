//! What one poll of a proxy may do.

/// Messages that a proxy moves before it lets the other tasks of its thread run: about what one read brings, so that
/// what goes out begins to while the rest is still being moved.
pub(super) const MESSAGES_PER_POLL: u32 = 1024;

/// Commands handled in one poll. More wait for the next, so that a flood of commands does not
/// stop the forwarding.
const COMMANDS_PER_POLL: u32 = 16;

/// What is left of what one poll may do.
pub(super) struct PollBudget {
    pub(super) messages: u32,
    pub(super) commands: u32,
    /// The directions, by side, whose turn is over until the drivers ran.
    pub(super) yielded: [bool; 2],
}

impl PollBudget {
    pub(super) const fn new() -> Self {
        Self { messages: MESSAGES_PER_POLL, commands: COMMANDS_PER_POLL, yielded: [false; 2] }
    }

    pub(super) const fn is_over(&self) -> bool {
        self.messages == 0 || self.commands == 0 || self.has_yielded()
    }

    pub(super) const fn has_yielded(&self) -> bool {
        self.yielded[0] || self.yielded[1]
    }
}
