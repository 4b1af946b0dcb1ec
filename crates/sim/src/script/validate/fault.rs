//! Problems of faults.

use super::Problems;
use crate::script::error::Place;
use crate::script::fault::{Cancel, CancelOperation, Fault, FaultKind};
use crate::script::quantity::{Probability, Span};

impl Problems {
    /// Problems of `[[fault]]`.
    pub fn faults(&mut self, faults: &[Fault]) {
        for (index, fault) in faults.iter().enumerate() {
            let place = Place::root().key("fault").index(index);
            let given = fault.given();
            match given.as_slice() {
                [_] => {}
                [] => self.add(&place, format!("nothing happens: give one of {}", Fault::KEYS.join(", "))),
                [_, (second, _), ..] => {
                    let named: Vec<_> = given.iter().map(|(key, _)| *key).collect();
                    let problem = format!("one fault is one thing; {} are given", named.join(" and "));
                    self.add(&place.key(second), problem);
                }
            }
            for (key, kind) in &given {
                self.what_happens(fault, kind, &place.key(key));
            }
            self.when(fault, &place);
        }
    }

    fn what_happens(&mut self, fault: &Fault, kind: &FaultKind, place: &Place) {
        match kind {
            FaultKind::Cut(ends)
            | FaultKind::CutOneway(ends)
            | FaultKind::Hold(ends)
            | FaultKind::BlackHole(ends) => self.ends_of(ends, place),
            FaultKind::Isolate(host)
            | FaultKind::Crash(host)
            | FaultKind::PowerOff(host)
            | FaultKind::Pause(host)
            | FaultKind::ReadStall(host) => self.host_exists(host, place),
            FaultKind::Swizzle(hosts) => {
                for (index, host) in hosts.iter().enumerate() {
                    self.host_exists(host, &place.index(index));
                }
                let members: usize = hosts.iter().map(|host| self.names.hosts(host).len()).sum();
                if members < 2 {
                    self.add(place, "a swizzle needs at least two hosts; isolate takes one".to_owned());
                }
                if fault.lasts.is_none() {
                    self.add(place, "a swizzle needs `for`: the hosts go in its first half".to_owned());
                }
            }
            FaultKind::Degrade(link) => self.link(link, place, "nothing changes"),
            FaultKind::SlowReader(slow) => {
                self.host_exists(&slow.host, &place.key("host"));
                if slow.rate.value().0 == 0 {
                    self.add(&place.key("rate"), "a rate of 0 reads nothing; use read_stall".to_owned());
                }
            }
            FaultKind::Stall(socket) => self.stall(socket, place),
            FaultKind::Clock(clock) => {
                self.host_exists(&clock.host, &place.key("host"));
                let stands = clock.jump.is_none_or(|jump| jump.most() == Span::default());
                if stands && clock.drift.is_none_or(|drift| drift.value().0 == 0 && drift.most().0 == 0) {
                    self.add(place, "the clock stays right: give jump or drift".to_owned());
                }
            }
            FaultKind::ShortIo(short) => {
                self.host_exists(&short.host, &place.key("host"));
                let chances = [short.read, short.write].into_iter().flatten();
                if chances.map(|chance| chance.most()).all(|chance| chance == Probability::default()) {
                    self.add(place, "nothing comes short: give read or write".to_owned());
                }
            }
            FaultKind::Yields(yields) => {
                self.host_exists(&yields.host, &place.key("host"));
                if yields.chance.most() == Probability::default() {
                    self.add(&place.key("chance"), "a chance of 0 never yields".to_owned());
                }
            }
            FaultKind::Cancel(cancel) => self.cancel(cancel, place),
        }
    }

    fn stall(&mut self, socket: &str, place: &Place) {
        if self.socket_exists(socket, place) && !self.names.uses(socket).stalls {
            self.add(place, format!("{socket:?} has no workload that receives"));
        }
    }

    fn cancel(&mut self, cancel: &Cancel, place: &Place) {
        match (&cancel.polls, &cancel.after) {
            (Some(_), None) | (None, Some(_)) => {}
            _ => self.add(place, "a cancel needs either `polls` or `after`".to_owned()),
        }
        if cancel.chance.is_some_and(|chance| chance.most() == Probability::default()) {
            self.add(&place.key("chance"), "a chance of 0 never cancels".to_owned());
        }
        let socket = &cancel.socket;
        if !self.socket_exists(socket, &place.key("socket")) {
            return;
        }
        let does = self.names.uses(socket);
        let plays = match cancel.operation {
            Some(CancelOperation::Send) => does.sends,
            Some(CancelOperation::Receive) => does.receives,
            None => does.sends || does.receives,
        };
        if !plays {
            let what = cancel.operation.map_or("sends or receives".to_owned(), |what| format!("{what}s"));
            self.add(&place.key("socket"), format!("{socket:?} has no workload that {what}"));
        }
    }

    fn when(&mut self, fault: &Fault, place: &Place) {
        self.within_duration(fault.at, &place.key("at"));
        if let Some(lasts) = fault.lasts
            && lasts.value().0.is_zero()
        {
            self.add(&place.key("for"), "a fault of no duration is none".to_owned());
        }
        match (fault.times, fault.every) {
            (Some(_), None) => self.add(place, "`times` needs `every`".to_owned()),
            (None, Some(_)) => self.add(place, "`every` needs `times`".to_owned()),
            (Some(times), Some(every)) => {
                if times.most().0 == 0 {
                    self.add(&place.key("times"), "0 times is never".to_owned());
                }
                match fault.lasts {
                    None => self.add(place, "a fault that repeats needs `for`".to_owned()),
                    Some(lasts) if lasts.most().0 >= every.value().0 => {
                        let (lasts, every) = (lasts.most(), every.value());
                        let problem = format!("it begins again after {every} and lasts {lasts}");
                        self.add(&place.key("every"), problem);
                    }
                    Some(_) => {}
                }
            }
            (None, None) => {}
        }
    }
}
