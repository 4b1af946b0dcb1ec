//! [`SimListener`]: a listening endpoint of a simulated host.

use std::cell::Cell;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::task::Poll;

use seaworthy_core::{Endpoint, Listener};

use crate::event::Event;
use crate::kernel::connection::ListenAddress;
use crate::kernel::ipc::IpcName;
use crate::network::boot::Boot;
use crate::network::stream::{End, SimStream, yield_now};

/// Where a listener listens.
pub(super) enum Place {
    Tcp(ListenAddress),
    Ipc(IpcName),
}

/// A listening endpoint of a simulated host.
pub struct SimListener {
    boot: Boot,
    pub(super) place: Place,
    pub(super) endpoint: Endpoint,
    closed: Cell<bool>,
}

impl SimListener {
    pub(super) const fn new(boot: Boot, place: Place, endpoint: Endpoint) -> Self {
        Self { boot, place, endpoint, closed: Cell::new(false) }
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
        let Boot { host, kernel } = &self.boot;
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
                (
                    SimStream::new(self.boot.clone(), stream, End::Tcp(id)),
                    host.environment.recorder.peer_of(addresses),
                )
            }
            Place::Ipc(name) => {
                let (end, peer) = poll_fn(|cx| {
                    self.check_open()?;
                    kernel.ipc.poll_accept(name, cx)
                })
                .await?;
                let path = name.path();
                (SimStream::new(self.boot.clone(), end.stream, End::Ipc { end, path }), Some(peer))
            }
        };
        let addresses = stream.addresses();
        host.environment.record(&Event::Accepted { host: host.id, stream: stream.id, peer, addresses });
        Ok(stream)
    }

    fn close(&self) {
        if self.closed.replace(true) {
            return;
        }
        let Boot { host, kernel } = &self.boot;
        match &self.place {
            Place::Tcp(listen) => {
                kernel.with_stack(|stack, now| stack.unlisten(*listen, now));
            }
            Place::Ipc(name) => kernel.ipc.unlisten(&kernel.files, name, host.is_dying()),
        }
        host.environment.record(&Event::Unlistened { host: host.id, endpoint: &self.endpoint });
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
