//! Checks: what must hold in every run, decided from its trace alone.
//!
//! Each check is a file with a function from a [`Case`] to the [`Violation`]s it finds, and a test that shows it
//! firing. None keeps state between runs, and none believes what another computed from the same events, except
//! for the [`ledger`] of who got which message.

pub mod agreement;
mod batch;
pub mod blocking;
mod case;
mod catalogue;
pub mod conservation;
pub mod coverage;
pub mod deadlock;
pub mod duplicates;
mod entry;
pub mod envelope;
pub mod exclusive_pair;
pub mod fairness;
pub mod frames;
pub mod half_open;
pub mod high_water_mark;
pub mod hostile;
pub mod ledger;
pub mod linger;
pub mod liveness;
pub mod lockstep;
mod mark;
pub mod notices;
mod operations;
pub mod order;
pub mod panics;
pub mod proxy_fairness;
pub mod publisher_filter;
mod queues;
pub mod reconnect;
pub mod relay;
pub mod resources;
pub mod resubscription;
mod streams;
pub mod subscriptions;

pub use seaworthy_engine::Violation;

pub use self::case::Case;
pub use self::catalogue::{CHECKS, Check, VIOLATIONS_MAX, all, panics};

#[cfg(test)]
mod tests;
