//! A simulation: hosts, links, a seed, and time that passes when it is told to.

use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use seaworthy_core::Instant;

use seaworthy_engine::{
    Backend, CancelWeights, Control, Failure, HostId, LinkConfig, PacketView, RuleGuard, Settings,
    SimNetwork, Simulation, Tap, Verdict,
};

use super::fault_injector::Storms;
use super::invariants::Invariants;
use super::schedule::Schedule;
use crate::script::FaultSchedule;
use crate::trace::{Capture, Log, Observer};

/// Builds a [`Sim`].
#[derive(Clone, Debug)]
pub struct SimBuilder {
    backend: Backend,
    settings: Settings,
    capture: bool,
    storm: Option<FaultSchedule>,
    record: bool,
}

impl SimBuilder {
    /// What carries packets and keeps time. Default: [`Backend::Warp`].
    #[must_use]
    pub fn backend(mut self, backend: Backend) -> Self {
        self.backend = backend;
        self
    }

    /// Links are like this until [`Control::set_link`] changes them. Default: 1 ms, no fault.
    #[must_use]
    pub fn link(mut self, config: LinkConfig) -> Self {
        self.settings.link = config;
        self
    }

    /// Kernel buffers of streams whose options do not say, in bytes. Default: 64 KiB each.
    #[must_use]
    pub fn buffers(mut self, send: usize, receive: usize) -> Self {
        self.settings.send_buffer = send;
        self.settings.receive_buffer = receive;
        self
    }

    /// Longest IP packet, in bytes. Default 1500; at least 576.
    #[must_use]
    pub fn mtu(mut self, mtu: usize) -> Self {
        self.settings.mtu = mtu.max(576);
        self
    }

    /// How long a kernel goes on asking for a connection. Default 127 s, as Linux.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.settings.connect_timeout = timeout;
        self
    }

    /// How long a kernel goes on sending to a peer that does not answer. Default 924 s, as Linux.
    #[must_use]
    pub fn user_timeout(mut self, timeout: Duration) -> Self {
        self.settings.user_timeout = timeout;
        self
    }

    /// Runs tasks that are ready at the same time in an order drawn from the seed, instead of first come, first
    /// served. [`Backend::Warp`] only.
    #[must_use]
    pub fn shuffle(mut self, shuffle: bool) -> Self {
        self.settings.shuffle = shuffle;
        self
    }

    /// How often tasks may be polled before time must advance. Default 1 million.
    #[must_use]
    pub fn poll_budget(mut self, polls: u64) -> Self {
        self.settings.poll_budget = polls;
        self
    }

    /// How much wall-clock time a run may take. Default: as long as it likes.
    ///
    /// It is looked at between polls: a task that never returns from one is not found.
    #[must_use]
    pub fn wall_limit(mut self, limit: Duration) -> Self {
        self.settings.wall_limit = Some(limit);
        self
    }

    /// What becomes of dropped operations. See [`Control::set_cancel_weights`].
    #[must_use]
    pub fn cancel_weights(mut self, weights: CancelWeights) -> Self {
        self.settings.cancel_weights = weights;
        self
    }

    /// See [`Control::set_yield_chance`]. Default 0.
    #[must_use]
    pub fn yield_chance(mut self, chance: f64) -> Self {
        self.settings.yield_chance = chance;
        self
    }

    /// Whether there is a trace, with the events of the programs. Default: yes. It takes memory for each event.
    #[must_use]
    pub fn record(mut self, record: bool) -> Self {
        self.record = record;
        self
    }

    /// Whether packets are kept, for [`Sim::write_pcap`] and for pages. Default: no. It takes memory for each packet.
    #[must_use]
    pub fn capture(mut self, capture: bool) -> Self {
        self.capture = capture;
        self
    }

    /// The storm to make instead of the one that is scripted.
    pub(super) fn replacing_storm(mut self, storm: Option<FaultSchedule>) -> Self {
        self.storm = storm;
        self
    }

    /// The simulation, at time zero, without hosts.
    pub fn build(self) -> Sim {
        let link = self.settings.link.clone();
        let simulation = Simulation::new(self.backend, self.settings);
        let log = self.record.then(Log::default);
        if let Some(log) = &log {
            simulation.tap(Observer::of_programs(log, link));
            let log = log.clone();
            let write = move |now, host: Option<HostId>, note| log.note(now, host.map(HostId::index), note);
            simulation.write_notes(Rc::new(write));
        }
        let capture = self.capture.then(Capture::default);
        if let Some(capture) = &capture {
            simulation.tap(capture.clone());
        }
        Sim {
            simulation,
            log,
            schedule: Schedule::default(),
            promises: Invariants::default(),
            clients: RefCell::default(),
            storm: Storms { replacing: self.storm, ..Storms::default() },
            capture,
        }
    }
}

/// A simulation. See the [crate's documentation](crate).
pub struct Sim {
    pub(super) simulation: Simulation,
    /// The trace, if there is one.
    pub(super) log: Option<Log>,
    pub(super) schedule: Schedule,
    pub(super) promises: Invariants,
    /// Hosts that must finish.
    pub(super) clients: RefCell<Vec<HostId>>,
    pub(super) storm: Storms,
    pub(super) capture: Option<Capture>,
}

impl fmt::Debug for Sim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sim").field("now", &self.now()).finish_non_exhaustive()
    }
}

impl Sim {
    /// A simulation with the defaults, on [`Backend::Warp`].
    pub fn new(seed: u64) -> Self {
        Self::builder(seed).build()
    }

    /// Chooses everything else.
    pub fn builder(seed: u64) -> SimBuilder {
        SimBuilder {
            backend: Backend::Warp,
            settings: Settings::new(seed),
            capture: false,
            storm: None,
            record: true,
        }
    }

    /// Adds a host and starts its program now. Its name resolves to its address, in 10.0.0.0/8.
    ///
    /// A program that returns `Ok` has finished, and the tasks it spawned run on; an error is the run's failure.
    /// After a crash, [`Control::restart`] calls `program` again.
    ///
    /// The host is what runs the program, not compio: it waits with `net.sleep(…)` or a `Context`'s `sleep`, and spawns
    /// with `net.spawn(…)`. `compio::time::sleep` and `compio::runtime::spawn` panic there: "not in a compio runtime".
    ///
    /// # Panics
    /// When there is a host with this name already, and on turmoil while the simulation runs.
    pub fn host<P, F>(&self, name: &str, program: P) -> HostId
    where
        P: Fn(SimNetwork) -> F + 'static,
        F: Future<Output = Result<(), Box<dyn Error>>> + 'static,
    {
        if let Some(log) = &self.log {
            log.hosts.borrow_mut().push(name.into());
        }
        self.simulation.add_host(name, program)
    }

    /// Adds a host whose program has to finish: see [`run_to_end`](Self::run_to_end). Else as [`host`](Self::host).
    ///
    /// # Panics
    /// As [`host`](Self::host).
    pub fn client<P, F>(&self, name: &str, program: P) -> HostId
    where
        P: Fn(SimNetwork) -> F + 'static,
        F: Future<Output = Result<(), Box<dyn Error>>> + 'static,
    {
        let host = self.host(name, program);
        self.clients.borrow_mut().push(host);
        host
    }

    /// Does something to the simulation at a time, counted from its start.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # let sim = seaworthy_sim::Sim::new(1);
    /// # for name in ["broker", "worker"] { sim.host(name, |_| async { Ok(()) }); }
    /// sim.at(Duration::from_secs(2), |control| control.cut_both("broker", "worker"));
    /// sim.at(Duration::from_secs(5), |control| control.heal_all());
    /// ```
    pub fn at(&self, time: Duration, act: impl FnOnce(&Control) + 'static) {
        self.schedule.add(Instant::ZERO + time, Box::new(act));
    }

    /// The handle for faults.
    pub fn control(&self) -> Control {
        self.simulation.control()
    }

    /// Decides what becomes of each packet, until the guard is dropped: see [`Control::rule`].
    ///
    /// ```
    /// # let sim = seaworthy_sim::Sim::new(1);
    /// use seaworthy_sim::Verdict;
    /// let mut lost = 0;
    /// let rule = sim.rule(move |packet| {
    ///     let is_data = !packet.payload().is_empty();
    ///     lost += u32::from(is_data);
    ///     if is_data && lost <= 3 { Verdict::Drop } else { Verdict::Deliver } // the first three with data
    /// });
    /// drop(rule); // from here on packets pass
    /// ```
    pub fn rule(&self, rule: impl FnMut(&PacketView<'_>) -> Verdict + 'static) -> RuleGuard {
        self.control().rule(rule)
    }

    /// Sends every event from now on to `tap`, too.
    pub fn tap(&self, tap: impl Tap + 'static) {
        self.simulation.tap(tap);
    }

    /// The simulation's true time.
    pub fn now(&self) -> Instant {
        self.simulation.now()
    }

    /// Lets `duration` pass.
    ///
    /// # Errors
    /// As [`run_until`](Self::run_until).
    pub fn run(&self, duration: Duration) -> Result<(), Failure> {
        self.run_until(self.now() + duration)
    }

    /// Lets time pass until `deadline`.
    ///
    /// # Errors
    /// The first failure ends the run where it is. Every later run ends with it at once.
    pub fn run_until(&self, deadline: Instant) -> Result<(), Failure> {
        self.advance(deadline, || false).map(|_| ())
    }

    /// Lets time pass until `condition` holds, but not beyond `deadline`. Gives back whether it holds. It is
    /// looked at each time something has happened.
    ///
    /// # Errors
    /// As [`run_until`](Self::run_until).
    pub fn run_until_condition(
        &self,
        deadline: Instant,
        condition: impl FnMut() -> bool,
    ) -> Result<bool, Failure> {
        self.advance(deadline, condition)
    }

    /// Lets time pass until every host's program has returned, but not beyond `deadline`. Gives back whether
    /// all have.
    ///
    /// # Errors
    /// As [`run_until`](Self::run_until).
    pub fn run_until_finished(&self, deadline: Instant) -> Result<bool, Failure> {
        self.advance(deadline, || self.simulation.all_finished())
    }

    fn advance(&self, deadline: Instant, condition: impl FnMut() -> bool) -> Result<bool, Failure> {
        self.simulation.begin_run();
        let mut condition = condition;
        loop {
            while let Some(act) = self.schedule.due(self.now()) {
                act(&self.control());
            }
            let next = self.schedule.next().filter(|at| *at <= deadline);
            if self.simulation.advance(next.unwrap_or(deadline), &mut condition)? {
                return Ok(true);
            }
            if next.is_none() {
                return Ok(false);
            }
        }
    }

    /// turmoil's own simulation, for its own partitions, holds and crashes, or `None` on another backend.
    ///
    /// # Panics
    /// While the simulation runs, in a condition or a task.
    pub fn with_turmoil<R>(&self, operate: impl FnOnce(&mut turmoil::Sim<'static>) -> R) -> Option<R> {
        self.simulation.with_turmoil(operate)
    }

    /// When the next thing happens, if anything is going to. What turmoil itself holds back, by its own faults, is not
    /// seen.
    ///
    /// `None` with tasks that still wait means that they wait for ever.
    pub fn next_event(&self) -> Option<Instant> {
        [self.simulation.next_event(), self.schedule.next()].into_iter().flatten().min()
    }
}
