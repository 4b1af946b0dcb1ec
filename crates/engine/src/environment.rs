//! What all hosts of a simulation run in: time, tasks and packets from the executor, the record of what happens, and the
//! limits of the run.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::rc::{Rc, Weak};
use std::task::Waker;

use seaworthy_core::Instant;

use crate::budget::Budget;
use crate::event::Event;
use crate::executor::Executor;
use crate::failure::Failure;
use crate::fault::{CancelWeights, Fault, ReadRate, Readers};
use crate::id::HostId;
use crate::note::Note;
use crate::recorder::Recorder;
use crate::settings::Settings;
use crate::throttle::{Allowance, Throttle};

/// Where kernels send their packets.
pub(crate) trait Uplink {
    /// Sends an IP packet of the host `from` to the host that its header names.
    fn send(&self, from: HostId, packet: Vec<u8>);
}

/// What all hosts of a simulation share, without the hosts.
pub(crate) struct Environment {
    pub(crate) settings: Settings,
    pub(crate) executor: Rc<dyn Executor>,
    pub(crate) recorder: Rc<Recorder>,
    uplink: Weak<dyn Uplink>,
    throttles: RefCell<BTreeMap<Readers, Throttle>>,
    /// Readers that wait until they may read again.
    stalled: RefCell<Vec<Waker>>,
    failure: RefCell<Option<Failure>>,
    pub(crate) cancel_weights: Cell<CancelWeights>,
    pub(crate) yield_chance: Cell<f64>,
    /// True once the simulation is being dropped.
    ended: Cell<bool>,
    budget: RefCell<Budget>,
}

impl Environment {
    pub(crate) fn new(settings: Settings, executor: Rc<dyn Executor>, uplink: Weak<dyn Uplink>) -> Rc<Self> {
        Rc::new(Self {
            executor,
            recorder: Rc::default(),
            uplink,
            throttles: RefCell::default(),
            stalled: RefCell::default(),
            failure: RefCell::default(),
            cancel_weights: Cell::new(settings.cancel_weights),
            yield_chance: Cell::new(settings.yield_chance),
            ended: Cell::new(false),
            budget: RefCell::new(Budget::new(Instant::ZERO)),
            settings,
        })
    }

    pub(crate) fn now(&self) -> Instant {
        self.executor.now()
    }

    pub(crate) fn record(&self, event: &Event<'_>) {
        self.recorder.record(self.now(), event);
    }

    pub(crate) fn send(&self, from: HostId, packet: Vec<u8>) {
        if let Some(uplink) = self.uplink.upgrade() {
            uplink.send(from, packet);
        }
    }

    /// Writes an event of a program's own down, where somebody listens.
    pub(crate) fn note(&self, host: Option<HostId>, note: Note) {
        self.recorder.note(self.now(), host, note);
    }

    /// The first failure is the run's.
    pub(crate) fn fail(&self, failure: Failure) {
        self.failure.borrow_mut().get_or_insert(failure);
    }

    /// A run begins: its wall-clock time counts from here.
    pub(crate) fn begin_run(&self) {
        self.budget.replace(Budget::new(self.now()));
    }

    /// Counts a poll of a task. False when no task may be polled any more: the run has failed.
    pub(crate) fn spend_poll(&self, host: &str, task: &str) -> bool {
        if self.failure.borrow().is_some() {
            return false;
        }
        let at = self.now();
        let polls = self.budget.borrow_mut().spend_poll(at);
        if polls > self.settings.poll_budget {
            self.fail(Failure::Livelock { host: host.to_owned(), task: task.to_owned(), polls, at });
        }
        true
    }

    /// Fails the run if it takes too long outside.
    pub(crate) fn check_wall(&self) {
        if let Some(wall) = self.settings.wall_limit
            && self.budget.borrow().wall() > wall
        {
            self.fail(Failure::Slow { wall, at: self.now() });
        }
    }

    pub(crate) fn failure(&self) -> Option<Failure> {
        self.failure.borrow().clone()
    }

    /// Nothing is recorded any more.
    pub(crate) fn end(&self) {
        self.ended.set(true);
        self.recorder.detach();
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended.get()
    }

    // Slow readers.

    pub(crate) fn set_read_rate(&self, readers: Readers, rate: ReadRate) {
        let now = self.now();
        self.throttles.borrow_mut().entry(readers).or_default().set(rate, now);
        self.record(&Event::Fault(Fault::Reading { readers, rate }));
        self.wake_stalled();
    }

    pub(crate) fn unthrottle(&self) {
        let slow = std::mem::take(&mut *self.throttles.borrow_mut());
        for readers in slow.into_keys() {
            self.record(&Event::Fault(Fault::Reading { readers, rate: ReadRate::Unlimited }));
        }
        self.wake_stalled();
    }

    fn wake_stalled(&self) {
        let stalled = std::mem::take(&mut *self.stalled.borrow_mut());
        stalled.into_iter().for_each(Waker::wake);
    }

    /// How much may be read now; the least of what any of these readers may.
    pub(crate) fn read_allowance(&self, readers: [Readers; 2]) -> Allowance {
        let throttles = self.throttles.borrow();
        if throttles.is_empty() {
            return Allowance::Bytes(usize::MAX);
        }
        let now = self.now();
        let mut allowance = Allowance::Bytes(usize::MAX);
        for throttle in readers.iter().filter_map(|readers| throttles.get(readers)) {
            allowance = match (allowance, throttle.allowance(now)) {
                (Allowance::Never, _) | (_, Allowance::Never) => Allowance::Never,
                (Allowance::At(a), Allowance::At(b)) => Allowance::At(a.max(b)),
                (Allowance::At(at), _) | (_, Allowance::At(at)) => Allowance::At(at),
                (Allowance::Bytes(a), Allowance::Bytes(b)) => Allowance::Bytes(a.min(b)),
            };
        }
        allowance
    }

    pub(crate) fn took(&self, readers: [Readers; 2], bytes: usize) {
        let mut throttles = self.throttles.borrow_mut();
        if !throttles.is_empty() {
            let now = self.now();
            for readers in readers {
                if let Some(throttle) = throttles.get_mut(&readers) {
                    throttle.took(now, bytes);
                }
            }
        }
    }

    /// Wakes `waker` when a read rate changes.
    pub(crate) fn wait_for_rate(&self, waker: &Waker) {
        self.stalled.borrow_mut().push(waker.clone());
    }

    pub(crate) fn set_cancel_weights(&self, weights: CancelWeights) {
        self.cancel_weights.set(weights);
    }

    pub(crate) fn set_yield_chance(&self, chance: f64) {
        self.yield_chance.set(chance);
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment").field("executor", &self.executor).finish_non_exhaustive()
    }
}
