//! What a trace means, without when: the projection that snapshots hold.
//!
//! Each socket has a lane with its own events in order, and each end of a stream one with its frames in order.
//! Times, and the order between lanes, are left out: a faster driver or another batch size changes no snapshot,
//! another frame, another order or another outcome does. Runs of the same kind of event are counted.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::columns;
use super::event::{Direction, Event, What};
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
        for line in lines {
            let _ = writeln!(text, "  {line}");
        }
    }
    text
}

/// The lane of an event and what stands there.
fn place(event: &Event) -> Option<((u8, String), String)> {
    let line = || format!("{} {}", event.what.name(), columns::details(&event.what)).trim_end().to_owned();
    match &event.what {
        // Whether a send had to wait depends on how fast the driver is.
        What::Blocked { .. } => None,
        What::Stream { .. } | What::StreamEnded { .. } => None,
        What::Frame { stream, dir: Direction::Out, frame } => {
            let host = event.host.as_deref().unwrap_or("?");
            Some(((2, format!("stream {stream:>3} from {host}")), columns::frame(frame)))
        }
        What::Frame { .. } => None,
        _ => match &event.socket {
            Some(socket) => Some(((1, format!("socket {socket}")), line())),
            None => Some(((0, "run".to_owned()), {
                let host = event.host.as_deref().map(|host| format!("{host}: ")).unwrap_or_default();
                format!("{host}{}", line())
            })),
        },
    }
}
