//! Hostile peers: a socket lets go of a connection with one in time, and reads no more of it than it may.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Case;
use crate::scenario::Hostile;
use seaworthy_engine::Violation;
use seaworthy_sim::trace::{Event, EventKind, Name, Phase};

/// Finds connections that were kept for too long, and such of which too much was read.
pub fn check(case: &Case<'_>) -> Vec<Violation> {
    if case.plan.scenario.hostile.is_empty() {
        return Vec::new();
    }
    let mut violations = Vec::new();
    let mut hosts: BTreeMap<u64, &Name> = BTreeMap::new();
    // The ends of sockets: who is at the other end, and since when.
    let mut held: BTreeMap<u64, (&Hostile, &Event)> = BTreeMap::new();
    for event in &case.trace.events {
        match &event.what {
            EventKind::Stream { stream, peer } => {
                let Some(host) = &event.host else { continue };
                hosts.insert(*stream, host);
                let Some((peer, other)) = peer.and_then(|peer| Some((peer, *hosts.get(&peer)?))) else {
                    continue;
                };
                let (end, foe) = if case.plan.is_hostile(host) { (peer, host) } else { (*stream, other) };
                held.extend(case.plan.hostiles_on(foe).next().map(|hostile| (end, (hostile, event))));
            }
            EventKind::LetGo { stream, after, bytes, .. } => {
                let Some((hostile, _)) = held.remove(stream) else { continue };
                let after = Duration::from_nanos(*after);
                if let Some(limit) =
                    hostile.dismissed_within.filter(|limit| after > limit.0 + case.lateness())
                {
                    violations.push(kept(event, *stream, hostile, after, limit.0));
                }
                if let Some(limit) = hostile.read_at_most.filter(|limit| *bytes > limit.0) {
                    let name = &hostile.name;
                    let problem = format!("{bytes} B were read of {name} on s{stream}, more than {limit}");
                    violations.push(event.violation(problem));
                }
            }
            EventKind::Crashed { .. } => {
                held.retain(|stream, _| hosts.get(stream).copied() != event.host.as_ref());
            }
            // Hostile peers give up.
            EventKind::Phase { phase: Phase::Healed } => {
                for (stream, (hostile, since)) in std::mem::take(&mut held) {
                    let after = event.at().saturating_sub(since.at());
                    if let Some(limit) =
                        hostile.dismissed_within.filter(|limit| after > limit.0 + case.lateness())
                    {
                        violations.push(kept(since, stream, hostile, after, limit.0));
                    }
                }
                break;
            }
            _ => {}
        }
    }
    violations
}

fn kept(event: &Event, stream: u64, hostile: &Hostile, after: Duration, limit: Duration) -> Violation {
    let name = &hostile.name;
    event.violation(format!("s{stream} with {name} was kept for {after:?}, longer than {limit:?}"))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{PIPELINE, found_in, nothing_found_in, trace};
    use super::*;
    use seaworthy_sim::trace::Trace;

    fn hostile() -> String {
        let liar = r#"[{ name = "liar", host = "den", connect = "tcp://source:1", dismissed_within = "1s",
            read_at_most = 100, script = [{ text = "hello" }] }]"#;
        let host = PIPELINE.replace("host = [", "host = [{ name = \"den\" }, ");
        format!("{host}\nhostile = {liar}")
    }

    /// A connection of the liar with `push` that begins at 1 ms and of which `end` happens at `ended` ms.
    fn connection(end: EventKind, ended: u64) -> Trace {
        let mut trace = trace(&[
            ("den", "", EventKind::Stream { stream: 1, peer: None }),
            ("source", "push", EventKind::Stream { stream: 2, peer: Some(1) }),
            ("source", "push", end),
        ]);
        trace.events[2].t = ended * 1_000_000;
        trace
    }

    fn let_go(after: u64, bytes: u64) -> EventKind {
        EventKind::LetGo { stream: 2, after: after * 1_000_000, bytes, frames: 0 }
    }

    #[test]
    fn a_connection_that_is_kept_for_too_long_is_a_violation() {
        nothing_found_in(&hostile(), check, &connection(let_go(1_000, 5), 1_001));
        found_in(&hostile(), check, &connection(let_go(1_001, 5), 1_002), "s2 with liar was kept for 1.001s");
        let healed = || EventKind::Phase { phase: Phase::Healed };
        nothing_found_in(&hostile(), check, &connection(healed(), 1_001));
        found_in(&hostile(), check, &connection(healed(), 1_002), "kept for 1.001s, longer than 1s");
    }

    #[test]
    fn a_connection_of_which_too_much_is_read_is_a_violation() {
        nothing_found_in(&hostile(), check, &connection(let_go(10, 100), 20));
        found_in(
            &hostile(),
            check,
            &connection(let_go(10, 101), 20),
            "101 B were read of liar on s2, more than 100",
        );
    }

    #[test]
    fn who_is_listened_to_is_judged_like_who_connects() {
        let waiting = hostile().replace("connect = \"tcp://source:1\", dis", "listen = \"tcp://*:2\", dis");
        let waiting = waiting
            .replace("connect = [\"tcp://source:1\"]", "connect = [\"tcp://source:1\", \"tcp://den:2\"]");
        let mut events = trace(&[
            ("worker-1", "", EventKind::Stream { stream: 1, peer: None }),
            ("den", "", EventKind::Stream { stream: 2, peer: Some(1) }),
            ("worker-1", "", EventKind::LetGo { stream: 1, after: 2_000_000_000, bytes: 0, frames: 0 }),
        ]);
        events.events[2].t = 3_000_000_000;
        found_in(&waiting, check, &events, "s1 with liar was kept for 2s");
    }
}
