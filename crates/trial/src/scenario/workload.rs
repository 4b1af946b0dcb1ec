//! What the sockets of a scenario do.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::proxy::ProxyPlan;
use super::socket::SocketKind;
use seaworthy_sim::script::draw::{Draw, Series};
use seaworthy_sim::script::quantity::{ByteCount, Count, Span};
use seaworthy_sim::words;

/// What a socket does, once for each member when `socket` names a group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Workload {
    /// The socket or group of sockets.
    pub socket: String,
    /// What it does.
    pub role: Role,
    /// send, request: how many messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<Draw<Count>>,
    /// When it begins, after the start of the scenario. Default 0 s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Draw<Span>>,
    /// Pause: after each message sent or received, before each reply. Default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Draw<Span>>,
    /// send, request: bytes of each frame of payload, at least 24 (what the checks need). Default 64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<Series<ByteCount>>,
    /// send, request: frames of payload in each message. Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parts: Option<Series<Count>>,
    /// send on PUB: topics in turn, each a frame before the payload. subscribe, unsubscribe: the prefixes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub topics: Vec<String>,
    /// send on ROUTER: the sockets addressed in turn, by their `routing_id`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub to: Vec<String>,
    /// request: give up on a reply after this long and ask again (needs `req_relaxed`). Default: wait for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Draw<Span>>,
    /// proxy: the other sockets of the proxy, and its mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<ProxyPlan>,
}

words! {
    /// The things a socket can do.
    pub enum Role {
        /// PUSH, DEALER, ROUTER, PUB: sends `count` messages.
        Send = "send",
        /// PULL, DEALER, ROUTER, SUB: receives until the end.
        Receive = "receive",
        /// REQ: sends `count` requests, each after the reply to the one before.
        Request = "request",
        /// REP, ROUTER: answers every message with its own frames until the end.
        Reply = "reply",
        /// SUB: adds the prefixes in `topics` at `start`.
        Subscribe = "subscribe",
        /// SUB: takes the prefixes in `topics` away at `start`.
        Unsubscribe = "unsubscribe",
        /// All but REQ and REP: is the frontend of a proxy until the end.
        Proxy = "proxy",
    }
}

impl Role {
    /// Whether a socket of this type can play it.
    pub fn can_be_played_by(self, kind: SocketKind) -> bool {
        use SocketKind::{Dealer, Pair, Pub, Pull, Push, Rep, Req, Router, Sub, XPub, XSub};
        match self {
            Self::Send => matches!(kind, Push | Dealer | Router | Pub | XPub | XSub | Pair),
            Self::Receive => matches!(kind, Pull | Dealer | Router | Sub | XPub | XSub | Pair),
            Self::Request => kind == Req,
            Self::Reply => matches!(kind, Rep | Router),
            Self::Subscribe | Self::Unsubscribe => kind.subscribes(),
            Self::Proxy => !matches!(kind, Req | Rep),
        }
    }
}
