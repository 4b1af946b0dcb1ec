//! Items arrive once and in order, also across segments, and whatever was published in one batch.

use loom::thread;

use crate::waiting::{Numbered, bounded, long_model, model, receive};

#[test]
fn items_cross_segments_in_order() {
    model(|| {
        let (mut near, mut far) = bounded(0);
        let writer = thread::spawn(move || {
            near.tx.send(Numbered(0)).unwrap();
            near.tx.write(Numbered(1)).unwrap();
            near.tx.write(Numbered(2)).unwrap();
            near.tx.publish();
        });
        for expected in 0..3 {
            assert_eq!(receive(&mut far.rx), Some(expected));
        }
        assert_eq!(receive(&mut far.rx), None);
        writer.join().unwrap();
    });
}

#[test]
fn what_a_writer_held_back_is_read_whatever_it_does_next() {
    model(|| {
        let (mut near, mut far) = bounded(0);
        let writer = thread::spawn(move || {
            let held_back = [1, 2].map(|number| {
                near.tx.write(Numbered(number)).unwrap();
                near.tx.publish_soon()
            });
            assert!(!held_back[0]);
            // It keeps its end, and does nothing more.
            near
        });
        assert_eq!([receive(&mut far.rx), receive(&mut far.rx)], [Some(1), Some(2)]);
        drop(writer.join().unwrap());
    });
}

#[test]
fn what_was_held_back_and_handed_over_later_is_read_once() {
    long_model(|| {
        let (mut near, mut far) = bounded(0);
        let writer = thread::spawn(move || {
            for number in 1..=2 {
                near.tx.write(Numbered(number)).unwrap();
                near.tx.publish_soon();
            }
            near.tx.publish_all();
            near.tx.write(Numbered(3)).unwrap();
            near.tx.publish_soon();
            near
        });
        for expected in 1..=3 {
            assert_eq!(receive(&mut far.rx), Some(expected));
        }
        drop(writer.join().unwrap());
    });
}

#[test]
fn both_ways_carry_at_once() {
    model(|| {
        let (mut near, mut far) = bounded(0);
        let other = thread::spawn(move || {
            far.tx.send(Numbered(7)).unwrap();
            receive(&mut far.rx)
        });
        near.tx.send(Numbered(8)).unwrap();
        assert_eq!(receive(&mut near.rx), Some(7));
        assert_eq!(other.join().unwrap(), Some(8));
    });
}

#[test]
fn spent_segments_go_back_to_the_writer() {
    long_model(|| {
        let (mut near, mut far) = bounded(0);
        let writer = thread::spawn(move || {
            for batch in [0..2, 2..4, 4..5] {
                batch.for_each(|number| near.tx.write(Numbered(number)).unwrap());
                near.tx.publish();
            }
        });
        for expected in 0..5 {
            assert_eq!(receive(&mut far.rx), Some(expected));
        }
        assert_eq!(receive(&mut far.rx), None);
        writer.join().unwrap();
    });
}

#[test]
fn spares_are_freed_while_the_writer_uses_them_up() {
    long_model(|| {
        let (mut near, mut far) = bounded(0);
        for batch in [0..3, 3..5] {
            batch.clone().for_each(|number| near.tx.write(Numbered(number)).unwrap());
            near.tx.publish();
            batch.for_each(|expected| assert_eq!(receive(&mut far.rx), Some(expected)));
        }
        let writer = thread::spawn(move || {
            (5..9).for_each(|number| near.tx.write(Numbered(number)).unwrap());
            near.tx.publish();
        });
        far.free_spares();
        for expected in 5..9 {
            assert_eq!(receive(&mut far.rx), Some(expected));
        }
        assert_eq!(receive(&mut far.rx), None);
        writer.join().unwrap();
    });
}
