//! io_uring or epoll through compio: the only folder that names compio.

mod blocking_retry;
mod clock;
mod coop;
mod doorbell;
mod driver;
mod ipc;
mod listener;
mod peer_process;
mod port;
mod process;
mod rcvlowat;
mod reachability;
mod resolver;
mod runtimes;
mod socket_file;
mod stream;
mod tcp;

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};

use compio::runtime::Runtime;
use rand::rngs::{OsRng, StdRng};
use rand::{Rng, SeedableRng, TryRngCore};

pub use self::driver::{Driver, runtime};
pub use self::listener::CompioListener;
use self::resolver::Resolver;
pub use self::stream::CompioStream;
use crate::network::RuntimeId;
use crate::{Doorbell, Endpoint, Instant, Network, StreamOptions};

/// The real network: io_uring or epoll ([`Driver`] says which), the system's clock and its name resolver, through
/// [compio](https://docs.rs/compio).
///
/// A task, a stream and a listener belong to the compio runtime, hence to the thread, that made them; the
/// network itself may be shared by threads that each run their own.
///
/// # Panics of tasks
/// A task that panics is dropped, with everything it held, and the runtime goes on: the panic hook has printed
/// the panic, and an `ERROR` event names the task. Whether the process survives is for its panic strategy to
/// say (`panic = "abort"`) or its panic hook.
///
/// # Panics
/// [`spawn`](Network::spawn), and awaiting anything, outside a compio runtime.
#[derive(Clone)]
pub struct CompioNetwork {
    random: Arc<Mutex<StdRng>>,
    resolver: Resolver,
}

impl CompioNetwork {
    /// A network whose random numbers, good enough for keys, are seeded by the operating system.
    ///
    /// # Panics
    /// When the operating system has no random numbers to give.
    pub fn new() -> Self {
        Self { random: Arc::new(Mutex::new(StdRng::from_os_rng())), resolver: Resolver::system() }
    }

    /// The same network with another resolver: `look_up` gives the addresses of a host name; their ports do not
    /// matter. It may block: it is called on threads of its own, of which there are few, once for all who ask for a
    /// name at the same time.
    pub fn with_resolver(
        self,
        look_up: impl Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
    ) -> Self {
        Self { resolver: Resolver::new(look_up), ..self }
    }
}

impl Default for CompioNetwork {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for CompioNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompioNetwork").finish_non_exhaustive()
    }
}

impl Network for CompioNetwork {
    type Stream = CompioStream;
    type Listener = CompioListener;

    fn now(&self) -> Instant {
        clock::now()
    }

    fn sleep_until(&self, deadline: Instant) -> impl Future<Output = ()> + 'static {
        clock::sleep_until(deadline)
    }

    fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + 'static) {
        compio::runtime::spawn(report_panic(name, task)).detach();
    }

    fn random(&self) -> u64 {
        self.random.lock().unwrap_or_else(PoisonError::into_inner).random()
    }

    fn fill_secret(&self, secret: &mut [u8]) -> io::Result<()> {
        OsRng.try_fill_bytes(secret).map_err(io::Error::other)
    }

    fn has_other_threads(&self) -> bool {
        true
    }

    fn runtime(&self) -> io::Result<RuntimeId> {
        runtimes::current()
    }

    fn serves(&self, runtime: RuntimeId) -> bool {
        runtimes::serves(runtime)
    }

    fn doorbell(&self) -> io::Result<Option<Arc<Doorbell>>> {
        runtimes::current_doorbell(self).map(Some)
    }

    fn connect(
        &self,
        endpoint: &Endpoint,
        options: &StreamOptions,
    ) -> impl Future<Output = io::Result<CompioStream>> + 'static {
        let endpoint = endpoint.clone();
        let options = options.clone();
        let network = self.clone();
        async move {
            driver::report_epoll();
            match endpoint {
                Endpoint::Tcp { host, port } => tcp::connect(&network, &host, port, None, &options).await,
                Endpoint::TcpFrom { source, host, port } => {
                    tcp::connect(&network, &host, port, Some(&source), &options).await
                }
                Endpoint::Ipc(path) => ipc::connect(&path, &options).await,
                Endpoint::Inproc(_) => Err(no_transport(&endpoint)),
            }
        }
    }

    fn listen(&self, endpoint: &Endpoint, options: &StreamOptions) -> io::Result<CompioListener> {
        if Runtime::try_with_current(|_| ()).is_err() {
            return Err(io::Error::other(format!("cannot listen at {endpoint} outside a compio runtime")));
        }
        driver::report_epoll();
        match endpoint {
            Endpoint::Tcp { host, port } => tcp::listen(&self.resolver, host, *port, options),
            Endpoint::TcpFrom { .. } => Err(source_of_a_listener(endpoint)),
            Endpoint::Ipc(path) => ipc::listen(path, options, || self.random()),
            Endpoint::Inproc(_) => Err(no_transport(endpoint)),
        }
    }
}

fn no_transport(endpoint: &Endpoint) -> io::Error {
    io::Error::new(
        io::ErrorKind::Unsupported,
        format!("{endpoint} names a place inside a context, not on the network"),
    )
}

fn source_of_a_listener(endpoint: &Endpoint) -> io::Error {
    let reason = format!("{endpoint} has a source address, which only a connecting side has");
    io::Error::new(io::ErrorKind::InvalidInput, reason)
}

/// What a listening or connecting side asks of a fresh socket before it listens or connects.
fn set_buffers(socket: &socket2::Socket, options: &StreamOptions) -> io::Result<()> {
    // The kernel takes an int and clamps it to its own maximum.
    const LARGEST: usize = i32::MAX as usize;
    if let Some(bytes) = options.sndbuf {
        socket.set_send_buffer_size(bytes.min(LARGEST))?;
    }
    if let Some(bytes) = options.rcvbuf {
        socket.set_recv_buffer_size(bytes.min(LARGEST))?;
    }
    Ok(())
}

fn backlog(options: &StreamOptions) -> i32 {
    options.backlog.try_into().unwrap_or(i32::MAX)
}

/// Runs `task`; compio would keep a panic of it in a handle that nobody looks at.
async fn report_panic(name: &'static str, task: impl Future<Output = ()>) {
    let mut task = pin!(task);
    std::future::poll_fn(move |context| {
        match catch_unwind(AssertUnwindSafe(|| task.as_mut().poll(context))) {
            Ok(poll) => poll,
            Err(payload) => {
                let panic = payload
                    .downcast_ref::<&str>()
                    .copied()
                    .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
                    .unwrap_or("(no message)");
                tracing::error!(task = name, panic, "a task of the network panicked");
                // compio drops the task in the right place; the panic hook does not run again.
                resume_unwind(payload)
            }
        }
    })
    .await;
}
