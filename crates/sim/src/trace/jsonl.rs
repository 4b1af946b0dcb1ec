//! Traces as JSON lines: one event a line, keys in a fixed order.

use super::event::Event;
use super::recorder::Trace;

/// Text that is not a trace.
#[derive(Debug, thiserror::Error)]
#[error("line {line} is not an event of a trace: {source}")]
pub struct BadTrace {
    /// Counted from 1.
    pub line: usize,
    /// What JSON says.
    pub source: serde_json::Error,
}

impl Event {
    /// The event as one line of JSON, without the line's end.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("all of an event's types have a JSON form")
    }
}

impl Trace {
    /// The trace as JSON lines.
    pub fn to_jsonl(&self) -> String {
        let mut text = String::new();
        for event in &self.events {
            text.push_str(&event.to_json());
            text.push('\n');
        }
        text
    }

    /// Reads JSON lines.
    ///
    /// # Errors
    /// With the number of the first line that is not an event.
    pub fn from_jsonl(text: &str) -> Result<Self, BadTrace> {
        let read =
            |(index, line)| serde_json::from_str(line).map_err(|source| BadTrace { line: index + 1, source });
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        Ok(Self { events: lines.map(read).collect::<Result<_, _>>()? })
    }
}

#[cfg(test)]
mod tests {
    use seaworthy_engine::Note;

    use super::super::event::{Direction, EventKind};
    use super::super::wire::WireFrame;
    use super::*;

    fn event(what: EventKind) -> Event {
        Event { t: 1_500, host: Some("source".into()), socket: Some("push".into()), what }
    }

    #[test]
    fn keys_stand_in_a_fixed_order() {
        let sent = EventKind::Sent {
            message: "push#5".parse().unwrap(),
            parts: 1,
            bytes: 64,
            topic: None,
            to: None,
            answer: false,
        };
        assert_eq!(
            event(sent).to_json(),
            r#"{"t":1500,"host":"source","socket":"push","event":"sent","message":"push#5","parts":1,"bytes":64}"#
        );
        let frame =
            WireFrame::Message { bytes: 64, more: false, of: Some("push.2#5".parse().unwrap()), text: None };
        assert_eq!(
            event(EventKind::Frame { stream: 3, dir: Direction::Out, frame }).to_json(),
            r#"{"t":1500,"host":"source","socket":"push","event":"frame","stream":3,"dir":"out","frame":"message","bytes":64,"more":false,"of":"push.2#5"}"#
        );
    }

    #[test]
    fn a_trace_reads_back_as_it_was_written() {
        let frame = WireFrame::Command { name: "SUBSCRIBE".into(), bytes: 1, topic: Some("a".into()) };
        let events = vec![
            event(EventKind::Closed),
            event(EventKind::Frame { stream: 0, dir: Direction::In, frame }),
            event(EventKind::Retrying { endpoint: "tcp://a:1".into(), after: 5, reason: "refused".into() }),
        ];
        let trace = Trace { events };
        assert_eq!(Trace::from_jsonl(&trace.to_jsonl()).unwrap(), trace);
    }

    #[test]
    fn a_line_that_is_no_event_is_named() {
        let error = Trace::from_jsonl("{\"t\":1,\"event\":\"closed\"}\n{\"t\":1}\n").unwrap_err();
        assert_eq!(error.line, 2);
    }

    #[test]
    fn the_first_difference_of_two_traces_is_found() {
        let trace = |events: &[EventKind]| Trace { events: events.iter().cloned().map(event).collect() };
        let opened = || EventKind::Opened { kind: "PUSH".into() };
        let (at, left, right) =
            trace(&[opened(), EventKind::Closed]).first_difference(&trace(&[opened()])).unwrap();
        assert_eq!((at, left.is_some(), right), (1, true, None));
        assert!(trace(&[opened()]).first_difference(&trace(&[opened()])).is_none());
    }

    #[test]
    fn an_event_of_ones_own_stands_in_a_trace_as_any_other() {
        let note = Note::new("done").with("job", 17).with("host", "mine");
        let event = Event { t: 5, host: Some("worker-1".into()), socket: None, what: EventKind::Note(note) };
        let json = event.to_json();
        assert_eq!(json, r#"{"t":5,"host":"worker-1","event":"done","host_":"mine","job":17}"#);
        assert_eq!(Trace::from_jsonl(&json).unwrap().events, [event]);
    }

    #[test]
    fn events_of_the_testbed_stay_what_they_are() {
        let json = r#"{"t":5,"host":"a","event":"closed"}"#;
        assert_eq!(Trace::from_jsonl(json).unwrap().events[0].what, EventKind::Closed);
    }
}
