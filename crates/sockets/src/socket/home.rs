//! The runtime that a socket belongs to.

use std::cell::Cell;
use std::io;

use seaworthy_core::{Network, RuntimeId};

use crate::error::Error;

/// The runtime in which a socket bound or connected its first endpoint. Its transport runs there: a task that waits
/// in another one would wait forever.
pub(super) struct Home {
    runtime: Cell<Option<RuntimeId>>,
    here: Box<dyn Fn() -> io::Result<RuntimeId>>,
    serves: Box<dyn Fn(RuntimeId) -> bool>,
}

impl Home {
    pub(super) fn new(network: &impl Network) -> Self {
        let (here, serves) = (network.clone(), network.clone());
        Self {
            runtime: Cell::new(None),
            here: Box::new(move || here.runtime()),
            serves: Box::new(move |runtime| serves.serves(runtime)),
        }
    }

    /// Makes the present runtime the socket's, which is about to have tasks.
    ///
    /// # Errors
    /// [`Runtime`](Error::Runtime): there is none, or the socket belongs to another.
    pub(super) fn settle(&self, operation: &'static str) -> Result<(), Error> {
        let here = (self.here)().map_err(|source| Error::Runtime { operation, source })?;
        match self.runtime.get() {
            Some(home) if home != here => Err(elsewhere(operation)),
            Some(_) => Ok(()),
            None => {
                self.runtime.set(Some(here));
                Ok(())
            }
        }
    }

    /// True when a task that waits here is woken: in the socket's runtime, or outside of any while that one lives.
    pub(super) fn can_wait(&self) -> bool {
        self.runtime.get().is_none_or(|home| (self.serves)(home))
    }

    /// # Errors
    /// [`Runtime`](Error::Runtime): a task that waits here would not be woken.
    pub(super) fn check(&self, operation: &'static str) -> Result<(), Error> {
        if self.can_wait() { Ok(()) } else { Err(elsewhere(operation)) }
    }
}

#[cold]
fn elsewhere(operation: &'static str) -> Error {
    let reason = "the socket belongs to the runtime that it bound or connected its first endpoint in, and that one has \
                  ended or is another than this; make the socket where it is used";
    Error::Runtime { operation, source: io::Error::other(reason) }
}
