//! A message as the ledger lists it, and what became of it.

use std::time::Duration;

use seaworthy_sim::trace::MessageName;

/// One leg of a message: from its sender, or from a proxy.
#[derive(Debug)]
pub struct Entry {
    /// Its name.
    pub message: MessageName,
    /// The socket that sent it, by number: for an answer, the one that answered; for what a proxy passes on, its socket.
    pub sender: usize,
    /// Whether it is the answer to the message of this name.
    pub answer: bool,
    /// Whether a proxy passes it on.
    pub relayed: bool,
    /// Whether its send was dropped: it was sent whole, or not at all.
    pub dropped: bool,
    /// Position in the trace of its sending.
    pub sent: usize,
    /// When it was sent.
    pub at: Duration,
    /// Bytes of its frames.
    pub bytes: u64,
    /// Frames of payload.
    pub parts: u64,
    /// ROUTER: the socket it is for; an answer: the socket that asked. If a proxy stands before that, its socket.
    pub to: Option<usize>,
    /// Position of its first frame on the wire, and the stream.
    pub left: Option<(usize, u64)>,
    /// Position of its last frame at the other end of that stream.
    pub arrived: Option<usize>,
    /// Position at which it was in nobody's pipe any more, when it was not received.
    pub(super) gone: Option<usize>,
    /// The socket of the proxy that took it and has it in hand, or passed it on, and where it did.
    pub(super) taken: Option<(usize, usize)>,
    /// Whether an application received it.
    pub(super) delivered: bool,
    /// What became of it.
    pub fate: Fate,
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It was received.
    Received,
    /// It waits for an application that never reads.
    Kept,
    /// Its send was dropped, and it never left.
    NotSent,
    /// It was lost, and may have been.
    Lost(&'static str),
    /// It was lost, and nothing that happened allows that: the nearest that did not.
    Missing(&'static str),
}
