//! A thread is woken by its doorbell only, and nothing that is posted there is lost.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Wake, Waker};

use loom::future::block_on;
use loom::sync::Mutex;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;
use seaworthy_core::pipe::Receiver;
use seaworthy_core::{Doorbell, Ring, waker_for_others};

use crate::waiting::{Numbered, bounded, model};

/// What an eventfd does.
struct Wire {
    state: Mutex<WireState>,
}

#[derive(Default)]
struct WireState {
    rung: bool,
    listener: Option<Waker>,
}

/// Its other end.
struct Button(Arc<Wire>);

impl Ring for Button {
    fn ring(&self) {
        let mut state = self.0.state.lock().unwrap();
        state.rung = true;
        let listener = state.listener.take();
        drop(state);
        if let Some(listener) = listener {
            listener.wake();
        }
    }
}

/// A task of the thread, and whether it is to run.
struct Task(AtomicBool);

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

/// A thread with a doorbell.
struct Home {
    wire: Arc<Wire>,
    doorbell: Arc<Doorbell>,
}

impl Home {
    fn here() -> Self {
        let wire = Arc::new(Wire { state: Mutex::new(WireState::default()) });
        Self { doorbell: Arc::new(Doorbell::new(Button(Arc::clone(&wire)))), wire }
    }

    /// Receives an item from each pipe, each in a task of its own, as an executor would run them.
    fn receive(&self, receivers: &mut [&mut Receiver<Numbered>]) -> Vec<u32> {
        let tasks: Vec<_> = receivers.iter().map(|_| Arc::new(Task(AtomicBool::new(true)))).collect();
        let waker = |task: &Arc<Task>| waker_for_others(Some(&self.doorbell), &Waker::from(Arc::clone(task)));
        let wakers: Vec<_> = tasks.iter().map(waker).collect();
        let mut received: Vec<Option<u32>> = vec![None; receivers.len()];
        block_on(poll_fn(|context| {
            let mut wire = self.wire.state.lock().unwrap();
            wire.listener = Some(context.waker().clone());
            let rung = std::mem::take(&mut wire.rung);
            drop(wire);
            if rung {
                self.doorbell.answer();
            }
            for (number, receiver) in receivers.iter_mut().enumerate() {
                while received[number].is_none() && tasks[number].0.swap(false, Ordering::AcqRel) {
                    received[number] = receiver.take().map(|Numbered(item)| item);
                    if received[number].is_none() && !receiver.wait_for_item(&wakers[number]) {
                        tasks[number].0.store(true, Ordering::Release);
                    }
                }
            }
            if received.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
        }));
        received.into_iter().flatten().collect()
    }
}

#[test]
fn an_item_wakes_its_reader_by_the_doorbell() {
    model(|| {
        let home = Home::here();
        let (mut near, mut far) = bounded(0);
        let writer = thread::spawn(move || {
            near.tx.send(Numbered(1)).unwrap();
            near
        });
        assert_eq!(home.receive(&mut [&mut far.rx]), [1]);
        drop(writer.join().unwrap());
    });
}

#[test]
fn of_two_threads_that_ring_at_once_both_are_heard() {
    model(|| {
        let home = Home::here();
        let (mut one, mut first) = bounded(0);
        let (mut other, mut second) = bounded(0);
        let writer = thread::spawn(move || {
            one.tx.send(Numbered(1)).unwrap();
            one
        });
        let another = thread::spawn(move || {
            other.tx.send(Numbered(2)).unwrap();
            other
        });
        assert_eq!(home.receive(&mut [&mut first.rx, &mut second.rx]), [1, 2]);
        drop((writer.join().unwrap(), another.join().unwrap()));
    });
}

#[test]
fn who_rings_at_a_thread_that_ends_leaves_nothing_there() {
    model(|| {
        let home = Home::here();
        let task = Arc::new(Task(AtomicBool::new(false)));
        let waker = waker_for_others(Some(&home.doorbell), &Waker::from(Arc::clone(&task)));
        let other = thread::spawn(move || waker.wake());
        home.doorbell.end();
        other.join().unwrap();
        assert_eq!(Arc::strong_count(&task), 1);
    });
}
