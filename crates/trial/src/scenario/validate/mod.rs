//! What is written correctly and still cannot be: unknown names, faults after the end, roles a socket cannot play.
//!
//! All problems of a file are found in one pass, each with its place.

mod hostile;
mod proxy;
mod socket;
mod workload;

use std::ops::{Deref, DerefMut};

use seaworthy_sim::script::error::Place;
pub use seaworthy_sim::script::validate::MEMBERS_MAX;
use seaworthy_sim::script::validate::Problems as ScriptProblems;

use super::names::Names;
use super::{Must, MustEvent, Scenario};

/// What was found, and what of the file is asked on the way.
pub(super) struct Problems<'a> {
    scenario: &'a Scenario,
    names: Names,
    found: ScriptProblems,
}

impl Deref for Problems<'_> {
    type Target = ScriptProblems;

    fn deref(&self) -> &ScriptProblems {
        &self.found
    }
}

impl DerefMut for Problems<'_> {
    fn deref_mut(&mut self) -> &mut ScriptProblems {
        &mut self.found
    }
}

/// All problems of `scenario`; none when it can be run.
pub(super) fn problems(scenario: &Scenario) -> Vec<(Place, String)> {
    let root = Place::root();
    let names = Names::of(scenario);
    let found = ScriptProblems::new(names.subjects().clone(), scenario.duration);
    let mut problems = Problems { scenario, names, found };
    problems.name(&scenario.name, &root.key("name"), "the scenario");
    if scenario.duration.0.is_zero() {
        problems.add(&root.key("duration"), "a scenario of no duration proves nothing".to_owned());
    }
    let hosts: Vec<_> = scenario.host.iter().map(|host| (host.name.as_str(), host.count)).collect();
    problems.hosts(&hosts);
    problems.model(&scenario.network, &root.key("network"));
    problems.links(&scenario.link);
    problems.sockets();
    problems.workloads();
    problems.hostiles();
    problems.faults(&scenario.fault);
    for (index, must) in scenario.expect.must.iter().enumerate() {
        problems.must(must, &root.key("expect").key("must").index(index));
    }
    problems.found.found()
}

impl Problems<'_> {
    fn must(&mut self, must: &Must, place: &Place) {
        let dismissed = must.event == MustEvent::Dismissed;
        match self.names.hostiles(&must.socket).is_empty() {
            true if dismissed => {
                let list = self.names.hostile_list();
                let problem = format!("there is no hostile peer {:?}; hostile peers are {list}", must.socket);
                self.add(&place.key("socket"), problem);
            }
            true => drop(self.socket_exists(&must.socket, &place.key("socket"))),
            false if !dismissed => {
                self.add(
                    &place.key("event"),
                    "of a hostile peer only `dismissed` can be expected".to_owned(),
                );
            }
            false => {}
        }
        if let (Some(least), Some(most)) = (must.at_least, must.at_most)
            && least > most
        {
            self.add(&place.key("at_most"), format!("{most} is less than at_least, {least}"));
        }
        if must.at_least == Some(0) && must.at_most.is_none() {
            self.add(&place.key("at_least"), "at least 0 is always true".to_owned());
        }
        if let (Some(after), Some(before)) = (must.after, must.before)
            && after >= before
        {
            self.add(&place.key("before"), format!("{before} is not later than after, {after}"));
        }
    }
}
