//! How a socket picks pipes: four policies, of which a socket type is a composition.

mod by_identity;
mod distribute;
mod fair_queue;
mod patience;
mod round_robin;

pub(crate) use self::by_identity::{ByIdentity, Identified};
pub(crate) use self::distribute::Distribute;
pub(crate) use self::fair_queue::FairQueue;
pub(crate) use self::patience::Patience;
pub(crate) use self::round_robin::RoundRobin;
