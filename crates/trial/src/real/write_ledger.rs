//! The bytes that go one way on a stream, as far as anybody knows of them.
//!
//! The kernel may have taken bytes before their writer is told, and the reader may have them by then. So that nothing is
//! recorded as read before it is recorded as written, a read makes known what was written for it.

use std::cell::RefCell;
use std::collections::VecDeque;

use bytes::Bytes;

/// What one end of a stream wrote and the other read.
#[derive(Debug, Default)]
pub(super) struct WriteLedger(RefCell<State>);

#[derive(Debug, Default)]
struct State {
    /// Handed to the kernel, and not known to be taken.
    submitted: VecDeque<Bytes>,
    /// How many bytes are known to be written.
    known: u64,
    /// How many bytes the writer was told are written.
    confirmed: u64,
    read: u64,
}

impl WriteLedger {
    /// A write was handed to the kernel.
    pub(super) fn submit(&self, segments: &[Bytes]) {
        self.0.borrow_mut().submitted.extend(segments.iter().filter(|part| !part.is_empty()).cloned());
    }

    /// The write that was handed to the kernel took so many bytes. Gives those that are news.
    pub(super) fn confirm(&self, bytes: usize) -> Vec<Bytes> {
        let mut state = self.0.borrow_mut();
        state.confirmed += bytes as u64;
        let until = state.confirmed;
        let news = state.know(until);
        state.submitted.clear();
        news
    }

    /// The reader has so many more bytes. Gives those of which nobody knew that they were written.
    pub(super) fn arrive(&self, bytes: usize) -> Vec<Bytes> {
        let mut state = self.0.borrow_mut();
        state.read += bytes as u64;
        let until = state.read;
        state.know(until)
    }

    /// How many bytes were handed to the kernel and may be written or not.
    pub(super) fn uncertain(&self) -> usize {
        self.0.borrow().submitted.iter().map(Bytes::len).sum()
    }
}

impl State {
    /// Knows all bytes up to `until` to be written, and gives those that are news.
    fn know(&mut self, until: u64) -> Vec<Bytes> {
        let mut news = Vec::new();
        while self.known < until
            && let Some(mut part) = self.submitted.pop_front()
        {
            let wanted = usize::try_from(until - self.known).unwrap_or(usize::MAX);
            let taken = part.split_to(wanted.min(part.len()));
            if !part.is_empty() {
                self.submitted.push_front(part);
            }
            self.known += taken.len() as u64;
            news.push(taken);
        }
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn submit(way: &WriteLedger, segments: &[&'static str]) {
        way.submit(&segments.iter().map(|text| Bytes::from_static(text.as_bytes())).collect::<Vec<_>>());
    }

    fn text(parts: Vec<Bytes>) -> String {
        parts.iter().map(|part| String::from_utf8_lossy(part)).collect()
    }

    #[test]
    fn what_was_read_was_written_before_its_writer_is_told() {
        let way = WriteLedger::default();
        submit(&way, &["he", "llo", ""]);
        assert_eq!(text(way.arrive(4)), "hell");
        assert_eq!(text(way.confirm(5)), "o");
        assert_eq!(text(way.arrive(1)), "");
    }

    #[test]
    fn a_short_write_leaves_the_rest_for_the_next() {
        let way = WriteLedger::default();
        submit(&way, &["hello"]);
        assert_eq!(text(way.confirm(2)), "he");
        submit(&way, &["llo"]);
        assert_eq!(text(way.arrive(3)), "l");
        assert_eq!(way.uncertain(), 2);
        assert_eq!(text(way.confirm(3)), "lo");
        assert_eq!(way.uncertain(), 0);
    }

    #[test]
    fn a_write_that_nobody_waited_for_is_known_as_far_as_it_was_read() {
        let way = WriteLedger::default();
        submit(&way, &["hello"]);
        assert_eq!(text(way.arrive(1)), "h");
        assert_eq!(way.uncertain(), 4);
        assert_eq!(text(way.arrive(2)), "el");
    }
}
