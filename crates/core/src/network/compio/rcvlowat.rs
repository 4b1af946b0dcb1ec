//! How many bytes wake a reader: `SO_RCVLOWAT`, which neither compio nor socket2 has.
#![allow(
    unsafe_code,
    reason = "setsockopt is called by hand; with it, frames of 1 MiB arrive a fifth faster"
)]

use std::ffi::c_int;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Sets it. The kernel wakes the reader all the same when the stream ends, or when no more bytes fit in.
pub(super) fn set_rcvlowat(socket: BorrowedFd<'_>, bytes: usize) -> io::Result<()> {
    let bytes = c_int::try_from(bytes).unwrap_or(c_int::MAX);
    // SAFETY: the file descriptor is borrowed, hence open; the kernel reads `size_of::<c_int>()` bytes at the address
    // of a `c_int` that outlives the call, and keeps nothing.
    let outcome = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_RCVLOWAT,
            std::ptr::from_ref(&bytes).cast(),
            size_of::<c_int>() as libc::socklen_t,
        )
    };
    if outcome == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{Shutdown, TcpListener, TcpStream};
    use std::os::fd::AsFd;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    use super::*;

    /// Whether a reader would be woken now, or within some time.
    fn is_readable(socket: &TcpStream, seconds: i64) -> bool {
        let timeout = Timespec { tv_sec: seconds, tv_nsec: 0 };
        poll(&mut [PollFd::new(socket, PollFlags::IN)], Some(&timeout)).unwrap() > 0
    }

    #[test]
    fn a_reader_is_woken_by_as_many_bytes_and_by_the_end() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut writer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        writer.set_nodelay(true).unwrap();
        let (reader, _) = listener.accept().unwrap();
        set_rcvlowat(reader.as_fd(), 100).unwrap();
        writer.write_all(&[7; 99]).unwrap();
        assert!(!is_readable(&reader, 0));
        writer.write_all(&[7]).unwrap();
        assert!(is_readable(&reader, 60));
        set_rcvlowat(reader.as_fd(), 101).unwrap();
        assert!(!is_readable(&reader, 0));
        writer.shutdown(Shutdown::Write).unwrap();
        assert!(is_readable(&reader, 60));
    }
}
