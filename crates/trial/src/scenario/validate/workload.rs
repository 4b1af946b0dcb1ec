//! Problems of workloads: roles a socket cannot play, and keys a role does not know.

use std::collections::BTreeMap;

use super::Problems;
use crate::payload::PAYLOAD_MIN;
use crate::scenario::{Role, SocketKind, Workload};
use seaworthy_sim::script::error::Place;

/// Largest frame of payload, in bytes: what one simulated run can afford.
const SIZE_MAX: u64 = 16 << 20;
/// Most frames of payload in a message.
const PARTS_MAX: u64 = 64;

impl Problems<'_> {
    pub(super) fn workloads(&mut self) {
        let place = Place::root().key("workload");
        if self.scenario.workload.is_empty() {
            self.add(&place, "nothing is done: there is no workload".to_owned());
        }
        let mut busy = BTreeMap::new();
        for (index, workload) in self.scenario.workload.iter().enumerate() {
            let place = place.index(index);
            if self.socket_exists(&workload.socket, &place.key("socket")) {
                self.role(workload, &place);
                self.one_at_a_time(workload, index, &mut busy, &place);
            }
            self.keys(workload, &place);
            self.proxy(workload, &place);
            self.amounts(workload, &place);
        }
    }

    pub(super) fn kind_of(&self, member: &str) -> Option<SocketKind> {
        let owner = self
            .scenario
            .socket
            .iter()
            .find(|socket| self.names.sockets(&socket.name).iter().any(|name| name == member));
        owner.map(|socket| socket.kind)
    }

    fn role(&mut self, workload: &Workload, place: &Place) {
        let role = workload.role;
        let member = self.names.sockets(&workload.socket).first().cloned();
        let Some(kind) = member.and_then(|member| self.kind_of(&member)) else { return };
        if !role.can_be_played_by(kind) {
            self.add(&place.key("role"), format!("a {kind} cannot {role}"));
            return;
        }
        if role == Role::Send && kind.publishes() && workload.topics.is_empty() {
            self.add(place, format!("a {kind} needs `topics` to send; [\"\"] is the empty one"));
        }
        if role == Role::Send && kind == SocketKind::Router && workload.to.is_empty() {
            self.add(place, "a ROUTER needs `to`: the sockets it sends to".to_owned());
        }
        let by_topic = kind.publishes() || (kind.subscribes() && role != Role::Send);
        if !workload.topics.is_empty() && !by_topic {
            self.add(&place.key("topics"), format!("a {kind} has no topics"));
        }
        if !workload.to.is_empty() && kind != SocketKind::Router {
            self.add(&place.key("to"), format!("a {kind} cannot choose its peer"));
        }
        for (index, to) in workload.to.iter().enumerate() {
            let place = place.key("to").index(index);
            if self.socket_exists(to, &place) {
                self.addressable(to, &place);
            }
        }
        if workload.timeout.is_some() {
            let member = self.names.sockets(&workload.socket).first().cloned().unwrap_or_default();
            let relaxed = self.scenario.socket.iter().any(|socket| {
                self.names.sockets(&socket.name).contains(&member) && socket.options.req_relaxed == Some(true)
            });
            if !relaxed {
                let problem = "without req_relaxed a REQ cannot ask again before the reply".to_owned();
                self.add(&place.key("timeout"), problem);
            }
        }
    }

    fn addressable(&mut self, to: &str, place: &Place) {
        let member = self.names.sockets(to).first().cloned().unwrap_or_default();
        let owner = self.scenario.socket.iter().find(|s| self.names.sockets(&s.name).contains(&member));
        if owner.is_some_and(|socket| socket.options.routing_id.is_none()) {
            self.add(place, format!("{to:?} has no routing_id that a ROUTER could address"));
        }
    }

    /// One task sends on a socket and one receives; more would make order undefined.
    fn one_at_a_time(
        &mut self,
        workload: &Workload,
        index: usize,
        busy: &mut BTreeMap<(String, &'static str), usize>,
        place: &Place,
    ) {
        let directions: &[&'static str] = match workload.role {
            Role::Send => &["sends"],
            Role::Receive => &["receives"],
            Role::Request | Role::Reply | Role::Proxy => &["sends", "receives"],
            Role::Subscribe | Role::Unsubscribe => &[],
        };
        let others = workload.proxy.iter().flat_map(|proxy| [Some(&proxy.backend), proxy.capture.as_ref()]);
        // A proxy of one socket has it once.
        let others = others.flatten().filter(|other| **other != workload.socket);
        let all = std::iter::once(&workload.socket).chain(others);
        for member in all.flat_map(|name| self.names.sockets(name)).cloned().collect::<Vec<_>>() {
            for direction in directions {
                if let Some(first) = busy.insert((member.clone(), *direction), index) {
                    let problem = format!("workload[{first}] {direction} on {member:?} already");
                    return self.add(&place.key("socket"), problem);
                }
            }
        }
    }

    fn keys(&mut self, workload: &Workload, place: &Place) {
        let role = workload.role;
        let makes_messages = matches!(role, Role::Send | Role::Request);
        let subscribes = matches!(role, Role::Subscribe | Role::Unsubscribe);
        let known = [
            ("count", workload.count.is_some(), makes_messages),
            ("size", workload.size.is_some(), makes_messages),
            ("parts", workload.parts.is_some(), makes_messages),
            ("interval", workload.interval.is_some(), !subscribes && role != Role::Proxy),
            ("topics", !workload.topics.is_empty(), role == Role::Send || subscribes),
            ("to", !workload.to.is_empty(), role == Role::Send),
            ("timeout", workload.timeout.is_some(), role == Role::Request),
        ];
        for (key, given, knows) in known {
            if given && !knows {
                self.add(&place.key(key), format!("the role {role} has no {key}"));
            }
        }
        if makes_messages && workload.count.is_none() {
            self.add(place, format!("the role {role} needs a `count`"));
        }
        if subscribes && workload.topics.is_empty() {
            self.add(place, format!("the role {role} needs `topics`"));
        }
    }

    fn amounts(&mut self, workload: &Workload, place: &Place) {
        if let Some(count) = workload.count
            && count.value().0 == 0
        {
            self.add(&place.key("count"), "0 messages prove nothing".to_owned());
        }
        if let Some(size) = &workload.size {
            let (least, most) = size.bounds();
            if least.0 < PAYLOAD_MIN as u64 {
                let problem = format!("{least} bytes are less than the {PAYLOAD_MIN} that the checks need");
                self.add(&place.key("size"), problem);
            }
            if most.0 > SIZE_MAX {
                self.add(&place.key("size"), format!("{most} bytes are more than {SIZE_MAX}"));
            }
        }
        if let Some(parts) = &workload.parts {
            let (least, most) = parts.bounds();
            if least.0 == 0 || most.0 > PARTS_MAX {
                self.add(&place.key("parts"), format!("a message has 1 to {PARTS_MAX} parts"));
            }
        }
        if let Some(start) = workload.start {
            self.within_duration(start, &place.key("start"));
        }
    }
}
