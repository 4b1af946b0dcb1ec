//! A line of a trace as it stands, whether or not this version knows its event: what tools that only show and
//! compare need.

use seaworthy_engine::note;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::columns;
use super::event::Event;
use super::jsonl::BadTrace;
use super::name::Name;
use super::recorder::Trace;

/// An event with what every event has, and the rest by its keys.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Simulated time, in nanoseconds since the start.
    pub t: u64,
    /// Where, if at a host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Name>,
    /// At which socket, if at one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub socket: Option<Name>,
    /// The event's name.
    pub event: Name,
    /// Everything else.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

impl Line {
    /// Reads JSON lines.
    ///
    /// # Errors
    /// With the number of the first line that has no time or no event.
    pub fn read_all(text: &str) -> Result<Vec<Self>, BadTrace> {
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        lines
            .map(|(index, line)| {
                serde_json::from_str(line).map_err(|source| BadTrace { line: index + 1, source })
            })
            .collect()
    }

    /// The lines of a trace.
    pub fn of_trace(trace: &Trace) -> Vec<Self> {
        Self::read_all(&trace.to_jsonl()).unwrap_or_default()
    }

    /// What stands under a key, if it is text.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.rest.get(key).and_then(Value::as_str)
    }

    /// What stands under a key, if it is a number from 0.
    pub fn number(&self, key: &str) -> Option<u64> {
        self.rest.get(key).and_then(Value::as_u64)
    }

    /// The event as one line of JSON, without the line's end.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("names and JSON values have a JSON form")
    }

    /// The event's details in words; those of an event that is not known as `key value`.
    pub fn details(&self) -> String {
        match serde_json::from_str::<Event>(&self.to_json()) {
            Ok(event) => columns::details(&event.what),
            Err(_) => note::words(self.rest.iter()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_that_are_not_known_are_read_and_told() {
        let text = "{\"t\":5,\"host\":\"a\",\"event\":\"teleported\",\"to\":\"b\",\"times\":2}\n";
        let line = &Line::read_all(text).unwrap()[0];
        assert_eq!((line.t, &*line.event, line.number("times")), (5, "teleported", Some(2)));
        assert_eq!(line.details(), "times 2, to b");
    }

    #[test]
    fn known_events_are_told_as_in_columns() {
        let text = r#"{"t":1500,"host":"source","socket":"push","event":"sent","message":"push#5","parts":1,"bytes":64}"#;
        assert_eq!(Line::read_all(text).unwrap()[0].details(), "push#5 64 B");
    }

    #[test]
    fn a_line_without_a_time_is_refused_with_its_number() {
        let error = Line::read_all("{\"t\":1,\"event\":\"closed\"}\n\n{\"event\":\"closed\"}\n").unwrap_err();
        assert_eq!(error.line, 3);
        assert!(error.to_string().contains("missing field `t`"), "{error}");
    }
}
