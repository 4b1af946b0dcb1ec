//! One TCP connection as a kernel keeps it: smoltcp's socket, what its holder waits for, and what Linux does
//! where smoltcp does something else.

use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use seaworthy_core::planted::{Bug, planted};
use seaworthy_core::{Instant, Reachability, StreamOptions};
use smoltcp::iface::{Interface, PollResult, SocketHandle, SocketSet};
use smoltcp::socket::tcp::{CongestionControl, Socket, SocketBuffer, State};
use smoltcp::wire::{IpAddress, IpEndpoint, IpListenEndpoint};

use crate::event::{ConnectionView, Event};
use crate::id::{Addresses, StreamId};
use crate::kernel::device::{Device, micros};
use crate::kernel::header::Header;
use crate::kernel::sequence::Sequence;
use crate::recorder::Recorder;

/// How long a closed connection waits for the peer to close as well; Linux's `tcp_fin_timeout`.
const FIN_TIMEOUT: Duration = Duration::from_secs(60);

/// A port on one of the host's addresses, or on all of them (`None`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ListenAddress {
    pub(crate) port: u16,
    pub(crate) address: Option<Ipv4Addr>,
}

/// Sizes of the kernel's buffers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Buffers {
    send: usize,
    receive: usize,
}

/// No buffer is smaller: room for a segment of the smallest size.
const BUFFER_MIN: usize = 256;

/// No buffer is larger: what window scaling can express.
const BUFFER_MAX: usize = 1 << 30;

impl Buffers {
    pub(crate) fn new(send: usize, receive: usize) -> Self {
        let receive = receive.clamp(BUFFER_MIN, BUFFER_MAX);
        // The window is announced in multiples of a power of two; a buffer that is one is filled to the byte.
        let unit = 1_usize << (usize::BITS - receive.leading_zeros()).saturating_sub(16);
        let receive = receive.next_multiple_of(unit).min(BUFFER_MAX);
        Self { send: send.clamp(BUFFER_MIN, BUFFER_MAX), receive }
    }

    pub(crate) fn with(&self, options: &StreamOptions) -> Self {
        Self::new(options.sndbuf.unwrap_or(self.send), options.rcvbuf.unwrap_or(self.receive))
    }

    fn socket(&self) -> Socket<'static> {
        let mut socket =
            Socket::new(SocketBuffer::new(vec![0; self.receive]), SocketBuffer::new(vec![0; self.send]));
        socket.set_nagle_enabled(false);
        socket.set_congestion_control(CongestionControl::Reno);
        socket
    }
}

/// Who the connection belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Its holder waits for the handshake.
    Connecting,
    /// A listener's, shaking hands.
    HalfOpen(ListenAddress),
    /// A listener's, waiting to be accepted.
    Ready,
    /// A stream's.
    Open,
    /// Nobody's: its stream is gone, and the kernel sends the rest.
    Orphan {
        /// When the kernel stops waiting for the peer's end.
        until: Instant,
    },
}

/// What has become of a connection.
pub(crate) enum Standing {
    /// Nothing new.
    Alive,
    /// It is ready to be accepted.
    Established(ListenAddress),
    /// It is closed; its holder can still ask why.
    Closed,
    /// It is closed and nobody's.
    Gone,
    /// It is to be reset, and then gone.
    Again,
}

/// One TCP connection.
pub(crate) struct Connection {
    sockets: SocketSet<'static>,
    handle: SocketHandle,
    sequence: Sequence,
    pub(crate) stream: StreamId,
    pub(crate) addresses: Addresses,
    pub(crate) phase: Phase,
    /// When its timers are looked at next, as the stack has it.
    pub(crate) deadline: Option<Instant>,
    /// Since when the peer owes an answer.
    unanswered_since: Option<Instant>,
    /// When the first packet left that asks for an answer, since anything came.
    asked: Option<Instant>,
    /// When a packet came last.
    last_sign: Option<Instant>,
    /// Reported to the next operation, once.
    error: Option<io::ErrorKind>,
    /// No more bytes pass, for whatever reason.
    closed: bool,
    /// The peer has ended its sending direction.
    peer_ended: bool,
    /// Whether the reader has been told.
    end_read: bool,
    /// We have ended ours, or want to when the ghost's bytes are out.
    shutdown: bool,
    /// What was received and not read when the socket went into TIME-WAIT, whose end would discard it.
    rest: BytesMut,
    reader: Option<Waker>,
    writer: Option<Waker>,
    ghost_read: usize,
    ghost_write: VecDeque<Bytes>,
}

impl Connection {
    fn new(socket: Socket<'static>, stream: StreamId, addresses: Addresses, phase: Phase) -> Self {
        let mut sockets = SocketSet::new(Vec::with_capacity(1));
        let handle = sockets.add(socket);
        Self {
            sockets,
            handle,
            sequence: Sequence::default(),
            stream,
            addresses,
            phase,
            deadline: None,
            unanswered_since: None,
            asked: None,
            last_sign: None,
            error: None,
            closed: false,
            peer_ended: false,
            end_read: false,
            shutdown: false,
            rest: BytesMut::new(),
            reader: None,
            writer: None,
            ghost_read: 0,
            ghost_write: VecDeque::new(),
        }
    }

    pub(crate) fn connecting(
        buffers: Buffers,
        addresses: Addresses,
        stream: StreamId,
        context: &mut smoltcp::iface::Context,
        now: Instant,
    ) -> io::Result<Self> {
        let mut socket = buffers.socket();
        socket
            .connect(context, endpoint(addresses.remote), IpListenEndpoint::from(endpoint(addresses.local)))
            .map_err(|_| io::ErrorKind::AddrNotAvailable)?;
        let mut connection = Self::new(socket, stream, addresses, Phase::Connecting);
        connection.unanswered_since = Some(now);
        Ok(connection)
    }

    pub(crate) fn listening(
        buffers: Buffers,
        listen: ListenAddress,
        addresses: Addresses,
        stream: StreamId,
    ) -> Self {
        let mut socket = buffers.socket();
        // Fails for port 0 and for a socket in use only; a packet to port 0 finds it closed.
        let _ = socket.listen(endpoint(addresses.local));
        Self::new(socket, stream, addresses, Phase::HalfOpen(listen))
    }

    fn socket(&self) -> &Socket<'static> {
        self.sockets.get(self.handle)
    }

    fn socket_mut(&mut self) -> &mut Socket<'static> {
        self.sockets.get_mut(self.handle)
    }

    pub(crate) fn view(&self) -> ConnectionView {
        let state = self.socket().state();
        let ghost = self.ghost_write.iter().map(Bytes::len).sum::<usize>();
        ConnectionView {
            stream: self.stream,
            addresses: self.addresses,
            state: state.to_string(),
            unread: self.readable(),
            unsent: if state == State::Closed { 0 } else { self.socket().send_queue() + ghost },
            orphan: matches!(self.phase, Phase::Orphan { .. }),
        }
    }

    // Life.

    /// A packet came.
    pub(crate) fn heard(&mut self, now: Instant, header: &Header) {
        self.sequence.heard(header);
        self.asked = None;
        self.last_sign = Some(now);
        if self.unanswered_since.is_some() && self.phase != Phase::Connecting {
            self.unanswered_since = Some(now);
        }
    }

    /// True when nothing is left to do but to wait for stray packets.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.socket().state(), State::Closed | State::TimeWait)
    }

    /// Sends one packet, if there is one to send.
    pub(crate) fn egress(&mut self, now: Instant, interface: &mut Interface, device: &mut Device) -> bool {
        let before = device.outgoing.len();
        let result = interface.poll_egress(micros(now), device, &mut self.sockets);
        self.leaving(now, device, before);
        result == PollResult::SocketStateChanged
    }

    /// Takes the packet that the network card has received, and answers it if need be.
    pub(crate) fn ingress(&mut self, now: Instant, interface: &mut Interface, device: &mut Device) {
        let before = device.outgoing.len();
        interface.poll_ingress_single(micros(now), device, &mut self.sockets);
        self.leaving(now, device, before);
    }

    /// Puts the packets right that were put behind the first `before`.
    fn leaving(&mut self, now: Instant, device: &mut Device, before: usize) {
        for packet in device.outgoing.iter_mut().skip(before) {
            if self.sequence.number(packet) && self.asked.is_none() {
                self.asked = Some(now);
            }
        }
    }

    /// What can be told of the peer's kernel, from the packets that left and came.
    pub(crate) fn reachability(&self, now: Instant) -> Reachability {
        Reachability {
            undelivered: self.socket().send_queue() > 0,
            unanswered: self.asked.map(|since| now - since),
            last_sign: self.last_sign.map(|at| now - at),
        }
    }

    /// True when the peer has not answered for too long.
    pub(crate) fn is_overdue(&self, now: Instant, connect: Duration, user: Duration) -> bool {
        let limit = if self.phase == Phase::Connecting { connect } else { user };
        let silent = self.unanswered_since.is_some_and(|since| now >= since + limit);
        let lingering = matches!(self.phase, Phase::Orphan { until } if now >= until)
            && self.socket().state() == State::FinWait2;
        silent || lingering
    }

    /// Ends it because the peer does not answer.
    pub(crate) fn give_up(&mut self) {
        if self.socket().state() != State::Closed {
            self.error = Some(io::ErrorKind::TimedOut);
            self.unanswered_since = None;
            self.socket_mut().abort();
        }
    }

    /// Looks at what the socket has become, and tells who waits.
    pub(crate) fn settle(&mut self, now: Instant, rst: bool, recorder: &Recorder) -> Standing {
        let state = self.socket().state();
        if matches!(state, State::CloseWait | State::Closing | State::LastAck | State::TimeWait) {
            self.peer_ended = true;
        }
        if state == State::TimeWait && self.socket().recv_queue() > 0 {
            let mut rest = std::mem::take(&mut self.rest);
            while let Ok(1..) = self.socket_mut().recv(|bytes| {
                rest.extend_from_slice(bytes);
                (bytes.len(), bytes.len())
            }) {}
            self.rest = rest;
        }
        self.discard_for_ghost(now, recorder);
        let owes = match state {
            State::Closed | State::Listen | State::TimeWait => false,
            State::Established | State::CloseWait | State::FinWait2 => self.socket().send_queue() > 0,
            // A SYN or a FIN is out.
            _ => true,
        };
        match self.unanswered_since {
            None if owes => self.unanswered_since = Some(now),
            Some(_) if !owes => self.unanswered_since = None,
            _ => {}
        }

        let standing = match (self.phase, state) {
            (Phase::HalfOpen(_), State::Listen | State::Closed) => return Standing::Gone,
            (Phase::HalfOpen(_), State::SynReceived) => Standing::Alive,
            (Phase::HalfOpen(listen), _) => {
                self.phase = Phase::Ready;
                return Standing::Established(listen);
            }
            (Phase::Orphan { .. }, State::Closed) => return Standing::Gone,
            (Phase::Orphan { .. }, _) if self.readable() > 0 => {
                // Nobody will read this: as Linux, say so.
                self.socket_mut().abort();
                return Standing::Again;
            }
            (Phase::Connecting, State::SynSent | State::SynReceived) => Standing::Alive,
            (_, State::Closed) if !self.closed => {
                self.closed = true;
                let was_connecting = self.phase == Phase::Connecting;
                if self.error == Some(io::ErrorKind::TimedOut) {
                    recorder.record(now, &Event::TimedOut { stream: self.stream });
                } else if rst && was_connecting {
                    self.error = Some(io::ErrorKind::ConnectionRefused);
                } else if rst {
                    // As Linux: what a reset means depends on what was still to come.
                    self.error = match (self.peer_ended, self.shutdown) {
                        (false, _) => Some(io::ErrorKind::ConnectionReset),
                        (true, false) => Some(io::ErrorKind::BrokenPipe),
                        (true, true) => None,
                    };
                    recorder.record(now, &Event::PeerReset { stream: self.stream });
                }
                Standing::Closed
            }
            _ => Standing::Alive,
        };
        let read_ready = self.closed || self.peer_ended || self.readable() > 0;
        let write_ready = self.closed || state != State::SynSent && self.socket().can_send();
        if read_ready && let Some(reader) = self.reader.take() {
            reader.wake();
        }
        if write_ready && let Some(writer) = self.writer.take() {
            writer.wake();
        }
        standing
    }

    /// When its timers are to be looked at.
    pub(crate) fn next_deadline(
        &self,
        now: Instant,
        interface: &mut Interface,
        connect: Duration,
        user: Duration,
    ) -> Option<Instant> {
        let limit = if self.phase == Phase::Connecting { connect } else { user };
        let unanswered = self.unanswered_since.map(|since| since + limit);
        let orphaned = match self.phase {
            Phase::Orphan { until } if self.socket().state() == State::FinWait2 => Some(until),
            _ => None,
        };
        let protocol = interface.poll_at(micros(now), &self.sockets).map(|at| {
            let at = Instant::from_nanos(u64::try_from(at.total_micros()).unwrap_or(0) * 1000);
            // It has just been polled: what is due and did not happen waits for something else.
            if at <= now { now + Duration::from_millis(1) } else { at }
        });
        [unanswered, orphaned, protocol].into_iter().flatten().min()
    }

    // What its holder does.

    pub(crate) fn poll_connected(&mut self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        if let Some(error) = self.error.take() {
            return Poll::Ready(Err(error.into()));
        }
        if self.closed {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        if matches!(self.socket().state(), State::SynSent | State::SynReceived) {
            self.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        self.phase = Phase::Open;
        Poll::Ready(Ok(()))
    }

    pub(crate) fn readable(&self) -> usize {
        self.rest.len() + self.socket().recv_queue()
    }

    pub(crate) fn writable(&self) -> usize {
        if self.ghost_write.is_empty() && self.socket().may_send() {
            self.socket().send_capacity() - self.socket().send_queue()
        } else {
            0
        }
    }

    /// Ready once [`poll_read`](Self::poll_read) is.
    pub(crate) fn poll_readable(&mut self, cx: &Context<'_>) -> Poll<()> {
        if self.readable() > 0 || self.error.is_some() || self.peer_ended || self.closed {
            return Poll::Ready(());
        }
        self.reader = Some(cx.waker().clone());
        Poll::Pending
    }

    pub(crate) fn poll_read(
        &mut self,
        cx: &Context<'_>,
        limit: usize,
        buffer: &mut BytesMut,
        now: Instant,
        recorder: &Recorder,
    ) -> Poll<io::Result<usize>> {
        let start = buffer.len();
        self.take(limit, |bytes| buffer.extend_from_slice(bytes));
        let count = buffer.len() - start;
        if planted(Bug::DeliveryCorrupted) && count > 1000 {
            buffer[start + 500] ^= 1;
        }
        if count > 0 {
            recorder.record(now, &Event::Read { stream: self.stream, bytes: &buffer[start..] });
            return Poll::Ready(Ok(count));
        }
        if let Some(error) = self.error.take() {
            return Poll::Ready(Err(error.into()));
        }
        if self.peer_ended || self.closed {
            if !std::mem::replace(&mut self.end_read, true) {
                recorder.record(now, &Event::ReadEnd { stream: self.stream });
            }
            return Poll::Ready(Ok(0));
        }
        self.reader = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Takes up to `limit` received bytes.
    fn take(&mut self, limit: usize, mut put: impl FnMut(&[u8])) {
        let mut left = limit;
        while left > 0 {
            let count = if self.rest.is_empty() {
                let taken = self.socket_mut().recv(|bytes| {
                    let count = bytes.len().min(left);
                    put(&bytes[..count]);
                    (count, count)
                });
                taken.unwrap_or(0)
            } else {
                let count = self.rest.len().min(left);
                put(&self.rest[..count]);
                self.rest.advance(count);
                count
            };
            if count == 0 {
                break;
            }
            left -= count;
        }
    }

    pub(crate) fn poll_write(
        &mut self,
        cx: &Context<'_>,
        limit: usize,
        segments: &[Bytes],
        now: Instant,
        recorder: &Recorder,
    ) -> Poll<io::Result<usize>> {
        if let Some(error) = self.error.take() {
            return Poll::Ready(Err(error.into()));
        }
        if self.closed || self.shutdown || !self.socket().may_send() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let mut left = limit.min(self.writable());
        let mut count = 0;
        for segment in segments {
            let part = &segment[..segment.len().min(left)];
            if part.is_empty() {
                continue;
            }
            let sent = self.socket_mut().send_slice(part).unwrap_or(0);
            recorder.record(now, &Event::Written { stream: self.stream, bytes: &part[..sent] });
            count += sent;
            left -= sent;
        }
        if count == 0 {
            self.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(Ok(count))
    }

    pub(crate) fn shutdown(&mut self) -> io::Result<()> {
        if let Some(error) = self.error.take() {
            return Err(error.into());
        }
        if self.closed {
            return Err(io::ErrorKind::NotConnected.into());
        }
        self.shutdown = true;
        if self.ghost_write.is_empty() {
            self.socket_mut().close();
        }
        Ok(())
    }

    /// Ends both directions with a reset. False if they had ended already.
    pub(crate) fn reset(&mut self) -> bool {
        let open = !matches!(self.socket().state(), State::Closed | State::TimeWait);
        self.ghost_write.clear();
        self.ghost_read = 0;
        self.rest.clear();
        if open {
            self.error = Some(io::ErrorKind::ConnectionReset);
        }
        self.socket_mut().abort();
        open
    }

    /// Its holder is gone.
    pub(crate) fn orphan(&mut self, now: Instant) {
        self.phase = Phase::Orphan { until: now + FIN_TIMEOUT };
        self.reader = None;
        self.writer = None;
        self.shutdown = true;
        if self.ghost_write.is_empty() {
            self.socket_mut().close();
        }
    }

    // What cancelled operations do.

    pub(crate) fn ghost_read(&mut self, bytes: usize, now: Instant, recorder: &Recorder) {
        self.ghost_read = bytes;
        self.discard_for_ghost(now, recorder);
    }

    /// Lets a cancelled read have what has come. It completes with what there is, as any read.
    fn discard_for_ghost(&mut self, now: Instant, recorder: &Recorder) {
        if self.ghost_read > 0 && self.readable() > 0 {
            let mut lost = Vec::new();
            self.take(self.ghost_read, |bytes| lost.extend_from_slice(bytes));
            self.ghost_read = 0;
            recorder.record(now, &Event::Discarded { stream: self.stream, bytes: &lost });
        }
    }

    pub(crate) fn ghost_write(&mut self, segments: Vec<Bytes>) {
        self.ghost_write.extend(segments);
    }

    /// Lets a cancelled write have the room there is.
    pub(crate) fn flush_ghost_write(&mut self, now: Instant, recorder: &Recorder) {
        if self.ghost_write.is_empty() {
            return;
        }
        if self.closed || !self.socket().may_send() {
            self.ghost_write.clear();
            return;
        }
        while let Some(mut segment) = self.ghost_write.pop_front() {
            let sent = self.socket_mut().send_slice(&segment).unwrap_or(0);
            if sent > 0 {
                recorder.record(now, &Event::Written { stream: self.stream, bytes: &segment[..sent] });
            }
            if sent < segment.len() {
                segment.advance(sent);
                self.ghost_write.push_front(segment);
                return;
            }
        }
        if self.shutdown {
            self.socket_mut().close();
        }
    }
}

fn endpoint(address: SocketAddrV4) -> IpEndpoint {
    IpEndpoint::new(IpAddress::Ipv4(*address.ip()), address.port())
}
