//! The guard for whoever holds a stream.

use std::cell::Cell;

/// Whether an operation on a stream was cut short, so that the stream's state is unknown.
///
/// A message that was written by half cannot be taken back, and no other may follow it: the peer would read
/// the rest of the first in the beginning of the second. So everything that writes arms a [`PoisonGuard`]
/// before its first byte and disarms it after its last. If it is dropped in between, by a cancelled future or
/// a panic, the stream stays poisoned and must not be used again.
#[derive(Debug, Default)]
pub struct Poisoned(Cell<bool>);

impl Poisoned {
    /// Not poisoned.
    pub const fn new() -> Self {
        Self(Cell::new(false))
    }

    /// True while a guard is armed, and for ever after an armed guard was dropped.
    pub fn is_poisoned(&self) -> bool {
        self.0.get()
    }

    /// Poisons until the guard is [disarmed](PoisonGuard::disarm).
    #[must_use = "dropping the guard at once poisons for ever"]
    pub fn arm(&self) -> PoisonGuard<'_> {
        self.0.set(true);
        PoisonGuard { poisoned: self }
    }
}

/// Poisons its stream unless it is [disarmed](Self::disarm).
#[derive(Debug)]
pub struct PoisonGuard<'a> {
    poisoned: &'a Poisoned,
}

impl PoisonGuard<'_> {
    /// The operation is complete, to its last byte: a short write is no reason to call this.
    pub fn disarm(self) {
        self.poisoned.0.set(false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disarmed_guard_leaves_no_poison() {
        let poisoned = Poisoned::new();
        poisoned.arm().disarm();
        assert!(!poisoned.is_poisoned());
    }

    #[test]
    fn a_dropped_guard_poisons_for_ever() {
        let poisoned = Poisoned::new();
        drop(poisoned.arm());
        assert!(poisoned.is_poisoned());
    }
}
