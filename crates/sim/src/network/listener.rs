//! [`SimListener`]: a listening endpoint of a simulated host.

use std::cell::Cell;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::task::Poll;

use seaworthy_core::{Endpoint, Listener};

use crate::event::Event;
use crate::network::ipc::IpcName;
use crate::network::stack::ListenAddress;
use crate::network::stream::{End, yield_now};
use crate::network::{SimNetwork, SimStream};

/// Where a listener listens.
pub(super) enum Place {
    Tcp(ListenAddress),
    Ipc(IpcName),
}

/// A listening endpoint of a simulated host.
pub struct SimListener {
    pub(super) network: SimNetwork,
    pub(super) place: Place,
    pub(super) endpoint: Endpoint,
    closed: Cell<bool>,
}

impl SimListener {
    pub(super) const fn new(network: SimNetwork, place: Place, endpoint: Endpoint) -> Self {
        Self { network, place, endpoint, closed: Cell::new(false) }
    }

    /// What an accept fails with, once the listener is closed. By then another one may listen in its place.
    fn check_open(&self) -> io::Result<()> {
        if self.closed.get() { Err(io::ErrorKind::NotConnected.into()) } else { Ok(()) }
    }
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
                    self.check_open()?;
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
                let (end, peer) = poll_fn(|cx| {
                    self.check_open()?;
                    kernel.ipc.poll_accept(name, cx)
                })
                .await?;
                let path = name.path();
                (self.network.stream(end.stream, End::Ipc { end, path }), Some(peer))
            }
        };
        let addresses = stream.addresses();
        host.world.record(&Event::Accepted { host: host.id, stream: stream.id, peer, addresses });
        Ok(stream)
    }

    fn close(&self) {
        if self.closed.replace(true) {
            return;
        }
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

impl Drop for SimListener {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for SimListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimListener").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}
