//! Unix-domain sockets.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;

use compio::net::UnixSocket;
use socket2::{Domain, SockAddr, SockRef, Socket, Type};

use super::socket_file::{SocketFile, bind_patiently};
use super::{CompioListener, CompioStream, backlog, set_buffers};
use crate::{Endpoint, IpcPath, StreamOptions};

pub(super) async fn connect(path: &IpcPath, options: &StreamOptions) -> io::Result<CompioStream> {
    let address = match path {
        IpcPath::File(file) => SockAddr::unix(file)?,
        IpcPath::Abstract(name) => abstract_address(name)?,
        IpcPath::Wildcard => {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "ipc://* can be bound, not connected to",
            ));
        }
    };
    let socket = UnixSocket::new_stream().await?;
    set_buffers(&SockRef::from(&socket), options)?;
    let stream = socket.connect_addr(&address).await?;
    // On epoll this succeeds also where the backlog is full, and nothing tells when there is room.
    SockRef::from(&stream).peer_addr()?;
    Ok(CompioStream::ipc(stream, Endpoint::Ipc(path.clone()).to_string()))
}

/// Listens at `path`; a wildcard becomes a file with a `random` name, which only its user may connect to.
pub(super) fn listen(
    path: &IpcPath,
    options: &StreamOptions,
    random: impl Fn() -> u64,
) -> io::Result<CompioListener> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    set_buffers(&socket, options)?;
    let backlog = backlog(options);
    let (endpoint, file) = match path {
        IpcPath::File(path) => (Endpoint::ipc_file(path), Some(SocketFile::bind(&socket, path, backlog)?)),
        IpcPath::Wildcard => loop {
            let path = std::env::temp_dir().join(format!("seaworthy-{:016x}", random()));
            match socket.bind(&SockAddr::unix(&path)?) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => continue,
                Err(error) => return Err(error),
            }
            let file = SocketFile::of(&path)?;
            // Before anybody can connect.
            fs::set_permissions(&path, Permissions::from_mode(0o700))?;
            socket.listen(backlog)?;
            break (Endpoint::ipc_file(&path), Some(file));
        },
        IpcPath::Abstract(name) => {
            bind_patiently(&socket, &abstract_address(name)?)?;
            socket.listen(backlog)?;
            (Endpoint::Ipc(path.clone()), None)
        }
    };
    CompioListener::ipc(socket.into(), endpoint, file)
}

fn abstract_address(name: &str) -> io::Result<SockAddr> {
    SockAddr::unix(format!("\0{name}"))
}
