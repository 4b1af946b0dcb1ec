//! What a scenario file can say.
//!
//! These types are the file format: their documentation becomes the JSON Schema of `seaworthy schema`, and
//! what they cannot express does not exist. A *group* is a host or socket with a `count`; wherever a name is
//! asked for, a group's name means all of its members and `group-2` means one.

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::draw::{Draw, Series};
use super::options::SocketOptions;
use super::quantity::{Bandwidth, ByteCount, Count, Probability, Span};
use crate::Sighting;

/// One scenario: hosts and links, sockets and what they do, faults, and what is expected of it all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Short name, the same as the file's.
    pub name: String,
    /// What the scenario proves, in one sentence.
    pub description: String,
    /// How long the scripted part lasts, in simulated time. All faults begin within it.
    pub duration: Span,
    /// The seed that decides all ranges and all chance of the network. Default 1.
    #[serde(default = "default_seed")]
    pub seed: u64,
    /// In a resolved scenario: on what it ran when it was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<CarrierName>,
    /// What every link is like unless a `[[link]]` says otherwise.
    #[serde(default, skip_serializing_if = "LinkModel::is_default")]
    pub network: LinkModel,
    /// The machines.
    pub host: Vec<Host>,
    /// Links that differ from `[network]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub link: Vec<Link>,
    /// The sockets.
    pub socket: Vec<Socket>,
    /// What the sockets do.
    pub workload: Vec<Workload>,
    /// What goes wrong, and when.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fault: Vec<Fault>,
    /// What is expected beyond the checks that always apply.
    #[serde(default, skip_serializing_if = "Expect::is_default")]
    pub expect: Expect,
}

/// What carries the simulated packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CarrierName {
    /// turmoil's hosts and links, at its ticks of simulated time.
    Turmoil,
    /// One executor that jumps from event to event.
    Warp,
}

/// A machine, or `count` alike named `name-1`, `name-2`, ….
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Host {
    /// Name, of letters, digits and `-`; also what `tcp://name:port` resolves.
    pub name: String,
    /// How many. Left out: one, with just this name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
}

/// The properties of one direction of a link. What is left out is perfect: no loss, no limit, 1 ms of latency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkModel {
    /// Time a packet travels. Default 1 ms, which is also the least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<Draw<Span>>,
    /// Added to the latency of each packet: uniform from zero to this. Packets keep their order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter: Option<Draw<Span>>,
    /// Bits per second; packets queue for it. Default: unlimited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bandwidth: Option<Draw<Bandwidth>>,
    /// Chance that a packet is lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<Draw<Probability>>,
    /// Chance that a packet arrives twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duplicate: Option<Draw<Probability>>,
    /// Chance that a packet is 10 ms late, so that later ones may overtake it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reorder: Option<Draw<Probability>>,
}

/// A link that differs from `[network]`: `between` two hosts in both directions, or one-way `from` and `to`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// Two hosts or groups: both directions of every pair.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub between: Option<[String; 2]>,
    /// With `to`: one direction, from this host or group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// With `from`: one direction, to this host or group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Time a packet travels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<Draw<Span>>,
    /// Added to the latency of each packet: uniform from zero to this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter: Option<Draw<Span>>,
    /// Bits per second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bandwidth: Option<Draw<Bandwidth>>,
    /// Chance that a packet is lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<Draw<Probability>>,
    /// Chance that a packet arrives twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duplicate: Option<Draw<Probability>>,
    /// Chance that a packet is 10 ms late, so that later ones may overtake it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reorder: Option<Draw<Probability>>,
}

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
    /// Endpoints it binds: `tcp://*:5555`, `ipc://name`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bind: Vec<String>,
    /// Endpoints it connects to: `tcp://host:5555` (a group: every member), `ipc://name` on its own host.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub connect: Vec<String>,
    /// SUB: the prefixes it subscribes to from the start. `""` is everything.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subscribe: Vec<String>,
    /// Socket options, by libzmq's names.
    #[serde(default, skip_serializing_if = "SocketOptions::is_default")]
    pub options: SocketOptions,
}

/// The socket types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum SocketKind {
    /// Spreads messages over its peers.
    Push,
    /// Takes messages from all of its peers.
    Pull,
    /// Spreads and takes.
    Dealer,
    /// Addresses each peer by its identity.
    Router,
    /// Asks, then waits for the answer.
    Req,
    /// Answers, one request at a time.
    Rep,
    /// Sends to all who subscribed.
    Pub,
    /// Receives what it subscribed to.
    Sub,
}

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
}

/// The things a socket can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// PUSH, DEALER, ROUTER, PUB: sends `count` messages.
    Send,
    /// PULL, DEALER, ROUTER, SUB: receives until the end.
    Receive,
    /// REQ: sends `count` requests, each after the reply to the one before.
    Request,
    /// REP, ROUTER: answers every message with its own frames until the end.
    Reply,
    /// SUB: adds the prefixes in `topics` at `start`.
    Subscribe,
    /// SUB: takes the prefixes in `topics` away at `start`.
    Unsubscribe,
}

/// Something that goes wrong at a time: exactly one of the keys that name a fault.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// When it begins, after the start of the scenario.
    pub at: Draw<Span>,
    /// How long it lasts. Left out: until the scripted part ends and everything is healed.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub lasts: Option<Draw<Span>>,
    /// With `every`: how often it happens in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<Draw<Count>>,
    /// With `times`: from one beginning to the next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<Draw<Span>>,
    /// Packets between two hosts are lost, in both directions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut: Option<[String; 2]>,
    /// Packets from the first host to the second are lost; the way back works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut_oneway: Option<[String; 2]>,
    /// Packets between this host and all others are lost, in both directions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isolate: Option<String>,
    /// Packets between two hosts wait, and all arrive when the fault is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<[String; 2]>,
    /// The link between two hosts changes, in both directions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub degrade: Option<Degrade>,
    /// The process on this host dies; its kernel tells the peers. It starts again when the fault is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crash: Option<String>,
    /// This host loses power: silence. It starts again when the fault is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power_off: Option<String>,
    /// The process on this host stands still; its kernel goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<String>,
    /// The process on this host gets no more than so many bytes a second out of its kernel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slow_reader: Option<SlowReader>,
    /// The application stops reading from this socket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stall: Option<String>,
}

/// A host that reads slowly, below its sockets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SlowReader {
    /// The host or group.
    pub host: String,
    /// Bytes a second, over all of its streams.
    pub rate: Draw<ByteCount>,
}

/// How a link changes while a fault lasts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Degrade {
    /// The two hosts or groups.
    pub between: [String; 2],
    /// Time a packet travels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<Draw<Span>>,
    /// Added to the latency of each packet: uniform from zero to this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter: Option<Draw<Span>>,
    /// Bits per second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bandwidth: Option<Draw<Bandwidth>>,
    /// Chance that a packet is lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<Draw<Probability>>,
    /// Chance that a packet arrives twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duplicate: Option<Draw<Probability>>,
    /// Chance that a packet is 10 ms late, so that later ones may overtake it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reorder: Option<Draw<Probability>>,
}

/// What is expected beyond the checks that always apply.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// Which messages may get lost. Default `legal`.
    #[serde(default, skip_serializing_if = "LossRule::is_default")]
    pub loss: LossRule,
    /// How long after everything is healed each connected pair may take to exchange a message again.
    /// Default 10 s.
    #[serde(default = "default_progress", skip_serializing_if = "is_default_progress")]
    pub progress_within: Span,
    /// What must have happened for the run to prove anything, or must not have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub must: Vec<Must>,
    /// What some seed of a sweep must have come across, for `explore`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sometimes: Vec<Sighting>,
}

/// Which messages may get lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LossRule {
    /// Those that ZeroMQ's specifications allow to be lost.
    #[default]
    Legal,
    /// None.
    None,
}

/// An event that must be seen at a socket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Must {
    /// The socket or group; each member must.
    pub socket: String,
    /// The event.
    pub event: MustEvent,
    /// How often at least. Default 1, or 0 when only `at_most` is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<u64>,
    /// How often at most. Default: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<u64>,
    /// Count from this time on. Default: the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Span>,
    /// Count until this time. Default: the end of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Span>,
}

/// Events that an expectation can count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MustEvent {
    /// A send had to wait for room.
    Blocked,
    /// A message was taken by a send.
    Sent,
    /// A message was received.
    Received,
    /// A message that was sent was received nowhere it should have been.
    Lost,
    /// A handshake succeeded.
    Connected,
    /// A connection ended.
    Disconnected,
    /// A request was given up.
    Timeout,
}

/// The least latency of a link: one tick of turmoil.
pub const LATENCY_MIN: Duration = Duration::from_millis(1);

fn default_seed() -> u64 {
    1
}

fn default_progress() -> Span {
    Span(Duration::from_secs(10))
}

fn is_default_progress(span: &Span) -> bool {
    *span == default_progress()
}

impl LinkModel {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// `self` where it says something, `base` elsewhere.
    #[must_use]
    pub fn over(&self, base: &Self) -> Self {
        Self {
            latency: self.latency.or(base.latency),
            jitter: self.jitter.or(base.jitter),
            bandwidth: self.bandwidth.or(base.bandwidth),
            loss: self.loss.or(base.loss),
            duplicate: self.duplicate.or(base.duplicate),
            reorder: self.reorder.or(base.reorder),
        }
    }
}

impl Link {
    /// The properties without the ends.
    pub fn model(&self) -> LinkModel {
        LinkModel {
            latency: self.latency,
            jitter: self.jitter,
            bandwidth: self.bandwidth,
            loss: self.loss,
            duplicate: self.duplicate,
            reorder: self.reorder,
        }
    }
}

impl Degrade {
    /// The properties without the ends.
    pub fn model(&self) -> LinkModel {
        LinkModel {
            latency: self.latency,
            jitter: self.jitter,
            bandwidth: self.bandwidth,
            loss: self.loss,
            duplicate: self.duplicate,
            reorder: self.reorder,
        }
    }
}

impl Default for Expect {
    fn default() -> Self {
        Self {
            loss: LossRule::default(),
            progress_within: default_progress(),
            must: Vec::new(),
            sometimes: Vec::new(),
        }
    }
}

impl Expect {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl LossRule {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl SocketKind {
    /// Whether a handshake between the two types succeeds (RFC 37, socket types).
    pub fn can_talk_to(self, peer: Self) -> bool {
        use SocketKind::{Dealer, Pub, Pull, Push, Rep, Req, Router, Sub};
        matches!(
            (self, peer),
            (Push, Pull)
                | (Pull, Push)
                | (Pub, Sub)
                | (Sub, Pub)
                | (Req, Rep | Router)
                | (Rep, Req | Dealer)
                | (Dealer, Rep | Dealer | Router)
                | (Router, Req | Dealer | Router)
        )
    }

    /// Whether the type can play the role.
    pub fn can_play(self, role: Role) -> bool {
        use SocketKind::{Dealer, Pub, Pull, Push, Rep, Req, Router, Sub};
        match role {
            Role::Send => matches!(self, Push | Dealer | Router | Pub),
            Role::Receive => matches!(self, Pull | Dealer | Router | Sub),
            Role::Request => self == Req,
            Role::Reply => matches!(self, Rep | Router),
            Role::Subscribe | Role::Unsubscribe => self == Sub,
        }
    }

    /// Whether a full pipe makes it drop instead of wait.
    pub fn drops_when_full(self) -> bool {
        matches!(self, Self::Pub | Self::Router | Self::Rep)
    }
}

impl fmt::Display for SocketKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Push => "PUSH",
            Self::Pull => "PULL",
            Self::Dealer => "DEALER",
            Self::Router => "ROUTER",
            Self::Req => "REQ",
            Self::Rep => "REP",
            Self::Pub => "PUB",
            Self::Sub => "SUB",
        })
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Send => "send",
            Self::Receive => "receive",
            Self::Request => "request",
            Self::Reply => "reply",
            Self::Subscribe => "subscribe",
            Self::Unsubscribe => "unsubscribe",
        })
    }
}

impl fmt::Display for CarrierName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Turmoil => "turmoil",
            Self::Warp => "warp",
        })
    }
}

impl fmt::Display for MustEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Blocked => "blocked",
            Self::Sent => "sent",
            Self::Received => "received",
            Self::Lost => "lost",
            Self::Connected => "connected",
            Self::Disconnected => "disconnected",
            Self::Timeout => "timeout",
        })
    }
}
