//! TCP of one host: which packet belongs to which connection, listeners with their backlog, ports, timers.
//!
//! smoltcp does the protocol. It has no table of connections and no backlog, and looks at every socket for
//! every packet; so each connection here is a socket set of one, found by its addresses.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use seaworthy_core::{Instant, Reachability, StreamOptions};
use smoltcp::iface::{Config, Interface, SocketSet};
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr};

use crate::event::{ConnectionView, Event};
use crate::id::{Addresses, StreamId};
use crate::kernel::connection::{Buffers, Connection, ListenAddress, Phase, Standing};
use crate::kernel::device::{Device, micros};
use crate::kernel::header::{Header, destination};
use crate::recorder::Recorder;
use crate::seeded_rng::SeededRng;
use crate::settings::Settings;

/// A connection of this stack. Never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ConnectionId(u64);

/// How long a packet from the host to itself takes.
const LOOPBACK_LATENCY: Duration = Duration::from_micros(20);

/// Ports given to connections and to listeners on port 0; Linux's default range.
const EPHEMERAL_PORTS: std::ops::RangeInclusive<u16> = 32_768..=60_999;

/// TCP of one host.
pub(crate) struct Stack {
    interface: Interface,
    device: Device,
    address: Ipv4Addr,
    buffers: Buffers,
    connect_timeout: Duration,
    user_timeout: Duration,
    recorder: Rc<Recorder>,
    connections: BTreeMap<ConnectionId, Connection>,
    by_addresses: BTreeMap<Addresses, ConnectionId>,
    listeners: BTreeMap<ListenAddress, Backlog>,
    deadlines: BTreeSet<(Instant, ConnectionId)>,
    /// Packets to the host itself, and when they arrive.
    loopback: VecDeque<(Instant, Vec<u8>)>,
    next_connection: u64,
    next_port: u16,
}

/// Connections that wait to be accepted.
struct Backlog {
    /// Established ones, in order.
    ready: VecDeque<ConnectionId>,
    /// How many are still shaking hands.
    half_open: usize,
    limit: usize,
    buffers: Buffers,
    waker: Option<Waker>,
}

impl Stack {
    pub(crate) fn new(
        settings: &Settings,
        recorder: Rc<Recorder>,
        name: &str,
        address: Ipv4Addr,
        boot: u32,
    ) -> Self {
        let mut rng = SeededRng::new(settings.seed, &format!("kernel {name} {boot}"));
        let mut device = Device { mtu: settings.mtu, received: None, outgoing: VecDeque::new() };
        let mut config = Config::new(HardwareAddress::Ip);
        config.random_seed = rng.next_u64();
        let mut interface = Interface::new(config, &mut device, smoltcp::time::Instant::ZERO);
        interface.update_ip_addrs(|addresses| {
            for address in [address, Ipv4Addr::LOCALHOST] {
                // There is room for two.
                let _ = addresses.push(IpCidr::new(IpAddress::Ipv4(address), 8));
            }
        });
        let (low, high) = (*EPHEMERAL_PORTS.start(), *EPHEMERAL_PORTS.end());
        Self {
            interface,
            device,
            address,
            buffers: Buffers::new(settings.send_buffer, settings.receive_buffer),
            connect_timeout: settings.connect_timeout,
            user_timeout: settings.user_timeout,
            recorder,
            connections: BTreeMap::new(),
            by_addresses: BTreeMap::new(),
            listeners: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            loopback: VecDeque::new(),
            next_connection: 0,
            next_port: rng.between(low.into(), high.into()) as u16,
        }
    }

    /// The next packet for the wire.
    pub(crate) fn take_outgoing(&mut self) -> Option<Vec<u8>> {
        self.device.outgoing.pop_front()
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let connection = self.deadlines.first().map(|(at, _)| *at);
        let loopback = self.loopback.front().map(|(at, _)| *at);
        match (connection, loopback) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// True when every connection has come to its end.
    pub(crate) fn is_idle(&self) -> bool {
        self.loopback.is_empty() && self.connections.values().all(Connection::is_over)
    }

    pub(crate) fn views(&self) -> Vec<ConnectionView> {
        self.connections.values().map(Connection::view).collect()
    }

    // Packets and timers.

    /// A packet from the wire.
    pub(crate) fn receive(&mut self, now: Instant, packet: Vec<u8>) {
        let Some(header) = Header::parse(&packet) else { return };
        let addresses = header.addresses;
        if let Some(id) = self.by_addresses.get(&addresses).copied() {
            self.feed(id, now, packet, &header);
        } else if header.is_first_syn()
            && let Some(listen) = self.listener_at(addresses.local)
        {
            self.half_open(listen, now, packet, &header);
        } else {
            // Nobody's: smoltcp answers with a reset, unless it is one.
            self.device.received = Some(packet);
            let mut nobody = SocketSet::new(Vec::new());
            self.interface.poll_ingress_single(micros(now), &mut self.device, &mut nobody);
            self.loop_back(now);
        }
    }

    /// Timers that are due.
    pub(crate) fn tick(&mut self, now: Instant) {
        while let Some((_, packet)) = self.loopback.pop_front_if(|(at, _)| *at <= now) {
            self.receive(now, packet);
        }
        while let Some(&(at, id)) = self.deadlines.first()
            && at <= now
        {
            self.progress(id, now, false);
        }
    }

    /// The first packet of a connection to a listener.
    fn half_open(&mut self, listen: ListenAddress, now: Instant, packet: Vec<u8>, header: &Header) {
        let Some(backlog) = self.listeners.get_mut(&listen) else { return };
        // As Linux: one more than the limit, and silence beyond it, so that the peer tries again.
        if backlog.ready.len() + backlog.half_open > backlog.limit {
            return;
        }
        backlog.half_open += 1;
        let connection =
            Connection::listening(backlog.buffers, listen, header.addresses, self.recorder.next_stream());
        let id = self.insert(connection);
        self.feed(id, now, packet, header);
    }

    /// Gives a packet to a connection.
    fn feed(&mut self, id: ConnectionId, now: Instant, packet: Vec<u8>, header: &Header) {
        if let Some(connection) = self.connections.get_mut(&id) {
            self.device.received = Some(packet);
            connection.heard(now, header);
            connection.ingress(now, &mut self.interface, &mut self.device);
        }
        self.progress(id, now, header.rst);
    }

    /// Lets a connection send what it has to, sees what has become of it, and sets its timer.
    fn progress(&mut self, id: ConnectionId, now: Instant, rst: bool) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if connection.is_overdue(now, self.connect_timeout, self.user_timeout) {
            connection.give_up();
        }
        connection.flush_ghost_write(now, &self.recorder);
        while connection.egress(now, &mut self.interface, &mut self.device) {
            connection.flush_ghost_write(now, &self.recorder);
        }
        match connection.settle(now, rst, &self.recorder) {
            Standing::Alive => {}
            Standing::Established(listen) => {
                if let Some(backlog) = self.listeners.get_mut(&listen) {
                    backlog.half_open -= 1;
                    backlog.ready.push_back(id);
                    if let Some(waker) = backlog.waker.take() {
                        waker.wake();
                    }
                }
            }
            Standing::Closed => {
                let addresses = connection.addresses;
                if self.by_addresses.get(&addresses) == Some(&id) {
                    self.by_addresses.remove(&addresses);
                }
            }
            Standing::Gone => return self.remove(id),
            // Its settling had something to send: a reset for bytes that came too late.
            Standing::Again => {
                while connection.egress(now, &mut self.interface, &mut self.device) {}
                self.loop_back(now);
                return self.remove(id);
            }
        }
        let deadline =
            connection.next_deadline(now, &mut self.interface, self.connect_timeout, self.user_timeout);
        if deadline != connection.deadline {
            if let Some(before) = connection.deadline {
                self.deadlines.remove(&(before, id));
            }
            if let Some(after) = deadline {
                self.deadlines.insert((after, id));
            }
            connection.deadline = deadline;
        }
        self.loop_back(now);
    }

    /// Turns packets to the host itself around.
    fn loop_back(&mut self, now: Instant) {
        let own = self.address;
        let is_own = |packet: &Vec<u8>| destination(packet).is_some_and(|to| to.is_loopback() || to == own);
        if self.device.outgoing.iter().any(is_own) {
            for packet in std::mem::take(&mut self.device.outgoing) {
                if is_own(&packet) {
                    self.loopback.push_back((now + LOOPBACK_LATENCY, packet));
                } else {
                    self.device.outgoing.push_back(packet);
                }
            }
        }
    }

    fn insert(&mut self, connection: Connection) -> ConnectionId {
        let id = ConnectionId(self.next_connection);
        self.next_connection += 1;
        self.by_addresses.insert(connection.addresses, id);
        self.connections.insert(id, connection);
        id
    }

    fn remove(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.remove(&id) else { return };
        if self.by_addresses.get(&connection.addresses) == Some(&id) {
            self.by_addresses.remove(&connection.addresses);
        }
        if let Some(deadline) = connection.deadline {
            self.deadlines.remove(&(deadline, id));
        }
        if let Phase::HalfOpen(listen) = connection.phase
            && let Some(backlog) = self.listeners.get_mut(&listen)
        {
            backlog.half_open -= 1;
        }
    }

    // Listeners.

    /// Listens, on a free port if `port` is 0. Gives back where.
    pub(crate) fn listen(
        &mut self,
        address: Option<Ipv4Addr>,
        port: u16,
        options: &StreamOptions,
    ) -> io::Result<ListenAddress> {
        let port = if port == 0 {
            self.free_port(|stack, port| stack.listeners.keys().all(|taken| taken.port != port))?
        } else {
            port
        };
        let overlaps = |taken: &ListenAddress| {
            taken.port == port && (taken.address.is_none() || address.is_none() || taken.address == address)
        };
        if self.listeners.keys().any(overlaps) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let listen = ListenAddress { port, address };
        let backlog = Backlog {
            ready: VecDeque::new(),
            half_open: 0,
            limit: options.backlog as usize,
            buffers: self.buffers.with(options),
            waker: None,
        };
        self.listeners.insert(listen, backlog);
        Ok(listen)
    }

    /// Stops listening. Connections that nobody accepted are reset.
    pub(crate) fn unlisten(&mut self, listen: ListenAddress, now: Instant) {
        let Some(backlog) = self.listeners.remove(&listen) else { return };
        if let Some(acceptor) = backlog.waker {
            acceptor.wake();
        }
        for id in backlog.ready {
            self.reset(id, now);
            self.remove(id);
        }
        let half_open = |(id, connection): (&ConnectionId, &Connection)| {
            matches!(connection.phase, Phase::HalfOpen(at) if at == listen).then_some(*id)
        };
        for id in self.connections.iter().filter_map(half_open).collect::<Vec<_>>() {
            self.remove(id);
        }
    }

    pub(crate) fn poll_accept(
        &mut self,
        listen: ListenAddress,
        cx: &Context<'_>,
    ) -> Poll<io::Result<ConnectionId>> {
        let Some(backlog) = self.listeners.get_mut(&listen) else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        while let Some(id) = backlog.ready.pop_front() {
            if let Some(connection) = self.connections.get_mut(&id) {
                connection.phase = Phase::Open;
                return Poll::Ready(Ok(id));
            }
        }
        backlog.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    fn listener_at(&self, local: SocketAddrV4) -> Option<ListenAddress> {
        let port = local.port();
        let exact = ListenAddress { port, address: Some(*local.ip()) };
        let any = ListenAddress { port, address: None };
        [exact, any].into_iter().find(|listen| self.listeners.contains_key(listen))
    }

    fn free_port(&mut self, is_free: impl Fn(&Self, u16) -> bool) -> io::Result<u16> {
        for _ in EPHEMERAL_PORTS {
            let port = self.next_port;
            self.next_port = if port >= *EPHEMERAL_PORTS.end() { *EPHEMERAL_PORTS.start() } else { port + 1 };
            if is_free(self, port) {
                return Ok(port);
            }
        }
        Err(io::ErrorKind::AddrNotAvailable.into())
    }

    // Connections.

    /// Asks for a connection, from a free port if `port` is 0.
    pub(crate) fn connect(
        &mut self,
        remote: SocketAddrV4,
        port: u16,
        options: &StreamOptions,
        stream: StreamId,
        now: Instant,
    ) -> io::Result<ConnectionId> {
        let address = if remote.ip().is_loopback() { Ipv4Addr::LOCALHOST } else { self.address };
        let free = |stack: &Self, port| {
            let addresses = Addresses { local: SocketAddrV4::new(address, port), remote };
            !stack.by_addresses.contains_key(&addresses)
                && stack.listeners.keys().all(|taken| taken.port != port)
        };
        let local = match port {
            0 => self.free_port(free)?,
            port if free(self, port) => port,
            _ => return Err(io::ErrorKind::AddrInUse.into()),
        };
        let local = SocketAddrV4::new(address, local);
        let addresses = Addresses { local, remote };
        let buffers = self.buffers.with(options);
        let connection = Connection::connecting(buffers, addresses, stream, self.interface.context(), now)?;
        self.recorder.connecting(stream, addresses);
        let id = self.insert(connection);
        self.progress(id, now, false);
        Ok(id)
    }

    pub(crate) fn poll_connected(&mut self, id: ConnectionId, cx: &Context<'_>) -> Poll<io::Result<()>> {
        match self.connections.get_mut(&id) {
            Some(connection) => connection.poll_connected(cx),
            None => Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into())),
        }
    }

    /// Nobody waits for this connection any more.
    pub(crate) fn cancel_connect(&mut self, id: ConnectionId, now: Instant) {
        match self.connections.get(&id).map(|connection| connection.phase) {
            // Without a packet: an answer that comes is met with a reset.
            Some(Phase::Connecting) => self.remove(id),
            _ => self.close(id, now),
        }
    }

    pub(crate) fn identity(&self, id: ConnectionId) -> Option<(StreamId, Addresses)> {
        self.connections.get(&id).map(|connection| (connection.stream, connection.addresses))
    }

    pub(crate) fn reachability(&self, id: ConnectionId, now: Instant) -> Option<Reachability> {
        self.connections.get(&id).map(|connection| connection.reachability(now))
    }

    /// Bytes that can be read without waiting.
    pub(crate) fn readable(&self, id: ConnectionId) -> usize {
        self.connections.get(&id).map_or(0, Connection::readable)
    }

    pub(crate) fn poll_readable(&mut self, id: ConnectionId, cx: &Context<'_>) -> Poll<()> {
        self.connections.get_mut(&id).map_or(Poll::Ready(()), |connection| connection.poll_readable(cx))
    }

    pub(crate) fn poll_read(
        &mut self,
        id: ConnectionId,
        cx: &Context<'_>,
        limit: usize,
        buffer: &mut BytesMut,
        now: Instant,
    ) -> Poll<io::Result<usize>> {
        let Some(connection) = self.connections.get_mut(&id) else {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        };
        let result = connection.poll_read(cx, limit, buffer, now, &self.recorder);
        if let Poll::Ready(Ok(1..)) = result {
            // The window may have opened.
            self.progress(id, now, false);
        }
        result
    }

    /// Room for so many bytes.
    pub(crate) fn writable(&self, id: ConnectionId) -> usize {
        self.connections.get(&id).map_or(0, Connection::writable)
    }

    pub(crate) fn poll_write(
        &mut self,
        id: ConnectionId,
        cx: &Context<'_>,
        limit: usize,
        segments: &[Bytes],
        now: Instant,
    ) -> Poll<io::Result<usize>> {
        let Some(connection) = self.connections.get_mut(&id) else {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        };
        let result = connection.poll_write(cx, limit, segments, now, &self.recorder);
        if let Poll::Ready(Ok(1..)) = result {
            self.progress(id, now, false);
        }
        result
    }

    /// A cancelled read takes so many bytes off the stream, now or when they come.
    pub(crate) fn ghost_read(&mut self, id: ConnectionId, bytes: usize, now: Instant) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.ghost_read(bytes, now, &self.recorder);
            self.progress(id, now, false);
        }
    }

    /// A cancelled write sends these bytes, now or when there is room.
    pub(crate) fn ghost_write(&mut self, id: ConnectionId, segments: Vec<Bytes>, now: Instant) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.ghost_write(segments);
            self.progress(id, now, false);
        }
    }

    pub(crate) fn shutdown(&mut self, id: ConnectionId, now: Instant) -> io::Result<()> {
        let connection = self.connections.get_mut(&id).ok_or(io::ErrorKind::ConnectionAborted)?;
        connection.shutdown()?;
        self.recorder.record(now, &Event::Shutdown { stream: connection.stream });
        self.progress(id, now, false);
        Ok(())
    }

    pub(crate) fn reset(&mut self, id: ConnectionId, now: Instant) {
        if let Some(connection) = self.connections.get_mut(&id)
            && connection.reset()
        {
            self.recorder.record(now, &Event::Reset { stream: connection.stream });
            self.progress(id, now, false);
        }
    }

    /// The holder let go. What was written is still sent; what was not read makes it a reset.
    pub(crate) fn close(&mut self, id: ConnectionId, now: Instant) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        self.recorder.record(now, &Event::Closed { stream: connection.stream });
        if connection.readable() > 0 && connection.reset() {
            self.recorder.record(now, &Event::Reset { stream: connection.stream });
        }
        connection.orphan(now);
        self.progress(id, now, false);
    }
}
