//! What the connections of a sender that broke may have taken along: messages that were taken and had not left.
//!
//! A message may have been queued for a connection when it was sent while that connection's pipe existed, and after
//! everything that did leave on it: a pipe keeps its order. Of those, an accepted connection takes along what fits
//! into its pipe and into the batch that was being written; one that a socket connected keeps its pipe, and takes
//! along the batch alone.

use std::collections::BTreeMap;

use super::batch::Batch;
use super::entry::Entry;
use super::mark::high_water_mark;
use super::streams::{End, Streams};
use crate::scenario::Plan;

/// The queues of connections that broke, by the number of the socket that may have lost messages with them.
#[derive(Debug)]
pub(super) struct Queues(BTreeMap<usize, Vec<Queue>>);

/// What was behind one connection.
#[derive(Debug)]
struct Queue {
    stream: u64,
    /// Only what was sent after this position can have been in it.
    after: Option<usize>,
    /// It was gone at this position.
    until: usize,
    batch: Batch,
    /// Messages and bytes that the pipe may still take; `None` is unlimited.
    messages: Option<u64>,
    bytes: Option<u64>,
}

impl Queues {
    /// Those of a run whose messages left as `entries` say.
    pub(super) fn of(plan: &Plan, streams: &Streams, entries: &[Entry]) -> Self {
        let mut last_left = BTreeMap::new();
        for (entry, (_, stream)) in entries.iter().filter_map(|entry| Some((entry, entry.left?))) {
            let last = last_left.entry(stream).or_insert(entry.sent);
            *last = entry.sent.max(*last);
        }
        let queues = |socket| {
            let ends = streams.ends_of(plan, socket);
            ends.filter_map(|(stream, end)| Queue::behind(plan, socket, stream, end, last_left.get(&stream)))
                .collect()
        };
        Self((0..plan.sockets.len()).map(|socket| (socket, queues(socket))).collect())
    }

    /// Excuses a message that never left, if one of the queues that broke can still have had it: gives the position
    /// at which it was lost. Where several can, the one that ended first takes it, which leaves the most for others.
    pub(super) fn take(&mut self, plan: &Plan, streams: &Streams, entry: &Entry) -> Option<usize> {
        let leads = |queue: &Queue| {
            entry
                .to
                .is_none_or(|to| streams.end(queue.stream).is_some_and(|end| streams.leads_to(plan, end, to)))
        };
        let queues = self.0.get_mut(&entry.sender)?;
        let may =
            queues.iter_mut().filter(|queue| queue.existed(entry.sent) && queue.has_room() && leads(queue));
        let queue = may.min_by_key(|queue| queue.until)?;
        queue.put(entry.bytes, entry.parts);
        Some(queue.until)
    }
}

impl Queue {
    fn behind(plan: &Plan, socket: usize, stream: u64, end: &End, last_left: Option<&usize>) -> Option<Self> {
        let (ready, until) = (end.ready?, end.released?);
        let options = &plan.socket(socket).options;
        let own_pipe = end.accepted || options.immediate == Some(true);
        let last_left = last_left.copied();
        let limit = |limit: Option<u64>| if own_pipe { limit } else { Some(0) };
        Some(Self {
            stream,
            after: if own_pipe { last_left.max(Some(ready)) } else { last_left },
            until,
            batch: Batch::default(),
            messages: limit(high_water_mark(options.sndhwm)),
            bytes: limit(options.sndhwm_bytes.map(|bytes| bytes.value().0).filter(|bytes| *bytes > 0)),
        })
    }

    fn existed(&self, sent: usize) -> bool {
        self.after.is_none_or(|after| after < sent) && sent < self.until
    }

    fn has_room(&self) -> bool {
        self.batch.has_room() || (self.messages != Some(0) && self.bytes != Some(0))
    }

    /// A driver encodes until its batch is full, and a pipe takes until its mark is reached: the last may go beyond.
    fn put(&mut self, bytes: u64, frames: u64) {
        if self.batch.has_room() {
            self.batch.put(bytes, frames);
        } else {
            self.messages = self.messages.map(|messages| messages.saturating_sub(1));
            self.bytes = self.bytes.map(|room| room.saturating_sub(bytes));
        }
    }
}
