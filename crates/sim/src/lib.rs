//! The testbed: unmodified Seaworthy sockets on simulated hosts, in virtual time, under faults that follow
//! from a seed.
//!
//! A [`Sim`] is a set of hosts and the links between them. Each host runs a program with a [`SimNetwork`],
//! which implements [`Network`](seaworthy_core::Network) on a real TCP stack (smoltcp, one per host); its IP
//! packets travel over a simulated wire. What the wire is made of is the [`Backend`]'s business, and the same
//! program gives the same outcome on both.
//!
//! ```
//! use std::time::Duration;
//! use seaworthy::{Context, PullSocket, PushSocket};
//! use seaworthy_sim::Sim;
//!
//! let sim = Sim::new(7);
//! sim.client("pull", |net| async move {
//!     let pull = PullSocket::new(&Context::with_network(net))?;
//!     pull.bind("tcp://*:5555")?;
//!     assert_eq!(pull.recv().await?, "ahoy".into());
//!     Ok(())
//! });
//! sim.host("push", |net| async move {
//!     let push = PushSocket::new(&Context::with_network(net))?;
//!     push.connect("tcp://pull:5555")?;
//!     push.send("ahoy").await?;
//!     std::future::pending().await
//! });
//! sim.at(Duration::ZERO, |control| control.cut_both("push", "pull"));
//! sim.at(Duration::from_secs(2), |control| control.heal_all());
//! sim.run_to_end(Duration::from_secs(60))?;
//! sim.nothing_remains()?;
//! sim.judge()?;
//! # Ok::<(), seaworthy_sim::Failure>(())
//! ```
//!
//! | To | there is |
//! |---|---|
//! | break things at a time | [`Sim::at`] with a [`Control`], or [`SimNetwork::control`] in a program |
//! | decide what becomes of each packet | [`Sim::rule`], [`Control::rule`] |
//! | break things as the seed decides | [`Sim::storm`] |
//! | say what must hold | [`Sim::watch`], [`Sim::check`], [`Sim::run_to_end`], [`Sim::nothing_remains`] |
//! | wait, and measure time | `Network::sleep`, `now` and `sleep_until` of the [`SimNetwork`]; `sleep` and `interval` of a `Context`. `compio::time::sleep` panics: a simulated host is no compio runtime |
//! | write own events into the trace | `tracing`, or [`SimNetwork::note`] and [`Control::note`] |
//! | look at a run | [`Sim::trace`], [`Sim::to_html`], [`Sim::write_pcap`]; a [`Tap`] sees every event of the network |
//! | play many seeds, shrink and replay | [`Sim::explore`], [`Explorer`] |
//! | drop an operation at each of its awaits | [`CancelPoint`] |
//! | use sockets in a turmoil simulation | [`TurmoilNetwork`] |
//!
//! `docs/GUIDE.md` teaches all of it. The modules below hold what a run leaves behind and what it follows: [`trace`]s,
//! [`script`]s of links and faults, and [`invariant`]s of any program.
//!
//! Programs may use streams without sockets, too:
//!
//! ```
//! use std::time::Duration;
//! use bytes::{Bytes, BytesMut};
//! use seaworthy_core::{Listener as _, Network as _, Stream as _, StreamOptions};
//! use seaworthy_sim::{Backend, Sim};
//!
//! let sim = Sim::builder(7).backend(Backend::Turmoil).build();
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

pub mod html;
pub mod invariant;
pub mod script;
pub mod trace;

mod program;

pub use seaworthy_engine::{
    Addresses, Backend, CancelOutcome, CancelWeights, ClockSkew, ConnectionView, Control, CrashKind,
    DropReason, Event, Failure, Fault, HostId, Latency, LinkConfig, Operation, PacketId, PacketView,
    ReadRate, Readers, RuleGuard, SeededRng, ShortIo, SimListener, SimNetwork, SimStream, StreamId, Tap,
    ToHost, TurmoilNetwork, Verdict, Violation,
};

pub use self::program::{CancelPoint, Explorer, FailureReport, Sim, SimBuilder};

/// The code of this package's README compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
