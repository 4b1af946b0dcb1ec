//! A storm while it goes on.

use std::cell::RefCell;
use std::rc::Rc;

use seaworthy_core::Instant;
use seaworthy_engine::Control;

use crate::script::conditions::Conditions;
use crate::script::timeline::{self, Step};
use crate::script::{FaultPlan, FaultSchedule};
use crate::trace::Log;

/// What a storm was made of, and what it is to be made of instead of its script.
#[derive(Debug, Default)]
pub(super) struct Storms {
    pub(super) replacing: Option<FaultSchedule>,
    pub(super) played: RefCell<Option<FaultPlan>>,
}

/// A storm that goes on.
pub(super) struct FaultInjector {
    plan: Rc<FaultPlan>,
    conditions: RefCell<Option<Conditions>>,
    log: Option<Log>,
}

impl FaultInjector {
    pub(super) fn new(plan: Rc<FaultPlan>, log: Option<Log>) -> Self {
        Self { plan, conditions: RefCell::new(Some(Conditions::none())), log }
    }

    /// A fault begins or ends.
    pub(super) fn step(&self, control: &Control, step: &Step) {
        if let Some(log) = &self.log {
            step.record(&self.plan, &log.recorder);
        }
        self.apply(control, Conditions::of(&self.plan, &step.active));
    }

    /// The storm is over.
    pub(super) fn end(&self, control: &Control, now: Instant) {
        if let Some(log) = &self.log {
            let timeline = timeline::timeline(&self.plan);
            for fault in timeline.last().iter().flat_map(|step| &step.active) {
                Step::healing(now, *fault).record(&self.plan, &log.recorder);
            }
        }
        self.apply(control, Conditions::none());
    }

    fn apply(&self, control: &Control, next: Conditions) {
        let before = self.conditions.borrow_mut().take().unwrap_or_default();
        let mut after = None;
        quietly(self.log.as_ref(), || after = Some(before.change_to(next, control, &self.plan, None)));
        *self.conditions.borrow_mut() = after;
    }
}

/// Makes faults of which the storm has told.
pub(super) fn quietly(log: Option<&Log>, act: impl FnOnce()) {
    let set = |quiet| {
        if let Some(log) = log {
            log.in_storm.set(quiet);
        }
    };
    set(true);
    act();
    set(false);
}
