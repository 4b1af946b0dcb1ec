//! One fault for each repetition and each pair or member it concerns.

use std::time::Duration;

use super::{Places, decided, pairs};
use crate::Dice;
use crate::scenario::draw::Draw;
use crate::scenario::names::Names;
use crate::scenario::quantity::Span;
use crate::scenario::{Cancel, ClockChange, Fault, FaultKind, Link, ShortOperations, SlowReader, Yields};

pub(super) fn faults(
    fault: &Fault,
    duration: Span,
    names: &Names,
    seed: u64,
    places: &mut Places,
) -> Vec<Fault> {
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
    let mut dice = Dice::new(seed, place);
    let going = dice.shuffled(hosts);
    let coming = dice.shuffled(going.clone());
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
