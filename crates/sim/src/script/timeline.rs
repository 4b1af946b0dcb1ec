//! When which faults begin and end.

use std::collections::BTreeSet;
use std::time::Duration;

use seaworthy_core::Instant;

use super::fault::Fault;
use super::fault_schedule::FaultPlan;
use crate::trace::{EventKind, Recorder};

/// A moment at which a fault begins or ends, and all that are active from then on.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// When.
    pub at: Instant,
    /// Its number in the plan.
    pub fault: usize,
    /// Whether it begins; else it ends.
    pub begins: bool,
    /// All that are active from then on, by number.
    pub active: BTreeSet<usize>,
}

impl Step {
    /// The end of a fault that lasts until everything is healed.
    pub fn healing(at: Instant, fault: usize) -> Self {
        Self { at, fault, begins: false, active: BTreeSet::new() }
    }

    /// Records it at its time.
    pub fn record(&self, plan: &FaultPlan, recorder: &Recorder) {
        self.record_at(self.at, plan, recorder);
    }

    /// Records it at the time at which it really came to pass.
    pub fn record_at(&self, now: Instant, plan: &FaultPlan, recorder: &Recorder) {
        let fault = self.fault;
        let what = words(&plan.storm.fault[fault]);
        let what =
            if self.begins { EventKind::Fault { fault, what } } else { EventKind::FaultOver { fault, what } };
        recorder.push(now, None, None, what);
    }
}

/// Every beginning and every end that comes before the scripted part is over, in order. Where one fault ends and
/// another begins at the same time, the end comes first.
pub fn timeline(plan: &FaultPlan) -> Vec<Step> {
    let mut moments = Vec::new();
    for (number, fault) in plan.storm.fault.iter().enumerate() {
        let at = fault.at.value().0;
        moments.push((at, true, number));
        if let Some(lasts) = fault.lasts {
            moments.push((at + lasts.value().0, false, number));
        }
    }
    moments.retain(|(at, ..)| *at <= plan.storm.duration.0);
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

/// A time that is counted from the start of a run.
pub fn instant(since_start: Duration) -> Instant {
    Instant::ZERO + since_start
}

/// What a trace calls a fault.
fn words(fault: &Fault) -> String {
    fault.given().iter().map(|(_, kind)| kind.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::FaultSchedule;
    use crate::trace::Name;

    #[test]
    fn faults_begin_and_end_in_order_and_ends_come_first() {
        let text = "duration = \"10s\"\n[[fault]]\nat = \"2s\"\nhold = [\"source\", \"worker-1\"]\n\
                    [[fault]]\nat = \"1s\"\nfor = \"1s\"\ncut = [\"source\", \"worker-2\"]\n";
        let hosts: Vec<Name> = ["source", "worker-1", "worker-2"].map(Name::from).to_vec();
        let plan = FaultSchedule::parse(text, &hosts).unwrap().planned(&hosts, 1);
        let steps: Vec<_> = timeline(&plan)
            .iter()
            .map(|step| (step.at, words(&plan.storm.fault[step.fault]), step.begins, step.active.len()))
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
