use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

use super::*;

impl Weigh for usize {
    fn weight(&self) -> usize {
        *self
    }
}

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn counted() -> (Arc<Count>, Waker) {
    let count = Arc::new(Count::default());
    (Arc::clone(&count), Waker::from(count))
}

fn one_way(messages: usize, bytes: usize) -> (Sender<usize>, Receiver<usize>) {
    way(HighWaterMarks { messages, bytes }, false)
}

#[test]
fn the_mark_in_messages_admits_exactly_as_many() {
    let (mut sender, _receiver) = one_way(3, 0);
    (0..3).for_each(|_| sender.send(1).unwrap());
    assert_eq!(sender.send(7), Err(Refused::Full(7)));
}

#[test]
fn the_mark_in_bytes_admits_the_item_that_crosses_it() {
    let (mut sender, _receiver) = one_way(0, 10);
    sender.send(9).unwrap();
    sender.send(100).unwrap();
    assert_eq!(sender.send(1), Err(Refused::Full(1)));
}

#[test]
fn zero_means_unlimited() {
    let (mut sender, _receiver) = one_way(0, 0);
    (0..10_000).for_each(|_| sender.send(1 << 20).unwrap());
}

#[test]
fn credit_comes_in_lots_of_half_the_mark() {
    let (mut sender, mut receiver) = one_way(4, 0);
    (0..4).for_each(|_| sender.send(1).unwrap());
    receiver.take().unwrap();
    assert!(sender.is_full());
    receiver.take().unwrap();
    assert!(!sender.is_full());
    assert_eq!(sender.level().messages, 2);
}

#[test]
fn an_emptied_pipe_gives_all_its_credit() {
    let (mut sender, mut receiver) = one_way(5, 0);
    (0..5).for_each(|_| sender.send(1).unwrap());
    while receiver.take().is_some() {}
    assert_eq!(sender.level(), HighWaterMarks::default());
}

#[test]
fn a_blocked_writer_is_woken_once_per_lot() {
    let (mut sender, mut receiver) = one_way(4, 0);
    let (count, waker) = counted();
    (0..4).for_each(|_| sender.send(1).unwrap());
    assert!(sender.wait_for_room(&waker));
    receiver.take();
    assert_eq!(count.0.load(Ordering::Relaxed), 0);
    receiver.take();
    receiver.take();
    receiver.take();
    assert_eq!(count.0.load(Ordering::Relaxed), 1);
}

#[test]
fn a_waiting_reader_is_woken_once_per_batch() {
    let (mut sender, mut receiver) = one_way(0, 0);
    let (count, waker) = counted();
    assert!(receiver.wait_for_item(&waker));
    (0..10).for_each(|_| sender.write(1).unwrap());
    assert_eq!(count.0.load(Ordering::Relaxed), 0);
    sender.publish();
    sender.publish();
    assert_eq!(count.0.load(Ordering::Relaxed), 1);
    assert!(!receiver.wait_for_item(&waker));
}

#[test]
fn what_was_written_survives_the_writer() {
    let (mut sender, mut receiver) = one_way(0, 0);
    sender.write(1).unwrap();
    drop(sender);
    assert!(receiver.is_closed() && !receiver.is_ended());
    assert_eq!(receiver.take(), Some(1));
    assert!(receiver.is_ended());
}

#[test]
fn a_gone_reader_refuses_and_wakes_the_writer() {
    let (mut sender, receiver) = one_way(1, 0);
    let (count, waker) = counted();
    sender.send(1).unwrap();
    assert!(sender.wait_for_room(&waker));
    drop(receiver);
    assert_eq!(count.0.load(Ordering::Relaxed), 1);
    assert_eq!(sender.send(2), Err(Refused::Closed(2)));
}

#[test]
fn a_closed_way_gives_what_was_written_and_takes_nothing_more() {
    let (mut sender, mut receiver) = one_way(0, 0);
    sender.send(1).unwrap();
    sender.write(2).unwrap();
    sender.close();
    assert_eq!(sender.send(3), Err(Refused::Closed(3)));
    assert!(receiver.is_closed() && !receiver.is_ended());
    assert_eq!((receiver.take(), receiver.take(), receiver.take()), (Some(1), Some(2), None));
    assert!(receiver.is_ended());
}
