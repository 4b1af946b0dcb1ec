//! A task of a host: it ends with its host, stands still with its host, and does not swallow its panic.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::executor::Task;
use crate::logging::Speaking;

/// The host of a task, simulated or real.
pub trait Home {
    /// Keeps a task that was woken while the host is paused. False when it is not.
    fn park(&self, waker: &Waker) -> bool;

    /// Whether the task may be polled: not once the run has failed.
    fn spend_poll(&self, task: &str) -> bool;

    /// A task is over.
    fn forget_task(&self, id: u64);

    /// A task panicked; it is over.
    fn task_panicked(&self, task: &'static str, panic: &(dyn Any + Send));

    /// Makes what is logged until it is dropped an event of this host. `None` where nobody writes it down.
    fn enter_tracing(self: &Rc<Self>) -> Option<Speaking> {
        None
    }
}

/// A task's future, where its host can drop it.
pub struct TaskCell {
    /// The task's name.
    pub name: &'static str,
    future: RefCell<Option<Task>>,
    /// Wakes the backend's side of the task.
    waker: RefCell<Option<Waker>>,
    ended: Cell<bool>,
}

impl TaskCell {
    /// A task that has not been polled.
    pub fn new(name: &'static str, task: Task) -> Rc<Self> {
        Rc::new(Self {
            name,
            future: RefCell::new(Some(task)),
            waker: RefCell::default(),
            ended: Cell::new(false),
        })
    }

    /// Drops the future, now or, if it is running, when it next waits.
    pub fn end(&self) {
        self.ended.set(true);
        let future = self.future.try_borrow_mut().ok().and_then(|mut future| future.take());
        drop(future);
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }
}

/// What the backend runs.
pub struct TaskRun<H: Home> {
    /// Whose task it is.
    pub host: Rc<H>,
    /// Its number there.
    pub id: u64,
    /// The task.
    pub cell: Rc<TaskCell>,
}

impl<H: Home> fmt::Debug for TaskRun<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskRun").field("id", &self.id).field("cell", &self.cell).finish_non_exhaustive()
    }
}

impl fmt::Debug for TaskCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskCell")
            .field("name", &self.name)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

impl<H: Home> Future for TaskRun<H> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Self { host, id, cell } = &*self;
        if cell.ended.get() {
            return Poll::Ready(());
        }
        if host.park(cx.waker()) {
            return Poll::Pending;
        }
        if !host.spend_poll(cell.name) {
            return Poll::Pending;
        }
        if cell.waker.borrow().is_none() {
            cell.waker.replace(Some(cx.waker().clone()));
        }
        let mut future = cell.future.borrow_mut();
        let Some(running) = future.as_mut() else { return Poll::Ready(()) };
        let speaking = host.enter_tracing();
        let result = catch_unwind(AssertUnwindSafe(|| running.as_mut().poll(cx)));
        drop(speaking);
        if matches!(result, Ok(Poll::Pending)) && !cell.ended.get() {
            return Poll::Pending;
        }
        let finished = future.take();
        drop(future);
        host.forget_task(*id);
        drop(finished);
        if let Err(panic) = result {
            host.task_panicked(cell.name, &*panic);
        }
        Poll::Ready(())
    }
}

impl<H: Home> Drop for TaskRun<H> {
    /// The backend gave up the task: turmoil does when its host crashes.
    fn drop(&mut self) {
        self.cell.end();
        self.host.forget_task(self.id);
    }
}

/// What a panic said.
pub fn panic_message(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|message| (*message).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "(not a message)".to_owned())
}
