//! Cancellation, exhaustively: an operation is dropped at each point at which it can be.
//!
//! A probe counts how often the operation is polled. A simulation repeats, so that as many further runs can each drop it
//! one poll later:
//!
//! ```
//! use seaworthy_core::Network;
//! use seaworthy_sim::{CancelPoint, Sim, SimNetwork};
//! use std::time::Duration;
//!
//! async fn nap(network: SimNetwork, point: CancelPoint) -> Result<(), Box<dyn std::error::Error>> {
//!     let sleep = network.sleep_until(network.now() + Duration::from_secs(1));
//!     point.run(sleep).await;
//!     Ok(())
//! }
//! let polls = CancelPoint::each(|point| {
//!     let sim = Sim::new(1);
//!     sim.host("a", move |network| nap(network, point.clone()));
//!     sim.run(Duration::from_secs(2)).unwrap();
//! });
//! assert_eq!(polls, 2, "a sleep waits once");
//! ```

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

/// When an operation that is not complete is dropped. Cloning it gives the same.
#[derive(Clone, Debug)]
pub struct CancelPoint(Rc<State>);

#[derive(Debug)]
struct State {
    drop: Option<Cut>,
    polls: Cell<u64>,
    dropped: Cell<bool>,
}

#[derive(Clone, Copy, Debug)]
struct Cut {
    after_polls: u64,
    /// When it was woken again, and before it is polled: as in a select whose other branch became ready, too.
    when_woken: bool,
}

impl CancelPoint {
    fn new(drop: Option<Cut>) -> Self {
        Self(Rc::new(State { drop, polls: Cell::new(0), dropped: Cell::new(false) }))
    }

    /// Calls `play` with a point that drops nothing, and then twice for each poll of the operation that this run counted:
    /// with a point that drops it at once when so many polls were not enough, and with one that drops it when it is woken
    /// after them. Gives back how often the operation was polled.
    ///
    /// # Panics
    /// When no operation was [run](Self::run), or when it was complete in a run that was to drop it: the runs differ.
    pub fn each(mut play: impl FnMut(Self)) -> u64 {
        let probe = Self::new(None);
        play(probe.clone());
        let polls = probe.0.polls.get();
        assert!(polls > 0, "the probe ran no operation");
        for after_polls in 0..polls {
            for when_woken in [false, true] {
                let point = Self::new(Some(Cut { after_polls, when_woken }));
                play(point.clone());
                assert!(point.was_dropped(), "the operation was not dropped after {after_polls} polls");
            }
        }
        polls
    }

    /// Runs an operation, to its end or to the point at which it is dropped: then `None`. A point is for one operation:
    /// another that is run with it is dropped at the same count.
    pub async fn run<T>(&self, operation: impl Future<Output = T>) -> Option<T> {
        let State { drop, polls, dropped } = &*self.0;
        let mut operation = pin!(operation);
        poll_fn(|context| {
            let is_over = |polls: u64| drop.is_some_and(|drop| polls >= drop.after_polls);
            if is_over(polls.get()) {
                dropped.set(true);
                return Poll::Ready(None);
            }
            polls.set(polls.get() + 1);
            if let Poll::Ready(output) = operation.as_mut().poll(context) {
                return Poll::Ready(Some(output));
            }
            if is_over(polls.get()) && drop.is_some_and(|drop| !drop.when_woken) {
                dropped.set(true);
                return Poll::Ready(None);
            }
            Poll::Pending
        })
        .await
    }

    /// Whether the operation was dropped.
    pub fn was_dropped(&self) -> bool {
        self.0.dropped.get()
    }

    /// Whether this is the run that only counts.
    pub fn is_probe(&self) -> bool {
        self.0.drop.is_none()
    }
}
