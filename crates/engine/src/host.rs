//! A simulated host: a kernel, a program, its tasks, a clock and a disk.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Waker;

use seaworthy_core::Instant;

use crate::clock::HostClock;
use crate::environment::Environment;
use crate::event::Event;
use crate::failure::Failure;
use crate::fault::CancelOutcome;
use crate::fault::{ClockSkew, CrashKind, Fault, ShortIo};
use crate::id::HostId;
use crate::kernel::Kernel;
use crate::kernel::ipc::SocketFiles;
use crate::logging::Speaking;
use crate::seeded_rng::SeededRng;
use crate::task::{Home, TaskRun, panic_message};
use crate::tasks::Tasks;

/// A program that runs.
pub(crate) type Running = Pin<Box<dyn Future<Output = Result<(), Box<dyn Error>>>>>;

/// What a host runs, each time it boots.
pub(crate) type Program = Rc<dyn Fn(&Rc<Host>) -> Running>;

/// A simulated host.
pub(crate) struct Host {
    pub(crate) id: HostId,
    pub(crate) name: String,
    pub(crate) address: Ipv4Addr,
    pub(crate) environment: Rc<Environment>,
    program: Program,
    kernel: RefCell<Rc<Kernel>>,
    state: Cell<State>,
    boots: Cell<u32>,
    tasks: Tasks,
    clock: HostClock,
    /// Socket files. They outlive processes and power.
    files: Rc<SocketFiles>,
    short: Cell<ShortIo>,
    yield_chance: Cell<f64>,
    rng: RefCell<HostDice>,
}

struct HostDice {
    program: SeededRng,
    secrets: SeededRng,
    cancel: SeededRng,
    short_read: SeededRng,
    short_write: SeededRng,
    yields: SeededRng,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The program runs.
    Running,
    /// The program has returned; its tasks run on.
    Finished,
    /// The process is being killed: nobody cleans up.
    Dying,
    /// Crashed.
    Down,
}

impl Host {
    pub(crate) fn new(
        environment: Rc<Environment>,
        id: HostId,
        name: &str,
        address: Ipv4Addr,
        program: Program,
    ) -> Rc<Self> {
        let rng = |purpose: &str| SeededRng::new(environment.settings.seed, &format!("{purpose} {name}"));
        let rng = HostDice {
            program: rng("program"),
            secrets: rng("secrets"),
            cancel: rng("cancel"),
            short_read: rng("short read"),
            short_write: rng("short write"),
            yields: rng("yield"),
        };
        let files: Rc<SocketFiles> = Rc::default();
        Rc::new(Self {
            id,
            name: name.to_owned(),
            address,
            kernel: RefCell::new(Kernel::new(&environment, id, Rc::clone(&files), name, address, 0)),
            environment,
            program,
            state: Cell::new(State::Down),
            boots: Cell::new(0),
            tasks: Tasks::default(),
            clock: HostClock::default(),
            files,
            short: Cell::default(),
            yield_chance: Cell::default(),
            rng: RefCell::new(rng),
        })
    }

    pub(crate) fn kernel(&self) -> Rc<Kernel> {
        Rc::clone(&self.kernel.borrow())
    }

    // Life and death.

    /// Starts the program, with the power on.
    pub(crate) fn boot(self: &Rc<Self>) {
        self.start();
        let run = (self.program)(self);
        let host = Rc::clone(self);
        self.spawn("main", async move {
            match run.await {
                Ok(()) => {
                    host.state.set(State::Finished);
                    host.environment.record(&Event::HostFinished { host: host.id });
                }
                Err(error) => {
                    let error = error.to_string();
                    let event = Event::TaskFailed { host: host.id, task: "main", message: &error };
                    host.environment.record(&event);
                    host.environment.fail(Failure::Program { host: host.name.clone(), error });
                }
            }
        });
    }

    /// Turns the power on, without a program.
    pub(crate) fn start(self: &Rc<Self>) {
        self.boots.set(self.boots.get() + 1);
        if !self.kernel().has_power() {
            let kernel = Kernel::new(
                &self.environment,
                self.id,
                Rc::clone(&self.files),
                &self.name,
                self.address,
                self.boots.get(),
            );
            self.kernel.replace(kernel);
        }
        self.state.set(State::Running);
        self.tasks.start();
        self.environment.record(&Event::HostStarted { host: self.id, boot: self.boots.get() });
    }

    pub(crate) fn crash(&self, kind: CrashKind) {
        let was_up = self.is_up();
        let had_power = self.kernel().has_power();
        if !was_up && (kind == CrashKind::Process || !had_power) {
            return;
        }
        self.environment.record(&Event::HostCrashed { host: self.id, kind });
        if kind == CrashKind::Power {
            self.kernel().lose_power();
        }
        self.state.set(State::Dying);
        self.tasks.end();
        self.state.set(State::Down);
    }

    /// Ends everything without a trace, with the simulation.
    pub(crate) fn end(&self) {
        self.kernel().lose_power();
        self.state.set(State::Dying);
        self.tasks.end();
        self.state.set(State::Down);
    }

    pub(crate) fn is_up(&self) -> bool {
        matches!(self.state.get(), State::Running | State::Finished)
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.state.get() == State::Finished
    }

    /// True while the process is being killed: what it drops is not closed by it but by the kernel.
    pub(crate) fn is_dying(&self) -> bool {
        self.state.get() == State::Dying
    }

    pub(crate) fn pause(&self) {
        if self.is_up() && self.tasks.pause() {
            self.environment.record(&Event::Fault(Fault::Paused { host: self.id }));
        }
    }

    pub(crate) fn resume(&self) {
        if self.tasks.is_paused() {
            self.environment.record(&Event::Fault(Fault::Resumed { host: self.id }));
            self.tasks.resume();
        }
    }

    // Tasks.

    pub(crate) fn spawn(self: &Rc<Self>, name: &'static str, task: impl Future<Output = ()> + 'static) {
        if !self.is_up() {
            return;
        }
        let (id, cell) = self.tasks.add(name, Box::pin(task));
        self.environment.executor.spawn(self.id, Box::pin(TaskRun { host: Rc::clone(self), id, cell }));
    }

    pub(crate) fn task_names(&self) -> Vec<&'static str> {
        self.tasks.names()
    }

    // The clock.

    /// What the host's clock shows.
    pub(crate) fn now(&self) -> Instant {
        self.clock.at(self.environment.now())
    }

    /// The true time at which the host's clock shows `local`.
    pub(crate) fn true_time(&self, local: Instant) -> Instant {
        self.clock.when(local)
    }

    pub(crate) fn set_clock(&self, skew: ClockSkew) {
        self.clock.skew(self.environment.now(), skew);
        self.environment.record(&Event::Fault(Fault::Clock { host: self.id, skew }));
        self.clock.wake();
    }

    /// Has `waker` woken when the clock is changed, until [`forget_sleeper`](Self::forget_sleeper).
    pub(crate) fn add_sleeper(&self, waker: Waker) -> u64 {
        self.clock.add_sleeper(waker)
    }

    pub(crate) fn forget_sleeper(&self, id: u64) {
        self.clock.forget_sleeper(id);
    }

    // Randomness.

    pub(crate) fn random(&self) -> u64 {
        self.rng.borrow_mut().program.next_u64()
    }

    /// Keys and nonces of a simulated host: from a stream of their own.
    pub(crate) fn fill_secret(&self, secret: &mut [u8]) {
        let rng = &mut self.rng.borrow_mut().secrets;
        for chunk in secret.chunks_mut(8) {
            chunk.copy_from_slice(&rng.next_u64().to_le_bytes()[..chunk.len()]);
        }
    }

    pub(crate) fn yields(&self) -> bool {
        let chance = self.environment.yield_chance.get().max(self.yield_chance.get());
        chance > 0.0 && self.rng.borrow_mut().yields.chance(chance)
    }

    pub(crate) fn set_yield_chance(&self, chance: f64) {
        self.yield_chance.set(chance);
        self.environment.record(&Event::Fault(Fault::Yields { host: self.id, chance }));
    }

    pub(crate) fn set_short_io(&self, short: ShortIo) {
        self.short.set(short);
        self.environment.record(&Event::Fault(Fault::ShortIo { host: self.id, short }));
    }

    /// How many of `available` bytes a read gets.
    pub(crate) fn cut_read(&self, available: usize) -> usize {
        cut_short(&mut self.rng.borrow_mut().short_read, available, self.short.get().read)
    }

    /// How many of `room` bytes a write may fill.
    pub(crate) fn cut_write(&self, room: usize) -> usize {
        cut_short(&mut self.rng.borrow_mut().short_write, room, self.short.get().write)
    }

    /// Draws what becomes of a dropped operation on `bytes` bytes, and how many of them it moves.
    pub(crate) fn draw_cancel(&self, bytes: usize) -> (CancelOutcome, usize) {
        if self.is_dying() || bytes == 0 {
            return (CancelOutcome::Nothing, 0);
        }
        let weights = self.environment.cancel_weights.get();
        let [nothing, prefix, all] = [weights.nothing, weights.prefix, weights.all].map(u64::from);
        let mut rng = self.rng.borrow_mut();
        // Two draws each time, so that weights do not move later outcomes.
        let (outcome, length) = (rng.cancel.next_u64(), rng.cancel.next_u64());
        let point = ((u128::from(outcome) * u128::from(nothing + prefix + all)) >> 64) as u64;
        match point {
            point if point < nothing || nothing + prefix + all == 0 => (CancelOutcome::Nothing, 0),
            point if point < nothing + prefix => match bytes as u64 - 1 {
                0 => (CancelOutcome::Nothing, 0),
                most => (CancelOutcome::Prefix, 1 + (length % most) as usize),
            },
            _ => (CancelOutcome::All, bytes),
        }
    }
}

/// One of 1 to `bytes - 1` with this probability, else all.
fn cut_short(rng: &mut SeededRng, bytes: usize, chance: f64) -> usize {
    if bytes >= 2 && rng.chance(chance) { rng.between(1, bytes as u64 - 1) as usize } else { bytes }
}

impl Home for Host {
    fn park(&self, waker: &Waker) -> bool {
        self.tasks.park(waker)
    }

    fn spend_poll(&self, task: &str) -> bool {
        self.environment.spend_poll(&self.name, task)
    }

    fn forget_task(&self, id: u64) {
        self.tasks.forget(id);
    }

    fn task_panicked(&self, task: &'static str, panic: &(dyn Any + Send)) {
        let mut message = panic_message(panic);
        if message.contains(OUTSIDE_OF_COMPIO) {
            message.push_str(INSTEAD_OF_COMPIO);
        }
        self.environment.record(&Event::TaskFailed { host: self.id, task, message: &message });
        self.environment.fail(Failure::Panic { host: self.name.clone(), task: task.to_owned(), message });
    }

    fn enter_tracing(self: &Rc<Self>) -> Option<Speaking> {
        let environment = &self.environment;
        environment.recorder.takes_notes().then(|| Speaking::of(environment, self.id))
    }
}

/// What compio says to a program that it does not run.
const OUTSIDE_OF_COMPIO: &str = "not in a compio runtime";

const INSTEAD_OF_COMPIO: &str = "; a simulated host runs its program itself: use `net.sleep(…)` or `context.sleep(…)` \
                                 for `compio::time`, `net.spawn(…)` for `compio::runtime::spawn`, and a context made \
                                 by `Context::with_network(net)`";

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host")
            .field("name", &self.name)
            .field("address", &self.address)
            .field("state", &self.state.get())
            .field("tasks", &self.task_names())
            .finish_non_exhaustive()
    }
}
