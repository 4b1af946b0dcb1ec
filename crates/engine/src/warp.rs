//! The executor of our own: one executor for all hosts, and time that jumps to the next event.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Wake, Waker};

use seaworthy_core::Instant;

use crate::executor::{Action, Executor, Task, Ticket};
use crate::failure::Failure;
use crate::id::HostId;
use crate::seeded_rng::SeededRng;
use crate::settings::Settings;
use crate::world::World;

/// Time, tasks and scheduled actions.
pub(crate) struct Warp {
    now: Cell<Instant>,
    agenda: RefCell<BTreeMap<Ticket, Action>>,
    sequence: Cell<u64>,
    tasks: RefCell<BTreeMap<u64, WarpTask>>,
    next_task: Cell<u64>,
    ready: Arc<Ready>,
}

struct WarpTask {
    /// Taken out while it is being polled.
    task: Option<Task>,
    waker: Arc<TaskWaker>,
}

/// Tasks to poll, in the order in which they were woken.
#[derive(Default)]
struct Ready(Mutex<VecDeque<u64>>);

impl Ready {
    fn push(&self, task: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(task);
    }

    fn pop(&self, shuffle: Option<&mut SeededRng>) -> Option<u64> {
        let mut queue = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match shuffle {
            Some(rng) if queue.len() > 1 => {
                let index = rng.below(queue.len() as u64) as usize;
                queue.remove(index)
            }
            _ => queue.pop_front(),
        }
    }
}

/// Puts its task into the queue, once until it is polled.
struct TaskWaker {
    task: u64,
    queued: AtomicBool,
    ready: Arc<Ready>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.queued.swap(true, Ordering::Relaxed) {
            self.ready.push(self.task);
        }
    }
}

impl Warp {
    fn new() -> Self {
        Self {
            now: Cell::new(Instant::ZERO),
            agenda: RefCell::default(),
            sequence: Cell::new(0),
            tasks: RefCell::default(),
            next_task: Cell::new(0),
            ready: Arc::default(),
        }
    }

    fn next_ticket(&self) -> Option<Ticket> {
        self.agenda.borrow().keys().next().copied()
    }
}

impl fmt::Debug for Warp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Warp").field("now", &self.now).finish_non_exhaustive()
    }
}

impl Executor for Warp {
    fn now(&self) -> Instant {
        self.now.get()
    }

    fn schedule(&self, _: HostId, at: Instant, action: Action) -> Ticket {
        let sequence = self.sequence.replace(self.sequence.get() + 1);
        let ticket = Ticket { at: at.max(self.now()), sequence };
        self.agenda.borrow_mut().insert(ticket, action);
        ticket
    }

    fn cancel(&self, _: HostId, ticket: Ticket) {
        self.agenda.borrow_mut().remove(&ticket);
    }

    fn spawn(&self, _: HostId, task: Task) {
        let id = self.next_task.replace(self.next_task.get() + 1);
        let waker =
            Arc::new(TaskWaker { task: id, queued: AtomicBool::new(true), ready: Arc::clone(&self.ready) });
        self.tasks.borrow_mut().insert(id, WarpTask { task: Some(task), waker });
        self.ready.push(id);
    }

    fn resolve(&self, _: &str) -> Option<Ipv4Addr> {
        None
    }

    fn end(&self) {
        // Tasks hold the world, and the world holds this.
        let tasks = std::mem::take(&mut *self.tasks.borrow_mut());
        drop(tasks);
        let agenda = std::mem::take(&mut *self.agenda.borrow_mut());
        drop(agenda);
    }
}

/// Runs a world in virtual time.
pub(crate) struct WarpRun {
    warp: Rc<Warp>,
    shuffle: Option<RefCell<SeededRng>>,
}

impl WarpRun {
    pub(crate) fn new(settings: Settings) -> (Rc<World>, Self) {
        let warp = Rc::new(Warp::new());
        let shuffle = settings.shuffle.then(|| RefCell::new(SeededRng::new(settings.seed, "schedule")));
        let run = Self { warp: Rc::clone(&warp), shuffle };
        (World::new(settings, warp), run)
    }

    pub(crate) fn next_event(&self) -> Option<Instant> {
        self.warp.next_ticket().map(|ticket| ticket.at)
    }

    pub(crate) fn advance(
        &self,
        world: &World,
        deadline: Instant,
        mut condition: impl FnMut() -> bool,
    ) -> Result<bool, Failure> {
        let mut steps = 0;
        loop {
            self.run_ready(world)?;
            if condition() {
                return Ok(true);
            }
            let due = self.warp.next_ticket().filter(|ticket| ticket.at <= deadline);
            let Some(ticket) = due else { break };
            self.warp.now.set(ticket.at);
            steps = u32::wrapping_add(steps, 1);
            if steps.is_multiple_of(256_u32) {
                world.environment.check_wall();
            }
            let action = self.warp.agenda.borrow_mut().remove(&ticket);
            if let Some(action) = action {
                world.perform(action);
            }
        }
        self.warp.now.set(deadline.max(self.warp.now()));
        Ok(false)
    }

    /// Polls tasks until all wait.
    fn run_ready(&self, world: &World) -> Result<(), Failure> {
        loop {
            if let Some(failure) = world.environment.failure() {
                return Err(failure);
            }
            let id = match &self.shuffle {
                Some(rng) => self.warp.ready.pop(Some(&mut rng.borrow_mut())),
                None => self.warp.ready.pop(None),
            };
            match id {
                Some(id) => self.poll(id),
                None => return Ok(()),
            }
        }
    }

    fn poll(&self, id: u64) {
        let taken =
            self.warp.tasks.borrow_mut().get_mut(&id).map(|slot| (slot.task.take(), slot.waker.clone()));
        let Some((Some(mut task), waker)) = taken else { return };
        waker.queued.store(false, Ordering::Relaxed);
        let result = task.as_mut().poll(&mut Context::from_waker(&Waker::from(waker)));
        let mut tasks = self.warp.tasks.borrow_mut();
        if result.is_ready() {
            let ended = tasks.remove(&id);
            drop(tasks);
            drop((ended, task));
        } else if let Some(slot) = tasks.get_mut(&id) {
            slot.task = Some(task);
        }
    }
}
