//! Simulations of somebody's programs: what they run in, what goes wrong, what must hold, and many seeds of it.

mod artifacts;
mod cancel;
mod explorer;
mod failure_report;
mod fault_injector;
mod invariants;
mod judge;
mod played;
mod schedule;
mod silence_panics;
mod sim;
mod storm;
mod sweep;

pub use self::cancel::CancelPoint;
pub use self::explorer::Explorer;
pub use self::failure_report::FailureReport;
pub use self::sim::{Sim, SimBuilder};
