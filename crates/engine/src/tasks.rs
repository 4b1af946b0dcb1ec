//! The tasks of a host: they stand still with it and end with it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::task::Waker;

use crate::executor::Task;
use crate::task::TaskCell;

/// The tasks of a host.
#[derive(Debug, Default)]
pub struct Tasks {
    cells: RefCell<BTreeMap<u64, Rc<TaskCell>>>,
    next: Cell<u64>,
    paused: Cell<bool>,
    /// Tasks that were woken while the host was paused.
    parked: RefCell<Vec<Waker>>,
}

impl Tasks {
    /// Adds a task, and gives it the number by which it is [forgotten](Self::forget).
    pub fn add(&self, name: &'static str, task: Task) -> (u64, Rc<TaskCell>) {
        let id = self.next.replace(self.next.get() + 1);
        let cell = TaskCell::new(name, task);
        self.cells.borrow_mut().insert(id, Rc::clone(&cell));
        (id, cell)
    }

    /// A task is over.
    pub fn forget(&self, id: u64) {
        self.cells.borrow_mut().remove(&id);
    }

    /// The names of those that are not over.
    pub fn names(&self) -> Vec<&'static str> {
        self.cells.borrow().values().map(|task| task.name).collect()
    }

    /// Ends all of them.
    pub fn end(&self) {
        self.parked.borrow_mut().clear();
        // Tasks that end may spawn others: their destructors run here.
        loop {
            let cells = std::mem::take(&mut *self.cells.borrow_mut());
            if cells.is_empty() {
                break;
            }
            for task in cells.values() {
                task.end();
            }
        }
    }

    /// Lets no task run from now on. False if none does already.
    pub fn pause(&self) -> bool {
        !self.paused.replace(true)
    }

    /// Whether no task runs.
    pub fn is_paused(&self) -> bool {
        self.paused.get()
    }

    /// Lets them go on.
    pub fn resume(&self) {
        self.paused.set(false);
        let parked = std::mem::take(&mut *self.parked.borrow_mut());
        parked.into_iter().for_each(Waker::wake);
    }

    /// The host starts: nothing is paused.
    pub fn start(&self) {
        self.paused.set(false);
    }

    /// Keeps a task that was woken while the host is paused. False when it is not.
    pub fn park(&self, waker: &Waker) -> bool {
        let paused = self.paused.get();
        if paused {
            self.parked.borrow_mut().push(waker.clone());
        }
        paused
    }
}
