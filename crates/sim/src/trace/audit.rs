//! One number for all that happened in a run, so that two runs of a seed can be compared.

use std::fmt;
use std::hash::Hasher;

/// A hash of 64 bits over every event of a run, packets included, with its time.
///
/// It takes eight bytes at a time, because every packet goes through it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Audit {
    hash: u64,
    events: u64,
}

impl Audit {
    /// Adds bytes of an event.
    pub fn add(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.add_number(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        // With the length, so that no bytes can pass for others with zeros behind them.
        self.add_number(u64::from_le_bytes(last) ^ (bytes.len() as u64).rotate_right(8));
    }

    /// Adds a number of an event.
    pub fn add_number(&mut self, number: u64) {
        let product = u128::from(self.hash ^ number) * u128::from(MULTIPLIER);
        self.hash = (product as u64) ^ ((product >> 64) as u64).wrapping_add(MULTIPLIER);
    }

    /// Ends an event.
    pub fn end_event(&mut self) {
        self.events += 1;
        self.add_number(self.events);
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

/// What is hashed into an audit is added to it, alike on all machines.
impl Hasher for Audit {
    fn write(&mut self, bytes: &[u8]) {
        self.add(bytes);
    }

    fn write_u8(&mut self, number: u8) {
        self.add_number(number.into());
    }

    fn write_u16(&mut self, number: u16) {
        self.add_number(number.into());
    }

    fn write_u32(&mut self, number: u32) {
        self.add_number(number.into());
    }

    fn write_u64(&mut self, number: u64) {
        self.add_number(number);
    }

    fn write_usize(&mut self, number: usize) {
        self.add_number(number as u64);
    }

    fn write_isize(&mut self, number: isize) {
        self.add_number(number as u64);
    }

    fn finish(&self) -> u64 {
        self.hash
    }
}

/// What is formatted into an audit is added to it.
impl fmt::Write for Audit {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.add(text.as_bytes());
        Ok(())
    }
}

/// An odd number without a pattern, from the golden ratio.
const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

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
        assert_ne!(audit(&["a", ""]), audit(&["", "a"]));
        assert_ne!(audit(&["a"]), audit(&["a", ""]));
    }

    #[test]
    fn every_bit_and_every_length_counts() {
        let bytes: Vec<u8> = (0..40).collect();
        let of = |bytes: &[u8]| {
            let mut audit = Audit::default();
            audit.add(bytes);
            audit
        };
        for length in 0..bytes.len() {
            assert_ne!(of(&bytes[..length]), of(&bytes[..=length]), "{length}");
            assert_ne!(of(&vec![0; length]), of(&vec![0; length + 1]), "{length} zeros");
            for bit in 0..8 {
                let mut flipped = bytes[..=length].to_vec();
                flipped[length] ^= 1 << bit;
                assert_ne!(of(&flipped), of(&bytes[..=length]), "bit {bit} of byte {length}");
            }
        }
    }
}
