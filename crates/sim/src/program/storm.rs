//! A storm over somebody's programs: links and faults in the words of scenario files, decided by the seed.

use std::cell::RefCell;
use std::rc::Rc;

use seaworthy_core::Instant;

use super::sim::Sim;
use crate::script::conditions::{self, Conditions};
use crate::script::timeline::{self, Step};
use crate::script::{BadScenario, FaultPlan, LinkModel, Storm};
use crate::trace::{Log, Name};
use seaworthy_engine::Control;

impl Sim {
    /// Makes links as `script` says, and its faults at their times, counted from the start of the simulation. When its
    /// `duration` is over, everything that it broke is mended: what comes after must make progress.
    ///
    /// A script has the tables `[network]`, `[[link]]` and `[[fault]]` of scenario files, and `duration`. Every range in
    /// it is decided by the simulation's seed. `worker` means `worker-1`, `worker-2` and so on, where such hosts are.
    /// Call it when all hosts that it names were added.
    ///
    /// ```
    /// # use seaworthy_sim::Sim;
    /// # let sim = Sim::new(1);
    /// # for name in ["broker", "worker-1", "worker-2"] { sim.host(name, |_| async { Ok(()) }); }
    /// sim.storm(r#"
    ///     duration = "20s"
    ///     network = { latency = "1ms..20ms", loss = "0..0.01" }
    ///
    ///     [[fault]]
    ///     at = "1s..3s"
    ///     for = "10ms..2s"
    ///     every = "5s"
    ///     times = "0..4"
    ///     crash = "worker"
    /// "#)?;
    /// # Ok::<(), seaworthy_sim::script::BadScenario>(())
    /// ```
    ///
    /// # Errors
    /// What is wrong with the script, with its line and its key.
    ///
    /// # Panics
    /// When there is a storm already.
    pub fn storm(&self, script: &str) -> Result<(), BadScenario> {
        let control = self.control();
        let names: Vec<Name> = control.hosts().into_iter().map(|host| control.name(host).into()).collect();
        let scripted = Storm::parse(script, &names)?.planned(&names, self.simulation.settings().seed);
        let plan = Rc::new(match self.storm.replacing.clone() {
            Some(storm) => FaultPlan { storm, ..scripted },
            None => scripted,
        });
        let before = self.storm.played.replace(Some((*plan).clone()));
        assert!(before.is_none(), "there is a storm already");
        if plan.storm.network != LinkModel::default() {
            let network = conditions::link_config(&plan.storm.network, control.default_link());
            for from in control.hosts() {
                for to in control.hosts().into_iter().filter(|to| *to != from) {
                    self.quietly(|| control.set_link(from, to, network.clone()));
                }
            }
        }
        self.quietly(|| conditions::set_links(&control, &plan));
        let weather = Rc::new(Weather {
            conditions: RefCell::new(Some(Conditions::none())),
            log: self.log.clone(),
            plan,
        });
        for step in timeline::timeline(&weather.plan) {
            let weather = Rc::clone(&weather);
            self.agenda.add(step.at, Box::new(move |control| weather.turns(control, &step)));
        }
        let end = timeline::instant(weather.plan.storm.duration.0);
        self.agenda.add(end, Box::new(move |control| weather.clears(control, end)));
        Ok(())
    }

    fn quietly(&self, act: impl FnOnce()) {
        quietly(self.log.as_ref(), act);
    }
}

/// What a storm was made of, and what it is to be made of instead of its script.
#[derive(Debug, Default)]
pub(super) struct Storms {
    pub(super) replacing: Option<Storm>,
    pub(super) played: RefCell<Option<FaultPlan>>,
}

/// A storm that goes on.
struct Weather {
    plan: Rc<FaultPlan>,
    conditions: RefCell<Option<Conditions>>,
    log: Option<Log>,
}

impl Weather {
    /// A fault begins or ends.
    fn turns(&self, control: &Control, step: &Step) {
        if let Some(log) = &self.log {
            step.record(&self.plan, &log.recorder);
        }
        self.becomes(control, Conditions::of(&self.plan, &step.active));
    }

    /// The storm is over.
    fn clears(&self, control: &Control, now: Instant) {
        if let Some(log) = &self.log {
            let timeline = timeline::timeline(&self.plan);
            for fault in timeline.last().iter().flat_map(|step| &step.active) {
                Step::healing(now, *fault).record(&self.plan, &log.recorder);
            }
        }
        self.becomes(control, Conditions::none());
    }

    fn becomes(&self, control: &Control, next: Conditions) {
        let before = self.conditions.borrow_mut().take().unwrap_or_default();
        let mut after = None;
        quietly(self.log.as_ref(), || after = Some(before.change_to(next, control, &self.plan, None)));
        *self.conditions.borrow_mut() = after;
    }
}

/// Makes faults of which the storm has told.
fn quietly(log: Option<&Log>, act: impl FnOnce()) {
    let set = |quiet| {
        if let Some(log) = log {
            log.in_storm.set(quiet);
        }
    };
    set(true);
    act();
    set(false);
}
