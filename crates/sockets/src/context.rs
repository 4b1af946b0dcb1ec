//! What sockets of one program share: a network.

use seaworthy_core::Network;

#[cfg(feature = "compio")]
use seaworthy_core::CompioNetwork;

/// The owner of what sockets share. Cloning it is cheap and gives the same context.
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
}

/// The owner of what sockets share. Cloning it is cheap and gives the same context.
#[cfg(not(feature = "compio"))]
#[derive(Clone, Debug)]
pub struct Context<N: Network> {
    network: N,
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
    pub const fn with_network(network: N) -> Self {
        Self { network }
    }

    /// The network.
    pub const fn network(&self) -> &N {
        &self.network
    }
}
