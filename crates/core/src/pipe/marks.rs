//! How much a channel holds, and when that is reached.

use std::sync::PoisonError;

use crate::sync::{AtomicU64, Mutex, Ordering};

/// How much one channel of a pipe holds. Zero means unlimited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HighWaterMarks {
    /// Messages.
    pub messages: usize,
    /// Bytes of frames. The item that crosses the mark still fits, so that an item larger than the mark passes.
    pub bytes: usize,
}

impl HighWaterMarks {
    /// What a channel holds that has these marks on one side and those on the other: their sum, or no limit when either
    /// has none.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        const fn sum(one: usize, other: usize) -> usize {
            if one == 0 || other == 0 { 0 } else { one.saturating_add(other) }
        }
        Self { messages: sum(self.messages, other.messages), bytes: sum(self.bytes, other.bytes) }
    }
}

/// The marks of one channel: what its two ends allow together. Either may change its part at any time, from its thread.
///
/// A writer that has not seen a change yet goes by the former marks for one more item: nobody can tell that from writing
/// it a moment earlier. So what is looked at for each item orders nothing. A writer that falls asleep looks once more,
/// and is woken after the change.
pub(super) struct Marks {
    /// "Never" for unlimited, so that each look is one comparison.
    messages: AtomicU64,
    bytes: AtomicU64,
    parts: Mutex<Parts>,
}

#[derive(Clone, Copy, Default)]
struct Parts {
    /// `None` for an end without marks of its own, such as a driver's.
    writer: Option<HighWaterMarks>,
    reader: Option<HighWaterMarks>,
}

/// An end of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Writer,
    Reader,
}

impl End {
    pub(super) const fn other(self) -> Self {
        match self {
            Self::Writer => Self::Reader,
            Self::Reader => Self::Writer,
        }
    }
}

impl Marks {
    /// One end has these marks, the other none yet.
    pub(super) fn new(end: End, marks: HighWaterMarks) -> Self {
        let this =
            Self { messages: AtomicU64::new(NEVER), bytes: AtomicU64::new(NEVER), parts: Mutex::default() };
        this.set(end, marks);
        this
    }

    /// Sets the part of one end.
    pub(super) fn set(&self, end: End, marks: HighWaterMarks) {
        self.change(|parts| *parts.of(end) = Some(marks));
    }

    /// Sets the part of one end, unless that has set it.
    pub(super) fn presume(&self, end: End, marks: HighWaterMarks) {
        self.change(|parts| {
            parts.of(end).get_or_insert(marks);
        });
    }

    /// One end is gone.
    pub(super) fn forget(&self, end: End) {
        self.change(|parts| *parts.of(end) = None);
    }

    fn change(&self, change: impl FnOnce(&mut Parts)) {
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut parts);
        let whole = parts.whole();
        // Under the lock, so that of two changes the later one is seen last.
        self.messages.store(or_never(whole.messages), Ordering::Relaxed);
        self.bytes.store(or_never(whole.bytes), Ordering::Relaxed);
    }

    /// What is allowed now.
    pub(super) fn whole(&self) -> HighWaterMarks {
        let or_zero = |mark: u64| if mark == NEVER { 0 } else { mark as usize };
        HighWaterMarks {
            messages: or_zero(self.messages.load(Ordering::Relaxed)),
            bytes: or_zero(self.bytes.load(Ordering::Relaxed)),
        }
    }

    #[inline(always)]
    pub(super) fn are_reached(&self, messages: u64, bytes: u64) -> bool {
        messages >= self.messages.load(Ordering::Relaxed) || bytes >= self.bytes.load(Ordering::Relaxed)
    }

    /// Items after which credit is given: half the mark, as libzmq's `compute_lwm`.
    pub(super) fn low_water_mark(&self) -> LowWaterMark {
        LowWaterMark {
            messages: self.messages.load(Ordering::Relaxed).div_ceil(2),
            bytes: self.bytes.load(Ordering::Relaxed).div_ceil(2),
        }
    }
}

impl Parts {
    const fn of(&mut self, end: End) -> &mut Option<HighWaterMarks> {
        match end {
            End::Writer => &mut self.writer,
            End::Reader => &mut self.reader,
        }
    }

    fn whole(self) -> HighWaterMarks {
        match (self.writer, self.reader) {
            (Some(writer), Some(reader)) => writer.plus(reader),
            (writer, reader) => writer.or(reader).unwrap_or_default(),
        }
    }
}

const NEVER: u64 = u64::MAX;

const fn or_never(mark: usize) -> u64 {
    if mark == 0 { NEVER } else { mark as u64 }
}

/// After how much the reader gives credit.
#[derive(Clone, Copy, Debug)]
pub(super) struct LowWaterMark {
    messages: u64,
    bytes: u64,
}

impl LowWaterMark {
    pub(super) fn limit_bytes(&mut self, bytes: u64) {
        self.bytes = self.bytes.min(bytes);
    }

    #[inline(always)]
    pub(super) const fn is_reached(self, messages: u64, bytes: u64) -> bool {
        messages >= self.messages || bytes >= self.bytes
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn messages(messages: usize) -> HighWaterMarks {
        HighWaterMarks { messages, bytes: 0 }
    }

    #[test]
    fn each_end_changes_its_own_part() {
        let marks = Marks::new(End::Writer, messages(2));
        assert_eq!(marks.whole(), messages(2));
        marks.presume(End::Reader, messages(3));
        assert_eq!(marks.whole(), messages(5));
        marks.set(End::Reader, messages(4));
        marks.presume(End::Reader, messages(30));
        assert_eq!(marks.whole(), messages(6), "what an end says itself counts");
        marks.set(End::Writer, messages(1));
        assert_eq!(marks.whole(), messages(5));
        marks.forget(End::Reader);
        assert_eq!(marks.whole(), messages(1));
        marks.set(End::Reader, messages(0));
        assert_eq!(marks.whole(), messages(0), "unlimited on one side");
    }
}
