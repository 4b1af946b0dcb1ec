//! An unbounded single-producer single-consumer queue, whose slots change their owner by a counter: hence `unsafe`.
//!
//! Items lie in a chain of segments. The producer fills slots privately and *publishes* them in batches by
//! storing the count of items written so far; the consumer reads only slots below that count, or below a later one
//! that it is told (`see`). So a slot has one owner at any time: the producer until it is published, the consumer from
//! then on. Bounds, credits and wake-ups
//! are the pipe's business, not the queue's.
//!
//! ```text
//!   head (consumer)                        tail (producer)
//!    │                                      │
//!   [x x a b c d] ──next──▶ [e f g h i j] ──next──▶ [k l · · · ·]
//!        └─────────── published ──────────────────────┘
//! ```
//!
//! Emptied segments are kept as spares for the producer, so a queue in steady state does not allocate. The consumer
//! puts them on a list, one by one; the producer collects the whole list when it needs one. Both lists can be emptied from
//! either end, by a swap. A queue that was never written to has no segment.
#![allow(unsafe_code, reason = "slots change their owner by a counter, which the borrow checker cannot see")]

use std::mem::MaybeUninit;
use std::ptr;

use crossbeam_utils::CachePadded;

use crate::sync::{Arc, AtomicPtr, AtomicU64, Ordering, UnsafeCell};

/// Items a segment holds. Small under loom and Miri, so that segments are crossed in few steps.
const SLOTS: usize = if cfg!(any(loom, miri)) { 2 } else { 32 };

/// Spare segments that wait for the producer at most; further ones are freed. Together they hold what a pipe with the
/// default marks holds between two threads.
const SPARES_MAX: u32 = 64;

struct Segment<T> {
    slots: [UnsafeCell<MaybeUninit<T>>; SLOTS],
    /// Set by the producer before it publishes the first item of the next segment. In a list of spares, the next of
    /// these.
    next: AtomicPtr<Self>,
}

impl<T> Segment<T> {
    fn boxed() -> Box<Self> {
        Box::new(Self {
            slots: std::array::from_fn(|_| UnsafeCell::new(MaybeUninit::uninit())),
            next: AtomicPtr::new(ptr::null_mut()),
        })
    }

    /// Writes to every cache line, so that the processor asks the one that read them for all of them together. Written
    /// to one after the other, each item would wait for its line. Only for who owns the segment, which has no items.
    fn claim(&self) {
        if size_of::<T>() == 0 {
            return;
        }
        for slot in &self.slots {
            // SAFETY: the caller owns the segment, and a slot has at least one byte.
            slot.with_mut(|place| unsafe { place.cast::<u8>().write_volatile(0) });
        }
    }
}

struct Shared<T> {
    /// Items ever published. Written by the producer; `Release` hands the slots over.
    published: CachePadded<AtomicU64>,
    /// Items ever taken. Written by the consumer; read when the queue is dropped.
    taken: AtomicU64,
    /// The first segment there ever was; the consumer takes it from here once.
    first: AtomicPtr<Segment<T>>,
    /// The oldest segment that is still linked; read when the queue is dropped.
    oldest: AtomicPtr<Segment<T>>,
    /// Emptied segments on their way back to the producer, the last one first.
    spares: AtomicPtr<Segment<T>>,
    /// Of these, what the producer has collected and not used yet. It alone puts a list here; either end may take it out.
    collected: AtomicPtr<Segment<T>>,
}

// SAFETY: the raw pointers are owned by the queue, and each item is accessed by one thread at a time (see above),
// so sharing the queue needs no more than that items may move between threads.
unsafe impl<T: Send> Send for Shared<T> {}
// SAFETY: as above; `&Shared` gives no access to items.
unsafe impl<T: Send> Sync for Shared<T> {}

impl<T> Shared<T> {
    /// Frees the spares. Whoever swaps a list out owns its segments.
    fn free_spares(&self) {
        for spares in [&self.spares, &self.collected] {
            free_all(spares.swap(ptr::null_mut(), Ordering::Acquire));
        }
    }
}

/// The end that writes.
pub(crate) struct Producer<T> {
    shared: Arc<Shared<T>>,
    /// The segment that is being filled; null before the first item.
    tail: *mut Segment<T>,
    /// Items ever written, published or not.
    written: u64,
    /// Items that the segments so far have slots for, counted from the first item ever.
    capacity: u64,
    /// What `shared.published` holds.
    published: u64,
}

/// The end that reads.
pub(crate) struct Consumer<T> {
    shared: Arc<Shared<T>>,
    /// The segment that is being emptied; null before the first item.
    head: *mut Segment<T>,
    /// Items ever taken.
    taken: u64,
    /// Items that may be taken: what `shared.published` was when last looked at, or what it was told since.
    published: u64,
    /// Spares on the list, if the producer has not taken it since.
    spares: u32,
}

// SAFETY: an end is the only user of its pointer into the chain, which `Shared` keeps alive.
unsafe impl<T: Send> Send for Producer<T> {}
// SAFETY: as for `Producer`.
unsafe impl<T: Send> Send for Consumer<T> {}

/// An empty queue.
pub(crate) fn queue<T>() -> (Producer<T>, Consumer<T>) {
    let shared = Arc::new(Shared {
        published: CachePadded::new(AtomicU64::new(0)),
        taken: AtomicU64::new(0),
        first: AtomicPtr::new(ptr::null_mut()),
        oldest: AtomicPtr::new(ptr::null_mut()),
        spares: AtomicPtr::new(ptr::null_mut()),
        collected: AtomicPtr::new(ptr::null_mut()),
    });
    let producer = Producer {
        shared: Arc::clone(&shared),
        tail: ptr::null_mut(),
        written: 0,
        capacity: 0,
        published: 0,
    };
    let consumer = Consumer { shared, head: ptr::null_mut(), taken: 0, published: 0, spares: 0 };
    (producer, consumer)
}

/// Where in its segment the item with this number lies.
#[inline]
fn slot(count: u64) -> usize {
    (count % SLOTS as u64) as usize
}

impl<T> Producer<T> {
    /// Writes an item.
    #[cfg(all(test, not(loom)))]
    pub(crate) fn write(&mut self, item: T) {
        self.write_with(|| item, |_| ());
    }

    /// Writes the item that `make` gives, which the consumer sees after the next [`publish`](Self::publish), and shows
    /// it to `look` where it lies.
    #[inline(always)]
    pub(crate) fn write_with<R>(&mut self, make: impl FnOnce() -> T, look: impl FnOnce(&T) -> R) -> R {
        if self.written == self.capacity {
            self.extend();
        }
        // If this panics, the slot stays free and the next item takes it.
        let item = make();
        // SAFETY: `tail` is the segment that the slot of item number `written` lies in, because `extend` ran when
        // the one before was full; the consumer stays away from a slot until its item is published, and each slot
        // is written once per round of its segment.
        let seen =
            unsafe { (*self.tail).slots[slot(self.written)].with_mut(|place| look((*place).write(item))) };
        self.written += 1;
        seen
    }

    /// Hands everything written so far to the consumer.
    #[inline(always)]
    pub(crate) fn publish(&mut self) {
        if self.published != self.written {
            self.published = self.written;
            self.shared.published.store(self.written, Ordering::Release);
        }
    }

    /// Appends a segment to the chain.
    #[cold]
    fn extend(&mut self) {
        let mut spare = self.shared.collected.swap(ptr::null_mut(), Ordering::Acquire);
        if spare.is_null() {
            spare = self.shared.spares.swap(ptr::null_mut(), Ordering::Acquire);
        }
        let segment = if spare.is_null() {
            Box::into_raw(Segment::boxed())
        } else {
            // SAFETY: whoever swaps a list out owns its segments, and `Acquire` saw them linked.
            let others = unsafe { (*spare).next.load(Ordering::Relaxed) };
            // Nobody else puts a list there, so it is still null.
            self.shared.collected.store(others, Ordering::Release);
            // SAFETY: as above; it is off the list.
            unsafe { (*spare).next.store(ptr::null_mut(), Ordering::Relaxed) };
            // SAFETY: as above.
            unsafe { (*spare).claim() };
            spare
        };
        if self.tail.is_null() {
            self.shared.oldest.store(segment, Ordering::Relaxed);
            self.shared.first.store(segment, Ordering::Release);
        } else {
            // SAFETY: the consumer frees a segment only after it followed its `next`, which is still null.
            unsafe { (*self.tail).next.store(segment, Ordering::Release) };
        }
        self.tail = segment;
        self.capacity += SLOTS as u64;
    }
}

impl<T> Producer<T> {
    /// Items ever written.
    #[inline(always)]
    pub(super) const fn written(&self) -> u64 {
        self.written
    }

    /// Frees the segments that wait to be used again.
    pub(crate) fn free_spares(&self) {
        self.shared.free_spares();
    }

    /// Items that were written and not published.
    #[inline(always)]
    pub(crate) const fn unpublished(&self) -> u64 {
        self.written - self.published
    }
}

impl<T> Drop for Producer<T> {
    fn drop(&mut self) {
        self.publish();
        self.free_spares();
    }
}

impl<T> Consumer<T> {
    /// Takes the oldest published item.
    #[cfg(all(test, not(loom)))]
    pub(crate) fn take(&mut self) -> Option<T> {
        self.take_with(|_| ())
    }

    /// Takes the oldest published item, and shows it to `look` before, where it lies.
    #[inline(always)]
    pub(crate) fn take_with(&mut self, look: impl FnOnce(&T)) -> Option<T> {
        if self.taken == self.published && !self.look() {
            return None;
        }
        let slot = slot(self.taken);
        if slot == 0 {
            self.advance();
        }
        // Before `look`, whose panic then loses this one item and leaves `head` and `taken` in step.
        self.taken += 1;
        // SAFETY: the item is published, so it is initialised, its write happened before (`Acquire` in `Self::look`),
        // and the producer will not touch the slot again; `taken` has moved on, so it is read at most once.
        let item = unsafe {
            (*self.head).slots[slot].with(|place| {
                look((*place).assume_init_ref());
                (*place).assume_init_read()
            })
        };
        Some(item)
    }

    /// True when nothing is known to be published that was not taken.
    #[inline(always)]
    pub(super) const fn is_known_empty(&self) -> bool {
        self.taken == self.published
    }

    /// True when nothing is published that was not taken.
    #[inline]
    pub(crate) fn is_empty(&mut self) -> bool {
        self.taken == self.published && !self.look()
    }

    /// Looks for newly published items.
    #[inline]
    fn look(&mut self) -> bool {
        self.see(self.shared.published.load(Ordering::Acquire));
        self.taken != self.published
    }

    /// Learns that so many items were ever written, published or not, by a number that was stored with `Release` after
    /// the last of them, and read with `Acquire`.
    #[inline(always)]
    pub(super) fn see(&mut self, written: u64) {
        // It may know more already.
        self.published = self.published.max(written);
    }

    /// Moves on to the segment of the next item, which is published, so that its segment is linked.
    #[cold]
    fn advance(&mut self) {
        if self.head.is_null() {
            self.head = self.shared.first.load(Ordering::Acquire);
            return;
        }
        let empty = self.head;
        // SAFETY: `head` is valid, and its `next` was set before the item that is wanted now was published.
        self.head = unsafe { (*empty).next.load(Ordering::Acquire) };
        self.shared.oldest.store(self.head, Ordering::Relaxed);
        self.spare(empty);
    }

    /// Spare segments, as far as this end knows.
    #[inline]
    pub(crate) const fn spares(&self) -> u32 {
        self.spares
    }

    /// Frees the segments that wait to be used again.
    pub(crate) fn free_spares(&mut self) {
        self.shared.free_spares();
        self.spares = 0;
    }

    /// Gives a segment that is ours alone back to the producer: every item was taken, and the producer left it when
    /// it set `next`.
    fn spare(&mut self, segment: *mut Segment<T>) {
        let mut first = self.shared.spares.load(Ordering::Relaxed);
        if first.is_null() {
            self.spares = 0;
        }
        if self.spares >= SPARES_MAX {
            free(segment);
            return;
        }
        self.spares += 1;
        loop {
            // SAFETY: it is ours until it is on the list.
            unsafe { (*segment).next.store(first, Ordering::Relaxed) };
            // Nobody else puts segments on the list, so one that is first there has been first ever since.
            match self.shared.spares.compare_exchange(first, segment, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return,
                Err(taken) => first = taken,
            }
        }
    }
}

impl<T> Drop for Consumer<T> {
    fn drop(&mut self) {
        self.shared.taken.store(self.taken, Ordering::Release);
    }
}

impl<T> Drop for Shared<T> {
    /// Drops what was published and never taken. Both ends are gone, so everything here is ours.
    fn drop(&mut self) {
        let published = self.published.load(Ordering::Acquire);
        let mut taken = self.taken.load(Ordering::Acquire);
        let mut segment = self.oldest.load(Ordering::Acquire);
        let mut at_first_slot = taken == 0;
        while taken != published {
            if slot(taken) == 0 && !at_first_slot {
                segment = free(segment);
            }
            at_first_slot = false;
            // SAFETY: items from `taken` to `published` are initialised and were not taken.
            unsafe { (*segment).slots[slot(taken)].with_mut(|place| (*place).assume_init_drop()) };
            taken += 1;
        }
        free_all(segment);
        self.free_spares();
    }
}

/// Frees segments without items, from this one to the end of its chain. Only for who owns the chain.
fn free_all<T>(mut segment: *mut Segment<T>) {
    while !segment.is_null() {
        segment = free(segment);
    }
}

/// Frees a segment without items and gives the one behind it. Only for who owns it.
fn free<T>(segment: *mut Segment<T>) -> *mut Segment<T> {
    // SAFETY: the caller owns the segment, and every segment was made by `Box::into_raw`.
    unsafe { Box::from_raw(segment) }.next.load(Ordering::Acquire)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::rc::Rc;

    use super::*;

    #[test]
    fn items_are_seen_once_published_and_in_order() {
        let (mut producer, mut consumer) = queue();
        producer.write(1);
        assert!(consumer.is_empty());
        producer.write(2);
        producer.publish();
        assert_eq!((consumer.take(), consumer.take(), consumer.take()), (Some(1), Some(2), None));
    }

    #[test]
    fn segments_are_crossed_and_reused() {
        let (mut producer, mut consumer) = queue();
        for round in 0..5 {
            for item in 0..3 * SLOTS + 1 {
                producer.write((round, item));
            }
            producer.publish();
            for item in 0..3 * SLOTS + 1 {
                assert_eq!(consumer.take(), Some((round, item)));
            }
            assert_eq!(consumer.take(), None);
        }
    }

    #[test]
    fn spares_are_freed_by_either_end_and_items_go_on() {
        let (mut producer, mut consumer) = queue();
        for round in 0..4 {
            for item in 0..5 * SLOTS {
                producer.write(Box::new((round, item)));
            }
            producer.publish();
            for item in 0..4 * SLOTS + 1 {
                assert_eq!(consumer.take(), Some(Box::new((round, item))));
            }
            if round % 2 == 0 {
                consumer.free_spares();
            } else {
                producer.free_spares();
            }
            for spares in [&producer.shared.spares, &producer.shared.collected] {
                assert!(spares.load(Ordering::Acquire).is_null());
            }
            for item in 4 * SLOTS + 1..5 * SLOTS {
                assert_eq!(consumer.take(), Some(Box::new((round, item))));
            }
            assert_eq!(consumer.take(), None);
        }
    }

    #[test]
    fn an_item_that_could_not_be_made_leaves_its_slot_to_the_next() {
        let (mut producer, mut consumer) = queue();
        for round in 0..2 * SLOTS {
            let made = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                producer.write_with(|| panic!("no item"), |_| ());
            }));
            assert!(made.is_err());
            producer.write(round);
            producer.publish();
            assert_eq!((consumer.take(), consumer.take()), (Some(round), None));
        }
    }

    #[test]
    fn an_item_whose_look_panics_is_lost_and_the_next_follows() {
        let panics = |act: &mut dyn FnMut()| {
            assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(act)).is_err());
        };
        let items = 3 * SLOTS + 1;
        for lost in 0..items {
            for goes_on in [false, true] {
                let (mut producer, mut consumer) = queue();
                (0..items).for_each(|item| producer.write(Box::new(item)));
                producer.publish();
                (0..lost).for_each(|item| assert_eq!(consumer.take(), Some(Box::new(item))));
                panics(&mut || drop(consumer.take_with(|_| panic!("no look"))));
                if goes_on {
                    (lost + 1..items).for_each(|item| assert_eq!(consumer.take(), Some(Box::new(item))));
                    assert_eq!(consumer.take(), None);
                }
            }
        }
    }

    #[test]
    fn every_item_is_dropped_once_wherever_the_ends_stop() {
        let token = Rc::new(());
        for written in 0..2 * SLOTS + 2 {
            for taken in 0..=written {
                for consumer_first in [false, true] {
                    let (mut producer, mut consumer) = queue();
                    (0..written).for_each(|_| producer.write(Rc::clone(&token)));
                    producer.publish();
                    (0..taken).for_each(|_| drop(consumer.take().unwrap()));
                    assert_eq!(Rc::strong_count(&token), 1 + written - taken);
                    if consumer_first {
                        drop(consumer);
                        producer.write(Rc::clone(&token));
                        drop(producer);
                    } else {
                        drop(producer);
                        drop(consumer);
                    }
                    assert_eq!(Rc::strong_count(&token), 1);
                }
            }
        }
    }
}
