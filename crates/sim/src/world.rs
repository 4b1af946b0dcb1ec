//! What the hosts of one simulation share: time, wire, names, failure.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::task::Waker;
use std::time::Duration;

use seaworthy_core::Instant;

use crate::budget::Budget;
use crate::event::{DropReason, Event, HostId};
use crate::fault::{CancelWeights, Fault, ReadRate, Readers};
use crate::host::{Host, Program};
use crate::link::{Link, LinkConfig, Passage};
use crate::log::Log;
use crate::network::{Action, Carrier, Packet, Wire};
use crate::recorder::Recorder;
use crate::sim::Failure;
use crate::throttle::{Allowance, Throttle};
use crate::trace::{Note, Observer};

/// What a simulation is built with.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) seed: u64,
    pub(crate) link: LinkConfig,
    pub(crate) send_buffer: usize,
    pub(crate) receive_buffer: usize,
    pub(crate) mtu: usize,
    pub(crate) connect_timeout: Duration,
    pub(crate) user_timeout: Duration,
    pub(crate) shuffle: bool,
    pub(crate) poll_budget: u64,
    pub(crate) wall_limit: Option<Duration>,
    pub(crate) cancel_weights: CancelWeights,
    pub(crate) yield_chance: f64,
    pub(crate) record: bool,
}

impl Settings {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed,
            link: LinkConfig::default(),
            send_buffer: 64 * 1024,
            receive_buffer: 64 * 1024,
            mtu: 1500,
            // Linux: 6 retries of a SYN, from one second, doubling.
            connect_timeout: Duration::from_secs(127),
            // Linux: tcp_retries2 = 15 comes to 924.6 seconds.
            user_timeout: Duration::from_millis(924_600),
            shuffle: false,
            poll_budget: 1_000_000,
            wall_limit: None,
            cancel_weights: CancelWeights::default(),
            yield_chance: 0.0,
            record: true,
        }
    }
}

/// The hosts, and everything between them.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) settings: Settings,
    pub(crate) carrier: Rc<dyn Carrier>,
    pub(crate) recorder: Rc<Recorder>,
    /// The trace, if there is one.
    pub(crate) log: Option<Log>,
    wire: Wire,
    hosts: RefCell<Vec<Rc<Host>>>,
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

impl World {
    pub(crate) fn new(settings: Settings, carrier: Rc<dyn Carrier>) -> Rc<Self> {
        let recorder: Rc<Recorder> = Rc::default();
        let log = settings.record.then(Log::default);
        if let Some(log) = &log {
            recorder.add(Box::new(Observer::of_programs(log, settings.link.clone())));
        }
        Rc::new(Self {
            carrier,
            recorder,
            log,
            wire: Wire::default(),
            hosts: RefCell::default(),
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
        self.carrier.now()
    }

    pub(crate) fn record(&self, event: &Event<'_>) {
        self.recorder.record(self.now(), event);
    }

    /// Writes an event of a program's own into the trace.
    pub(crate) fn note(&self, host: Option<HostId>, note: Note) {
        if let Some(log) = &self.log {
            log.note(self.now(), host.map(HostId::index), note);
        }
    }

    /// Adds a host at the next address: 10.0.0.1, 10.0.0.2, …
    pub(crate) fn add_host(self: &Rc<Self>, name: &str, program: Program) -> Rc<Host> {
        let number = self.hosts.borrow().len() as u32;
        let address = Ipv4Addr::from_bits(Ipv4Addr::new(10, 0, 0, 1).to_bits() + number);
        self.add_host_at(name, address, program)
    }

    /// Adds a host at an address that the carrier chose.
    pub(crate) fn add_host_at(self: &Rc<Self>, name: &str, address: Ipv4Addr, program: Program) -> Rc<Host> {
        let id = HostId(self.hosts.borrow().len() as u32);
        let host = Host::new(Rc::clone(self), id, name, address, program);
        self.hosts.borrow_mut().push(Rc::clone(&host));
        if let Some(log) = &self.log {
            log.hosts.borrow_mut().push(name.into());
        }
        host
    }

    pub(crate) fn host(&self, id: HostId) -> Option<Rc<Host>> {
        self.hosts.borrow().get(id.index()).cloned()
    }

    pub(crate) fn host_named(&self, name: &str) -> Option<Rc<Host>> {
        self.hosts.borrow().iter().find(|host| host.name == name).cloned()
    }

    pub(crate) fn host_at(&self, address: Ipv4Addr) -> Option<Rc<Host>> {
        let hosts = self.hosts.borrow();
        let index = address.to_bits().wrapping_sub(Ipv4Addr::new(10, 0, 0, 1).to_bits()) as usize;
        let expected = hosts.get(index).filter(|host| host.address == address);
        expected.or_else(|| hosts.iter().find(|host| host.address == address)).cloned()
    }

    /// True if there is a host with this address, up or down.
    pub(crate) fn is_reachable(&self, address: Ipv4Addr) -> bool {
        self.host_at(address).is_some() || self.carrier.knows(address)
    }

    pub(crate) fn host_ids(&self) -> Vec<HostId> {
        self.hosts.borrow().iter().map(|host| host.id).collect()
    }

    pub(crate) fn all_finished(&self) -> bool {
        self.hosts.borrow().iter().all(|host| host.is_finished())
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

    /// Ends all tasks, silently, and lets go of the hosts.
    pub(crate) fn end(&self) {
        self.ended.set(true);
        self.recorder.detach();
        let hosts = std::mem::take(&mut *self.hosts.borrow_mut());
        for host in &hosts {
            host.end();
        }
        self.carrier.end();
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended.get()
    }

    pub(crate) fn perform(&self, action: Action) {
        match action {
            Action::Wake(waker) => waker.wake(),
            Action::Kernel(host) => {
                if let Some(host) = self.host(host) {
                    host.kernel().tick();
                }
            }
            Action::Carry { from, to, packet } => match self.host_at(to) {
                Some(host) => self.deliver(Some(from), &host, packet),
                None => self.record(&Event::PacketDropped { packet: packet.id, reason: DropReason::NoRoute }),
            },
        }
    }

    // The wire.

    pub(crate) fn send(&self, from: &Host, bytes: Vec<u8>) {
        if !self.has_ended() {
            self.wire.send(self, from, bytes);
        }
    }

    pub(crate) fn deliver(&self, from: Option<HostId>, to: &Host, packet: Packet) {
        self.wire.deliver(self, from, to, packet);
    }

    pub(crate) fn with_link<R>(
        &self,
        from: HostId,
        to: HostId,
        change: impl FnOnce(&mut Link<Packet>) -> R,
    ) -> R {
        self.wire.with_link(self, from, to, change)
    }

    pub(crate) fn set_passage(&self, from: HostId, to: HostId, passage: Passage) {
        let before = self.with_link(from, to, |link| std::mem::replace(&mut link.passage, passage));
        if before != passage {
            self.record(&Event::Fault(match passage {
                Passage::Open => Fault::Healed { from, to },
                Passage::Cut => Fault::Cut { from, to },
                Passage::BlackHole => Fault::BlackHole { from, to },
            }));
        }
    }

    pub(crate) fn hold(&self, from: HostId, to: HostId) {
        let already = self.with_link(from, to, |link| link.held.is_some());
        if !already {
            self.with_link(from, to, |link| link.held = Some(Vec::new()));
            self.record(&Event::Fault(Fault::Held { from, to }));
        }
    }

    pub(crate) fn release(&self, from: HostId, to: HostId) {
        let Some(held) = self.with_link(from, to, |link| link.held.take()) else { return };
        self.record(&Event::Fault(Fault::Released { from, to }));
        if let Some(receiver) = self.host(to) {
            for packet in held {
                self.carrier.schedule(from, self.now(), Action::Carry { from, to: receiver.address, packet });
            }
        }
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

    // Dropped operations.

    pub(crate) fn set_cancel_weights(&self, weights: CancelWeights) {
        self.cancel_weights.set(weights);
    }

    pub(crate) fn set_yield_chance(&self, chance: f64) {
        self.yield_chance.set(chance);
    }
}
