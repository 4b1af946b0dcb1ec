//! A trace as text columns, for people: time, host, socket, event, details.
//!
//! ```text
//!   time/s host      socket   event     details
//! 0.001000 source    push     sent      push#0 64 B
//! ```

use std::fmt::Write as _;
use std::time::Duration;

use super::event::{Direction, Event, EventKind};
use super::recorder::Trace;
use super::wire::WireFrame;

/// Renders a trace. With `wire`, frames and streams are shown, too.
pub fn render(trace: &Trace, wire: bool) -> String {
    let shown = || trace.events.iter().filter(|event| wire || !is_wire(&event.what));
    let width =
        |pick: fn(&Event) -> usize, title: &str| shown().map(pick).max().unwrap_or(0).max(title.len());
    let host = width(|event| event.host.as_deref().map_or(0, str::len), "host");
    let socket = width(|event| event.socket.as_deref().map_or(0, str::len), "socket");
    let name = width(|event| event.what.name().len(), "event");
    let mut text = String::new();
    let _ =
        writeln!(text, "{:>11} {:<host$} {:<socket$} {:<name$} details", "time/s", "host", "socket", "event");
    for event in shown() {
        let at = event.at().as_secs_f64();
        let on = event.host.as_deref().unwrap_or("");
        let of = event.socket.as_deref().unwrap_or("");
        let line = format!(
            "{at:>11.6} {on:<host$} {of:<socket$} {:<name$} {}",
            event.what.name(),
            details(&event.what)
        );
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Whether the event is below the sockets.
fn is_wire(what: &EventKind) -> bool {
    matches!(
        what,
        EventKind::Stream { .. }
            | EventKind::Frame { .. }
            | EventKind::Dropped { .. }
            | EventKind::StreamEnded { .. }
    )
}

/// What the last column says.
pub(super) fn details(what: &EventKind) -> String {
    match what {
        EventKind::Phase { phase } => format!("{phase:?}").to_lowercase(),
        EventKind::Fault { what, .. } | EventKind::FaultOver { what, .. } => what.clone(),
        EventKind::Deadlock { waiting } => waiting.join(", "),
        EventKind::Remains { tasks, streams } => format!("{streams} streams, tasks {}", tasks.join(" ")),
        EventKind::Started { life: 1 } | EventKind::Closed => String::new(),
        EventKind::Started { life } => format!("life {life}"),
        EventKind::Crashed { how } => how.clone(),
        EventKind::TaskFailed { task, message } => format!("{task}: {message}"),
        EventKind::Opened { kind } => kind.clone(),
        EventKind::Bound { endpoint } | EventKind::Connecting { endpoint } => endpoint.clone(),
        EventKind::Subscribed { topic } | EventKind::Unsubscribed { topic } => format!("{topic:?}"),
        EventKind::Blocked { message } | EventKind::GaveUp { message } => message.to_string(),
        EventKind::Sent { message, parts, bytes, topic, to, answer } => {
            let mut text = size(&message.to_string(), *parts, *bytes);
            if let Some(topic) = topic {
                let _ = write!(text, " topic {topic:?}");
            }
            if let Some(to) = to {
                let _ = write!(text, " to {to}");
            }
            if *answer {
                text.push_str(" as answer");
            }
            text
        }
        EventKind::Received { message, parts, bytes, topic, from } => {
            let mut text = size(&message.to_string(), *parts, *bytes);
            if let Some(topic) = topic {
                let _ = write!(text, " topic {topic:?}");
            }
            if let Some(from) = from {
                let _ = write!(text, " from {from}");
            }
            text
        }
        EventKind::Relayed { step, message, parts, bytes, answer } => {
            let answer = if *answer { " as answer" } else { "" };
            format!("{}{answer}, {step}", size(&message.to_string(), *parts, *bytes))
        }
        EventKind::Probed { from } => from.as_ref().map(|from| format!("from {from}")).unwrap_or_default(),
        EventKind::Noticed { topic, ended: false } => format!("somebody subscribed to {topic:?}"),
        EventKind::Noticed { topic, ended: true } => format!("nobody is subscribed to {topic:?}"),
        EventKind::Granted { topic, ended: false } => format!("{topic:?}"),
        EventKind::Granted { topic, ended: true } => format!("{topic:?} no longer"),
        EventKind::Welcomed { text } => format!("{text:?}"),
        EventKind::Failed { operation, error } => format!("{operation}: {error}"),
        EventKind::Torn { problem } => problem.clone(),
        EventKind::Cancelled { operation, message } | EventKind::TimedOut { operation, message } => {
            match message {
                Some(message) => format!("{operation} of {message}"),
                None => operation.clone(),
            }
        }
        EventKind::Done { count } => format!("{count} messages"),
        EventKind::Acted { did } => did.clone(),
        EventKind::Dismissed { how } => how.clone(),
        EventKind::LetGo { stream, after, bytes, frames } => {
            format!("s{stream} after {:?}, {bytes} B and {frames} frames read", Duration::from_nanos(*after))
        }
        EventKind::Connected { endpoint, accepted } => {
            format!("{endpoint}{}", if *accepted { " accepted" } else { "" })
        }
        EventKind::Handshake { endpoint, peer, name: None } => format!("{endpoint} with a {peer}"),
        EventKind::Handshake { endpoint, peer, name: Some(name) } => {
            format!("{endpoint} with {name}, a {peer}")
        }
        EventKind::Disconnected { endpoint, reason, name: Some(name) } => {
            format!("{endpoint} from {name}: {reason}")
        }
        EventKind::HandshakeFailed { endpoint, reason }
        | EventKind::Disconnected { endpoint, reason, name: None }
        | EventKind::Stopped { endpoint, reason } => format!("{endpoint}: {reason}"),
        EventKind::Retrying { endpoint, after, reason } => {
            format!("{endpoint} after {:?}: {reason}", Duration::from_nanos(*after))
        }
        EventKind::Stream { stream, peer } => match peer {
            Some(peer) => format!("s{stream} accepted from s{peer}"),
            None => format!("s{stream}"),
        },
        EventKind::Frame { stream, dir, frame } => {
            format!("s{stream} {} {}", arrow(*dir), self::frame(frame))
        }
        EventKind::NotZmtp { stream, dir, problem } => format!("s{stream} {} {problem}", arrow(*dir)),
        EventKind::Diverged { stream, offset } => format!("s{stream} after {offset} bytes"),
        EventKind::Dropped { stream, operation, bytes } => {
            format!("s{stream} {operation}, {bytes} B of it happen")
        }
        EventKind::Continued { stream, bytes } => format!("s{stream} {bytes} B after a dropped write"),
        EventKind::StreamEnded { stream, how } => format!("s{stream} {how}"),
        EventKind::Note(note) => note.details(),
    }
}

fn size(message: &str, parts: u8, bytes: u64) -> String {
    if parts == 1 { format!("{message} {bytes} B") } else { format!("{message} {parts} parts {bytes} B") }
}

fn arrow(dir: Direction) -> &'static str {
    match dir {
        Direction::Out => "->",
        Direction::In => "<-",
    }
}

/// A frame in a few words.
pub(super) fn frame(frame: &WireFrame) -> String {
    match frame {
        WireFrame::Greeting { version, mechanism } => format!("greeting {version} {mechanism}"),
        WireFrame::Command { name, topic: Some(topic), .. } => format!("{name} {topic:?}"),
        WireFrame::Command { name, .. } => name.clone(),
        WireFrame::Message { bytes, more, of, .. } => {
            let of = of.as_ref().map(|of| format!(" of {of}")).unwrap_or_default();
            format!("frame {bytes} B{of}{}", if *more { ", more follow" } else { "" })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_wire_events_can_be_left_out() {
        let event = |t, socket: &str, what| Event {
            t,
            host: Some("a".into()),
            socket: (!socket.is_empty()).then(|| socket.into()),
            what,
        };
        let trace = Trace {
            events: vec![
                event(0, "push", EventKind::Opened { kind: "PUSH".into() }),
                event(1_000_000, "", EventKind::Stream { stream: 0, peer: None }),
                event(12_000_000_000, "pull-1", EventKind::Closed),
            ],
        };
        assert_eq!(
            render(&trace, false),
            concat!(
                "     time/s host socket event  details\n",
                "   0.000000 a    push   opened PUSH\n",
                "  12.000000 a    pull-1 closed\n",
            )
        );
        assert!(render(&trace, true).contains("   0.001000 a           stream s0\n"));
    }
}
