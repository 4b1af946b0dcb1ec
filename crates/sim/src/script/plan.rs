//! What a run does to links and hosts: a storm that a seed has decided, over hosts that have numbers.

use super::storm::Storm;
use crate::trace::Name;

/// A resolved storm and the hosts of a run, in the order in which they were added.
#[derive(Clone, Debug)]
pub struct FaultPlan {
    /// The hosts' names, by number.
    pub hosts: Vec<Name>,
    /// Links and faults, with every group spelled out and every range decided.
    pub storm: Storm,
}
