//! The engine of Seaworthy's testbed: simulated hosts and the links between them, in virtual time.
//!
//! A [`Simulation`] is a set of hosts. Each runs a program with a [`SimNetwork`], which implements
//! [`Network`](seaworthy_core::Network) on a real TCP stack (smoltcp, one for each host); its IP packets travel over a
//! simulated wire. A [`Control`] breaks things and mends them; a [`Tap`] sees every event. What the wire is made of is the
//! [`Backend`]'s business, and the same program has the same outcome on both. Everything that is drawn follows from the
//! seed.
//!
//! It knows nothing of what programs say to each other, of files that script a run, or of what must hold in one: that is
//! `seaworthy-sim`'s, which most programs want instead.

#![forbid(unsafe_code)]

pub mod budget;
pub mod clock;
pub mod control;
pub mod event;
pub mod failure;
pub mod fault;
pub mod id;
pub mod link;
pub mod network;
pub mod note;
pub mod recorder;
pub mod rule;
pub mod seeded_rng;
pub mod settings;
pub mod simulation;
pub mod task;
pub mod tasks;
pub mod throttle;
pub mod turmoil;
pub mod violation;

mod environment;
mod executor;
mod host;
mod hosts;
mod kernel;
mod logging;
mod warp;
mod wire;
mod world;

pub use control::{Control, ToHost};
pub use event::{ConnectionView, DropReason, Event, Operation, Tap};
pub use failure::Failure;
pub use fault::{CancelOutcome, CancelWeights, ClockSkew, CrashKind, Fault, ReadRate, Readers, ShortIo};
pub use id::{Addresses, HostId, PacketId, StreamId};
pub use link::{Latency, LinkConfig};
pub use network::{SimListener, SimNetwork, SimStream};
pub use note::Note;
pub use rule::{PacketView, RuleGuard, Verdict};
pub use seeded_rng::SeededRng;
pub use settings::Settings;
pub use simulation::{Backend, Simulation};
pub use turmoil::TurmoilNetwork;
pub use violation::Violation;

/// The code of this package's README compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
