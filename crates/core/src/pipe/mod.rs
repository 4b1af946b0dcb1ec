//! The bounded queue pair between a socket and one peer.
//!
//! A pipe has two ends, each with a channel to the other end and one from it. Items move by value, never copied; what bounds them are
//! the [`HighWaterMarks`] of each channel, in messages and in bytes. The writing side counts what it wrote, the reading
//! side gives *credit* for what it took, after each half of the mark (the low-water mark of libzmq), so that a blocked
//! writer is woken once per half and not once per message.
//!
//! The ends may live on different threads; each is used by one task at a time. tests/loom runs these very files.

mod barrier;
mod budget;
mod marks;
mod queue;
mod stats;
mod wake;

use std::fmt;
use std::task::Waker;

use crossbeam_utils::CachePadded;

use self::budget::Account;
pub use self::budget::{Charge, MemoryBudget};
pub use self::marks::HighWaterMarks;
use self::marks::{End, LowWaterMark, Marks};
use self::queue::{Consumer, Producer};
pub use self::stats::{PipeStats, QueueDepth};
use self::wake::Wake;
use crate::planted::{Bug, planted};
use crate::sync::{Arc, AtomicBool, AtomicU64, Ordering, RelaxedCounter, fence};

/// Something that a pipe carries.
pub trait Weigh {
    /// What it weighs against the high-water mark in bytes: the memory that it keeps.
    fn weight(&self) -> usize;

    /// How many places it takes of the high-water mark in messages.
    fn places(&self) -> usize {
        1
    }
}

/// Why an item was not taken; it is given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused<T> {
    /// The high-water mark is reached.
    Full(T),
    /// The other end is gone.
    Closed(T),
}

/// One direction of a pipe, as both sides see it. What one side writes often has cache lines of its own.
struct Channel {
    /// The reader's.
    read: CachePadded<Read>,
    /// The writer's.
    written: CachePadded<Written>,
    reader_gone: AtomicBool,
    writer_gone: AtomicBool,
    marks: Marks,
    /// The writer, waiting for credit.
    writer: Wake,
    /// The reader, waiting for items.
    reader: Wake,
    /// Who wants to know when the writer is gone.
    watcher: Wake,
}

struct Read {
    /// Items and bytes that the reader has given credit for.
    credit_messages: AtomicU64,
    credit_bytes: AtomicU64,
    /// Items and bytes ever taken.
    messages: RelaxedCounter,
    bytes: RelaxedCounter,
}

struct Written {
    /// Items ever written, also those that were not handed over. `Release` makes them readable.
    items: AtomicU64,
    /// What they count for: messages, and bytes.
    messages: RelaxedCounter,
    bytes: RelaxedCounter,
    /// Bytes that were charged to the budget, if there is one.
    charged: RelaxedCounter,
    /// The writer holds items back, and leaves it to a reader that goes to sleep to fence for both.
    holds_back: AtomicBool,
}

/// One end of a pipe: a channel to the other end, and one from it. Dropping it tells the other end, which still reads what was written.
#[derive(Debug)]
pub struct PipeEnd<T: Weigh> {
    /// The channel to the other end.
    pub tx: Sender<T>,
    /// The channel from the other end.
    pub rx: Receiver<T>,
}

impl<T: Weigh> PipeEnd<T> {
    /// Sets this end's part of the marks of both channels. Each channel holds what both ends allow together, or what one allows
    /// while the other has no part. Takes effect at once; a writer that waits for room is woken, as there may be some.
    pub fn set_marks(&mut self, tx: HighWaterMarks, rx: HighWaterMarks) {
        self.change_marks(|marks, own| marks.set(own, if own == End::Writer { tx } else { rx }));
    }

    /// Sets the other end's part, as far as that has not set it itself: for the channel to it, and for the one from it.
    pub fn presume_marks(&mut self, tx: HighWaterMarks, rx: HighWaterMarks) {
        self.change_marks(|marks, own| match own {
            End::Writer => marks.presume(End::Reader, tx),
            End::Reader => marks.presume(End::Writer, rx),
        });
    }

    /// Nobody is at the other end, so that its part counts no longer.
    pub fn forget_marks(&mut self) {
        self.change_marks(|marks, own| marks.forget(own.other()));
    }

    /// Changes the marks of both channels; `change` gets which end of the channel this one is.
    fn change_marks(&mut self, change: impl Fn(&Marks, End)) {
        for (channel, own) in [(&self.tx.channel, End::Writer), (&self.rx.channel, End::Reader)] {
            change(&channel.marks, own);
            channel.writer.wake();
        }
        self.rx.update_low_water_mark();
    }

    /// Makes this a [`local_pipe`], for ends of which it turns out that both are on this thread, where they must stay.
    pub fn stay_local(&self) {
        for channel in [&self.tx.channel, &self.rx.channel] {
            [&channel.reader, &channel.watcher].into_iter().for_each(Wake::stay_local);
            if self.tx.account.is_none() {
                channel.writer.stay_local();
            }
        }
    }

    /// Where both ends are used on one thread, whose fences cost nothing, yet are not to know of each other what they
    /// would not know on two: items are held back whatever fences the system has.
    pub fn hold_back(&mut self) {
        self.tx.batch_max = BATCH_MAX;
        self.tx.has_reader_fence = false;
    }

    /// Frees memory that the pipe has kept since it was fuller, as far as this end may. What it holds stays.
    pub fn free_spares(&mut self) {
        self.tx.queue.free_spares();
        self.rx.queue.free_spares();
    }

    /// The queue depths of the pipe, readable from any thread.
    pub fn stats(&self) -> PipeStats {
        PipeStats::new(Arc::clone(&self.tx.channel), Arc::clone(&self.rx.channel))
    }
}

/// Creates a pipe, with the marks of the channel from the first end to the second, and of the one back. Its ends may be
/// used on different threads.
pub fn pipe<T: Weigh>(there: HighWaterMarks, back: HighWaterMarks) -> (PipeEnd<T>, PipeEnd<T>) {
    ends(there, back, false, None)
}

/// As [`pipe`], for ends that stay on one thread: it saves a memory fence for each message. Used from two threads,
/// it would lose wake-ups.
pub fn local_pipe<T: Weigh>(there: HighWaterMarks, back: HighWaterMarks) -> (PipeEnd<T>, PipeEnd<T>) {
    ends(there, back, true, None)
}

/// As [`pipe`], charged to a budget if there is one.
pub fn pipe_within<T: Weigh>(
    budget: Option<&Arc<MemoryBudget>>,
    there: HighWaterMarks,
    back: HighWaterMarks,
) -> (PipeEnd<T>, PipeEnd<T>) {
    ends(there, back, false, budget)
}

/// As [`local_pipe`], charged to a budget if there is one. Then a waker that waits for room is called from other threads
/// too.
pub fn local_pipe_within<T: Weigh>(
    budget: Option<&Arc<MemoryBudget>>,
    there: HighWaterMarks,
    back: HighWaterMarks,
) -> (PipeEnd<T>, PipeEnd<T>) {
    ends(there, back, true, budget)
}

fn ends<T: Weigh>(
    there: HighWaterMarks,
    back: HighWaterMarks,
    local: bool,
    budget: Option<&Arc<MemoryBudget>>,
) -> (PipeEnd<T>, PipeEnd<T>) {
    let (there_sender, there_receiver) = channel(End::Writer, there, local, budget);
    let (back_sender, back_receiver) = channel(End::Reader, back, local, budget);
    (PipeEnd { tx: there_sender, rx: back_receiver }, PipeEnd { tx: back_sender, rx: there_receiver })
}

fn channel<T: Weigh>(
    end: End,
    marks: HighWaterMarks,
    local: bool,
    budget: Option<&Arc<MemoryBudget>>,
) -> (Sender<T>, Receiver<T>) {
    let channel = Arc::new(Channel {
        read: CachePadded::new(Read {
            credit_messages: AtomicU64::new(0),
            credit_bytes: AtomicU64::new(0),
            messages: RelaxedCounter::new(0),
            bytes: RelaxedCounter::new(0),
        }),
        written: CachePadded::new(Written {
            items: AtomicU64::new(0),
            messages: RelaxedCounter::new(0),
            bytes: RelaxedCounter::new(0),
            charged: RelaxedCounter::new(0),
            holds_back: AtomicBool::new(false),
        }),
        reader_gone: AtomicBool::new(false),
        writer_gone: AtomicBool::new(false),
        marks: Marks::new(end, marks),
        // Memory comes back on any thread.
        writer: Wake::new(local && budget.is_none()),
        reader: Wake::new(local),
        watcher: Wake::new(local),
    });
    let (producer, consumer) = queue::queue();
    let account =
        budget.map(|budget| Arc::new(Account { budget: Arc::clone(budget), channel: Arc::clone(&channel) }));
    let mut receiver = Receiver {
        low_water_mark: channel.marks.low_water_mark(),
        channel: Arc::clone(&channel),
        queue: consumer,
        credit: (0, 0),
        account: account.clone(),
    };
    receiver.update_low_water_mark();
    (
        Sender {
            channel,
            queue: producer,
            batch: 1,
            batch_max: if barrier::is_available() { BATCH_MAX } else { 1 },
            has_reader_fence: true,
            holds_back: false,
            credit: (0, 0),
            account,
            place: None,
        },
        receiver,
    )
}

/// Spare segments that a pipe keeps without being asked to free them: no more than a few items need.
const SPARES_KEPT: u32 = 2;

/// Items that are handed over together at most, where handing over costs a memory fence.
const BATCH_MAX: u64 = 128;

/// The writing side of one channel.
pub struct Sender<T: Weigh> {
    channel: Arc<Channel>,
    queue: Producer<T>,
    /// How many items the next batch of [`publish_soon`](Self::publish_soon) has.
    batch: u64,
    batch_max: u64,
    /// A reader that goes to sleep has to fence for both while items are held back.
    has_reader_fence: bool,
    /// Items were held back since everything was handed over.
    holds_back: bool,
    /// The reader's credit when last looked at: messages and bytes.
    credit: (u64, u64),
    account: Option<Arc<Account>>,
    /// Its place in the line of those that wait for memory.
    place: Option<u64>,
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
        self.write_unbounded(item);
        Ok(())
    }

    /// Writes an item whatever the marks say; for what must not be lost and is bounded elsewhere.
    #[inline(always)]
    pub fn write_unbounded(&mut self, item: T) {
        self.write_in_place(|| item);
    }

    /// As [`write_unbounded`](Self::write_unbounded), for an item that is made where it will lie: a move of a value that was
    /// only just put together stalls the processor. It is weighed there for the same reason.
    #[inline(always)]
    pub fn write_in_place(&mut self, item: impl FnOnce() -> T) {
        let (places, weight) = self.queue.write_with(item, |item| (item.places(), item.weight()));
        let written = &self.channel.written;
        written.items.store(self.queue.written(), Ordering::Release);
        written.messages.set(written.messages.get() + places as u64);
        written.bytes.set(written.bytes.get() + weight as u64);
    }

    /// Hands what was written to the reader, with one wake-up for all of it.
    #[inline(always)]
    pub fn publish(&mut self) {
        if self.account.is_some() {
            self.charge();
        }
        self.queue.publish();
        self.channel.reader.wake();
    }

    /// True when the reader is on this thread and has not taken everything.
    pub fn waits_for_reader(&self) -> bool {
        self.channel.reader.is_local()
            && self.channel.written.messages.get() != self.channel.read.messages.get()
    }

    /// Charges to the budget what was written since it was charged last.
    #[inline(never)]
    fn charge(&mut self) {
        let Some(account) = &self.account else { return };
        let written = &self.channel.written;
        let uncharged = written.bytes.get() - written.charged.get();
        if uncharged == 0 {
            return;
        }
        written.charged.set(written.bytes.get());
        account.budget.charge(uncharged);
        if let Some(place) = self.place.take() {
            account.budget.leave(place);
        }
    }

    /// Hands what was written to the reader, or leaves that to a [`publish_all`](Self::publish_all) soon: then true.
    ///
    /// Between threads, handing over costs a memory fence, and the fence waits until the other processor has given
    /// up what was written to. So the first item goes at once, the next two together, the next four, and so on.
    /// Where the ends share a thread, every item goes at once.
    ///
    /// A reader that sleeps gets every item at once, and one that is about to sleep takes what was held back. So
    /// nothing depends on what the writer does next.
    #[inline(always)]
    pub fn publish_soon(&mut self) -> bool {
        if self.channel.reader.is_local() {
            self.publish();
            return false;
        }
        if self.queue.unpublished() < self.batch {
            if self.account.is_some() {
                self.charge();
            }
            // The item was counted before; a reader that goes to sleep now looks at the count.
            if self.holds_back {
                barrier::light()
            } else {
                self.begin_to_hold_back()
            }
            if !self.channel.reader.is_asleep() {
                return true;
            }
        }
        self.batch = (self.batch * 2).min(self.batch_max);
        self.publish();
        false
    }

    /// Leaves it to the reader from now on to fence for both before it sleeps, and fences for itself until the reader
    /// can know.
    #[cold]
    fn begin_to_hold_back(&mut self) {
        self.holds_back = true;
        self.channel.written.holds_back.store(self.has_reader_fence, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    /// Hands everything over, and the next item at once.
    pub fn publish_all(&mut self) {
        self.batch = 1;
        if self.holds_back {
            self.holds_back = false;
            self.channel.written.holds_back.store(false, Ordering::Relaxed);
        }
        if self.queue.unpublished() > 0 {
            self.publish();
        }
    }

    /// True when the mark is reached, or the budget while the channel holds something.
    #[inline(always)]
    pub fn is_full(&mut self) -> bool {
        self.is_reached() && self.is_still_full()
    }

    /// As [`is_full`](Self::is_full), by the credit that is known.
    #[inline(always)]
    fn is_reached(&self) -> bool {
        self.are_marks_reached() || self.account.is_some() && self.is_budget_reached()
    }

    #[inline(always)]
    fn are_marks_reached(&self) -> bool {
        let written = &self.channel.written;
        let (mut messages, mut bytes) =
            (written.messages.get() - self.credit.0, written.bytes.get() - self.credit.1);
        if planted(Bug::MarkOffByOne) {
            messages = messages.saturating_sub(1);
        }
        if planted(Bug::MarkQuartered) {
            messages *= 4;
        }
        if planted(Bug::ByteMarkIgnored) {
            bytes = 0;
        }
        self.channel.marks.are_reached(messages, bytes)
    }

    /// True when the channel holds something, by the credit that is known, and the budget allows no more.
    #[inline(never)]
    fn is_budget_reached(&self) -> bool {
        let written = &self.channel.written;
        written.messages.get() > self.credit.0
            && self
                .account
                .as_ref()
                .is_some_and(|account| account.budget.is_reached(written.bytes.get() - written.charged.get()))
    }

    /// True when the mark is reached, by the credit that the reader has given by now.
    #[cold]
    fn is_still_full(&mut self) -> bool {
        self.look_for_credit();
        self.is_reached()
    }

    fn look_for_credit(&mut self) {
        self.credit = (
            self.channel.read.credit_messages.load(Ordering::Acquire),
            self.channel.read.credit_bytes.load(Ordering::Acquire),
        );
    }

    /// What was ever written, in places of the mark.
    pub fn written(&self) -> u64 {
        self.channel.written.messages.get()
    }

    /// What the reader has ever given credit for, in places of the mark, as of the last time that this channel looked full.
    #[inline]
    pub const fn credit(&self) -> u64 {
        self.credit.0
    }

    /// True when nothing will ever be read again.
    #[inline(always)]
    pub fn is_closed(&self) -> bool {
        self.channel.reader_gone.load(Ordering::Acquire)
    }

    /// Ends this channel: what was written is still read, and nothing can be written any more.
    pub fn close(&mut self) {
        self.charge();
        self.queue.publish();
        self.channel.reader_gone.store(true, Ordering::Release);
        self.leave();
    }

    fn leave(&self) {
        self.channel.writer_gone.store(true, Ordering::Release);
        self.channel.reader.wake();
        self.channel.watcher.wake();
    }

    /// Arranges for `waker` to be woken once there is room or the reader is gone. Gives false, and arranges
    /// nothing, when that is so already.
    pub fn wait_for_room(&mut self, waker: &Waker) -> bool {
        if !self.is_full() || self.is_closed() {
            return false;
        }
        // Nobody gives credit for what was not handed over.
        self.publish_all();
        self.channel.writer.sleep(waker);
        let mut in_line = false;
        loop {
            self.look_for_credit();
            if self.is_closed() {
                return false;
            }
            // One look at the budget decides: between two, memory may come back.
            if self.are_marks_reached() {
                return true;
            }
            if !self.is_budget_reached() {
                return false;
            }
            if in_line {
                return true;
            }
            if let Some(account) = &self.account {
                account.budget.join(&mut self.place, &self.channel);
            }
            in_line = true;
        }
    }

    /// Arranges for `waker` to be woken once credit is given for what was written, or the reader is gone, whatever the
    /// marks say. Gives false, and arranges nothing, when there is nothing to give credit for or the reader is gone.
    pub fn wait_for_credit(&mut self, waker: &Waker) -> bool {
        self.publish_all();
        self.channel.writer.sleep(waker);
        self.outstanding().messages > 0 && !self.is_closed()
    }

    /// Messages and bytes that were written and not yet given credit for.
    pub fn outstanding(&mut self) -> HighWaterMarks {
        self.is_still_full();
        HighWaterMarks {
            messages: (self.channel.written.messages.get() - self.credit.0) as usize,
            bytes: (self.channel.written.bytes.get() - self.credit.1) as usize,
        }
    }
}

impl<T: Weigh> Drop for Sender<T> {
    fn drop(&mut self) {
        self.charge();
        if let (Some(account), Some(place)) = (&self.account, self.place) {
            account.budget.leave(place);
        }
        self.queue.publish();
        self.leave();
    }
}

/// The reading side of one channel.
pub struct Receiver<T: Weigh> {
    channel: Arc<Channel>,
    queue: Consumer<T>,
    /// By the marks at the last credit.
    low_water_mark: LowWaterMark,
    /// What the writer was last told: messages and bytes.
    credit: (u64, u64),
    account: Option<Arc<Account>>,
}

impl<T: Weigh> Receiver<T> {
    /// Takes the oldest item. `None` when there is none now; see [`is_ended`](Self::is_ended) for whether one
    /// can still come.
    #[inline(always)]
    pub fn take(&mut self) -> Option<T> {
        if !self.has_item() {
            return None;
        }
        let (mut places, mut weight) = (0, 0);
        let item = self.queue.take_with(|item| (places, weight) = (item.places(), item.weight()))?;
        let taken = &self.channel.read;
        let (messages, bytes) = (taken.messages.get() + places as u64, taken.bytes.get() + weight as u64);
        taken.messages.set(messages);
        taken.bytes.set(bytes);
        if self.low_water_mark.is_reached(messages - self.credit.0, bytes - self.credit.1)
            || self.account.is_some() && self.queue.is_known_empty()
        {
            self.give_credit();
        }
        Some(item)
    }

    /// True when there is an item to take. When there is none, the writer is told of all that was taken.
    #[inline(always)]
    pub fn has_item(&mut self) -> bool {
        let has_item = !self.queue.is_empty();
        if !has_item {
            self.give_credit();
        }
        has_item
    }

    /// Tells the writer what was taken.
    #[inline(never)]
    fn give_credit(&mut self) {
        let read = &self.channel.read;
        let taken = (read.messages.get(), read.bytes.get());
        if self.credit == taken {
            return;
        }
        let freed = taken.1 - self.credit.1;
        self.credit = taken;
        self.update_low_water_mark();
        let read = &self.channel.read;
        read.credit_messages.store(taken.0, Ordering::Release);
        read.credit_bytes.store(taken.1, Ordering::Release);
        if let Some(account) = &self.account {
            account.budget.release(freed);
        }
        if planted(Bug::WakeUpLost) {
            return;
        }
        self.channel.writer.wake();
    }

    /// Goes by the present marks, and releases memory to a budget in small batches.
    #[inline]
    fn update_low_water_mark(&mut self) {
        self.low_water_mark = self.channel.marks.low_water_mark();
        if let Some(account) = &self.account {
            self.low_water_mark.limit_bytes(account.budget.release_batch());
        }
    }

    /// What was ever written, in places of the mark. While the writer is on another thread it may be more by now.
    pub fn written(&self) -> u64 {
        self.channel.written.messages.get()
    }

    /// What was ever taken, in places of the mark.
    pub fn taken(&self) -> u64 {
        self.channel.read.messages.get()
    }

    /// True when there is nothing to take now.
    #[inline]
    pub fn is_empty(&mut self) -> bool {
        self.queue.is_empty()
    }

    /// True when the channel keeps memory since it held more, which [`PipeEnd::free_spares`] would free.
    #[inline]
    pub const fn has_spares(&self) -> bool {
        self.queue.spares() > SPARES_KEPT
    }

    /// True when the writer is gone; what it wrote can still be taken.
    #[inline(always)]
    pub fn is_closed(&self) -> bool {
        self.channel.writer_gone.load(Ordering::Acquire)
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
        self.channel.reader.sleep(waker);
        let written = &self.channel.written;
        if written.holds_back.load(Ordering::Relaxed) {
            barrier::heavy();
        }
        self.queue.see(written.items.load(Ordering::Acquire));
        let asleep = self.queue.is_empty() && !self.is_closed();
        if !asleep {
            self.channel.reader.rise();
        }
        asleep
    }

    /// Ends this channel: the writer finds its reader gone. What was written can still be taken.
    pub fn close(&mut self) {
        self.channel.reader_gone.store(true, Ordering::Release);
        self.channel.writer.wake();
    }

    /// A look at whether the writer is gone, for whoever does not read.
    pub fn watch(&self) -> Watch {
        Watch { channel: Arc::clone(&self.channel) }
    }
}

/// Tells one task when the writer of a channel is gone. There is one for each channel.
pub struct Watch {
    channel: Arc<Channel>,
}

impl Watch {
    /// Arranges for `waker` to be woken once the writer is gone. Gives false, and arranges nothing, when it is
    /// already.
    pub fn wait(&self, waker: &Waker) -> bool {
        if self.is_closed() {
            return false;
        }
        self.channel.watcher.sleep(waker);
        !self.is_closed()
    }

    /// True when the writer is gone.
    pub fn is_closed(&self) -> bool {
        self.channel.writer_gone.load(Ordering::Acquire)
    }
}

impl<T: Weigh> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.close();
    }
}

impl<T: Weigh> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("written", &self.channel.written.messages.get())
            .finish_non_exhaustive()
    }
}

impl<T: Weigh> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("taken", &self.channel.read.messages.get()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("closed", &self.is_closed()).finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
