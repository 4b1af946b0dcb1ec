//! From a scenario and a seed to the resolved scenario: every group spelled out, every range decided.
//!
//! Resolving a resolved scenario changes nothing, so a resolved scenario replays without this file.

use seaworthy_core::{Endpoint, Host as EndpointHost};

use super::draw::Draw;
use super::model::{Degrade, Fault, Host, Link, LinkModel, Must, Scenario, SlowReader, Socket, Workload};
use super::names::Names;
use super::quantity::{Quantity, Span};

impl Scenario {
    /// This scenario as `seed` decides it. The scenario must have been validated.
    #[must_use]
    pub fn resolved(&self, seed: u64) -> Self {
        let names = Names::of(self);
        Self {
            name: self.name.clone(),
            description: self.description.clone(),
            duration: self.duration,
            seed,
            on: self.on,
            network: self.network.resolved(seed, "network"),
            host: self.host.iter().flat_map(|host| hosts(host, &names)).collect(),
            link: self.links(seed, &names),
            socket: self.socket.iter().flat_map(|socket| sockets(socket, &names, seed)).collect(),
            workload: each(&self.workload, "workload", |workload, place| {
                workloads(workload, &names, seed, place)
            }),
            fault: {
                let mut faults = each(&self.fault, "fault", |fault, place| {
                    faults(fault, self.duration, &names, seed, place)
                });
                faults.sort_by_key(|fault: &Fault| fault.at.value().0);
                faults
            },
            expect: super::model::Expect {
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
                    links.push(oneway(from, to, &model));
                }
            }
        }
        for (index, link) in self.link.iter().enumerate() {
            for (from, to) in directions(link, names) {
                let model = link.model().resolved(seed, &format!("link[{index}].{from}.{to}"));
                match links
                    .iter_mut()
                    .find(|known| known.from.as_ref() == Some(&from) && known.to.as_ref() == Some(&to))
                {
                    Some(known) => *known = oneway(&from, &to, &model.over(&known.model())),
                    None => links.push(oneway(&from, &to, &model)),
                }
            }
        }
        links
    }
}

impl LinkModel {
    /// This model with every range decided.
    #[must_use]
    pub fn resolved(&self, seed: u64, place: &str) -> Self {
        Self {
            latency: decided(self.latency, seed, place, "latency"),
            jitter: decided(self.jitter, seed, place, "jitter"),
            bandwidth: decided(self.bandwidth, seed, place, "bandwidth"),
            loss: decided(self.loss, seed, place, "loss"),
            duplicate: decided(self.duplicate, seed, place, "duplicate"),
            reorder: decided(self.reorder, seed, place, "reorder"),
        }
    }

    fn has_range(&self) -> bool {
        fn is_range<T>(draw: Option<Draw<T>>) -> bool {
            matches!(draw, Some(Draw::Between(..)))
        }
        is_range(self.latency)
            || is_range(self.jitter)
            || is_range(self.bandwidth)
            || is_range(self.loss)
            || is_range(self.duplicate)
            || is_range(self.reorder)
    }
}

fn decided<T: Quantity>(draw: Option<Draw<T>>, seed: u64, place: &str, key: &str) -> Option<Draw<T>> {
    draw.map(|draw| draw.resolved(seed, &format!("{place}.{key}")))
}

fn each<T, U>(items: &[T], key: &str, spell_out: impl Fn(&T, &str) -> Vec<U>) -> Vec<U> {
    items.iter().enumerate().flat_map(|(index, item)| spell_out(item, &format!("{key}[{index}]"))).collect()
}

fn hosts(host: &Host, names: &Names) -> Vec<Host> {
    names.hosts(&host.name).iter().map(|name| Host { name: name.clone(), count: None }).collect()
}

fn oneway(from: &str, to: &str, model: &LinkModel) -> Link {
    let LinkModel { latency, jitter, bandwidth, loss, duplicate, reorder } = *model;
    let (from, to) = (Some(from.to_owned()), Some(to.to_owned()));
    Link { between: None, from, to, latency, jitter, bandwidth, loss, duplicate, reorder }
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

fn workloads(workload: &Workload, names: &Names, seed: u64, place: &str) -> Vec<Workload> {
    let member = |name: &String| {
        let place = format!("{place}.{name}");
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
        }
    };
    names.sockets(&workload.socket).iter().map(member).collect()
}

/// One fault for each repetition and each pair or member it concerns.
fn faults(fault: &Fault, duration: Span, names: &Names, seed: u64, place: &str) -> Vec<Fault> {
    let times = decided(fault.times, seed, place, "times").map_or(1, |times| times.value().0);
    let every = decided(fault.every, seed, place, "every").map_or(Span::default(), Draw::value);
    let first = fault.at.resolved(seed, &format!("{place}.at")).value();
    let mut all = Vec::new();
    for repetition in 0..times {
        let at = Span(first.0 + every.0 * u32::try_from(repetition).unwrap_or(u32::MAX));
        if at > duration {
            break;
        }
        let lasts = fault.lasts.map(|lasts| lasts.resolved(seed, &format!("{place}.for.{repetition}")));
        let one = Fault { at: at.into(), lasts, ..Fault::default() };
        let on = |[a, b]: &[String; 2]| pairs(a, b, names).into_iter().map(|(a, b)| Some([a, b]));
        if let Some(ends) = &fault.cut {
            all.extend(on(ends).map(|cut| Fault { cut, ..one.clone() }));
        }
        if let Some(ends) = &fault.cut_oneway {
            all.extend(on(ends).map(|cut_oneway| Fault { cut_oneway, ..one.clone() }));
        }
        if let Some(ends) = &fault.hold {
            all.extend(on(ends).map(|hold| Fault { hold, ..one.clone() }));
        }
        if let Some(degrade) = &fault.degrade {
            let model = degrade.model().resolved(seed, &format!("{place}.degrade.{repetition}"));
            let LinkModel { latency, jitter, bandwidth, loss, duplicate, reorder } = model;
            all.extend(on(&degrade.between).flatten().map(|between| Fault {
                degrade: Some(Degrade { between, latency, jitter, bandwidth, loss, duplicate, reorder }),
                ..one.clone()
            }));
        }
        let hosts =
            |name: &Option<String>| name.iter().flat_map(|n| names.hosts(n)).cloned().collect::<Vec<_>>();
        for isolate in hosts(&fault.isolate) {
            all.push(Fault { isolate: Some(isolate), ..one.clone() });
        }
        for crash in hosts(&fault.crash) {
            all.push(Fault { crash: Some(crash), ..one.clone() });
        }
        for power_off in hosts(&fault.power_off) {
            all.push(Fault { power_off: Some(power_off), ..one.clone() });
        }
        for pause in hosts(&fault.pause) {
            all.push(Fault { pause: Some(pause), ..one.clone() });
        }
        if let Some(slow) = &fault.slow_reader {
            let rate = slow.rate.resolved(seed, &format!("{place}.slow_reader.rate.{repetition}"));
            for host in names.hosts(&slow.host) {
                let slow_reader = Some(SlowReader { host: host.clone(), rate });
                all.push(Fault { slow_reader, ..one.clone() });
            }
        }
        for stall in fault.stall.iter().flat_map(|name| names.sockets(name)) {
            all.push(Fault { stall: Some(stall.clone()), ..one.clone() });
        }
    }
    all
}

fn musts(must: &Must, names: &Names) -> Vec<Must> {
    names.sockets(&must.socket).iter().map(|name| Must { socket: name.clone(), ..must.clone() }).collect()
}
