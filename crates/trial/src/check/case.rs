//! What a check looks at.

use std::time::Duration;

use seaworthy_sim::trace::Trace;

use crate::scenario::{BackendName, Plan};

/// A run to judge.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// What was executed.
    pub plan: &'a Plan,
    /// What happened.
    pub trace: &'a Trace,
}

/// How late a timer may be on a real machine that has other things to do.
const LATENESS: Duration = Duration::from_secs(2);

impl Case<'_> {
    /// What a limit in time allows besides what it says: nothing in a simulation, where no machine is too busy.
    pub(crate) fn lateness(&self) -> Duration {
        if self.plan.scenario.on == Some(BackendName::Real) { LATENESS } else { Duration::ZERO }
    }
}
