//! From a script and a seed to what happens: every group spelled out, every range decided.
//!
//! Resolving what is resolved changes nothing, so that it replays without this file. Each draw has random numbers of its
//! own, named by what it is about and not by where it stands in the file: taking a fault or a link away leaves the draws
//! of all others as they were.

use std::collections::BTreeMap;
use std::time::Duration;

use seaworthy_engine::SeededRng;

use super::draw::Draw;
use super::fault::{Cancel, ClockChange, Fault, FaultKind, ShortOperations, SlowReader, Yields};
use super::link::{Link, LinkModel};
use super::names::Names;
use super::quantity::{Quantity, Span};

/// Names for draws: what they are about, and a number when several are about the same.
#[derive(Debug, Default)]
pub struct Places(BTreeMap<String, usize>);

impl Places {
    /// The name of the next draw about something.
    pub fn next(&mut self, about: &str) -> String {
        let before = self.0.entry(about.to_owned()).or_default();
        *before += 1;
        if *before == 1 { about.to_owned() } else { format!("{about}#{before}") }
    }
}

/// What `seed` makes of a key that may have been left out.
pub fn decided<T: Quantity>(draw: Option<Draw<T>>, seed: u64, place: &str, key: &str) -> Option<Draw<T>> {
    draw.map(|draw| draw.resolved(seed, &format!("{place}.{key}")))
}

/// Every direction of every link that differs from the resolved `network`. `hosts` are all hosts, as groups.
pub fn links<'a>(
    network: &LinkModel,
    link: &[Link],
    hosts: impl Iterator<Item = &'a str>,
    names: &Names,
    seed: u64,
) -> Vec<Link> {
    let mut links: Vec<Link> = Vec::new();
    if network.has_range() {
        // Each direction of each link draws its own properties.
        let all: Vec<&String> = hosts.flat_map(|host| names.hosts(host)).collect();
        for from in &all {
            for to in all.iter().filter(|to| *to != from) {
                let model = network.resolved(seed, &format!("network.{from}.{to}"));
                links.push(Link::oneway(from, to, &model));
            }
        }
    }
    let mut places = Places::default();
    for link in link {
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

/// One fault for each repetition and each pair or member it concerns, in the order in which they begin.
pub fn faults(faults: &[Fault], duration: Span, names: &Names, seed: u64) -> Vec<Fault> {
    let mut places = Places::default();
    let mut all: Vec<Fault> =
        faults.iter().flat_map(|fault| repeated(fault, duration, names, seed, &mut places)).collect();
    all.sort_by_key(|fault| fault.at.value().0);
    all
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

fn repeated(fault: &Fault, duration: Span, names: &Names, seed: u64, places: &mut Places) -> Vec<Fault> {
    let mut all = Vec::new();
    for (key, kind) in fault.given() {
        let place = places.next(&format!("fault.{key}.{}", kind.subject()));
        let times = decided(fault.times, seed, &place, "times").map_or(1, |times| times.value().0);
        let every = decided(fault.every, seed, &place, "every").map_or(Span::default(), Draw::value);
        let first = fault.at.resolved(seed, &format!("{place}.at")).value();
        for repetition in 0..times {
            let at = Span(first.0 + every.0 * u32::try_from(repetition).unwrap_or(u32::MAX));
            if at > duration {
                break;
            }
            let lasts = fault.lasts.map(|lasts| lasts.resolved(seed, &format!("{place}.for.{repetition}")));
            let one = Fault { at: at.into(), lasts, ..Fault::default() };
            let drawing = format!("{place}.{repetition}");
            match &kind {
                FaultKind::Swizzle(groups) => {
                    let hosts = groups.iter().flat_map(|group| names.hosts(group)).cloned().collect();
                    all.extend(swizzled(&one, hosts, duration, seed, &drawing));
                }
                kind => {
                    all.extend(members(kind, names, seed, &drawing).into_iter().map(|kind| one.with(kind)))
                }
            }
        }
    }
    all
}

/// The same for each pair or member, with every range decided.
fn members(kind: &FaultKind, names: &Names, seed: u64, place: &str) -> Vec<FaultKind> {
    let on = |[a, b]: &[String; 2]| pairs(a, b, names).into_iter().map(|(a, b)| [a, b]);
    let hosts = |name: &str| names.hosts(name).iter().cloned();
    let sockets = |name: &str| names.sockets(name).iter().cloned();
    match kind {
        FaultKind::Cut(ends) => on(ends).map(FaultKind::Cut).collect(),
        FaultKind::CutOneway(ends) => on(ends).map(FaultKind::CutOneway).collect(),
        FaultKind::Hold(ends) => on(ends).map(FaultKind::Hold).collect(),
        FaultKind::BlackHole(ends) => on(ends).map(FaultKind::BlackHole).collect(),
        FaultKind::Isolate(host) => hosts(host).map(FaultKind::Isolate).collect(),
        FaultKind::Crash(host) => hosts(host).map(FaultKind::Crash).collect(),
        FaultKind::PowerOff(host) => hosts(host).map(FaultKind::PowerOff).collect(),
        FaultKind::Pause(host) => hosts(host).map(FaultKind::Pause).collect(),
        FaultKind::ReadStall(host) => hosts(host).map(FaultKind::ReadStall).collect(),
        FaultKind::Stall(socket) => sockets(socket).map(FaultKind::Stall).collect(),
        FaultKind::Swizzle(hosts) => vec![FaultKind::Swizzle(hosts.clone())],
        FaultKind::Degrade(link) => {
            let model = link.model().resolved(seed, place);
            let ends = match (&link.between, &link.from, &link.to) {
                (Some(ends), ..) => on(ends)
                    .map(|ends| Link { between: Some(ends), ..Link::default() }.with(&model))
                    .collect(),
                (None, Some(from), Some(to)) => {
                    pairs(from, to, names).iter().map(|(from, to)| Link::oneway(from, to, &model)).collect()
                }
                _ => Vec::new(),
            };
            ends.into_iter().map(|link| FaultKind::Degrade(Box::new(link))).collect()
        }
        FaultKind::SlowReader(slow) => {
            let rate = slow.rate.resolved(seed, &format!("{place}.rate"));
            hosts(&slow.host).map(|host| FaultKind::SlowReader(SlowReader { host, rate })).collect()
        }
        FaultKind::Clock(clock) => {
            let (jump, drift) =
                (decided(clock.jump, seed, place, "jump"), decided(clock.drift, seed, place, "drift"));
            hosts(&clock.host).map(|host| FaultKind::Clock(ClockChange { host, jump, drift })).collect()
        }
        FaultKind::ShortIo(short) => {
            let (read, write) =
                (decided(short.read, seed, place, "read"), decided(short.write, seed, place, "write"));
            hosts(&short.host).map(|host| FaultKind::ShortIo(ShortOperations { host, read, write })).collect()
        }
        FaultKind::Yields(yields) => {
            let chance = yields.chance.resolved(seed, &format!("{place}.chance"));
            hosts(&yields.host).map(|host| FaultKind::Yields(Yields { host, chance })).collect()
        }
        FaultKind::Cancel(cancel) => sockets(&cancel.socket)
            .map(|socket| {
                let place = format!("{place}.{socket}");
                FaultKind::Cancel(Cancel {
                    operation: cancel.operation,
                    chance: decided(cancel.chance, seed, &place, "chance"),
                    polls: cancel.polls.as_ref().map(|polls| polls.resolved(seed, &format!("{place}.polls"))),
                    after: cancel.after.as_ref().map(|after| after.resolved(seed, &format!("{place}.after"))),
                    socket,
                })
            })
            .collect(),
    }
}

/// Isolates each host: they go one after the other in the first half, in an order that the seed draws, and come back one
/// after the other in the second half, in another.
fn swizzled(one: &Fault, hosts: Vec<String>, duration: Span, seed: u64, place: &str) -> Vec<Fault> {
    let half = one.lasts.map_or(Duration::ZERO, |lasts| lasts.value().0) / 2;
    let steps = u32::try_from(hosts.len()).unwrap_or(u32::MAX).max(1);
    let mut rng = SeededRng::new(seed, place);
    let going = rng.shuffled(hosts);
    let coming = rng.shuffled(going.clone());
    let begin = one.at.value().0;
    let isolation = |(position, host): (usize, String)| {
        let gone = half * u32::try_from(position).unwrap_or(u32::MAX) / steps;
        let back = coming.iter().position(|other| *other == host).unwrap_or(0) + 1;
        let back = half + half * u32::try_from(back).unwrap_or(u32::MAX) / steps;
        let at = Span(begin + gone);
        let lasts = Some(Span(back.saturating_sub(gone)).into());
        (at <= duration)
            .then(|| Fault { at: at.into(), lasts, ..Fault::default() }.with(FaultKind::Isolate(host)))
    };
    going.into_iter().enumerate().filter_map(isolation).collect()
}
