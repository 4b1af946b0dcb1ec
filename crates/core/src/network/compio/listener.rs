//! A bound endpoint.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::{Shutdown, TcpListener};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::task::{Context, Poll, Waker};

use compio::net::{TcpStream, UnixStream};
use compio::runtime::fd::PollFd;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use socket2::SockRef;

use super::port::HeldPort;
use super::socket_file::SocketFile;
use super::stream::CompioStream;
use crate::{Endpoint, Listener};

/// Connections accepted one after the other before the task lets others run.
const ACCEPTS_PER_TURN: u32 = 16;

/// Accepts streams over TCP or a Unix-domain socket.
///
/// Lack of file descriptors is reported by every accept until there are some, so whoever accepts in a loop
/// must pause after an error. One accept may be awaited at a time.
pub struct CompioListener {
    endpoint: Endpoint,
    /// `None` once it is closed.
    bound: RefCell<Option<Bound>>,
    /// The task that awaits a connection.
    waiting: Cell<Option<Waker>>,
    /// Connections accepted since a task last let others run.
    accepts: Cell<u32>,
}

/// What is open while the endpoint is bound.
///
/// No operation of the runtime is in flight on the listening socket: it would keep the socket open until the runtime
/// has seen its end, or, after SIGKILL, until the kernel has torn down the ring. The runtime polls an epoll set with
/// the socket in it instead, which does not keep it open.
struct Bound {
    socket: Socket,
    readiness: PollFd<OwnedFd>,
    file: Option<SocketFile>,
    _port: Option<HeldPort>,
}

enum Socket {
    Tcp(TcpListener),
    Ipc(UnixListener),
}

impl CompioListener {
    pub(super) fn tcp(socket: TcpListener, port: HeldPort, endpoint: Endpoint) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let readiness = readiness(&socket)?;
        Ok(Self::new(
            Bound { socket: Socket::Tcp(socket), readiness, file: None, _port: Some(port) },
            endpoint,
        ))
    }

    pub(super) fn ipc(
        socket: UnixListener,
        endpoint: Endpoint,
        file: Option<SocketFile>,
    ) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let readiness = readiness(&socket)?;
        Ok(Self::new(Bound { socket: Socket::Ipc(socket), readiness, file, _port: None }, endpoint))
    }

    fn new(bound: Bound, endpoint: Endpoint) -> Self {
        Self { endpoint, bound: RefCell::new(Some(bound)), waiting: Cell::default(), accepts: Cell::new(0) }
    }

    fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<CompioStream>> {
        let bound = self.bound.borrow();
        let Some(bound) = bound.as_ref() else {
            let closed = format!("the listener at {} is closed", self.endpoint);
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::NotConnected, closed)));
        };
        loop {
            if self.accepts.get() == ACCEPTS_PER_TURN {
                self.accepts.set(0);
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            match bound.accept(&self.endpoint) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                outcome => {
                    self.accepts.set(self.accepts.get() + 1);
                    return Poll::Ready(outcome);
                }
            }
            match bound.readiness.poll_accept_ready(context) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    self.accepts.set(0);
                    self.waiting.set(Some(context.waker().clone()));
                    return Poll::Pending;
                }
            }
        }
    }
}

impl Bound {
    fn accept(&self, endpoint: &Endpoint) -> io::Result<CompioStream> {
        match &self.socket {
            Socket::Tcp(listener) => {
                let (stream, peer) = listener.accept()?;
                stream.set_nodelay(true)?;
                Ok(CompioStream::tcp(TcpStream::from_std(stream)?, peer.to_string()))
            }
            Socket::Ipc(listener) => {
                let (stream, _) = listener.accept()?;
                // A connecting Unix-domain socket has no address of its own.
                Ok(CompioStream::ipc(UnixStream::from_std(stream)?, endpoint.to_string()))
            }
        }
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        // The file goes first: as long as somebody listens there, nobody takes it for a stale one and replaces it.
        drop(self.file.take());
        let socket = match &self.socket {
            Socket::Tcp(listener) => SockRef::from(listener),
            Socket::Ipc(listener) => SockRef::from(listener),
        };
        // A child that was forked and has not called exec yet holds the socket, too. It fails only if nobody listens.
        let _ = socket.shutdown(Shutdown::Both);
    }
}

impl Listener for CompioListener {
    type Stream = CompioStream;

    fn local_endpoint(&self) -> Endpoint {
        self.endpoint.clone()
    }

    async fn accept(&self) -> io::Result<CompioStream> {
        poll_fn(|context| self.poll_accept(context)).await
    }

    fn close(&self) {
        drop(self.bound.take());
        if let Some(waiting) = self.waiting.take() {
            waiting.wake();
        }
    }
}

impl fmt::Debug for CompioListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompioListener").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// An epoll set that is readable while `socket` is.
fn readiness(socket: &impl AsFd) -> io::Result<PollFd<OwnedFd>> {
    let set = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(&set, socket, EventData::new_u64(0), EventFlags::IN)?;
    PollFd::new(set)
}
