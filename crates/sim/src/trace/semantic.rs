//! What a trace means, without when: the projection that snapshots hold.
//!
//! Each socket has a lane with its own events in order, and each end of a stream one with its frames in order.
//! Times, and the order between lanes, are left out: a faster driver or another batch size changes no snapshot,
//! another frame, another order or another outcome does. What happens several times in a row, such as a PING, stands
//! there once, with a mark.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::columns;
use super::event::{Direction, Event, EventKind};
use super::recorder::Trace;

/// Renders the lanes: the run's own first, then the sockets by name, then the streams by number.
pub fn render(trace: &Trace) -> String {
    let mut lanes: BTreeMap<(u8, String), Vec<String>> = BTreeMap::new();
    for event in trace.before_closing() {
        if let Some((lane, line)) = place(event) {
            lanes.entry(lane).or_default().push(line);
        }
    }
    let mut text = String::new();
    for ((_, lane), lines) in lanes {
        let _ = writeln!(text, "{lane}");
        for same in lines.chunk_by(|line, next| line == next) {
            let _ = writeln!(text, "  {}{}", same[0], if same.len() > 1 { " (repeatedly)" } else { "" });
        }
    }
    text
}

/// The lane of an event and what stands there.
fn place(event: &Event) -> Option<((u8, String), String)> {
    let line = || format!("{} {}", event.what.name(), columns::details(&event.what)).trim_end().to_owned();
    match &event.what {
        // Whether a send had to wait depends on how fast the driver is.
        EventKind::Blocked { .. } => None,
        // How long a pause is, and so how many there are, is a matter of chance.
        EventKind::Retrying { endpoint, reason, .. } => {
            let socket = event.socket.as_deref()?;
            Some(((1, format!("socket {socket}")), format!("retrying {endpoint}: {reason}")))
        }
        EventKind::Stream { .. }
        | EventKind::Dropped { .. }
        | EventKind::StreamEnded { .. }
        | EventKind::LetGo { .. } => None,
        EventKind::Frame { stream, dir: Direction::Out, frame } => {
            let host = event.host.as_deref().unwrap_or("?");
            Some(((2, format!("stream {stream:>3} from {host}")), columns::frame(frame)))
        }
        EventKind::Frame { .. } => None,
        _ => match &event.socket {
            Some(socket) => Some(((1, format!("socket {socket}")), line())),
            None => Some(((0, "run".to_owned()), {
                let host = event.host.as_deref().map(|host| format!("{host}: ")).unwrap_or_default();
                format!("{host}{}", line())
            })),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_and_how_often_does_not_matter_but_what_and_in_which_order_does() {
        let event = |t, socket: &str, what| Event { t, host: None, socket: Some(socket.into()), what };
        let retry =
            |after| EventKind::Retrying { endpoint: "tcp://a:1".into(), after, reason: "refused".into() };
        let opened = || EventKind::Opened { kind: "PUSH".into() };
        let lanes = |events: Vec<Event>| render(&Trace { events });
        let one =
            lanes(vec![event(0, "push", opened()), event(1, "push", retry(5)), event(2, "push", retry(6))]);
        assert_eq!(one, "socket push\n  opened PUSH\n  retrying tcp://a:1: refused (repeatedly)\n");
        let slower = lanes(vec![
            event(3, "push", opened()),
            event(4, "push", retry(7)),
            event(5, "push", retry(8)),
            event(6, "push", retry(9)),
        ]);
        assert_eq!(one, slower);
        assert_ne!(
            one,
            lanes(vec![event(0, "push", retry(5)), event(1, "push", retry(5)), event(2, "push", opened())])
        );
    }
}
