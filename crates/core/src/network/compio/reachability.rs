//! What the kernel knows of the other end of a stream: `TCP_INFO` and `SIOCOUTQ`, which neither compio nor rustix has.
#![allow(
    unsafe_code,
    reason = "two system calls by hand; without them a receiver that is slow is taken for dead"
)]

use std::ffi::c_int;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use crate::Reachability;

/// The `struct tcp_info` of Linux, as far as it is looked at; it only ever grows.
const TCP_INFO_BYTES: usize = 232;

// Where its fields lie.
const RETRANSMITS: usize = 2;
const PROBES: usize = 3;
const UNACKED: usize = 24;
const LAST_DATA_RECV: usize = 52;
const LAST_ACK_RECV: usize = 56;
const NOTSENT_BYTES: usize = 144;
const SND_WND: usize = 228;

/// Probes of a closed window that may be without an answer: the last may have been sent just now, and on the loopback one
/// is counted after it was answered.
const PROBES_UNANSWERED_MAX: u8 = 1;

/// What a TCP socket tells.
pub(super) struct Tcp {
    pub(super) reachability: Reachability,
    /// Bytes were written that the peer's kernel has not acknowledged.
    pub(super) unacknowledged: bool,
    /// The peer's receive window, in bytes; 0 where the kernel does not tell.
    pub(super) window: u32,
}

pub(super) fn of_tcp(socket: BorrowedFd<'_>) -> io::Result<Tcp> {
    let mut info = [0_u8; TCP_INFO_BYTES];
    let mut length = TCP_INFO_BYTES as libc::socklen_t;
    // SAFETY: the file descriptor is borrowed, hence open; the kernel writes at most `length` bytes into `info`, which
    // has that many and outlives the call, and what it wrote into `length`.
    let outcome = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            info.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    if outcome != 0 {
        return Err(io::Error::last_os_error());
    }
    let number = |at: usize| {
        let bytes = [info[at], info[at + 1], info[at + 2], info[at + 3]];
        u32::from_ne_bytes(bytes)
    };
    let unacked = number(UNACKED);
    let last_sign = number(LAST_ACK_RECV).min(number(LAST_DATA_RECV));
    let last_sign = Duration::from_millis(last_sign.into());
    let owes = unacked > 0 || info[RETRANSMITS] > 0 || info[PROBES] > PROBES_UNANSWERED_MAX;
    let unacknowledged = unacked > 0 || number(NOTSENT_BYTES) > 0;
    Ok(Tcp {
        reachability: Reachability {
            undelivered: unacknowledged,
            unanswered: owes.then_some(last_sign),
            last_sign: Some(last_sign),
        },
        unacknowledged,
        window: number(SND_WND),
    })
}

/// The kernel at the other end of a Unix-domain socket is this one, and lives.
pub(super) fn of_unix(socket: BorrowedFd<'_>) -> io::Result<Reachability> {
    let mut unread: c_int = 0;
    // SAFETY: the file descriptor is borrowed, hence open; the kernel writes one `c_int` to the address of one that
    // outlives the call.
    let outcome = unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &raw mut unread) };
    if outcome != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(Reachability { undelivered: unread > 0, unanswered: None, last_sign: None })
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn a_tcp_peer_that_does_not_read_owes_nothing_and_leaves_bytes_undelivered() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut writer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut reader, _) = listener.accept().unwrap();
        writer.write_all(b"a").unwrap();
        reader.read_exact(&mut [0]).unwrap();
        let idle = of_tcp(writer.as_fd()).unwrap();
        assert!(!idle.unacknowledged && idle.window > 0);
        assert_eq!(idle.reachability.unanswered, None);
        writer.set_nonblocking(true).unwrap();
        while writer.write(&[7; 65_536]).is_ok() {}
        let stalled = of_tcp(writer.as_fd()).unwrap();
        assert!(stalled.unacknowledged);
        assert!(stalled.reachability.last_sign.unwrap() < Duration::from_secs(60));
    }

    #[test]
    fn a_unix_peer_that_does_not_read_leaves_bytes_undelivered() {
        let (mut writer, mut reader) = UnixStream::pair().unwrap();
        assert!(!of_unix(writer.as_fd()).unwrap().undelivered);
        writer.write_all(b"a").unwrap();
        assert!(of_unix(writer.as_fd()).unwrap().undelivered);
        reader.read_exact(&mut [0]).unwrap();
        assert!(!of_unix(writer.as_fd()).unwrap().undelivered);
    }
}
