//! What the hosts of one real run share: the system's clock, names, places, failure.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use seaworthy_core::{CompioNetwork, Instant, Network};
use seaworthy_engine::recorder::Recorder;
use seaworthy_engine::{Event, Failure, HostId};

use super::address_map::AddressMap;
use super::stream_pairing::StreamPairing;

/// What all hosts of a real run share, without the hosts.
pub(super) struct Environment {
    pub(super) compio: CompioNetwork,
    /// When the run began, by the clock of `compio`.
    start: Instant,
    pub(super) seed: u64,
    pub(super) recorder: Recorder,
    pub(super) places: AddressMap,
    pub(super) meetings: StreamPairing,
    /// The hosts' names, by number.
    names: RefCell<Vec<String>>,
    failure: RefCell<Option<Failure>>,
    ended: Cell<bool>,
}

impl Environment {
    /// An environment without names, at time zero.
    ///
    /// # Errors
    /// When there is no place for the run's files.
    pub(super) fn new(seed: u64) -> io::Result<Rc<Self>> {
        let compio = CompioNetwork::new();
        Ok(Rc::new(Self {
            start: compio.now(),
            seed,
            recorder: Recorder::default(),
            places: AddressMap::new(|| compio.random())?,
            meetings: StreamPairing::default(),
            names: RefCell::default(),
            failure: RefCell::default(),
            ended: Cell::new(false),
            compio,
        }))
    }

    /// Adds a host's name, and returns its number.
    pub(super) fn name_host(&self, name: &str) -> HostId {
        let mut names = self.names.borrow_mut();
        names.push(name.to_owned());
        HostId::at(names.len() - 1)
    }

    pub(super) fn host_named(&self, name: &str) -> Option<HostId> {
        self.names.borrow().iter().position(|host| host == name).map(HostId::at)
    }

    /// Time since the start of the run.
    pub(super) fn now(&self) -> Instant {
        Instant::ZERO + (self.compio.now() - self.start)
    }

    /// Completes once [`now`](Self::now) has reached `deadline`.
    pub(super) fn sleep_until(&self, deadline: Instant) -> impl Future<Output = ()> + 'static {
        self.compio.sleep_until(self.start + deadline.since_epoch())
    }

    pub(super) fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + 'static {
        self.sleep_until(self.now() + duration)
    }

    pub(super) fn record(&self, event: &Event<'_>) {
        self.recorder.record(self.now(), event);
    }

    /// Ends the run with this failure, unless it has one.
    pub(super) fn fail(&self, failure: Failure) {
        self.failure.borrow_mut().get_or_insert(failure);
    }

    pub(super) fn failure(&self) -> Option<Failure> {
        self.failure.borrow().clone()
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.get()
    }

    /// Nothing is recorded any more.
    pub(super) fn end(&self) {
        self.ended.set(true);
        self.recorder.detach();
    }
}
