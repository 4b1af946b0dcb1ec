//! Which process listens on a Unix-domain socket: `SO_PEERCRED`. compio and socket2 do not have it, and rustix has no
//! value for a process that cannot be seen from here.
#![allow(
    unsafe_code,
    reason = "getsockopt is called by hand; with it, a bind waits only for processes that end"
)]

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd};

/// The process that listened at the address to which `socket` is connected. `None` for one of another namespace.
pub(super) fn peer_process(socket: BorrowedFd<'_>) -> io::Result<Option<u32>> {
    let mut credentials = MaybeUninit::<libc::ucred>::zeroed();
    let mut length = size_of::<libc::ucred>() as libc::socklen_t;
    // SAFETY: the file descriptor is borrowed, hence open; the kernel writes at most `length` bytes, the size of what
    // `credentials` points at, and keeps nothing.
    let outcome = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            credentials.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    if outcome != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it was zeroed, and any bytes are a `ucred`: three integers.
    let credentials = unsafe { credentials.assume_init() };
    Ok(u32::try_from(credentials.pid).ok().filter(|pid| *pid != 0))
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn the_other_end_of_a_pair_is_this_process() {
        let (one, _other) = UnixStream::pair().unwrap();
        assert_eq!(peer_process(one.as_fd()).unwrap(), Some(std::process::id()));
    }
}
