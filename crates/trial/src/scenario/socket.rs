//! The sockets of a scenario.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::options::SocketOptions;
use seaworthy_sim::words;

/// A socket, on each member of `host`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Socket {
    /// Name, of letters, digits and `-`. Numbered when `host` is a group or there is a `count`.
    pub name: String,
    /// The host or group of hosts it runs on.
    pub host: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: SocketKind,
    /// How many on each host. Left out: one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Endpoints it binds: `tcp://*:5555`, `ipc://name`, `inproc://name`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bind: Vec<String>,
    /// Endpoints it connects to: `tcp://host:5555` (a group: every member), `ipc://name` and
    /// `inproc://name` on its own host.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub connect: Vec<String>,
    /// SUB, XSUB: the prefixes it subscribes to from the start. `""` is everything.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subscribe: Vec<String>,
    /// No socket, but a low-level `Connection` on one stream at a time, and another when it broke or was poisoned: PUSH,
    /// PULL or DEALER, which connects to one endpoint and either sends or receives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low_level: Option<bool>,
    /// Socket options, by libzmq's names.
    #[serde(default, skip_serializing_if = "SocketOptions::is_default")]
    pub options: SocketOptions,
}

impl Socket {
    /// Whether it is a low-level connection.
    pub fn is_low_level(&self) -> bool {
        self.low_level == Some(true)
    }
}

words! {
    /// The socket types.
    pub enum SocketKind {
        /// Spreads messages over its peers.
        Push = "PUSH",
        /// Takes messages from all of its peers.
        Pull = "PULL",
        /// Spreads and takes.
        Dealer = "DEALER",
        /// Addresses each peer by its identity.
        Router = "ROUTER",
        /// Asks, then waits for the answer.
        Req = "REQ",
        /// Answers, one request at a time.
        Rep = "REP",
        /// Sends to all who subscribed.
        Pub = "PUB",
        /// Receives what it subscribed to.
        Sub = "SUB",
        /// A PUB that hears of subscriptions, and what an XSUB sends.
        XPub = "XPUB",
        /// A SUB that sends, to all of its peers.
        XSub = "XSUB",
        /// Talks to one peer.
        Pair = "PAIR",
    }
}

impl SocketKind {
    /// Whether a handshake between the two types succeeds (RFC 37, socket types).
    pub fn can_talk_to(self, peer: Self) -> bool {
        use SocketKind::{Dealer, Pair, Pub, Pull, Push, Rep, Req, Router, Sub, XPub, XSub};
        matches!(
            (self, peer),
            (Push, Pull)
                | (Pull, Push)
                | (Pub | XPub, Sub | XSub)
                | (Sub | XSub, Pub | XPub)
                | (Pair, Pair)
                | (Req, Rep | Router)
                | (Rep, Req | Dealer)
                | (Dealer, Rep | Dealer | Router)
                | (Router, Req | Dealer | Router)
        )
    }

    /// Whether it sends by topic, to those who subscribed.
    pub fn publishes(self) -> bool {
        matches!(self, Self::Pub | Self::XPub)
    }

    /// Whether it subscribes to topics.
    pub fn subscribes(self) -> bool {
        matches!(self, Self::Sub | Self::XSub)
    }

    /// Whether what it sends goes to several peers, and to some of them perhaps not.
    pub fn distributes(self) -> bool {
        matches!(self, Self::Pub | Self::XPub | Self::XSub)
    }

    /// Whether a full pipe makes it drop instead of wait.
    pub fn drops_when_full(self) -> bool {
        matches!(self, Self::Router | Self::Rep) || self.distributes()
    }
}
