//! What is written correctly and still cannot be: unknown names, faults after the end, roles a socket cannot play.
//!
//! All problems of a file are found in one pass, each with its place.

mod fault;
mod hostile;
mod link;
mod proxy;
mod socket;
mod workload;

use std::collections::BTreeMap;

use super::draw::Draw;
use super::error::Place;
use super::names::Names;
use super::quantity::Span;
use super::{Must, MustEvent, Scenario};

/// Most hosts, and most sockets, of a scenario: beyond it a mistyped count is likelier than a wish.
pub const MEMBERS_MAX: u64 = 1_000;

/// What was found: a place and what is wrong there.
pub(super) struct Problems<'a> {
    scenario: &'a Scenario,
    names: Names,
    found: Vec<(Place, String)>,
}

/// All problems of `scenario`; none when it can be run.
pub(super) fn problems(scenario: &Scenario) -> Vec<(Place, String)> {
    let root = Place::root();
    let mut problems = Problems { scenario, names: Names::of(scenario), found: Vec::new() };
    problems.name(&scenario.name, &root.key("name"), "the scenario");
    if scenario.duration.0.is_zero() {
        problems.add(&root.key("duration"), "a scenario of no duration proves nothing".to_owned());
    }
    problems.hosts();
    problems.model(&scenario.network, &root.key("network"));
    problems.links();
    problems.sockets();
    problems.workloads();
    problems.hostiles();
    problems.faults();
    for (index, must) in scenario.expect.must.iter().enumerate() {
        problems.must(must, &root.key("expect").key("must").index(index));
    }
    problems.found
}

/// All problems of a scenario whose hosts run somebody's programs: of its links and its faults.
pub(super) fn problems_of_storm(scenario: &Scenario) -> Vec<(Place, String)> {
    let root = Place::root();
    let mut problems = Problems { scenario, names: Names::of(scenario), found: Vec::new() };
    if scenario.duration.0.is_zero() {
        problems.add(&root.key("duration"), "a storm of no duration is none".to_owned());
    }
    problems.hosts();
    problems.model(&scenario.network, &root.key("network"));
    problems.links();
    problems.faults();
    problems.found
}

impl Problems<'_> {
    fn add(&mut self, place: &Place, problem: String) {
        self.found.push((place.clone(), problem));
    }

    /// Names stand in endpoints, on command lines and in traces.
    fn name(&mut self, name: &str, place: &Place, whose: &str) {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() {
            self.add(place, format!("{whose} has no name"));
        } else if !name.starts_with(|c: char| c.is_ascii_alphabetic()) || !name.chars().all(plain) {
            self.add(place, format!("{name:?} is not a name: a letter, then letters, digits, - and _"));
        }
    }

    fn hosts(&mut self) {
        let place = Place::root().key("host");
        if self.scenario.host.is_empty() {
            self.add(&place, "there is no host".to_owned());
        }
        let mut seen = BTreeMap::new();
        for (index, host) in self.scenario.host.iter().enumerate() {
            let place = place.index(index);
            self.name(&host.name, &place.key("name"), "the host");
            self.count(host.count, &place.key("count"));
            let members = self.names.hosts(&host.name).to_vec();
            self.unique(&mut seen, &host.name, &members, index, &place.key("name"), "host");
        }
        let total: u64 = self.scenario.host.iter().map(|host| host.count.unwrap_or(1)).sum();
        if total > MEMBERS_MAX {
            self.add(&place, format!("there are {total} hosts, more than {MEMBERS_MAX}"));
        }
    }

    /// Refuses a name, or a member of a group, that an earlier entry has.
    fn unique(
        &mut self,
        seen: &mut BTreeMap<String, usize>,
        group: &str,
        members: &[String],
        index: usize,
        place: &Place,
        what: &str,
    ) {
        for name in members.iter().map(String::as_str).chain([group]) {
            if let Some(first) = seen.insert(name.to_owned(), index).filter(|first| *first != index) {
                self.add(place, format!("{what}[{first}] is named {name:?} already"));
            }
        }
    }

    fn count(&mut self, count: Option<u64>, place: &Place) {
        match count {
            Some(0) => self.add(place, "a group needs at least one member".to_owned()),
            Some(count) if count > MEMBERS_MAX => {
                self.add(place, format!("{count} is more than {MEMBERS_MAX}"));
            }
            _ => {}
        }
    }

    /// Refuses a host or group that does not exist.
    fn host_exists(&mut self, name: &str, place: &Place) {
        if self.names.hosts(name).is_empty() {
            let known = self.names.host_list();
            self.add(place, format!("there is no host {name:?}; hosts are {known}"));
        }
    }

    /// Refuses a socket or group that does not exist.
    fn socket_exists(&mut self, name: &str, place: &Place) -> bool {
        let known = !self.names.sockets(name).is_empty();
        if !known {
            let list = self.names.socket_list();
            self.add(place, format!("there is no socket {name:?}; sockets are {list}"));
        }
        known
    }

    /// Refuses a pair that has no link: unknown hosts, or a host and itself.
    fn ends(&mut self, a: (&str, Place), b: (&str, Place)) {
        self.host_exists(a.0, &a.1);
        self.host_exists(b.0, &b.1);
        if a.0 == b.0 && self.names.hosts(a.0).len() == 1 {
            self.add(&b.1, format!("{:?} has no link to itself", b.0));
        }
    }

    fn ends_of(&mut self, ends: &[String; 2], place: &Place) {
        let [a, b] = ends;
        self.ends((a, place.index(0)), (b, place.index(1)));
    }

    /// Refuses a time after the scripted part.
    fn within_duration(&mut self, time: Draw<Span>, place: &Place) {
        let duration = self.scenario.duration;
        if time.most().0 >= duration.0 {
            self.add(place, format!("{} is not before the end at {duration}", time.most()));
        }
    }

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
