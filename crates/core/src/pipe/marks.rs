//! How much a way holds, and when that is reached.

/// How much one way of a pipe holds. Zero means unlimited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HighWaterMarks {
    /// Messages.
    pub messages: usize,
    /// Bytes of frames. The item that crosses the mark still fits, so that an item larger than the mark passes.
    pub bytes: usize,
}

impl HighWaterMarks {
    /// Items after which credit is given: half the mark, as libzmq's `compute_lwm`.
    pub(super) const fn lot(self) -> Self {
        Self { messages: self.messages.div_ceil(2), bytes: self.bytes.div_ceil(2) }
    }

    /// What a way holds that has these marks on one side and those on the other: their sum, or no limit when either
    /// has none.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        const fn sum(one: usize, other: usize) -> usize {
            if one == 0 || other == 0 { 0 } else { one.saturating_add(other) }
        }
        Self { messages: sum(self.messages, other.messages), bytes: sum(self.bytes, other.bytes) }
    }

    pub(super) const fn threshold(self) -> Threshold {
        const fn or_never(mark: usize) -> u64 {
            if mark == 0 { u64::MAX } else { mark as u64 }
        }
        Threshold { messages: or_never(self.messages), bytes: or_never(self.bytes) }
    }
}

/// Marks with "never" for unlimited, so that each look is one comparison.
#[derive(Clone, Copy, Debug)]
pub(super) struct Threshold {
    messages: u64,
    bytes: u64,
}

impl Threshold {
    #[inline(always)]
    pub(super) const fn is_reached(self, messages: u64, bytes: u64) -> bool {
        messages >= self.messages || bytes >= self.bytes
    }
}
