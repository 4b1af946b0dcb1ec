//! Either end may go at any moment; the other learns of it, and of what was written before.

use loom::thread;

use crate::waiting::{Numbered, bounded, model, receive, send};

#[test]
fn a_blocked_writer_learns_that_the_reader_is_gone() {
    model(|| {
        let (mut near, far) = bounded(1);
        let reader = thread::spawn(move || drop(far));
        let _ = send(&mut near.tx, 0);
        assert!(!send(&mut near.tx, 1) || near.tx.is_closed());
        reader.join().unwrap();
    });
}

#[test]
fn what_was_written_before_the_end_is_read() {
    model(|| {
        let (mut near, mut far) = bounded(0);
        let writer = thread::spawn(move || {
            near.tx.write(Numbered(1)).unwrap();
            drop(near);
        });
        assert_eq!(receive(&mut far.rx), Some(1));
        assert_eq!(receive(&mut far.rx), None);
        writer.join().unwrap();
    });
}

#[test]
fn both_ends_may_go_at_once() {
    model(|| {
        let (near, far) = bounded(1);
        let other = thread::spawn(move || drop(far));
        drop(near);
        other.join().unwrap();
    });
}
