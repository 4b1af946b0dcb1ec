//! The simulator checks itself: what is read from a stream is a prefix of what was written to it.
//!
//! Compared byte by byte while the run goes on, so that no stream has to be kept. Whatever the network loses,
//! delays or repeats, TCP hides it; a difference is a bug of the simulated network and makes all other verdicts
//! worthless.

use std::collections::{BTreeMap, VecDeque};

use seaworthy_engine::Violation;

use crate::trace::{EventKind, Trace};

/// Bytes written and not yet read, per writing end.
#[derive(Debug, Default)]
pub struct StreamPrefix {
    streams: BTreeMap<u64, Unread>,
}

#[derive(Debug, Default)]
struct Unread {
    bytes: VecDeque<u8>,
    agreed: u64,
    diverged: bool,
}

impl StreamPrefix {
    /// The end `writer` wrote these bytes.
    pub fn written(&mut self, writer: u64, bytes: &[u8]) {
        self.streams.entry(writer).or_default().bytes.extend(bytes);
    }

    /// The peer of `writer` read these bytes.
    ///
    /// # Errors
    /// The number of bytes that agreed, the first time that one is not what was written next.
    pub fn read(&mut self, writer: u64, bytes: &[u8]) -> Result<(), u64> {
        let unread = self.streams.entry(writer).or_default();
        if unread.diverged {
            return Ok(());
        }
        let (front, back) = unread.bytes.as_slices();
        let (first, second) = bytes.split_at(bytes.len().min(front.len()));
        // In two pieces, whole: nearly all bytes agree.
        if front.starts_with(first) && back.starts_with(second) {
            unread.bytes.drain(..bytes.len());
            unread.agreed += bytes.len() as u64;
            return Ok(());
        }
        let agreed = unread.bytes.iter().zip(bytes).take_while(|(written, read)| written == read).count();
        unread.diverged = true;
        Err(unread.agreed + agreed as u64)
    }
}

/// Finds streams that delivered something else than was written.
pub fn check(trace: &Trace) -> Vec<Violation> {
    let diverged = trace.events.iter().filter_map(|event| match event.what {
        EventKind::Diverged { stream, offset } => Some(event.violation(format!(
            "stream s{stream} delivered another byte than was written, after {offset} good ones"
        ))),
        _ => None,
    });
    diverged.collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{found, nothing_found, trace};
    use super::*;

    #[test]
    fn reading_less_than_was_written_is_fine() {
        let mut prefix = StreamPrefix::default();
        prefix.written(1, b"hello");
        assert_eq!(prefix.read(1, b"he"), Ok(()));
        prefix.written(1, b" world");
        assert_eq!(prefix.read(1, b"llo wo"), Ok(()));
    }

    #[test]
    fn a_changed_a_missing_and_an_invented_byte_are_found_once() {
        let mut prefix = StreamPrefix::default();
        prefix.written(1, b"hello");
        assert_eq!(prefix.read(1, b"hexlo"), Err(2));
        assert_eq!(prefix.read(1, b"more"), Ok(()), "said once");
        prefix.written(2, b"hello");
        assert_eq!(prefix.read(2, b"hllo"), Err(1));
        prefix.written(3, b"hi");
        assert_eq!(prefix.read(3, b"hi!"), Err(2));
        prefix.written(4, b"hello");
        assert_eq!(prefix.read(4, b"he"), Ok(()));
        assert_eq!(prefix.read(4, b"lxo"), Err(3), "counted from the beginning of the stream");
    }

    #[test]
    fn a_diverged_stream_is_a_violation() {
        let events = trace(&[("source", "push", EventKind::Diverged { stream: 3, offset: 7 })]);
        found(check, &events, "stream s3 delivered another byte");
        nothing_found(check, &trace(&[("source", "push", EventKind::Closed)]));
    }
}
