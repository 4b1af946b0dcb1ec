//! Who got which message, and which losses ZeroMQ allows.
//!
//! A message may get lost when (RFC 28, 30; libzmq's pipes where they say more):
//! - its sender's or its receiver's process died after it was sent;
//! - it had left on a connection that broke, and had not arrived, or was in the last that was read off it;
//! - it was queued for a connection that broke: an accepting socket destroys the queue of a peer that left, and a
//!   connecting one loses at most the batch that was being written;
//! - a ROUTER or REP had nobody to send it to, or no room;
//! - it answers a request that was given up.
//!
//! Each of these concerns one connection: what breaks elsewhere excuses nothing. The tap does not see for which of
//! several connections a message was queued, so `queues` counts how many each may have taken along.
//!
//! What a proxy passes on is sent anew: each leg of the way has an entry of its own, from the socket that sent or passed
//! the message on to the application or proxy that took it.
//!
//! PUB is not in here: what it may drop is for [`subscriptions`](super::subscriptions) to say.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Case;
use super::entry::{Entry, Fate};
use super::mark::{high_water_mark, weight_of};
use super::queues::Queues;
use super::streams::Streams;
use crate::scenario::{Plan, SocketKind};
use seaworthy_sim::trace::wire::WireFrame;
use seaworthy_sim::trace::{Direction, Event, EventKind, MessageName, Name, RelayStep};

/// All messages that one receiver should have got.
#[derive(Debug)]
pub struct Ledger {
    /// In the order of sending.
    pub entries: Vec<Entry>,
}

/// What happened that may explain a loss.
struct LossCauses<'a> {
    plan: &'a Plan,
    events: &'a [Event],
    streams: Streams,
    /// Positions at which a host went down.
    hosts: BTreeMap<Name, Vec<usize>>,
    /// Requests that were given up.
    given_up: BTreeSet<MessageName>,
    /// The stream on which a message last arrived at a socket, and where.
    arrivals: BTreeMap<(MessageName, usize), Vec<(usize, u64)>>,
}

impl Ledger {
    /// The ledger of a run, without what happened while sockets were closed.
    pub fn of(case: &Case<'_>) -> Self {
        let events = case.trace.before_closing();
        let mut ledger = Self { entries: entries(case.plan, events) };
        let index = ledger.index();
        let mishaps = LossCauses::of(case.plan, events);
        ledger.follow(&mishaps, &index);
        ledger.look_into_hands(&mishaps, &index);
        let mut queues = Queues::of(case.plan, &mishaps.streams, &ledger.entries);
        for at in 0..ledger.entries.len() {
            if ledger.entries[at].fate != Fate::Received && ledger.entries[at].taken.is_none() {
                let fate = ledger.explain(&mishaps, &mut queues, at);
                ledger.entries[at].fate = fate;
            }
        }
        ledger
    }

    /// How many messages of a socket, sent at a time that counts, no application received.
    pub fn lost_by(&self, sender: usize, counts: impl Fn(Duration) -> bool) -> u64 {
        let delivered: BTreeSet<_> = self
            .entries
            .iter()
            .filter(|entry| entry.delivered)
            .map(|entry| (&entry.message, entry.answer))
            .collect();
        let lost = |entry: &&Entry| {
            entry.sender == sender
                && !entry.relayed
                && entry.fate != Fate::NotSent
                && !delivered.contains(&(&entry.message, entry.answer))
                && counts(entry.at)
        };
        self.entries.iter().filter(lost).count() as u64
    }

    /// Entries by name, and by who sent them.
    fn index(&self) -> Index {
        let key = |entry: &Entry| (entry.message.clone(), entry.answer, entry.sender);
        let mut keys: Vec<_> = self.entries.iter().enumerate().map(|(at, entry)| (key(entry), at)).collect();
        keys.sort_unstable();
        Index(keys)
    }

    /// Follows every message over the wire to its receiver.
    fn follow(&mut self, mishaps: &LossCauses<'_>, index: &Index) {
        let plan = mishaps.plan;
        let mut passing: BTreeMap<(u64, &MessageName), usize> = BTreeMap::new();
        for (position, event) in mishaps.events.iter().enumerate() {
            match &event.what {
                EventKind::Received { message, .. } => {
                    let Some(receiver) = event.socket.as_deref().and_then(|name| plan.socket_number(name))
                    else {
                        continue;
                    };
                    for at in index.sent_to(plan, receiver, message, None) {
                        self.entries[at].fate = Fate::Received;
                        self.entries[at].delivered = true;
                    }
                }
                EventKind::Relayed { step, message, answer, .. } => {
                    let Some(side) = event.socket.as_deref().and_then(|name| plan.socket_number(name)) else {
                        continue;
                    };
                    for at in index.sent_to(plan, side, message, Some(*answer)) {
                        match step {
                            RelayStep::Taken => {
                                self.entries[at].fate = Fate::Received;
                                self.entries[at].taken = Some((side, position));
                            }
                            RelayStep::PutBack => {
                                self.entries[at].fate = Fate::Missing("a proxy put it back");
                                self.entries[at].taken = None;
                            }
                            RelayStep::Given | RelayStep::Refused => {}
                        }
                    }
                }
                EventKind::Frame {
                    stream,
                    dir: Direction::Out,
                    frame: WireFrame::Message { of: Some(of), .. },
                } => {
                    let Some(host) = event.host.as_deref() else { continue };
                    let owner = mishaps.streams.end(*stream).and_then(|end| end.socket);
                    let here = |socket: &usize| owner.is_none_or(|owner| owner == *socket);
                    let entry =
                        plan.sockets_on(host).filter(here).find_map(|socket| index.sent_by(socket, of));
                    if let Some(at) = entry {
                        self.entries[at].left.get_or_insert((position, *stream));
                        passing.insert((*stream, of), at);
                    }
                }
                EventKind::Frame {
                    stream,
                    dir: Direction::In,
                    frame: WireFrame::Message { of: Some(of), more: false, .. },
                } => {
                    let sent = mishaps.streams.peer(*stream).and_then(|peer| passing.get(&(peer, of)));
                    if let Some(&at) = sent {
                        self.entries[at].arrived = Some(position);
                    }
                }
                _ => {}
            }
        }
    }

    /// What a proxy took it passes on, unless its process dies or its other socket refuses it.
    fn look_into_hands(&mut self, mishaps: &LossCauses<'_>, index: &Index) {
        let plan = mishaps.plan;
        for at in 0..self.entries.len() {
            let entry = &self.entries[at];
            let Some((side, taken)) = entry.taken else { continue };
            let Some(beyond) = plan.forwards_to(side) else { continue };
            let given = index.sent(beyond, &entry.message, entry.answer).map(|at| &self.entries[at]);
            if given.is_some_and(|given| given.sent > taken) || plan.socket(beyond).kind.distributes() {
                continue;
            }
            let refused = |event: &Event| {
                event.is_at(plan.name(beyond))
                    && matches!(&event.what, EventKind::Relayed { step: RelayStep::Refused, message, .. }
                        if *message == entry.message)
            };
            self.entries[at].fate = if mishaps.host_fell(side, taken) {
                Fate::Lost("a proxy had it in hand when its host went down")
            } else if mishaps.events[taken..].iter().any(refused) {
                Fate::Lost("a proxy's socket refused it")
            } else if plan.peers(beyond).into_iter().any(|peer| !plan.hears(peer)) {
                Fate::Kept
            } else {
                Fate::Missing("a proxy took it and did not pass it on")
            };
        }
    }

    /// What became of a message that was not received.
    fn explain(&mut self, mishaps: &LossCauses<'_>, queues: &mut Queues, at: usize) -> Fate {
        let plan = mishaps.plan;
        let entry = &self.entries[at];
        if entry.dropped && entry.left.is_none() {
            return Fate::NotSent;
        }
        let receiver =
            entry.to.or_else(|| entry.left.and_then(|(_, stream)| mishaps.streams.receiver(stream)));
        let unread = match receiver {
            Some(receiver) => !plan.hears(receiver),
            None => plan.peers(entry.sender).into_iter().any(|peer| !plan.hears(peer)),
        };
        if unread {
            return Fate::Kept;
        }
        if mishaps.host_fell(entry.sender, entry.sent) {
            return Fate::Lost("its sender's host went down");
        }
        if entry.answer && mishaps.given_up.contains(&entry.message) {
            return Fate::Lost("it answers a request that was given up");
        }
        if let Some((_, stream)) = entry.left {
            return mishaps.under_way(entry, stream, receiver);
        }
        if plan.socket(entry.sender).kind.drops_when_full() {
            let why = if !mishaps.is_reachable(entry) {
                Some("nobody was there to get it")
            } else {
                self.may_be_full(plan, at).then_some("there was no room for it")
            };
            if let Some(why) = why {
                self.entries[at].gone = Some(self.entries[at].sent);
                return Fate::Lost(why);
            }
        }
        match queues.take(plan, &mishaps.streams, &self.entries[at]) {
            Some(gone) => {
                self.entries[at].gone = Some(gone);
                Fate::Lost("it was queued for a connection that broke")
            }
            None => Fate::Missing("it never left, and no connection that broke can have had it queued"),
        }
    }

    /// Whether so many messages to the same peer had not left that its pipe may have been full.
    fn may_be_full(&self, plan: &Plan, at: usize) -> bool {
        let entry = &self.entries[at];
        let options = &plan.socket(entry.sender).options;
        let limit = high_water_mark(options.sndhwm);
        let bytes_max = options.sndhwm_bytes.map(|bytes| bytes.value().0).filter(|bytes| *bytes > 0);
        let waiting = |other: &&Entry| {
            other.sender == entry.sender
                && other.to == entry.to
                && !other.dropped
                && other.left.is_none_or(|(left, _)| left > entry.sent)
                && other.gone.is_none_or(|gone| gone > entry.sent)
        };
        let (mut messages, mut bytes) = (0, 0);
        for other in self.entries[..at].iter().filter(waiting) {
            messages += 1;
            bytes += weight_of(other.bytes, other.parts);
        }
        // Credit for what was taken out of a pipe is given in lots of half the mark.
        let reached = |held: u64, limit: Option<u64>| limit.is_some_and(|limit| held > limit / 2);
        reached(messages, limit) || reached(bytes, bytes_max)
    }
}

fn entries(plan: &Plan, events: &[Event]) -> Vec<Entry> {
    let mut entries = Vec::new();
    for (sent, event) in events.iter().enumerate() {
        let Some(sender) = event.socket.as_deref().and_then(|name| plan.socket_number(name)) else {
            continue;
        };
        let entry = |message: &MessageName, answer: bool| Entry {
            message: message.clone(),
            sender,
            answer,
            relayed: false,
            dropped: false,
            sent,
            at: event.at(),
            bytes: 0,
            parts: 1,
            to: None,
            left: None,
            arrived: None,
            gone: None,
            taken: None,
            delivered: false,
            fate: Fate::Missing("it has not been looked for"),
        };
        let (entry, to) = match &event.what {
            EventKind::Sent { message, bytes, parts, to, answer, .. } => {
                (Entry { bytes: *bytes, parts: u64::from(*parts), ..entry(message, *answer) }, to.as_ref())
            }
            EventKind::Relayed { step: RelayStep::Given, message, bytes, parts, answer } => {
                let size = (*bytes, u64::from(*parts));
                (Entry { relayed: true, bytes: size.0, parts: size.1, ..entry(message, *answer) }, None)
            }
            EventKind::Cancelled { message: Some(message), .. } if event.is_at(&message.sender) => {
                (Entry { dropped: true, ..entry(message, false) }, None)
            }
            _ => continue,
        };
        if plan.socket(sender).kind.distributes() {
            continue;
        }
        let to = if entry.answer { Some(&entry.message.sender) } else { to };
        let to = to.and_then(|name| plan.socket_number(name)).and_then(|to| plan.next_hop(sender, to));
        entries.push(Entry { to, ..entry });
    }
    entries
}

/// Entries by name, whether they are answers, and who sent them.
struct Index(Vec<((MessageName, bool, usize), usize)>);

impl Index {
    /// Entries of that name, answers or not: who sent each, and where it is.
    fn of(&self, message: &MessageName, answer: bool) -> impl Iterator<Item = (usize, usize)> {
        let first =
            self.0.partition_point(|((name, is_answer, _), _)| (name, *is_answer) < (message, answer));
        let same = move |((name, is_answer, _), _): &&((MessageName, bool, usize), usize)| {
            *name == *message && *is_answer == answer
        };
        self.0[first..].iter().take_while(same).map(|((_, _, sender), at)| (*sender, *at))
    }

    /// The last that this socket sent of that name, as an answer or not.
    fn sent(&self, socket: usize, message: &MessageName, answer: bool) -> Option<usize> {
        self.of(message, answer).filter(|(sender, _)| *sender == socket).last().map(|(_, at)| at)
    }

    /// What this socket sent of that name.
    fn sent_by(&self, socket: usize, message: &MessageName) -> Option<usize> {
        self.sent(socket, message, false).or_else(|| self.sent(socket, message, true))
    }

    /// What was sent to this socket under that name, by whichever peers: an answer if it is that socket's own message,
    /// unless a proxy gave the message itself back.
    fn sent_to(&self, plan: &Plan, socket: usize, message: &MessageName, answer: Option<bool>) -> Vec<usize> {
        let own = *plan.name(socket) == message.sender;
        let sent = |answer| -> Vec<usize> {
            let by_peers = self.of(message, answer).filter(|(peer, _)| plan.paths_between(socket, *peer) > 0);
            by_peers.map(|(_, at)| at).collect()
        };
        let found = sent(answer.unwrap_or(own));
        if found.is_empty() && own && answer.is_none() { sent(false) } else { found }
    }
}

impl<'a> LossCauses<'a> {
    fn of(plan: &'a Plan, events: &'a [Event]) -> Self {
        let mut mishaps = Self {
            plan,
            events,
            streams: Streams::of(plan, events),
            hosts: BTreeMap::new(),
            given_up: BTreeSet::new(),
            arrivals: BTreeMap::new(),
        };
        for (position, event) in events.iter().enumerate() {
            match &event.what {
                EventKind::Crashed { .. } => {
                    if let Some(host) = &event.host {
                        mishaps.hosts.entry(host.clone()).or_default().push(position);
                    }
                }
                EventKind::GaveUp { message } => {
                    mishaps.given_up.insert(message.clone());
                }
                EventKind::Frame {
                    stream,
                    dir: Direction::In,
                    frame: WireFrame::Message { of: Some(of), .. },
                } => {
                    // Only for those who answer is it asked by which connection something came.
                    if let Some(socket) = mishaps.streams.end(*stream).and_then(|end| end.socket)
                        && plan.socket(socket).kind.drops_when_full()
                    {
                        let key = (of.clone(), socket);
                        mishaps.arrivals.entry(key).or_default().push((position, *stream));
                    }
                }
                _ => {}
            }
        }
        mishaps
    }

    fn host_fell(&self, socket: usize, after: usize) -> bool {
        let fell = self.hosts.get(self.plan.socket(socket).host.as_str());
        fell.is_some_and(|positions| positions.iter().any(|position| *position > after))
    }

    /// What became of a message that had left on a stream.
    fn under_way(&self, entry: &Entry, stream: u64, receiver: Option<usize>) -> Fate {
        let streams = &self.streams;
        if !streams.broke(stream) {
            return Fate::Missing("the connection it left on never broke");
        }
        let Some(arrived) = entry.arrived else { return Fate::Lost("the connection it left on broke") };
        if receiver.is_some_and(|receiver| self.host_fell(receiver, arrived)) {
            return Fate::Lost("its receiver's host went down");
        }
        // A ROUTER forgets what a peer delivered whose routing id another one has, or takes over.
        if receiver.is_some_and(|receiver| self.plan.socket(receiver).kind == SocketKind::Router) {
            return Fate::Lost("its ROUTER gave the connection up that it left on");
        }
        // What was read and not decoded, for want of room, goes with its connection.
        let last_read = streams.peer(stream).and_then(|peer| streams.end(peer)?.last_read);
        if last_read.is_some_and(|last| self.events[last].t == self.events[arrived].t) {
            return Fate::Lost("it was in the last that was read before its connection broke");
        }
        Fate::Missing("it had arrived before the connection broke that it left on")
    }

    /// Whether the socket had a connection to the one the message was for.
    fn is_reachable(&self, entry: &Entry) -> bool {
        let Some(to) = entry.to else { return true };
        let is_up = |stream: u64| self.streams.end(stream).is_some_and(|end| end.is_up(entry.sent));
        // An answer goes back to the connection that asked, unless its peer has a name that is found anew.
        let named = self.plan.socket(to).options.routing_id.is_some();
        let by_name = named && self.plan.socket(entry.sender).kind == SocketKind::Router;
        let asked = self.arrivals.get(&(entry.message.clone(), entry.sender));
        if entry.answer
            && !by_name
            && let Some((_, stream)) =
                asked.and_then(|arrivals| arrivals.iter().rfind(|(position, _)| *position < entry.sent))
        {
            return is_up(*stream);
        }
        self.streams
            .ends_of(self.plan, entry.sender)
            .any(|(stream, end)| is_up(stream) && self.streams.leads_to(self.plan, end, to))
    }
}
