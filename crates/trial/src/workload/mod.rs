//! What the sockets of a scenario do: the program that each simulated host runs.
//!
//! Workloads use sockets as any application would. They share a [`RunState`], which tells them when a part of the run
//! ends or a fault stops them from reading, and takes down what they did.

mod cancel;
mod deadline;
mod direct;
mod forward;
mod host;
mod hostile;
mod receive;
mod request;
mod run_state;
mod send;
mod socket;
mod waiting;
mod watch;
mod workload_context;

pub use self::host::run_host;
pub use self::run_state::RunState;
