//! What a proxy of a scenario is told.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::socket::SocketKind;
use seaworthy_sim::script::draw::Draw;
use seaworthy_sim::script::quantity::{Count, Span};
use seaworthy_sim::words;

/// With the role `proxy`: the other sockets of the proxy whose frontend the workload's socket is, and its mode. All of
/// them are on one host. A `stall` of the frontend is a PAUSE, and its end a RESUME.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProxyPlan {
    /// The socket on the other side; the frontend itself for a proxy of one socket.
    pub backend: String,
    /// The socket that gets a copy of everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capture: Option<String>,
    /// Which direction comes first. Default fair.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<ProxyMode>,
    /// Messages that a direction moves at most in one turn. Default 64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<Draw<Count>>,
    /// Messages that a direction goes on receiving while one waits for room. Default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<Draw<Count>>,
    /// The future of the proxy is dropped each time it was polled so often, at least 2, and made anew. Default never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drop_after_polls: Option<Draw<Count>>,
    /// The proxy gets a TERMINATE each time this long has passed, at least 10 ms, has to end before the next, and is run
    /// again. Default never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminate_every: Option<Draw<Span>>,
}

words! {
    /// Which direction a proxy serves when both have something to move.
    pub enum ProxyMode {
        /// Each in turn.
        Fair = "fair",
        /// What the frontend received.
        BiasedFrontend = "biased-frontend",
        /// What the backend received.
        BiasedBackend = "biased-backend",
    }
}

/// Whether a proxy can stand between two sockets of these types.
pub(super) fn forwards(frontend: SocketKind, backend: SocketKind) -> bool {
    use SocketKind::{Dealer, Pair, Pub, Pull, Push, Router, Sub, XPub, XSub};
    matches!(
        (frontend, backend),
        (Router | Dealer, Router | Dealer)
            | (Pull, Push)
            | (Push, Pull)
            | (XSub, XPub)
            | (XPub, XSub)
            | (Sub, Pub)
            | (Pair, Pair)
    )
}
