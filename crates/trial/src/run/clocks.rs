//! Clocks that are wrong from the start of a run.

use seaworthy_engine::ClockSkew;
use seaworthy_sim::script::conditions::HostFaults;
use seaworthy_sim::script::draw::Draw;

use crate::scenario::Plan;

/// Sets every clock that is wrong from the start.
pub(super) fn set_clocks(faults: &impl HostFaults, plan: &Plan) {
    for (number, host) in plan.scenario.host.iter().enumerate() {
        if let Some(offset) = host.clock_offset.map(Draw::value).filter(|offset| !offset.0.is_zero()) {
            faults.set_clock(number, ClockSkew { jump: offset.0, drift_ppm: 0 });
        }
    }
}
