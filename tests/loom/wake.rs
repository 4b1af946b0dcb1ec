//! A reader that goes to sleep while an item is published is woken.

use loom::thread;

use crate::waiting::{Numbered, bounded, model, receive};

#[test]
fn a_reader_that_falls_asleep_is_woken_by_the_item() {
    model(|| {
        let (mut near, mut far) = bounded(0);
        let writer = thread::spawn(move || {
            near.tx.send(Numbered(1)).unwrap();
            near
        });
        assert_eq!(receive(&mut far.rx), Some(1));
        drop(writer.join().unwrap());
    });
}

#[test]
fn a_reader_that_falls_asleep_is_woken_by_the_end() {
    model(|| {
        let (near, mut far) = bounded(0);
        let writer = thread::spawn(move || drop(near));
        assert_eq!(receive(&mut far.rx), None);
        writer.join().unwrap();
    });
}
