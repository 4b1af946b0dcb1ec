//! Where events come together during a run.

use std::cell::RefCell;
use std::fmt;
use std::fmt::Write as _;
use std::hash::Hash as _;
use std::rc::Rc;

use seaworthy_core::Instant;

use super::audit::Audit;
use super::event::{Event, EventKind, Phase};
use super::name::Name;

/// A finished record.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trace {
    /// What happened, in order.
    pub events: Vec<Event>,
}

/// Takes events while a run goes on. Cloning it gives the same record.
#[derive(Clone, Default)]
pub struct Recorder(Rc<RefCell<Record>>);

/// Looks at each event as it comes.
type Watcher = Box<dyn FnMut(&Event)>;

#[derive(Default)]
struct Record {
    events: Vec<Event>,
    audit: Audit,
    watchers: Vec<Watcher>,
}

impl Recorder {
    /// Adds an event at `now`.
    pub fn push(&self, now: Instant, host: Option<&Name>, socket: Option<&Name>, what: EventKind) {
        let event = Event { t: now.as_nanos(), host: host.cloned(), socket: socket.cloned(), what };
        let mut record = self.0.borrow_mut();
        event.hash(&mut record.audit);
        record.audit.end_event();
        if record.watchers.is_empty() {
            return record.events.push(event);
        }
        // A watcher may cause an event, such as a line of a log; nobody watches that.
        let mut watchers = std::mem::take(&mut record.watchers);
        record.events.push(event.clone());
        drop(record);
        watchers.iter_mut().for_each(|watcher| watcher(&event));
        self.0.borrow_mut().watchers = watchers;
    }

    /// Calls `watcher` with every event from now on.
    pub fn watch(&self, watcher: impl FnMut(&Event) + 'static) {
        self.0.borrow_mut().watchers.push(Box::new(watcher));
    }

    /// Adds to the audit alone: what happened below the level of a trace, such as a fault of the wire.
    pub fn audit(&self, now: Instant, details: fmt::Arguments<'_>) {
        let mut record = self.0.borrow_mut();
        record.audit.add_number(now.as_nanos());
        let _ = record.audit.write_fmt(details);
        record.audit.end_event();
    }

    /// Adds to the audit alone that bytes moved: which of the network's events it was, on which packet or stream.
    pub fn audit_bytes(&self, now: Instant, kind: u8, number: u64, bytes: &[u8]) {
        let mut record = self.0.borrow_mut();
        record.audit.add_number(now.as_nanos());
        record.audit.add_number(number << 8 | u64::from(kind));
        record.audit.add(bytes);
        record.audit.end_event();
    }

    /// Looks at the events so far.
    pub fn look<T>(&self, look: impl FnOnce(&[Event]) -> T) -> T {
        look(&self.0.borrow().events)
    }

    /// Takes the record out.
    pub fn finish(&self) -> (Trace, Audit) {
        let record = std::mem::take(&mut *self.0.borrow_mut());
        (Trace { events: record.events }, record.audit)
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("events", &self.0.borrow().events.len()).finish()
    }
}

impl Trace {
    /// The events before sockets were closed: what a check looks at, since closing ends connections rightly.
    pub fn before_closing(&self) -> &[Event] {
        let closing = self.phase_start(Phase::Closing).unwrap_or(self.events.len());
        &self.events[..closing]
    }

    /// Position of the event with which a phase begins.
    pub fn phase_start(&self, phase: Phase) -> Option<usize> {
        self.events
            .iter()
            .rposition(|event| matches!(event.what, EventKind::Phase { phase: begun } if begun == phase))
    }

    /// The first event that differs from `other`, as lines of JSON; `None` where one of them has ended.
    pub fn first_difference(&self, other: &Self) -> Option<(usize, Option<String>, Option<String>)> {
        let longest = self.events.len().max(other.events.len());
        let at = (0..longest).find(|&at| self.events.get(at) != other.events.get(at))?;
        let line = |trace: &Self| trace.events.get(at).map(Event::to_json);
        Some((at, line(self), line(other)))
    }
}
