//! A bound endpoint.

use std::cell::RefCell;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::net::Shutdown;
use std::pin::Pin;
use std::task::{Poll, ready};

use compio::net::{TcpListener, UnixListener};
use socket2::SockRef;

use super::ipc::SocketFile;
use super::stream::CompioStream;
use super::turn::Turn;
use crate::{Endpoint, Listener};

/// Accepts streams over TCP or a Unix-domain socket.
///
/// Lack of file descriptors is reported by every accept until there are some, so whoever accepts in a loop
/// must pause after an error. One accept may be awaited at a time.
///
/// Dropped, it refuses connections at once and its endpoint can be bound again, except an abstract ipc name,
/// which the kernel frees when the runtime has seen the end of the last accept.
pub struct CompioListener {
    socket: Socket,
    endpoint: Endpoint,
    /// The accept in flight. It is kept here when the future that polls it is dropped, because it may
    /// already have taken a connection.
    accepting: RefCell<Option<Accepting>>,
    turn: Turn,
    /// Removes the socket file.
    _file: Option<SocketFile>,
}

type Accepting = Pin<Box<dyn Future<Output = io::Result<CompioStream>>>>;

enum Socket {
    Tcp(TcpListener),
    Ipc(UnixListener),
}

impl CompioListener {
    pub(super) fn tcp(socket: TcpListener, endpoint: Endpoint) -> Self {
        Self {
            socket: Socket::Tcp(socket),
            endpoint,
            accepting: RefCell::default(),
            turn: Turn::new(),
            _file: None,
        }
    }

    pub(super) fn ipc(socket: UnixListener, endpoint: Endpoint, file: Option<SocketFile>) -> Self {
        Self {
            socket: Socket::Ipc(socket),
            endpoint,
            accepting: RefCell::default(),
            turn: Turn::new(),
            _file: file,
        }
    }

    fn start_accept(&self) -> Accepting {
        match &self.socket {
            Socket::Tcp(listener) => {
                let listener = listener.clone();
                Box::pin(async move {
                    let (stream, peer) = listener.accept().await?;
                    stream.set_nodelay(true)?;
                    Ok(CompioStream::tcp(stream, peer.to_string()))
                })
            }
            Socket::Ipc(listener) => {
                let listener = listener.clone();
                // A connecting Unix-domain socket has no address of its own.
                let peer = self.endpoint.to_string();
                Box::pin(async move {
                    let (stream, _) = listener.accept().await?;
                    Ok(CompioStream::ipc(stream, peer))
                })
            }
        }
    }
}

impl Listener for CompioListener {
    type Stream = CompioStream;

    fn local_endpoint(&self) -> Endpoint {
        self.endpoint.clone()
    }

    async fn accept(&self) -> io::Result<CompioStream> {
        self.turn.count().await;
        poll_fn(|context| {
            let mut accepting = self.accepting.borrow_mut();
            let attempt = accepting.get_or_insert_with(|| self.start_accept());
            let outcome = ready!(attempt.as_mut().poll(context));
            *accepting = None;
            Poll::Ready(outcome)
        })
        .await
    }
}

impl Drop for CompioListener {
    fn drop(&mut self) {
        let socket = match &self.socket {
            Socket::Tcp(listener) => SockRef::from(listener),
            Socket::Ipc(listener) => SockRef::from(listener),
        };
        // An accept in flight keeps the socket open until the runtime has seen its end; this ends the
        // listening at once. It fails only if that has happened.
        let _ = socket.shutdown(Shutdown::Both);
    }
}

impl fmt::Debug for CompioListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompioListener").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}
