//! The file of a Unix-domain socket: who may bind it, and who removes it.
//!
//! A listener that crashed leaves its file behind, and the next one replaces it. Whoever binds holds a lock on the
//! directory from before the bind until it listens. So of those that find the same stale file one removes it, and a
//! file that is bound and not listened on yet is not taken for a stale one. The lock is the kernel's and ends with
//! its holder; no other file is made.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use socket2::{Domain, SockAddr, Socket, Type};

use super::blocking_retry::BlockingRetry;
use super::peer_process::peer_process;
use super::process;

/// How long to wait for the lock of a directory, which is held for about a millisecond. Longer, and somebody uses it
/// for another purpose.
const LOCK_MAX: Duration = Duration::from_millis(500);

/// How long a process other than Seaworthy may take from binding a file, which looks stale then, to listening on it.
const BIND_TO_LISTEN: Duration = Duration::from_millis(1);

/// The file of a bound socket. Dropping it removes the file, unless somebody has put another in its place.
pub(super) struct SocketFile {
    path: PathBuf,
    identity: Identity,
}

/// Device and inode. While a socket is open, no other file has its inode.
type Identity = (u64, u64);

impl SocketFile {
    /// The file of a socket that was bound to `path` just now.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_path_buf(), identity: identity(path)? })
    }

    /// Binds `socket` to `path` and listens. A socket file that nobody listens on is replaced.
    pub(super) fn bind(socket: &Socket, path: &Path, backlog: i32) -> io::Result<Self> {
        let address = SockAddr::unix(path)?;
        let retry = BlockingRetry::new();
        loop {
            let lock = DirectoryLock::acquire(path);
            if let Some(file) = Self::try_bind(socket, path, &address, backlog)? {
                return Ok(file);
            }
            match Holder::of(path, &address)? {
                Holder::Nobody(stale) => {
                    if let Err(error) = &lock {
                        return Err(in_use(&format!(
                            "the file is stale, and its directory cannot be locked to replace it: {error}"
                        )));
                    }
                    if identity(path).is_ok_and(|identity| identity == stale) {
                        remove(path)?;
                    }
                    if let Some(file) = Self::try_bind(socket, path, &address, backlog)? {
                        return Ok(file);
                    }
                }
                Holder::NoSocket => return Err(in_use("there is a file that is no socket")),
                Holder::Process(pid) if !process::is_ending(pid) => return Err(listened_on(pid)),
                Holder::Process(_) | Holder::Unknown => {}
            }
            drop(lock);
            if !retry.pause() {
                return Err(in_use("somebody listens there"));
            }
        }
    }

    /// `None` when there is a file already.
    fn try_bind(socket: &Socket, path: &Path, address: &SockAddr, backlog: i32) -> io::Result<Option<Self>> {
        match socket.bind(address) {
            Ok(()) => {
                let file = Self::of(path)?;
                socket.listen(backlog)?;
                Ok(Some(file))
            }
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => Ok(None),
            Err(error) => Err(error),
        }
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

/// Binds `socket` to a name without a file. A process that is ending may hold it a moment longer.
pub(super) fn bind_patiently(socket: &Socket, address: &SockAddr) -> io::Result<()> {
    let retry = BlockingRetry::new();
    loop {
        match socket.bind(address) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            outcome => return outcome,
        }
        if let Ok(Some(pid)) = listening_process(address)
            && !process::is_ending(pid)
        {
            return Err(listened_on(pid));
        }
        if !retry.pause() {
            return Err(in_use("somebody has bound it"));
        }
    }
}

fn in_use(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::AddrInUse, format!("address in use: {why}"))
}

fn listened_on(pid: u32) -> io::Error {
    if pid == std::process::id() {
        in_use("this process listens there")
    } else {
        in_use(&format!("process {pid} listens there"))
    }
}

/// Whose a file is that is in the way.
enum Holder {
    /// It is a socket's, on which nobody listens.
    Nobody(Identity),
    NoSocket,
    Process(u32),
    /// The file is gone, or its process cannot be seen from here.
    Unknown,
}

impl Holder {
    fn of(path: &Path, address: &SockAddr) -> io::Result<Self> {
        let metadata = match fs::symlink_metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::Unknown),
            Err(error) => return Err(error),
        };
        if !metadata.file_type().is_socket() {
            return Ok(Self::NoSocket);
        }
        for last_look in [false, true] {
            match listening_process(address) {
                Ok(Some(pid)) => return Ok(Self::Process(pid)),
                Ok(None) => return Ok(Self::Unknown),
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::Unknown),
                Err(error) => return Err(in_use(&format!("who listens there cannot be found out: {error}"))),
            }
            if !last_look {
                #[allow(
                    clippy::disallowed_methods,
                    reason = "bind does not wait for anything but the kernel"
                )]
                std::thread::sleep(BIND_TO_LISTEN);
            }
        }
        Ok(Self::Nobody((metadata.dev(), metadata.ino())))
    }
}

/// The process that listens at `address`; `None` when it cannot be told.
///
/// # Errors
/// [`ConnectionRefused`](io::ErrorKind::ConnectionRefused): nobody listens.
fn listening_process(address: &SockAddr) -> io::Result<Option<u32>> {
    let probe = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // A listener whose backlog is full is alive; a blocking probe would wait for it.
    probe.set_nonblocking(true)?;
    match probe.connect(address) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
        Err(error) => return Err(error),
    }
    Ok(peer_process(probe.as_fd()).ok().flatten())
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => {
            let kind = error.kind();
            Err(io::Error::new(kind, format!("the stale socket file cannot be removed: {error}")))
        }
        Ok(()) => Ok(()),
    }
}

fn identity(path: &Path) -> io::Result<Identity> {
    let metadata = fs::symlink_metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

/// Keeps other listeners of the same directory from binding.
struct DirectoryLock(File);

impl DirectoryLock {
    fn acquire(path: &Path) -> io::Result<Self> {
        let directory = match path.parent() {
            Some(directory) if !directory.as_os_str().is_empty() => directory,
            _ => Path::new("."),
        };
        let directory = File::open(directory)?;
        let retry = BlockingRetry::within(LOCK_MAX);
        loop {
            match flock(&directory, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Self(directory)),
                Err(error) if error == rustix::io::Errno::WOULDBLOCK && retry.pause() => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Drop for DirectoryLock {
    fn drop(&mut self) {
        // Closing is not enough: a child that was forked and has not called exec yet holds the lock, too.
        let _ = flock(&self.0, FlockOperation::Unlock);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    fn bind(path: &Path) -> io::Result<(UnixListener, SocketFile)> {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        let file = SocketFile::bind(&socket, path, 1000)?;
        Ok((socket.into(), file))
    }

    /// Threads bind one path at once, `rounds` times; before each round `prepare` puts there what they find.
    fn race(name: &str, threads: usize, rounds: usize, prepare: impl Fn(&Path)) {
        let path = std::env::temp_dir().join(format!("seaworthy-{name}-{}", std::process::id()));
        for round in 0..rounds {
            prepare(&path);
            let start = Barrier::new(threads);
            let contend = || {
                start.wait();
                bind(&path)
            };
            let outcomes: Vec<_> = thread::scope(|scope| {
                let contenders: Vec<_> = (0..threads).map(|_| scope.spawn(contend)).collect();
                contenders.into_iter().map(|contender| contender.join().unwrap()).collect()
            });
            let (won, lost): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
            for error in lost.into_iter().filter_map(Result::err) {
                assert_eq!(error.kind(), io::ErrorKind::AddrInUse, "round {round}: {error}");
            }
            assert_eq!(won.len(), 1, "round {round}");
            // Whoever connects reaches the one that was told Ok.
            UnixStream::connect(&path).unwrap();
            for (listener, _) in won.iter().flatten() {
                listener.set_nonblocking(true).unwrap();
                // Probes came in before it.
                assert!(listener.accept().is_ok(), "round {round}: deaf");
            }
            drop(won);
            assert!(!path.exists(), "round {round}: left behind");
        }
    }

    fn leave_stale(path: &Path) {
        drop(UnixListener::bind(path).unwrap());
        // A child of another test that was forked just now has the listener, too, until it calls exec.
        while UnixStream::connect(path).is_ok() {}
    }

    #[test]
    fn of_two_that_bind_a_stale_file_at_once_one_succeeds() {
        race("two", 2, 1000, leave_stale);
    }

    #[test]
    fn of_five_that_bind_a_stale_file_at_once_one_succeeds() {
        race("five", 5, 300, leave_stale);
    }

    #[test]
    fn of_three_that_bind_where_no_file_is_one_succeeds() {
        race("none", 3, 1000, |_| {});
    }

    #[test]
    fn of_threads_that_bind_and_let_go_again_and_again_one_listens_at_a_time() {
        let path = std::env::temp_dir().join(format!("seaworthy-churn-{}", std::process::id()));
        let (held, times) = (AtomicBool::new(false), AtomicUsize::new(0));
        let address = SockAddr::unix(&path).unwrap();
        let contend = || {
            for round in 0..500 {
                let (_listener, file) = match bind(&path) {
                    Ok(bound) => bound,
                    Err(error) => {
                        assert_eq!(error.kind(), io::ErrorKind::AddrInUse, "{error}");
                        continue;
                    }
                };
                assert!(!held.swap(true, Ordering::SeqCst), "two listen");
                // It does not wait, also when those that were refused have filled the backlog.
                listening_process(&address).unwrap();
                times.fetch_add(1, Ordering::SeqCst);
                held.store(false, Ordering::SeqCst);
                // Some end as a process that is killed does.
                if round % 3 == 0 {
                    std::mem::forget(file);
                } else {
                    drop(file);
                }
            }
        };
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(contend);
            }
        });
        assert!(times.into_inner() > 4);
        let _ = fs::remove_file(&path);
    }

    #[test]
    fn without_its_lock_a_directory_takes_new_files_and_keeps_stale_ones() {
        let directory = std::env::temp_dir().join(format!("seaworthy-locked-{}", std::process::id()));
        fs::create_dir(&directory).unwrap();
        let path = directory.join("socket");
        let held = DirectoryLock::acquire(&path).unwrap();
        drop(bind(&path).unwrap());
        leave_stale(&path);
        let error = bind(&path).err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        assert!(error.to_string().contains("cannot be locked"), "{error}");
        drop(held);
        drop(bind(&path).unwrap());
        fs::remove_dir(&directory).unwrap();
    }

    #[test]
    fn who_is_in_the_way_is_named() {
        let path = std::env::temp_dir().join(format!("seaworthy-named-{}", std::process::id()));
        let _bound = bind(&path).unwrap();
        let error = bind(&path).err().unwrap();
        assert!(error.to_string().contains("this process listens there"), "{error}");
    }
}
