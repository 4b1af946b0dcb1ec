//! What goes wrong in a scenario: every fault is one key of a `[[fault]]`.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::draw::{Draw, Series};
use super::link::Link;
use super::quantity::{ByteCount, Count, Drift, Probability, Span};
use crate::words;

/// Writes the table of the file, in which each fault is an optional key, and the enumeration of faults that everything
/// else works with.
macro_rules! faults {
    ($( $(#[$doc:meta])* $key:ident: $kind:ident($type:ty), )*) => {
        /// Something that goes wrong at a time: exactly one of the keys that name a fault.
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct Fault {
            /// When it begins, after the start of the scenario.
            pub at: Draw<Span>,
            /// How long it lasts. Left out: until the scripted part ends and everything is healed.
            #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
            pub lasts: Option<Draw<Span>>,
            /// With `every`: how often it happens in all.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub times: Option<Draw<Count>>,
            /// With `times`: from one beginning to the next.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub every: Option<Draw<Span>>,
            $( $(#[$doc])* #[serde(default, skip_serializing_if = "Option::is_none")] pub $key: Option<$type>, )*
        }

        /// What goes wrong.
        #[derive(Clone, Debug, PartialEq)]
        pub enum FaultKind {
            $( $(#[$doc])* $kind($type), )*
        }

        impl Fault {
            /// The keys that name a fault.
            pub const KEYS: &[&str] = &[$( stringify!($key), )*];

            /// The faults that are given, with their keys: one, in a validated scenario.
            pub fn given(&self) -> Vec<(&'static str, FaultKind)> {
                let mut given = Vec::new();
                $( if let Some(value) = &self.$key {
                    given.push((stringify!($key), FaultKind::$kind(value.clone())));
                } )*
                given
            }

            /// This fault at the same time.
            #[must_use]
            pub fn with(&self, kind: FaultKind) -> Self {
                let mut fault = Self { at: self.at, lasts: self.lasts, ..Self::default() };
                match kind {
                    $( FaultKind::$kind(value) => fault.$key = Some(value), )*
                }
                fault
            }
        }
    };
}

faults! {
    /// Packets between two hosts are lost, in both directions, and so are those under way.
    cut: Cut([String; 2]),
    /// Packets from the first host to the second are lost; the way back works.
    cut_oneway: CutOneway([String; 2]),
    /// Packets between this host and all others are lost, in both directions.
    isolate: Isolate(String),
    /// These hosts are isolated one after the other, and come back one after the other in another order.
    swizzle: Swizzle(Vec<String>),
    /// Packets between two hosts wait, and all arrive when the fault is over.
    hold: Hold([String; 2]),
    /// Packets between two hosts vanish, in both directions; those under way arrive.
    black_hole: BlackHole([String; 2]),
    /// The link between two hosts, or one direction of it, has other properties.
    degrade: Degrade(Box<Link>),
    /// The process on this host dies; its kernel tells the peers. It starts again when the fault is over.
    crash: Crash(String),
    /// This host loses power: silence. It starts again when the fault is over.
    power_off: PowerOff(String),
    /// The process on this host stands still; its kernel goes on.
    pause: Pause(String),
    /// The process on this host gets no more than so many bytes a second out of its kernel.
    slow_reader: SlowReader(SlowReader),
    /// The process on this host gets nothing out of its kernel, and otherwise goes on.
    read_stall: ReadStall(String),
    /// The application stops reading from this socket.
    stall: Stall(String),
    /// The clock of this host jumps, or runs at another speed.
    clock: Clock(ClockChange),
    /// Reads and writes of this host come short of what they could do, down to one byte.
    short_io: ShortIo(ShortOperations),
    /// Operations of this host let other tasks run before they do anything.
    yields: Yields(Yields),
    /// The application drops operations on this socket before they are complete, and goes on.
    cancel: Cancel(Cancel),
}

/// A host that reads slowly, below its sockets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SlowReader {
    /// The host or group.
    pub host: String,
    /// Bytes a second, over all of its streams.
    pub rate: Draw<ByteCount>,
}

/// A clock that does not show true time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClockChange {
    /// The host or group.
    pub host: String,
    /// A step forward, once, when the fault begins; it stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jump: Option<Draw<Span>>,
    /// How much too fast (or, negative, too slow) it runs while the fault lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<Draw<Drift>>,
}

/// Reads and writes that come short.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShortOperations {
    /// The host or group.
    pub host: String,
    /// Chance that a read is short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<Draw<Probability>>,
    /// Chance that a write is short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write: Option<Draw<Probability>>,
}

/// Operations that yield.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Yields {
    /// The host or group.
    pub host: String,
    /// Chance that an operation yields.
    pub chance: Draw<Probability>,
}

/// Operations that are dropped: after so many polls, or when a timer wins against them. Exactly one of both.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cancel {
    /// The socket or group of sockets.
    pub socket: String,
    /// Which operations. Left out: both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<CancelOperation>,
    /// Chance that an operation is concerned. Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chance: Option<Draw<Probability>>,
    /// Dropped after it was polled so often and was not complete; 0 drops it before it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub polls: Option<Series<Count>>,
    /// Dropped when it takes longer than this, as the loser of a select.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Series<Span>>,
}

words! {
    /// What an application can drop.
    pub enum CancelOperation {
        /// `send`.
        Send = "send",
        /// `recv`.
        Receive = "receive",
    }
}

impl FaultKind {
    /// Whom it concerns.
    pub fn subject(&self) -> String {
        match self {
            Self::Cut([a, b]) | Self::Hold([a, b]) | Self::BlackHole([a, b]) => format!("{a} <> {b}"),
            Self::CutOneway([from, to]) => format!("{from} -> {to}"),
            Self::Degrade(link) => link.to_string(),
            Self::Swizzle(hosts) => hosts.join(" "),
            Self::Isolate(name)
            | Self::Crash(name)
            | Self::PowerOff(name)
            | Self::Pause(name)
            | Self::ReadStall(name)
            | Self::Stall(name) => name.clone(),
            Self::SlowReader(slow) => slow.host.clone(),
            Self::Clock(clock) => clock.host.clone(),
            Self::ShortIo(short) => short.host.clone(),
            Self::Yields(yields) => yields.host.clone(),
            Self::Cancel(cancel) => cancel.socket.clone(),
        }
    }

    /// Whether the fault can be made on the real network: it happens to processes and their operations, not to packets
    /// or machines.
    pub fn is_real(&self) -> bool {
        match self {
            Self::Crash(_)
            | Self::Pause(_)
            | Self::SlowReader(_)
            | Self::ReadStall(_)
            | Self::Stall(_)
            | Self::Clock(_)
            | Self::ShortIo(_)
            | Self::Yields(_)
            | Self::Cancel(_) => true,
            Self::Cut(_)
            | Self::CutOneway(_)
            | Self::Isolate(_)
            | Self::Swizzle(_)
            | Self::Hold(_)
            | Self::BlackHole(_)
            | Self::Degrade(_)
            | Self::PowerOff(_) => false,
        }
    }

    /// What a trace calls it.
    fn name(&self) -> &'static str {
        match self {
            Self::Cut(_) | Self::CutOneway(_) => "cut",
            Self::Isolate(_) => "isolate",
            Self::Swizzle(_) => "swizzle",
            Self::Hold(_) => "hold",
            Self::BlackHole(_) => "black hole",
            Self::Degrade(_) => "degrade",
            Self::Crash(_) => "crash",
            Self::PowerOff(_) => "power off",
            Self::Pause(_) => "pause",
            Self::SlowReader(_) => "slow reader",
            Self::ReadStall(_) => "read stall",
            Self::Stall(_) => "stall",
            Self::Clock(_) => "clock",
            Self::ShortIo(_) => "short io",
            Self::Yields(_) => "yields",
            Self::Cancel(_) => "cancel",
        }
    }
}

/// What a trace says: name, whom it concerns, and how badly.
impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name(), self.subject())?;
        let mut details = Vec::new();
        match self {
            Self::Degrade(link) => details.push(link.model().to_string()),
            Self::SlowReader(slow) => details.push(format!("{} B/s", slow.rate)),
            Self::Clock(clock) => {
                details.extend(clock.jump.map(|jump| format!("jump {jump}")));
                details.extend(clock.drift.map(|drift| format!("drift {drift}")));
            }
            Self::ShortIo(short) => {
                details.extend(short.read.map(|chance| format!("read {chance}")));
                details.extend(short.write.map(|chance| format!("write {chance}")));
            }
            Self::Yields(yields) => details.push(yields.chance.to_string()),
            Self::Cancel(cancel) => {
                details.push(cancel.operation.map_or("all".to_owned(), |operation| operation.to_string()));
                details.extend(cancel.chance.map(|chance| format!("chance {chance}")));
            }
            _ => {}
        }
        if details.is_empty() { Ok(()) } else { write!(f, ": {}", details.join(", ")) }
    }
}
