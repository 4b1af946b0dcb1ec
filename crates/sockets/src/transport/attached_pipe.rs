//! A driver's end of a pipe that is attached to a socket.

use std::task::{Context, Poll, Waker};

use seaworthy_core::pipe::Watch;
use seaworthy_core::planted::{Bug, planted};

use crate::peer_id::PeerId;
use crate::pipe_item::{PipeEnd, PipeItem};

/// The pipe, and what the present connection found in it when it began.
pub(super) struct AttachedPipe {
    /// The socket's name for the peer.
    pub(super) id: PeerId,
    pub(super) pipe: PipeEnd,
    /// Notices that the socket has let go of its end.
    released: Watch,
    /// The task that waits for that.
    watching: Option<Waker>,
    /// What had been written to the pipe by then. Subscriptions up to there are contained in the topics that the
    /// connection was told to subscribe to.
    written_before: u64,
    /// What had been delivered by then.
    delivered_before: u64,
}

impl AttachedPipe {
    pub(super) fn new(id: PeerId, pipe: PipeEnd) -> Self {
        let released = pipe.rx.watch();
        Self { id, pipe, released, watching: None, written_before: 0, delivered_before: 0 }
    }

    /// A connection begins. If the socket `is_subscriber`, it subscribes to all topics first.
    pub(super) fn begin(&mut self, is_subscriber: bool) {
        self.delivered_before = self.pipe.tx.written();
        if is_subscriber {
            self.written_before = self.pipe.rx.written();
        }
    }

    /// True when the present connection delivered something.
    pub(super) fn has_delivered(&self) -> bool {
        self.pipe.tx.written() > self.delivered_before
    }

    /// The next item to send.
    #[inline]
    pub(super) fn take(&mut self) -> Option<PipeItem> {
        while self.pipe.rx.taken() < self.written_before {
            match self.pipe.rx.take()? {
                PipeItem::Subscribe(_) | PipeItem::Cancel(_) => {}
                item => return Some(item),
            }
        }
        self.pipe.rx.take()
    }

    /// Ready once the socket has let go of its end, also while nothing is taken from the pipe. Wakes the last task that
    /// asked.
    pub(super) fn poll_released(&mut self, context: &Context<'_>) -> Poll<()> {
        if planted(Bug::ReleaseUnheard) {
            return Poll::Pending;
        }
        if self.released.is_closed() {
            return Poll::Ready(());
        }
        let waker = context.waker();
        if self.watching.as_ref().is_some_and(|watching| watching.will_wake(waker)) {
            return Poll::Pending;
        }
        self.watching = Some(waker.clone());
        if self.released.wait(waker) { Poll::Pending } else { Poll::Ready(()) }
    }
}
