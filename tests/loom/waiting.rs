//! What the models share: tasks that block until they are woken, as an executor would run them.

use std::future::poll_fn;
use std::task::Poll;

use loom::future::block_on;
use seaworthy_core::pipe::{HighWaterMarks, PipeEnd, Receiver, Refused, Sender, Weigh, pipe};

/// Explores every interleaving with at most three preemptions: lost wake-ups and races of two threads show with
/// fewer, and all models together take seconds.
pub(crate) fn model(run: impl Fn() + Sync + Send + 'static) {
    explore(3, run);
}

/// As [`model`], for longer ones: at most two preemptions.
pub(crate) fn long_model(run: impl Fn() + Sync + Send + 'static) {
    explore(2, run);
}

fn explore(preemptions: usize, run: impl Fn() + Sync + Send + 'static) {
    let mut explored = loom::model::Builder::new();
    explored.preemption_bound = Some(preemptions);
    explored.check(run);
}

/// An item that weighs a byte, and is counted while it lives.
#[derive(Debug)]
pub(crate) struct Numbered(pub(crate) u32);

impl Weigh for Numbered {
    fn weight(&self) -> usize {
        1
    }
}

/// A pipe whose ways both hold `messages` items.
pub(crate) fn bounded(messages: usize) -> (PipeEnd<Numbered>, PipeEnd<Numbered>) {
    let marks = HighWaterMarks { messages, bytes: 0 };
    pipe(marks, marks)
}

/// Receives the next item, or `None` once the writer is gone and everything was taken. A lost wake-up is a
/// deadlock, which loom reports.
pub(crate) fn receive(receiver: &mut Receiver<Numbered>) -> Option<u32> {
    block_on(poll_fn(|context| {
        loop {
            if let Some(Numbered(number)) = receiver.take() {
                return Poll::Ready(Some(number));
            }
            if receiver.is_ended() {
                return Poll::Ready(None);
            }
            if receiver.wait_for_item(context.waker()) {
                return Poll::Pending;
            }
        }
    }))
}

/// Sends an item once there is room; false when the reader is gone.
pub(crate) fn send(sender: &mut Sender<Numbered>, number: u32) -> bool {
    let mut item = Some(Numbered(number));
    block_on(poll_fn(|context| {
        loop {
            let Some(next) = item.take() else { return Poll::Ready(true) };
            match sender.send(next) {
                Ok(()) => return Poll::Ready(true),
                Err(Refused::Closed(_)) => return Poll::Ready(false),
                Err(Refused::Full(refused)) => item = Some(refused),
            }
            if sender.wait_for_room(context.waker()) {
                return Poll::Pending;
            }
        }
    }))
}
