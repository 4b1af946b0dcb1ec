//! The compio runtimes of this thread, told apart.
//!
//! compio names no runtime. Its driver's file descriptor does, as long as it lives: so a task is kept in each runtime,
//! and one whose task is finished has ended.

use std::cell::RefCell;
use std::future::pending;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;

use compio::runtime::{JoinHandle, Runtime};

use super::doorbell;
use crate::network::RuntimeId;
use crate::{Doorbell, Network};

thread_local! {
    static RUNTIMES: RefCell<Vec<Known>> = const { RefCell::new(Vec::new()) };
}

/// A runtime that tasks of this library were spawned in.
struct Known {
    id: RuntimeId,
    driver: RawFd,
    task: Option<JoinHandle<()>>,
    doorbell: Option<Arc<Doorbell>>,
}

impl Known {
    fn is_alive(&self) -> bool {
        self.task.as_ref().is_some_and(|task| !task.is_finished())
    }
}

impl Drop for Known {
    /// Dropping the handle would ask the runtime to cancel the task, and it may be gone.
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            task.detach();
        }
    }
}

/// The runtime that this is called in.
///
/// # Errors
/// There is none.
pub(super) fn current() -> io::Result<RuntimeId> {
    if let Some(id) = known(|known| known.id)? {
        return Ok(id);
    }
    let task = Some(compio::runtime::spawn(pending()));
    let id = RuntimeId::new();
    let driver = driver()?;
    RUNTIMES.with_borrow_mut(|runtimes| {
        runtimes.retain(Known::is_alive);
        runtimes.push(Known { id, driver, task, doorbell: None });
    });
    Ok(id)
}

/// Whether tasks that were spawned in a runtime run while a task waits that runs here: in that very runtime, or outside
/// of any, where somebody else may see to it.
pub(super) fn serves(id: RuntimeId) -> bool {
    match known(|known| known.id) {
        Ok(here) => here == Some(id),
        Err(_) => {
            RUNTIMES.with_borrow(|runtimes| runtimes.iter().any(|known| known.id == id && known.is_alive()))
        }
    }
}

/// The doorbell of the runtime that this is called in.
///
/// # Errors
/// There is no runtime, or no file descriptor left.
pub(super) fn current_doorbell(network: &impl Network) -> io::Result<Arc<Doorbell>> {
    current()?;
    if let Some(doorbell) = known(|known| known.doorbell.clone())?.flatten() {
        return Ok(doorbell);
    }
    let doorbell = doorbell::hang(network)?;
    known(|known| known.doorbell = Some(Arc::clone(&doorbell)))?;
    Ok(doorbell)
}

/// Looks at what is known of the runtime that this is called in, if anything is.
fn known<R>(look: impl FnOnce(&mut Known) -> R) -> io::Result<Option<R>> {
    let driver = driver()?;
    Ok(RUNTIMES.with_borrow_mut(|runtimes| {
        runtimes.iter_mut().find(|known| known.driver == driver && known.is_alive()).map(look)
    }))
}

fn driver() -> io::Result<RawFd> {
    Runtime::try_with_current(AsRawFd::as_raw_fd).map_err(|_| {
        io::Error::other("there is no compio runtime here; see `compio::runtime::Runtime::block_on` and `#[compio::main]`. In a simulation, give the context the host's network: `Context::with_network`")
    })
}
