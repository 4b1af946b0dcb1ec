//! A storm over somebody's programs: links and faults in the words of scenario files, decided by the seed.

use std::rc::Rc;

use super::fault_injector::{FaultInjector, quietly};
use super::sim::Sim;
use crate::script::conditions;
use crate::script::timeline;
use crate::script::{BadScenario, FaultPlan, FaultSchedule, LinkModel};
use crate::trace::Name;

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
        let scripted = FaultSchedule::parse(script, &names)?.planned(&names, self.simulation.settings().seed);
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
        let injector = Rc::new(FaultInjector::new(Rc::clone(&plan), self.log.clone()));
        for step in timeline::timeline(&plan) {
            let injector = Rc::clone(&injector);
            self.schedule.add(step.at, Box::new(move |control| injector.step(control, &step)));
        }
        let end = timeline::instant(plan.storm.duration.0);
        self.schedule.add(end, Box::new(move |control| injector.end(control, end)));
        Ok(())
    }

    fn quietly(&self, act: impl FnOnce()) {
        quietly(self.log.as_ref(), act);
    }
}
