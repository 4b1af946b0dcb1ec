//! One thing that happened.

use std::fmt;
use std::time::Duration;

use seaworthy_engine::{Note, Violation};
use serde::{Deserialize, Serialize};

use super::name::{MessageName, Name};
use super::wire::WireFrame;

/// Something that happened at a time, at a host or at a socket.
#[derive(Clone, Debug, PartialEq, Hash, Serialize, Deserialize)]
pub struct Event {
    /// Simulated time, in nanoseconds since the start.
    pub t: u64,
    /// Where, if at a host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Name>,
    /// At which socket, if at one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub socket: Option<Name>,
    /// What.
    #[serde(flatten)]
    pub what: EventKind,
}

/// Parts of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Faults as scripted: nothing may break that ZeroMQ promises.
    Scripted,
    /// Everything is healed: every pair must exchange messages again.
    Healed,
    /// Nothing new is sent: what is under way must arrive.
    Draining,
    /// Sockets are closed.
    Closing,
}

/// Whether bytes left a host or reached it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Taken from the writer.
    Out,
    /// Handed to the reader.
    In,
}

/// A step of a message through a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RelayStep {
    /// The proxy took it from the socket that received it.
    Taken,
    /// The proxy gave it to its other socket, to be sent.
    Given,
    /// Its other socket refused it, and it is gone.
    Refused,
    /// The proxy gave it back to the socket that received it.
    PutBack,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq, Hash, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum EventKind {
    /// A part of the run begins.
    Phase {
        /// Which.
        phase: Phase,
    },
    /// A fault begins.
    Fault {
        /// Its number in the resolved scenario.
        fault: usize,
        /// What it is, in words.
        what: String,
    },
    /// A fault is over.
    FaultOver {
        /// Its number in the resolved scenario.
        fault: usize,
        /// What it was, in words.
        what: String,
    },

    /// Work is left to do, and nothing will ever happen again.
    Deadlock {
        /// Who waits for what.
        waiting: Vec<String>,
    },
    /// What a host still holds when all of its sockets are closed.
    Remains {
        /// Tasks, by name.
        tasks: Vec<String>,
        /// Streams that somebody holds.
        streams: u64,
    },

    /// The host's program runs, for the `life`-th time.
    Started {
        /// From 1.
        life: u16,
    },
    /// The host's process died.
    Crashed {
        /// `process` or `power`.
        how: String,
    },
    /// A task panicked, or the host's program failed.
    TaskFailed {
        /// The task's name.
        task: String,
        /// The panic's message or the error.
        message: String,
    },

    /// The socket exists.
    Opened {
        /// Its type.
        kind: String,
    },
    /// The socket was bound.
    Bound {
        /// Where.
        endpoint: String,
    },
    /// The socket was told to connect.
    Connecting {
        /// Where to.
        endpoint: String,
    },
    /// The socket subscribed to a prefix.
    Subscribed {
        /// The prefix.
        topic: String,
    },
    /// The socket gave a subscription up.
    Unsubscribed {
        /// The prefix.
        topic: String,
    },
    /// A send found no room and waits.
    Blocked {
        /// The message.
        message: MessageName,
    },
    /// A send took the message.
    Sent {
        /// The message.
        message: MessageName,
        /// Frames of payload.
        parts: u8,
        /// Bytes of all frames.
        bytes: u64,
        /// PUB, XPUB: its topic.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        topic: Option<String>,
        /// ROUTER: the socket it is for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<Name>,
        /// REP, ROUTER: sent as the answer to this very message.
        #[serde(default, skip_serializing_if = "is_false")]
        answer: bool,
    },
    /// An operation of the application failed.
    Failed {
        /// Which.
        operation: String,
        /// The error.
        error: String,
    },
    /// A message was received whole.
    Received {
        /// The message.
        message: MessageName,
        /// Frames of payload.
        parts: u8,
        /// Bytes of all frames.
        bytes: u64,
        /// SUB, XSUB: its topic.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        topic: Option<String>,
        /// ROUTER: the identity it came from.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<String>,
    },
    /// A proxy moved a message: `taken` from this socket or `put-back` into it, `given` to this one or `refused` by it.
    Relayed {
        /// What was done.
        step: RelayStep,
        /// The message.
        message: MessageName,
        /// Frames of payload.
        parts: u8,
        /// Bytes of all frames.
        bytes: u64,
        /// Whether it is the answer to this very message.
        #[serde(default, skip_serializing_if = "is_false")]
        answer: bool,
    },
    /// The empty message of a new peer with `probe_router` was received.
    Probed {
        /// ROUTER: the identity it came from.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<String>,
    },
    /// XPUB: notice of a subscription was received, or of the end of one.
    Noticed {
        /// The prefix.
        topic: String,
        /// Whether nobody is subscribed to it any more.
        #[serde(default, skip_serializing_if = "is_false")]
        ended: bool,
    },
    /// XPUB with `xpub_manual`: the application granted what the last notice asked for, or took it back.
    Granted {
        /// The prefix.
        topic: String,
        /// Whether it was taken back.
        #[serde(default, skip_serializing_if = "is_false")]
        ended: bool,
    },
    /// SUB, XSUB: the welcome message of a publisher was received.
    Welcomed {
        /// The message.
        text: String,
    },
    /// What was received is no message that anybody sent.
    Torn {
        /// What is wrong with it.
        problem: String,
    },
    /// The application no longer waits for the reply.
    GaveUp {
        /// The request.
        message: MessageName,
    },
    /// The application dropped an operation that was not complete.
    Cancelled {
        /// `send` or `receive`.
        operation: String,
        /// What was being sent. Nobody knows whether it was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<MessageName>,
    },
    /// An operation ended with `sndtimeo` or `rcvtimeo`, and did nothing.
    TimedOut {
        /// `send` or `receive`.
        operation: String,
        /// What was to be sent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<MessageName>,
    },
    /// All messages of the workload are sent; what follows are probes.
    Done {
        /// How many they were.
        count: u64,
    },
    /// The socket is closed.
    Closed,

    /// A hostile peer did something.
    Acted {
        /// What.
        did: String,
    },
    /// A socket ended a connection with a hostile peer.
    Dismissed {
        /// How the hostile peer noticed.
        how: String,
    },
    /// A socket let go of its end of a connection with a hostile peer.
    LetGo {
        /// The stream's end.
        stream: u64,
        /// How long it had it, in nanoseconds.
        after: u64,
        /// How many bytes it had read.
        bytes: u64,
        /// How many frames it had read; a trace shows the first of them.
        frames: u64,
    },

    /// A connection began, before its handshake.
    Connected {
        /// Bound or connected.
        endpoint: String,
        /// Whether the peer connected to us.
        accepted: bool,
    },
    /// A handshake succeeded.
    Handshake {
        /// Bound or connected.
        endpoint: String,
        /// The peer's type.
        peer: String,
        /// What the peer calls itself, if it does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
    /// A handshake failed.
    HandshakeFailed {
        /// Bound or connected.
        endpoint: String,
        /// Why.
        reason: String,
    },
    /// A connection ended after its handshake.
    Disconnected {
        /// Bound or connected.
        endpoint: String,
        /// Why.
        reason: String,
        /// What the peer called itself, if it did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
    /// The next attempt to connect comes after a pause.
    Retrying {
        /// Where to.
        endpoint: String,
        /// The pause, in nanoseconds.
        after: u64,
        /// Why the last ended.
        reason: String,
    },
    /// There will be no further attempt to connect, or accepting failed.
    Stopped {
        /// Bound or connected.
        endpoint: String,
        /// Why.
        reason: String,
    },

    /// A stream was opened.
    Stream {
        /// Its number.
        stream: u64,
        /// The other end's number, at the accepting end.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        peer: Option<u64>,
    },
    /// A whole frame left or arrived on a stream.
    Frame {
        /// The stream's end.
        stream: u64,
        /// Which way.
        dir: Direction,
        /// The frame.
        #[serde(flatten)]
        frame: WireFrame,
    },
    /// Bytes on a stream are no ZMTP.
    NotZmtp {
        /// The stream's end.
        stream: u64,
        /// Which way.
        dir: Direction,
        /// What is wrong.
        problem: String,
    },
    /// Bytes were read that were not written, or not there.
    Diverged {
        /// The reading end.
        stream: u64,
        /// How many bytes agreed before.
        offset: u64,
    },
    /// An operation on a stream was dropped while the kernel had it.
    Dropped {
        /// The stream's end.
        stream: u64,
        /// `read` or `write`.
        operation: String,
        /// How many of its bytes moved or will: nobody is told.
        bytes: u64,
    },
    /// Bytes were written on a stream after a write on it had been dropped.
    Continued {
        /// The stream's end.
        stream: u64,
        /// How many.
        bytes: u64,
    },
    /// A stream ended.
    StreamEnded {
        /// The stream's end.
        stream: u64,
        /// `closed`, `reset`, `peer-reset`, `timed-out`, `end`, `shutdown` or an error of connecting.
        how: String,
    },

    /// An event of the program's own.
    #[serde(untagged)]
    Note(Note),
}

impl EventKind {
    /// The event's name, as in JSON.
    pub fn name(&self) -> &str {
        match self {
            Self::Phase { .. } => "phase",
            Self::Fault { .. } => "fault",
            Self::FaultOver { .. } => "fault-over",
            Self::Deadlock { .. } => "deadlock",
            Self::Remains { .. } => "remains",
            Self::Started { .. } => "started",
            Self::Crashed { .. } => "crashed",
            Self::TaskFailed { .. } => "task-failed",
            Self::Opened { .. } => "opened",
            Self::Bound { .. } => "bound",
            Self::Connecting { .. } => "connecting",
            Self::Subscribed { .. } => "subscribed",
            Self::Unsubscribed { .. } => "unsubscribed",
            Self::Blocked { .. } => "blocked",
            Self::Sent { .. } => "sent",
            Self::Failed { .. } => "failed",
            Self::Received { .. } => "received",
            Self::Relayed { .. } => "relayed",
            Self::Probed { .. } => "probed",
            Self::Noticed { .. } => "noticed",
            Self::Granted { .. } => "granted",
            Self::Welcomed { .. } => "welcomed",
            Self::Torn { .. } => "torn",
            Self::GaveUp { .. } => "gave-up",
            Self::Cancelled { .. } => "cancelled",
            Self::TimedOut { .. } => "timed-out",
            Self::Done { .. } => "done",
            Self::Closed => "closed",
            Self::Acted { .. } => "acted",
            Self::Dismissed { .. } => "dismissed",
            Self::LetGo { .. } => "let-go",
            Self::Connected { .. } => "connected",
            Self::Handshake { .. } => "handshake",
            Self::HandshakeFailed { .. } => "handshake-failed",
            Self::Disconnected { .. } => "disconnected",
            Self::Retrying { .. } => "retrying",
            Self::Stopped { .. } => "stopped",
            Self::Stream { .. } => "stream",
            Self::Frame { .. } => "frame",
            Self::NotZmtp { .. } => "not-zmtp",
            Self::Diverged { .. } => "diverged",
            Self::Dropped { .. } => "dropped",
            Self::Continued { .. } => "continued",
            Self::StreamEnded { .. } => "stream-ended",
            Self::Note(note) => &note.event,
        }
    }
}

impl Event {
    /// A violation at this event.
    pub fn violation(&self, problem: String) -> Violation {
        let place = self.socket.as_ref().or(self.host.as_ref()).cloned();
        Violation { check: "", at: Some(self.at()), place, problem }
    }

    /// Simulated time since the start.
    pub const fn at(&self) -> Duration {
        Duration::from_nanos(self.t)
    }

    /// The event as the program's own, if it is one with this name.
    pub fn note(&self, name: &str) -> Option<&Note> {
        match &self.what {
            EventKind::Note(note) if note.event == name => Some(note),
            _ => None,
        }
    }

    /// Whether this happened at the socket named `name`.
    pub fn is_at(&self, name: &str) -> bool {
        self.socket.as_deref().is_some_and(|socket| std::ptr::eq(socket, name) || *socket == *name)
    }
}

impl fmt::Display for RelayStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Taken => "taken",
            Self::Given => "given",
            Self::Refused => "refused",
            Self::PutBack => "put back",
        })
    }
}

fn is_false(value: &bool) -> bool {
    !value
}
