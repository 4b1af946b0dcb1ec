//! Events of a program's own in a trace.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Keys that every event has.
const TAKEN: [&str; 4] = ["t", "host", "socket", "event"];

/// Something that a program, or whoever tests it, wrote into the trace.
///
/// Readers of traces know it by its name, which stands where other events have theirs. A page draws it as a mark; an
/// event with an `end`, an `until` or a `for` in nanoseconds as a band; and what was `sent` with a `message` and
/// `received` with the same one as an arrow.
#[derive(Clone, Debug, PartialEq, Hash, Serialize, Deserialize)]
pub struct Note {
    /// Its name.
    pub event: String,
    /// What else there is to say.
    #[serde(flatten)]
    pub fields: Map<String, Value>,
}

impl Note {
    /// An event with this name and nothing else to say.
    pub fn new(event: impl Into<String>) -> Self {
        Self { event: event.into(), fields: Map::new() }
    }

    /// Adds a field. One that is called as what every event has, such as `host`, gets a `_` behind its name.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.insert(key, value.into());
        self
    }

    pub(crate) fn insert(&mut self, key: &str, value: Value) {
        let key = if TAKEN.contains(&key) { format!("{key}_") } else { key.to_owned() };
        self.fields.insert(key, value);
    }

    /// What stands under a key, if it is text.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.fields.get(key).and_then(Value::as_str)
    }

    /// What stands under a key, if it is a number from 0.
    pub fn number(&self, key: &str) -> Option<u64> {
        self.fields.get(key).and_then(Value::as_u64)
    }

    /// All but its name, in words.
    pub fn details(&self) -> String {
        words(self.fields.iter())
    }
}

/// Keys and values as words: first, without their keys, the message that it is about and what is in it.
pub fn words<'a>(fields: impl Iterator<Item = (&'a String, &'a Value)>) -> String {
    let (mut bare, mut named) = ([None, None], Vec::new());
    for (key, value) in fields {
        match (key.as_str(), value) {
            ("message", Value::String(text)) => bare[0] = Some(text.clone()),
            ("content", Value::String(text)) => bare[1] = Some(text.clone()),
            (_, Value::String(text)) => named.push(format!("{key} {text}")),
            (_, other) => named.push(format!("{key} {other}")),
        }
    }
    let named = (!named.is_empty()).then(|| named.join(", "));
    bare.into_iter().flatten().chain(named).collect::<Vec<_>>().join(" ")
}
