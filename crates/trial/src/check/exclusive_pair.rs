//! Exclusive pair (RFC 31): a PAIR has one peer at a time, and lets nobody in as long as that one is there.

use std::collections::BTreeMap;

use super::Case;
use crate::scenario::SocketKind;
use seaworthy_engine::Violation;
use seaworthy_sim::trace::{EventKind, Name};

/// Finds PAIRs that completed a handshake while they had a peer.
pub fn check(case: &Case<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut peers: BTreeMap<&Name, u64> = BTreeMap::new();
    for event in &case.trace.events {
        let Some(socket) = &event.socket else { continue };
        if case.plan.kind(socket) != Some(SocketKind::Pair) {
            continue;
        }
        let here = peers.entry(socket).or_default();
        match &event.what {
            // A socket that was opened again after a crash begins anew.
            EventKind::Opened { .. } => *here = 0,
            EventKind::Handshake { .. } => {
                *here += 1;
                if *here > 1 {
                    let problem = format!("another peer was let in while there was one: {here} in all");
                    violations.push(event.violation(problem));
                }
            }
            EventKind::Disconnected { .. } => *here = here.saturating_sub(1),
            _ => {}
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::super::tests::{PIPELINE, found_in, nothing_found_in, trace};
    use super::*;

    const ENDPOINT: &str = "tcp://*:1";

    fn lines(whats: &[EventKind]) -> seaworthy_sim::trace::Trace {
        let lines: Vec<_> = whats.iter().map(|what| ("source", "push", what.clone())).collect();
        trace(&lines)
    }

    #[test]
    fn a_second_peer_is_a_violation_until_the_first_is_gone() {
        let pairs = PIPELINE
            .replace("\"PUSH\"", "\"PAIR\"")
            .replace("\"PULL\"", "\"PAIR\"")
            .replace("count = 2 }", "count = 1 }");
        let comes = EventKind::Handshake { endpoint: ENDPOINT.into(), peer: "PAIR".into(), name: None };
        let goes = EventKind::Disconnected { endpoint: ENDPOINT.into(), reason: "lost".into(), name: None };
        let opened = EventKind::Opened { kind: "PAIR".into() };
        nothing_found_in(&pairs, check, &lines(&[comes.clone(), goes, comes.clone()]));
        nothing_found_in(&pairs, check, &lines(&[comes.clone(), opened, comes.clone()]));
        let both = lines(&[comes.clone(), comes]);
        found_in(&pairs, check, &both, "another peer was let in while there was one");
        nothing_found_in(PIPELINE, check, &both);
    }
}
