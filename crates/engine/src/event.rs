//! What can be observed: every event of the simulated network, with its virtual time.

use std::io;

use seaworthy_core::{Endpoint, Instant};

use crate::fault::{CancelOutcome, CrashKind, Fault};
use crate::id::{Addresses, HostId, PacketId, StreamId};
use crate::rule::Verdict;

/// Receives every event, in order. Must not call into the simulation.
pub trait Tap {
    /// `event` happened at `at`, the simulation's true time (no host's clock).
    fn event(&mut self, at: Instant, event: &Event<'_>);
}

impl<F: FnMut(Instant, &Event<'_>)> Tap for F {
    fn event(&mut self, at: Instant, event: &Event<'_>) {
        self(at, event);
    }
}

/// Why a packet did not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DropReason {
    /// Drawn by the link's loss.
    Loss,
    /// The link is cut.
    Cut,
    /// The link is a black hole.
    BlackHole,
    /// The receiving host has no power.
    HostDown,
    /// No host has the address.
    NoRoute,
    /// A rule says so.
    Rule,
}

/// A read or a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// [`Stream::read`](seaworthy_core::Stream::read).
    Read,
    /// [`Stream::write`](seaworthy_core::Stream::write).
    Write,
}

/// An event of the simulated network.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A host booted: first start, or after a crash.
    HostStarted {
        /// The host.
        host: HostId,
        /// 1 for the first start.
        boot: u32,
    },
    /// A host's program returned without an error.
    HostFinished {
        /// The host.
        host: HostId,
    },
    /// A host crashed.
    HostCrashed {
        /// The host.
        host: HostId,
        /// How.
        kind: CrashKind,
    },
    /// A fault began, ended or changed.
    Fault(Fault),
    /// A rule did not let a packet pass as it was.
    Ruled {
        /// The packet.
        packet: PacketId,
        /// The host that sent it.
        from: HostId,
        /// The host that it is for.
        to: HostId,
        /// What becomes of it.
        verdict: Verdict,
    },
    /// A task of a host panicked, or its program returned an error.
    TaskFailed {
        /// The host.
        host: HostId,
        /// The task's name; `main` is the host's program.
        task: &'a str,
        /// The panic's message or the error.
        message: &'a str,
    },

    /// A packet left a host.
    PacketSent {
        /// The packet.
        packet: PacketId,
        /// Its sender.
        from: HostId,
        /// Its receiver; `None` if no host has the address.
        to: Option<HostId>,
        /// The IP packet.
        bytes: &'a [u8],
    },
    /// A packet did not arrive.
    PacketDropped {
        /// The packet.
        packet: PacketId,
        /// Why.
        reason: DropReason,
    },
    /// The link made a second copy of a packet.
    PacketDuplicated {
        /// The packet.
        packet: PacketId,
    },
    /// The link flipped a bit of a packet.
    PacketCorrupted {
        /// The packet.
        packet: PacketId,
        /// Which byte.
        offset: usize,
    },
    /// The link lets a packet be overtaken.
    PacketReordered {
        /// The packet.
        packet: PacketId,
    },
    /// A packet, or one of its copies, reached the receiving host.
    PacketDelivered {
        /// The packet.
        packet: PacketId,
        /// Its receiver.
        to: HostId,
        /// The IP packet as it arrived.
        bytes: &'a [u8],
    },

    /// A host listens.
    Listening {
        /// The host.
        host: HostId,
        /// Where, resolved.
        endpoint: &'a Endpoint,
    },
    /// A host no longer listens there.
    Unlistened {
        /// The host.
        host: HostId,
        /// Where it did.
        endpoint: &'a Endpoint,
    },
    /// A host tries to connect.
    Connecting {
        /// The host.
        host: HostId,
        /// The stream's end here.
        stream: StreamId,
        /// Where to.
        endpoint: &'a Endpoint,
    },
    /// An attempt to connect succeeded.
    Connected {
        /// The connecting end.
        stream: StreamId,
        /// Its addresses; `None` for ipc.
        addresses: Option<Addresses>,
    },
    /// An attempt to connect failed.
    ConnectFailed {
        /// The connecting end.
        stream: StreamId,
        /// Why.
        error: io::ErrorKind,
    },
    /// An attempt to connect was dropped by its caller.
    ConnectCancelled {
        /// The connecting end.
        stream: StreamId,
    },
    /// A listener handed out a stream.
    Accepted {
        /// The host.
        host: HostId,
        /// The accepting end.
        stream: StreamId,
        /// The connecting end, unless it lives outside this simulation.
        peer: Option<StreamId>,
        /// Its addresses; `None` for ipc.
        addresses: Option<Addresses>,
    },
    /// A stream took bytes from its writer.
    Written {
        /// The writing end.
        stream: StreamId,
        /// The bytes.
        bytes: &'a [u8],
    },
    /// A stream handed bytes to its reader.
    Read {
        /// The reading end.
        stream: StreamId,
        /// The bytes.
        bytes: &'a [u8],
    },
    /// A stream told its reader that the peer has ended its sending direction.
    ReadEnd {
        /// The reading end.
        stream: StreamId,
    },
    /// An operation's future was dropped before it completed.
    Cancelled {
        /// The stream.
        stream: StreamId,
        /// The operation.
        operation: Operation,
        /// What became of it.
        outcome: CancelOutcome,
        /// How many bytes it moves nevertheless, now or later. Written ones follow as [`Written`](Self::Written);
        /// read ones are lost and follow as [`Discarded`](Self::Discarded).
        bytes: usize,
    },
    /// A read that was cancelled took bytes off the stream; nobody has them.
    Discarded {
        /// The reading end.
        stream: StreamId,
        /// The bytes.
        bytes: &'a [u8],
    },
    /// The sending direction was ended by this end.
    Shutdown {
        /// The stream.
        stream: StreamId,
    },
    /// The stream was reset by this end: by `reset`, or by closing it with unread bytes.
    Reset {
        /// The stream.
        stream: StreamId,
    },
    /// A reset of the peer arrived.
    PeerReset {
        /// The stream.
        stream: StreamId,
    },
    /// The peer did not acknowledge for too long.
    TimedOut {
        /// The stream.
        stream: StreamId,
    },
    /// The holder dropped the stream; what was written is still being sent.
    Closed {
        /// The stream.
        stream: StreamId,
    },
}

/// A tcp connection as its kernel sees it now; a line of `netstat`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionView {
    /// The end of the stream here.
    pub stream: StreamId,
    /// Its addresses.
    pub addresses: Addresses,
    /// TCP's name of its state, as `ESTABLISHED`.
    pub state: String,
    /// Bytes received that nobody has read.
    pub unread: usize,
    /// Bytes written that the peer has not acknowledged.
    pub unsent: usize,
    /// Its stream is gone; the kernel is bringing it to its end.
    pub orphan: bool,
}
