//! Unix-domain sockets and their files.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use compio::net::{UnixListener, UnixSocket};
use socket2::{Domain, SockAddr, SockRef, Socket, Type};

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

/// Listens at `path`; a wildcard becomes a file in a directory of its own, named with `random` numbers.
pub(super) fn listen(
    path: &IpcPath,
    options: &StreamOptions,
    random: impl Fn() -> u64,
) -> io::Result<CompioListener> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    set_buffers(&socket, options)?;
    let (endpoint, file) = match path {
        IpcPath::File(path) => {
            (Endpoint::ipc_file(path), Some(SocketFile::bind(&socket, path.clone(), None)?))
        }
        IpcPath::Wildcard => {
            let directory = TemporaryDirectory::create(random)?;
            let path = directory.0.join("socket");
            (Endpoint::ipc_file(&path), Some(SocketFile::bind(&socket, path, Some(directory))?))
        }
        IpcPath::Abstract(name) => {
            socket.bind(&abstract_address(name)?)?;
            (Endpoint::Ipc(path.clone()), None)
        }
    };
    socket.listen(backlog(options))?;
    Ok(CompioListener::ipc(UnixListener::from_std(socket.into())?, endpoint, file))
}

fn abstract_address(name: &str) -> io::Result<SockAddr> {
    SockAddr::unix(format!("\0{name}"))
}

/// The file of a bound socket. Dropping it removes the file, unless somebody has put another in its place.
pub(super) struct SocketFile {
    path: PathBuf,
    /// Device and inode.
    identity: (u64, u64),
    /// Goes after the file.
    _directory: Option<TemporaryDirectory>,
}

impl SocketFile {
    /// Binds `socket` to `path`. A socket file that nobody listens on is replaced.
    fn bind(socket: &Socket, path: PathBuf, directory: Option<TemporaryDirectory>) -> io::Result<Self> {
        let address = SockAddr::unix(&path)?;
        let bound = socket.bind(&address);
        if bound.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::AddrInUse)
            && is_stale(&path, &address)?
        {
            fs::remove_file(&path)?;
            socket.bind(&address)?;
        } else {
            bound?;
        }
        let identity = identity(&path)?;
        Ok(Self { path, identity, _directory: directory })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|identity| identity == self.identity) {
            // It may be gone by now, which is as good.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Whether the file is a socket of a listener that is no more: the next process may find what a crashed one
/// left behind.
fn is_stale(path: &Path, address: &SockAddr) -> io::Result<bool> {
    if !fs::symlink_metadata(path)?.file_type().is_socket() {
        return Ok(false);
    }
    let probe = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // A listener whose backlog is full is alive; a blocking probe would wait for it.
    probe.set_nonblocking(true)?;
    Ok(probe.connect(address).is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused))
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = fs::symlink_metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

/// A directory for one socket file, which only its user may enter. Removed when dropped, if empty.
struct TemporaryDirectory(PathBuf);

impl TemporaryDirectory {
    fn create(random: impl Fn() -> u64) -> io::Result<Self> {
        loop {
            let path = std::env::temp_dir().join(format!("seaworthy-{:016x}", random()));
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Self(path)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl Drop for TemporaryDirectory {
    fn drop(&mut self) {
        // Somebody may have put something in; then it stays.
        let _ = fs::remove_dir(&self.0);
    }
}
