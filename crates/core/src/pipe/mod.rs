//! The bounded queue pair between a socket and one peer.
//!
//! A pipe has two ends, each with a way out and a way in. Items move by value, never copied; what bounds them are
//! the [`HighWaterMarks`] of each way, in messages and in bytes. The writing side counts what it wrote, the reading
//! side gives *credit* for what it took, in lots of half the mark (libzmq's low-water mark), so that a blocked
//! writer is woken once per lot and not once per message.
//!
//! The ends may live on different threads; each is used by one task at a time. tests/loom runs these very files.

mod queue;
mod wake;

use std::fmt;
use std::task::Waker;

use self::queue::{Consumer, Producer};
use self::wake::Wake;
use crate::sync::{Arc, AtomicBool, AtomicU64, Ordering};

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
    const fn lot(self) -> Self {
        Self { messages: self.messages.div_ceil(2), bytes: self.bytes.div_ceil(2) }
    }

    const fn threshold(self) -> Threshold {
        const fn or_never(mark: usize) -> u64 {
            if mark == 0 { u64::MAX } else { mark as u64 }
        }
        Threshold { messages: or_never(self.messages), bytes: or_never(self.bytes) }
    }
}

/// Marks with "never" for unlimited, so that each look is one comparison.
#[derive(Clone, Copy, Debug)]
struct Threshold {
    messages: u64,
    bytes: u64,
}

impl Threshold {
    #[inline(always)]
    const fn is_reached(self, messages: u64, bytes: u64) -> bool {
        messages >= self.messages || bytes >= self.bytes
    }
}

/// Something that a pipe carries.
pub trait Weigh {
    /// What it weighs against the high-water mark, in bytes.
    fn weight(&self) -> usize;
}

/// Why an item was not taken; it is given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused<T> {
    /// The high-water mark is reached.
    Full(T),
    /// The other end is gone.
    Closed(T),
}

/// One way of a pipe, as both sides see it.
struct Way {
    /// Items and bytes that the reader has given credit for.
    credit_messages: AtomicU64,
    credit_bytes: AtomicU64,
    reader_gone: AtomicBool,
    writer_gone: AtomicBool,
    /// The writer, waiting for credit.
    writer: Wake,
    /// The reader, waiting for items.
    reader: Wake,
}

/// One end of a pipe: a way out and a way in. Dropping it tells the other end, which still reads what was written.
#[derive(Debug)]
pub struct PipeEnd<T: Weigh> {
    /// The way to the other end.
    pub out: Sender<T>,
    /// The way from the other end.
    pub inward: Receiver<T>,
}

/// Creates a pipe, with the marks of the way from the first end to the second, and of the way back. Its ends may be
/// used on different threads.
pub fn pipe<T: Weigh>(there: HighWaterMarks, back: HighWaterMarks) -> (PipeEnd<T>, PipeEnd<T>) {
    ends(there, back, false)
}

/// As [`pipe`], for ends that stay on one thread: it saves a memory fence for each message. Used from two threads,
/// it would lose wake-ups.
pub fn local_pipe<T: Weigh>(there: HighWaterMarks, back: HighWaterMarks) -> (PipeEnd<T>, PipeEnd<T>) {
    ends(there, back, true)
}

fn ends<T: Weigh>(there: HighWaterMarks, back: HighWaterMarks, local: bool) -> (PipeEnd<T>, PipeEnd<T>) {
    let (there_sender, there_receiver) = way(there, local);
    let (back_sender, back_receiver) = way(back, local);
    (
        PipeEnd { out: there_sender, inward: back_receiver },
        PipeEnd { out: back_sender, inward: there_receiver },
    )
}

fn way<T: Weigh>(marks: HighWaterMarks, local: bool) -> (Sender<T>, Receiver<T>) {
    let way = Arc::new(Way {
        credit_messages: AtomicU64::new(0),
        credit_bytes: AtomicU64::new(0),
        reader_gone: AtomicBool::new(false),
        writer_gone: AtomicBool::new(false),
        writer: Wake::new(local),
        reader: Wake::new(local),
    });
    let (producer, consumer) = queue::queue();
    (
        Sender {
            way: Arc::clone(&way),
            queue: producer,
            threshold: marks.threshold(),
            messages: 0,
            bytes: 0,
            credit: (0, 0),
        },
        Receiver {
            way,
            queue: consumer,
            lot: marks.lot().threshold(),
            messages: 0,
            bytes: 0,
            credit: (0, 0),
        },
    )
}

/// The writing side of one way.
pub struct Sender<T: Weigh> {
    way: Arc<Way>,
    queue: Producer<T>,
    threshold: Threshold,
    /// Ever written.
    messages: u64,
    bytes: u64,
    /// The reader's credit when last looked at: messages and bytes.
    credit: (u64, u64),
}

impl<T: Weigh> Sender<T> {
    /// Writes an item and hands it over at once.
    ///
    /// # Errors
    /// Gives the item back when the mark is reached or the reader is gone.
    #[inline]
    pub fn send(&mut self, item: T) -> Result<(), Refused<T>> {
        self.write(item)?;
        self.publish();
        Ok(())
    }

    /// Writes an item, to be handed over by [`publish`](Self::publish) together with others.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    #[inline]
    pub fn write(&mut self, item: T) -> Result<(), Refused<T>> {
        if self.is_closed() {
            return Err(Refused::Closed(item));
        }
        if self.is_full() {
            return Err(Refused::Full(item));
        }
        self.write_beyond(item);
        Ok(())
    }

    /// Writes an item whatever the marks say; for what must not be lost and is bounded elsewhere.
    #[inline(always)]
    pub fn write_beyond(&mut self, item: T) {
        let weight = item.weight();
        self.write_in_place(weight, || item);
    }

    /// As [`write_beyond`](Self::write_beyond), for an item of this weight that is made where it will lie: a move of a
    /// value that was only just put together stalls the processor.
    #[inline(always)]
    pub fn write_in_place(&mut self, weight: usize, item: impl FnOnce() -> T) {
        self.messages += 1;
        self.bytes += weight as u64;
        self.queue.write_with(item);
    }

    /// Hands what was written to the reader, with one wake-up for all of it.
    #[inline(always)]
    pub fn publish(&mut self) {
        self.queue.publish();
        self.way.reader.wake();
    }

    /// True when the mark is reached.
    #[inline(always)]
    pub fn is_full(&mut self) -> bool {
        self.threshold.is_reached(self.messages - self.credit.0, self.bytes - self.credit.1)
            && self.is_still_full()
    }

    /// Looks for new credit.
    #[cold]
    fn is_still_full(&mut self) -> bool {
        self.credit =
            (self.way.credit_messages.load(Ordering::Acquire), self.way.credit_bytes.load(Ordering::Acquire));
        self.threshold.is_reached(self.messages - self.credit.0, self.bytes - self.credit.1)
    }

    /// True when nothing will ever be read again.
    #[inline(always)]
    pub fn is_closed(&self) -> bool {
        self.way.reader_gone.load(Ordering::Acquire)
    }

    /// Ends this way: what was written is still read, and nothing can be written any more.
    pub fn close(&mut self) {
        self.queue.publish();
        self.way.reader_gone.store(true, Ordering::Release);
        self.way.writer_gone.store(true, Ordering::Release);
        self.way.reader.wake();
    }

    /// Arranges for `waker` to be woken once there is room or the reader is gone. Gives false, and arranges
    /// nothing, when that is so already.
    pub fn wait_for_room(&mut self, waker: &Waker) -> bool {
        if !self.is_full() || self.is_closed() {
            return false;
        }
        self.way.writer.sleep(waker);
        self.is_still_full() && !self.is_closed()
    }

    /// Messages and bytes that were written and not yet given credit for.
    pub fn level(&mut self) -> HighWaterMarks {
        self.is_still_full();
        HighWaterMarks {
            messages: (self.messages - self.credit.0) as usize,
            bytes: (self.bytes - self.credit.1) as usize,
        }
    }
}

impl<T: Weigh> Drop for Sender<T> {
    fn drop(&mut self) {
        self.queue.publish();
        self.way.writer_gone.store(true, Ordering::Release);
        self.way.reader.wake();
    }
}

/// The reading side of one way.
pub struct Receiver<T: Weigh> {
    way: Arc<Way>,
    queue: Consumer<T>,
    lot: Threshold,
    /// Ever taken.
    messages: u64,
    bytes: u64,
    /// What the writer was last told: messages and bytes.
    credit: (u64, u64),
}

impl<T: Weigh> Receiver<T> {
    /// Takes the oldest item. `None` when there is none now; see [`is_ended`](Self::is_ended) for whether one
    /// can still come.
    #[inline(always)]
    pub fn take(&mut self) -> Option<T> {
        let Some(item) = self.queue.take() else {
            self.give_credit();
            return None;
        };
        self.messages += 1;
        self.bytes += item.weight() as u64;
        if self.lot.is_reached(self.messages - self.credit.0, self.bytes - self.credit.1) {
            self.give_credit();
        }
        Some(item)
    }

    /// Tells the writer what was taken.
    #[inline(never)]
    fn give_credit(&mut self) {
        if self.credit == (self.messages, self.bytes) {
            return;
        }
        self.credit = (self.messages, self.bytes);
        self.way.credit_messages.store(self.messages, Ordering::Release);
        self.way.credit_bytes.store(self.bytes, Ordering::Release);
        self.way.writer.wake();
    }

    /// True when there is nothing to take now.
    #[inline]
    pub fn is_empty(&mut self) -> bool {
        self.queue.is_empty()
    }

    /// True when the writer is gone; what it wrote can still be taken.
    #[inline(always)]
    pub fn is_closed(&self) -> bool {
        self.way.writer_gone.load(Ordering::Acquire)
    }

    /// True when the writer is gone and everything was taken.
    pub fn is_ended(&mut self) -> bool {
        self.is_closed() && self.queue.is_empty()
    }

    /// Arranges for `waker` to be woken once there is an item or the writer is gone. Gives false, and arranges
    /// nothing, when that is so already.
    pub fn wait_for_item(&mut self, waker: &Waker) -> bool {
        if !self.queue.is_empty() || self.is_closed() {
            return false;
        }
        self.way.reader.sleep(waker);
        self.queue.is_empty() && !self.is_closed()
    }

    /// Arranges for `waker` to be woken once the writer is gone (or an item comes). Gives false when it is gone.
    pub fn wait_for_close(&mut self, waker: &Waker) -> bool {
        self.way.reader.sleep(waker);
        !self.is_closed()
    }
}

impl<T: Weigh> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.way.reader_gone.store(true, Ordering::Release);
        self.way.writer.wake();
    }
}

impl<T: Weigh> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("written", &self.messages).finish_non_exhaustive()
    }
}

impl<T: Weigh> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("taken", &self.messages).finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
