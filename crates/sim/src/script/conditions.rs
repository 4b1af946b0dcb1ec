//! What the active faults amount to: which links are cut, which hosts are down, who must not read.
//!
//! Faults may overlap. Conditions follow from the set of active faults alone, and only what changed between two
//! sets is done to the simulation, so nothing heals while another fault still wants it broken.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use seaworthy_engine::{ClockSkew, Control, CrashKind, HostId, LinkConfig, ReadRate, Readers, ShortIo};

use super::draw::Draw;
use super::fault::{Cancel, FaultKind};
use super::fault_schedule::FaultPlan;
use super::latency::LatencyModel;
use super::link::{Link, LinkModel};
use super::quantity::Probability;
use crate::trace::Name;

/// How a direction carries nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Blocked {
    /// What is sent is lost, and so is what is under way.
    Cut,
    /// What is sent is lost; what is under way arrives.
    BlackHole,
}

/// The state of the world under a set of faults. Hosts are named by their numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Conditions {
    /// Directions that carry nothing, and how.
    blocked: BTreeMap<(usize, usize), Blocked>,
    held: BTreeSet<(usize, usize)>,
    degraded: BTreeMap<(usize, usize), LinkModel>,
    down: BTreeMap<usize, CrashKind>,
    paused: BTreeSet<usize>,
    /// Bytes a second; 0 is a stall.
    reading: BTreeMap<usize, u64>,
    stalled: BTreeSet<Name>,
    /// The clocks that faults make wrong: by host and fault, how far they jumped and by how many ppm they drift.
    clocks: BTreeMap<usize, BTreeMap<usize, (Duration, i32)>>,
    short: BTreeMap<usize, ShortIo>,
    /// The chance that operations yield.
    yielding: BTreeMap<usize, f64>,
    cancelled: BTreeMap<Name, Vec<Cancel>>,
}

impl Conditions {
    /// All is well.
    pub fn none() -> Self {
        Self::default()
    }

    /// What these faults of the plan amount to together.
    pub fn of(plan: &FaultPlan, active: &BTreeSet<usize>) -> Self {
        let mut conditions = Self::default();
        for number in active {
            let Some(fault) = plan.storm.fault.get(*number) else { continue };
            for (_, kind) in fault.given() {
                conditions.add(plan, *number, kind);
            }
        }
        conditions
    }

    fn add(&mut self, plan: &FaultPlan, number: usize, kind: FaultKind) {
        let host = |name: &str| plan.hosts.iter().position(|host| **host == *name);
        let ends = |[a, b]: &[String; 2]| Some((host(a)?, host(b)?));
        let both = |ends: Option<(usize, usize)>| ends.into_iter().flat_map(|(a, b)| [(a, b), (b, a)]);
        match kind {
            FaultKind::Cut(pair) => both(ends(&pair)).for_each(|way| self.block(way, Blocked::Cut)),
            FaultKind::CutOneway(pair) => {
                ends(&pair).into_iter().for_each(|way| self.block(way, Blocked::Cut))
            }
            FaultKind::BlackHole(pair) => {
                both(ends(&pair)).for_each(|way| self.block(way, Blocked::BlackHole));
            }
            FaultKind::Isolate(alone) => {
                let alone = host(&alone);
                let others = |alone| (0..plan.hosts.len()).filter(move |other| *other != alone);
                alone
                    .into_iter()
                    .flat_map(|alone| others(alone).flat_map(move |other| [(alone, other), (other, alone)]))
                    .for_each(|way| self.block(way, Blocked::Cut));
            }
            // Resolving makes isolations of it.
            FaultKind::Swizzle(_) => {}
            FaultKind::Hold(pair) => self.held.extend(both(ends(&pair))),
            FaultKind::Degrade(link) => {
                for way in ways(&link, host) {
                    let model = self.degraded.entry(way).or_default();
                    *model = link.model().over(model);
                }
            }
            FaultKind::Crash(name) => {
                if let Some(host) = host(&name) {
                    self.down.entry(host).or_insert(CrashKind::Process);
                }
            }
            FaultKind::PowerOff(name) => {
                self.down.extend(host(&name).map(|host| (host, CrashKind::Power)));
            }
            FaultKind::Pause(name) => self.paused.extend(host(&name)),
            FaultKind::SlowReader(slow) => self.slow_down(host(&slow.host), slow.rate.value().0),
            FaultKind::ReadStall(name) => self.slow_down(host(&name), 0),
            FaultKind::Stall(socket) => {
                self.stalled.insert(socket.as_str().into());
            }
            FaultKind::Clock(clock) => {
                let jump = clock.jump.map(Draw::value).unwrap_or_default().0;
                let drift = clock.drift.map(Draw::value).unwrap_or_default().0;
                if let Some(host) = host(&clock.host) {
                    self.clocks.entry(host).or_default().insert(number, (jump, drift));
                }
            }
            FaultKind::ShortIo(short) => {
                if let Some(host) = host(&short.host) {
                    let worst = self.short.entry(host).or_default();
                    worst.read = worst.read.max(chance(short.read));
                    worst.write = worst.write.max(chance(short.write));
                }
            }
            FaultKind::Yields(yields) => {
                if let Some(host) = host(&yields.host) {
                    let worst = self.yielding.entry(host).or_default();
                    *worst = worst.max(yields.chance.value().0);
                }
            }
            FaultKind::Cancel(cancel) => {
                self.cancelled.entry(cancel.socket.as_str().into()).or_default().push(cancel);
            }
        }
    }

    /// A cut is worse than a black hole: it loses what is under way, too.
    fn block(&mut self, way: (usize, usize), how: Blocked) {
        let worst = self.blocked.entry(way).or_insert(how);
        if how == Blocked::Cut {
            *worst = how;
        }
    }

    fn slow_down(&mut self, host: Option<usize>, rate: u64) {
        if let Some(host) = host {
            let least = self.reading.entry(host).or_insert(rate);
            *least = rate.min(*least);
        }
    }

    /// Does to the simulation what leads from these conditions to `next`, and gives `next` back. Without sockets
    /// there are no faults of theirs.
    pub fn change_to(
        self,
        next: Self,
        control: &Control,
        plan: &FaultPlan,
        sockets: Option<&dyn SocketFaults>,
    ) -> Self {
        let ids = control.hosts();
        let way = |(from, to): (usize, usize)| Some((*ids.get(from)?, *ids.get(to)?));
        for (ends, how) in changes(&self.blocked, &next.blocked) {
            let Some((from, to)) = way(ends) else { continue };
            match how {
                Some(Blocked::Cut) => control.cut(from, to),
                Some(Blocked::BlackHole) => control.black_hole(from, to),
                None => control.heal(from, to),
            }
        }
        for (from, to) in self.held.difference(&next.held).copied().filter_map(way) {
            control.release(from, to);
        }
        for (from, to) in next.held.difference(&self.held).copied().filter_map(way) {
            control.hold(from, to);
        }
        for (ends, model) in changes(&self.degraded, &next.degraded) {
            set_link(control, &ids, plan, ends, &model.copied().unwrap_or_default());
        }
        self.change_hosts(&next, control);
        if let Some(sockets) = sockets {
            self.change_sockets(&next, sockets);
        }
        next
    }

    /// As [`change_to`](Self::change_to), where links cannot be changed.
    pub fn change_without_links(
        self,
        next: Self,
        faults: &impl HostFaults,
        sockets: &dyn SocketFaults,
    ) -> Self {
        self.change_hosts(&next, faults);
        self.change_sockets(&next, sockets);
        next
    }

    fn change_sockets(&self, next: &Self, sockets: &dyn SocketFaults) {
        for socket in self.stalled.difference(&next.stalled) {
            sockets.stall(socket, false);
        }
        for socket in next.stalled.difference(&self.stalled) {
            sockets.stall(socket, true);
        }
        for (socket, cancels) in changes(&self.cancelled, &next.cancelled) {
            sockets.cancel(&socket, cancels.cloned().unwrap_or_default());
        }
    }

    fn change_hosts(&self, next: &Self, faults: &impl HostFaults) {
        for host in self.paused.difference(&next.paused) {
            faults.resume(*host);
        }
        let changed = changes(&self.down, &next.down);
        for (host, _) in changed.iter().filter(|(_, kind)| kind.is_none()) {
            faults.restart(*host);
        }
        for (host, kind) in changed {
            if let Some(kind) = kind {
                faults.crash(host, *kind);
            }
        }
        for (host, rate) in changes(&self.reading, &next.reading) {
            let rate = match rate {
                None => ReadRate::Unlimited,
                Some(0) => ReadRate::Stalled,
                Some(rate) => ReadRate::BytesPerSecond(*rate),
            };
            faults.set_read_rate(host, rate);
        }
        for (host, clock) in changes(&self.clocks, &next.clocks) {
            let before = self.clocks.get(&host);
            let is_new = |fault: &usize| before.is_none_or(|before| !before.contains_key(fault));
            let skews = || clock.into_iter().flatten();
            let jump = skews().filter(|(fault, _)| is_new(fault)).map(|(_, (jump, _))| *jump).sum();
            let drift_ppm = skews().map(|(_, (_, drift))| *drift).sum();
            faults.set_clock(host, ClockSkew { jump, drift_ppm });
        }
        for (host, short) in changes(&self.short, &next.short) {
            faults.set_short_io(host, short.copied().unwrap_or_default());
        }
        for (host, chance) in changes(&self.yielding, &next.yielding) {
            faults.set_yield_chance(host, chance.copied().unwrap_or_default());
        }
        for host in next.paused.difference(&self.paused) {
            faults.pause(*host);
        }
    }
}

/// What can be done to a host, simulated or real. Hosts are named by their numbers.
pub trait HostFaults {
    /// Stops its tasks where they are.
    fn pause(&self, host: usize);
    /// Lets them go on.
    fn resume(&self, host: usize);
    /// Ends its tasks.
    fn crash(&self, host: usize, kind: CrashKind);
    /// Runs its program again.
    fn restart(&self, host: usize);
    /// Slows its readers down, below the application.
    fn set_read_rate(&self, host: usize, rate: ReadRate);
    /// Changes its clock.
    fn set_clock(&self, host: usize, skew: ClockSkew);
    /// Makes its reads and writes come short.
    fn set_short_io(&self, host: usize, short: ShortIo);
    /// Makes its operations yield.
    fn set_yield_chance(&self, host: usize, chance: f64);
}

/// What can be done to the use of sockets, by whoever runs the applications.
pub trait SocketFaults {
    /// Stops the application from reading, or lets it go on.
    fn stall(&self, socket: &Name, stalled: bool);
    /// Makes the application drop operations from now on; no longer, when there are none.
    fn cancel(&self, socket: &Name, cancels: Vec<Cancel>);
}

impl HostFaults for Control {
    fn pause(&self, host: usize) {
        on(self, host, |host| self.pause(host));
    }

    fn resume(&self, host: usize) {
        on(self, host, |host| self.resume(host));
    }

    fn crash(&self, host: usize, kind: CrashKind) {
        on(self, host, |host| self.crash(host, kind));
    }

    fn restart(&self, host: usize) {
        on(self, host, |host| self.restart(host));
    }

    fn set_read_rate(&self, host: usize, rate: ReadRate) {
        on(self, host, |host| self.set_read_rate(Readers::Host(host), rate));
    }

    fn set_clock(&self, host: usize, skew: ClockSkew) {
        on(self, host, |host| self.set_clock(host, skew));
    }

    fn set_short_io(&self, host: usize, short: ShortIo) {
        on(self, host, |host| self.set_short_io(host, short));
    }

    fn set_yield_chance(&self, host: usize, chance: f64) {
        on(self, host, |host| self.set_host_yield_chance(host, chance));
    }
}

fn on(control: &Control, host: usize, act: impl FnOnce(HostId)) {
    if let Some(host) = control.hosts().get(host) {
        act(*host);
    }
}

/// Every key whose value differs, with its next value.
fn changes<'a, K: Ord + Clone, V: PartialEq>(
    before: &BTreeMap<K, V>,
    after: &'a BTreeMap<K, V>,
) -> Vec<(K, Option<&'a V>)> {
    let keys: BTreeSet<&K> = before.keys().chain(after.keys()).collect();
    let changed = keys.into_iter().filter(|key| before.get(key) != after.get(key));
    changed.map(|key| (key.clone(), after.get(key))).collect()
}

/// The directions of a resolved link.
fn ways(link: &Link, host: impl Fn(&str) -> Option<usize>) -> Vec<(usize, usize)> {
    let pair = |from: &str, to: &str| Some((host(from)?, host(to)?));
    match (&link.between, &link.from, &link.to) {
        (Some([a, b]), ..) => [pair(a, b), pair(b, a)].into_iter().flatten().collect(),
        (None, Some(from), Some(to)) => pair(from, to).into_iter().collect(),
        _ => Vec::new(),
    }
}

fn chance(draw: Option<Draw<Probability>>) -> f64 {
    draw.map_or(0.0, |chance| chance.value().0)
}

/// Configures every direction that differs from `[network]`.
pub fn set_links(control: &Control, plan: &FaultPlan) {
    let ids = control.hosts();
    let number = |name: &Option<String>| plan.hosts.iter().position(|host| Some(&**host) == name.as_deref());
    for link in &plan.storm.link {
        if let (Some(from), Some(to)) = (number(&link.from), number(&link.to)) {
            set_link(control, &ids, plan, (from, to), &LinkModel::default());
        }
    }
}

/// Configures one direction: `over` where it says something, else what the scenario says.
fn set_link(
    control: &Control,
    ids: &[HostId],
    plan: &FaultPlan,
    (from, to): (usize, usize),
    over: &LinkModel,
) {
    let (Some(from_id), Some(to_id)) = (ids.get(from), ids.get(to)) else { return };
    let own = plan.storm.link.iter().find(|link| link.is(&plan.hosts[from], &plan.hosts[to]));
    let base = own.map(|link| link.model()).unwrap_or_default().over(&plan.storm.network);
    control.set_link(*from_id, *to_id, link_config(&over.over(&base), control.default_link()));
}

/// A model as the simulated wire takes it, on top of what links are like otherwise. Ranges must have been decided.
pub fn link_config(model: &LinkModel, base: LinkConfig) -> LinkConfig {
    let chance = |draw: Option<Draw<Probability>>, base| draw.map_or(base, |chance| chance.value().0);
    LinkConfig {
        latency: model.latency.and_then(LatencyModel::decided).unwrap_or(base.latency),
        jitter: model.jitter.map_or(base.jitter, |jitter| jitter.value().0),
        // The wire counts bytes, the scenario bits.
        bandwidth: model.bandwidth.map_or(base.bandwidth, |bandwidth| Some((bandwidth.value().0 / 8).max(1))),
        loss: chance(model.loss, base.loss),
        duplicate: chance(model.duplicate, base.duplicate),
        reorder: chance(model.reorder, base.reorder),
        reorder_delay: model.reorder_delay.map_or(base.reorder_delay, |delay| delay.value().0),
        corrupt: chance(model.corrupt, base.corrupt),
    }
}
