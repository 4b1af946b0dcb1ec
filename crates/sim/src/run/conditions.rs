//! What the active faults amount to: which links are cut, which hosts are down, who must not read.
//!
//! Faults may overlap. Conditions follow from the set of active faults alone, and only what changed between two
//! sets is done to the simulation, so nothing heals while another fault still wants it broken.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::scenario::{LinkModel, Plan};
use crate::trace::Name;
use crate::workload::Stage;
use crate::{Control, CrashKind, HostId, Latency, LinkConfig, ReadRate, Readers};

/// The state of the world under a set of faults. Hosts are named by their numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Conditions {
    cut: BTreeSet<(usize, usize)>,
    held: BTreeSet<(usize, usize)>,
    degraded: BTreeMap<(usize, usize), LinkModel>,
    down: BTreeMap<usize, CrashKind>,
    paused: BTreeSet<usize>,
    /// Bytes a second.
    slow: BTreeMap<usize, u64>,
    stalled: BTreeSet<Name>,
}

impl Conditions {
    /// All is well.
    pub(super) fn none() -> Self {
        Self::default()
    }

    /// What these faults of the plan amount to together.
    pub(super) fn of(plan: &Plan, active: &BTreeSet<usize>) -> Self {
        let mut conditions = Self::default();
        let host = |name: &str| plan.hosts.iter().position(|host| **host == *name);
        let ends = |[a, b]: &[String; 2]| Some((host(a)?, host(b)?));
        for fault in active.iter().filter_map(|number| plan.scenario.fault.get(*number)) {
            if let Some((a, b)) = fault.cut.as_ref().and_then(ends) {
                conditions.cut.extend([(a, b), (b, a)]);
            }
            if let Some(way) = fault.cut_oneway.as_ref().and_then(ends) {
                conditions.cut.insert(way);
            }
            if let Some(alone) = fault.isolate.as_deref().and_then(host) {
                let others = (0..plan.hosts.len()).filter(|other| *other != alone);
                conditions.cut.extend(others.flat_map(|other| [(alone, other), (other, alone)]));
            }
            if let Some((a, b)) = fault.hold.as_ref().and_then(ends) {
                conditions.held.extend([(a, b), (b, a)]);
            }
            if let Some(degrade) = &fault.degrade
                && let Some((a, b)) = ends(&degrade.between)
            {
                for way in [(a, b), (b, a)] {
                    let model = conditions.degraded.get(&way).copied().unwrap_or_default();
                    conditions.degraded.insert(way, degrade.model().over(&model));
                }
            }
            if let Some(host) = fault.crash.as_deref().and_then(host) {
                conditions.down.entry(host).or_insert(CrashKind::Process);
            }
            if let Some(host) = fault.power_off.as_deref().and_then(host) {
                conditions.down.insert(host, CrashKind::Power);
            }
            conditions.paused.extend(fault.pause.as_deref().and_then(host));
            if let Some(slow) = &fault.slow_reader
                && let Some(host) = host(&slow.host)
            {
                let rate = conditions.slow.entry(host).or_insert(u64::MAX);
                *rate = slow.rate.value().0.min(*rate);
            }
            conditions.stalled.extend(fault.stall.as_deref().map(Name::from));
        }
        conditions
    }

    /// Does to the simulation what leads from these conditions to `next`, and gives `next` back.
    pub(super) fn change_to(self, next: Self, control: &Control, plan: &Plan, stage: &Stage) -> Self {
        let ids = control.hosts();
        let way = |(from, to): (usize, usize)| Some((*ids.get(from)?, *ids.get(to)?));
        for (from, to) in self.cut.difference(&next.cut).copied().filter_map(way) {
            control.heal(from, to);
        }
        for (from, to) in next.cut.difference(&self.cut).copied().filter_map(way) {
            control.cut(from, to);
        }
        for (from, to) in self.held.difference(&next.held).copied().filter_map(way) {
            control.release(from, to);
        }
        for (from, to) in next.held.difference(&self.held).copied().filter_map(way) {
            control.hold(from, to);
        }
        let ways: BTreeSet<_> = self.degraded.keys().chain(next.degraded.keys()).copied().collect();
        for (from, to) in ways.into_iter().filter(|way| self.degraded.get(way) != next.degraded.get(way)) {
            let over = next.degraded.get(&(from, to)).copied().unwrap_or_default();
            set_link(control, &ids, plan, (from, to), &over);
        }
        self.change_hosts(&next, control, &ids);
        for socket in self.stalled.difference(&next.stalled) {
            stage.stall(socket, false);
        }
        for socket in next.stalled.difference(&self.stalled) {
            stage.stall(socket, true);
        }
        next
    }

    fn change_hosts(&self, next: &Self, control: &Control, ids: &[HostId]) {
        for host in self.paused.difference(&next.paused).filter_map(|host| ids.get(*host)) {
            control.resume(*host);
        }
        for host in self.down.keys().filter(|host| !next.down.contains_key(host)) {
            if let Some(host) = ids.get(*host) {
                control.restart(*host);
            }
        }
        for (host, kind) in next.down.iter().filter(|(host, kind)| self.down.get(host) != Some(kind)) {
            if let Some(host) = ids.get(*host) {
                control.crash(*host, *kind);
            }
        }
        let slow: BTreeSet<_> = self.slow.keys().chain(next.slow.keys()).copied().collect();
        for host in slow.into_iter().filter(|host| self.slow.get(host) != next.slow.get(host)) {
            let rate =
                next.slow.get(&host).map_or(ReadRate::Unlimited, |rate| ReadRate::BytesPerSecond(*rate));
            if let Some(host) = ids.get(host) {
                control.set_read_rate(Readers::Host(*host), rate);
            }
        }
        for host in next.paused.difference(&self.paused).filter_map(|host| ids.get(*host)) {
            control.pause(*host);
        }
    }
}

/// Configures every direction that differs from `[network]`.
pub(super) fn set_links(control: &Control, plan: &Plan) {
    let ids = control.hosts();
    let number = |name: &Option<String>| plan.hosts.iter().position(|host| Some(&**host) == name.as_deref());
    for link in &plan.scenario.link {
        if let (Some(from), Some(to)) = (number(&link.from), number(&link.to)) {
            set_link(control, &ids, plan, (from, to), &LinkModel::default());
        }
    }
}

/// Configures one direction: `over` where it says something, else what the scenario says.
fn set_link(control: &Control, ids: &[HostId], plan: &Plan, (from, to): (usize, usize), over: &LinkModel) {
    let (Some(from_id), Some(to_id)) = (ids.get(from), ids.get(to)) else { return };
    let is = |name: &Option<String>, number: usize| name.as_deref() == Some(&*plan.hosts[number]);
    let own = plan.scenario.link.iter().find(|link| is(&link.from, from) && is(&link.to, to));
    let base = own.map(|link| link.model()).unwrap_or_default().over(&plan.scenario.network);
    control.set_link(*from_id, *to_id, link_config(&over.over(&base)));
}

/// A model as the simulated wire takes it. Ranges must have been decided.
pub(super) fn link_config(model: &LinkModel) -> LinkConfig {
    let perfect = LinkConfig::default();
    LinkConfig {
        latency: model.latency.map_or(perfect.latency, |latency| Latency::Fixed(latency.value().0)),
        jitter: model.jitter.map_or(Duration::ZERO, |jitter| jitter.value().0),
        // The wire counts bytes, the scenario bits.
        bandwidth: model.bandwidth.map(|bandwidth| (bandwidth.value().0 / 8).max(1)),
        loss: model.loss.map_or(0.0, |chance| chance.value().0),
        duplicate: model.duplicate.map_or(0.0, |chance| chance.value().0),
        reorder: model.reorder.map_or(0.0, |chance| chance.value().0),
        ..perfect
    }
}
