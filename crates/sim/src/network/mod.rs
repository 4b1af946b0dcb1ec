//! [`SimNetwork`]: the [`Network`] of a simulated host.

mod carrier;
mod connection;
mod ipc;
mod kernel;
mod stack;
mod turmoil;
mod warp;
mod wire;

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddrV4};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use seaworthy_core::{
    Endpoint, Host as EndpointHost, Instant, IpcPath, Listener, Network, Stream, StreamOptions,
};

use crate::event::{Event, Operation, StreamId};
use crate::fault::Readers;
use crate::host::Host;
use crate::throttle::Allowance;

pub(crate) use self::carrier::{Action, Carrier, Packet, Task, Ticket};
use self::ipc::{IpcEnd, IpcName};
pub(crate) use self::kernel::Kernel;
use self::stack::{ConnectionId, ListenAddress};
pub use self::turmoil::TurmoilNetwork;
pub(crate) use self::turmoil::TurmoilRun;
pub(crate) use self::warp::WarpRun;
pub(crate) use self::wire::Wire;

/// How long the search for a host that does not exist takes: Linux asks the link three times.
const NO_SUCH_HOST: Duration = Duration::from_secs(3);

/// A simulated host's [`Network`].
///
/// tcp is a real TCP stack, one per host; `127.0.0.1`, `localhost` and the host's own name stay inside the
/// host. ipc is a byte stream inside the host; socket files outlive a crash. Names of hosts always resolve,
/// even when the link is cut. There is no IPv6, but `[::]` and `[::1]` stand for their IPv4 counterparts.
///
/// **Dropping** the future of a read or a write that was polled and has not completed draws its outcome from
/// the seed: nothing happened, a prefix happened, or all of it happened and the result is lost.
/// See [`Control::set_cancel_weights`](crate::Control::set_cancel_weights).
#[derive(Clone)]
pub struct SimNetwork {
    host: Rc<Host>,
    kernel: Rc<Kernel>,
}

impl SimNetwork {
    pub(crate) fn new(host: Rc<Host>) -> Self {
        Self { kernel: host.kernel(), host }
    }

    /// The host's name.
    pub fn host_name(&self) -> &str {
        &self.host.name
    }

    /// The host's address.
    pub fn address(&self) -> Ipv4Addr {
        self.host.address
    }

    /// The handle for faults.
    pub fn control(&self) -> crate::Control {
        crate::Control::new(Rc::clone(&self.host.world))
    }

    /// Where `host` is, seen from here. `None` if nobody has the name.
    fn resolve(&self, host: &EndpointHost) -> Option<Ipv4Addr> {
        match host {
            EndpointHost::Ip(IpAddr::V4(address)) => Some(*address),
            EndpointHost::Ip(IpAddr::V6(address)) if address.is_unspecified() => Some(Ipv4Addr::UNSPECIFIED),
            EndpointHost::Ip(IpAddr::V6(address)) if address.is_loopback() => Some(Ipv4Addr::LOCALHOST),
            EndpointHost::Ip(IpAddr::V6(address)) => address.to_ipv4_mapped(),
            EndpointHost::Name(name) if name == "localhost" => Some(Ipv4Addr::LOCALHOST),
            EndpointHost::Name(name) => match self.host.world.host_named(name) {
                Some(host) => Some(host.address),
                None => self.host.world.carrier.resolve(name),
            },
        }
    }

    async fn connect_tcp(
        self,
        host: EndpointHost,
        port: u16,
        options: StreamOptions,
        stream: StreamId,
    ) -> io::Result<End> {
        let mut address = self.resolve(&host).ok_or_else(|| no_such_name(&host))?;
        if address.is_unspecified() || address.is_loopback() {
            address = Ipv4Addr::LOCALHOST;
        } else if !self.host.world.is_reachable(address) {
            self.sleep_until(self.now() + NO_SUCH_HOST).await;
            return Err(io::ErrorKind::HostUnreachable.into());
        }
        let remote = SocketAddrV4::new(address, port);
        if port == 0 {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let id = self
            .kernel
            .with_stack(|stack, now| stack.connect(remote, &options, stream, now))
            .unwrap_or_else(|| Err(io::ErrorKind::ConnectionAborted.into()))?;
        let mut attempt = Attempt { kernel: &self.kernel, id, done: false };
        let result = poll_fn(|cx| {
            self.kernel
                .with_stack(|stack, _| stack.poll_connected(id, cx))
                .unwrap_or_else(|| Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into())))
        })
        .await;
        attempt.done = result.is_ok();
        drop(attempt);
        result.map(|()| End::Tcp(id))
    }

    async fn connect_ipc(self, path: IpcPath, options: StreamOptions, stream: StreamId) -> io::Result<End> {
        let end = poll_fn(|cx| self.kernel.ipc.poll_connect(&self.host, &path, &options, stream, cx)).await?;
        Ok(End::Ipc { end, path })
    }

    fn stream(&self, id: StreamId, end: End) -> SimStream {
        SimStream { network: self.clone(), id, end }
    }
}

impl fmt::Debug for SimNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SimNetwork").field(&self.host.name).finish()
    }
}

fn no_such_name(host: &EndpointHost) -> io::Error {
    let name = match host {
        EndpointHost::Ip(address) => address.to_string(),
        EndpointHost::Name(name) => name.clone(),
    };
    io::Error::new(io::ErrorKind::NotFound, format!("no host is called {name}"))
}

fn no_transport(name: &str) -> io::Error {
    let message = format!("inproc://{name} names a place inside a context, not on the network");
    io::Error::new(io::ErrorKind::Unsupported, message)
}

/// Gives up an attempt to connect unless it is done.
struct Attempt<'a> {
    kernel: &'a Kernel,
    id: ConnectionId,
    done: bool,
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if !self.done {
            self.kernel.with_stack(|stack, now| stack.cancel_connect(self.id, now));
        }
    }
}

/// Records an attempt to connect that is dropped.
struct Connecting<'a> {
    host: &'a Host,
    stream: StreamId,
    done: bool,
}

impl Drop for Connecting<'_> {
    fn drop(&mut self) {
        if !self.done {
            self.host.world.record(&Event::ConnectCancelled { stream: self.stream });
        }
    }
}

impl Network for SimNetwork {
    type Stream = SimStream;
    type Listener = SimListener;

    fn now(&self) -> Instant {
        self.host.now()
    }

    fn sleep_until(&self, deadline: Instant) -> impl Future<Output = ()> + 'static {
        let mut sleep = Sleep { host: Rc::clone(&self.host), deadline, timer: None };
        poll_fn(move |cx| sleep.poll(cx))
    }

    fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + 'static) {
        self.host.spawn(name, task);
    }

    fn random(&self) -> u64 {
        self.host.random()
    }

    fn connect(
        &self,
        endpoint: &Endpoint,
        options: &StreamOptions,
    ) -> impl Future<Output = io::Result<SimStream>> + 'static {
        let (network, endpoint, options) = (self.clone(), endpoint.clone(), options.clone());
        async move {
            let world = Rc::clone(&network.host.world);
            let stream = world.recorder.next_stream();
            world.record(&Event::Connecting { host: network.host.id, stream, endpoint: &endpoint });
            let host = Rc::clone(&network.host);
            let mut connecting = Connecting { host: &host, stream, done: false };
            let connect = network.clone();
            let result = match endpoint {
                Endpoint::Tcp { host, port } => connect.connect_tcp(host, port, options, stream).await,
                Endpoint::Ipc(path) => connect.connect_ipc(path, options, stream).await,
                Endpoint::Inproc(name) => Err(no_transport(&name)),
            };
            connecting.done = true;
            match result {
                Ok(end) => {
                    let stream = network.stream(stream, end);
                    let addresses = stream.addresses();
                    world.record(&Event::Connected { stream: stream.id, addresses });
                    Ok(stream)
                }
                Err(error) => {
                    world.record(&Event::ConnectFailed { stream, error: error.kind() });
                    Err(error)
                }
            }
        }
    }

    fn listen(&self, endpoint: &Endpoint, options: &StreamOptions) -> io::Result<SimListener> {
        let (place, endpoint) = match endpoint {
            Endpoint::Tcp { host, port } => {
                let address = self.resolve(host).ok_or_else(|| no_such_name(host))?;
                let only = if address.is_unspecified() {
                    None
                } else if address == Ipv4Addr::LOCALHOST || address == self.host.address {
                    Some(address)
                } else {
                    return Err(io::ErrorKind::AddrNotAvailable.into());
                };
                let listen = self
                    .kernel
                    .with_stack(|stack, _| stack.listen(only, *port, options))
                    .unwrap_or_else(|| Err(io::ErrorKind::NotConnected.into()))?;
                let host = EndpointHost::Ip(IpAddr::V4(address));
                (Place::Tcp(listen), Endpoint::Tcp { host, port: listen.port })
            }
            Endpoint::Ipc(path) => {
                let name = self.kernel.ipc.listen(&self.host, path, options)?;
                let endpoint = Endpoint::Ipc(name.path());
                (Place::Ipc(name), endpoint)
            }
            Endpoint::Inproc(name) => return Err(no_transport(name)),
        };
        self.host.world.record(&Event::Listening { host: self.host.id, endpoint: &endpoint });
        Ok(SimListener { network: self.clone(), place, endpoint })
    }
}

/// A task that sleeps on its host's clock.
struct Sleep {
    host: Rc<Host>,
    deadline: Instant,
    timer: Option<(Ticket, u64)>,
}

impl Sleep {
    fn poll(&mut self, cx: &Context<'_>) -> Poll<()> {
        self.cancel();
        if self.host.now() >= self.deadline {
            return Poll::Ready(());
        }
        let at = self.host.true_time(self.deadline);
        let waker = cx.waker().clone();
        let ticket = self.host.world.carrier.schedule(self.host.id, at, Action::Wake(waker.clone()));
        self.timer = Some((ticket, self.host.add_sleeper(waker)));
        Poll::Pending
    }

    fn cancel(&mut self) {
        if let Some((ticket, sleeper)) = self.timer.take() {
            self.host.world.carrier.cancel(self.host.id, ticket);
            self.host.forget_sleeper(sleeper);
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.cancel();
    }
}

/// Where a listener listens.
enum Place {
    Tcp(ListenAddress),
    Ipc(IpcName),
}

/// A listening endpoint of a simulated host.
pub struct SimListener {
    network: SimNetwork,
    place: Place,
    endpoint: Endpoint,
}

impl Listener for SimListener {
    type Stream = SimStream;

    fn local_endpoint(&self) -> Endpoint {
        self.endpoint.clone()
    }

    async fn accept(&self) -> io::Result<SimStream> {
        let SimNetwork { host, kernel } = &self.network;
        yield_now(host).await;
        let (stream, peer) = match &self.place {
            Place::Tcp(listen) => {
                let id = poll_fn(|cx| {
                    kernel
                        .with_stack(|stack, _| stack.poll_accept(*listen, cx))
                        .unwrap_or_else(|| Poll::Ready(Err(io::ErrorKind::NotConnected.into())))
                })
                .await?;
                let identity = kernel.with_stack(|stack, _| stack.identity(id)).flatten();
                let (stream, addresses) = identity.ok_or(io::ErrorKind::ConnectionAborted)?;
                (self.network.stream(stream, End::Tcp(id)), host.world.recorder.peer_of(addresses))
            }
            Place::Ipc(name) => {
                let (end, peer) = poll_fn(|cx| kernel.ipc.poll_accept(name, cx)).await?;
                let path = name.path();
                (self.network.stream(end.stream, End::Ipc { end, path }), Some(peer))
            }
        };
        let addresses = stream.addresses();
        host.world.record(&Event::Accepted { host: host.id, stream: stream.id, peer, addresses });
        Ok(stream)
    }
}

impl Drop for SimListener {
    fn drop(&mut self) {
        let SimNetwork { host, kernel } = &self.network;
        match &self.place {
            Place::Tcp(listen) => {
                kernel.with_stack(|stack, now| stack.unlisten(*listen, now));
            }
            Place::Ipc(name) => kernel.ipc.unlisten(host, name),
        }
        host.world.record(&Event::Unlistened { host: host.id, endpoint: &self.endpoint });
    }
}

impl fmt::Debug for SimListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimListener").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// One end of a simulated byte stream.
pub struct SimStream {
    network: SimNetwork,
    id: StreamId,
    end: End,
}

#[derive(Debug)]
enum End {
    Tcp(ConnectionId),
    Ipc { end: IpcEnd, path: IpcPath },
}

impl SimStream {
    /// Its number in the record of events.
    pub fn id(&self) -> StreamId {
        self.id
    }

    fn addresses(&self) -> Option<crate::Addresses> {
        match &self.end {
            End::Tcp(id) => {
                let identity = self.network.kernel.with_stack(|stack, _| stack.identity(*id)).flatten();
                identity.map(|(_, addresses)| addresses)
            }
            End::Ipc { .. } => None,
        }
    }

    fn readers(&self) -> [Readers; 2] {
        [Readers::Host(self.network.host.id), Readers::Stream(self.id)]
    }

    fn poll_read(&self, cx: &Context<'_>, spare: usize, buffer: &mut BytesMut) -> Poll<io::Result<usize>> {
        let SimNetwork { host, kernel } = &self.network;
        let world = &host.world;
        let allowed = match world.read_allowance(self.readers()) {
            Allowance::Bytes(bytes) => bytes.min(spare),
            Allowance::At(at) => {
                world.carrier.schedule(host.id, at, Action::Wake(cx.waker().clone()));
                return Poll::Pending;
            }
            Allowance::Never => {
                world.wait_for_rate(cx.waker());
                return Poll::Pending;
            }
        };
        let limit =
            |readable: usize| if readable > 0 { host.cut_read(allowed.min(readable)) } else { allowed };
        let result = match &self.end {
            End::Tcp(id) => kernel
                .with_stack(|stack, now| {
                    let limit = limit(stack.readable(*id));
                    stack.poll_read(*id, cx, limit, buffer, now)
                })
                .unwrap_or_else(|| Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()))),
            End::Ipc { end, .. } => {
                let limit = limit(end.readable(world.now()));
                end.poll_read(host, cx, limit, buffer)
            }
        };
        if let Poll::Ready(Ok(count)) = result {
            world.took(self.readers(), count);
        }
        result
    }

    fn poll_write(&self, cx: &Context<'_>, segments: &[Bytes]) -> Poll<io::Result<usize>> {
        let SimNetwork { host, kernel } = &self.network;
        let total: usize = segments.iter().map(Bytes::len).sum();
        let limit = |room: usize| host.cut_write(room.min(total));
        match &self.end {
            End::Tcp(id) => kernel
                .with_stack(|stack, now| {
                    let limit = limit(stack.writable(*id));
                    stack.poll_write(*id, cx, limit, segments, now)
                })
                .unwrap_or_else(|| Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()))),
            End::Ipc { end, .. } => end.poll_write(host, cx, limit(end.writable()), segments),
        }
    }
}

impl Stream for SimStream {
    async fn read(&self, mut buffer: BytesMut) -> (io::Result<usize>, BytesMut) {
        let spare = buffer.capacity() - buffer.len();
        if spare == 0 {
            let error = io::Error::new(io::ErrorKind::InvalidInput, "the buffer has no spare capacity");
            return (Err(error), buffer);
        }
        let submitted = Submitted { stream: self, kind: Kind::Read { spare }, done: false };
        yield_now(&self.network.host).await;
        let result = poll_fn(|cx| self.poll_read(cx, spare, &mut buffer)).await;
        submitted.complete();
        (result, buffer)
    }

    async fn write(&self, segments: Vec<Bytes>) -> (io::Result<usize>, Vec<Bytes>) {
        if segments.iter().all(Bytes::is_empty) {
            return (Ok(0), segments);
        }
        let submitted = Submitted { stream: self, kind: Kind::Write { segments }, done: false };
        yield_now(&self.network.host).await;
        let result = poll_fn(|cx| self.poll_write(cx, submitted.segments())).await;
        (result, submitted.complete())
    }

    async fn shutdown(&self) -> io::Result<()> {
        match &self.end {
            End::Tcp(id) => self
                .network
                .kernel
                .with_stack(|stack, now| stack.shutdown(*id, now))
                .unwrap_or_else(|| Err(io::ErrorKind::ConnectionAborted.into())),
            End::Ipc { end, .. } => {
                self.network.host.world.record(&Event::Shutdown { stream: self.id });
                end.shutdown();
                Ok(())
            }
        }
    }

    fn reset(&self) {
        match &self.end {
            End::Tcp(id) => {
                self.network.kernel.with_stack(|stack, now| stack.reset(*id, now));
            }
            End::Ipc { end, .. } => {
                self.network.host.world.record(&Event::Reset { stream: self.id });
                end.close();
            }
        }
    }

    fn peer_address(&self) -> String {
        match &self.end {
            End::Tcp(_) => self.addresses().map(|addresses| addresses.remote.to_string()).unwrap_or_default(),
            End::Ipc { path, .. } => Endpoint::Ipc(path.clone()).to_string(),
        }
    }
}

impl Drop for SimStream {
    fn drop(&mut self) {
        match &self.end {
            End::Tcp(id) => {
                self.network.kernel.with_stack(|stack, now| stack.close(*id, now));
            }
            End::Ipc { end, .. } => {
                self.network.host.world.record(&Event::Closed { stream: self.id });
                end.close();
            }
        }
    }
}

impl fmt::Debug for SimStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimStream").field("id", &self.id.index()).field("end", &self.end).finish()
    }
}

/// An operation that was handed to the kernel. Dropped before it is complete, its outcome is drawn.
struct Submitted<'a> {
    stream: &'a SimStream,
    kind: Kind,
    done: bool,
}

enum Kind {
    Read { spare: usize },
    Write { segments: Vec<Bytes> },
}

impl Submitted<'_> {
    fn segments(&self) -> &[Bytes] {
        match &self.kind {
            Kind::Read { .. } => &[],
            Kind::Write { segments } => segments,
        }
    }

    fn complete(mut self) -> Vec<Bytes> {
        self.done = true;
        match &mut self.kind {
            Kind::Read { .. } => Vec::new(),
            Kind::Write { segments } => std::mem::take(segments),
        }
    }
}

impl Drop for Submitted<'_> {
    fn drop(&mut self) {
        let SimNetwork { host, kernel } = &self.stream.network;
        if self.done || host.world.has_ended() {
            return;
        }
        let (operation, most) = match &self.kind {
            Kind::Read { spare } => (Operation::Read, *spare),
            Kind::Write { segments } => (Operation::Write, segments.iter().map(Bytes::len).sum()),
        };
        let (outcome, bytes) = host.draw_cancel(most);
        host.world.record(&Event::Cancelled { stream: self.stream.id, operation, outcome, bytes });
        if bytes == 0 {
            return;
        }
        match (&mut self.kind, &self.stream.end) {
            (Kind::Read { .. }, End::Tcp(id)) => {
                kernel.with_stack(|stack, now| stack.ghost_read(*id, bytes, now));
            }
            (Kind::Read { .. }, End::Ipc { end, .. }) => end.ghost_read(bytes),
            (Kind::Write { segments }, end) => {
                let prefix = prefix(std::mem::take(segments), bytes);
                match end {
                    End::Tcp(id) => {
                        kernel.with_stack(|stack, now| stack.ghost_write(*id, prefix, now));
                    }
                    End::Ipc { end, .. } => end.ghost_write(host, prefix),
                }
            }
        }
    }
}

/// The first `length` bytes of `segments`.
fn prefix(mut segments: Vec<Bytes>, length: usize) -> Vec<Bytes> {
    let mut left = length;
    for segment in &mut segments {
        segment.truncate(left);
        left -= segment.len();
    }
    segments
}

/// Lets others run first, if the dice say so.
async fn yield_now(host: &Host) {
    let mut yields = host.yields();
    poll_fn(|cx| {
        if std::mem::take(&mut yields) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    })
    .await;
}
