//! A writer that waits for the memory of other pipes goes on when it comes back, on whatever thread.

use loom::thread;
use seaworthy_core::pipe::{HighWaterMarks, MemoryBudget, PipeEnd, local_pipe_within, pipe_within};

use crate::waiting::{Numbered, model, receive, send};

/// A pipe without marks of its own.
fn within(budget: &Shared, local: bool) -> (PipeEnd<Numbered>, PipeEnd<Numbered>) {
    let none = HighWaterMarks::default();
    if local { local_pipe_within(Some(budget), none, none) } else { pipe_within(Some(budget), none, none) }
}

type Shared = loom::sync::Arc<MemoryBudget>;

fn budget(bytes: usize) -> Shared {
    Shared::new(MemoryBudget::new(bytes))
}

#[test]
fn memory_that_another_pipe_gives_back_wakes_a_writer() {
    for local in [false, true] {
        for taken in [false, true] {
            model(move || {
                let budget = budget(2);
                let (mut holder, mut held) = within(&budget, false);
                let (mut near, far) = within(&budget, local);
                assert!(send(&mut holder.tx, 0) && send(&mut near.tx, 1));
                let releaser = thread::spawn(move || {
                    if taken {
                        assert_eq!(receive(&mut held.rx), Some(0));
                    }
                    drop((holder, held));
                });
                // Nothing is received from this pipe meanwhile.
                assert!(send(&mut near.tx, 2));
                releaser.join().unwrap();
                assert_eq!(budget.in_use(), 2);
                drop((near, far));
                assert_eq!(budget.in_use(), 0);
            });
        }
    }
}

#[test]
fn a_pipe_that_was_emptied_takes_an_item_though_the_budget_is_reached() {
    model(|| {
        let budget = budget(1);
        let (mut holder, held) = within(&budget, false);
        let (mut near, mut far) = within(&budget, false);
        assert!(send(&mut holder.tx, 0) && send(&mut near.tx, 1));
        let reader = thread::spawn(move || {
            assert_eq!(far.rx.take().map(|item| item.0), Some(1));
            far
        });
        assert!(send(&mut near.tx, 2));
        let far = reader.join().unwrap();
        drop((near, far, holder, held));
        assert_eq!(budget.in_use(), 0);
    });
}
