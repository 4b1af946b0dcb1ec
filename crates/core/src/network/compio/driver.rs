//! What a compio runtime does its I/O with: io_uring, or epoll where that is missing or forbidden.

use std::fmt;
use std::io;
use std::str::FromStr;
use std::sync::Once;

use compio::driver::{DriverType, ProactorBuilder};
use compio::runtime::Runtime;

/// Says which driver [`runtime`] uses.
const VARIABLE: &str = "SEAWORTHY_DRIVER";

/// What a compio runtime does its I/O with.
///
/// compio decides when a runtime is made, also by `compio::runtime::Runtime::new()` and `#[compio::main]`: io_uring
/// where the kernel has it and allows it, epoll elsewhere. Containers often forbid it: Docker's default seccomp
/// profile does. Sockets behave alike on both. The first stream or listener of a process on epoll is told in an
/// event of `tracing` with the reason: at `WARN` if io_uring cannot be used, at `INFO` otherwise.
///
/// ```
/// use seaworthy_core::Driver;
///
/// let runtime = Driver::Epoll.runtime()?;
/// assert_eq!(runtime.block_on(async { Driver::current() }), Some(Driver::Epoll));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Driver {
    /// io_uring: the kernel does an operation and says how it went.
    IoUring,
    /// epoll: the kernel says when a file is ready, and a system call does the operation.
    Epoll,
}

impl Driver {
    /// The driver of the compio runtime that this thread is in. `None` outside a runtime.
    pub fn current() -> Option<Self> {
        Runtime::try_with_current(|runtime| runtime.driver_type().into()).ok()
    }

    /// A compio runtime with this driver and compio's defaults. For other settings hand compio's own builder a
    /// `ProactorBuilder` with the `driver_type`.
    ///
    /// # Errors
    /// When this machine has no such driver, or forbids it.
    pub fn runtime(self) -> io::Result<Runtime> {
        let mut proactor = ProactorBuilder::new();
        proactor.driver_type(match self {
            Self::IoUring => DriverType::IoUring,
            Self::Epoll => DriverType::Poll,
        });
        Runtime::builder()
            .with_proactor(proactor)
            .build()
            .map_err(|error| io::Error::new(error.kind(), format!("{self} cannot be used: {error}")))
    }
}

impl From<DriverType> for Driver {
    fn from(driver: DriverType) -> Self {
        if driver.is_polling() { Self::Epoll } else { Self::IoUring }
    }
}

impl fmt::Display for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::IoUring => "io_uring",
            Self::Epoll => "epoll",
        })
    }
}

impl FromStr for Driver {
    type Err = io::Error;

    /// Reads what [`Display`](fmt::Display) writes.
    fn from_str(name: &str) -> io::Result<Self> {
        match name {
            "io_uring" => Ok(Self::IoUring),
            "epoll" => Ok(Self::Epoll),
            _ => Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{name:?} is no driver: io_uring or epoll"),
            )),
        }
    }
}

/// A compio runtime with the driver that the environment variable `SEAWORTHY_DRIVER` names, `io_uring` or `epoll`;
/// without it, as compio decides.
///
/// # Errors
/// When the variable names no driver, and when this machine has no such driver or forbids it.
pub fn runtime() -> io::Result<Runtime> {
    match std::env::var_os(VARIABLE).filter(|value| !value.is_empty()) {
        None => Runtime::new(),
        Some(name) => name
            .to_string_lossy()
            .parse::<Driver>()
            .and_then(Driver::runtime)
            .map_err(|error| io::Error::new(error.kind(), format!("{VARIABLE}: {error}"))),
    }
}

/// Says why the current runtime is on epoll, once in a process.
pub(super) fn report_epoll() {
    static REPORT: Once = Once::new();
    if Driver::current() == Some(Driver::Epoll) {
        REPORT.call_once(|| match Driver::IoUring.runtime() {
            Err(reason) => tracing::warn!(%reason, "on epoll"),
            Ok(_) => tracing::info!(
                reason = "the runtime was made so, or io_uring lacks operations on this kernel",
                "on epoll"
            ),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_driver_is_read_as_it_is_written_and_nothing_else_is() {
        for driver in [Driver::IoUring, Driver::Epoll] {
            assert_eq!(driver.to_string().parse::<Driver>().unwrap(), driver);
        }
        let error = "uring".parse::<Driver>().unwrap_err();
        assert!(error.to_string().contains("\"uring\""), "{error}");
    }

    #[test]
    fn no_thread_outside_a_runtime_has_a_driver() {
        assert_eq!(Driver::current(), None);
    }
}
