//! [`RealStream`]: one end of a stream through this machine's kernel, which says what passes.

use std::cell::Cell;
use std::io;
use std::rc::Rc;

use bytes::{Bytes, BytesMut};
use seaworthy_core::{CompioStream, Endpoint, Reachability, Stream};

use super::host::Host;
use super::write_ledger::WriteLedger;
use seaworthy_engine::{CancelOutcome, Event, Operation, StreamId};

/// One end of a stream.
pub(crate) struct RealStream {
    host: Rc<Host>,
    id: StreamId,
    inner: CompioStream,
    /// What this end writes.
    out: Rc<WriteLedger>,
    /// As the scenario calls it: where the peer is, or where this end was accepted.
    endpoint: Endpoint,
    /// It was recorded how this end ended.
    ended: Cell<bool>,
    read_to_end: Cell<bool>,
}

impl RealStream {
    pub(super) fn new(host: Rc<Host>, id: StreamId, inner: CompioStream, endpoint: Endpoint) -> Self {
        host.streams.set(host.streams.get() + 1);
        let out = host.env.meetings.way(id);
        Self { host, id, inner, out, endpoint, ended: Cell::new(false), read_to_end: Cell::new(false) }
    }

    pub(super) const fn id(&self) -> StreamId {
        self.id
    }

    /// Lets the accepting end find this one, which connected to `place`.
    pub(super) fn await_partner(&self, place: &Endpoint) {
        let meetings = &self.host.env.meetings;
        match self.inner.local_address() {
            Some(address) => meetings.await_alone(address.to_string(), self.id),
            None => meetings.await_in_turn(place.to_string(), self.id),
        }
    }

    fn record(&self, event: &Event<'_>) {
        self.host.env.record(event);
    }

    fn has_read(&self, bytes: &[u8]) {
        if let Some((writer, way)) = self.host.env.meetings.writer(self.id) {
            for part in way.arrive(bytes.len()) {
                self.record(&Event::Written { stream: writer, bytes: &part });
            }
        }
        self.record(&Event::Read { stream: self.id, bytes });
    }

    /// Records how the stream ended, the first time it is told.
    fn failed(&self, error: &io::Error) {
        let stream = self.id;
        let event = match error.kind() {
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Event::PeerReset { stream },
            io::ErrorKind::TimedOut => Event::TimedOut { stream },
            _ => return,
        };
        if !self.ended.replace(true) {
            self.record(&event);
        }
    }
}

impl Stream for RealStream {
    async fn read(&self, mut buffer: BytesMut) -> (io::Result<usize>, BytesMut) {
        let spare = buffer.capacity() - buffer.len();
        let submitted = Submitted { stream: self, operation: Operation::Read, done: false };
        self.host.yield_now().await;
        let most = self.host.cut_read(self.host.may_read().await.min(spare));
        let before = buffer.len();
        let result = if most < spare {
            let (result, part) = self.inner.read(BytesMut::with_capacity(most)).await;
            buffer.extend_from_slice(&part);
            result
        } else {
            let result;
            (result, buffer) = self.inner.read(buffer).await;
            result
        };
        self.host.is_not_stalled().await;
        submitted.complete();
        match &result {
            Ok(0) if !self.read_to_end.replace(true) => self.record(&Event::ReadEnd { stream: self.id }),
            Ok(0) => {}
            Ok(_) => {
                self.host.took(buffer.len() - before);
                self.has_read(&buffer[before..]);
            }
            Err(error) => self.failed(error),
        }
        (result, buffer)
    }

    async fn readable(&self) {
        self.inner.readable().await;
    }

    async fn write(&self, segments: Vec<Bytes>) -> (io::Result<usize>, Vec<Bytes>) {
        let total: usize = segments.iter().map(Bytes::len).sum();
        if total == 0 {
            return (Ok(0), segments);
        }
        let submitted = Submitted { stream: self, operation: Operation::Write, done: false };
        self.host.yield_now().await;
        let most = self.host.cut_write(total);
        let handed = if most < total { prefix(&segments, most) } else { segments.clone() };
        self.out.submit(&handed);
        let (result, handed) = self.inner.write(handed).await;
        drop(handed);
        submitted.complete();
        for part in self.out.confirm(*result.as_ref().unwrap_or(&0)) {
            self.record(&Event::Written { stream: self.id, bytes: &part });
        }
        if let Err(error) = &result {
            self.failed(error);
        }
        (result, segments)
    }

    async fn shutdown(&self) -> io::Result<()> {
        self.record(&Event::Shutdown { stream: self.id });
        self.inner.shutdown().await
    }

    fn reset(&self) {
        if !self.ended.replace(true) {
            self.record(&Event::Reset { stream: self.id });
        }
        self.inner.reset();
    }

    fn reachability(&self) -> Option<Reachability> {
        self.inner.reachability()
    }

    fn peer_address(&self) -> String {
        self.endpoint.to_string()
    }
}

impl Drop for RealStream {
    fn drop(&mut self) {
        self.host.streams.set(self.host.streams.get() - 1);
        self.record(&Event::Closed { stream: self.id });
    }
}

/// An operation that was handed to the kernel. Dropped before it is complete, nobody is told its outcome.
struct Submitted<'a> {
    stream: &'a RealStream,
    operation: Operation,
    done: bool,
}

impl Submitted<'_> {
    fn complete(mut self) {
        self.done = true;
    }
}

impl Drop for Submitted<'_> {
    fn drop(&mut self) {
        let RealStream { host, id, out, .. } = self.stream;
        if self.done || host.is_dying() || host.env.has_ended() {
            return;
        }
        // What was written all the same is known once it is read.
        let bytes = if self.operation == Operation::Write { out.uncertain() } else { 0 };
        let outcome = if bytes > 0 { CancelOutcome::All } else { CancelOutcome::Nothing };
        host.env.record(&Event::Cancelled { stream: *id, operation: self.operation, outcome, bytes });
    }
}

/// The first `length` bytes of `segments`.
fn prefix(segments: &[Bytes], length: usize) -> Vec<Bytes> {
    let mut left = length;
    let mut parts = Vec::new();
    for segment in segments {
        let part = segment.slice(..left.min(segment.len()));
        left -= part.len();
        if !part.is_empty() {
            parts.push(part);
        }
    }
    parts
}
