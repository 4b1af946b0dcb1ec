//! Problems of faults.

use super::Problems;
use crate::scenario::error::Place;
use crate::scenario::model::{Fault, LinkModel, Role};

/// The keys that name a fault.
const KINDS: &str = "cut, cut_oneway, isolate, hold, degrade, crash, power_off, pause, slow_reader, stall";

impl Problems<'_> {
    pub(super) fn faults(&mut self) {
        for (index, fault) in self.scenario.fault.iter().enumerate() {
            let place = Place::root().key("fault").index(index);
            self.what_happens(fault, &place);
            self.when(fault, &place);
        }
    }

    fn what_happens(&mut self, fault: &Fault, place: &Place) {
        let named: Vec<&str> = [
            ("cut", fault.cut.is_some()),
            ("cut_oneway", fault.cut_oneway.is_some()),
            ("isolate", fault.isolate.is_some()),
            ("hold", fault.hold.is_some()),
            ("degrade", fault.degrade.is_some()),
            ("crash", fault.crash.is_some()),
            ("power_off", fault.power_off.is_some()),
            ("pause", fault.pause.is_some()),
            ("slow_reader", fault.slow_reader.is_some()),
            ("stall", fault.stall.is_some()),
        ]
        .into_iter()
        .filter_map(|(key, given)| given.then_some(key))
        .collect();
        match named.as_slice() {
            [_] => {}
            [] => self.add(place, format!("nothing happens: give one of {KINDS}")),
            [_, second, ..] => {
                let problem = format!("one fault is one thing; {} are given", named.join(" and "));
                self.add(&place.key(second), problem);
            }
        }
        for (ends, key) in [(&fault.cut, "cut"), (&fault.cut_oneway, "cut_oneway"), (&fault.hold, "hold")] {
            if let Some(ends) = ends {
                self.ends_of(ends, &place.key(key));
            }
        }
        if let Some(degrade) = &fault.degrade {
            let place = place.key("degrade");
            self.ends_of(&degrade.between, &place.key("between"));
            self.model(&degrade.model(), &place);
            if degrade.model() == LinkModel::default() {
                self.add(&place, "nothing changes: give latency, loss, …".to_owned());
            }
        }
        for (host, key) in [
            (&fault.isolate, "isolate"),
            (&fault.crash, "crash"),
            (&fault.power_off, "power_off"),
            (&fault.pause, "pause"),
        ] {
            if let Some(host) = host {
                self.host_exists(host, &place.key(key));
            }
        }
        if let Some(slow) = &fault.slow_reader {
            let place = place.key("slow_reader");
            self.host_exists(&slow.host, &place.key("host"));
            if slow.rate.value().0 == 0 {
                self.add(&place.key("rate"), "a rate of 0 reads nothing; use stall or pause".to_owned());
            }
        }
        if let Some(socket) = &fault.stall
            && self.socket_exists(socket, &place.key("stall"))
        {
            let members = self.names.sockets(socket);
            let reads = self.scenario.workload.iter().any(|workload| {
                matches!(workload.role, Role::Receive | Role::Reply)
                    && self.names.sockets(&workload.socket).iter().any(|reader| members.contains(reader))
            });
            if !reads {
                self.add(&place.key("stall"), format!("{socket:?} has no workload that receives"));
            }
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
                if times.value().0 == 0 {
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
