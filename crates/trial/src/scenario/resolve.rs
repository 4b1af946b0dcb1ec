//! From a scenario and a seed to the resolved scenario: every group spelled out, every range decided.
//!
//! Resolving a resolved scenario changes nothing, so a resolved scenario replays without this file. Each draw has
//! random numbers of its own, named by what it is about and not by where it stands in the file: taking a fault, a link
//! or a workload away leaves the draws of all others as they were.

use seaworthy_core::{Endpoint, Host as EndpointHost};
use seaworthy_sim::script::resolve::{self, Places, decided};

use super::names::Names;
use super::{Expect, Host, Hostile, Must, ProxyPlan, Scenario, Socket, Workload};

impl Scenario {
    /// This scenario as `seed` decides it. The scenario must have been validated.
    #[must_use]
    pub fn resolved(&self, seed: u64) -> Self {
        let names = Names::of(self);
        let mut working = Places::default();
        Self {
            name: self.name.clone(),
            description: self.description.clone(),
            duration: self.duration,
            seed,
            on: self.on,
            network: self.network.resolved(seed, "network"),
            host: self.host.iter().flat_map(|host| hosts(host, &names, seed)).collect(),
            link: resolve::links(
                &self.network,
                &self.link,
                self.host.iter().map(|host| host.name.as_str()),
                names.subjects(),
                seed,
            ),
            socket: self.socket.iter().flat_map(|socket| sockets(socket, &names, seed)).collect(),
            workload: self
                .workload
                .iter()
                .flat_map(|workload| workloads(workload, &names, seed, &mut working))
                .collect(),
            hostile: self.hostile.iter().flat_map(|hostile| hostiles(hostile, &names, seed)).collect(),
            fault: resolve::faults(&self.fault, self.duration, names.subjects(), seed),
            expect: Expect {
                must: self.expect.must.iter().flat_map(|must| musts(must, &names)).collect(),
                ..self.expect.clone()
            },
        }
    }
}

fn hosts(host: &Host, names: &Names, seed: u64) -> Vec<Host> {
    let member = |name: &String| Host {
        name: name.clone(),
        count: None,
        clock_offset: decided(host.clock_offset, seed, &format!("host.{name}"), "clock_offset"),
    };
    names.hosts(&host.name).iter().map(member).collect()
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
