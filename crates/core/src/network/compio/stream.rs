//! A connected stream.

use std::cell::Cell;
use std::fmt;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::AsFd;

use bytes::{Bytes, BytesMut};
use compio::BufResult;
use compio::buf::{IntoInner, IoBufMut, IoVectoredBuf};
use compio::io::{AsyncRead, AsyncWrite};
use compio::net::{TcpStream, UnixStream};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::SockRef;

use super::coop::CoopBudget;
use super::{rcvlowat, reachability};
use crate::{Reachability, Stream};

/// Segments of one vectored write: what the kernel takes at most (`UIO_MAXIOV`).
const SEGMENTS_MAX: usize = 1024;

/// A stream over TCP or a Unix-domain socket.
///
/// compio keeps the buffers and the socket of an operation alive until the kernel has let go of them, also
/// when its future is dropped: then the operation is cancelled, and the socket closes after that.
pub struct CompioStream {
    socket: Socket,
    peer: String,
    rcvlowat: Cell<usize>,
    /// The widest receive window that the peer was seen to announce, in bytes.
    widest_window: Cell<u32>,
    reads: CoopBudget,
    writes: CoopBudget,
}

enum Socket {
    Tcp(TcpStream),
    Ipc(UnixStream),
}

/// Calls a method of compio's, which both kinds of stream have on their shared reference.
macro_rules! on_socket {
    ($stream:expr, |$socket:ident| $call:expr) => {
        match &$stream.socket {
            Socket::Tcp(tcp) => {
                let mut $socket = tcp;
                $call.await
            }
            Socket::Ipc(ipc) => {
                let mut $socket = ipc;
                $call.await
            }
        }
    };
}

impl CompioStream {
    pub(super) fn tcp(socket: TcpStream, peer: String) -> Self {
        Self::new(Socket::Tcp(socket), peer)
    }

    pub(super) fn ipc(socket: UnixStream, peer: String) -> Self {
        Self::new(Socket::Ipc(socket), peer)
    }

    fn new(socket: Socket, peer: String) -> Self {
        Self {
            socket,
            peer,
            rcvlowat: Cell::new(1),
            widest_window: Cell::new(0),
            reads: CoopBudget::new(),
            writes: CoopBudget::new(),
        }
    }

    /// Whether a read would not wait, as the kernel says at once: a task that reads a busy stream need not wait for the
    /// ring to say so.
    fn is_readable(&self) -> bool {
        let mut socket = match &self.socket {
            Socket::Tcp(tcp) => [PollFd::new(tcp, PollFlags::IN)],
            Socket::Ipc(ipc) => [PollFd::new(ipc, PollFlags::IN)],
        };
        poll(&mut socket, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
    }

    /// The address of this end. `None` for a Unix-domain socket, and once the connection is over.
    pub fn local_address(&self) -> Option<SocketAddr> {
        match &self.socket {
            Socket::Tcp(tcp) => tcp.local_addr().ok(),
            Socket::Ipc(_) => None,
        }
    }
}

impl Stream for CompioStream {
    async fn read(&self, buffer: BytesMut) -> (io::Result<usize>, BytesMut) {
        if buffer.capacity() == buffer.len() {
            // The kernel would answer 0, which means the end of the stream.
            let full =
                io::Error::new(io::ErrorKind::InvalidInput, "read into a buffer without spare capacity");
            return (Err(full), buffer);
        }
        self.reads.spend().await;
        // compio fills a bare BytesMut from its start; this view begins behind what it holds.
        let BufResult(outcome, view) = on_socket!(self, |socket| socket.read(buffer.uninit()));
        (outcome, view.into_inner())
    }

    async fn readable(&self) {
        // Whatever fails here fails the read, too, which returns it.
        if self.is_readable() {
            return;
        }
        let waiting = match &self.socket {
            Socket::Tcp(tcp) => tcp.to_poll_fd(),
            Socket::Ipc(ipc) => ipc.to_poll_fd(),
        };
        if let Ok(waiting) = waiting {
            let _ = waiting.read_ready().await;
        }
    }

    fn set_rcvlowat(&self, bytes: usize) {
        // Unix-domain sockets do not have it.
        if let Socket::Tcp(tcp) = &self.socket
            && self.rcvlowat.replace(bytes) != bytes
        {
            // Without it, reads are smaller and more.
            let _ = rcvlowat::set_rcvlowat(tcp.as_fd(), bytes);
        }
    }

    async fn write(&self, mut segments: Vec<Bytes>) -> (io::Result<usize>, Vec<Bytes>) {
        self.writes.spend().await;
        if let [only] = segments.as_mut_slice() {
            let BufResult(outcome, sent) = on_socket!(self, |socket| socket.write(std::mem::take(only)));
            *only = sent;
            return (outcome, segments);
        }
        let gather = Gather(segments);
        if gather.iter_slice().next().is_none() {
            return (Ok(0), gather.0);
        }
        let BufResult(outcome, gather) = on_socket!(self, |socket| socket.write_vectored(gather));
        (outcome, gather.0)
    }

    async fn shutdown(&self) -> io::Result<()> {
        // By hand, since compio would use a thread for it on epoll.
        let socket = match &self.socket {
            Socket::Tcp(tcp) => SockRef::from(tcp),
            Socket::Ipc(ipc) => SockRef::from(ipc),
        };
        socket.shutdown(Shutdown::Write)
    }

    fn reset(&self) {
        // Both can only fail because the connection is over already.
        let _ = match &self.socket {
            // Closing with SO_LINGER 0 would wait for the reads and writes in flight, which wait for the peer.
            // Connecting to nowhere sends the reset now and fails them.
            Socket::Tcp(tcp) => rustix::net::connect_unspec(tcp).map_err(io::Error::from),
            Socket::Ipc(ipc) => SockRef::from(ipc).shutdown(Shutdown::Both),
        };
    }

    fn reachability(&self) -> Option<Reachability> {
        match &self.socket {
            Socket::Tcp(tcp) => {
                let told = reachability::of_tcp(tcp.as_fd()).ok()?;
                let widest = self.widest_window.get().max(told.window);
                self.widest_window.set(widest);
                // A program that reads all keeps its window at more than half of what it ever was: for less, Linux
                // announces one that has doubled.
                let unread = told.window < widest / 2;
                Some(Reachability { undelivered: told.unacknowledged || unread, ..told.reachability })
            }
            Socket::Ipc(ipc) => reachability::of_unix(ipc.as_fd()).ok(),
        }
    }

    fn peer_address(&self) -> String {
        self.peer.clone()
    }
}

impl fmt::Debug for CompioStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompioStream").field("peer", &self.peer).finish_non_exhaustive()
    }
}

/// The segments as the kernel sees them: no empty ones, and no more than it takes at once.
struct Gather(Vec<Bytes>);

impl IoVectoredBuf for Gather {
    fn iter_slice(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().filter(|segment| !segment.is_empty()).map(|segment| &segment[..]).take(SEGMENTS_MAX)
    }
}
