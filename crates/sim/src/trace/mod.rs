//! The record of a run: what happened, in order, in terms a reader of the scenario knows.
//!
//! A [`Trace`] is a list of [`Event`]s. They come from three sources, and none of them trusts another: what the
//! workloads did with their sockets, what the sockets' monitors said, and what the tap saw on the wire. Names are
//! the scenario's, streams are numbered in the order of first use, times are simulated: two runs of one seed give
//! the same trace, byte for byte.
//!
//! It is written as JSON lines ([`Trace::to_jsonl`]), as text columns ([`columns`]) and as its semantic
//! projection for snapshots ([`semantic`]). [`diff`] says where two of them part. The packets below are a
//! [`Capture`]'s business; [`pcap`] writes them. A [`page`] shows all of it in a browser.

pub mod audit;
mod capture;
pub mod columns;
pub mod diff;
mod event;
mod fault_intervals;
mod jsonl;
mod line;
mod log;
mod message_labels;
mod name;
mod observer;
pub mod page;
pub mod pcap;
mod recorder;
pub mod semantic;
pub mod wire;

pub use seaworthy_engine::Note;

pub use self::audit::Audit;
pub use self::capture::{Capture, Fate, Packet};
pub use self::event::{Direction, Event, EventKind, Phase, RelayStep};
pub use self::jsonl::BadTrace;
pub use self::line::Line;
pub(crate) use self::log::Log;
pub use self::name::{MessageName, Name};
pub use self::observer::{NoSockets, Observer, Sockets};
pub use self::recorder::{Recorder, Trace};
