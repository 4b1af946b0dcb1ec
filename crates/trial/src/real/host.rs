//! A host of a real run: a program and its tasks, on a runtime that it shares with the others.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::error::Error;
use std::future::{Future, poll_fn};
use std::path::PathBuf;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Poll, Waker};

use seaworthy_core::{Instant, Network as _};

use super::address_map::leave_behind;
use super::environment::Environment;
use seaworthy_engine::Failure;
use seaworthy_engine::SeededRng;
use seaworthy_engine::clock::HostClock;
use seaworthy_engine::task::{Home, TaskRun, panic_message};
use seaworthy_engine::tasks::Tasks;
use seaworthy_engine::throttle::{Allowance, Throttle};
use seaworthy_engine::{ClockSkew, CrashKind, Fault, ReadRate, Readers, ShortIo};
use seaworthy_engine::{Event, HostId};

/// What a host runs, each time it boots.
pub(crate) type Program = Rc<dyn Fn(&Rc<Host>) -> Pin<Box<dyn Future<Output = Result<(), Box<dyn Error>>>>>>;

/// A short read takes no more than this, in bytes: nobody knows beforehand how much could be read.
const SHORT_READ_MAX: u64 = 64;

/// A host of a real run.
pub(crate) struct Host {
    pub(super) id: HostId,
    pub(super) name: String,
    pub(super) env: Rc<Environment>,
    program: Program,
    state: Cell<State>,
    boots: Cell<u32>,
    tasks: Tasks,
    pub(super) clock: HostClock,
    /// Streams that somebody holds.
    pub(super) streams: Cell<u64>,
    /// Socket files on which it listens.
    pub(super) files: RefCell<BTreeSet<PathBuf>>,
    throttle: RefCell<Throttle>,
    /// Readers that wait until they may read again.
    stalled: RefCell<Vec<Waker>>,
    short: Cell<ShortIo>,
    yield_chance: Cell<f64>,
    rng: RefCell<HostDice>,
}

struct HostDice {
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
    pub(super) fn new(env: Rc<Environment>, id: HostId, name: &str, program: Program) -> Rc<Self> {
        let rng = |purpose: &str| SeededRng::new(env.seed, &format!("{purpose} {name}"));
        let rng =
            HostDice { short_read: rng("short read"), short_write: rng("short write"), yields: rng("yield") };
        Rc::new(Self {
            id,
            name: name.to_owned(),
            env,
            program,
            state: Cell::new(State::Down),
            boots: Cell::new(0),
            tasks: Tasks::default(),
            clock: HostClock::default(),
            streams: Cell::new(0),
            files: RefCell::default(),
            throttle: RefCell::default(),
            stalled: RefCell::default(),
            short: Cell::default(),
            yield_chance: Cell::default(),
            rng: RefCell::new(rng),
        })
    }

    // Life and death.

    /// Starts the program.
    pub(super) fn boot(self: &Rc<Self>) {
        self.boots.set(self.boots.get() + 1);
        self.state.set(State::Running);
        self.tasks.start();
        self.env.record(&Event::HostStarted { host: self.id, boot: self.boots.get() });
        let run = (self.program)(self);
        let host = Rc::clone(self);
        self.spawn("main", async move {
            match run.await {
                Ok(()) => {
                    host.state.set(State::Finished);
                    host.env.record(&Event::HostFinished { host: host.id });
                }
                Err(error) => {
                    let error = error.to_string();
                    let event = Event::TaskFailed { host: host.id, task: "main", message: &error };
                    host.env.record(&event);
                    host.env.fail(Failure::Program { host: host.name.clone(), error });
                }
            }
        });
    }

    /// Kills the process: its tasks end where they are, and the kernel closes what they held.
    pub(crate) fn crash(&self) {
        if !self.is_up() {
            return;
        }
        self.env.record(&Event::HostCrashed { host: self.id, kind: CrashKind::Process });
        let files = self.files.borrow().clone();
        self.end();
        for file in files {
            // The next life of the host finds it, or makes one.
            if let Err(error) = leave_behind(&file) {
                tracing::warn!(host = self.name, %error, "no socket file was left behind");
            }
        }
    }

    /// Starts the program again after a crash.
    pub(crate) fn restart(self: &Rc<Self>) {
        if self.state.get() == State::Down {
            self.boot();
        }
    }

    /// Ends everything.
    pub(super) fn end(&self) {
        self.state.set(State::Dying);
        self.tasks.end();
        self.state.set(State::Down);
    }

    fn is_up(&self) -> bool {
        matches!(self.state.get(), State::Running | State::Finished)
    }

    pub(super) fn is_finished(&self) -> bool {
        self.state.get() == State::Finished
    }

    /// True while the process is being killed.
    pub(super) fn is_dying(&self) -> bool {
        self.state.get() == State::Dying
    }

    /// Lets no task run; what they have handed to the kernel goes on.
    pub(crate) fn pause(&self) {
        if self.is_up() && self.tasks.pause() {
            self.env.record(&Event::Fault(Fault::Paused { host: self.id }));
        }
    }

    pub(crate) fn resume(&self) {
        if self.tasks.is_paused() {
            self.env.record(&Event::Fault(Fault::Resumed { host: self.id }));
            self.tasks.resume();
        }
    }

    /// What it still holds: its tasks by name, and how many streams.
    pub(crate) fn remains(&self) -> (Vec<&'static str>, u64) {
        (self.tasks.names(), self.streams.get())
    }

    pub(super) fn spawn(self: &Rc<Self>, name: &'static str, task: impl Future<Output = ()> + 'static) {
        if !self.is_up() {
            return;
        }
        let (id, cell) = self.tasks.add(name, Box::pin(task));
        self.env.compio.spawn(name, TaskRun { host: Rc::clone(self), id, cell });
    }

    // The clock.

    /// What the host's clock shows.
    pub(super) fn now(&self) -> Instant {
        self.clock.at(self.env.now())
    }

    pub(crate) fn set_clock(&self, skew: ClockSkew) {
        self.clock.skew(self.env.now(), skew);
        self.env.record(&Event::Fault(Fault::Clock { host: self.id, skew }));
        self.clock.wake();
    }

    // Slow readers.

    pub(crate) fn set_read_rate(&self, rate: ReadRate) {
        self.throttle.borrow_mut().set(rate, self.env.now());
        self.env.record(&Event::Fault(Fault::Reading { readers: Readers::Host(self.id), rate }));
        self.stalled.take().into_iter().for_each(Waker::wake);
    }

    /// Waits until something may be read, and gives how many bytes at most.
    pub(super) async fn may_read(&self) -> usize {
        loop {
            let allowance = self.throttle.borrow().allowance(self.env.now());
            match allowance {
                Allowance::Bytes(bytes) => return bytes,
                Allowance::At(at) => self.env.sleep_until(at).await,
                Allowance::Never => self.rate_changed().await,
            }
        }
    }

    /// Waits while nothing may be read at all: what has arrived meanwhile stays away from its reader.
    pub(super) async fn is_not_stalled(&self) {
        while self.throttle.borrow().allowance(self.env.now()) == Allowance::Never {
            self.rate_changed().await;
        }
    }

    async fn rate_changed(&self) {
        let mut waited = false;
        poll_fn(|cx| {
            if std::mem::replace(&mut waited, true) {
                return Poll::Ready(());
            }
            self.stalled.borrow_mut().push(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    pub(super) fn took(&self, bytes: usize) {
        self.throttle.borrow_mut().took(self.env.now(), bytes);
    }

    // Randomness.

    pub(crate) fn set_short_io(&self, short: ShortIo) {
        self.short.set(short);
        self.env.record(&Event::Fault(Fault::ShortIo { host: self.id, short }));
    }

    pub(crate) fn set_yield_chance(&self, chance: f64) {
        self.yield_chance.set(chance);
        self.env.record(&Event::Fault(Fault::Yields { host: self.id, chance }));
    }

    /// How many of `most` bytes a read may take.
    pub(super) fn cut_read(&self, most: usize) -> usize {
        let rng = &mut self.rng.borrow_mut().short_read;
        if rng.chance(self.short.get().read) {
            (rng.between(1, SHORT_READ_MAX) as usize).min(most)
        } else {
            most
        }
    }

    /// How many of `most` bytes a write may take.
    pub(super) fn cut_write(&self, most: usize) -> usize {
        let rng = &mut self.rng.borrow_mut().short_write;
        if most >= 2 && rng.chance(self.short.get().write) {
            rng.between(1, most as u64 - 1) as usize
        } else {
            most
        }
    }

    /// Lets others run first, if the dice say so.
    pub(super) async fn yield_now(&self) {
        let mut yields = self.rng.borrow_mut().yields.chance(self.yield_chance.get());
        poll_fn(|cx| {
            if std::mem::take(&mut yields) {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Ready(())
        })
        .await;
    }
}

impl Home for Host {
    fn park(&self, waker: &Waker) -> bool {
        self.tasks.park(waker)
    }

    fn spend_poll(&self, _task: &str) -> bool {
        self.env.failure().is_none()
    }

    fn forget_task(&self, id: u64) {
        self.tasks.forget(id);
    }

    fn task_panicked(&self, task: &'static str, panic: &(dyn Any + Send)) {
        let message = panic_message(panic);
        self.env.record(&Event::TaskFailed { host: self.id, task, message: &message });
        self.env.fail(Failure::Panic { host: self.name.clone(), task: task.to_owned(), message });
    }
}
