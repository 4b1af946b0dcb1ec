//! The task that joins a stream, a protocol connection and a pipe.
//!
//! It owns the stream. One read is always in flight unless the pipe is full or a large buffer would lie idle, one write
//! while there is something to write, and neither is ever dropped while the connection lives: on io_uring a dropped read can lose bytes that
//! had arrived, and a dropped write may have sent any prefix. While a write is in flight, messages queue in the
//! pipe, and all of them go out with the next one: batching needs no timer and no flush.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use seaworthy_core::pipe::Charge;
use seaworthy_core::planted::{Bug, planted};
use seaworthy_core::{Instant, Network, PoisonGuard, Poisoned, Stream};
use seaworthy_zmtp::{Connection, ConnectionConfig};

use super::attachment::Attachment;
use super::ending::{DisconnectReason, Fault, LINGERING_CLOSE_TIMEOUT, Phase};
use super::inflow::Inflow;
use crate::pipe_item::PipeItem;

/// Bytes encoded for one write.
const WRITE_MAX: usize = 1024 * 1024;

/// Of these, bytes that are copied. More would make the peer wait for the first of them, and leave the cache before
/// the kernel reads them.
const WRITE_COPIED_MAX: usize = 128 * 1024;

/// A connection on which nothing passed for this long gives back the memory that it needed when it was busy. Long
/// against the pauses of a program that is at work, so that these cost nothing.
const REST_AFTER: Duration = Duration::from_secs(1);

/// What a driver wakes up for.
enum Step {
    Written(io::Result<usize>, Vec<Bytes>),
    /// There is something to read.
    Readable,
    Read(io::Result<usize>, BytesMut),
    /// There is something to send, or the socket is gone.
    Outgoing,
    /// There is room in the receive pipe.
    Room,
    Deadline,
    Closing,
    Evicted,
}

/// Carries messages between `stream` and the attached pipe until one of them ends.
pub(super) async fn drive<N: Network>(
    network: &N,
    stream: N::Stream,
    attachment: &mut Attachment,
) -> DisconnectReason {
    let config = ConnectionConfig::from((&*attachment.options, attachment.socket.socket_type()));
    if attachment.socket.budget().is_some() {
        attachment.set_doorbell(network.doorbell().ok().flatten());
    }
    let poisoned = Poisoned::new();
    let mut driver = Driver {
        network,
        stream: &stream,
        connection: Connection::new(config, network.now()),
        inflow: Inflow::new(attachment.charge()),
        outflow: attachment.charge(),
        phase: Phase::Open,
        poisoned: &poisoned,
        guard: None,
        segments: Vec::new(),
        attachment,
        busy: false,
        rest_at: None,
    };
    let ended = driver.run().await;
    driver.inflow.abandon(driver.attachment);
    if poisoned.is_poisoned() {
        stream.reset();
    }
    ended
}

struct Driver<'a, N: Network> {
    network: &'a N,
    stream: &'a N::Stream,
    attachment: &'a mut Attachment,
    connection: Connection,
    inflow: Inflow,
    /// What was taken from the pipe and not yet written.
    outflow: Charge,
    phase: Phase,
    poisoned: &'a Poisoned,
    /// Armed while a write is not complete.
    guard: Option<PoisonGuard<'a>>,
    /// Encoded and not yet written, while no write is in flight.
    segments: Vec<Bytes>,
    /// Something passed since this was last looked at.
    busy: bool,
    /// When the connection has been quiet for long.
    rest_at: Option<Instant>,
}

impl<N: Network> Driver<'_, N> {
    async fn run(&mut self) -> DisconnectReason {
        let stream = self.stream;
        let mut writing = pin!(None);
        let mut awaiting = pin!(None);
        let mut is_readable = false;
        let mut reading = pin!(None);
        let mut sleeping = pin!(None);
        let mut sleeping_until: Option<Instant> = None;
        loop {
            self.attachment.socket.driver_runs();
            let now = self.network.now();
            if std::mem::take(&mut self.busy) {
                self.rest_at = Some(now + REST_AFTER);
            }
            if writing.is_none() && self.phase.writes() {
                match self.next_write(now) {
                    Next::Write(segments) => writing.set(Some(stream.write(segments))),
                    Next::Wait => {}
                    Next::Leave if stream.shutdown().await.is_err() => return DisconnectReason::Closed,
                    Next::Leave => {
                        self.attachment.release();
                        self.phase = Phase::Leaving { until: now + LINGERING_CLOSE_TIMEOUT };
                    }
                    Next::End => return self.end(Fault::Over(DisconnectReason::Closed)),
                }
            }
            let closing = self.attachment.is_closing(now);
            if closing && matches!(self.phase, Phase::Draining { .. }) {
                // Nobody is left to deliver to.
                return self.end(Fault::Over(DisconnectReason::Closed));
            }
            if reading.is_none() && self.phase.reads() && !is_readable && self.inflow.waits() {
                if awaiting.is_none() {
                    stream.set_rcvlowat(1);
                    awaiting.set(Some(stream.readable()));
                }
            } else if reading.is_none()
                && self.phase.reads()
                && let Some(buffer) = self.inflow.next_read(&self.connection)
            {
                is_readable = false;
                stream.set_rcvlowat(self.inflow.low_watermark(&self.connection));
                reading.set(Some(stream.read(buffer)));
            }
            match self.deadline(now) {
                None => sleeping_until = None,
                // A deadline that moved on is looked at again when the sleep ends: most never come.
                Some(at) if sleeping_until.is_some_and(|until| until <= at) => {}
                Some(at) => {
                    sleeping.set(Some(self.network.sleep_until(at)));
                    sleeping_until = Some(at);
                }
            }

            let (open, reads) = (self.phase.is_open(), self.phase.reads());
            let (attachment, inflow) = (&mut *self.attachment, &self.inflow);
            let step = poll_fn(|context| {
                let is_writing = writing.is_some();
                if let Some(write) = writing.as_mut().as_pin_mut() {
                    if let Poll::Ready((result, segments)) = write.poll(context) {
                        return Poll::Ready(Step::Written(result, segments));
                    }
                } else if open
                    && attachment.is_handshaken()
                    && !closing
                    && !attachment.wait_to_send(context.waker())
                {
                    return Poll::Ready(Step::Outgoing);
                }
                if let Some(read) = reading.as_mut().as_pin_mut()
                    && let Poll::Ready((result, buffer)) = read.poll(context)
                {
                    return Poll::Ready(Step::Read(result, buffer));
                }
                if let Some(readable) = awaiting.as_mut().as_pin_mut()
                    && readable.poll(context).is_ready()
                {
                    return Poll::Ready(Step::Readable);
                }
                if reads && inflow.is_waiting() && !attachment.wait_to_deliver(context.waker()) {
                    return Poll::Ready(Step::Room);
                }
                if sleeping_until.is_some()
                    && let Some(sleep) = sleeping.as_mut().as_pin_mut()
                    && sleep.poll(context).is_ready()
                {
                    return Poll::Ready(Step::Deadline);
                }
                if !closing
                    && (attachment.closing().poll_closed(context).is_ready()
                        || is_writing && attachment.poll_released(context).is_ready())
                {
                    return Poll::Ready(Step::Closing);
                }
                if attachment.poll_evicted(context).is_ready() {
                    return Poll::Ready(Step::Evicted);
                }
                if planted(Bug::TaskSpins) && inflow.is_waiting() {
                    context.waker().wake_by_ref();
                }
                Poll::Pending
            })
            .await;

            let outcome = match step {
                Step::Written(result, segments) => {
                    writing.set(None);
                    self.written(result, segments)
                }
                Step::Read(result, buffer) => {
                    reading.set(None);
                    self.read(result, buffer)
                }
                Step::Readable => {
                    awaiting.set(None);
                    is_readable = true;
                    Ok(())
                }
                Step::Room => self.deliver(now),
                Step::Deadline => {
                    sleeping_until = None;
                    sleeping.set(None);
                    self.handle_deadline()
                }
                Step::Evicted => Err(Fault::Over(DisconnectReason::Evicted)),
                Step::Outgoing | Step::Closing => Ok(()),
            };
            if let Err(fault) = outcome {
                if let Fault::Over(ended @ DisconnectReason::TooManyTopics) = &fault {
                    self.connection.dismiss(&ended.to_string());
                }
                let (phase, is_handshaken) = (self.take_phase(), self.attachment.is_handshaken());
                match phase.after(fault, self.network.now(), is_handshaken) {
                    Ok(next) => {
                        if let Err(fault) = self.enter(next) {
                            return self.end(fault);
                        }
                        if matches!(self.phase, Phase::Draining { .. }) {
                            // A peer that lives is to close in its turn. If this fails, it does not live.
                            let _ = stream.shutdown().await;
                        }
                    }
                    Err(ended) => return ended,
                }
            }
        }
    }

    /// What to do while no write is in flight.
    fn next_write(&mut self, now: Instant) -> Next {
        if self.segments.is_empty() {
            if planted(Bug::Canary) && self.network.random().is_multiple_of(10_000) {
                drop(self.attachment.take());
            }
            if self.phase.is_open() && self.attachment.is_handshaken() {
                encode_batch(self.attachment, &mut self.connection);
            }
            self.connection.poll_transmit(&mut self.segments);
        }
        if !self.segments.is_empty() {
            if self.outflow.counts() {
                self.outflow.set(self.segments.iter().map(Bytes::len).sum());
            }
            self.guard.get_or_insert_with(|| self.poisoned.arm());
            if planted(Bug::GuardDisarmedEarly)
                && let Some(guard) = self.guard.take()
            {
                guard.disarm();
            }
            return Next::Write(std::mem::take(&mut self.segments));
        }
        if !self.phase.is_open() {
            // The peer has been told.
            return Next::End;
        }
        match self.attachment.is_finished(now) {
            false => Next::Wait,
            true if self.attachment.is_handshaken() => Next::Leave,
            true => Next::End,
        }
    }

    fn deadline(&self, now: Instant) -> Option<Instant> {
        if planted(Bug::TaskCrawls) {
            return Some(now + Duration::from_micros(1));
        }
        let until = self.phase.until();
        let others = match &self.phase {
            Phase::Open => [
                self.connection.poll_timeout().map(|(at, _)| at),
                self.attachment.linger_deadline(),
                self.inflow.poll_timeout(),
                self.rest_at,
            ],
            Phase::Draining { .. } => [None, None, self.inflow.poll_timeout(), None],
            Phase::Leaving { .. } | Phase::Refusing { .. } => [None; 4],
        };
        others.into_iter().chain([until]).flatten().min()
    }

    fn handle_deadline(&mut self) -> Result<(), Fault> {
        let now = self.network.now();
        if matches!(self.phase, Phase::Draining { .. }) && self.inflow.is_stalled() {
            self.phase.prolong(now);
        }
        if self.rest_at.is_some_and(|at| at <= now) {
            self.rest();
        }
        let until = if self.phase.is_open() { self.attachment.linger_deadline() } else { self.phase.until() };
        if until.is_some_and(|until| until <= now) {
            return Err(Fault::Over(DisconnectReason::Closed));
        }
        if self.inflow.poll_timeout().is_some_and(|at| at <= now) {
            self.deliver(now)?;
        }
        if !self.phase.is_open() {
            return Ok(());
        }
        self.connection.examine(now, || self.stream.reachability()).map_err(|timer| Fault::Silent {
            error: seaworthy_zmtp::Error::TimedOut(timer),
            unread: self.inflow.is_stalled(),
        })?;
        self.connection.handle_timeout(now).map_err(Fault::Misbehaved)
    }

    /// Gives back what was needed while the connection was busy. It costs a busy one nothing but a late timer.
    fn rest(&mut self) {
        self.rest_at = None;
        self.connection.free_buffers();
        self.attachment.free_spares();
        self.inflow.free_spares();
        self.segments.shrink_to_fit();
    }

    fn written(&mut self, result: io::Result<usize>, segments: Vec<Bytes>) -> Result<(), Fault> {
        self.segments = segments;
        self.busy = true;
        if planted(Bug::ShortWriteTakenForWhole)
            && let Ok(count) = &result
        {
            self.segments = vec![Bytes::from(vec![0; *count])];
        }
        result.and_then(|count| advance(&mut self.segments, count)).map_err(Fault::Unwritable)?;
        if self.segments.is_empty() {
            self.outflow.set(0);
            if let Some(guard) = self.guard.take() {
                guard.disarm();
            }
        }
        if self.segments.is_empty() && self.connection.is_writing_ping() {
            self.connection.written(self.network.now());
        }
        Ok(())
    }

    fn read(&mut self, result: io::Result<usize>, buffer: BytesMut) -> Result<(), Fault> {
        match result {
            Ok(0) => Err(Fault::Over(DisconnectReason::Stream(io::ErrorKind::UnexpectedEof.into()))),
            Ok(_) if !self.phase.reads() => Ok(()),
            Ok(count) => {
                let now = self.network.now();
                self.busy = true;
                self.phase.prolong(now);
                self.connection.received(now);
                self.inflow.read(buffer, count);
                self.deliver(now)
            }
            Err(error) => Err(Fault::Over(DisconnectReason::Stream(error))),
        }
    }

    fn deliver(&mut self, now: Instant) -> Result<(), Fault> {
        self.inflow.deliver(now, &mut self.connection, self.attachment)
    }

    fn enter(&mut self, phase: Phase) -> Result<(), Fault> {
        self.phase = phase;
        if let Phase::Draining { .. } = self.phase {
            self.attachment.stop_sending();
            self.inflow.hurry(self.attachment.outlives_connections());
            return self.deliver(self.network.now());
        }
        Ok(())
    }

    fn take_phase(&mut self) -> Phase {
        std::mem::replace(&mut self.phase, Phase::Open)
    }

    /// The end that this phase leads to.
    fn end(&mut self, fault: Fault) -> DisconnectReason {
        let phase = self.take_phase();
        phase
            .after(fault, self.network.now(), self.attachment.is_handshaken())
            .err()
            .unwrap_or(DisconnectReason::Closed)
    }
}

/// What to do while no write is in flight.
enum Next {
    Write(Vec<Bytes>),
    Wait,
    /// Everything was handed over, and the socket is done.
    Leave,
    End,
}

/// Encodes what is queued, up to one write's worth.
fn encode_batch(attachment: &mut Attachment, connection: &mut Connection) {
    while connection.transmit_len() < WRITE_MAX && connection.transmit_copied_len() < WRITE_COPIED_MAX {
        match attachment.take() {
            Some(PipeItem::Message(message)) => connection.send(&message),
            Some(PipeItem::Subscribe(topic)) => connection.subscribe(&topic),
            Some(PipeItem::Cancel(topic)) => connection.cancel(&topic),
            // Sockets send none: it goes the other way.
            Some(PipeItem::Marker { .. }) => {}
            None => return,
        }
    }
}

/// Takes the first `count` bytes off the segments.
pub(crate) fn advance(segments: &mut Vec<Bytes>, mut count: usize) -> io::Result<()> {
    if count == 0 {
        return Err(io::ErrorKind::WriteZero.into());
    }
    let whole = segments
        .iter()
        .take_while(|segment| {
            let fits = segment.len() <= count;
            count -= if fits { segment.len() } else { 0 };
            fits
        })
        .count();
    segments.drain(..whole);
    if let Some(first) = segments.first_mut() {
        first.advance(count);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_write_leaves_exactly_the_rest() {
        let parts = || vec![Bytes::from_static(b"abc"), Bytes::new(), Bytes::from_static(b"de")];
        for written in 1..=5 {
            let mut segments = parts();
            advance(&mut segments, written).unwrap();
            assert_eq!(segments.concat(), b"abcde"[written..]);
        }
        assert_eq!(advance(&mut parts(), 0).unwrap_err().kind(), io::ErrorKind::WriteZero);
    }
}
