//! Where the ports and paths of a scenario's hosts are on this machine.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs::{self, DirBuilder};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use seaworthy_core::IpcPath;
use socket2::{Domain, Socket, Type};

use seaworthy_engine::HostId;

/// The ports and the folder of one run.
#[derive(Debug)]
pub(super) struct AddressMap {
    ports: RefCell<BTreeMap<(HostId, u16), Reserved>>,
    paths: RefCell<BTreeMap<(HostId, IpcPath), usize>>,
    folder: Folder,
    /// Makes abstract names differ from those of other runs.
    salt: u64,
    next_path: Cell<usize>,
}

/// A port of this machine that stands for one of the scenario.
///
/// The socket is bound and never listens. So the port belongs to this run while nobody listens there, and whoever
/// connects meanwhile is refused.
#[derive(Debug)]
struct Reserved {
    _socket: Socket,
    port: u16,
}

impl Reserved {
    fn new() -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        // Listeners share it; they have this option, too.
        socket.set_reuse_address(true)?;
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
        let address = socket.local_addr()?.as_socket().ok_or(io::ErrorKind::AddrNotAvailable)?;
        Ok(Self { _socket: socket, port: address.port() })
    }
}

impl AddressMap {
    pub(super) fn new(random: impl Fn() -> u64) -> io::Result<Self> {
        Ok(Self {
            ports: RefCell::default(),
            paths: RefCell::default(),
            folder: Folder::create(&random)?,
            salt: random(),
            next_path: Cell::new(0),
        })
    }

    /// The port of 127.0.0.1 that stands for this port of a host.
    pub(super) fn port(&self, host: HostId, port: u16) -> io::Result<u16> {
        let mut ports = self.ports.borrow_mut();
        if let Some(reserved) = ports.get(&(host, port)) {
            return Ok(reserved.port);
        }
        let reserved = Reserved::new()?;
        let real = reserved.port;
        ports.insert((host, port), reserved);
        Ok(real)
    }

    /// The path that stands for this path of a host.
    pub(super) fn path(&self, host: HostId, path: &IpcPath) -> IpcPath {
        let number = *self
            .paths
            .borrow_mut()
            .entry((host, path.clone()))
            .or_insert_with(|| self.next_path.replace(self.next_path.get() + 1));
        match path {
            IpcPath::File(_) => IpcPath::File(self.folder.0.join(number.to_string())),
            IpcPath::Abstract(_) => IpcPath::Abstract(format!("seaworthy-{:016x}-{number}", self.salt)),
            IpcPath::Wildcard => IpcPath::Wildcard,
        }
    }
}

/// Leaves a socket file on which nobody listens, as a process that is killed does.
pub(super) fn leave_behind(file: &Path) -> io::Result<()> {
    UnixListener::bind(file).map(drop)
}

/// A folder that only its user may enter. Removed when dropped, with all that is in it.
#[derive(Debug)]
struct Folder(PathBuf);

impl Folder {
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

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is left to whoever cleans temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    fn places() -> AddressMap {
        let next = Cell::new(u64::from(std::process::id()) << 32);
        AddressMap::new(|| next.replace(next.get() + 1)).unwrap()
    }

    #[test]
    fn a_port_keeps_its_place_and_refuses_until_somebody_listens_there() {
        let places = places();
        let (one, other) = (HostId::at(0), HostId::at(1));
        let port = places.port(one, 5555).unwrap();
        assert_eq!(places.port(one, 5555).unwrap(), port);
        assert_ne!(places.port(other, 5555).unwrap(), port);
        let connect = || TcpStream::connect((Ipv4Addr::LOCALHOST, port));
        assert_eq!(connect().unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        for _ in 0..2 {
            // The standard library's listeners reuse addresses as ours do.
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
            connect().unwrap();
            drop(listener);
            assert_eq!(connect().unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        }
    }

    #[test]
    fn the_folder_goes_with_its_run() {
        let places = places();
        let IpcPath::File(file) = places.path(HostId::at(0), &IpcPath::File("a".into())) else { panic!() };
        leave_behind(&file).unwrap();
        assert!(file.exists());
        let folder = file.parent().unwrap().to_owned();
        drop(places);
        assert!(!folder.exists());
    }
}
