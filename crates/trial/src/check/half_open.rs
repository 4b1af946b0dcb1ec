//! Half-open connections: who sends PINGs gives a connection up from which nothing comes, in time.

use std::time::Duration;

use super::Case;
use super::streams::Streams;
use crate::scenario::Plan;
use seaworthy_engine::Violation;
use seaworthy_sim::script::FaultKind;
use seaworthy_sim::script::draw::Draw;
use seaworthy_sim::trace::wire::WireFrame;
use seaworthy_sim::trace::{Direction, Event, EventKind, MessageName, Phase};

/// What finding out may take beyond `heartbeat_ivl` and `heartbeat_timeout`: the farewell of a connection takes up to a
/// second, and clocks tick.
const SLACK: Duration = Duration::from_millis(1_100);

/// A frame longer than this comes in several packets: silence before it is none, but bytes of it.
const PACKET: u64 = 1_000;

/// Finds connections that were kept although nothing came from them.
pub fn check(case: &Case<'_>) -> Vec<Violation> {
    let events = case.trace.before_closing();
    let streams = Streams::of(case.plan, events);
    let mut violations = Vec::new();
    for socket in 0..case.plan.sockets.len() {
        let Some(patience) = patience(case.plan, socket) else { continue };
        let slack = SLACK + case.lateness();
        let host = case.plan.socket(socket).host.as_str();
        // A low-level connection sends PINGs while it receives only.
        if is_handicapped(case.plan, host) || case.plan.socket(socket).is_low_level() {
            continue;
        }
        for (stream, end) in streams.ends_of(case.plan, socket) {
            let Some(ready) = end.ready.filter(|_| end.socket == Some(socket)) else { continue };
            // A trace shows only the first that comes from a hostile peer; how long it is kept has a check of its own.
            if streams.has_hostile(case.plan, stream) {
                continue;
            }
            let until = end.released.unwrap_or(events.len() - 1);
            let silence = silences(events, stream, ready, until)
                .find(|(from, to)| events[*to].at().saturating_sub(events[*from].at()) > patience + slack);
            let Some((from, _)) = silence else { continue };
            let deadline = events[from].at() + patience + slack;
            if !is_full(events, case.plan.name(socket), from, deadline) {
                let problem = format!(
                    "nothing came on s{stream} after {:.6} s, and it was not given up within {patience:?}",
                    events[from].at().as_secs_f64()
                );
                violations.push(events[from].violation(problem));
            }
        }
    }
    violations
}

/// How long a socket listens to silence; `None` when it sends no PINGs.
fn patience(plan: &Plan, socket: usize) -> Option<Duration> {
    let options = &plan.socket(socket).options;
    let ivl = options.heartbeat_ivl.map(Draw::value).filter(|ivl| !ivl.0.is_zero())?;
    let timeout = options.heartbeat_timeout.map_or(ivl, Draw::value);
    // A timeout of zero never gives up.
    (!timeout.0.is_zero()).then_some(ivl.0 + timeout.0)
}

/// Whether a fault keeps a host from noticing: it stands still, does not read, or its clock is wrong.
pub(super) fn is_handicapped(plan: &Plan, host: &str) -> bool {
    plan.scenario.fault.iter().flat_map(|fault| fault.given()).any(|(_, kind)| {
        let keeps = matches!(
            kind,
            FaultKind::Pause(_) | FaultKind::SlowReader(_) | FaultKind::ReadStall(_) | FaultKind::Clock(_)
        );
        keeps && kind.subject() == host
    })
}

/// Stretches without a frame on a stream, from frame to frame; the last one to the end.
fn silences(
    events: &[Event],
    stream: u64,
    ready: usize,
    until: usize,
) -> impl Iterator<Item = (usize, usize)> {
    let mut last = ready;
    let mut over = false;
    let mut position = ready;
    std::iter::from_fn(move || {
        while !over {
            position += 1;
            if position >= until {
                over = true;
                return Some((last, until));
            }
            let EventKind::Frame { stream: on, dir: Direction::In, frame } = &events[position].what else {
                continue;
            };
            if *on != stream {
                continue;
            }
            let before = std::mem::replace(&mut last, position);
            let long = matches!(frame, WireFrame::Message { bytes, .. } if *bytes > PACKET);
            if !long {
                return Some((before, position));
            }
        }
        None
    })
}

/// Whether messages that had arrived at a socket waited for its application: then it has not read what came after them.
fn is_full(events: &[Event], socket: &str, from: usize, until: Duration) -> bool {
    let mut waiting: std::collections::BTreeSet<&MessageName> = std::collections::BTreeSet::new();
    let mut full = false;
    for (position, event) in events.iter().enumerate().filter(|(_, event)| event.is_at(socket)) {
        if event.at() > until {
            break;
        }
        match &event.what {
            EventKind::Frame {
                dir: Direction::In,
                frame: WireFrame::Message { of: Some(of), more: false, .. },
                ..
            } => {
                waiting.insert(of);
            }
            EventKind::Received { message, .. } => {
                waiting.remove(message);
            }
            EventKind::Phase { phase: Phase::Closing } => break,
            _ => {}
        }
        full = full || (position >= from && !waiting.is_empty());
    }
    full || !waiting.is_empty()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{PIPELINE, found_in, nothing_found_in, trace};
    use super::*;
    use seaworthy_sim::trace::Trace;

    fn pinging() -> String {
        PIPELINE.replace("sndhwm = 2", "sndhwm = 2, heartbeat_ivl = \"1s\", heartbeat_timeout = \"2s\"")
    }

    /// A connection on which the peer's READY comes at 0, something else at `heard` ms, and which ends at `ended` ms.
    fn silent(heard: u64, ended: u64) -> Trace {
        let command = |name: &str| WireFrame::Command { name: name.into(), bytes: 0, topic: None };
        let frame = |name| EventKind::Frame { stream: 4, dir: Direction::In, frame: command(name) };
        let push = |what| ("source", "push", what);
        let mut trace = trace(&[
            push(EventKind::Stream { stream: 4, peer: Some(3) }),
            push(frame("READY")),
            push(frame("PONG")),
            push(EventKind::StreamEnded { stream: 4, how: "closed".into() }),
        ]);
        for (event, at) in trace.events.iter_mut().zip([0, 0, heard, ended]) {
            event.t = at * 1_000_000;
        }
        trace
    }

    #[test]
    fn a_silent_connection_that_is_kept_is_a_violation() {
        nothing_found_in(&pinging(), check, &silent(1_000, 5_100));
        found_in(&pinging(), check, &silent(1_000, 5_102), "nothing came on s4 after 1.000000 s");
        found_in(&pinging(), check, &silent(4_102, 4_200), "nothing came on s4 after 0.000000 s");
        nothing_found_in(PIPELINE, check, &silent(1_000, 60_000));
    }

    #[test]
    fn a_host_that_stands_still_finds_nothing_out() {
        let paused = format!("{}\nfault = [{{ at = \"1s\", pause = \"source\" }}]", pinging());
        nothing_found_in(&paused, check, &silent(1_000, 9_000));
    }
}
