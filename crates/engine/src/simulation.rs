//! A simulation: a world on a backend that makes time pass.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::rc::Rc;

use seaworthy_core::Instant;

use crate::control::Control;
use crate::event::Tap;
use crate::failure::Failure;
use crate::host::Host;
use crate::id::HostId;
use crate::logging;
use crate::network::SimNetwork;
use crate::recorder::NoteWriter;
use crate::settings::Settings;
use crate::turmoil::TurmoilRun;
use crate::warp::WarpRun;
use crate::world::World;

/// What carries packets and keeps time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Backend {
    /// Every host is a turmoil host, and packets are turmoil's UDP datagrams: turmoil's own faults act on them.
    /// Time passes in ticks of a millisecond, each packet takes at least one, and idle time costs.
    Turmoil,
    /// An executor of our own that jumps from event to event. Idle time costs nothing.
    Warp,
}

/// Hosts, links and a clock, at time zero until it is [advanced](Self::advance).
pub struct Simulation {
    world: Rc<World>,
    run: Run,
}

enum Run {
    Warp(Box<WarpRun>),
    Turmoil(Box<TurmoilRun>),
}

impl fmt::Debug for Simulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulation").field("now", &self.now()).finish_non_exhaustive()
    }
}

impl Simulation {
    /// A simulation without hosts.
    pub fn new(backend: Backend, settings: Settings) -> Self {
        match backend {
            Backend::Warp => {
                let (world, run) = WarpRun::new(settings);
                Self { world, run: Run::Warp(Box::new(run)) }
            }
            Backend::Turmoil => {
                let (world, run) = TurmoilRun::new(settings);
                Self { world, run: Run::Turmoil(Box::new(run)) }
            }
        }
    }

    /// Adds a host and starts its program now.
    ///
    /// # Panics
    /// When there is a host with this name already, and on turmoil while the simulation runs.
    pub fn add_host<P, F>(&self, name: &str, program: P) -> HostId
    where
        P: Fn(SimNetwork) -> F + 'static,
        F: Future<Output = Result<(), Box<dyn Error>>> + 'static,
    {
        assert!(self.world.hosts.named(name).is_none(), "there is a host named {name:?} already");
        let world = Rc::clone(&self.world);
        let program = move |host: &Rc<Host>| -> crate::host::Running {
            Box::pin(program(SimNetwork::new(Rc::clone(&world), Rc::clone(host))))
        };
        let host = self.world.add_host(name, Rc::new(program));
        match &self.run {
            Run::Warp(_) => {}
            Run::Turmoil(run) => run.add_host(&self.world, &host),
        }
        host.boot();
        host.id
    }

    /// The handle for faults.
    pub fn control(&self) -> Control {
        Control::new(Rc::clone(&self.world))
    }

    /// Sends every event from now on to `tap`, too.
    pub fn tap(&self, tap: impl Tap + 'static) {
        self.world.environment.recorder.add(Box::new(tap));
    }

    /// Sends what programs note and what they log with `tracing` to `writer`. Without one, nobody listens.
    pub fn write_notes(&self, writer: NoteWriter) {
        self.world.environment.recorder.set_note_writer(writer);
    }

    /// What it was built with.
    pub fn settings(&self) -> &Settings {
        &self.world.environment.settings
    }

    /// The simulation's true time.
    pub fn now(&self) -> Instant {
        self.world.environment.now()
    }

    /// Why the run ended early, if it did.
    pub fn failure(&self) -> Option<Failure> {
        self.world.environment.failure()
    }

    /// Ends the run with a failure when it is called, unless it has failed already.
    pub fn failing(&self) -> impl Fn(Failure) + 'static {
        let environment = Rc::downgrade(&self.world.environment);
        move |failure| {
            if let Some(environment) = environment.upgrade() {
                environment.fail(failure);
            }
        }
    }

    /// Whether every host's program has returned.
    pub fn all_finished(&self) -> bool {
        self.world.hosts.all_finished()
    }

    /// A run begins: its wall-clock time counts from here.
    pub fn begin_run(&self) {
        self.world.environment.begin_run();
    }

    /// Lets time pass until `condition` holds, but not beyond `deadline`. Returns whether it holds. It is looked at each
    /// time something has happened.
    ///
    /// # Errors
    /// The first failure ends the run where it is. Every later run ends with it at once.
    pub fn advance(&self, deadline: Instant, condition: impl FnMut() -> bool) -> Result<bool, Failure> {
        let advance = || match &self.run {
            Run::Warp(run) => run.advance(&self.world, deadline, condition),
            Run::Turmoil(run) => run.advance(&self.world, deadline, condition),
        };
        if self.world.environment.recorder.takes_notes() { logging::listening(advance) } else { advance() }
    }

    /// When the next thing happens, if anything is going to. What turmoil itself holds back, by its own faults, is not
    /// seen.
    pub fn next_event(&self) -> Option<Instant> {
        match &self.run {
            Run::Warp(run) => run.next_event(),
            Run::Turmoil(run) => run.next_event(),
        }
    }

    /// turmoil's own simulation, or `None` on another backend.
    ///
    /// # Panics
    /// While the simulation runs, in a condition or a task.
    pub fn with_turmoil<R>(&self, operate: impl FnOnce(&mut turmoil::Sim<'static>) -> R) -> Option<R> {
        match &self.run {
            Run::Warp(_) => None,
            Run::Turmoil(run) => Some(run.with(operate)),
        }
    }
}

impl Drop for Simulation {
    /// Ends every task. Nothing is recorded any more.
    fn drop(&mut self) {
        self.world.end();
    }
}
