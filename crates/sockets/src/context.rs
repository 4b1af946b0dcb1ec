//! What sockets of one program share: a network, and the names under which they meet.

use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "compio")]
use seaworthy_core::CompioNetwork;
use seaworthy_core::pipe::MemoryBudget;
use seaworthy_core::{Instant, Network};
use seaworthy_zmtp::Verdict;

use crate::authentication::{AuthenticationRequest, Authenticator};
use crate::default_network::DefaultNetwork;
use crate::inproc::{InprocEndpoint, Names, list};
use crate::log::Log;
use crate::timer::{Interval, Sleep};

/// The owner of what sockets share. Clones are cheap and are the same context.
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
#[derive(Clone, Debug)]
pub struct Context<N: Network = DefaultNetwork> {
    network: N,
    names: Names,
    log: Log,
    budget: Option<Arc<MemoryBudget>>,
    authenticator: Option<Authenticator>,
}

#[cfg(feature = "compio")]
impl Context {
    /// A context on the real network. Its sockets must be made and used inside a compio runtime.
    pub fn new() -> Self {
        Self::with_network(CompioNetwork::new())
    }

    /// Prepares a context on the real network that is not like all others.
    ///
    /// ```
    /// let context = seaworthy::Context::builder().memory_budget(64 << 20).build();
    /// assert_eq!(context.memory_in_use(), Some(0));
    /// ```
    pub fn builder() -> ContextBuilder {
        Self::builder_with_network(CompioNetwork::new())
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
        Self::builder_with_network(network).build()
    }

    /// Prepares a context on any network.
    pub const fn builder_with_network(network: N) -> ContextBuilder<N> {
        ContextBuilder { network, memory_budget: 0, authenticator: None }
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

    /// Bytes that the sockets of this context keep, on all threads. `None` without a
    /// [memory budget](ContextBuilder::memory_budget): then they are not counted.
    pub fn memory_in_use(&self) -> Option<usize> {
        self.budget.as_ref().map(|budget| budget.in_use())
    }

    /// Bytes that they may keep; `None` for no limit.
    pub fn memory_budget(&self) -> Option<usize> {
        self.budget.as_ref().map(|budget| budget.limit())
    }

    pub(crate) const fn budget(&self) -> Option<&Arc<MemoryBudget>> {
        self.budget.as_ref()
    }

    pub(crate) const fn log(&self) -> &Log {
        &self.log
    }

    pub(crate) const fn authenticator(&self) -> Option<&Authenticator> {
        self.authenticator.as_ref()
    }

    pub(crate) const fn names(&self) -> &Names {
        &self.names
    }
}

/// Settings of a context. Made by [`Context::builder_with_network`], or by `Context::builder`.
#[derive(Clone, Debug)]
#[must_use]
pub struct ContextBuilder<N: Network = DefaultNetwork> {
    network: N,
    memory_budget: usize,
    authenticator: Option<Authenticator>,
}

impl<N: Network> ContextBuilder<N> {
    /// Bytes of messages that all sockets of the context may keep together, on all threads. 0 (default) = unlimited.
    ///
    /// Counted are messages in pipes, in both directions, on every transport, what was received and waits for room in a
    /// pipe, and the buffers of reads and writes under way, except the first 2 KiB of a connection and the buffer of one
    /// that has been quiet for a second. A message counts as for
    /// [`sndhwm_bytes`](crate::Options#structfield.sndhwm_bytes), so that the memory kept is within a factor of two of
    /// what is counted. Messages that the application has received are not counted, nor is the beginning of a message of
    /// several frames whose end has not arrived.
    ///
    /// At the budget every pipe that holds something is at its high-water mark: reading from its peer stops, and `send`
    /// waits, drops or fails as the socket's type says. A pipe that holds nothing still takes one message, so that no
    /// message waits for memory that only its own progress would free. So use may pass the budget by one message for each
    /// pipe, by what a connection has read already, and by an eighth for what is read ahead of full pipes to answer
    /// heartbeats. Pipes that wait for memory go on once a thirty-second of the budget is free, those that have waited
    /// longest first.
    pub const fn memory_budget(mut self, bytes: usize) -> Self {
        self.memory_budget = bytes;
        self
    }

    /// Sets the callback that decides which peers may connect to the sockets of this context. It replaces a handler
    /// socket at [`ZAP_ENDPOINT`](crate::authentication::ZAP_ENDPOINT): see [`zap_domain`](crate::Options#structfield.zap_domain).
    /// It is called on the thread of the socket, which waits for it.
    ///
    /// ```
    /// use seaworthy::Context;
    /// use seaworthy::authentication::{Refusal, Verdict};
    /// use seaworthy::curve::CurvePublicKey;
    ///
    /// let ann: CurvePublicKey = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7".parse().unwrap();
    /// let context = Context::builder()
    ///     .authenticator(move |request| match request.credentials.curve() {
    ///         Some(key) if key == ann => Verdict::admitted(),
    ///         _ => Verdict::Refused(Refusal::Denied),
    ///     })
    ///     .build();
    /// ```
    pub fn authenticator(
        mut self,
        answer: impl Fn(&AuthenticationRequest) -> Verdict + Send + Sync + 'static,
    ) -> Self {
        self.authenticator = Some(Authenticator::new(answer));
        self
    }

    /// The context.
    pub fn build(self) -> Context<N> {
        let budget = (self.memory_budget > 0).then(|| Arc::new(MemoryBudget::new(self.memory_budget)));
        let (names, log) = (Names::new(), Log::default());
        Context { network: self.network, names, log, budget, authenticator: self.authenticator }
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
