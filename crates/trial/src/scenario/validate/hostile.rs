//! Problems of hostile peers: hosts that run sockets too, endpoints that lead nowhere, floods without a bound.

use std::collections::BTreeMap;

use seaworthy_core::{Endpoint, EndpointError, Host as EndpointHost};

use super::{MEMBERS_MAX, Problems};
use crate::scenario::hostile::{Action, Flood, Hostile};
use crate::scenario::plan::binds;
use seaworthy_sim::script::draw::Draw;
use seaworthy_sim::script::error::Place;
use seaworthy_sim::script::quantity::ByteCount;

/// Most bytes of one action, and most frames of it: what one simulated run can afford.
const BYTES_MAX: u64 = 64 << 20;
const FRAMES_MAX: u64 = 1 << 20;

/// Longest name of a socket type in a READY, in bytes: no check that the sockets have is about longer ones.
const READY_MAX: usize = 200;

/// Longest context of a PING, in bytes: the command has to fit into a short frame.
const CONTEXT_MAX: u64 = 200;

impl Problems<'_> {
    pub(super) fn hostiles(&mut self) {
        let place = Place::root().key("hostile");
        let mut seen = BTreeMap::new();
        let mut listening = BTreeMap::new();
        let mut total = 0;
        for (index, hostile) in self.scenario.hostile.iter().enumerate() {
            let place = place.index(index);
            self.name(&hostile.name, &place.key("name"), "the hostile peer");
            self.host_exists(&hostile.host, &place.key("host"));
            self.count(hostile.count, &place.key("count"));
            let members = self.names.hostiles(&hostile.name).to_vec();
            total += members.len() as u64;
            self.unique(&mut seen, &hostile.name, &members, index, &place.key("name"), "hostile");
            if members.iter().chain([&hostile.name]).any(|name| !self.names.sockets(name).is_empty()) {
                self.add(&place.key("name"), format!("a socket is named {:?} already", hostile.name));
            }
            self.alone(hostile, index, &place.key("host"));
            match (&hostile.connect, &hostile.listen) {
                (Some(endpoint), None) => self.aims_at(endpoint, &place.key("connect")),
                (None, Some(endpoint)) => {
                    self.lies_in_wait(hostile, endpoint, &mut listening, &place.key("listen"));
                }
                _ => self.add(&place, format!("{:?} needs either `connect` or `listen`", hostile.name)),
            }
            self.hostile_keys(hostile, &place);
            for (at, action) in hostile.script.iter().enumerate() {
                self.action(action, &place.key("script").index(at).key(action.key()));
            }
        }
        if total > MEMBERS_MAX {
            self.add(&place, format!("there are {total} hostile peers, more than {MEMBERS_MAX}"));
        }
    }

    /// What a host sends must be either a socket's doing or a hostile peer's, or no check could tell them apart.
    fn alone(&mut self, hostile: &Hostile, index: usize, place: &Place) {
        let ours = self.names.hosts(&hostile.host).to_vec();
        let socket = self
            .scenario
            .socket
            .iter()
            .find(|socket| self.names.hosts(&socket.host).iter().any(|host| ours.contains(host)));
        if let Some(socket) = socket {
            self.add(
                place,
                format!(
                    "{:?} runs on {:?} too: a hostile peer has its host alone",
                    socket.name, hostile.host
                ),
            );
        }
        let other = self
            .scenario
            .hostile
            .iter()
            .take(index)
            .find(|other| self.names.hosts(&other.host).iter().any(|host| ours.contains(host)));
        if let Some(other) = other {
            self.add(
                place,
                format!("{:?} runs on {:?} too: a hostile peer has its host alone", other.name, hostile.host),
            );
        }
    }

    fn aims_at(&mut self, text: &str, place: &Place) {
        let endpoint: Endpoint = match text.parse() {
            Ok(endpoint) => endpoint,
            Err(problem) => return self.add(place, EndpointError::to_string(&problem)),
        };
        let Endpoint::Tcp { host: EndpointHost::Name(host), .. } = &endpoint else {
            return self.add(place, format!("{text:?} is no tcp://host:port"));
        };
        let targets = self.names.hosts(host).to_vec();
        match &targets[..] {
            [] => self.host_exists(host, place),
            [target] => {
                let bound = self.scenario.socket.iter().any(|socket| {
                    self.names.hosts(&socket.host).contains(target) && binds(socket, &endpoint)
                });
                if !bound {
                    self.add(place, format!("nobody on host {target:?} binds what {text:?} connects to"));
                }
            }
            _ => self.add(place, format!("{host:?} is a group: name one of its members")),
        }
    }

    fn lies_in_wait(
        &mut self,
        hostile: &Hostile,
        text: &str,
        listening: &mut BTreeMap<String, String>,
        place: &Place,
    ) {
        match text.parse() {
            Ok(Endpoint::Tcp { host: EndpointHost::Ip(ip), port }) if ip.is_unspecified() && port > 0 => {}
            Ok(_) => return self.add(place, format!("{text:?} is no tcp://*:port")),
            Err(problem) => return self.add(place, EndpointError::to_string(&problem)),
        }
        for member in self.names.hostiles(&hostile.name).to_vec() {
            let key = format!("{} {text}", self.names.host_of(&member));
            if let Some(other) = listening.insert(key, member.clone()) {
                return self.add(place, format!("{other:?} listens at {text:?} on the same host already"));
            }
        }
    }

    fn hostile_keys(&mut self, hostile: &Hostile, place: &Place) {
        if hostile.listen.is_some() {
            let about_connecting = [("times", hostile.times.is_some()), ("pause", hostile.pause.is_some())];
            for (key, _) in about_connecting.into_iter().filter(|(_, given)| *given) {
                self.add(&place.key(key), format!("who listens has no {key}: the others decide"));
            }
        }
        if let Some(start) = hostile.start {
            self.within_duration(start, &place.key("start"));
        }
        if hostile.close_at.is_some() && hostile.reset_at.is_some() {
            self.add(&place.key("reset_at"), "a connection ends once: `close_at` or `reset_at`".to_owned());
        }
        if hostile.dismissed_within.is_some_and(|limit| limit.0 >= self.scenario.duration.0) {
            let problem =
                format!("nothing can be kept for so long: all is over at {}", self.scenario.duration);
            self.add(&place.key("dismissed_within"), problem);
        }
    }

    fn action(&mut self, action: &Action, place: &Place) {
        match action {
            Action::Garbage(bytes) => self.affordable(1, *bytes, place),
            Action::More(flood) | Action::Command(flood) | Action::Ping(flood) | Action::Subscribe(flood) => {
                self.flood(flood, place);
                if matches!(action, Action::Ping(_)) && flood.size.most().0 > CONTEXT_MAX {
                    self.add(
                        &place.key("size"),
                        format!("the context of a PING has at most {CONTEXT_MAX} bytes here"),
                    );
                }
            }
            Action::Ready(kind) if kind.len() > READY_MAX => {
                self.add(place, format!("a socket type has at most {READY_MAX} bytes here"));
            }
            _ => {}
        }
    }

    fn flood(&mut self, flood: &Flood, place: &Place) {
        let count = flood.count.most().0;
        if flood.count.value().0 == 0 {
            self.add(&place.key("count"), "0 frames are no flood".to_owned());
        }
        if count > FRAMES_MAX {
            return self.add(&place.key("count"), format!("{count} frames are more than {FRAMES_MAX}"));
        }
        self.affordable(count, flood.size, &place.key("size"));
    }

    fn affordable(&mut self, count: u64, size: Draw<ByteCount>, place: &Place) {
        let bytes = count.saturating_mul(size.most().0);
        if bytes > BYTES_MAX {
            self.add(place, format!("{bytes} bytes are more than the {BYTES_MAX} that one run can afford"));
        }
    }
}
