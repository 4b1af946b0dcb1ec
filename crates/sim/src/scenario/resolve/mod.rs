//! From a scenario and a seed to the resolved scenario: every group spelled out, every range decided.
//!
//! Resolving a resolved scenario changes nothing, so a resolved scenario replays without this file. Each draw has
//! random numbers of its own, named by what it is about and not by where it stands in the file: taking a fault, a link
//! or a workload away leaves the draws of all others as they were.

mod fault;

use std::collections::BTreeMap;

use seaworthy_core::{Endpoint, Host as EndpointHost};

use self::fault::faults;
use super::draw::Draw;
use super::names::Names;
use super::quantity::Quantity;
use super::{Expect, Fault, Host, Hostile, Link, Must, ProxyPlan, Scenario, Socket, Workload};

impl Scenario {
    /// This scenario as `seed` decides it. The scenario must have been validated.
    #[must_use]
    pub fn resolved(&self, seed: u64) -> Self {
        let names = Names::of(self);
        let (mut working, mut faulty) = (Places::default(), Places::default());
        Self {
            name: self.name.clone(),
            description: self.description.clone(),
            duration: self.duration,
            seed,
            on: self.on,
            network: self.network.resolved(seed, "network"),
            host: self.host.iter().flat_map(|host| hosts(host, &names, seed)).collect(),
            link: self.links(seed, &names),
            socket: self.socket.iter().flat_map(|socket| sockets(socket, &names, seed)).collect(),
            workload: self
                .workload
                .iter()
                .flat_map(|workload| workloads(workload, &names, seed, &mut working))
                .collect(),
            hostile: self.hostile.iter().flat_map(|hostile| hostiles(hostile, &names, seed)).collect(),
            fault: {
                let all = self.fault.iter();
                let mut all: Vec<Fault> =
                    all.flat_map(|fault| faults(fault, self.duration, &names, seed, &mut faulty)).collect();
                all.sort_by_key(|fault| fault.at.value().0);
                all
            },
            expect: Expect {
                must: self.expect.must.iter().flat_map(|must| musts(must, &names)).collect(),
                ..self.expect.clone()
            },
        }
    }

    /// Every direction of every link that differs from the resolved `[network]`.
    fn links(&self, seed: u64, names: &Names) -> Vec<Link> {
        let mut links: Vec<Link> = Vec::new();
        if self.network.has_range() {
            // Each direction of each link draws its own properties.
            let all: Vec<&String> = self.host.iter().flat_map(|host| names.hosts(&host.name)).collect();
            for from in &all {
                for to in all.iter().filter(|to| *to != from) {
                    let model = self.network.resolved(seed, &format!("network.{from}.{to}"));
                    links.push(Link::oneway(from, to, &model));
                }
            }
        }
        let mut places = Places::default();
        for link in &self.link {
            for (from, to) in directions(link, names) {
                let place = places.next(&format!("link.{from}.{to}"));
                let model = link.model().resolved(seed, &place);
                match links.iter_mut().find(|known| known.is(&from, &to)) {
                    Some(known) => *known = Link::oneway(&from, &to, &model.over(&known.model())),
                    None => links.push(Link::oneway(&from, &to, &model)),
                }
            }
        }
        links
    }
}

/// Names for draws: what they are about, and a number when several are about the same.
#[derive(Debug, Default)]
struct Places(BTreeMap<String, usize>);

impl Places {
    fn next(&mut self, about: &str) -> String {
        let before = self.0.entry(about.to_owned()).or_default();
        *before += 1;
        if *before == 1 { about.to_owned() } else { format!("{about}#{before}") }
    }
}

fn decided<T: Quantity>(draw: Option<Draw<T>>, seed: u64, place: &str, key: &str) -> Option<Draw<T>> {
    draw.map(|draw| draw.resolved(seed, &format!("{place}.{key}")))
}

fn hosts(host: &Host, names: &Names, seed: u64) -> Vec<Host> {
    let member = |name: &String| Host {
        name: name.clone(),
        count: None,
        clock_offset: decided(host.clock_offset, seed, &format!("host.{name}"), "clock_offset"),
    };
    names.hosts(&host.name).iter().map(member).collect()
}

/// Every direction a link stands for.
fn directions(link: &Link, names: &Names) -> Vec<(String, String)> {
    match (&link.between, &link.from, &link.to) {
        (Some([a, b]), ..) => {
            let mut both = pairs(a, b, names);
            let back: Vec<_> = both.iter().map(|(a, b)| (b.clone(), a.clone())).collect();
            both.extend(back);
            both
        }
        (None, Some(from), Some(to)) => pairs(from, to, names),
        _ => Vec::new(),
    }
}

fn pairs(a: &str, b: &str, names: &Names) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for a in names.hosts(a) {
        for b in names.hosts(b).iter().filter(|b| *b != a) {
            pairs.push((a.clone(), b.clone()));
        }
    }
    pairs
}

fn sockets(socket: &Socket, names: &Names, seed: u64) -> Vec<Socket> {
    let member = |name: &String| {
        let mut options = socket.options.resolved(seed, &format!("socket.{name}.options"));
        options.routing_id = options.routing_id.map(|id| id.replace("{name}", name));
        Socket {
            name: name.clone(),
            host: names.host_of(name).to_owned(),
            kind: socket.kind,
            count: None,
            bind: socket.bind.clone(),
            connect: socket.connect.iter().flat_map(|endpoint| targets(endpoint, names)).collect(),
            subscribe: socket.subscribe.clone(),
            low_level: socket.low_level,
            options,
        }
    };
    names.sockets(&socket.name).iter().map(member).collect()
}

/// One endpoint for each member of the group that `endpoint` names.
fn targets(endpoint: &str, names: &Names) -> Vec<String> {
    match endpoint.parse() {
        Ok(Endpoint::Tcp { host: EndpointHost::Name(host), port }) => {
            names.hosts(&host).iter().map(|member| format!("tcp://{member}:{port}")).collect()
        }
        _ => vec![endpoint.to_owned()],
    }
}

fn workloads(workload: &Workload, names: &Names, seed: u64, places: &mut Places) -> Vec<Workload> {
    let member = |name: &String| {
        let place = places.next(&format!("workload.{name}.{}", workload.role));
        Workload {
            socket: name.clone(),
            role: workload.role,
            count: decided(workload.count, seed, &place, "count"),
            start: decided(workload.start, seed, &place, "start"),
            interval: decided(workload.interval, seed, &place, "interval"),
            size: workload.size.as_ref().map(|size| size.resolved(seed, &format!("{place}.size"))),
            parts: workload.parts.as_ref().map(|parts| parts.resolved(seed, &format!("{place}.parts"))),
            topics: workload.topics.clone(),
            to: workload.to.iter().flat_map(|to| names.sockets(to).iter().cloned()).collect(),
            timeout: decided(workload.timeout, seed, &place, "timeout"),
            proxy: workload.proxy.as_ref().map(|proxy| ProxyPlan {
                batch: decided(proxy.batch, seed, &place, "batch"),
                queue: decided(proxy.queue, seed, &place, "queue"),
                drop_after_polls: decided(proxy.drop_after_polls, seed, &place, "drop_after_polls"),
                terminate_every: decided(proxy.terminate_every, seed, &place, "terminate_every"),
                ..proxy.clone()
            }),
        }
    };
    names.sockets(&workload.socket).iter().map(member).collect()
}

fn hostiles(hostile: &Hostile, names: &Names, seed: u64) -> Vec<Hostile> {
    let members = names.hostiles(&hostile.name).iter();
    members.map(|name| hostile.resolved(name, names.host_of(name), seed)).collect()
}

fn musts(must: &Must, names: &Names) -> Vec<Must> {
    let named = names.sockets(&must.socket).iter().chain(names.hostiles(&must.socket));
    named.map(|name| Must { socket: name.clone(), ..must.clone() }).collect()
}
