//! What is written correctly and still cannot be: unknown names, faults after the end, links without properties.
//!
//! All problems of a file are found in one pass, each with its place.

mod fault;
mod link;

use std::collections::BTreeMap;

use super::draw::Draw;
use super::error::Place;
use super::names::Names;
use super::quantity::Span;

/// Most hosts, and most sockets, of a script: beyond it a mistyped count is likelier than a wish.
pub const MEMBERS_MAX: u64 = 1_000;

/// What was found: a place and what is wrong there.
#[derive(Debug)]
pub struct Problems {
    names: Names,
    duration: Span,
    found: Vec<(Place, String)>,
}

impl Problems {
    /// None yet, of a script that takes so long and can name these.
    pub fn new(names: Names, duration: Span) -> Self {
        Self { names, duration, found: Vec::new() }
    }

    /// All that were found.
    pub fn found(self) -> Vec<(Place, String)> {
        self.found
    }

    /// Adds one.
    pub fn add(&mut self, place: &Place, problem: String) {
        self.found.push((place.clone(), problem));
    }

    /// Names stand in endpoints, on command lines and in traces.
    pub fn name(&mut self, name: &str, place: &Place, whose: &str) {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() {
            self.add(place, format!("{whose} has no name"));
        } else if !name.starts_with(|c: char| c.is_ascii_alphabetic()) || !name.chars().all(plain) {
            self.add(place, format!("{name:?} is not a name: a letter, then letters, digits, - and _"));
        }
    }

    /// Problems of hosts, by the names and sizes of their groups.
    pub fn hosts(&mut self, hosts: &[(&str, Option<u64>)]) {
        let place = Place::root().key("host");
        if hosts.is_empty() {
            self.add(&place, "there is no host".to_owned());
        }
        let mut seen = BTreeMap::new();
        for (index, (name, count)) in hosts.iter().enumerate() {
            let place = place.index(index);
            self.name(name, &place.key("name"), "the host");
            self.count(*count, &place.key("count"));
            let members = self.names.hosts(name).to_vec();
            self.unique(&mut seen, name, &members, index, &place.key("name"), "host");
        }
        let total: u64 = hosts.iter().map(|(_, count)| count.unwrap_or(1)).sum();
        if total > MEMBERS_MAX {
            self.add(&place, format!("there are {total} hosts, more than {MEMBERS_MAX}"));
        }
    }

    /// Refuses a name, or a member of a group, that an earlier entry has.
    pub fn unique(
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

    /// Refuses a group of no or of too many members.
    pub fn count(&mut self, count: Option<u64>, place: &Place) {
        match count {
            Some(0) => self.add(place, "a group needs at least one member".to_owned()),
            Some(count) if count > MEMBERS_MAX => {
                self.add(place, format!("{count} is more than {MEMBERS_MAX}"));
            }
            _ => {}
        }
    }

    /// Refuses a host or group that does not exist.
    pub fn host_exists(&mut self, name: &str, place: &Place) {
        if self.names.hosts(name).is_empty() {
            let known = self.names.host_list();
            self.add(place, format!("there is no host {name:?}; hosts are {known}"));
        }
    }

    /// Refuses a socket or group that does not exist.
    pub fn socket_exists(&mut self, name: &str, place: &Place) -> bool {
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
    pub fn within_duration(&mut self, time: Draw<Span>, place: &Place) {
        let duration = self.duration;
        if time.most().0 >= duration.0 {
            self.add(place, format!("{} is not before the end at {duration}", time.most()));
        }
    }
}
