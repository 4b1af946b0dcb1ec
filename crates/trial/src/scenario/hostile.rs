//! Peers that are no sockets: what a scenario says of hosts that speak raw TCP and mean ill.

use std::fmt;

use schemars::JsonSchema;
use seaworthy_core::Endpoint;
use serde::{Deserialize, Serialize};

use seaworthy_sim::script::draw::{Draw, Series};
use seaworthy_sim::script::quantity::{ByteCount, Count, Span};
use seaworthy_sim::words;

/// A peer that is no socket, on each member of `host`: it opens connections, or takes them, and plays a script on each.
/// Its host runs nothing else. It gives up, and resets what is open, when the scripted part is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hostile {
    /// Name, of letters, digits and `-`. Numbered when `host` is a group or there is a `count`.
    pub name: String,
    /// The host or group of hosts it runs on.
    pub host: String,
    /// How many on each host. Left out: one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Where it connects to: `tcp://host:5555`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connect: Option<String>,
    /// Where sockets find it: `tcp://*:5555`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listen: Option<String>,
    /// When it begins, after the start of the scenario. Default 0 s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Draw<Span>>,
    /// connect: how many connections it makes, one after the other. Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<Draw<Count>>,
    /// connect: pause between two of them. Default 0 s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<Draw<Span>>,
    /// It reads nothing of what it is sent. Default false.
    #[serde(default, skip_serializing_if = "is_false")]
    pub deaf: bool,
    /// It closes each connection after so many bytes of its own, wherever in the script that is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub close_at: Option<Series<ByteCount>>,
    /// It resets each connection after so many bytes of its own, wherever in the script that is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reset_at: Option<Series<ByteCount>>,
    /// How long a socket may keep a connection with it at most. Default: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dismissed_within: Option<Span>,
    /// How many bytes a socket may read from one connection with it at most. Default: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_at_most: Option<ByteCount>,
    /// What it does on each connection, in order. Afterwards it waits until the socket ends the connection.
    pub script: Vec<Action>,
}

/// One thing that a hostile peer does on a connection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Sends these bytes, in hexadecimal digits with spaces where you like.
    Send(Hex),
    /// Sends this text.
    Text(String),
    /// Sends so many bytes that follow from the seed.
    Garbage(Draw<ByteCount>),
    /// Sends a greeting.
    Greeting(Greeting),
    /// Sends a READY that claims to be a socket of this type, whatever it says.
    Ready(String),
    /// Sends the header of a frame of so many bytes, and nothing of the frame.
    Announce(u64),
    /// Sends frames of a message that has further ones, and never the last.
    More(Flood),
    /// Sends commands that nobody knows.
    Command(Flood),
    /// Sends PINGs; their `size` is that of the context.
    Ping(Flood),
    /// Sends SUBSCRIBEs to topics of which none is like another.
    Subscribe(Flood),
    /// From here on sends one byte at a time, and so long apart; `"0s"` ends that.
    Drip(Draw<Span>),
    /// Does nothing for a while.
    Wait(Draw<Span>),
    /// Ends the connection.
    End(End),
}

/// Many frames alike.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Flood {
    /// How many. Default 1.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub count: Draw<Count>,
    /// Bytes of each, beside its header. Default 16.
    #[serde(default = "sixteen", skip_serializing_if = "is_sixteen")]
    pub size: Draw<ByteCount>,
}

words! {
    /// The beginnings of a connection.
    pub enum Greeting {
        /// All 64 bytes of ZMTP 3.1 with the NULL mechanism.
        Valid = "valid",
        /// The first 11 bytes of them, and then nothing.
        Half = "half",
        /// As ZMTP 2.0 begins.
        Old = "old",
        /// A version that does not exist yet.
        Newer = "newer",
        /// Another mechanism.
        Curve = "curve",
    }
}

words! {
    /// How a hostile peer ends a connection.
    pub enum End {
        /// As one should.
        Close = "close",
        /// With a reset.
        Reset = "reset",
    }
}

/// Bytes, written as hexadecimal digits: `"ff 00 7f"`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Hex(pub Vec<u8>);

impl TryFrom<String> for Hex {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let digits: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
        let digit = |c: char| c.to_digit(16).and_then(|value| u8::try_from(value).ok());
        let byte = |pair: &[char]| match *pair {
            [high, low] => Some(digit(high)? << 4 | digit(low)?),
            _ => None,
        };
        let bytes: Option<Vec<u8>> = digits.chunks(2).map(byte).collect();
        bytes
            .map(Self)
            .ok_or_else(|| format!("{text:?} are no bytes: two hexadecimal digits for each, as \"ff 00\""))
    }
}

impl From<Hex> for String {
    fn from(hex: Hex) -> Self {
        let bytes: Vec<Self> = hex.0.iter().map(|byte| format!("{byte:02x}")).collect();
        bytes.join(" ")
    }
}

impl Hostile {
    /// Whether it listens, wherever it runs, at the port of `endpoint`.
    pub(super) fn listens_at(&self, endpoint: &Endpoint) -> bool {
        let listen = self.listen.as_ref().and_then(|text| text.parse().ok());
        matches!(
            (listen, endpoint),
            (Some(Endpoint::Tcp { port: here, .. }), Endpoint::Tcp { port, .. }) if here == *port
        )
    }

    /// This peer under the name of one of its members, with every range decided.
    #[must_use]
    pub(super) fn resolved(&self, name: &str, host: &str, seed: u64) -> Self {
        let place = |key: &str| format!("hostile.{name}.{key}");
        let script = self.script.iter().enumerate();
        Self {
            name: name.to_owned(),
            host: host.to_owned(),
            count: None,
            start: self.start.map(|start| start.resolved(seed, &place("start"))),
            times: self.times.map(|times| times.resolved(seed, &place("times"))),
            pause: self.pause.map(|pause| pause.resolved(seed, &place("pause"))),
            close_at: self.close_at.as_ref().map(|at| at.resolved(seed, &place("close_at"))),
            reset_at: self.reset_at.as_ref().map(|at| at.resolved(seed, &place("reset_at"))),
            script: script
                .map(|(at, action)| action.resolved(seed, &place(&format!("script.{at}"))))
                .collect(),
            ..self.clone()
        }
    }
}

impl Action {
    fn resolved(&self, seed: u64, place: &str) -> Self {
        let flood = |flood: &Flood| Flood {
            count: flood.count.resolved(seed, &format!("{place}.count")),
            size: flood.size.resolved(seed, &format!("{place}.size")),
        };
        match self {
            Self::Garbage(bytes) => Self::Garbage(bytes.resolved(seed, place)),
            Self::Drip(apart) => Self::Drip(apart.resolved(seed, place)),
            Self::Wait(span) => Self::Wait(span.resolved(seed, place)),
            Self::More(frames) => Self::More(flood(frames)),
            Self::Command(frames) => Self::Command(flood(frames)),
            Self::Ping(frames) => Self::Ping(flood(frames)),
            Self::Subscribe(frames) => Self::Subscribe(flood(frames)),
            decided => decided.clone(),
        }
    }

    /// The key that names it in a file.
    pub(super) const fn key(&self) -> &'static str {
        match self {
            Self::Send(_) => "send",
            Self::Text(_) => "text",
            Self::Garbage(_) => "garbage",
            Self::Greeting(_) => "greeting",
            Self::Ready(_) => "ready",
            Self::Announce(_) => "announce",
            Self::More(_) => "more",
            Self::Command(_) => "command",
            Self::Ping(_) => "ping",
            Self::Subscribe(_) => "subscribe",
            Self::Drip(_) => "drip",
            Self::Wait(_) => "wait",
            Self::End(_) => "end",
        }
    }
}

/// What a trace calls it.
impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.key();
        match self {
            Self::Send(hex) => write!(f, "{key} {} B", hex.0.len()),
            Self::Text(text) => write!(f, "{key} {text:?}"),
            Self::Garbage(bytes) => write!(f, "{key} {bytes}"),
            Self::Greeting(greeting) => write!(f, "{key} {greeting}"),
            Self::Ready(kind) => write!(f, "{key} {kind}"),
            Self::Announce(bytes) => write!(f, "{key} {bytes} B"),
            Self::More(flood) | Self::Command(flood) | Self::Ping(flood) | Self::Subscribe(flood) => {
                write!(f, "{key} {} times, {} each", flood.count, flood.size)
            }
            Self::Drip(span) | Self::Wait(span) => write!(f, "{key} {span}"),
            Self::End(end) => write!(f, "{end}"),
        }
    }
}

fn one() -> Draw<Count> {
    Count(1).into()
}

fn is_one(count: &Draw<Count>) -> bool {
    *count == one()
}

fn sixteen() -> Draw<ByteCount> {
    ByteCount(16).into()
}

fn is_sixteen(size: &Draw<ByteCount>) -> bool {
    *size == sixteen()
}

fn is_false(value: &bool) -> bool {
    !value
}
