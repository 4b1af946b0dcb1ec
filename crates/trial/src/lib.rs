//! The scenario runner: scenario files, what their hosts do with sockets, what has to hold, and many seeds of it.
//!
//! ```text
//! scenario  files: sockets, workloads, hostile peers, expectations; links and faults are seaworthy-sim's
//! workload  what the hosts of a scenario do with sockets
//! run       one run, simulated or on this machine's network: from a seed to a verdict
//! check     what must hold, decided from the trace
//! explore   many seeds, and what they came across
//! shrink    from a scenario that fails to the smallest that fails alike
//! doctor    planted bugs, and whether the checks find them
//! report    what is written down
//! ```

#![forbid(unsafe_code)]

pub mod check;
pub mod coverage_point;
pub mod doctor;
pub mod explore;
pub mod payload;
pub mod report;
pub mod run;
pub mod scenario;
pub mod shrink;
pub mod workload;

mod coverage_tap;
mod real;

pub use coverage_point::CoveragePoint;
