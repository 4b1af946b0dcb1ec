//! The hosts of one real run.

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::rc::Rc;

use seaworthy_core::Instant;
use seaworthy_engine::{Failure, Tap};

use super::environment::Environment;
use super::host::{Host, Program};

/// The hosts, and what they share.
pub(crate) struct World {
    env: Rc<Environment>,
    hosts: RefCell<Vec<Rc<Host>>>,
}

impl World {
    /// A world without hosts, at time zero. `seed` decides the chance of short and yielding operations.
    ///
    /// # Errors
    /// When there is no place for its files.
    pub(crate) fn new(seed: u64) -> io::Result<Rc<Self>> {
        Ok(Rc::new(Self { env: Environment::new(seed)?, hosts: RefCell::default() }))
    }

    /// Time since the start of the run.
    pub(crate) fn now(&self) -> Instant {
        self.env.now()
    }

    /// Completes once [`now`](Self::now) has reached `deadline`.
    pub(crate) fn sleep_until(&self, deadline: Instant) -> impl Future<Output = ()> + 'static {
        self.env.sleep_until(deadline)
    }

    /// Sends every event from now on to `tap`, too.
    pub(crate) fn tap(&self, tap: impl Tap + 'static) {
        self.env.recorder.add(Box::new(tap));
    }

    /// Adds a host and starts its program.
    pub(crate) fn host(&self, name: &str, program: Program) {
        let id = self.env.name_host(name);
        let host = Host::new(Rc::clone(&self.env), id, name, program);
        self.hosts.borrow_mut().push(Rc::clone(&host));
        host.boot();
    }

    pub(crate) fn hosts(&self) -> Vec<Rc<Host>> {
        self.hosts.borrow().clone()
    }

    pub(crate) fn all_finished(&self) -> bool {
        self.hosts.borrow().iter().all(|host| host.is_finished())
    }

    /// Why the run has failed, if it has.
    pub(crate) fn failure(&self) -> Option<Failure> {
        self.env.failure()
    }

    /// Ends every task. Nothing is recorded any more.
    pub(crate) fn end(&self) {
        self.env.end();
        for host in self.hosts.take() {
            host.end();
        }
    }
}
