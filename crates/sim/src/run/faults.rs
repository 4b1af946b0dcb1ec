//! When which faults begin and end.

use std::collections::BTreeSet;
use std::time::Duration;

use seaworthy_core::Instant;

use crate::scenario::{Fault, Plan};
use crate::trace::{Recorder, What};

/// A moment at which a fault begins or ends, and all that are active from then on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Step {
    pub(crate) at: Instant,
    pub(crate) fault: usize,
    pub(crate) begins: bool,
    pub(crate) active: BTreeSet<usize>,
}

impl Step {
    /// The end of a fault that lasts until everything is healed.
    pub(crate) fn healing(at: Instant, fault: usize) -> Self {
        Self { at, fault, begins: false, active: BTreeSet::new() }
    }

    pub(crate) fn record(&self, plan: &Plan, recorder: &Recorder) {
        self.record_at(self.at, plan, recorder);
    }

    /// Records it at the time at which it really came to pass.
    pub(super) fn record_at(&self, now: Instant, plan: &Plan, recorder: &Recorder) {
        let fault = self.fault;
        let what = words(&plan.scenario.fault[fault]);
        let what = if self.begins { What::Fault { fault, what } } else { What::FaultOver { fault, what } };
        recorder.push(now, None, None, what);
    }
}

/// Every beginning and every end that comes before the scripted part is over, in order. Where one fault ends and
/// another begins at the same time, the end comes first.
pub(crate) fn timeline(plan: &Plan) -> Vec<Step> {
    let mut moments = Vec::new();
    for (number, fault) in plan.scenario.fault.iter().enumerate() {
        let at = fault.at.value().0;
        moments.push((at, true, number));
        if let Some(lasts) = fault.lasts {
            moments.push((at + lasts.value().0, false, number));
        }
    }
    moments.retain(|(at, ..)| *at <= plan.scenario.duration.0);
    moments.sort_unstable();
    let mut active = BTreeSet::new();
    let step = |(at, begins, fault)| {
        if begins {
            active.insert(fault);
        } else {
            active.remove(&fault);
        }
        Step { at: instant(at), fault, begins, active: active.clone() }
    };
    moments.into_iter().map(step).collect()
}

pub(crate) fn instant(since_start: Duration) -> Instant {
    Instant::ZERO + since_start
}

/// What a trace calls a fault.
fn words(fault: &Fault) -> String {
    fault.given().iter().map(|(_, kind)| kind.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;

    #[test]
    fn faults_begin_and_end_in_order_and_ends_come_first() {
        let text = Scenario::template("t").replace(
            "[[fault]]                  # what goes wrong\nat = \"1s\"\nfor = \"1s..2s\"",
            "[[fault]]\nat = \"2s\"\nhold = [\"source\", \"worker-1\"]\n[[fault]]\nat = \"1s\"\nfor = \"1s\"",
        );
        let plan = Plan::new(&Scenario::parse("t.toml", &text).unwrap(), 1);
        let steps: Vec<_> = timeline(&plan)
            .iter()
            .map(|step| (step.at, words(&plan.scenario.fault[step.fault]), step.begins, step.active.len()))
            .collect();
        let second = |s| instant(Duration::from_secs(s));
        assert_eq!(
            steps,
            [
                (second(1), "cut source <> worker-2".to_owned(), true, 1),
                (second(2), "cut source <> worker-2".to_owned(), false, 0),
                (second(2), "hold source <> worker-1".to_owned(), true, 1),
            ]
        );
    }
}
