//! Poison: after a write on a stream was dropped, nothing follows on that stream but what of it the kernel had already
//! taken, and the stream ends with a reset. What comes next would be read as the rest of what was cut off, and an orderly
//! end would say that all is well.
//!
//! That the next connection starts clean is for another check to say: every stream begins with a greeting.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use seaworthy_core::Instant;

use crate::trace::wire::WireReader;
use crate::trace::{EventKind, Name, Trace};
use seaworthy_engine::{Event, Operation, StreamId, Tap, Violation};

/// Finds bytes behind a dropped write, and streams that did not end with a reset after one.
pub fn check(trace: &Trace) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut cut_off: BTreeSet<u64> = BTreeSet::new();
    let mut broken: BTreeSet<u64> = BTreeSet::new();
    let mut hosts_down: BTreeSet<&Name> = BTreeSet::new();
    for event in &trace.events {
        match &event.what {
            EventKind::Continued { stream, bytes } => {
                let problem =
                    format!("{bytes} bytes were written on s{stream} after a write on it had been dropped");
                violations.push(event.violation(problem));
            }
            EventKind::Crashed { .. } => hosts_down.extend(&event.host),
            EventKind::Started { .. } => {
                hosts_down.retain(|host| Some(*host) != event.host.as_ref());
            }
            // A process that dies drops everything, and its kernel does what it does.
            EventKind::Dropped { stream, operation, .. }
                if operation == "write"
                    && !event.host.as_ref().is_some_and(|host| hosts_down.contains(host)) =>
            {
                cut_off.insert(*stream);
            }
            EventKind::StreamEnded { stream, how }
                if matches!(how.as_str(), "reset" | "peer-reset" | "timed-out") =>
            {
                broken.insert(*stream);
            }
            _ => {}
        }
    }
    for event in &trace.events {
        let EventKind::StreamEnded { stream, how } = &event.what else { continue };
        if how == "closed" && cut_off.contains(stream) && !broken.contains(stream) {
            let problem =
                format!("s{stream} was closed in an orderly way after a write on it had been dropped");
            violations.push(event.violation(problem));
        }
    }
    violations
}

/// Counts what is written after a write was dropped.
#[derive(Debug, Default)]
pub struct Poison {
    /// Streams on which a write was dropped, and how many bytes of it the kernel may still let out.
    streams: BTreeMap<u64, u64>,
}

impl Poison {
    /// A write was dropped of which `bytes` happen nevertheless.
    ///
    /// # Errors
    /// When one was dropped before: the second write should not have been begun.
    pub fn dropped(&mut self, stream: u64, bytes: u64) -> Result<(), u64> {
        match self.streams.insert(stream, bytes) {
            None => Ok(()),
            Some(_) => Err(bytes),
        }
    }

    /// Bytes were written.
    ///
    /// # Errors
    /// With the number of bytes that should not have been.
    pub fn written(&mut self, stream: u64, bytes: u64) -> Result<(), u64> {
        let Some(left) = self.streams.get_mut(&stream) else { return Ok(()) };
        let excess = bytes.saturating_sub(*left);
        *left = left.saturating_sub(bytes);
        if excess > 0 { Err(excess) } else { Ok(()) }
    }
}

/// Watches a simulation without a scenario: decodes every byte of every stream, and finds what must not follow a dropped
/// write. Cloning it gives the same.
#[derive(Clone, Debug, Default)]
pub struct PoisonTap(Rc<RefCell<Watched>>);

#[derive(Debug, Default)]
struct Watched {
    poison: Poison,
    readers: BTreeMap<u64, WireReader>,
    problems: Vec<String>,
}

impl PoisonTap {
    /// What was found so far.
    pub fn problems(&self) -> Vec<String> {
        self.0.borrow().problems.clone()
    }
}

impl Tap for PoisonTap {
    fn event(&mut self, _: Instant, event: &Event<'_>) {
        let mut watched = self.0.borrow_mut();
        let Watched { poison, readers, problems } = &mut *watched;
        let index = StreamId::index;
        let outcome = match *event {
            Event::Cancelled { stream, operation: Operation::Write, bytes, .. } => {
                poison.dropped(index(stream), bytes as u64).map_err(|bytes| (index(stream), bytes))
            }
            Event::Written { stream, bytes } => {
                let (_, problem) = readers.entry(index(stream)).or_default().feed(bytes, |_| None);
                problems.extend(problem.map(|problem| format!("s{}: {problem}", index(stream))));
                poison.written(index(stream), bytes.len() as u64).map_err(|bytes| (index(stream), bytes))
            }
            _ => Ok(()),
        };
        if let Err((stream, bytes)) = outcome {
            problems.push(format!("s{stream}: {bytes} bytes after a write that was dropped"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{found, nothing_found, trace};
    use super::*;

    fn dropped(bytes: u64) -> (&'static str, &'static str, EventKind) {
        ("source", "push", EventKind::Dropped { stream: 4, operation: "write".into(), bytes })
    }

    fn ended(how: &str) -> (&'static str, &'static str, EventKind) {
        ("source", "push", EventKind::StreamEnded { stream: 4, how: how.into() })
    }

    #[test]
    fn bytes_behind_a_dropped_write_are_a_violation() {
        let more = ("source", "push", EventKind::Continued { stream: 4, bytes: 7 });
        found(check, &trace(&[dropped(3), more]), "7 bytes were written on s4 after a write on it");
    }

    #[test]
    fn a_stream_must_be_reset_after_a_dropped_write_unless_its_process_died() {
        nothing_found(check, &trace(&[dropped(3), ended("reset"), ended("closed")]));
        nothing_found(check, &trace(&[ended("reset"), dropped(3), ended("closed")]));
        found(check, &trace(&[dropped(0), ended("closed")]), "s4 was closed in an orderly way");
        let crashed = ("source", "", EventKind::Crashed { how: "process".into() });
        nothing_found(check, &trace(&[crashed, dropped(0), ended("closed")]));
    }

    #[test]
    fn only_what_the_kernel_had_of_a_dropped_write_may_follow() {
        let mut poison = Poison::default();
        assert_eq!(poison.written(1, 100), Ok(()));
        assert_eq!(poison.dropped(1, 10), Ok(()));
        assert_eq!(poison.written(2, 100), Ok(()));
        assert_eq!((poison.written(1, 6), poison.written(1, 4)), (Ok(()), Ok(())));
        assert_eq!(poison.written(1, 1), Err(1));
        assert_eq!(poison.dropped(1, 0), Err(0), "a second write was begun");
    }
}
