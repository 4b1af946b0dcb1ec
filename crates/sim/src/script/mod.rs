//! Scripts: links and faults, in the words of scenario files, and how a seed decides them.
//!
//! ```text
//! text --parse--> Storm --problems--> Storm --resolved(seed)--> FaultPlan --timeline, Conditions--> Control
//! ```
//!
//! Scenario files have the same tables for links and faults, and more for what sockets do; whoever runs those brings the
//! names of sockets along.

pub mod conditions;
pub mod draw;
pub mod error;
pub mod fault;
pub mod fault_schedule;
pub mod latency;
pub mod link;
pub mod names;
pub mod quantity;
pub mod reduction;
pub mod resolve;
mod smaller;
pub mod timeline;
pub mod validate;
mod words;

pub use self::error::{BadScenario, Place, Problem};
pub use self::fault::{
    Cancel, CancelOperation, ClockChange, Fault, FaultKind, ShortOperations, SlowReader, Yields,
};
pub use self::fault_schedule::{FaultPlan, FaultSchedule};
pub use self::latency::{LatencyModel, LatencyShape};
pub use self::link::{Link, LinkModel};
