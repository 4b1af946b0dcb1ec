//! The testbed: unmodified Seaworthy sockets on simulated hosts, in virtual time, under faults that follow
//! from a seed.
//!
//! A [`Sim`] is a set of hosts and the links between them. Each host runs a program with a [`SimNetwork`],
//! which implements [`Network`](seaworthy_core::Network) on a real TCP stack (smoltcp, one per host); its IP
//! packets travel over a simulated wire. What the wire is made of is the [`Carrier`]'s business, and the same
//! program gives the same outcome on both. A [`Control`] cuts links, slows readers and crashes hosts, and a
//! [`Tap`] sees every event.
//!
//! ```
//! use std::time::Duration;
//! use bytes::{Bytes, BytesMut};
//! use seaworthy_core::{Listener as _, Network as _, Stream as _, StreamOptions};
//! use seaworthy_sim::{Carrier, Sim};
//!
//! let sim = Sim::builder(7).carrier(Carrier::Warp).build();
//! sim.host("server", |net| async move {
//!     let listener = net.listen(&"tcp://*:5555".parse()?, &StreamOptions::default())?;
//!     let stream = listener.accept().await?;
//!     let (read, buffer) = stream.read(BytesMut::with_capacity(64)).await;
//!     assert_eq!(&buffer[..read?], b"ahoy");
//!     Ok(())
//! });
//! sim.host("client", |net| async move {
//!     let stream = net.connect(&"tcp://server:5555".parse()?, &StreamOptions::default()).await?;
//!     stream.write(vec![Bytes::from_static(b"ahoy")]).await.0?;
//!     Ok(())
//! });
//! sim.run(Duration::from_secs(1))?;
//! # Ok::<(), seaworthy_sim::Failure>(())
//! ```

#![forbid(unsafe_code)]

pub mod check;
pub mod doctor;
pub mod explore;
pub mod report;
pub mod run;
pub mod scenario;
pub mod shrink;
pub mod trace;
pub mod workload;

mod agenda;
mod budget;
mod cancel;
mod clock;
mod control;
mod dice;
mod event;
mod evidence;
mod explorer;
mod fault;
mod host;
mod hush;
mod link;
mod log;
mod logging;
mod look;
mod lookout;
mod network;
mod promises;
mod real;
mod recorder;
mod sighting;
mod sim;
mod storm;
mod task;
mod tasks;
mod throttle;
mod to_host;
mod world;

pub use cancel::CancelPoint;
pub use control::Control;
pub use dice::Dice;
pub use event::{
    Addresses, CancelOutcome, ConnectionView, DropReason, Event, HostId, Operation, PacketId, StreamId, Tap,
};
pub use explorer::{Explorer, Finding};
pub use fault::{CancelWeights, ClockSkew, CrashKind, Fault, ReadRate, Readers, ShortIo};
pub use link::{Latency, LinkConfig};
pub use network::{SimListener, SimNetwork, SimStream, TurmoilNetwork};
pub use sighting::Sighting;
pub use sim::{Carrier, Failure, Sim, SimBuilder};
pub use to_host::ToHost;
