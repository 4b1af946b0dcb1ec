//! What a pipe holds, seen from outside.

use std::fmt;

use super::{Channel, HighWaterMarks};
use crate::sync::Arc;

/// What one channel of a pipe holds, and what it may hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueDepth {
    /// Messages and bytes that were written and not yet taken.
    pub queued: HighWaterMarks,
    /// The marks; zero means unlimited.
    pub marks: HighWaterMarks,
}

/// The queue depths of a pipe, readable from any thread. They were true a moment ago.
#[derive(Clone)]
pub struct PipeStats {
    tx: Arc<Channel>,
    rx: Arc<Channel>,
}

impl PipeStats {
    pub(super) const fn new(tx: Arc<Channel>, rx: Arc<Channel>) -> Self {
        Self { tx, rx }
    }

    /// What the end that made this has sent and its peer has not taken.
    pub fn tx(&self) -> QueueDepth {
        queue_depth(&self.tx)
    }

    /// What the end that made this has yet to receive.
    pub fn rx(&self) -> QueueDepth {
        queue_depth(&self.rx)
    }
}

fn queue_depth(channel: &Channel) -> QueueDepth {
    let (read, written) = (&channel.read, &channel.written);
    // What is taken is looked at first, and may still be ahead of what is known to be written.
    let (messages, bytes) = (read.messages.get(), read.bytes.get());
    QueueDepth {
        queued: HighWaterMarks {
            messages: written.messages.get().saturating_sub(messages) as usize,
            bytes: written.bytes.get().saturating_sub(bytes) as usize,
        },
        marks: channel.marks.whole(),
    }
}

impl fmt::Debug for PipeStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PipeStats").field("tx", &self.tx()).field("rx", &self.rx()).finish()
    }
}
