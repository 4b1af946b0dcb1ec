//! The one seam between Seaworthy and the world.
//!
//! Everything that can answer differently twice goes through [`Network`]: streams, clocks, random numbers,
//! tasks, names. `CompioNetwork` answers with io_uring or epoll and the system clock, `SimNetwork` (crate
//! `seaworthy-sim`) with a simulated wire, virtual time and a seed.
//!
//! Buffers are owned by the operation while it runs, as completion-based I/O needs, and are handed back with
//! its result. **Dropping the future of an operation that was polled leaves its outcome unknown**: a read may
//! have taken bytes off the stream, a write may have sent any prefix. Whoever drops one must stop using the
//! stream (see [`PoisonGuard`](crate::PoisonGuard)).

#[cfg(feature = "compio")]
mod compio;

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};

use crate::{Doorbell, Endpoint, Instant, StreamOptions};

#[cfg(feature = "compio")]
pub use self::compio::{CompioListener, CompioNetwork, CompioStream, Driver, runtime};

/// A host's view of the network, its clock and its executor. Cloning it is cheap and gives the same host.
///
/// Implementations are single-threaded: futures need not be `Send`, and a task runs on the thread that
/// spawned it.
pub trait Network: Clone + 'static {
    /// A connected byte stream.
    type Stream: Stream;
    /// A bound, listening endpoint.
    type Listener: Listener<Stream = Self::Stream>;

    /// The current time. Never goes backwards.
    fn now(&self) -> Instant;

    /// Completes once [`now`](Self::now) has reached `deadline`; at once if it has already.
    ///
    /// Sleepers with different deadlines wake in the order of their deadlines. Cancel-safe.
    fn sleep_until(&self, deadline: Instant) -> impl Future<Output = ()> + 'static;

    /// Completes after `duration`; at once if it is zero. Cancel-safe.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + 'static {
        self.sleep_until(self.now() + duration)
    }

    /// Runs `task` on this host until it completes or the host ends.
    ///
    /// `name` says what the task does, in traces and in the report of a panic. A panic of the task is never
    /// swallowed: the simulator fails the run, `CompioNetwork` reports it and lets the process's panic policy
    /// decide.
    fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + 'static);

    /// A random number, uniform over all of `u64`. In a simulation it follows from the seed.
    fn random(&self) -> u64;

    /// Fills `secret` with random bytes that nobody can predict, for keys and nonces: see
    /// [`SecretRandom`](crate::SecretRandom). From the operating system, never from the generator behind
    /// [`random`](Self::random); in a simulation they follow from the seed, and drawing them moves no other draw.
    ///
    /// # Errors
    /// The operating system has none to give.
    fn fill_secret(&self, secret: &mut [u8]) -> io::Result<()>;

    /// Whether time passes while a task runs, so that it may see what other threads do meanwhile. In a simulation
    /// nothing happens until a task waits.
    fn has_other_threads(&self) -> bool {
        false
    }

    /// The runtime in which [`spawn`](Self::spawn) would spawn a task now.
    ///
    /// # Errors
    /// There is none, so that nothing could be spawned. The text says what to do.
    fn runtime(&self) -> io::Result<RuntimeId> {
        Ok(RuntimeId::ONLY)
    }

    /// Whether tasks of that runtime run while a task waits that runs here. Not so when it has ended, or when the
    /// waiting task runs in another.
    fn serves(&self, _runtime: RuntimeId) -> bool {
        true
    }

    /// By what tasks of the present runtime are to be woken from other threads. `None` where there are none.
    ///
    /// # Errors
    /// As [`runtime`](Self::runtime), or the system has no file descriptor left.
    fn doorbell(&self) -> io::Result<Option<Arc<Doorbell>>> {
        Ok(None)
    }

    /// Opens a stream to `endpoint`, resolving its host name if it has one.
    ///
    /// Cancel-safe in the sense that a dropped attempt leaves no stream behind.
    ///
    /// # Errors
    /// - [`ConnectionRefused`](io::ErrorKind::ConnectionRefused): nobody listens there.
    /// - [`TimedOut`](io::ErrorKind::TimedOut), [`HostUnreachable`](io::ErrorKind::HostUnreachable): no answer.
    /// - [`NotFound`](io::ErrorKind::NotFound): the name does not resolve, or the ipc path does not exist.
    fn connect(
        &self,
        endpoint: &Endpoint,
        options: &StreamOptions,
    ) -> impl Future<Output = io::Result<Self::Stream>> + 'static;

    /// Listens at `endpoint`. Port 0 lets the network choose one: see [`Listener::local_endpoint`].
    ///
    /// A stale ipc socket file, one nobody listens on, is replaced.
    ///
    /// # Errors
    /// - [`AddrInUse`](io::ErrorKind::AddrInUse): somebody listens there.
    /// - [`AddrNotAvailable`](io::ErrorKind::AddrNotAvailable): not an address of this host.
    fn listen(&self, endpoint: &Endpoint, options: &StreamOptions) -> io::Result<Self::Listener>;
}

/// Names one runtime of a process among all that ever were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuntimeId(u64);

impl RuntimeId {
    /// Of a network that has one only.
    pub const ONLY: Self = Self(0);

    /// Of another than all before.
    #[expect(clippy::new_without_default, reason = "each is another")]
    pub fn new() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Self(LAST.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

/// A bound endpoint that accepts streams. Dropping it frees the endpoint (and removes an ipc socket file).
pub trait Listener: 'static {
    /// The streams it accepts.
    type Stream: Stream;

    /// Where it listens, with the wildcard or ephemeral port resolved.
    fn local_endpoint(&self) -> Endpoint;

    /// Waits for the next stream. Cancel-safe: a dropped accept loses no stream that was established,
    /// as far as the system allows.
    ///
    /// # Errors
    /// Errors of a single attempt and lack of file descriptors are reported; the listener stays usable.
    fn accept(&self) -> impl Future<Output = io::Result<Self::Stream>>;

    /// Stops listening and frees the endpoint: when this returns, it can be bound again. Connections that nobody has
    /// accepted are reset. An accept under way, and every later one, fails.
    fn close(&self);
}

/// What a stream knows of the system at its other end, which answers whether or not the program there reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reachability {
    /// Something that was written has not reached the program at the other end, as far as can be seen: its system has
    /// not acknowledged it, or has, and says by its receive window that the program leaves much unread.
    pub undelivered: bool,
    /// For how long the other end's system has been silent, if it owes an answer; `None` if it owes none.
    pub unanswered: Option<Duration>,
    /// How long ago the other end's system last gave a sign; `None` if that is not known.
    pub last_sign: Option<Duration>,
}

/// A connected, ordered byte stream.
///
/// One read and one write may be in flight at the same time; two reads or two writes may not.
pub trait Stream: 'static {
    /// Reads into the spare capacity of `buffer`, behind what it already holds, and gives back how many bytes
    /// came; 0 is the end of the stream. `buffer` must have spare capacity.
    ///
    /// Not cancel-safe: bytes that had arrived may be lost with the dropped future.
    fn read(&self, buffer: BytesMut) -> impl Future<Output = (io::Result<usize>, BytesMut)>;

    /// Completes once a [`read`](Self::read) would not wait: bytes have arrived, or the stream has ended or broken,
    /// which that read returns. It holds no buffer meanwhile. It may complete too early. Not while a read is in flight.
    ///
    /// Cancel-safe.
    fn readable(&self) -> impl Future<Output = ()> {
        std::future::ready(())
    }

    /// A hint: from now on, a read need not end before so many bytes have come, unless the stream ends. One to begin
    /// with. Only for who knows that they will come, and can do nothing with fewer. A network may ignore it.
    fn set_rcvlowat(&self, _bytes: usize) {}

    /// Writes a prefix of the concatenation of `segments`, at least one byte when there is one, and gives back
    /// its length together with the untouched segments.
    ///
    /// Not cancel-safe: any prefix may have been sent.
    fn write(&self, segments: Vec<Bytes>) -> impl Future<Output = (io::Result<usize>, Vec<Bytes>)>;

    /// Ends the sending direction after what was written: the peer reads the end of the stream. Reading goes on.
    fn shutdown(&self) -> impl Future<Output = io::Result<()>>;

    /// Ends both directions now, without ceremony: the peer sees a reset where the transport has one. What was
    /// written and not yet received may be lost. Dropping a stream closes it in an orderly way instead.
    fn reset(&self);

    /// What is known of the other end beyond the bytes that come from it, for a holder that does not read or cannot
    /// write. `None`, as by default, when the network cannot tell.
    fn reachability(&self) -> Option<Reachability> {
        None
    }

    /// Where the peer is, for humans: an address, a path or a host name.
    fn peer_address(&self) -> String;
}
