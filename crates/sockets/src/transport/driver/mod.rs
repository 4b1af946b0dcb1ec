//! The task that joins a stream, a protocol connection and a pipe.
//!
//! It owns the stream. While a connection lives, one read is in flight unless the pipe is full or a large buffer would lie
//! idle, and one write while there is something to write. Neither is ever dropped before it completes: on io_uring a
//! dropped read can lose bytes that had arrived, and a dropped write may have sent any prefix. Messages that are sent
//! during a write queue in the pipe, and all of them go out with the next one: batching needs no timer and no flush.

mod closing;
mod in_flight;
mod inflow;
mod outflow;
mod timer;

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use seaworthy_core::planted::{Bug, planted};
use seaworthy_core::{Instant, Network, Poisoned, SecretRandom, Stream};
use seaworthy_zmtp::{Connection, ConnectionConfig, Verdict};

use self::closing::{Cause, Closing};
use self::in_flight::InFlight;
use self::inflow::Inflow;
use self::outflow::Outflow;
use self::timer::{IdleTimer, Timer};
use super::attachment::Attachment;
use super::disconnect_reason::DisconnectReason;

pub(crate) use self::outflow::advance;
pub(crate) use self::timer::IDLE_AFTER;

/// Carries messages between `stream` and the attached pipe until one of them ends.
pub(super) async fn drive<N: Network>(
    network: &N,
    stream: N::Stream,
    attachment: &mut Attachment,
) -> DisconnectReason {
    let mut config = ConnectionConfig::from((&*attachment.options, attachment.socket.socket_type()));
    let security = attachment.socket.security();
    config.mechanism = Arc::clone(&security.mechanism);
    let connection = if security.needs_random {
        Connection::with_random(config, SecretRandom::from_network(network), network.now())
    } else {
        Connection::new(config, network.now())
    };
    if attachment.socket.budget().is_some() {
        attachment.set_doorbell(network.doorbell().ok().flatten());
    }
    let poisoned = Poisoned::new();
    let mut driver = Driver {
        network,
        stream: &stream,
        connection,
        inflow: Inflow::new(attachment.charge()),
        outflow: Outflow::new(attachment.charge(), &poisoned),
        closing: Closing::Open,
        is_readable: false,
        idle: IdleTimer::default(),
        attachment,
    };
    let Err(reason) = driver.run().await;
    driver.inflow.abandon(driver.attachment);
    if poisoned.is_poisoned() {
        stream.reset();
    }
    reason
}

struct Driver<'a, N: Network> {
    network: &'a N,
    stream: &'a N::Stream,
    attachment: &'a mut Attachment,
    connection: Connection,
    inflow: Inflow,
    outflow: Outflow<'a>,
    closing: Closing,
    /// The stream announced bytes, or its end, and no read has begun since.
    is_readable: bool,
    idle: IdleTimer,
}

/// What a driver has in flight on its stream and on the clock. The futures lie on the frame of [`Driver::run`].
struct Operations<'p, W, R, A, S> {
    write: InFlight<'p, W>,
    read: InFlight<'p, R>,
    readable: InFlight<'p, A>,
    timer: Timer<'p, S>,
}

/// What a driver wakes up for.
enum Step {
    Written(io::Result<usize>, Vec<Bytes>),
    Readable,
    Read(io::Result<usize>, BytesMut),
    /// There is something to send, or the socket has let go of its end.
    Outgoing,
    /// There is room in the receive pipe.
    Room,
    Deadline,
    /// On the peer, which waits for it.
    Verdict(Verdict),
    /// The socket is done with the peer.
    SocketDone,
    /// The pending handshake has to make room for another.
    Evicted,
}

/// What to do while no write is in flight.
enum NextWrite {
    Nothing,
    Write(Vec<Bytes>),
    /// Everything was handed to the network, and the socket is done with the peer: end the sending direction.
    Shutdown,
    /// Nothing is left to send to a peer that never completed its handshake, or was told why it is cut off.
    End,
}

/// What to do while no read is in flight.
enum NextRead {
    Nothing,
    /// A large buffer waits until there is something to read into it.
    AwaitReadable,
    Read(BytesMut),
}

impl<N: Network> Driver<'_, N> {
    /// Runs until the connection is over.
    async fn run(&mut self) -> Result<Infallible, DisconnectReason> {
        let stream = self.stream;
        let mut operations = Operations {
            write: InFlight(pin!(None)),
            read: InFlight(pin!(None)),
            readable: InFlight(pin!(None)),
            timer: Timer { sleep: InFlight(pin!(None)), until: None },
        };
        loop {
            let now = self.begin_turn();
            if operations.write.is_idle() {
                match self.next_write(now) {
                    NextWrite::Nothing => {}
                    NextWrite::Write(segments) => operations.write.start(stream.write(segments)),
                    NextWrite::Shutdown => self.shut_down(now).await?,
                    NextWrite::End => return Err(self.end()),
                }
            }
            let socket_done = self.attachment.is_closing(now);
            if socket_done && self.closing.is_draining() {
                // Nobody is left to deliver to.
                return Err(self.end());
            }
            if operations.read.is_idle() {
                match self.next_read() {
                    NextRead::Nothing => {}
                    NextRead::AwaitReadable if !operations.readable.is_idle() => {}
                    NextRead::AwaitReadable => {
                        stream.set_rcvlowat(1);
                        operations.readable.start(stream.readable());
                    }
                    NextRead::Read(buffer) => operations.read.start(stream.read(buffer)),
                }
            }
            operations.timer.set(self.next_deadline(now), |at| self.network.sleep_until(at));

            let step = poll_fn(|context| self.poll_step(&mut operations, socket_done, context)).await;
            let outcome = match step {
                Step::Written(result, segments) => self.handle_written(result, segments),
                Step::Read(result, buffer) => self.handle_read(result, buffer),
                Step::Readable => self.handle_readable(),
                Step::Room => self.deliver(now),
                Step::Verdict(verdict) => self.handle_verdict(verdict),
                Step::Deadline => self.handle_deadline(),
                Step::Evicted => Err(Cause::Over(DisconnectReason::Evicted)),
                Step::Outgoing | Step::SocketDone => Ok(()),
            };
            if let Err(cause) = outcome {
                self.close(cause).await?;
            }
        }
    }

    /// The socket's task had its turn, and now the driver has.
    fn begin_turn(&mut self) -> Instant {
        self.attachment.socket.driver_runs();
        let now = self.network.now();
        self.idle.restart_if_active(now);
        now
    }

    /// The order is part of the behaviour: what was written makes room before more is read, what was read is delivered
    /// before a deadline is held against the peer, and a connection ends only after what is ready was handled.
    fn poll_step<W, R, A, S>(
        &mut self,
        operations: &mut Operations<'_, W, R, A, S>,
        socket_done: bool,
        context: &mut Context<'_>,
    ) -> Poll<Step>
    where
        W: Future<Output = (io::Result<usize>, Vec<Bytes>)>,
        R: Future<Output = (io::Result<usize>, BytesMut)>,
        A: Future<Output = ()>,
        S: Future<Output = ()>,
    {
        let is_writing = !operations.write.is_idle();
        if is_writing {
            if let Poll::Ready((result, segments)) = operations.write.poll(context) {
                return Poll::Ready(Step::Written(result, segments));
            }
        } else if self.sends_messages() && !socket_done && !self.attachment.wait_to_send(context.waker()) {
            return Poll::Ready(Step::Outgoing);
        }
        if let Poll::Ready((result, buffer)) = operations.read.poll(context) {
            return Poll::Ready(Step::Read(result, buffer));
        }
        if operations.readable.poll(context).is_ready() {
            return Poll::Ready(Step::Readable);
        }
        if self.closing.reads()
            && self.inflow.is_waiting()
            && !self.attachment.wait_to_deliver(context.waker())
        {
            return Poll::Ready(Step::Room);
        }
        if self.closing.is_open()
            && let Poll::Ready(verdict) = self.attachment.poll_verdict(context)
        {
            return Poll::Ready(Step::Verdict(verdict));
        }
        if operations.timer.poll(context).is_ready() {
            return Poll::Ready(Step::Deadline);
        }
        // While a write is in flight nothing is taken from the pipe, which would notice that the socket let go of it.
        if !socket_done
            && (self.attachment.close_watch().poll_closed(context).is_ready()
                || is_writing && self.attachment.poll_released(context).is_ready())
        {
            return Poll::Ready(Step::SocketDone);
        }
        if self.attachment.poll_evicted(context).is_ready() {
            return Poll::Ready(Step::Evicted);
        }
        if planted(Bug::TaskSpins) && self.inflow.is_waiting() {
            context.waker().wake_by_ref();
        }
        Poll::Pending
    }

    fn next_write(&mut self, now: Instant) -> NextWrite {
        if !self.closing.writes() {
            return NextWrite::Nothing;
        }
        if planted(Bug::Canary) && self.outflow.is_empty() && self.network.random().is_multiple_of(10_000) {
            drop(self.attachment.take());
        }
        let pipe = if self.sends_messages() { Some(&mut *self.attachment) } else { None };
        if let Some(segments) = self.outflow.next_write(pipe, &mut self.connection) {
            return NextWrite::Write(segments);
        }
        if !self.closing.is_open() {
            // The peer was told why.
            return NextWrite::End;
        }
        match self.attachment.is_finished(now) {
            false => NextWrite::Nothing,
            true if self.attachment.is_handshaken() => NextWrite::Shutdown,
            true => NextWrite::End,
        }
    }

    fn sends_messages(&self) -> bool {
        self.closing.is_open() && self.attachment.is_handshaken()
    }

    fn next_read(&mut self) -> NextRead {
        if !self.closing.reads() {
            return NextRead::Nothing;
        }
        if !self.is_readable && self.inflow.waits() {
            return NextRead::AwaitReadable;
        }
        let Some(buffer) = self.inflow.next_read(&self.connection) else { return NextRead::Nothing };
        self.is_readable = false;
        self.stream.set_rcvlowat(self.inflow.low_watermark(&self.connection));
        NextRead::Read(buffer)
    }

    fn handle_written(&mut self, result: io::Result<usize>, segments: Vec<Bytes>) -> Result<(), Cause> {
        self.idle.touch();
        let is_handshaken = self.attachment.is_handshaken();
        self.outflow.written(result, segments).map_err(|error| Cause::write_failed(error, is_handshaken))?;
        if self.outflow.is_empty() && self.connection.is_writing_ping() {
            self.connection.written(self.network.now());
        }
        Ok(())
    }

    fn handle_readable(&mut self) -> Result<(), Cause> {
        self.is_readable = true;
        Ok(())
    }

    fn handle_read(&mut self, result: io::Result<usize>, buffer: BytesMut) -> Result<(), Cause> {
        match result {
            Ok(0) => Err(Cause::Over(DisconnectReason::Stream(io::ErrorKind::UnexpectedEof.into()))),
            Ok(_) if !self.closing.reads() => Ok(()),
            Ok(count) => {
                let now = self.network.now();
                self.idle.touch();
                self.closing.prolong(now);
                self.connection.received(now);
                self.inflow.read(buffer, count);
                self.deliver(now)
            }
            Err(error) => Err(Cause::Over(DisconnectReason::Stream(error))),
        }
    }

    fn deliver(&mut self, now: Instant) -> Result<(), Cause> {
        self.inflow.deliver(now, &mut self.connection, self.attachment)
    }

    fn handle_verdict(&mut self, verdict: Verdict) -> Result<(), Cause> {
        self.inflow.authenticate(self.network.now(), verdict, &mut self.connection, self.attachment)
    }

    /// When [`handle_deadline`](Self::handle_deadline) is due.
    fn next_deadline(&self, now: Instant) -> Option<Instant> {
        if planted(Bug::TaskCrawls) {
            return Some(now + Duration::from_micros(1));
        }
        let others = match &self.closing {
            Closing::Open => [
                self.connection.poll_timeout().map(|(at, _)| at),
                self.attachment.linger_deadline(),
                self.inflow.poll_timeout(),
                self.idle.until(),
            ],
            Closing::Draining { .. } => [None, None, self.inflow.poll_timeout(), None],
            Closing::AwaitingPeer { .. } | Closing::SendingError { .. } => [None; 4],
        };
        others.into_iter().chain([self.closing.until()]).flatten().min()
    }

    fn handle_deadline(&mut self) -> Result<(), Cause> {
        let now = self.network.now();
        let is_due = |deadline: Option<Instant>| deadline.is_some_and(|at| at <= now);
        if self.closing.is_draining() && self.inflow.is_stalled() {
            // The socket is slow, not the peer.
            self.closing.prolong(now);
        }
        if is_due(self.idle.until()) && self.idle.is_idle(now, self.attachment.messages_moved()) {
            self.free_spares();
        }
        let is_open = self.closing.is_open();
        if is_due(if is_open { self.attachment.linger_deadline() } else { self.closing.until() }) {
            return Err(Cause::Over(DisconnectReason::Closed));
        }
        if is_due(self.inflow.poll_timeout()) {
            self.deliver(now)?;
        }
        if !is_open {
            return Ok(());
        }
        let unread = self.inflow.is_stalled();
        self.connection
            .examine(now, || self.stream.reachability())
            .map_err(|timer| Cause::silent(seaworthy_zmtp::Error::TimedOut(timer), unread))?;
        self.connection.handle_timeout(now).map_err(Cause::misbehaved)
    }

    /// Frees memory that was needed while the connection was busy. A busy one pays for it with a timer that comes late.
    fn free_spares(&mut self) {
        self.idle.stop();
        self.connection.free_buffers();
        self.attachment.free_spares();
        self.inflow.free_spares();
        self.outflow.free_spares();
    }

    /// Ends the sending direction. From then on closing the socket no longer waits for this connection.
    ///
    /// # Errors
    /// The stream is broken, though everything was handed to the network.
    async fn shut_down(&mut self, now: Instant) -> Result<(), DisconnectReason> {
        self.stream.shutdown().await.map_err(|_| DisconnectReason::Closed)?;
        self.attachment.release();
        self.closing = self.closing.take().after(Cause::Finished, now)?;
        Ok(())
    }

    /// Moves on to the state that `cause` leads to.
    ///
    /// # Errors
    /// The connection is over.
    async fn close(&mut self, cause: Cause) -> Result<(), DisconnectReason> {
        if let Cause::Refused(reason @ DisconnectReason::TooManyTopics) = &cause {
            self.connection.dismiss(&reason.to_string());
        }
        self.closing = self.closing.take().after(cause, self.network.now())?;
        if self.closing.is_draining() {
            self.attachment.stop_sending();
            self.inflow.hurry(self.attachment.outlives_connections());
            if self.deliver(self.network.now()).is_err() {
                return Err(self.end());
            }
            // A peer that lives is to close in its turn. If this fails, it does not live.
            let _ = self.stream.shutdown().await;
        }
        Ok(())
    }

    /// Why the connection ends that has nothing more to do.
    fn end(&mut self) -> DisconnectReason {
        self.closing.take().end(DisconnectReason::Closed)
    }
}
