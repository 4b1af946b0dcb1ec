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
    channel(End::Writer, HighWaterMarks { messages, bytes }, false, None)
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
    assert_eq!(sender.outstanding().messages, 2);
}

#[test]
fn an_emptied_pipe_gives_all_its_credit() {
    let (mut sender, mut receiver) = one_way(5, 0);
    (0..5).for_each(|_| sender.send(1).unwrap());
    while receiver.take().is_some() {}
    assert_eq!(sender.outstanding(), HighWaterMarks::default());
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
fn a_blocked_writer_is_woken_by_higher_marks() {
    let one = HighWaterMarks { messages: 1, bytes: 0 };
    let two = HighWaterMarks { messages: 2, bytes: 0 };
    // Whichever end sets them.
    for by_reader in [false, true] {
        let (mut near, mut far) = pipe(one, one);
        let (count, waker) = counted();
        near.tx.send(1).unwrap();
        assert!(near.tx.wait_for_room(&waker));
        if by_reader {
            far.set_marks(one, one)
        } else {
            near.set_marks(two, one)
        }
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        near.tx.send(2).unwrap();
        assert_eq!(near.tx.send(3), Err(Refused::Full(3)));
    }
}

#[test]
fn lower_marks_take_effect_at_once_whichever_end_sets_them() {
    let marks = |messages| HighWaterMarks { messages, bytes: 0 };
    let (mut near, mut far) = local_pipe(marks(10), marks(10));
    near.set_marks(marks(2), marks(3));
    (0..2).for_each(|_| near.tx.send(1).unwrap());
    assert!(near.tx.is_full());
    (0..3).for_each(|_| far.tx.send(1).unwrap());
    assert!(far.tx.is_full(), "the far end goes by marks that the near one set");
    // Credit comes in halves of the present mark.
    assert!(near.rx.take().is_some() && near.rx.take().is_some());
    assert!(!far.tx.is_full());
}

#[test]
fn batches_grow_until_all_is_handed_over() {
    let (mut sender, mut receiver) = one_way(0, 0);
    let mut arrives = |sender: &mut Sender<usize>| {
        sender.write(1).unwrap();
        sender.publish_soon();
        std::iter::from_fn(|| receiver.take()).count()
    };
    assert_eq!([(); 7].map(|()| arrives(&mut sender)), [1, 0, 2, 0, 0, 0, 4]);
    assert_eq!(arrives(&mut sender), 0);
    sender.publish_all();
    assert_eq!(arrives(&mut sender), 2, "one was handed over, and the next goes at once");
}

#[test]
fn on_one_thread_every_item_is_handed_over_at_once() {
    let (mut near, mut far) = local_pipe(HighWaterMarks::default(), HighWaterMarks::default());
    for number in 0..10 {
        near.tx.write(number).unwrap();
        assert!(!near.tx.publish_soon());
        assert_eq!(far.rx.take(), Some(number));
    }
}

#[test]
fn a_pipe_whose_ends_turn_out_to_share_a_thread_is_local() {
    let (mut near, _far) = pipe(HighWaterMarks::default(), HighWaterMarks::default());
    near.tx.write(1).unwrap();
    near.tx.publish();
    near.tx.write(2).unwrap();
    assert!(!near.tx.publish_soon());
    near.tx.write(3).unwrap();
    assert!(near.tx.publish_soon());
    near.stay_local();
    assert!(!near.tx.publish_soon());
}

#[test]
fn who_waits_for_room_has_handed_over_what_fills_it() {
    let (mut sender, mut receiver) = one_way(3, 0);
    for number in 0..3 {
        sender.write(number).unwrap();
        sender.publish_soon();
    }
    sender.publish_all();
    receiver.take();
    receiver.take();
    sender.write(3).unwrap();
    sender.write(4).unwrap();
    assert!(sender.wait_for_room(Waker::noop()));
    assert_eq!(std::iter::from_fn(|| receiver.take()).collect::<Vec<_>>(), [2, 3, 4]);
}

#[test]
fn marks_add_up_unless_one_side_has_none() {
    let marks = |messages, bytes| HighWaterMarks { messages, bytes };
    assert_eq!(marks(2, 10).plus(marks(3, 20)), marks(5, 30));
    assert_eq!(marks(0, 10).plus(marks(3, 0)), marks(0, 0));
    assert_eq!(marks(usize::MAX, 1).plus(marks(1, 1)), marks(usize::MAX, 2));
}

#[test]
fn the_stats_show_what_lies_in_both_channels() {
    let marks = HighWaterMarks { messages: 5, bytes: 50 };
    let (mut near, mut far) = pipe(marks, HighWaterMarks::default());
    let stats = near.stats();
    near.tx.send(7).unwrap();
    near.tx.write(8).unwrap();
    far.rx.take();
    assert_eq!(stats.tx(), QueueDepth { queued: HighWaterMarks { messages: 1, bytes: 8 }, marks });
    assert_eq!(stats.rx(), QueueDepth::default());
}

#[test]
fn a_watch_is_woken_by_the_end_of_the_writer_and_by_nothing_else() {
    let (mut near, far) = pipe::<usize>(HighWaterMarks::default(), HighWaterMarks::default());
    let watch = far.rx.watch();
    let (count, waker) = counted();
    assert!(watch.wait(&waker));
    near.tx.send(1).unwrap();
    assert_eq!(count.0.load(Ordering::Relaxed), 0);
    drop(near);
    assert_eq!(count.0.load(Ordering::Relaxed), 1);
    assert!(!watch.wait(&waker));
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
