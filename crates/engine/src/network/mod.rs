//! [`SimNetwork`]: the [`Network`] of a simulated host.

mod boot;
mod listener;
mod stream;

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddrV4};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use seaworthy_core::{Endpoint, Host as EndpointHost, Instant, IpcPath, Network, Source, StreamOptions};

use crate::control::Control;
use crate::event::Event;
use crate::executor::{Action, Ticket};
use crate::host::Host;
use crate::id::StreamId;
use crate::kernel::Kernel;
use crate::kernel::stack::ConnectionId;
use crate::note::Note;
use crate::world::World;

use self::boot::Boot;
use self::listener::Place;
pub use self::listener::SimListener;
use self::stream::End;
pub use self::stream::SimStream;

/// How long the search for a host that does not exist takes: Linux asks the link three times.
const NO_SUCH_HOST: Duration = Duration::from_secs(3);

/// A simulated host's [`Network`].
///
/// tcp is a real TCP stack, one per host; `127.0.0.1`, `localhost` and the host's own name stay inside the
/// host. ipc is a byte stream inside the host; socket files outlive a crash. Names of hosts always resolve,
/// even when the link is cut. There is no IPv6, but `[::]` and `[::1]` stand for their IPv4 counterparts.
///
/// The kernel answers as Linux does: one connection more than the backlog, a reset for unread bytes on close and
/// for bytes that come after it, an error told once, a minute of FIN-WAIT-2, 127 s of asking for a connection.
/// It differs where smoltcp does: the first retransmission comes after 1 s (Linux: 200 ms on a fast link),
/// acknowledgments wait for 10 ms (Linux: 40), congestion control is Reno (Linux: Cubic). Packets within a host
/// take 20 µs and are not on the wire; neither is ipc, whose bytes take 10 µs.
///
/// **Dropping** the future of a read or a write that was polled and has not completed draws its outcome from
/// the seed: nothing happened, a prefix happened, or all of it happened and the result is lost.
/// See [`Control::set_cancel_weights`](crate::Control::set_cancel_weights).
#[derive(Clone)]
pub struct SimNetwork {
    world: Rc<World>,
    boot: Boot,
}

impl SimNetwork {
    pub(crate) fn new(world: Rc<World>, host: Rc<Host>) -> Self {
        Self { world, boot: Boot { kernel: host.kernel(), host } }
    }

    fn host(&self) -> &Rc<Host> {
        &self.boot.host
    }

    /// The host's name.
    pub fn host_name(&self) -> &str {
        &self.host().name
    }

    /// The host's address.
    pub fn address(&self) -> Ipv4Addr {
        self.host().address
    }

    /// The handle for faults.
    pub fn control(&self) -> Control {
        Control::new(Rc::clone(&self.world))
    }

    /// Writes an event of the program's own into the trace. What a program logs with `tracing` comes there by itself.
    pub fn note(&self, note: Note) {
        self.host().environment.note(Some(self.host().id), note);
    }

    /// Where `host` is, seen from here. `None` if nobody has the name.
    fn resolve(&self, host: &EndpointHost) -> Option<Ipv4Addr> {
        match host {
            EndpointHost::Ip(IpAddr::V4(address)) => Some(*address),
            EndpointHost::Ip(IpAddr::V6(address)) if address.is_unspecified() => Some(Ipv4Addr::UNSPECIFIED),
            EndpointHost::Ip(IpAddr::V6(address)) if address.is_loopback() => Some(Ipv4Addr::LOCALHOST),
            EndpointHost::Ip(IpAddr::V6(address)) => address.to_ipv4_mapped(),
            EndpointHost::Scoped { .. } => None,
            EndpointHost::Name(name) if name == "localhost" => Some(Ipv4Addr::LOCALHOST),
            EndpointHost::Name(name) => match self.world.hosts.named(name) {
                Some(host) => Some(host.address),
                None => self.world.environment.executor.resolve(name),
            },
        }
    }

    /// The port that a connection comes from, or 0. A host has one address, and its loopback.
    fn local_port(&self, source: &Source) -> io::Result<u16> {
        let address = self.resolve(&source.host).ok_or_else(|| no_such_name(&source.host))?;
        if address.is_unspecified() || address.is_loopback() || address == self.host().address {
            return Ok(source.port);
        }
        Err(io::ErrorKind::AddrNotAvailable.into())
    }

    async fn connect_tcp(
        self,
        host: EndpointHost,
        port: u16,
        source: Option<Source>,
        options: StreamOptions,
        stream: StreamId,
    ) -> io::Result<End> {
        let from = source.map(|source| self.local_port(&source)).transpose()?;
        let mut address = self.resolve(&host).ok_or_else(|| no_such_name(&host))?;
        if address.is_unspecified() || address.is_loopback() {
            address = Ipv4Addr::LOCALHOST;
        } else if !self.world.is_reachable(address) {
            self.sleep_until(self.now() + NO_SUCH_HOST).await;
            return Err(io::ErrorKind::HostUnreachable.into());
        }
        let remote = SocketAddrV4::new(address, port);
        if port == 0 {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let id = self
            .boot
            .kernel
            .with_stack(|stack, now| stack.connect(remote, from.unwrap_or(0), &options, stream, now))
            .unwrap_or_else(|| Err(io::ErrorKind::ConnectionAborted.into()))?;
        let mut attempt = Attempt { kernel: &self.boot.kernel, id, done: false };
        let result = poll_fn(|cx| {
            self.boot
                .kernel
                .with_stack(|stack, _| stack.poll_connected(id, cx))
                .unwrap_or_else(|| Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into())))
        })
        .await;
        attempt.done = result.is_ok();
        drop(attempt);
        result.map(|()| End::Tcp(id))
    }

    async fn connect_ipc(self, path: IpcPath, options: StreamOptions, stream: StreamId) -> io::Result<End> {
        let (files, recorder) = (&self.boot.kernel.files, &self.world.environment.recorder);
        let end =
            poll_fn(|cx| self.boot.kernel.ipc.poll_connect(files, recorder, &path, &options, stream, cx))
                .await?;
        Ok(End::Ipc { end, path })
    }

    fn stream(&self, id: StreamId, end: End) -> SimStream {
        SimStream::new(self.boot.clone(), id, end)
    }
}

impl fmt::Debug for SimNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SimNetwork").field(&self.host().name).finish()
    }
}

fn no_such_name(host: &EndpointHost) -> io::Error {
    let name = match host {
        EndpointHost::Ip(IpAddr::V6(_)) | EndpointHost::Scoped { .. } => {
            let reason = format!("there is no IPv6 in the simulation, hence no {host}");
            return io::Error::new(io::ErrorKind::AddrNotAvailable, reason);
        }
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
            self.host.environment.record(&Event::ConnectCancelled { stream: self.stream });
        }
    }
}

impl Network for SimNetwork {
    type Stream = SimStream;
    type Listener = SimListener;

    fn now(&self) -> Instant {
        self.host().now()
    }

    fn sleep_until(&self, deadline: Instant) -> impl Future<Output = ()> + 'static {
        let mut sleep = Sleep { host: Rc::clone(self.host()), deadline, timer: None };
        poll_fn(move |cx| sleep.poll(cx))
    }

    fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + 'static) {
        self.host().spawn(name, task);
    }

    fn random(&self) -> u64 {
        self.host().random()
    }

    fn fill_secret(&self, secret: &mut [u8]) -> io::Result<()> {
        self.host().fill_secret(secret);
        Ok(())
    }

    fn connect(
        &self,
        endpoint: &Endpoint,
        options: &StreamOptions,
    ) -> impl Future<Output = io::Result<SimStream>> + 'static {
        let (network, endpoint, options) = (self.clone(), endpoint.clone(), options.clone());
        async move {
            let host = Rc::clone(network.host());
            let environment = Rc::clone(&host.environment);
            let stream = environment.recorder.next_stream();
            environment.record(&Event::Connecting { host: host.id, stream, endpoint: &endpoint });
            let mut connecting = Connecting { host: &host, stream, done: false };
            let connect = network.clone();
            let result = match endpoint {
                Endpoint::Tcp { host, port } => connect.connect_tcp(host, port, None, options, stream).await,
                Endpoint::TcpFrom { source, host, port } => {
                    connect.connect_tcp(host, port, Some(source), options, stream).await
                }
                Endpoint::Ipc(path) => connect.connect_ipc(path, options, stream).await,
                Endpoint::Inproc(name) => Err(no_transport(&name)),
            };
            connecting.done = true;
            match result {
                Ok(end) => {
                    let stream = network.stream(stream, end);
                    let addresses = stream.addresses();
                    environment.record(&Event::Connected { stream: stream.id, addresses });
                    Ok(stream)
                }
                Err(error) => {
                    environment.record(&Event::ConnectFailed { stream, error: error.kind() });
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
                } else if address == Ipv4Addr::LOCALHOST || address == self.host().address {
                    Some(address)
                } else {
                    return Err(io::ErrorKind::AddrNotAvailable.into());
                };
                let listen = self
                    .boot
                    .kernel
                    .with_stack(|stack, _| stack.listen(only, *port, options))
                    .unwrap_or_else(|| Err(io::ErrorKind::NotConnected.into()))?;
                let host = EndpointHost::Ip(IpAddr::V4(address));
                (Place::Tcp(listen), Endpoint::Tcp { host, port: listen.port })
            }
            Endpoint::Ipc(path) => {
                let name = self.boot.kernel.ipc.listen(&self.boot.kernel.files, path, options)?;
                let endpoint = Endpoint::Ipc(name.path());
                (Place::Ipc(name), endpoint)
            }
            Endpoint::TcpFrom { .. } => {
                let reason = format!("{endpoint} has a source address, which only a connecting side has");
                return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
            }
            Endpoint::Inproc(name) => return Err(no_transport(name)),
        };
        self.host().environment.record(&Event::Listening { host: self.host().id, endpoint: &endpoint });
        Ok(SimListener::new(self.boot.clone(), place, endpoint))
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
        let ticket = self.host.environment.executor.schedule(self.host.id, at, Action::Wake(waker.clone()));
        self.timer = Some((ticket, self.host.add_sleeper(waker)));
        Poll::Pending
    }

    fn cancel(&mut self) {
        if let Some((ticket, sleeper)) = self.timer.take() {
            self.host.environment.executor.cancel(self.host.id, ticket);
            self.host.forget_sleeper(sleeper);
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.cancel();
    }
}
