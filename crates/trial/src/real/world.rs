//! What the hosts of one real run share: the system's clock, names, places, failure.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use seaworthy_core::{CompioNetwork, Instant, Network};

use super::host::{Host, Program};
use super::meeting::Meetings;
use super::place::Places;
use seaworthy_engine::Failure;
use seaworthy_engine::recorder::Recorder;
use seaworthy_engine::{Event, HostId, Tap};

/// The hosts, and everything between them.
pub(crate) struct World {
    pub(super) compio: CompioNetwork,
    /// When the run began, by the clock of `compio`.
    start: Instant,
    pub(super) seed: u64,
    pub(super) recorder: Recorder,
    pub(super) places: Places,
    pub(super) meetings: Meetings,
    hosts: RefCell<Vec<Rc<Host>>>,
    failure: RefCell<Option<Failure>>,
    ended: Cell<bool>,
}

impl World {
    /// A world without hosts, at time zero. `seed` decides the chance of short and yielding operations.
    ///
    /// # Errors
    /// When there is no place for its files.
    pub(crate) fn new(seed: u64) -> io::Result<Rc<Self>> {
        let compio = CompioNetwork::new();
        Ok(Rc::new(Self {
            start: compio.now(),
            seed,
            recorder: Recorder::default(),
            places: Places::new(|| compio.random())?,
            meetings: Meetings::default(),
            hosts: RefCell::default(),
            failure: RefCell::default(),
            ended: Cell::new(false),
            compio,
        }))
    }

    /// Time since the start of the run.
    pub(crate) fn now(&self) -> Instant {
        Instant::ZERO + (self.compio.now() - self.start)
    }

    /// Completes once [`now`](Self::now) has reached `deadline`.
    pub(crate) fn sleep_until(&self, deadline: Instant) -> impl Future<Output = ()> + 'static {
        self.compio.sleep_until(self.start + deadline.since_epoch())
    }

    pub(crate) fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + 'static {
        self.sleep_until(self.now() + duration)
    }

    /// Sends every event from now on to `tap`, too.
    pub(crate) fn tap(&self, tap: impl Tap + 'static) {
        self.recorder.add(Box::new(tap));
    }

    pub(super) fn record(&self, event: &Event<'_>) {
        self.recorder.record(self.now(), event);
    }

    /// Adds a host and starts its program.
    pub(crate) fn host(self: &Rc<Self>, name: &str, program: Program) {
        let id = HostId::at(self.hosts.borrow().len());
        let host = Host::new(Rc::clone(self), id, name, program);
        self.hosts.borrow_mut().push(Rc::clone(&host));
        host.boot();
    }

    pub(crate) fn hosts(&self) -> Vec<Rc<Host>> {
        self.hosts.borrow().clone()
    }

    pub(super) fn host_named(&self, name: &str) -> Option<Rc<Host>> {
        self.hosts.borrow().iter().find(|host| host.name == name).cloned()
    }

    pub(crate) fn all_finished(&self) -> bool {
        self.hosts.borrow().iter().all(|host| host.is_finished())
    }

    /// Ends the run with this failure, unless it has one.
    pub(crate) fn fail(&self, failure: Failure) {
        self.failure.borrow_mut().get_or_insert(failure);
    }

    pub(crate) fn failure(&self) -> Option<Failure> {
        self.failure.borrow().clone()
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.get()
    }

    /// Ends every task. Nothing is recorded any more.
    pub(crate) fn end(&self) {
        self.ended.set(true);
        self.recorder.detach();
        for host in self.hosts.take() {
            host.end();
        }
    }
}
