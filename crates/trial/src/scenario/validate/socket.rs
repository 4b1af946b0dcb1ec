//! Problems of sockets: who binds, who connects to whom, and options that do not fit the type.

use std::collections::BTreeMap;

use seaworthy_core::{Endpoint, EndpointError, Host as EndpointHost, IpcPath};

use super::{MEMBERS_MAX, Problems};
use crate::scenario::plan::binds;
use crate::scenario::{Role, Socket, SocketKind, SocketOptions, Workload};
use seaworthy_sim::script::error::Place;

/// Longest identity a peer may announce (RFC 37).
const ROUTING_ID_MAX: usize = 255;

impl Problems<'_> {
    pub(super) fn sockets(&mut self) {
        let place = Place::root().key("socket");
        if self.scenario.socket.is_empty() {
            self.add(&place, "there is no socket".to_owned());
        }
        let mut seen = BTreeMap::new();
        let mut bound = BTreeMap::new();
        let mut total = 0;
        for (index, socket) in self.scenario.socket.iter().enumerate() {
            let place = place.index(index);
            self.name(&socket.name, &place.key("name"), "the socket");
            self.host_exists(&socket.host, &place.key("host"));
            self.count(socket.count, &place.key("count"));
            let members = self.names.sockets(&socket.name).to_vec();
            total += members.len() as u64;
            self.unique(&mut seen, &socket.name, &members, index, &place.key("name"), "socket");
            if socket.bind.is_empty() && socket.connect.is_empty() {
                self.add(&place, format!("{:?} neither binds nor connects", socket.name));
            }
            for (at, endpoint) in socket.bind.iter().enumerate() {
                self.bind(socket, endpoint, &mut bound, &place.key("bind").index(at));
            }
            for (at, endpoint) in socket.connect.iter().enumerate() {
                self.connect(socket, endpoint, &place.key("connect").index(at));
            }
            if !socket.subscribe.is_empty() && !socket.kind.subscribes() {
                let problem = format!("a {} does not subscribe; only SUB and XSUB do", socket.kind);
                self.add(&place.key("subscribe"), problem);
            }
            self.options(socket, &place.key("options"));
            self.pair(socket, &place);
            self.low_level(socket, &place);
        }
        if total > MEMBERS_MAX {
            self.add(&place, format!("there are {total} sockets, more than {MEMBERS_MAX}"));
        }
    }

    fn bind(&mut self, socket: &Socket, text: &str, bound: &mut BTreeMap<String, String>, place: &Place) {
        let endpoint: Endpoint = match text.parse() {
            Ok(endpoint) => endpoint,
            Err(problem) => return self.add(place, EndpointError::to_string(&problem)),
        };
        match &endpoint {
            Endpoint::Tcp { port: 0, .. } => {
                return self.add(place, format!("{text:?} has no fixed port that a peer could connect to"));
            }
            Endpoint::Tcp { host: EndpointHost::Ip(ip), .. } if ip.is_unspecified() => {}
            Endpoint::Tcp { .. } => {
                return self
                    .add(place, format!("{text:?} does not bind all of its host: write tcp://*:port"));
            }
            Endpoint::TcpFrom { .. } => {
                return self.add(place, format!("{text:?} has a source address: write tcp://*:port"));
            }
            Endpoint::Ipc(IpcPath::Wildcard) => {
                return self.add(place, format!("{text:?} has no fixed path that a peer could connect to"));
            }
            _ => {}
        }
        for member in self.names.sockets(&socket.name).to_vec() {
            let key = format!("{} {endpoint}", self.names.host_of(&member));
            if let Some(other) = bound.insert(key, member.clone()) {
                self.add(place, format!("{other:?} binds {text:?} on the same host already"));
                break;
            }
        }
    }

    fn connect(&mut self, socket: &Socket, text: &str, place: &Place) {
        let endpoint: Endpoint = match text.parse() {
            Ok(endpoint) => endpoint,
            Err(problem) => return self.add(place, EndpointError::to_string(&problem)),
        };
        let targets = match &endpoint {
            Endpoint::Tcp { host: EndpointHost::Name(host), .. } => {
                let targets = self.names.hosts(host).to_vec();
                if targets.is_empty() {
                    return self.host_exists(host, place);
                }
                targets
            }
            Endpoint::Tcp { .. } => {
                return self.add(place, format!("{text:?} names an address: write tcp://host:port"));
            }
            Endpoint::TcpFrom { .. } => {
                return self.add(place, format!("{text:?} has a source address: write tcp://host:port"));
            }
            _ => self.names.hosts(&socket.host).to_vec(),
        };
        for target in targets {
            let listeners: Vec<_> =
                self.scenario.socket.iter().filter(|s| self.listens(s, &endpoint, &target)).collect();
            let Some(listener) = listeners.first() else {
                if self.is_trap(&endpoint, &target) {
                    continue;
                }
                self.add(place, format!("nobody on host {target:?} binds what {text:?} connects to"));
                return;
            };
            if !socket.kind.can_talk_to(listener.kind) {
                let (kind, other) = (socket.kind, listener.kind);
                self.add(place, format!("a {kind} cannot talk to {:?}, a {other}", listener.name));
                return;
            }
        }
    }

    /// Whether a hostile peer listens there.
    fn is_trap(&self, endpoint: &Endpoint, target: &str) -> bool {
        self.scenario.hostile.iter().any(|hostile| {
            let on = self.names.hosts(&hostile.host).iter().any(|host| host == target);
            on && hostile.listens_at(endpoint)
        })
    }

    /// A PAIR has one peer: who else comes has to wait for that one to go.
    fn pair(&mut self, socket: &Socket, place: &Place) {
        if socket.kind != SocketKind::Pair {
            return;
        }
        let mut peers = 0;
        for endpoint in socket.connect.iter().filter_map(|text| text.parse::<Endpoint>().ok()) {
            peers += match &endpoint {
                Endpoint::Tcp { host: EndpointHost::Name(host), .. } => self.names.hosts(host).len(),
                _ => 1,
            };
        }
        for other in &self.scenario.socket {
            let members = self.names.sockets(&other.name).len();
            for endpoint in other.connect.iter().filter_map(|text| text.parse::<Endpoint>().ok()) {
                let comes = match &endpoint {
                    Endpoint::Tcp { host: EndpointHost::Name(host), .. } => {
                        self.names.hosts(host).iter().any(|host| self.listens(socket, &endpoint, host))
                    }
                    _ => other.host == socket.host && binds(socket, &endpoint),
                };
                peers += if comes { members } else { 0 };
            }
        }
        if peers > 1 {
            self.add(
                place,
                format!("{:?} is a PAIR and would have {peers} peers: it talks to one", socket.name),
            );
        }
    }

    /// A low-level connection has one stream, one user, and of the options those of its protocol.
    fn low_level(&mut self, socket: &Socket, place: &Place) {
        if !socket.is_low_level() {
            return;
        }
        let place = place.key("low_level");
        if !matches!(socket.kind, SocketKind::Push | SocketKind::Pull | SocketKind::Dealer) {
            self.add(
                &place,
                format!("a {} needs a socket; only PUSH, PULL and DEALER do without", socket.kind),
            );
        }
        let to = match socket.connect.first().map(|text| text.parse::<Endpoint>()) {
            Some(Ok(Endpoint::Tcp { host: EndpointHost::Name(host), .. })) => self.names.hosts(&host).len(),
            Some(Ok(Endpoint::Inproc(_))) => 0,
            Some(_) => 1,
            None => 0,
        };
        if !socket.bind.is_empty() || socket.connect.len() != 1 || to != 1 {
            self.add(&place, "it connects to one tcp or ipc endpoint, and binds none".to_owned());
        }
        let SocketOptions { heartbeat_ivl, heartbeat_timeout, heartbeat_ttl, handshake_ivl, .. } =
            socket.options;
        let only = SocketOptions {
            heartbeat_ivl,
            heartbeat_timeout,
            heartbeat_ttl,
            handshake_ivl,
            ..SocketOptions::default()
        };
        if only != socket.options {
            self.add(&place, "it has no options but heartbeat_… and handshake_ivl".to_owned());
        }
        let members = self.names.sockets(&socket.name);
        let plays =
            |workload: &&Workload| self.names.sockets(&workload.socket).iter().any(|at| members.contains(at));
        let roles: Vec<Role> =
            self.scenario.workload.iter().filter(plays).map(|workload| workload.role).collect();
        if roles.len() > 1 || !roles.iter().all(|role| matches!(role, Role::Send | Role::Receive)) {
            self.add(&place, "it has one workload, which sends or receives".to_owned());
        }
    }

    /// Whether `socket` binds, on host `target`, what `endpoint` connects to.
    fn listens(&self, socket: &Socket, endpoint: &Endpoint, target: &str) -> bool {
        self.names.hosts(&socket.host).iter().any(|host| host == target) && binds(socket, endpoint)
    }

    fn options(&mut self, socket: &Socket, place: &Place) {
        use SocketKind::{Dealer, Pub, Pull, Req, Router, XPub, XSub};
        let kind = socket.kind;
        let options = &socket.options;
        let fits: [(&str, bool, &[SocketKind]); 12] = [
            ("routing_id", options.routing_id.is_some(), &[Req, Dealer, Router]),
            ("xpub_nodrop", options.xpub_nodrop.is_some(), &[Pub, XPub]),
            ("xpub_verbose", options.xpub_verbose.is_some(), &[XPub]),
            ("xpub_verboser", options.xpub_verboser.is_some(), &[XPub]),
            ("xpub_manual", options.xpub_manual.is_some(), &[XPub]),
            ("xpub_welcome_msg", options.xpub_welcome_msg.is_some(), &[Pub, XPub]),
            ("xsub_verbose_unsubscribe", options.xsub_verbose_unsubscribe.is_some(), &[XSub]),
            ("router_mandatory", options.router_mandatory.is_some(), &[Router]),
            ("router_handover", options.router_handover.is_some(), &[Router]),
            ("probe_router", options.probe_router.is_some(), &[Req, Dealer, Router]),
            ("req_correlate", options.req_correlate.is_some(), &[Req]),
            ("req_relaxed", options.req_relaxed.is_some(), &[Req]),
        ];
        for (name, given, kinds) in fits {
            if given && !kinds.contains(&kind) {
                self.add(&place.key(name), format!("a {kind} has no option {name}"));
            }
        }
        let members = self.names.sockets(&socket.name);
        let decides = |workload: &Workload| {
            workload.role == Role::Receive
                && members.iter().all(|name| self.names.sockets(&workload.socket).contains(name))
        };
        if options.xpub_manual == Some(true) && !self.scenario.workload.iter().any(decides) {
            let problem = "nobody grants the subscriptions: there is no workload with the role receive";
            self.add(&place.key("xpub_manual"), problem.to_owned());
        }
        if options.xpub_welcome_msg.as_ref().is_some_and(String::is_empty) {
            self.add(&place.key("xpub_welcome_msg"), "an empty one is none".to_owned());
        }
        if kind == Pull && options.sndhwm.is_some() {
            self.add(&place.key("sndhwm"), format!("a {kind} has no option sndhwm"));
        }
        if let Some(id) = &options.routing_id {
            let place = place.key("routing_id");
            if id.is_empty() || id.len() > ROUTING_ID_MAX || id.starts_with('\0') {
                self.add(
                    &place,
                    format!("{id:?} is not an identity: 1 to {ROUTING_ID_MAX} bytes, the first not 0"),
                );
            }
            if self.names.sockets(&socket.name).len() > 1 && !id.contains("{name}") {
                self.add(&place, format!("every member would be {id:?}: use {{name}} in it"));
            }
        }
    }
}
