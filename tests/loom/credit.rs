//! A writer at the high-water mark goes on when, and only when, there is credit.

use loom::thread;
use seaworthy_core::pipe::HighWaterMarks;

use crate::waiting::{bounded, model, receive, send};

#[test]
fn a_full_pipe_blocks_and_resumes_its_writer() {
    model(|| {
        let (mut near, mut far) = bounded(1);
        assert!(send(&mut near.tx, 0));
        assert!(near.tx.is_full());
        let writer = thread::spawn(move || {
            assert!(send(&mut near.tx, 1));
            assert!(near.tx.outstanding().messages <= 1);
            near
        });
        assert_eq!(receive(&mut far.rx), Some(0));
        assert_eq!(receive(&mut far.rx), Some(1));
        drop(writer.join().unwrap());
    });
}

#[test]
fn credit_for_half_the_mark_wakes_the_writer() {
    model(|| {
        let (mut near, mut far) = bounded(2);
        assert!(send(&mut near.tx, 0) && send(&mut near.tx, 1));
        let writer = thread::spawn(move || {
            assert!(send(&mut near.tx, 2));
            near
        });
        assert_eq!(far.rx.take().map(|item| item.0), Some(0));
        drop(writer.join().unwrap());
        assert_eq!(receive(&mut far.rx), Some(1));
    });
}

#[test]
fn a_mark_that_the_reader_raises_wakes_the_writer() {
    model(|| {
        let (mut near, mut far) = bounded(1);
        assert!(send(&mut near.tx, 0));
        let writer = thread::spawn(move || {
            // Nothing is received meanwhile.
            assert!(send(&mut near.tx, 1));
            near
        });
        let one = HighWaterMarks { messages: 1, bytes: 0 };
        far.set_marks(one, one);
        drop(writer.join().unwrap());
        assert_eq!(receive(&mut far.rx), Some(0));
        assert_eq!(receive(&mut far.rx), Some(1));
    });
}
