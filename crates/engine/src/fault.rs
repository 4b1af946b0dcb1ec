//! What can go wrong on a link, on a host, or to an operation.

use std::time::Duration;

use crate::id::{HostId, StreamId};
use crate::link::LinkConfig;

/// How a host goes down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CrashKind {
    /// The process is killed. The kernel lives on and answers for it: it ends the streams in an orderly way,
    /// or with a reset where bytes were left unread, refuses connections, and leaves ipc files behind.
    Process,
    /// The power fails: silence. Packets to the host vanish until it is restarted; after that, packets of old
    /// connections are answered with a reset.
    Power,
}

/// The readers that a [`ReadRate`] slows down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Readers {
    /// All streams of a host together.
    Host(HostId),
    /// One stream.
    Stream(StreamId),
}

/// How fast a reader takes bytes off its streams, imposed below the [`Network`](seaworthy_core::Network)
/// trait: the application does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadRate {
    /// As fast as it asks.
    Unlimited,
    /// So many bytes a second. 0 is a [`Stalled`](Self::Stalled) reader.
    BytesPerSecond(u64),
    /// No read completes.
    Stalled,
}

/// How often reads and writes of a host come short of what they could have done, down to one byte.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ShortIo {
    /// Probability of a short read, per read.
    pub read: f64,
    /// Probability of a short write, per write.
    pub write: f64,
}

/// A host's clock against true time. It applies to `now` and `sleep_until` of the host's
/// [`Network`](seaworthy_core::Network), not to its kernel.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ClockSkew {
    /// A step forward, once, at the moment the skew is set. (A monotonic clock cannot be set back.)
    pub jump: Duration,
    /// Parts per million by which it runs fast (positive) or slow (negative) from now on.
    pub drift_ppm: i32,
}

/// What became of an operation whose future was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CancelOutcome {
    /// Nothing happened.
    Nothing,
    /// Some bytes, at least one and not all, were written, or taken off the stream and lost.
    Prefix,
    /// All of it happened, and the result is lost.
    All,
}

/// How likely each [`CancelOutcome`] is. Weights, not percentages; all zero means `Nothing`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CancelWeights {
    /// Weight of [`CancelOutcome::Nothing`].
    pub nothing: u32,
    /// Weight of [`CancelOutcome::Prefix`].
    pub prefix: u32,
    /// Weight of [`CancelOutcome::All`].
    pub all: u32,
}

impl CancelWeights {
    /// Every cancelled operation ends like this.
    pub const fn always(outcome: CancelOutcome) -> Self {
        match outcome {
            CancelOutcome::Nothing => Self { nothing: 1, prefix: 0, all: 0 },
            CancelOutcome::Prefix => Self { nothing: 0, prefix: 1, all: 0 },
            CancelOutcome::All => Self { nothing: 0, prefix: 0, all: 1 },
        }
    }
}

impl Default for CancelWeights {
    fn default() -> Self {
        Self { nothing: 40, prefix: 30, all: 30 }
    }
}

/// A fault that began, ended or changed, as it stands in the record of events.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// A direction of a link has a new configuration.
    Link {
        /// Sending side.
        from: HostId,
        /// Receiving side.
        to: HostId,
        /// The configuration.
        config: LinkConfig,
    },
    /// A direction was cut.
    Cut {
        /// Sending side.
        from: HostId,
        /// Receiving side.
        to: HostId,
    },
    /// A direction swallows packets.
    BlackHole {
        /// Sending side.
        from: HostId,
        /// Receiving side.
        to: HostId,
    },
    /// A cut or a black hole ended.
    Healed {
        /// Sending side.
        from: HostId,
        /// Receiving side.
        to: HostId,
    },
    /// A direction keeps packets back.
    Held {
        /// Sending side.
        from: HostId,
        /// Receiving side.
        to: HostId,
    },
    /// The packets kept back go on their way, in order.
    Released {
        /// Sending side.
        from: HostId,
        /// Receiving side.
        to: HostId,
    },
    /// A host's tasks stand still; its kernel goes on.
    Paused {
        /// The host.
        host: HostId,
    },
    /// A host's tasks go on.
    Resumed {
        /// The host.
        host: HostId,
    },
    /// Readers became slower or faster.
    Reading {
        /// Which.
        readers: Readers,
        /// How fast.
        rate: ReadRate,
    },
    /// Reads and writes of a host come short more or less often.
    ShortIo {
        /// The host.
        host: HostId,
        /// How often.
        short: ShortIo,
    },
    /// Operations of a host yield more or less often.
    Yields {
        /// The host.
        host: HostId,
        /// How often.
        chance: f64,
    },
    /// A host's clock jumped or changed its speed.
    Clock {
        /// The host.
        host: HostId,
        /// The new skew.
        skew: ClockSkew,
    },
}
