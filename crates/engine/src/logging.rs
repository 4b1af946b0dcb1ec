//! What programs log with `tracing` while a simulation runs, as events of its trace.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::sync::OnceLock;

use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Dispatch, Event, Level, Metadata, Subscriber, dispatcher};

use crate::environment::Environment;
use crate::id::HostId;
use crate::note::Note;

thread_local! {
    /// The host whose task runs now.
    static SPEAKING: RefCell<Option<(Rc<Environment>, HostId)>> = const { RefCell::new(None) };
    /// Who listened before the simulation ran.
    static OUTER: RefCell<Dispatch> = RefCell::new(Dispatch::none());
}

/// What is logged in `run` by a task of a host comes into the trace, besides to whoever listened before.
pub(crate) fn listening<R>(run: impl FnOnce() -> R) -> R {
    static LISTENER: OnceLock<Dispatch> = OnceLock::new();
    let outer = dispatcher::get_default(Dispatch::clone);
    if outer.is::<Listener>() {
        return run();
    }
    let _back = Back(OUTER.replace(outer));
    dispatcher::with_default(LISTENER.get_or_init(|| Dispatch::new(Listener)), run)
}

struct Back(Dispatch);

impl Drop for Back {
    fn drop(&mut self) {
        OUTER.set(std::mem::replace(&mut self.0, Dispatch::none()));
    }
}

/// Says whose task runs, until it is dropped.
#[derive(Debug)]
pub struct Speaking;

impl Speaking {
    pub(crate) fn of(environment: &Rc<Environment>, host: HostId) -> Self {
        SPEAKING.set(Some((Rc::clone(environment), host)));
        Self
    }
}

impl Drop for Speaking {
    fn drop(&mut self) {
        SPEAKING.set(None);
    }
}

fn outer<R>(ask: impl FnOnce(&Dispatch) -> R) -> R {
    let outer = OUTER.with_borrow(Dispatch::clone);
    ask(&outer)
}

struct Listener;

impl Listener {
    /// Whether the trace wants it: not what the simulation below says about itself.
    fn wants(metadata: &Metadata<'_>) -> bool {
        metadata.is_event()
            && *metadata.level() <= Level::DEBUG
            && !metadata.target().starts_with("turmoil")
            && SPEAKING.with_borrow(Option::is_some)
    }
}

impl Subscriber for Listener {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        Self::wants(metadata) || outer(|outer| outer.enabled(metadata))
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        outer(|outer| {
            if outer.is::<tracing::subscriber::NoSubscriber>() {
                Id::from_u64(1)
            } else {
                outer.new_span(span)
            }
        })
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        outer(|outer| outer.record(span, values));
    }

    fn record_follows_from(&self, span: &Id, follows: &Id) {
        outer(|outer| outer.record_follows_from(span, follows));
    }

    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        if Self::wants(metadata)
            && let Some((environment, host)) = SPEAKING.with_borrow(Clone::clone)
        {
            environment.note(Some(host), note(event));
        }
        outer(|outer| {
            if outer.enabled(metadata) {
                outer.event(event);
            }
        });
    }

    fn enter(&self, span: &Id) {
        outer(|outer| outer.enter(span));
    }

    fn exit(&self, span: &Id) {
        outer(|outer| outer.exit(span));
    }

    fn clone_span(&self, span: &Id) -> Id {
        outer(|outer| outer.clone_span(span))
    }

    fn try_close(&self, span: Id) -> bool {
        outer(|outer| outer.try_close(span))
    }
}

/// The event's message is its name, if it is a few plain words; else it is a `log` with a `text`.
fn note(event: &Event<'_>) -> Note {
    let mut fields = Fields { message: String::new(), note: Note::new("log") };
    event.record(&mut fields);
    let Fields { message, mut note } = fields;
    let plain = |c: char| c.is_ascii_alphabetic() || c == ' ' || c == '-' || c == '_';
    if !message.is_empty() && message.len() <= NAME_MAX && message.chars().all(plain) {
        note.event = message.replace(' ', "-");
    } else {
        note.insert("text", message.into());
    }
    note
}

/// Bytes of the longest message that is a name.
const NAME_MAX: usize = 40;

struct Fields {
    message: String,
    note: Note,
}

impl Fields {
    fn add(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::String(text)) => self.message = text,
            // tracing keeps `message` for the text.
            ("msg", value) => self.note.insert("message", value),
            (name, value) => self.note.insert(name, value),
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value.into());
    }
}
