//! What a broker tells systemd, when it is run by it: that it is ready, that it lives, and that it ends. The protocol is
//! that of sd_notify(3): lines in a datagram to the socket that the environment names.

use std::env;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// Whoever started the program, if it wants to know.
#[derive(Debug)]
pub(crate) struct Supervisor {
    socket: Option<UnixDatagram>,
    /// How often it has to hear of us.
    watchdog: Option<Duration>,
}

impl Supervisor {
    /// The one that the environment names, if it names one.
    pub(crate) fn new() -> Self {
        let socket = env::var("NOTIFY_SOCKET").ok().and_then(|name| {
            let connected = connect(&name);
            let failed =
                |error| tracing::warn!(target: "seaworthy::proxy", %error, "NOTIFY_SOCKET cannot be used");
            connected.map_err(failed).ok()
        });
        Self { socket, watchdog: watchdog() }
    }

    /// Says now and then that the thread that forwards is not stuck, if somebody wants to know.
    pub(crate) async fn watch(&self) {
        while let Some(interval) = self.watchdog {
            self.tell("WATCHDOG=1");
            compio::time::sleep(interval).await;
        }
    }

    /// All endpoints are bound.
    pub(crate) fn ready(&self) {
        self.tell("READY=1");
    }

    /// A line for `systemctl status`.
    pub(crate) fn status(&self, status: &str) {
        self.tell(&format!("STATUS={status}"));
    }

    /// The broker begins to end.
    pub(crate) fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    /// Never waits: a supervisor that does not read misses what it is told.
    fn tell(&self, line: &str) {
        if let Some(socket) = &self.socket
            && let Err(error) = socket.send(line.as_bytes())
        {
            tracing::debug!(target: "seaworthy::proxy", %error, line, "the supervisor was not told");
        }
    }
}

/// Opens the socket of a name: a path, or behind an `@` a name outside the file system.
fn connect(name: &str) -> io::Result<UnixDatagram> {
    let address = match name.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(name)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    socket.connect_addr(&address)?;
    Ok(socket)
}

/// Half of what is allowed, as sd_watchdog_enabled(3) advises. It is for this process unless it names another.
fn watchdog() -> Option<Duration> {
    let number = |name| env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let ours = number("WATCHDOG_PID").is_none_or(|process| process == u64::from(std::process::id()));
    let micros = number("WATCHDOG_USEC").filter(|micros| ours && *micros > 1)?;
    Some(Duration::from_micros(micros / 2))
}
