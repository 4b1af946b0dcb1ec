//! What a pipe holds, for whoever asks.

use std::fmt;

use super::{Channel, HighWaterMarks};
use crate::sync::Arc;

/// What one channel of a pipe holds, and what it may hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Level {
    /// Messages and bytes that were written and not yet taken.
    pub queued: HighWaterMarks,
    /// The marks; zero means unlimited.
    pub marks: HighWaterMarks,
}

/// A look at a pipe from any thread. What it tells was true a moment ago.
#[derive(Clone)]
pub struct Gauge {
    tx: Arc<Channel>,
    rx: Arc<Channel>,
}

impl Gauge {
    pub(super) const fn new(tx: Arc<Channel>, rx: Arc<Channel>) -> Self {
        Self { tx, rx }
    }

    /// The channel that the end writes to which made the gauge.
    pub fn tx(&self) -> Level {
        level(&self.tx)
    }

    /// The channel that the end reads from which made the gauge.
    pub fn rx(&self) -> Level {
        level(&self.rx)
    }
}

fn level(channel: &Channel) -> Level {
    let (read, written) = (&channel.read, &channel.written);
    // What is taken is looked at first, and may still be ahead of what is known to be written.
    let (messages, bytes) = (read.messages.get(), read.bytes.get());
    Level {
        queued: HighWaterMarks {
            messages: written.messages.get().saturating_sub(messages) as usize,
            bytes: written.bytes.get().saturating_sub(bytes) as usize,
        },
        marks: channel.marks.whole(),
    }
}

impl fmt::Debug for Gauge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gauge").field("tx", &self.tx()).field("rx", &self.rx()).finish()
    }
}
