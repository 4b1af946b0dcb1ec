//! A resolved scenario with its connections worked out: who can exchange messages with whom.

use seaworthy_core::{Endpoint, Host as EndpointHost};

use super::proxy::ProxyPlan;
use super::{Hostile, Role, Scenario, Socket, SocketKind, Workload};
use seaworthy_sim::script::quantity::Count;
use seaworthy_sim::script::{FaultPlan, FaultSchedule};
use seaworthy_sim::trace::{MessageName, Name, Sockets};

use crate::payload::Payload;

/// What a run executes and its checks look up: a resolved scenario and the paths between its sockets.
///
/// Sockets, hosts and workloads are numbered in the order of the resolved scenario; payloads carry these numbers.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The resolved scenario.
    pub scenario: Scenario,
    /// The hosts' names, by number.
    pub hosts: Vec<Name>,
    /// The sockets' names, by number.
    pub sockets: Vec<Name>,
    /// Every connection that is configured.
    pub paths: Vec<Path>,
}

/// A connect and the bind it leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// The socket that connects, by number.
    pub connecting: usize,
    /// The socket that binds, by number.
    pub binding: usize,
    /// The endpoint, as the connecting side writes it.
    pub endpoint: Endpoint,
}

impl Plan {
    /// The plan of a scenario under a seed.
    pub fn new(scenario: &Scenario, seed: u64) -> Self {
        let scenario = scenario.resolved(seed);
        let hosts = scenario.host.iter().map(|host| Name::from(host.name.as_str())).collect();
        let sockets = scenario.socket.iter().map(|socket| Name::from(socket.name.as_str())).collect();
        let paths = paths(&scenario);
        Self { scenario, hosts, sockets, paths }
    }

    /// The socket with this number.
    pub fn socket(&self, number: usize) -> &Socket {
        &self.scenario.socket[number]
    }

    /// The number of the socket with this name.
    pub fn socket_number(&self, name: &str) -> Option<usize> {
        // Nearly always the name is the plan's own.
        let own = self.sockets.iter().position(|socket| std::ptr::eq(&**socket, name));
        own.or_else(|| self.sockets.iter().position(|socket| **socket == *name))
    }

    /// The type of the socket with this name.
    pub fn kind(&self, name: &str) -> Option<SocketKind> {
        self.socket_number(name).map(|number| self.socket(number).kind)
    }

    /// The name of the socket with this number.
    pub fn name(&self, socket: usize) -> &Name {
        &self.sockets[socket]
    }

    /// The shared form of a host's name.
    pub fn host_name(&self, host: &str) -> Option<&Name> {
        self.hosts.iter().find(|name| ***name == *host)
    }

    /// The hostile peers on a host.
    pub fn hostiles_on<'a>(&'a self, host: &'a str) -> impl Iterator<Item = &'a Hostile> + 'a {
        self.scenario.hostile.iter().filter(move |hostile| hostile.host == host)
    }

    /// Whether a host is one of a hostile peer.
    pub fn is_hostile(&self, host: &str) -> bool {
        self.hostiles_on(host).next().is_some()
    }

    /// The socket that binds, on `host`, what others mean by `endpoint`.
    pub fn binding(&self, host: &str, endpoint: &Endpoint) -> Option<usize> {
        self.sockets_on(host).find(|socket| binds(self.socket(*socket), endpoint))
    }

    /// The sockets on a host, by number.
    pub fn sockets_on<'a>(&'a self, host: &'a str) -> impl Iterator<Item = usize> + 'a {
        (0..self.sockets.len()).filter(move |number| self.socket(*number).host == host)
    }

    /// The sockets that a socket has a connection with, in order, each once.
    pub fn peers(&self, socket: usize) -> Vec<usize> {
        let mut peers: Vec<usize> = self.paths.iter().filter_map(|path| path.other(socket)).collect();
        peers.sort_unstable();
        peers.dedup();
        peers
    }

    /// How many connections two sockets have.
    pub fn paths_between(&self, a: usize, b: usize) -> usize {
        self.paths.iter().filter(|path| path.other(a) == Some(b)).count()
    }

    /// The workloads of a socket.
    pub fn workloads(&self, socket: usize) -> impl Iterator<Item = &Workload> {
        let name = self.socket(socket).name.as_str();
        self.scenario.workload.iter().filter(move |workload| workload.socket == name)
    }

    /// Whether the socket has a workload with this role.
    pub fn plays(&self, socket: usize, role: Role) -> bool {
        self.workloads(socket).any(|workload| workload.role == role)
    }

    /// Whether the socket's application ever takes a message.
    pub fn hears(&self, socket: usize) -> bool {
        self.workloads(socket)
            .any(|workload| matches!(workload.role, Role::Receive | Role::Reply | Role::Request))
            || self.forwards_to(socket).is_some()
    }

    /// The other side, when the socket is a side of a proxy.
    pub fn forwards_to(&self, socket: usize) -> Option<usize> {
        let name = self.socket(socket).name.as_str();
        self.scenario.workload.iter().find_map(|workload| {
            let proxy = workload.proxy.as_ref()?;
            if workload.socket == name {
                self.socket_number(&proxy.backend)
            } else if proxy.backend == name {
                self.socket_number(&workload.socket)
            } else {
                None
            }
        })
    }

    /// The proxy that the socket is a side of.
    pub fn proxy_of(&self, socket: usize) -> Option<&ProxyPlan> {
        let name = self.socket(socket).name.as_str();
        self.scenario.workload.iter().find_map(|workload| {
            let proxy = workload.proxy.as_ref()?;
            (workload.socket == name || proxy.backend == name).then_some(proxy)
        })
    }

    /// The sockets whose applications are at the other end: peers, and beyond a proxy its other side's.
    pub fn correspondents(&self, socket: usize) -> Vec<usize> {
        let mut found = Vec::new();
        let mut seen = vec![socket];
        let mut next = self.peers(socket);
        while let Some(peer) = next.pop() {
            if seen.contains(&peer) {
                continue;
            }
            seen.push(peer);
            match self.forwards_to(peer) {
                // A socket that is both sides gives back what it gets.
                Some(same) if same == peer => found.push(socket),
                Some(beyond) => {
                    seen.push(beyond);
                    next.extend(self.peers(beyond));
                }
                None => found.push(peer),
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Whether what `socket` sends comes in by `side`, one of the two sockets of a proxy.
    pub fn is_behind(&self, side: usize, socket: usize) -> bool {
        let mut seen = vec![side, self.forwards_to(side).unwrap_or(side)];
        let mut next = self.peers(side);
        while let Some(peer) = next.pop() {
            if peer == socket {
                return true;
            }
            if seen.contains(&peer) {
                continue;
            }
            seen.push(peer);
            if let Some(beyond) = self.forwards_to(peer).filter(|beyond| !seen.contains(beyond)) {
                seen.push(beyond);
                next.extend(self.peers(beyond));
            }
        }
        false
    }

    /// Which peer of `from` is, or leads to, the socket `to`: `None` when several do.
    pub fn next_hop(&self, from: usize, to: usize) -> Option<usize> {
        let leads = |peer: &usize| {
            *peer == to || self.forwards_to(*peer).is_some_and(|side| self.is_behind(side, to))
        };
        let peers = self.peers(from);
        let mut leading = peers.into_iter().filter(leads);
        leading.next().filter(|_| leading.next().is_none())
    }

    /// Whether what the socket sends passes a proxy.
    pub fn is_forwarded(&self, socket: usize) -> bool {
        self.peers(socket).into_iter().any(|peer| self.forwards_to(peer).is_some())
    }

    /// Whether closing the socket may take for ever: with an endless linger, a queue that nobody reads is waited for.
    pub fn waits_for_ever(&self, socket: usize) -> bool {
        self.socket(socket).options.linger.is_none()
            && self.peers(socket).into_iter().any(|peer| !self.hears(peer))
    }

    /// Messages a workload sends before it probes.
    pub fn count(workload: &Workload) -> u64 {
        workload.count.map_or(Count(0), seaworthy_sim::script::draw::Draw::value).0
    }

    /// The socket that announces this identity.
    pub fn identified(&self, identity: &[u8]) -> Option<&Name> {
        let known = |socket: &Socket| {
            socket.options.routing_id.as_deref().is_some_and(|id| id.as_bytes() == identity)
        };
        self.scenario.socket.iter().position(known).map(|number| &self.sockets[number])
    }

    /// The prefixes a subscriber holds when everything in its workloads has happened.
    pub fn final_subscriptions(&self, socket: usize) -> Vec<&str> {
        let mut held: Vec<&str> = self.socket(socket).subscribe.iter().map(String::as_str).collect();
        let mut changes: Vec<&Workload> = self
            .workloads(socket)
            .filter(|workload| matches!(workload.role, Role::Subscribe | Role::Unsubscribe))
            .collect();
        changes.sort_by_key(|workload| workload.start.map(|start| start.value().0));
        for change in changes {
            for topic in &change.topics {
                if change.role == Role::Subscribe {
                    held.push(topic);
                } else if let Some(at) = held.iter().position(|prefix| prefix == topic) {
                    held.remove(at);
                }
            }
        }
        held
    }
}

/// What the plan says of links and faults.
impl From<&Plan> for FaultPlan {
    fn from(plan: &Plan) -> Self {
        let Scenario { duration, network, link, fault, .. } = &plan.scenario;
        let storm = FaultSchedule {
            duration: *duration,
            network: *network,
            link: link.clone(),
            fault: fault.clone(),
        };
        Self { hosts: plan.hosts.clone(), storm }
    }
}

impl Sockets for Plan {
    fn connecting(&self, host: &str, endpoint: &Endpoint) -> Option<Name> {
        let connects = |socket: &usize| {
            let endpoints = self.socket(*socket).connect.iter();
            endpoints.filter_map(|text| text.parse::<Endpoint>().ok()).any(|known| known == *endpoint)
        };
        let mut sockets = self.sockets_on(host).filter(connects);
        let only = sockets.next()?;
        sockets.next().is_none().then(|| self.name(only).clone())
    }

    fn binding(&self, host: &str, endpoint: &Endpoint) -> Option<Name> {
        Self::binding(self, host, endpoint).map(|socket| self.name(socket).clone())
    }

    fn is_hostile(&self, host: &str) -> bool {
        Self::is_hostile(self, host)
    }

    fn message(&self, frame: &[u8]) -> Option<MessageName> {
        Payload::decode(frame).ok().map(|payload| MessageName {
            sender: self
                .sockets
                .get(usize::from(payload.stamp.sender))
                .cloned()
                .unwrap_or_else(|| "?".into()),
            life: payload.stamp.life,
            sequence: payload.stamp.sequence,
        })
    }
}

impl Path {
    /// The other end, seen from `socket`.
    pub fn other(&self, socket: usize) -> Option<usize> {
        if self.connecting == socket {
            Some(self.binding)
        } else {
            (self.binding == socket).then_some(self.connecting)
        }
    }
}

fn paths(scenario: &Scenario) -> Vec<Path> {
    let mut paths = Vec::new();
    for (connecting, socket) in scenario.socket.iter().enumerate() {
        for endpoint in socket.connect.iter().filter_map(|text| text.parse::<Endpoint>().ok()) {
            let listener = scenario.socket.iter().position(|other| listens(other, &endpoint, &socket.host));
            if let Some(binding) = listener {
                paths.push(Path { connecting, binding, endpoint });
            }
        }
    }
    paths
}

/// Whether `socket` binds what somebody on host `from` means by `endpoint`.
pub(super) fn listens(socket: &Socket, endpoint: &Endpoint, from: &str) -> bool {
    let host = match endpoint {
        Endpoint::Tcp { host: EndpointHost::Name(host), .. } => host.as_str(),
        _ => from,
    };
    socket.host == host && binds(socket, endpoint)
}

/// Whether `socket` binds the port or path of `endpoint`, wherever it runs.
pub(super) fn binds(socket: &Socket, endpoint: &Endpoint) -> bool {
    socket.bind.iter().any(|bind| match (bind.parse(), endpoint) {
        (Ok(Endpoint::Tcp { port: bound, .. }), Endpoint::Tcp { port, .. }) => bound == *port,
        (Ok(Endpoint::Ipc(bound)), Endpoint::Ipc(path)) => bound == *path,
        (Ok(Endpoint::Inproc(bound)), Endpoint::Inproc(name)) => bound == *name,
        _ => false,
    })
}
