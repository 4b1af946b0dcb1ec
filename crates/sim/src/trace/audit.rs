//! One number for all that happened in a run, so that two runs of a seed can be compared.

use std::fmt;

/// A hash (FNV-1a, 64 bits) over every event of a run, packets included, with its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Audit {
    hash: u64,
    events: u64,
}

impl Audit {
    /// Adds an event.
    pub fn add(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        }
    }

    /// Ends an event.
    pub fn end_event(&mut self) {
        self.add(&[0xff]);
        self.events += 1;
    }

    /// How many events it covers.
    pub const fn events(&self) -> u64 {
        self.events
    }
}

impl Default for Audit {
    fn default() -> Self {
        Self { hash: 0xcbf2_9ce4_8422_2325, events: 0 }
    }
}

/// What is formatted into an audit is added to it.
impl fmt::Write for Audit {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.add(text.as_bytes());
        Ok(())
    }
}

impl fmt::Display for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn audit(events: &[&str]) -> Audit {
        let mut audit = Audit::default();
        for event in events {
            audit.add(event.as_bytes());
            audit.end_event();
        }
        audit
    }

    #[test]
    fn content_order_and_borders_of_events_all_count() {
        assert_eq!(audit(&["a", "b"]), audit(&["a", "b"]));
        assert_ne!(audit(&["a", "b"]), audit(&["b", "a"]));
        assert_ne!(audit(&["ab"]), audit(&["a", "b"]));
        assert_ne!(audit(&["a", "b"]), audit(&["a", "c"]));
    }
}
