//! What the scenario says must have happened, or must not have: a run that never reached the state it is about
//! proves nothing.

use std::time::Duration;

use super::Case;
use super::ledger::Ledger;
use crate::scenario::{Must, MustEvent};
use seaworthy_engine::Violation;
use seaworthy_sim::trace::{Event, EventKind, Name};

/// How often something happened of which the scenario says how often it must.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    /// The socket.
    pub socket: Name,
    /// What happens.
    pub event: MustEvent,
    /// When it counts: ` after 1s`; empty for always.
    pub window: String,
    /// How often it happened.
    pub times: u64,
    /// How often it must happen at least.
    pub least: u64,
    /// How often it may happen at most.
    pub most: u64,
}

impl Reached {
    /// Whether the expectation is met.
    pub const fn is_met(&self) -> bool {
        self.times >= self.least && self.times <= self.most
    }

    /// What is expected: `at least 50`.
    pub fn wanted(&self) -> String {
        match (self.least, self.most) {
            (least, u64::MAX) => format!("at least {least}"),
            (0, most) => format!("at most {most}"),
            (least, most) => format!("{least} to {most}"),
        }
    }
}

/// Counts all that the scenario expects.
pub fn reached(case: &Case<'_>) -> Vec<Reached> {
    let mut all = Vec::new();
    let mut ledger = None;
    for must in &case.plan.scenario.expect.must {
        let number = case.plan.socket_number(&must.socket);
        let name =
            number.map_or_else(|| must.socket.as_str().into(), |number| case.plan.name(number).clone());
        let times = match number {
            Some(number) if must.event == MustEvent::Lost => {
                ledger.get_or_insert_with(|| Ledger::of(case)).lost_by(number, |t| within(must, t))
            }
            _ => count(case, must, &name),
        };
        let window = match (must.after, must.before) {
            (None, None) => String::new(),
            (Some(after), None) => format!(" after {after}"),
            (None, Some(before)) => format!(" before {before}"),
            (Some(after), Some(before)) => format!(" between {after} and {before}"),
        };
        all.push(Reached {
            socket: name,
            event: must.event,
            window,
            times,
            least: must.at_least.unwrap_or(u64::from(must.at_most.is_none())),
            most: must.at_most.unwrap_or(u64::MAX),
        });
    }
    all
}

/// Finds expectations that were not met.
pub fn check(case: &Case<'_>) -> Vec<Violation> {
    let missed = |reached: &Reached| {
        let Reached { event, times, window, .. } = reached;
        let problem = format!("{event} happened {times} times{window}, expected {}", reached.wanted());
        Violation::of(&reached.socket, problem)
    };
    reached(case).iter().filter(|reached| !reached.is_met()).map(missed).collect()
}

fn within(must: &Must, t: Duration) -> bool {
    must.after.is_none_or(|after| t >= after.0) && must.before.is_none_or(|before| t <= before.0)
}

fn count(case: &Case<'_>, must: &Must, socket: &Name) -> u64 {
    let counts = |event: &&Event| {
        event.is_at(socket)
            && within(must, event.at())
            && match must.event {
                MustEvent::Blocked => matches!(event.what, EventKind::Blocked { .. }),
                MustEvent::Sent => matches!(event.what, EventKind::Sent { .. }),
                MustEvent::Received => matches!(event.what, EventKind::Received { .. }),
                MustEvent::Connected => matches!(event.what, EventKind::Handshake { .. }),
                MustEvent::Disconnected => matches!(event.what, EventKind::Disconnected { .. }),
                MustEvent::Timeout => {
                    matches!(event.what, EventKind::GaveUp { .. } | EventKind::TimedOut { .. })
                }
                MustEvent::Cancelled => matches!(event.what, EventKind::Cancelled { .. }),
                MustEvent::Welcomed => matches!(event.what, EventKind::Welcomed { .. }),
                MustEvent::Dismissed => matches!(event.what, EventKind::Dismissed { .. }),
                MustEvent::Noticed => matches!(event.what, EventKind::Noticed { .. }),
                MustEvent::Lost => false,
            }
    };
    case.trace.before_closing().iter().filter(counts).count() as u64
}

#[cfg(test)]
mod tests {
    use super::super::tests::{PIPELINE, found_in, nothing_found_in, received, trace};
    use super::*;

    fn expecting(must: &str) -> String {
        format!("{PIPELINE}\nexpect = {{ must = [{{ socket = \"pull-1\", event = \"received\"{must} }}] }}")
    }

    #[test]
    fn what_must_happen_is_counted_in_its_window() {
        let receipt = ("worker-1", "pull-1", received("push#0"));
        let elsewhere = ("worker-2", "pull-2", received("push#1"));
        let twice = trace(&[receipt.clone(), elsewhere.clone(), receipt]);
        nothing_found_in(&expecting(""), check, &twice);
        nothing_found_in(&expecting(", at_least = 2"), check, &twice);
        found_in(
            &expecting(", at_least = 3"),
            check,
            &twice,
            "received happened 2 times, expected at least 3",
        );
        found_in(&expecting(", at_most = 1"), check, &twice, "expected at most 1");
        found_in(&expecting(", after = \"3ms\""), check, &twice, "happened 0 times after 3ms");
        nothing_found_in(&expecting(", before = \"1ms\", at_most = 1"), check, &twice);
        found_in(&expecting(""), check, &trace(&[elsewhere]), "happened 0 times, expected at least 1");
    }
}
