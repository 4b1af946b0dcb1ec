//! A simulation: hosts, links, a seed, and time that passes when it is told to.

use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use seaworthy_core::Instant;

use crate::agenda::Agenda;
use crate::check::Violation;
use crate::control::Control;
use crate::event::{HostId, Tap};
use crate::fault::CancelWeights;
use crate::link::LinkConfig;
use crate::logging;
use crate::network::{SimNetwork, TurmoilRun, WarpRun};
use crate::promises::Promises;
use crate::scenario::{CarrierName, Scenario};
use crate::storm::Storms;
use crate::trace::Capture;
use crate::world::{Settings, World};

/// What carries packets and keeps time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Carrier {
    /// Every host is a turmoil host, and packets are turmoil's UDP datagrams: turmoil's own faults act on them.
    /// Time passes in ticks of a millisecond, each packet takes at least one, and idle time costs.
    Turmoil,
    /// An executor of our own that jumps from event to event. Idle time costs nothing.
    Warp,
}

impl Carrier {
    /// What a scenario file calls it.
    pub const fn name(self) -> CarrierName {
        match self {
            Self::Turmoil => CarrierName::Turmoil,
            Self::Warp => CarrierName::Warp,
        }
    }
}

/// Why a run ended before its time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// A host's program returned an error.
    #[error("host {host:?}: its program failed: {error}")]
    Program {
        /// The host's name.
        host: String,
        /// The error.
        error: String,
    },
    /// A task panicked.
    #[error("host {host:?}: task {task:?} panicked: {message}")]
    Panic {
        /// The host's name.
        host: String,
        /// The task's name; `main` is the host's program.
        task: String,
        /// The panic's message.
        message: String,
    },
    /// Tasks kept each other busy and time stood still.
    #[error(
        "host {host:?}: task {task:?} is busy without end: {polls} polls at {at:?}, and time stands still"
    )]
    Livelock {
        /// The host of the task that was polled last.
        host: String,
        /// The task that was polled last.
        task: String,
        /// How many polls.
        polls: u64,
        /// When.
        at: Instant,
    },
    /// The run took more wall-clock time than it was given.
    #[error("the run took more than {wall:?} of wall-clock time and was at {at:?}")]
    Slow {
        /// What it was given.
        wall: Duration,
        /// How far it came.
        at: Instant,
    },
    /// Promises were broken.
    #[error("{}", list(.0))]
    Violations(Vec<Violation>),
    /// Programs did not come to their end.
    #[error(
        "after {limit:?} these have not finished: {}{}",
        waiting.join(", "),
        if *for_ever { "; and nothing will ever happen again" } else { "" }
    )]
    Unfinished {
        /// The hosts' names.
        waiting: Vec<String>,
        /// How long they had.
        limit: Duration,
        /// Whether nothing was ever going to happen again.
        for_ever: bool,
    },
    /// turmoil gave up.
    #[error("turmoil: {0}")]
    Turmoil(String),
    /// This machine has no place for a run on the real network.
    #[error("a run on the real network cannot begin: {0}")]
    NoPlace(String),
}

fn list(violations: &[Violation]) -> String {
    violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Builds a [`Sim`].
#[derive(Clone, Debug)]
pub struct SimBuilder {
    carrier: Carrier,
    settings: Settings,
    capture: bool,
    storm: Option<Scenario>,
}

impl SimBuilder {
    /// What carries packets and keeps time. Default: [`Carrier::Warp`].
    #[must_use]
    pub fn carrier(mut self, carrier: Carrier) -> Self {
        self.carrier = carrier;
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
    /// served. [`Carrier::Warp`] only.
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
        self.settings.record = record;
        self
    }

    /// Whether packets are kept, for [`Sim::write_pcap`] and for pages. Default: no. It takes memory for each packet.
    #[must_use]
    pub fn capture(mut self, capture: bool) -> Self {
        self.capture = capture;
        self
    }

    /// The storm to make instead of the one that is scripted.
    pub(crate) fn replacing_storm(mut self, storm: Option<Scenario>) -> Self {
        self.storm = storm;
        self
    }

    /// The simulation, at time zero, without hosts.
    pub fn build(self) -> Sim {
        let (world, run) = match self.carrier {
            Carrier::Warp => {
                let (world, run) = WarpRun::new(self.settings);
                (world, Run::Warp(Box::new(run)))
            }
            Carrier::Turmoil => {
                let (world, run) = TurmoilRun::new(self.settings);
                (world, Run::Turmoil(Box::new(run)))
            }
        };
        let capture = self.capture.then(Capture::default);
        if let Some(capture) = &capture {
            world.recorder.add(Box::new(capture.clone()));
        }
        Sim {
            world,
            run,
            agenda: Agenda::default(),
            promises: Promises::default(),
            clients: RefCell::default(),
            storm: Storms { replacing: self.storm, ..Storms::default() },
            capture,
        }
    }
}

/// A simulation. See the [crate's documentation](crate).
pub struct Sim {
    pub(crate) world: Rc<World>,
    run: Run,
    pub(crate) agenda: Agenda,
    pub(crate) promises: Promises,
    /// Hosts that must finish.
    pub(crate) clients: RefCell<Vec<HostId>>,
    pub(crate) storm: Storms,
    pub(crate) capture: Option<Capture>,
}

enum Run {
    Warp(Box<WarpRun>),
    Turmoil(Box<TurmoilRun>),
}

impl fmt::Debug for Sim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sim").field("now", &self.now()).finish_non_exhaustive()
    }
}

impl Sim {
    /// A simulation with the defaults, on [`Carrier::Warp`].
    pub fn new(seed: u64) -> Self {
        Self::builder(seed).build()
    }

    /// Chooses everything else.
    pub fn builder(seed: u64) -> SimBuilder {
        SimBuilder { carrier: Carrier::Warp, settings: Settings::new(seed), capture: false, storm: None }
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
        assert!(self.world.host_named(name).is_none(), "there is a host named {name:?} already");
        let host = self.world.add_host(name, Rc::new(move |network| Box::pin(program(network))));
        match &self.run {
            Run::Warp(_) => {}
            Run::Turmoil(run) => run.add_host(&host),
        }
        host.boot();
        host.id
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
        self.agenda.add(Instant::ZERO + time, Box::new(act));
    }

    /// The handle for faults.
    pub fn control(&self) -> Control {
        Control::new(Rc::clone(&self.world))
    }

    /// Sends every event from now on to `tap`, too.
    pub fn tap(&self, tap: impl Tap + 'static) {
        self.world.recorder.add(Box::new(tap));
    }

    /// The simulation's true time.
    pub fn now(&self) -> Instant {
        self.world.now()
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
        let world = Rc::clone(&self.world);
        self.advance(deadline, move || world.all_finished())
    }

    fn advance(&self, deadline: Instant, condition: impl FnMut() -> bool) -> Result<bool, Failure> {
        self.world.begin_run();
        let mut condition = condition;
        loop {
            while let Some(act) = self.agenda.due(self.now()) {
                act(&self.control());
            }
            let next = self.agenda.next().filter(|at| *at <= deadline);
            if self.advance_to(next.unwrap_or(deadline), &mut condition)? {
                return Ok(true);
            }
            if next.is_none() {
                return Ok(false);
            }
        }
    }

    fn advance_to(&self, deadline: Instant, condition: impl FnMut() -> bool) -> Result<bool, Failure> {
        let advance = || match &self.run {
            Run::Warp(run) => run.advance(&self.world, deadline, condition),
            Run::Turmoil(run) => run.advance(&self.world, deadline, condition),
        };
        if self.world.log.is_some() { logging::listening(advance) } else { advance() }
    }

    /// turmoil's own simulation, for its own partitions, holds and crashes, or `None` on another carrier.
    ///
    /// # Panics
    /// While the simulation runs, in a condition or a task.
    pub fn with_turmoil<R>(&self, operate: impl FnOnce(&mut turmoil::Sim<'static>) -> R) -> Option<R> {
        match &self.run {
            Run::Warp(_) => None,
            Run::Turmoil(run) => Some(run.with(operate)),
        }
    }

    /// When the next thing happens, if anything is going to. What turmoil itself holds back, by its own faults, is not
    /// seen.
    ///
    /// `None` with tasks that still wait means that they wait for ever.
    pub fn next_event(&self) -> Option<Instant> {
        let carried = match &self.run {
            Run::Warp(run) => run.next_event(),
            Run::Turmoil(run) => run.next_event(),
        };
        [carried, self.agenda.next()].into_iter().flatten().min()
    }
}

impl Drop for Sim {
    /// Ends every task. Nothing is recorded any more.
    fn drop(&mut self) {
        self.world.end();
    }
}
