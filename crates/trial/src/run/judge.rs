//! Runs that are judged: once or twice, in a simulation or on the real network.

use std::rc::Rc;
use std::time::Duration;

use seaworthy_engine::Backend;
use seaworthy_sim::invariant::determinism;

use super::outcome::Outcome;
use super::real::real;
use super::simulated::run;
use crate::scenario::{BackendName, Plan};

/// Runs a plan twice and compares.
pub fn prove(plan: &Rc<Plan>, backend: Backend, wall_limit: Duration) -> Outcome {
    confirm(plan, backend, wall_limit, run(plan, backend, wall_limit))
}

/// Runs a plan once, wherever, and judges it.
pub fn once(plan: &Rc<Plan>, on: BackendName, wall_limit: Duration) -> Outcome {
    match on.simulated() {
        Some(backend) => run(plan, backend, wall_limit),
        None => real(plan, wall_limit),
    }
}

/// Runs a plan and judges it: twice where a run can be repeated, once on the real network.
pub fn judge(plan: &Rc<Plan>, on: BackendName, wall_limit: Duration) -> Outcome {
    match on.simulated() {
        Some(backend) => prove(plan, backend, wall_limit),
        None => real(plan, wall_limit),
    }
}

/// Runs a plan again and compares with what came out `first`. A run that ended early is not made again.
pub fn confirm(plan: &Rc<Plan>, backend: Backend, wall_limit: Duration, first: Outcome) -> Outcome {
    if first.failure.is_some() {
        return first;
    }
    let second = run(plan, backend, wall_limit);
    let differ = determinism::compare((&first.trace, first.audit), (&second.trace, second.audit));
    Outcome { violations: differ.into_iter().chain(first.violations.iter().cloned()).collect(), ..first }
}
