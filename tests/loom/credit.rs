//! A writer at the high-water mark goes on when, and only when, there is credit.

use loom::thread;

use crate::waiting::{bounded, receive, send};

#[test]
fn a_full_pipe_blocks_and_resumes_its_writer() {
    loom::model(|| {
        let (mut near, mut far) = bounded(1);
        let writer = thread::spawn(move || {
            for number in 0..2 {
                assert!(send(&mut near.out, number));
                assert!(near.out.level().messages <= 1);
            }
            near
        });
        assert_eq!(receive(&mut far.inward), Some(0));
        assert_eq!(receive(&mut far.inward), Some(1));
        drop(writer.join().unwrap());
    });
}

#[test]
fn credit_is_given_for_half_the_mark_at_once() {
    loom::model(|| {
        let (mut near, mut far) = bounded(2);
        let writer = thread::spawn(move || {
            for number in 0..3 {
                assert!(send(&mut near.out, number));
                assert!(near.out.level().messages <= 2);
            }
            near
        });
        for expected in 0..3 {
            assert_eq!(receive(&mut far.inward), Some(expected));
        }
        drop(writer.join().unwrap());
    });
}
