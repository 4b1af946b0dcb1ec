//! Who got which message, and which losses ZeroMQ allows.
//!
//! A message may get lost when (RFC 28, 30; libzmq's pipes where they say more):
//! - its sender's or its receiver's process died after it was sent;
//! - it had left on a connection that broke;
//! - it was queued, and the sender's connection broke: an accepting socket destroys the queue of a peer that left,
//!   and a connecting one loses at most the batch that was being written;
//! - a ROUTER or REP had nobody to send it to, or no room;
//! - it answers a request that was given up.
//!
//! PUB is not in here: what it may drop is for [`subscriptions`](super::subscriptions) to say.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{Case, Violation};
use crate::scenario::draw::Draw;
use crate::scenario::quantity::Count;
use crate::scenario::{Plan, SocketKind};
use crate::trace::wire::WireFrame;
use crate::trace::{Direction, Event, MessageName, Name, What};

/// Bytes of a batch that is being written when its connection breaks: what a driver encodes at once.
pub const BATCH_MAX: u64 = 128 * 1024;

/// All messages that one receiver should have got.
#[derive(Debug)]
pub struct Ledger {
    /// In the order of sending.
    pub entries: Vec<Entry>,
}

/// One message that was sent.
#[derive(Debug)]
pub struct Entry {
    /// Its name.
    pub message: MessageName,
    /// The socket that sent it, by number: for an answer, the one that answered.
    pub sender: usize,
    /// Whether it is the answer to the message of this name.
    pub answer: bool,
    /// Position in the trace of its sending.
    pub sent: usize,
    /// When it was sent.
    pub at: Duration,
    /// Bytes of its frames.
    pub bytes: u64,
    /// ROUTER: the socket it is for; an answer: the socket that asked.
    pub to: Option<usize>,
    /// Position of its first frame on the wire, and the stream.
    pub left: Option<(usize, u64)>,
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
    /// It was lost, and may have been.
    Lost(&'static str),
    /// It was lost, and nothing that happened allows that.
    Missing,
}

/// What broke, and when.
#[derive(Default)]
struct Breaks {
    /// Streams that ended: both of their ends.
    streams: BTreeSet<u64>,
    /// Positions at which a connection of a socket broke.
    connections: BTreeMap<Name, Vec<usize>>,
    /// Positions at which a host went down.
    hosts: BTreeMap<Name, Vec<usize>>,
    /// Requests that were given up.
    given_up: BTreeSet<MessageName>,
    /// The other end of each stream, and the socket at each end where it is known.
    peers: BTreeMap<u64, u64>,
    sockets: BTreeMap<u64, Name>,
}

impl Ledger {
    /// The ledger of a run, without what happened while sockets were closed.
    pub fn of(case: &Case<'_>) -> Self {
        let events = case.trace.before_closing();
        let mut ledger = Self { entries: entries(case.plan, events) };
        let index = ledger.index();
        ledger.follow(case.plan, events, &index);
        let breaks = Breaks::of(events);
        for at in 0..ledger.entries.len() {
            if ledger.entries[at].fate != Fate::Received {
                ledger.entries[at].fate = ledger.excuse(case, events, &breaks, at);
            }
        }
        ledger
    }

    /// How many messages of a socket, sent at a time that counts, were not received.
    pub fn lost_by(&self, sender: usize, counts: impl Fn(Duration) -> bool) -> u64 {
        let lost =
            |entry: &&Entry| entry.sender == sender && entry.fate != Fate::Received && counts(entry.at);
        self.entries.iter().filter(lost).count() as u64
    }

    /// Entries by name: messages, and answers by who gave them.
    fn index(&self) -> BTreeMap<(MessageName, Option<usize>), usize> {
        let key = |entry: &Entry| (entry.message.clone(), entry.answer.then_some(entry.sender));
        self.entries.iter().enumerate().map(|(at, entry)| (key(entry), at)).collect()
    }

    /// Follows every message over the wire to its receiver.
    fn follow(
        &mut self,
        plan: &Plan,
        events: &[Event],
        index: &BTreeMap<(MessageName, Option<usize>), usize>,
    ) {
        for (position, event) in events.iter().enumerate() {
            match &event.what {
                What::Received { message, .. } => {
                    let Some(receiver) = event.socket.as_deref() else { continue };
                    let entry = if *message.sender == *receiver {
                        // A reply; which of several peers gave it does not matter.
                        plan.peers(plan.socket_number(receiver).unwrap_or(usize::MAX))
                            .into_iter()
                            .find_map(|peer| index.get(&(message.clone(), Some(peer))))
                    } else {
                        index.get(&(message.clone(), None))
                    };
                    if let Some(&at) = entry {
                        self.entries[at].fate = Fate::Received;
                    }
                }
                What::Frame {
                    stream,
                    dir: Direction::Out,
                    frame: WireFrame::Message { of: Some(of), .. },
                } => {
                    let Some(host) = event.host.as_deref() else { continue };
                    let here = |socket: &usize| {
                        plan.socket(*socket).host == host
                            && event.socket.as_ref().is_none_or(|name| *name == *plan.name(*socket))
                    };
                    let sender = plan.socket_number(&of.sender).filter(here);
                    let entry = if sender.is_some() {
                        index.get(&(of.clone(), None))
                    } else {
                        plan.sockets_on(host)
                            .filter(here)
                            .find_map(|socket| index.get(&(of.clone(), Some(socket))))
                    };
                    if let Some(&at) = entry {
                        self.entries[at].left.get_or_insert((position, *stream));
                    }
                }
                _ => {}
            }
        }
    }

    /// What became of a message that was not received.
    fn excuse(&self, case: &Case<'_>, events: &[Event], breaks: &Breaks, at: usize) -> Fate {
        let plan = case.plan;
        let entry = &self.entries[at];
        let socket = plan.socket(entry.sender);
        let receiver = entry.to.or_else(|| entry.left.and_then(|(_, stream)| breaks.receiver(plan, stream)));
        let unread = match receiver {
            Some(receiver) => !plan.hears(receiver),
            None => plan.peers(entry.sender).into_iter().any(|peer| !plan.hears(peer)),
        };
        if unread {
            return Fate::Kept;
        }
        if breaks.host_fell(&socket.host, entry.sent) {
            return Fate::Lost("its sender's host went down");
        }
        if entry.left.is_some_and(|(_, stream)| breaks.streams.contains(&stream)) {
            return Fate::Lost("the connection it left on broke");
        }
        if entry.answer && breaks.given_up.contains(&entry.message) {
            return Fate::Lost("it answers a request that was given up");
        }
        if entry.left.is_none() {
            if breaks.connection_broke(plan.name(entry.sender), entry.sent) {
                return Fate::Lost("it was queued when a connection broke");
            }
            if socket.kind.drops_when_full() {
                if !self.is_reachable(plan, events, entry) {
                    return Fate::Lost("nobody was there to get it");
                }
                if self.may_be_full(plan, at) {
                    return Fate::Lost("there was no room for it");
                }
            }
        }
        Fate::Missing
    }

    /// Whether the socket had a connection to the one the message was for.
    fn is_reachable(&self, plan: &Plan, events: &[Event], entry: &Entry) -> bool {
        let Some(to) = entry.to else { return true };
        // An anonymous peer asked a moment ago; whether it is still there only its connection's end would say.
        let Some(identity) = plan.socket(to).options.routing_id.as_deref() else { return true };
        let mut connected = 0_i64;
        for event in events[..entry.sent].iter().filter(|event| event.is_at(plan.name(entry.sender))) {
            match &event.what {
                What::Handshake { name: Some(name), .. } if name == identity => connected += 1,
                What::Disconnected { name: Some(name), .. } if name == identity => connected -= 1,
                What::Opened { .. } => connected = 0,
                _ => {}
            }
        }
        connected > 0
    }

    /// Whether so many messages to the same peer had not left that its pipe may have been full.
    fn may_be_full(&self, plan: &Plan, at: usize) -> bool {
        let entry = &self.entries[at];
        let options = &plan.socket(entry.sender).options;
        if options.sndhwm_bytes.is_some() {
            return true;
        }
        let limit = high_water_mark(options.sndhwm);
        let waiting = self.entries[..at].iter().filter(|other| {
            other.sender == entry.sender
                && other.to == entry.to
                && other.left.is_none_or(|(left, _)| left > entry.sent)
        });
        limit.is_some_and(|limit| waiting.count() as u64 >= limit)
    }

    /// Messages of a connecting socket that got lost before they left, against what its broken connections excuse:
    /// one batch, and the message that fills it, each.
    pub fn lost_batches(&self, case: &Case<'_>) -> Vec<Violation> {
        let breaks = Breaks::of(case.trace.before_closing());
        let mut violations = Vec::new();
        for (number, name) in case.plan.sockets.iter().enumerate() {
            let only_connects = case.plan.paths.iter().all(|path| path.binding != number);
            if !only_connects || case.plan.socket(number).options.immediate == Some(true) {
                continue;
            }
            let queued = |entry: &&Entry| {
                entry.sender == number && entry.fate == Fate::Lost("it was queued when a connection broke")
            };
            let lost: u64 = self.entries.iter().filter(queued).map(|entry| entry.bytes).sum();
            let largest = self.entries.iter().filter(queued).map(|entry| entry.bytes).max().unwrap_or(0);
            let broke = breaks.connections.get(name).map_or(0, Vec::len) as u64;
            if lost > broke * (BATCH_MAX + largest) {
                let problem = format!(
                    "{lost} bytes that were queued got lost with {broke} connections; a connecting socket keeps its queue"
                );
                violations.push(Violation::of(name, problem));
            }
        }
        violations
    }
}

/// A high-water mark as a number of messages; `None` is unlimited.
pub(super) fn high_water_mark(option: Option<Draw<Count>>) -> Option<u64> {
    match option.map_or(1000, |hwm| hwm.value().0) {
        0 => None,
        limit => Some(limit),
    }
}

fn entries(plan: &Plan, events: &[Event]) -> Vec<Entry> {
    let mut entries = Vec::new();
    for (sent, event) in events.iter().enumerate() {
        let What::Sent { message, bytes, to, answer, .. } = &event.what else { continue };
        let Some(sender) = event.socket.as_deref().and_then(|name| plan.socket_number(name)) else {
            continue;
        };
        if plan.socket(sender).kind == SocketKind::Pub {
            continue;
        }
        let asker = if *answer { Some(&message.sender) } else { to.as_ref() };
        entries.push(Entry {
            message: message.clone(),
            sender,
            answer: *answer,
            sent,
            at: event.at(),
            bytes: *bytes,
            to: asker.and_then(|name| plan.socket_number(name)),
            left: None,
            fate: Fate::Missing,
        });
    }
    entries
}

impl Breaks {
    fn of(events: &[Event]) -> Self {
        let mut breaks = Self::default();
        let mut on_host: BTreeMap<Name, Vec<u64>> = BTreeMap::new();
        for (position, event) in events.iter().enumerate() {
            match &event.what {
                What::Stream { stream, peer } => {
                    if let Some(host) = &event.host {
                        on_host.entry(host.clone()).or_default().push(*stream);
                    }
                    if let Some(socket) = &event.socket {
                        breaks.sockets.insert(*stream, socket.clone());
                    }
                    if let Some(peer) = peer {
                        breaks.peers.insert(*peer, *stream);
                        breaks.peers.insert(*stream, *peer);
                    }
                }
                What::StreamEnded { stream, .. } => {
                    breaks.streams.insert(*stream);
                }
                What::Disconnected { .. } | What::HandshakeFailed { .. } => {
                    if let Some(socket) = &event.socket {
                        breaks.connections.entry(socket.clone()).or_default().push(position);
                    }
                }
                What::Crashed { .. } => {
                    if let Some(host) = &event.host {
                        breaks.hosts.entry(host.clone()).or_default().push(position);
                        breaks.streams.extend(on_host.remove(host).unwrap_or_default());
                    }
                }
                What::GaveUp { message } => {
                    breaks.given_up.insert(message.clone());
                }
                _ => {}
            }
        }
        let others: Vec<u64> =
            breaks.streams.iter().filter_map(|stream| breaks.peers.get(stream)).copied().collect();
        breaks.streams.extend(others);
        breaks
    }

    /// The socket at the other end of a stream.
    fn receiver(&self, plan: &Plan, stream: u64) -> Option<usize> {
        plan.socket_number(self.sockets.get(self.peers.get(&stream)?)?)
    }

    fn host_fell(&self, host: &str, after: usize) -> bool {
        self.hosts.get(host).is_some_and(|positions| positions.iter().any(|position| *position > after))
    }

    fn connection_broke(&self, socket: &Name, after: usize) -> bool {
        self.connections
            .get(socket)
            .is_some_and(|positions| positions.iter().any(|position| *position > after))
    }
}
