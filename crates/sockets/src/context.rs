//! What sockets of one program share: a network, and the names under which they meet.

use std::time::Duration;

use seaworthy_core::{Instant, Network};

#[cfg(feature = "compio")]
use seaworthy_core::CompioNetwork;

use crate::inproc::{InprocEndpoint, Names, list};
use crate::log::Log;
use crate::timer::{Interval, Sleep};

/// The owner of what sockets share. Cloning it is cheap and gives the same context.
///
/// On the real network a context may be shared by threads, each with a runtime of its own. A socket is made on the
/// thread that uses it; sockets on any of them meet at `inproc://` endpoints, whose names belong to the context.
///
/// ```no_run
/// # async fn doc() -> Result<(), seaworthy::Error> {
/// use seaworthy::{Context, PullSocket};
/// let context = Context::new();
/// let pull = PullSocket::new(&context)?;
/// # Ok(()) }
/// ```
#[cfg(feature = "compio")]
#[derive(Clone, Debug)]
pub struct Context<N: Network = CompioNetwork> {
    network: N,
    names: Names,
    log: Log,
}

/// The owner of what sockets share. Cloning it is cheap and gives the same context.
#[cfg(not(feature = "compio"))]
#[derive(Clone, Debug)]
pub struct Context<N: Network> {
    network: N,
    names: Names,
    log: Log,
}

#[cfg(feature = "compio")]
impl Context {
    /// A context on the real network. Its sockets must be made and used inside a compio runtime.
    pub fn new() -> Self {
        Self::with_network(CompioNetwork::new())
    }
}

#[cfg(feature = "compio")]
impl Default for Context {
    fn default() -> Self {
        Self::new()
    }
}

impl<N: Network> Context<N> {
    /// A context on any network.
    pub fn with_network(network: N) -> Self {
        Self { network, names: Names::new(), log: Log::default() }
    }

    /// The network.
    pub const fn network(&self) -> &N {
        &self.network
    }

    /// Completes after `duration` on the network's clock, which in a simulation is virtual. Without pinning or fusing it
    /// can stand in `select_biased!` beside `recv` and `send`. Like all timers here it has to be awaited in a runtime.
    pub fn sleep(&self, duration: Duration) -> Sleep {
        self.sleep_until(self.network.now() + duration)
    }

    /// Completes once the network's clock has reached `deadline`; at once if it has already.
    pub fn sleep_until(&self, deadline: Instant) -> Sleep {
        Sleep::until(&self.network, deadline)
    }

    /// Ticks once each `period` from now on; a period shorter than a millisecond is taken for a millisecond.
    ///
    /// ```
    /// # #[compio::main]
    /// # async fn main() {
    /// use std::time::Duration;
    ///
    /// let context = seaworthy::Context::new();
    /// let mut interval = context.interval(Duration::from_millis(1));
    /// let first = interval.tick().await;
    /// assert!(interval.tick().await - first >= Duration::from_millis(1));
    /// # }
    /// ```
    pub fn interval(&self, period: Duration) -> Interval<N> {
        Interval::new(&self.network, period)
    }

    /// Every inproc endpoint that a socket of this context, on any thread, has bound or connected to.
    pub fn inproc_endpoints(&self) -> Vec<InprocEndpoint> {
        list(&self.names)
    }

    pub(crate) const fn log(&self) -> &Log {
        &self.log
    }

    pub(crate) const fn names(&self) -> &Names {
        &self.names
    }
}

#[cfg(all(test, feature = "compio"))]
mod tests {
    use super::*;

    #[test]
    fn a_context_on_the_real_network_may_be_shared_by_threads() {
        const fn shared_by_threads<T: Send + Sync + 'static>() {}
        const { shared_by_threads::<Context>() };
    }
}
