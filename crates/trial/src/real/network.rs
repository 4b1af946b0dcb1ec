//! [`RealNetwork`]: the [`Network`] of a host that shares this machine's kernel with the others.

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use seaworthy_core::{Doorbell, Endpoint, Host as EndpointHost, Instant, Network, RuntimeId, StreamOptions};

use seaworthy_engine::{Event, HostId, StreamId};

use super::environment::Environment;
use super::host::Host;
use super::listener::RealListener;
use super::stream::RealStream;

/// The [`Network`] of a host of a real run.
#[derive(Clone)]
pub(crate) struct RealNetwork {
    host: Rc<Host>,
}

impl RealNetwork {
    pub(crate) fn new(host: Rc<Host>) -> Self {
        Self { host }
    }

    /// Whose port is meant. `None` if nobody has the name, or the address is not of this machine.
    fn owner(&self, host: &EndpointHost) -> Option<HostId> {
        match host {
            EndpointHost::Ip(address) if address.is_unspecified() || address.is_loopback() => {
                Some(self.host.id)
            }
            EndpointHost::Ip(_) | EndpointHost::Scoped { .. } => None,
            EndpointHost::Name(name) if name == "localhost" => Some(self.host.id),
            EndpointHost::Name(name) => self.host.env.host_named(name),
        }
    }

    /// Where an endpoint of the scenario is on this machine.
    fn place(&self, endpoint: &Endpoint) -> io::Result<Endpoint> {
        let places = &self.host.env.places;
        match endpoint {
            Endpoint::Tcp { host, port } => {
                let owner = self.owner(host).ok_or_else(|| no_such_host(host))?;
                let port = places.port(owner, *port)?;
                Ok(Endpoint::Tcp { host: EndpointHost::Ip(IpAddr::V4(Ipv4Addr::LOCALHOST)), port })
            }
            Endpoint::TcpFrom { .. } => {
                let reason = format!(
                    "{endpoint}: the ports of hosts are others on this machine, and so would be its source"
                );
                Err(io::Error::new(io::ErrorKind::Unsupported, reason))
            }
            Endpoint::Ipc(path) => Ok(Endpoint::Ipc(places.path(self.host.id, path))),
            Endpoint::Inproc(name) => Err(io::Error::new(
                io::ErrorKind::Unsupported,
                format!("inproc://{name} names a place inside a context, not on the network"),
            )),
        }
    }
}

fn no_such_host(host: &EndpointHost) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("no host is called {host}"))
}

impl fmt::Debug for RealNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RealNetwork").field(&self.host.name).finish()
    }
}

impl Network for RealNetwork {
    type Stream = RealStream;
    type Listener = RealListener;

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
        self.host.env.compio.random()
    }

    fn fill_secret(&self, secret: &mut [u8]) -> io::Result<()> {
        self.host.env.compio.fill_secret(secret)
    }

    fn has_other_threads(&self) -> bool {
        self.host.env.compio.has_other_threads()
    }

    fn runtime(&self) -> io::Result<RuntimeId> {
        self.host.env.compio.runtime()
    }

    fn serves(&self, runtime: RuntimeId) -> bool {
        self.host.env.compio.serves(runtime)
    }

    fn doorbell(&self) -> io::Result<Option<Arc<Doorbell>>> {
        self.host.env.compio.doorbell()
    }

    fn connect(
        &self,
        endpoint: &Endpoint,
        options: &StreamOptions,
    ) -> impl Future<Output = io::Result<RealStream>> + 'static {
        let (network, endpoint, options) = (self.clone(), endpoint.clone(), options.clone());
        async move {
            let host = Rc::clone(&network.host);
            let env = Rc::clone(&host.env);
            let stream = env.recorder.next_stream();
            env.record(&Event::Connecting { host: host.id, stream, endpoint: &endpoint });
            let mut connecting = Connecting { env: &env, stream, done: false };
            let result = match network.place(&endpoint) {
                Ok(place) => env.compio.connect(&place, &options).await.map(|connected| (connected, place)),
                Err(error) => Err(error),
            };
            connecting.done = true;
            match result {
                Ok((connected, place)) => {
                    let stream = RealStream::new(host, stream, connected, endpoint);
                    stream.await_partner(&place);
                    env.record(&Event::Connected { stream: stream.id(), addresses: None });
                    Ok(stream)
                }
                Err(error) => {
                    env.record(&Event::ConnectFailed { stream, error: error.kind() });
                    Err(error)
                }
            }
        }
    }

    fn listen(&self, endpoint: &Endpoint, options: &StreamOptions) -> io::Result<RealListener> {
        let place = self.place(endpoint)?;
        let env = &self.host.env;
        env.meetings.clear(&place.to_string());
        let inner = env.compio.listen(&place, options)?;
        let listener = RealListener::new(Rc::clone(&self.host), inner, endpoint);
        env.record(&Event::Listening { host: self.host.id, endpoint: listener.endpoint() });
        Ok(listener)
    }
}

/// Records an attempt to connect that is dropped.
struct Connecting<'a> {
    env: &'a Environment,
    stream: StreamId,
    done: bool,
}

impl Drop for Connecting<'_> {
    fn drop(&mut self) {
        if !self.done {
            self.env.record(&Event::ConnectCancelled { stream: self.stream });
        }
    }
}

/// A task that sleeps on its host's clock.
struct Sleep {
    host: Rc<Host>,
    deadline: Instant,
    timer: Option<Timer>,
}

struct Timer {
    due: Instant,
    wake: Pin<Box<dyn Future<Output = ()>>>,
    sleeper: u64,
}

impl Sleep {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if self.host.now() >= self.deadline {
                self.cancel();
                return Poll::Ready(());
            }
            let due = self.host.clock.when(self.deadline);
            if self.timer.as_ref().is_none_or(|timer| timer.due != due) {
                self.cancel();
                let sleeper = self.host.clock.add_sleeper(cx.waker().clone());
                let wake = Box::pin(self.host.env.sleep_until(due));
                self.timer = Some(Timer { due, wake, sleeper });
            }
            let Some(timer) = &mut self.timer else { continue };
            ready!(timer.wake.as_mut().poll(cx));
            self.cancel();
        }
    }

    fn cancel(&mut self) {
        if let Some(timer) = self.timer.take() {
            self.host.clock.forget_sleeper(timer.sleeper);
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.cancel();
    }
}
