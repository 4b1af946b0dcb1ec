//! What is known about the inproc endpoints of a context.

use seaworthy_core::Endpoint;
use seaworthy_core::inproc::Listed;
use seaworthy_core::pipe::{PipeStats, QueueDepth};
use seaworthy_zmtp::SocketType;

use super::{Names, PeerInfo};

/// An inproc endpoint that somebody has bound or connected to. What it tells was true a moment ago: other threads go
/// on meanwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InprocEndpoint {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// The type of the socket that has bound it; `None` while nobody has.
    pub bound: Option<SocketType>,
    /// A pipe for each connected socket, in the order they connected.
    pub pipes: Vec<InprocPipe>,
    /// How many of these wait to be taken by a socket that binds the endpoint.
    pub waiting: usize,
}

/// The pipe between two sockets of a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InprocPipe {
    /// The way from the connected socket to the bound one.
    pub to_bound: QueueDepth,
    /// The way from the bound socket to the connected one.
    pub to_connected: QueueDepth,
}

/// Every endpoint, in the order of the names.
pub(crate) fn list(names: &Names) -> Vec<InprocEndpoint> {
    names.list().into_iter().map(InprocEndpoint::from).collect()
}

impl From<Listed<PeerInfo, PipeStats>> for InprocEndpoint {
    fn from(listed: Listed<PeerInfo, PipeStats>) -> Self {
        let pipe = |stats: &PipeStats| InprocPipe { to_bound: stats.tx(), to_connected: stats.rx() };
        Self {
            endpoint: Endpoint::Inproc(listed.name),
            bound: listed.bound.map(|info| info.socket_type),
            pipes: listed.offers.iter().map(pipe).collect(),
            waiting: listed.waiting,
        }
    }
}
