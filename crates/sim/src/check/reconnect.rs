//! Reconnect spacing: a pause between two attempts is never longer than the options say, and never so short that a
//! lost server is stormed.

use std::time::Duration;

use super::{Case, Violation};
use crate::scenario::Socket;
use crate::scenario::draw::Draw;
use crate::trace::What;

/// libzmq's default of `reconnect_ivl`.
const RECONNECT_IVL: Duration = Duration::from_millis(100);

/// Finds pauses that are too short or too long.
pub fn check(case: &Case<'_>) -> Vec<Violation> {
    let outside = case.trace.events.iter().filter_map(|event| {
        let (What::Retrying { after, .. }, Some(name)) = (&event.what, &event.socket) else { return None };
        let (least, most) = bounds(case.plan.socket(case.plan.socket_number(name)?));
        let after = Duration::from_nanos(*after);
        let problem = format!("the next attempt comes after {after:?}, not within {least:?} to {most:?}");
        (after < least || after > most).then(|| Violation::at(event, problem))
    });
    outside.collect()
}

/// The shortest and longest pause. Jitter may halve the first interval, as Seaworthy draws it, or add all of it,
/// as libzmq does.
fn bounds(socket: &Socket) -> (Duration, Duration) {
    let first = socket.options.reconnect_ivl.map_or(RECONNECT_IVL, |ivl| Draw::value(ivl).0);
    let max = socket.options.reconnect_ivl_max.map_or(Duration::ZERO, |ivl| Draw::value(ivl).0);
    (first / 2, if max.is_zero() { first * 2 } else { max.max(first) })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{found, nothing_found, trace};
    use super::*;

    #[test]
    fn a_pause_outside_its_bounds_is_a_violation() {
        let retry = |after: Duration| {
            let after = after.as_nanos() as u64;
            trace(&[(
                "worker-1",
                "pull-1",
                What::Retrying { endpoint: String::new(), after, reason: String::new() },
            )])
        };
        let ms = Duration::from_millis;
        for fine in [50, 100, 200] {
            nothing_found(check, &retry(ms(fine)));
        }
        found(check, &retry(ms(49)), "after 49ms, not within 50ms to 200ms");
        found(check, &retry(ms(201)), "after 201ms");
    }
}
